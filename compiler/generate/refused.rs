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
use crate::translate::{Check, Checks, constant};
use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{Function, Inst, InstBuilder, InstructionData, MemFlagsData, Opcode, Value, ValueDef};

/// True if there were checks: blocks have changed then.
pub fn run(func: &mut Function, checks: &Checks) -> bool {
    if checks.is_empty() {
        return false;
    }
    let all: Vec<Inst> = func.layout.blocks().flat_map(|block| func.layout.block_insts(block)).collect();
    let mut found = false;
    for inst in all {
        if let Some(check) = checks.get(&inst) {
            found |= branch(func, inst, check);
        }
    }
    found
}

fn branch(func: &mut Function, inst: Inst, check: &Check) -> bool {
    let InstructionData::CondTrap { opcode: Opcode::Trapnz, arg: bad, code } = func.dfg.insts[inst] else {
        return false;
    };
    let Some(next_inst) = func.layout.next_inst(inst) else { return false };
    let refused = refused(func, bad, check);
    let (cold, next) = (func.dfg.make_block(), func.dfg.make_block());
    func.layout.split_block(next, next_inst);
    func.layout.append_block(cold);
    func.layout.set_cold(cold);
    func.replace(inst).brif(bad, cold, &[], next, &[]);
    let location = func.srcloc(inst);
    let mut cursor = FuncCursor::new(func).at_bottom(cold).with_srcloc(location);
    let address = address(&mut cursor, refused, check);
    let at = -i32::try_from(CONTEXT_TRAP_ADDRESS).expect("a near field");
    cursor.ins().store(MemFlagsData::trusted(), address, check.pinned, at);
    cursor.ins().trap(code);
    true
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
        return Refused::Constant(index.checked_add(check.offset).unwrap_or(u64::MAX));
    }
    let Some((operand, size)) = compared(func, bad, check.above) else { return Refused::Unknown };
    if size != I64 {
        return Refused::Unknown;
    }
    let back = check.offset.wrapping_sub(check.added);
    // A sum with a constant: its other part is what the access itself needs, too.
    if let ValueDef::Result(sum, _) = dfg.value_def(operand)
        && let InstructionData::Binary { opcode: Opcode::Iadd, args: [x, y] } = dfg.insts[sum]
        && let Some(added) = constant(dfg, y)
    {
        return Refused::Sum(x, back.wrapping_add(added));
    }
    Refused::Sum(operand, back)
}

/// The side of a comparison that is the greater one (or the smaller one) if it holds.
fn compared(func: &Function, bad: Value, greater: bool) -> Option<(Value, cranelift_codegen::ir::Type)> {
    let ValueDef::Result(inst, _) = func.dfg.value_def(bad) else { return None };
    let InstructionData::IntCompare { opcode: Opcode::Icmp, args: [x, y], cond } = func.dfg.insts[inst] else {
        return None;
    };
    let first_is_greater = match cond {
        IntCC::UnsignedGreaterThan | IntCC::UnsignedGreaterThanOrEqual => true,
        IntCC::UnsignedLessThan | IntCC::UnsignedLessThanOrEqual => false,
        _ => return None,
    };
    let operand = if first_is_greater == greater { x } else { y };
    Some((operand, func.dfg.value_type(operand)))
}

fn address(cursor: &mut FuncCursor<'_>, refused: Refused, check: &Check) -> Value {
    let (value, added) = match refused {
        Refused::Sum(value, added) => (value, added),
        Refused::Constant(address) => return cursor.ins().iconst(I64, address as i64),
        Refused::Unknown => return cursor.ins().iconst(I64, -1),
    };
    let sum = if added == 0 { value } else { cursor.ins().iadd_imm_s(value, added as i64) };
    if !check.may_wrap {
        return sum;
    }
    let wrapped = cursor.ins().icmp_imm_u(IntCC::UnsignedLessThan, sum, check.offset as i64);
    let most = cursor.ins().iconst(I64, -1);
    cursor.ins().select(wrapped, most, sum)
}
