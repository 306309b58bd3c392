//! Immutable memories: their bytes never change once the instance is made, and neither does their length.
//!
//! A load at a constant address is a constant. Any other is pure: Cranelift may move it out of loops, and share it
//! across calls and stores. So it must be harmless wherever it ends up, also in front of the check that belongs to it:
//! its index is clamped to the memory.

use super::atomic;
use super::base::Region;
use super::check::Access;
use super::function::Translator;
use super::memory::memory_of;
use super::simd;
use crate::context::VIEW_BASE;
use crate::error::{Error, Result};
use crate::plan::ANY_MEMORY;
use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::types::{F32, F64, I8, I16, I32, I64};
use cranelift_codegen::ir::{InstBuilder, InstructionData, MemFlagsData, Opcode, Type, Value, ValueDef};
use wasmparser::{MemArg, Operator};

impl Translator<'_, '_> {
    /// The load, if its memory is immutable.
    pub fn immutable_load(&mut self, arg: &MemArg, opcode: Opcode, ty: Type, size: u32) -> bool {
        let memory = memory_of(arg);
        if memory == ANY_MEMORY || !self.env.plan.memories[memory as usize].immutable {
            return false;
        }
        let index = self.pop();
        let index = self.extend_index(index);
        if let Some(value) = self.known_load(index, arg, opcode, ty, size) {
            self.push(value);
            return true;
        }
        let access = Access { memory, index, offset: arg.offset, size, write: false };
        self.check_bounds(&access);
        let value = match self.clamped(&access) {
            Some(address) => self.pure_load(memory, address, opcode, ty),
            None => self.nothing(ty), // never reached
        };
        self.push(value);
        true
    }

    /// The value at a constant address.
    fn known_load(&mut self, index: Value, arg: &MemArg, opcode: Opcode, ty: Type, size: u32) -> Option<Value> {
        let address = constant(&self.b.func.dfg, index)?.checked_add(arg.offset)?;
        let plan = &self.env.plan.memories[memory_of(arg) as usize];
        let bytes = plan.image.as_ref()?.bytes(address, size, plan.minimum_bytes)?;
        let mut all = [0; 16];
        all[..bytes.len()].copy_from_slice(&bytes);
        let number = u128::from_le_bytes(all);
        let signed = |bits: u32| ((number << (128 - bits)) as i128 >> (128 - bits)) as i64;
        Some(match opcode {
            Opcode::Load if ty == I8 || ty == I16 => self.b.ins().iconst(ty, number as i64),
            Opcode::Load => self.constant(ty, number),
            Opcode::Uload8 | Opcode::Uload16 | Opcode::Uload32 => self.b.ins().iconst(ty, number as i64),
            Opcode::Sload8 | Opcode::Sload16 | Opcode::Sload32 if ty == I32 => {
                self.b.ins().iconst(ty, i64::from(signed(size * 8) as u32))
            }
            Opcode::Sload8 | Opcode::Sload16 | Opcode::Sload32 => self.b.ins().iconst(ty, signed(size * 8)),
            _ => return None, // loads that widen lanes
        })
    }

    /// The address of an access, which is inside the memory whatever the index is; none if there is no such address.
    fn clamped(&mut self, access: &Access) -> Option<Value> {
        let plan = &self.env.plan.memories[access.memory as usize];
        let (length, index64) = (plan.minimum_bytes, plan.index64);
        let last = length.checked_sub(access.offset.checked_add(access.size.into())?)?;
        let every_index_is_inside = !index64 && last >= u64::from(u32::MAX);
        let index = match constant(&self.b.func.dfg, access.index) {
            _ if every_index_is_inside => access.index,
            Some(index) if index <= last => access.index,
            _ => {
                let last = self.b.ins().iconst(I64, last as i64);
                self.b.ins().umin(access.index, last)
            }
        };
        let base = self.immutable_base(access.memory);
        let address = self.b.ins().iadd(base, index);
        Some(self.b.ins().iadd_imm_s(address, access.offset as i64)) // at most the length: no wrap
    }

