//! Globals: constants, slots of the context, or slots of other instances.

use super::base::{Region, offset_below};
use super::function::Translator;
use super::signature::value_type;
use super::simd::V128;
use crate::plan::GlobalPlan;
use cranelift_codegen::ir::types::{F32, F64, I64};
use cranelift_codegen::ir::{InstBuilder, Type, Value};

impl Translator<'_, '_> {
    pub fn global_get(&mut self, index: u32) {
        let value = self.global_value(index);
        if self.env.plan.checked_globals.contains(&index) {
            self.check_from_c(value, self.env.module.globals[index as usize].ty);
        }
        self.push(value);
    }

    /// The value of a global.
    pub fn global_value(&mut self, index: u32) -> Value {
        let ty = value_type(self.env.module.globals[index as usize].ty);
        match self.env.plan.globals[index as usize] {
            GlobalPlan::Constant(bits) => self.constant(ty, bits),
            GlobalPlan::Slot(distance) => self.load_context(ty, distance, Region::Global(index)),
            GlobalPlan::Imported(distance) => {
                let address = self.imported_global(distance);
                let flags = self.trusted(Region::ImportedGlobals);
                self.b.ins().load(ty, flags, address, 0)
            }
        }
    }

    pub fn global_set(&mut self, index: u32) {
        let value = self.pop();
        self.set_global(index, value);
    }

    /// Stores to a global.
    pub fn set_global(&mut self, index: u32, value: Value) {
        match self.env.plan.globals[index as usize] {
            GlobalPlan::Constant(_) => {}
            GlobalPlan::Slot(distance) => {
                let flags = self.trusted(Region::Global(index));
                let pinned = self.pinned();
                self.b.ins().store(flags, value, pinned, offset_below(distance));
            }
            GlobalPlan::Imported(distance) => {
                let address = self.imported_global(distance);
                let flags = self.trusted(Region::ImportedGlobals);
                self.b.ins().store(flags, value, address, 0);
            }
        }
    }

    fn imported_global(&mut self, distance: u32) -> Value {
        let flags = self.trusted(Region::Context).with_readonly();
        let pinned = self.pinned();
        self.b.ins().load(I64, flags, pinned, offset_below(distance))
    }

    /// A constant of a type from its bits.
    pub fn constant(&mut self, ty: Type, bits: u128) -> Value {
        match ty {
            V128 => self.vector_constant(V128, bits),
            F32 => self.b.ins().f32const(cranelift_codegen::ir::immediates::Ieee32::with_bits(bits as u32)),
            F64 => self.b.ins().f64const(cranelift_codegen::ir::immediates::Ieee64::with_bits(bits as u64)),
            I64 => self.b.ins().iconst(ty, bits as i64),
            _ => self.iconst32(bits as u32),
        }
    }
}
