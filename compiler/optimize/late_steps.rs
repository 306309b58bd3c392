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
//!
//! Where one instruction adds two values and a constant, sums with the new value are made of the old one by Cranelift's
//! instruction selection, which keeps it alive. Such sums get a step of their own, which costs nothing there.

use super::Late;
use super::analysis::value::{constant, defining};
use cranelift_codegen::ir::{Block, Function, Inst, InstructionData, Opcode, Value};

/// So many instructions in front of a branch are looked at.
const WINDOW: usize = 256;

/// Edges with more arguments than this are left alone.
const MAX_ARGS: usize = 64;

/// Sums that get a step of their own.
const MAX_SUMS: usize = 2;

/// What changes for one counter.
struct Change {
    /// What goes to the block's end, in order: the step, and comparisons of the new value.
    moved: Vec<Inst>,
    /// Sums with the new value, which get a step of their own.
    sums: Vec<Inst>,
}

pub fn run(late: &mut Late<'_>) {
    let func = &mut late.context.func;
    let mut next_block = func.layout.entry_block();
    while let Some(block) = next_block {
        for (counter, next) in steps(func, block) {
            if let Some(change) = find(func, block, counter, next, late.adds_three) {
                apply(func, block, next, &change);
            }
        }
        next_block = func.layout.next_block(block);
    }
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
fn find(func: &Function, block: Block, counter: Value, next: Value, adds_three: bool) -> Option<Change> {
    let step = defining(func, next)?;
    let branch = func.layout.last_inst(block)?;
    let has_sums = adds_three && adds_constant(func, step);
    let (mut values, mut is_needed) = (vec![next], false);
    let mut change = Change { moved: vec![step], sums: Vec::new() };
    let mut at = step;
    for _ in 0..WINDOW {
        at = func.layout.next_inst(at)?;
        if at == branch {
            return is_needed.then_some(change);
        }
        let opcode = func.dfg.insts[at].opcode();
        if !values.iter().any(|&value| uses(func, at, value)) {
            is_needed |= uses(func, at, counter);
        } else if matches!(opcode, Opcode::Icmp | Opcode::Uextend | Opcode::Ireduce) {
            values.push(func.dfg.first_result(at));
            change.moved.push(at);
        } else if has_sums && opcode == Opcode::Iadd && uses(func, at, next) && change.sums.len() < MAX_SUMS {
            change.sums.push(at);
            is_needed = true;
        } else {
            return None;
        }
    }
    None
}

fn adds_constant(func: &Function, step: Inst) -> bool {
    func.dfg.inst_values(step).any(|value| constant(func, value).is_some())
}

fn apply(func: &mut Function, block: Block, next: Value, change: &Change) {
    for &sum in &change.sums {
        let own = func.dfg.clone_inst(change.moved[0]);
        func.layout.insert_inst(own, sum);
        let location = func.srcloc(sum);
        func.set_srcloc(own, location);
        let own = func.dfg.first_result(own);
        let InstructionData::Binary { args, .. } = func.dfg.insts[sum] else { unreachable!("sums have two operands") };
        let args = args.map(|arg| if func.dfg.resolve_aliases(arg) == next { own } else { arg });
        func.dfg.overwrite_inst_values(sum, args.into_iter());
    }
    let branch = func.layout.last_inst(block).expect("it has been looked at");
    for &inst in &change.moved {
        func.layout.remove_inst(inst);
        func.layout.insert_inst(inst, branch);
    }
}
