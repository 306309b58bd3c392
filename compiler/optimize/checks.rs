//! `checks`: bounds checks that can't fail disappear, and those of loops compare with a limit.
//!
//! ```text
//! i = band x, 255                                    (the memory has a page at least)
//! trapnz (icmp ugt (iadd (uextend i), 4), length)
//! load.i32 (iadd base, (uextend i))              →   load.i32 (iadd base, (uextend i))
//!
//! trapnz (icmp ugt (iadd j, 8), length)              trapnz (icmp ugt (iadd j, 8), length)
//! load.f64 (iadd base, j)                            load.f64 (iadd base, j)
//! trapnz (icmp ugt (iadd j, 4), length)              store.i32 7, (iadd base, j)
//! store.i32 7, (iadd base, j)                    →
//!
//! loop:                                              limit = isub length, 8
//!   trapnz (icmp ugt (iadd k, 8), length)            loop:
//!   load.f64 (iadd base, k)                      →     trapnz (icmp ugt k, limit)
//!                                                      load.f64 (iadd base, k)
//! ```
//!
//! A memory is never shorter than its declared minimum, so an index that is always below that minus the access's end
//! needs no check, and the difference above is never negative. One check makes another one of the same index
//! unnecessary if it comes first on every way, reaches as far, and nothing in between can change the memory. A check is
//! never made stricter: which access traps, and what was stored before, stays the same.

use super::Unit;
use super::analysis::check::Check;
use super::analysis::view::{self, Loud};
use super::analysis::{Ranges, value};
use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{Block, Inst, InstBuilder, InstructionData, Value};
use std::collections::HashMap;

/// Checks of one index that are remembered.
const MAX_REMEMBERED: usize = 8;

/// Checks that are there, with how far behind the index the access ends: by memory, whether its length is a constant, and
/// index.
type Known = HashMap<(u32, bool, Value), Vec<(Inst, u64)>>;

/// Limits that are there, by length, bytes, and whether they are for a loop.
type Limits = HashMap<(Value, u64, bool), Value>;

pub fn run(unit: &mut Unit<'_>) -> usize {
    let found = find(unit);
    if found.is_empty() {
        return 0;
    }
    let loud = Loud::find(unit.func, &unit.flow);
    let mut ranges = Ranges::new(unit.flow);
    let mut known = Known::new();
    let (mut kept, all) = (Vec::new(), found.len());
    for check in found {
        if check.always_passes(unit.func, unit.plan, &mut ranges)
            || is_covered(unit, &loud, &mut ranges, &mut known, &check)
        {
            remove(unit, &check);
        } else {
            kept.push(check);
        }
    }
    let mut limits = Limits::new();
    for check in &kept {
        compare_with_limit(unit, &mut limits, check);
    }
    all - kept.len()
}

/// All checks; on every way, one that dominates another comes before it.
fn find(unit: &Unit<'_>) -> Vec<Check> {
    if !view::any(unit.plan) {
        return Vec::new();
    }
    let blocks: Vec<Block> = unit.flow.domtree.cfg_rpo().copied().collect();
    let insts = blocks.into_iter().flat_map(|block| unit.func.layout.block_insts(block));
    insts.filter_map(|inst| Check::of(unit.func, unit.plan, inst)).collect()
}

/// True if an earlier check is enough; otherwise this one is remembered.
fn is_covered(unit: &Unit<'_>, loud: &Loud, ranges: &mut Ranges<'_>, known: &mut Known, check: &Check) -> bool {
    let (index, end) = check.end(unit.func, ranges);
    let earlier = known.entry((check.memory, check.length.is_none(), index)).or_default();
    let covers = |&(inst, reach): &(Inst, u64)| {
        reach >= end
            && unit.flow.domtree.dominates(inst, check.inst, &unit.func.layout)
            && loud.quiet_between(unit.func, &unit.flow, inst, check.inst)
    };
    if earlier.iter().rev().any(covers) {
        return true;
    }
    if earlier.len() == MAX_REMEMBERED {
        earlier.remove(0);
    }
    earlier.push((check.inst, end));
    false
}

fn remove(unit: &mut Unit<'_>, check: &Check) {
    unit.func.layout.remove_inst(check.inst);
    remove_sum(unit, check);
}

/// Where the length is loaded in front of a loop, and where an addition could overflow: `length - bytes` on the right.
fn compare_with_limit(unit: &mut Unit<'_>, limits: &mut Limits, check: &Check) {
    let (Some(length), Some(_)) = (check.length, Check::least(unit.plan, check.memory, check.bytes)) else { return };
    let block = unit.func.layout.inst_block(check.inst).expect("it is in the function");
    let within = unit.flow.loops.innermost_loop(block);
    let hoisted = within.is_some_and(|within| unit.flow.is_invariant(unit.func, length, within));
    if !hoisted && check.sum.is_none() {
        return;
    }
    let limit =
        *(limits.entry((length, check.bytes, hoisted))).or_insert_with(|| limit(unit, length, check.bytes, hoisted));
    let mut cursor = FuncCursor::new(unit.func).at_inst(check.inst);
    cursor.use_srcloc(check.inst);
    let outside = cursor.ins().icmp(IntCC::UnsignedGreaterThan, check.index, limit);
    if let InstructionData::CondTrap { arg, .. } = &mut cursor.func.dfg.insts[check.inst] {
        *arg = outside;
    }
    remove_sum(unit, check);
}

fn remove_sum(unit: &mut Unit<'_>, check: &Check) {
    for inst in check.sum.into_iter().flatten() {
        unit.func.layout.remove_inst(inst);
    }
}

/// Right behind the load of the length. Cranelift repeats differences from constants wherever they are used, which in a
/// loop costs two instructions each time; not a minimum, which here is always the difference.
fn limit(unit: &mut Unit<'_>, length: Value, bytes: u64, hoisted: bool) -> Value {
    let load = value::defining(unit.func, length).expect("lengths are loaded");
    let mut cursor = FuncCursor::new(unit.func).after_inst(load);
    cursor.use_srcloc(load);
    let bytes = cursor.ins().iconst(I64, bytes as i64);
    let limit = cursor.ins().isub(length, bytes);
    if !hoisted {
        return limit;
    }
    cursor.ins().smin(limit, length)
}
