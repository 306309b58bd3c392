//! `loop-test`: a loop's test of the old counter becomes a test of the new one.
//!
//! ```text
//! header(i):                          header(i):
//!   …                                   …
//!   next = iadd i, 8                    next = iadd i, 8
//!   brif (icmp ne i, 800),        →     brif (icmp ne next, 808),
//!        header(next), exit                  header(next), exit
//! ```
//!
//! Cranelift's optimizer moves constants of comparisons to the right, which undoes it where LLVM tested the new value
//! already. Testing the old value, both live at once, need two registers, and every
//! iteration ends with `je exit; mov; jmp header` instead of `jne header`. Equality survives adding the same number on
//! both sides, also when it wraps.

use super::Late;
use super::analysis::value::{self, constant, defining};
use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, Function, Inst, InstBuilder, InstructionData, Opcode, Value};

/// What the pass found at the end of a block.
struct Test {
    branch: Inst,
    condition: IntCC,
    /// The counter's next value.
    next: Value,
    /// What is added to the counter.
    step: i64,
    /// What the counter is compared with.
    limit: Value,
}

pub fn run(late: &mut Late<'_>) {
    let func = &mut late.context.func;
    let mut next_block = func.layout.entry_block();
    while let Some(block) = next_block {
        if let Some(test) = find(func, block) {
            rewrite(func, &test);
        }
        next_block = func.layout.next_block(block);
    }
}

fn find(func: &Function, block: Block) -> Option<Test> {
    let branch = func.layout.last_inst(block)?;
    let InstructionData::Brif { arg, blocks, .. } = func.dfg.insts[branch] else { return None };
    let (condition, [x, y]) = equality(func, arg)?;
    for call in blocks {
        let header = call.block(&func.dfg.value_lists);
        let params = func.dfg.block_params(header);
        for (&param, arg) in params.iter().zip(call.args(&func.dfg.value_lists)) {
            let Some(next) = arg.as_value().map(|next| narrow(func, next, Opcode::Uextend)) else { continue };
            for (counter, limit) in [(x, y), (y, x)] {
                if narrow(func, counter, Opcode::Ireduce) == param
                    && let Some(step) = step(func, counter, next)
                    && is_fixed(func, limit, block)
                {
                    return Some(Test { branch, condition, next, step, limit });
                }
            }
        }
    }
    None
}

/// A counter that `wide-counters` made a 64-bit one is tested as a 32-bit one.
fn narrow(func: &Function, value: Value, by: Opcode) -> Value {
    value::unary(func, value, by).unwrap_or(value)
}

/// A limit that changes in the loop would need an addition of its own in each iteration.
fn is_fixed(func: &Function, limit: Value, block: Block) -> bool {
    constant(func, limit).is_some() || defining(func, limit).is_none_or(|i| func.layout.inst_block(i) != Some(block))
}

/// The operands of a comparison for (in)equality behind a branch's condition.
fn equality(func: &Function, condition: Value) -> Option<(IntCC, [Value; 2])> {
    let mut inst = defining(func, condition)?;
    if let InstructionData::Unary { opcode: Opcode::Uextend, arg } = func.dfg.insts[inst] {
        inst = defining(func, arg)?;
    }
    match func.dfg.insts[inst] {
        InstructionData::IntCompare { cond: cond @ (IntCC::Equal | IntCC::NotEqual), args, .. } => {
            Some((cond, args.map(|v| func.dfg.resolve_aliases(v))))
        }
        _ => None,
    }
}

/// What is added to `counter` to make `next`.
fn step(func: &Function, counter: Value, next: Value) -> Option<i64> {
    match func.dfg.insts[defining(func, next)?] {
        InstructionData::Binary { opcode: Opcode::Iadd, args } => {
            let [x, y] = args.map(|v| func.dfg.resolve_aliases(v));
            if x == counter { constant(func, y) } else { (y == counter).then(|| constant(func, x))? }
        }
        _ => None,
    }
}

fn rewrite(func: &mut Function, test: &Test) {
    let ty = func.dfg.value_type(test.next);
    let known = constant(func, test.limit);
    let mut cursor = FuncCursor::new(func).at_inst(test.branch);
    cursor.use_srcloc(test.branch);
    // In the type's own width; constants of 32 bits are kept zero-extended.
    let wrapped = |v: i64| if ty.bits() == 32 { i64::from(v as u32) } else { v };
    let limit = match known {
        Some(limit) => cursor.ins().iconst(ty, wrapped(limit.wrapping_add(test.step))),
        None => {
            let step = cursor.ins().iconst(ty, wrapped(test.step));
            cursor.ins().iadd(test.limit, step)
        }
    };
    let condition = cursor.ins().icmp(test.condition, test.next, limit);
    if let InstructionData::Brif { arg, .. } = &mut cursor.func.dfg.insts[test.branch] {
        *arg = condition;
    }
}