    fn pure_load(&mut self, memory: u32, address: Value, opcode: Opcode, ty: Type) -> Value {
        let region = self.region(Region::Memory(memory));
        let flags = MemFlagsData::new().with_notrap().with_can_move().with_readonly();
        let flags = flags.with_endianness(cranelift_codegen::ir::Endianness::Little).with_alias_region(Some(region));
        // Only plain loads are pure to Cranelift.
        let (narrow, signed) = match opcode {
            Opcode::Uload8 => (I8, false),
            Opcode::Sload8 => (I8, true),
            Opcode::Uload16 => (I16, false),
            Opcode::Sload16 => (I16, true),
            Opcode::Uload32 => (I32, false),
            Opcode::Sload32 => (I32, true),
            Opcode::Load => return self.b.ins().load(ty, flags, address, 0),
            widening => {
                let flags = self.b.func.dfg.mem_flags.insert(flags).expect("few kinds of accesses");
                let (inst, dfg) = self.b.ins().Load(widening, ty, flags, 0.into(), address);
                return dfg.first_result(inst);
            }
        };
        let value = self.b.ins().load(narrow, flags, address, 0);
        if signed { self.b.ins().sextend(ty, value) } else { self.b.ins().uextend(ty, value) }
    }

    /// The memory's first byte, from the pinned register at the function's beginning: the same value everywhere.
    fn immutable_base(&mut self, memory: u32) -> Value {
        let pinned = self.entry_pinned();
        if memory == 0 && self.env.plan.base_pinned {
            return pinned;
        }
        let view = self.env.plan.layout.memory_view(memory) - VIEW_BASE as u32;
        let flags = self.trusted(Region::Context).with_readonly().with_can_move();
        self.b.ins().load(I64, flags, pinned, super::base::offset_below(view))
    }

    fn entry_pinned(&mut self) -> Value {
        if let Some(value) = self.entry_pinned {
            return value;
        }
        let entry = self.b.func.layout.entry_block().expect("a function that has begun");
        let mut cursor = FuncCursor::new(self.b.func).at_first_insertion_point(entry);
        let value = self.env.travel.instance(&mut cursor);
        *self.entry_pinned.insert(value)
    }

    /// Any value of a type.
    fn nothing(&mut self, ty: Type) -> Value {
        match ty {
            F32 | F64 | I64 | I32 => self.constant(ty, 0),
            I8 | I16 => self.b.ins().iconst(ty, 0),
            _ => self.vector_constant(ty, 0),
        }
    }

    /// An error if the instruction may change an immutable memory.
    pub fn check_writes(&self, op: &Operator<'_>, offset: usize) -> Result<()> {
        if !self.forbids_writes {
            return Ok(());
        }
        match changed_memory(op) {
            Some(memory) if self.env.plan.memories.get(memory as usize).is_some_and(|m| m.immutable) => {
                Err(Error::at(offset, format!("memory {memory} is immutable, but the code changes it")))
            }
            _ => Ok(()),
        }
    }
}

/// The value, if it is a constant or the extension of one.
pub fn constant(dfg: &cranelift_codegen::ir::DataFlowGraph, value: Value) -> Option<u64> {
    let ValueDef::Result(inst, _) = dfg.value_def(value) else { return None };
    match dfg.insts[inst] {
        InstructionData::UnaryImm { opcode: Opcode::Iconst, imm } => {
            let bits = dfg.value_type(value).bits();
            Some(imm.bits() as u64 & (u64::MAX >> (64 - bits)))
        }
        InstructionData::Unary { opcode: Opcode::Uextend, arg } => constant(dfg, arg),
        _ => None,
    }
}

/// The memory that an instruction writes to or resizes.
fn changed_memory(op: &Operator<'_>) -> Option<u32> {
    match op {
        Operator::I32Store { memarg }
        | Operator::I64Store { memarg }
        | Operator::F32Store { memarg }
        | Operator::F64Store { memarg }
        | Operator::I32Store8 { memarg }
        | Operator::I32Store16 { memarg }
        | Operator::I64Store8 { memarg }
        | Operator::I64Store16 { memarg }
        | Operator::I64Store32 { memarg } => Some(memory_of(memarg)),
        Operator::MemoryGrow { mem }
        | Operator::MemoryFill { mem }
        | Operator::MemoryDiscard { mem }
        | Operator::MemoryInit { mem, .. }
        | Operator::MemoryCopy { dst_mem: mem, .. } => Some(*mem),
        _ => atomic::written_memory(op).or_else(|| simd::written_memory(op)),
    }
}
