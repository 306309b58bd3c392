//! `invariant-phis`: a loop's parameter that is always the same is replaced by what it is.
//!
//! ```text
//! jump block(x, a)                    jump block(a)
//! block(p, q):                   →    block(q):
//!   … p …                               … x …
//!   brif …, block(p, b), exit           brif …, block(b), exit
//! ```
//!
//! wasm's locals become parameters of each loop around the place where they change. Cranelift removes those that don't
//! change only if what enters the loop is not a parameter itself.

use super::Unit;
use super::analysis::many_edges;
use cranelift_codegen::ir::{Block, Function, Value};

/// Removing one costs time for each of the others.
const MAX_PARAMS: usize = 1000;

pub fn run(unit: &mut Unit<'_>) -> usize {
    let mut changes = 0;
    // Inner loops first: what they hand through decides about the outer ones.
    for within in unit.flow.loops.loops().rev() {
        let header = unit.flow.loops.loop_header(within);
        let params = unit.func.dfg.num_block_params(header);
        for number in (0..params).rev().filter(|_| params <= MAX_PARAMS) {
            if let Some(value) = only_value(unit, header, number) {
                remove(unit, header, number, value);
                changes += 1;
            }
        }
    }
    if changes > 0 {
        unit.func.dfg.resolve_all_aliases();
    }
    changes
}

/// The one value that enters a parameter, beside the parameter itself.
fn only_value(unit: &Unit<'_>, header: Block, number: usize) -> Option<Value> {
    let param = unit.func.dfg.block_params(header)[number];
    let mut entering = unit
        .flow
        .incoming(unit.func, header, number, many_edges(number))?
        .into_iter()
        .map(|(_, v)| v)
        .filter(|&v| v != param);
    let first = entering.next()?;
    entering.all(|v| v == first).then_some(first)
}

fn remove(unit: &mut Unit<'_>, header: Block, number: usize, value: Value) {
    let param = unit.func.dfg.block_params(header)[number];
    unit.func.dfg.remove_block_param(param);
    let branches: Vec<_> = unit.flow.cfg.pred_iter(header).map(|p| p.inst).collect();
    for branch in branches {
        let Function { stencil, .. } = &mut *unit.func;
        let dfg = &mut stencil.dfg;
        let calls = dfg.insts[branch].branch_destination_mut(&mut dfg.jump_tables, &mut dfg.exception_tables);
        for call in calls {
            // A branch with two edges is met twice.
            let lists = &dfg.value_lists;
            if call.block(lists) == header && call.len(lists) > dfg.blocks[header].params(lists).len() {
                call.remove(number, &mut dfg.value_lists);
            }
        }
    }
    unit.func.dfg.change_to_alias(param, value);
}
