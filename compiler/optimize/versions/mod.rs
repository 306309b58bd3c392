//! `versions`: a loop whose accesses run over ranges is there twice, without checks and with them.
//!
//! ```text
//!   jump loop(a, n)                                 last = a + 8 * (n - 1)         (64 bits)
//!                                                   brif (icmp ule last, limit), loop(a, n), checked(a, n)
//! loop(i, k):                                     loop(i, k):
//!   trapnz (icmp ugt (uextend i), limit)            load (iadd base, (uextend i))
//!   load (iadd base, (uextend i))            →      brif k - 1, loop(i + 8, k - 1), exit
//!   brif k - 1, loop(i + 8, k - 1), exit          checked(i, k):                   (cold)
//!                                                   trapnz (icmp ugt (uextend i), limit)
//!                                                   load (iadd base, (uextend i))
//!                                                   brif k - 1, checked(i + 8, k - 1), exit
//! ```
//!
//! No trap comes early: where the range does not lie wholly inside the memory, or who knows, the loop with its checks
//! runs, and traps where it always did. Which loops: see `candidates`. Indexes are 32-bit values that grow by the same
//! number in each iteration of a loop, and of loops around it (`span`); how often a loop turns is computed from its test
//! (`turns`). If the last index, computed in 64 bits, is inside, so are those before, and none has wrapped.

mod candidates;
mod copies;
mod span;
mod turns;

use super::Unit;
use super::analysis::check::Check;
use super::analysis::view;
use crate::plan::Plan;
use candidates::Candidate;
use copies::{Copies, edge};
use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{Block, BlockArg, InstBuilder, Value};
use cranelift_codegen::loop_analysis::Loop;
use span::Span;

pub fn run(unit: &mut Unit<'_>) -> usize {
    if !view::any(unit.plan) {
        return 0;
    }
    let candidates = candidates::find(unit);
    if candidates.is_empty() {
        return 0;
    }
    let mut copies = Copies::new(unit, &candidates);
    for candidate in &candidates {
        let second = copies.add(unit.func, candidate);
        branch(unit, candidate, second);
        for (check, _) in &candidate.checks {
            unit.func.layout.remove_inst(check.inst);
        }
    }
    copies.rename(unit.func);
    candidates.len()
}

/// In front of the loop: the first version if all tests pass, else the second.
fn branch(unit: &mut Unit<'_>, candidate: &Candidate, second: Block) {
    let jump = candidate.entry;
    let call = edge(unit.func, jump, 0);
    let args: Vec<BlockArg> = call.args(&unit.func.dfg.value_lists).collect();
    let first = call.block(&unit.func.dfg.value_lists);
    let mut cursor = FuncCursor::new(unit.func).at_inst(jump);
    cursor.use_srcloc(jump);
    let mut good = Vec::new();
    let turns: Vec<(Loop, Value)> =
        candidate.turns.iter().map(|(within, turns)| (*within, turns.build(&mut cursor, &mut good))).collect();
    for (check, span) in &candidate.checks {
        inside(&mut cursor, unit.plan, check, span, &turns, &mut good);
    }
    let all = good.into_iter().reduce(|a, b| cursor.ins().band(a, b)).expect("there is a check");
    cursor.ins().brif(all, first, &args, second, &args);
    cursor.func.layout.remove_inst(jump);
}

/// Tests that an index is inside in all iterations.
///
/// It is `start + up - down`, of which `up` and `down` are at most what they are after the last turn. With
/// `down ≤ start` and `start + up ≤ limit` it is never negative and never beyond the limit, so modulo 2³² the same.
fn inside(
    cursor: &mut FuncCursor<'_>,
    plan: &Plan,
    check: &Check,
    span: &Span,
    turns: &[(Loop, Value)],
    good: &mut Vec<Value>,
) {
    let start = span.start.build(cursor);
    let start = cursor.ins().uextend(I64, start);
    let limit = match check.length {
        Some(limit) => limit,
        None => {
            let last = Check::least(plan, check.memory, check.bytes).expect("it is what the index is compared with");
            cursor.ins().iconst(I64, last as i64)
        }
    };
    let (mut greatest, mut down) = (start, None);
    for (within, step) in &span.steps {
        let (_, turns) = turns.iter().find(|(known, _)| known == within).expect("candidates know how often it turns");
        if let Some(back) = step.constant().map(|step| step as i32).filter(|&step| step < 0) {
            let way = cursor.ins().imul_imm_u(*turns, i64::from(back.unsigned_abs()));
            down = Some(match down {
                None => way,
                Some(sum) => add(cursor, sum, way, good),
            });
        } else {
            let step = step.build(cursor);
            let step = cursor.ins().uextend(I64, step);
            let way = cursor.ins().imul(*turns, step);
            // The first sum is one with a number of 32 bits.
            greatest =
                if greatest == start { cursor.ins().iadd(greatest, way) } else { add(cursor, greatest, way, good) };
        }
    }
    if let Some(down) = down {
        good.push(cursor.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, start, down));
    }
    good.push(cursor.ins().icmp(IntCC::UnsignedLessThanOrEqual, greatest, limit));
}

/// A sum so far, which is tested to be below 2³², and how far a loop goes: (2³² - 1)² at most, as `turns` and steps are
/// below 2³². So the new sum is below 2⁶⁴, unless the test fails.
fn add(cursor: &mut FuncCursor<'_>, sum: Value, way: Value, good: &mut Vec<Value>) -> Value {
    let most = cursor.ins().iconst(I64, i64::from(u32::MAX));
    good.push(cursor.ins().icmp(IntCC::UnsignedLessThanOrEqual, sum, most));
    cursor.ins().iadd(sum, way)
}
