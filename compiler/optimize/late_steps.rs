//! `late-steps`: a counter is stepped at the end of its loop, where its old value isn't needed any more.
//!
//! ```text
//! header(i):                          header(i):
//!   …                                   …
//!   next = iadd i, 1                    … i …
//!   … i …                         →     next = iadd i, 1
//!   brif (icmp ne next, n),             brif (icmp ne next, n),
//!        header(next), exit                  header(next), exit
//! ```
//!
//! Cranelift's optimizer places what has no effects where it is first needed, and in front of a branch needs the
//! condition first. While both values are live they are in two registers, and every iteration ends with
//! `je exit; mov; jmp header` instead of `jne header`.

use super::analysis::value::defining;
use cranelift_codegen::ir::{Block, Function, Inst, Opcode, Value};

/// So many instructions in front of a branch are looked at.
const WINDOW: usize = 256;

/// Edges with more arguments than this are left alone.
const MAX_ARGS: usize = 64;

pub fn run(func: &mut Function) -> usize {
    let mut changes = 0;
    let mut next_block = func.layout.entry_block();
    while let Some(block) = next_block {
        for (counter, next) in steps(func, block) {
            if let Some(moved) = movable(func, block, counter, next) {
                changes += 1;
                let branch = func.layout.last_inst(block).expect("it has been looked at");
                for inst in moved {
                    func.layout.remove_inst(inst);
                    func.layout.insert_inst(inst, branch);
                }
            }
        }
        next_block = func.layout.next_block(block);
    }
    changes
}

/// The parameters that a block gives new values on the way to where they are declared: a loop's header, with the new
/// value, which is the old one and something added in this block.
fn steps(func: &Function, block: Block) -> Vec<(Value, Value)> {
    let Some(branch) = func.layout.last_inst(block) else { return Vec::new() };
    let mut steps = Vec::new();
    for call in func.dfg.insts[branch].branch_destination(&func.dfg.jump_tables, &func.dfg.exception_tables) {
        let params = func.dfg.block_params(call.block(&func.dfg.value_lists));
        if params.len() > MAX_ARGS {
            continue;
        }
        for (&counter, next) in params.iter().zip(call.args(&func.dfg.value_lists)) {
            let Some(next) = next.as_value().map(|next| func.dfg.resolve_aliases(next)) else { continue };
            let is_step = defining(func, next).is_some_and(|inst| {
                let here = func.layout.inst_block(inst) == Some(block);
                here && func.dfg.insts[inst].opcode() == Opcode::Iadd && uses(func, inst, counter)
            });
            if is_step {
                steps.push((counter, next));
            }
        }
    }
    steps
}

fn uses(func: &Function, inst: Inst, value: Value) -> bool {
    func.dfg.inst_values(inst).any(|used| func.dfg.resolve_aliases(used) == value)
}

/// What makes `next`, and comparisons of it, if that can be done at the block's end and something else needs the old
/// value before.
fn movable(func: &Function, block: Block, counter: Value, next: Value) -> Option<Vec<Inst>> {
    let step = defining(func, next)?;
    let branch = func.layout.last_inst(block)?;
    let (mut moved, mut values, mut is_needed) = (vec![step], vec![next], false);
    let mut at = step;
    for _ in 0..WINDOW {
        at = func.layout.next_inst(at)?;
        if at == branch {
            return is_needed.then_some(moved);
        }
        if !values.iter().any(|&value| uses(func, at, value)) {
            is_needed |= uses(func, at, counter);
        } else if matches!(func.dfg.insts[at].opcode(), Opcode::Icmp | Opcode::Uextend | Opcode::Ireduce) {
            values.push(func.dfg.first_result(at));
            moved.push(at);
        } else {
            return None;
        }
    }
    None
}
