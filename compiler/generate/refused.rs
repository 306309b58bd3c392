//! Explicit checks of memories say which address they refused: each becomes a branch to cold code that stores it in the
//! context and traps.
//!
//! ```text
//!     trapnz v5, user64         brif v5, cold, next
//!     …                   →   next: …
//!                             cold: store address, pinned - TRAP_ADDRESS
//!                                   trap user64
//! ```
//!
//! This comes last, since Cranelift's optimizer merges equal `trapnz`, but not branches. It may have rewritten what is
//! compared, so the address is found from that: see [`Check`].

use crate::context::CONTEXT_TRAP_ADDRESS;
use crate::translate::{Check, Checks, Travel, constant, trap};
use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{
    Function, Inst, InstBuilder, InstructionData, MemFlagsData, Opcode, TrapCode, Value, ValueDef,
};
use std::collections::HashMap;

/// True if there were checks: blocks have changed then.
pub fn run(func: &mut Function, checks: &Checks, travel: Travel) -> bool {
    if checks.is_empty() {
        return false;
    }
    let all: Vec<Inst> = func.layout.blocks().flat_map(|block| func.layout.block_insts(block)).collect();
    let mut copies = None;
    let mut found = false;
    for inst in all {
        let Some(code) = trap_code(func, inst) else { continue };
        let check = checks.get(&inst).copied().or_else(|| {
            // Passes copy loops.
            let copies = copies.get_or_insert_with(|| by_place(func, checks));
            copies.get(&place(func, inst, code)).copied().flatten()
        });
        branch(func, inst, code, check, travel);
        found = true;
    }
    func.dfg.resolve_all_aliases();
    found
}

/// The code of an explicit check.
fn trap_code(func: &Function, inst: Inst) -> Option<TrapCode> {
    match func.dfg.insts[inst] {
        InstructionData::CondTrap { opcode: Opcode::Trapnz, code, .. } | InstructionData::IntAddTrap { code, .. } => {
            trap::names_address(code).then_some(code)
        }
        _ => None,
    }
}

/// An instruction of the wasm file, the code, and whether it is a comparison.
type Place = (u32, TrapCode, Opcode);

fn place(func: &Function, inst: Inst, code: TrapCode) -> Place {
    (func.srcloc(inst).bits(), code, func.dfg.insts[inst].opcode())
}

/// The checks by place; none where there are several.
fn by_place(func: &Function, checks: &Checks) -> HashMap<Place, Option<Check>> {
    let mut places = HashMap::new();
    for (&inst, &check) in checks {
        places.entry(place(func, inst, check.code)).and_modify(|other| *other = None).or_insert(Some(check));
    }
    places
}

fn branch(func: &mut Function, inst: Inst, code: TrapCode, check: Option<Check>, travel: Travel) {
    let next_inst = func.layout.next_inst(inst).expect("no check ends a block");
    let (bad, refused) = match func.dfg.insts[inst] {
        InstructionData::CondTrap { arg, .. } => {
            (arg, check.map_or(Refused::Unknown, |check| refused(func, arg, &check)))
        }
        _ => overflow(func, inst, check),
    };
    let (cold, next) = (func.dfg.make_block(), func.dfg.make_block());
    func.layout.split_block(next, next_inst);
    func.layout.append_block(cold);
    func.layout.set_cold(cold);
    let location = func.srcloc(inst);
    let end = func.layout.inst_block(inst).expect("it is in the function");
    if func.layout.is_cold(end) {
        func.layout.set_cold(next);
    }
    func.layout.remove_inst(inst);
    FuncCursor::new(func).at_bottom(end).with_srcloc(location).ins().brif(bad, cold, &[], next, &[]);
    let mut cursor = FuncCursor::new(func).at_bottom(cold).with_srcloc(location);
    let address = address(&mut cursor, refused, check);
    let pinned = travel.instance(&mut cursor);
    let at = -i32::try_from(CONTEXT_TRAP_ADDRESS).expect("a near field");
    cursor.ins().store(MemFlagsData::trusted(), address, pinned, at);
    cursor.ins().trap(code);
}

