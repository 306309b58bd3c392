//! Locals: SSA values, or bytes of the frame where a function has thousands.

use super::base::Region;
use super::function::Translator;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{InstBuilder, StackSlot, StackSlotData, StackSlotKind, Type, Value};
use cranelift_frontend::Variable;

/// Where a local lives.
#[derive(Debug, Clone, Copy)]
pub enum Local {
    /// An SSA variable.
    Variable(Variable),
    /// Bytes of the frame.
    Frame(StackSlot, i32, Type),
}

impl Translator<'_, '_> {
    /// A new local; SSA variables begin with this value.
    pub fn declare_local(&mut self, ty: Type, value: Value) -> Local {
        if self.locals.len() < self.ssa_locals {
            let variable = self.b.declare_var(ty);
            self.b.def_var(variable, value);
            return Local::Variable(variable);
        }
        let slot = match self.frame_locals {
            Some(slot) => slot,
            None => {
                let data = StackSlotData::new(StackSlotKind::ExplicitSlot, 0, 4);
                *self.frame_locals.insert(self.b.create_sized_stack_slot(data))
            }
        };
        // At most 50,000 locals of 16 bytes.
        let data = &mut self.b.func.sized_stack_slots[slot];
        let size = ty.bytes().max(8);
        let offset = data.size.next_multiple_of(size);
        data.size = offset + size;
        Local::Frame(slot, offset as i32, ty)
    }

    /// Zeroes the locals in the frame: a loop, since a store for each would be a large function's larger half.
    pub fn clear_frame_locals(&mut self) {
        let Some(slot) = self.frame_locals else { return };
        let size = self.b.func.sized_stack_slots[slot].size;
        let base = self.b.ins().stack_addr(I64, slot, 0);
        let (zero, start) = (self.b.ins().iconst(I64, 0), self.b.ins().iconst(I64, 0));
        let (header, next) = (self.b.create_block(), self.b.create_block());
        let at = self.b.append_block_param(header, I64);
        self.b.ins().jump(header, &[start.into()]);
        self.switch_to(header);
        let address = self.b.ins().iadd(base, at);
        let flags = self.trusted(Region::Frame);
        self.b.ins().store(flags, zero, address, 0);
        let after = self.b.ins().iadd_imm_u(at, 8);
        let more = self.b.ins().icmp_imm_u(IntCC::UnsignedLessThan, after, i64::from(size));
        self.b.ins().brif(more, header, &[after.into()], next, &[]);
        self.b.seal_block(header);
        self.b.seal_block(next);
        self.switch_to(next);
    }

    pub fn local_get(&mut self, index: u32) {
        let value = match self.locals[index as usize] {
            Local::Variable(variable) => self.b.use_var(variable),
            Local::Frame(slot, offset, ty) => {
                let flags = self.trusted(Region::Frame);
                let address = self.b.ins().stack_addr(I64, slot, 0);
                self.b.ins().load(ty, flags, address, offset)
            }
        };
        self.push(value);
    }

    pub fn local_set(&mut self, index: u32) {
        let value = self.pop();
        self.set_local(self.locals[index as usize], value);
    }

    pub fn set_local(&mut self, local: Local, value: Value) {
        self.fresh_loads.remove(&value);
        match local {
            Local::Variable(variable) => self.b.def_var(variable, value),
            Local::Frame(slot, offset, _) => {
                let flags = self.trusted(Region::Frame);
                let address = self.b.ins().stack_addr(I64, slot, 0);
                self.b.ins().store(flags, value, address, offset);
            }
        }
    }

    pub fn local_tee(&mut self, index: u32) {
        let value = *self.stack.last().expect("the validator has seen the operand");
        self.local_set(index);
        self.push(value);
    }
}
