//! Explicit bounds checks, as `translate/memory.rs` makes them.

use super::{Ranges, value, view};
use crate::plan::Plan;
use crate::translate::trap;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I32;
use cranelift_codegen::ir::{Function, Inst, InstructionData, Opcode, Value};

/// A trap unless `index + bytes` is at most the memory's length.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// The `trapnz`.
    pub inst: Inst,
    pub memory: u32,
    /// 64 bits.
    pub index: Value,
    pub bytes: u64,
    /// None where it is a constant: the declared minimum.
    pub length: Option<Value>,
    /// Of 64-bit indexes: the addition, which may trap itself, and the comparison, both made for this check alone.
    pub sum: Option<[Inst; 2]>,
}

impl Check {
    /// The check that an instruction is, if it is one.
    pub fn of(func: &Function, plan: &Plan, inst: Inst) -> Option<Check> {
        let InstructionData::CondTrap { opcode: Opcode::Trapnz, arg, code } = func.dfg.insts[inst] else { return None };
        let memory = trap::checked_memory(code)?;
        let (x, y) = compared(func, arg)?;
        if let Some(last) = value::constant(func, y) {
            let least = plan.memories[memory as usize].least_bytes();
            let bytes = least.checked_sub(last as u64)?;
            return Some(Check { inst, memory, index: x, bytes, length: None, sum: None });
        }
        if view::length_of(func, plan, y) != Some(memory) {
            return None;
        }
        let sum = value::defining(func, x)?;
        let (index, bytes, sum) = match func.dfg.insts[sum] {
            InstructionData::Binary { opcode: Opcode::Iadd, args: [index, bytes] } => (index, bytes, None),
            InstructionData::IntAddTrap { opcode: Opcode::UaddOverflowTrap, args: [index, bytes], .. } => {
                (index, bytes, Some([value::defining(func, arg)?, sum]))
            }
            _ => return None,
        };
        let bytes = value::constant(func, bytes)? as u64;
        // Without a trap of its own the sum is exact: of a number of 32 bits and a constant that is not much larger.
        let exact = sum.is_some() || (bytes < 1 << 33 && narrow(func, index).is_some());
        exact.then_some(Check { inst, memory, index: func.dfg.resolve_aliases(index), bytes, length: Some(y), sum })
    }

    /// A check as `checks` leaves them in loops: of the index with a limit, which is then the `length`.
    pub fn of_limit(func: &Function, plan: &Plan, inst: Inst) -> Option<Check> {
        if let Some(check) = Check::of(func, plan, inst).filter(|check| check.length.is_none()) {
            return Some(check);
        }
        let InstructionData::CondTrap { opcode: Opcode::Trapnz, arg, code } = func.dfg.insts[inst] else { return None };
        let memory = trap::checked_memory(code)?;
        let (index, limit) = compared(func, arg)?;
        let (Opcode::Smin, [difference, _]) = value::binary(func, limit)? else { return None };
        let (Opcode::Isub, [length, bytes]) = value::binary(func, difference)? else { return None };
        let bytes = value::constant(func, bytes)? as u64;
        (view::length_of(func, plan, length) == Some(memory)).then_some(Check {
            inst,
            memory,
            index,
            bytes,
            length: Some(limit),
            sum: None,
        })
    }

    /// The 32-bit number that the index is.
    pub fn narrow_index(&self, func: &Function) -> Option<Value> {
        match narrow(func, self.index)? {
            Narrow::Extended(value) => Some(value),
            Narrow::Loaded => None,
        }
    }

    /// The greatest index that is inside a memory that is never shorter than its declared minimum, if any is.
    pub fn least(plan: &Plan, memory: u32, bytes: u64) -> Option<u64> {
        plan.memories[memory as usize].least_bytes().checked_sub(bytes)
    }

    /// True if the index is inside whatever happens.
    pub fn always_passes(&self, func: &Function, plan: &Plan, ranges: &mut Ranges<'_>) -> bool {
        let Some(least) = Check::least(plan, self.memory, self.bytes) else { return false };
        match (value::constant(func, self.index), self.narrow_index(func)) {
            (Some(index), _) => index as u64 <= least,
            (None, Some(index)) => ranges.of(func, index).high() <= least,
            (None, None) => false,
        }
    }

    /// What is compared: a value, and how far from it the access ends.
    pub fn end(&self, func: &Function, ranges: &mut Ranges<'_>) -> (Value, u64) {
        let Some(index) = self.narrow_index(func) else { return (self.index, self.bytes) };
        let (root, sum) = value::linear(func, index);
        let exact = ranges.of(func, root).adds_exactly(super::Range::exact(sum.into()));
        if exact { (root, self.bytes + u64::from(sum)) } else { (index, self.bytes) }
    }
}

/// The sides of a condition `x > y`.
fn compared(func: &Function, condition: Value) -> Option<(Value, Value)> {
    match func.dfg.insts[value::defining(func, condition)?] {
        InstructionData::IntCompare { cond: IntCC::UnsignedGreaterThan, args: [x, y], .. } => {
            Some((func.dfg.resolve_aliases(x), func.dfg.resolve_aliases(y)))
        }
        _ => None,
    }
}

enum Narrow {
    Extended(Value),
    Loaded,
}

fn narrow(func: &Function, index: Value) -> Option<Narrow> {
    let inst = value::defining(func, index)?;
    if let Some(value) = value::unary(func, index, Opcode::Uextend) {
        return (func.dfg.value_type(value) == I32).then_some(Narrow::Extended(value));
    }
    (func.dfg.insts[inst].opcode() == Opcode::Uload32).then_some(Narrow::Loaded)
}