/// An addition that traps becomes one that does not, and a comparison.
fn overflow(func: &mut Function, inst: Inst, check: Option<Check>) -> (Value, Refused) {
    let InstructionData::IntAddTrap { args: [x, y], .. } = func.dfg.insts[inst] else { unreachable!("it is one") };
    let old = func.dfg.first_result(inst);
    let location = func.srcloc(inst);
    let mut cursor = FuncCursor::new(func).at_inst(inst).with_srcloc(location);
    let sum = cursor.ins().iadd(x, y);
    let wrapped = cursor.ins().icmp(IntCC::UnsignedLessThan, sum, y);
    func.dfg.clear_results(inst);
    func.dfg.change_to_alias(old, sum);
    (wrapped, check.map_or(Refused::Unknown, |check| Refused::Sum(x, check.offset)))
}

/// What is known of a refused address.
enum Refused {
    /// It is this plus a number, modulo 2⁶⁴.
    Sum(Value, u64),
    Constant(u64),
    Unknown,
}

fn refused(func: &Function, bad: Value, check: &Check) -> Refused {
    let dfg = &func.dfg;
    if let Some(index) = check.index {
        return Refused::Constant(index.saturating_add(check.offset));
    }
    let Some((operand, other)) = compared(func, bad, check.above) else { return Refused::Unknown };
    // `checks` compares indexes themselves, with a length from which the rest is subtracted.
    let is_limit = check.above && is_sum(func, other);
    let back = if is_limit { check.offset } else { check.offset.wrapping_sub(check.added) };
    // A sum with a constant: its other part is what the access itself needs, too.
    if let ValueDef::Result(sum, _) = dfg.value_def(operand)
        && let InstructionData::Binary { opcode: Opcode::Iadd, args: [x, y] } = dfg.insts[sum]
        && let Some(added) = constant(dfg, y)
    {
        return Refused::Sum(x, back.wrapping_add(added));
    }
    Refused::Sum(operand, back)
}

fn is_sum(func: &Function, value: Value) -> bool {
    let ValueDef::Result(inst, _) = func.dfg.value_def(value) else { return false };
    matches!(func.dfg.insts[inst].opcode(), Opcode::Isub | Opcode::Iadd | Opcode::Smin)
}

/// The side of a comparison that is the greater one (or the smaller one) if it holds, and the other one.
fn compared(func: &Function, bad: Value, greater: bool) -> Option<(Value, Value)> {
    let ValueDef::Result(inst, _) = func.dfg.value_def(bad) else { return None };
    let InstructionData::IntCompare { opcode: Opcode::Icmp, args: [x, y], cond } = func.dfg.insts[inst] else {
        return None;
    };
    let first_is_greater = match cond {
        IntCC::UnsignedGreaterThan | IntCC::UnsignedGreaterThanOrEqual => true,
        IntCC::UnsignedLessThan | IntCC::UnsignedLessThanOrEqual => false,
        _ => return None,
    };
    let (operand, other) = if first_is_greater == greater { (x, y) } else { (y, x) };
    (func.dfg.value_type(operand) == I64).then_some((operand, other))
}

fn address(cursor: &mut FuncCursor<'_>, refused: Refused, check: Option<Check>) -> Value {
    let (value, added) = match refused {
        Refused::Sum(value, added) => (value, added),
        Refused::Constant(address) => return cursor.ins().iconst(I64, address as i64),
        Refused::Unknown => return cursor.ins().iconst(I64, -1),
    };
    let sum = if added == 0 { value } else { cursor.ins().iadd_imm_s(value, added as i64) };
    let Some(check) = check.filter(|check| check.may_wrap) else { return sum };
    let wrapped = cursor.ins().icmp_imm_u(IntCC::UnsignedLessThan, sum, check.offset as i64);
    let most = cursor.ins().iconst(I64, -1);
    cursor.ins().select(wrapped, most, sum)
}
