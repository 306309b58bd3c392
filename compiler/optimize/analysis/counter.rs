//! Counters of loops and how often loops go round.
//!
//! A *counter* is a parameter of a loop's header that grows by the same constant in each iteration: in the k-th it is
//! `start + k * step`, modulo 2³². A loop *turns* at most so often, if a branch that every iteration passes leaves it
//! then: the header is entered once more than the loop turns.

use super::{FEW_EDGES, Flow, Range, Ranges, value};
use cranelift_codegen::ir::condcodes::{CondCode, IntCC};
use cranelift_codegen::ir::{Block, Function, Inst, InstructionData, Opcode, Value, types::I32};
use cranelift_codegen::loop_analysis::Loop;

/// See above.
#[derive(Debug, Clone, Copy)]
pub struct Counter {
    pub start: Range,
    pub step: i64,
}

/// How often a loop turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turns {
    pub most: u64,
    /// It turns `most` times, unless it is left elsewhere.
    pub exact: bool,
}

/// Blocks between a loop's end and its header that are searched for branches out of it.
const MAX_BLOCKS: usize = 64;

/// The one block that goes back to a loop's header.
pub fn latch(flow: &Flow<'_>, header: Block) -> Option<Block> {
    let mut back = flow.cfg.pred_iter(header).map(|p| p.block).filter(|&b| flow.domtree.block_dominates(header, b));
    let latch = back.next()?;
    back.next().is_none().then_some(latch)
}

/// What `value` counts, if it is a counter of `within`.
pub fn counter(func: &Function, ranges: &mut Ranges<'_>, value: Value, within: Loop) -> Option<Counter> {
    let flow = ranges.flow;
    let (header, number) = value::param(func, value)?;
    if flow.loops.loop_header(within) != header || func.dfg.value_type(value) != I32 {
        return None;
    }
    let latch = latch(&flow, header)?;
    let (mut start, mut step): (Option<Range>, Option<i64>) = (None, None);
    for (block, arg) in flow.incoming(func, header, number, FEW_EDGES)? {
        if block == latch {
            let (root, sum) = value::linear(func, arg);
            let by = (root == value).then_some(i64::from(sum as i32))?;
            if step.replace(by).is_some_and(|other| other != by) {
                return None;
            }
        } else {
            let range = ranges.of(func, arg);
            start = Some(start.map_or(range, |s: Range| s.union(range)));
        }
    }
    Some(Counter { start: start?, step: step? })
}

/// How often a loop turns at most, as the best of its branches tells.
pub fn turns(func: &Function, ranges: &mut Ranges<'_>, within: Loop) -> Option<Turns> {
    let flow = ranges.flow;
    let header = flow.loops.loop_header(within);
    let mut block = latch(&flow, header)?;
    let mut best: Option<Turns> = None;
    for _ in 0..MAX_BLOCKS {
        if let Some(turns) = func.layout.last_inst(block).and_then(|branch| exit(func, ranges, branch, within))
            && best.is_none_or(|b| turns.most < b.most)
        {
            best = Some(turns);
        }
        if block == header {
            break;
        }
        block = flow.domtree.idom(block)?;
    }
    best
}

/// How often the loop turns until this branch leaves it.
fn exit(func: &Function, ranges: &mut Ranges<'_>, branch: Inst, within: Loop) -> Option<Turns> {
    let InstructionData::Brif { arg, blocks, .. } = func.dfg.insts[branch] else { return None };
    let stays = blocks.map(|call| ranges.flow.loops.is_in_loop(call.block(&func.dfg.value_lists), within));
    let (condition, x, y) = match stays {
        [true, false] => comparison(func, arg, false)?,
        [false, true] => comparison(func, arg, true)?,
        _ => return None,
    };
    // The loop goes on while `x condition y`.
    let right = y.map_or(Some(Range::exact(0)), |y| limit(func, ranges, y, within));
    if let Some(limit) = right
        && let Some(turns) = until(func, ranges, condition, x, limit, within)
    {
        return Some(turns);
    }
    let left = limit(func, ranges, x, within)?;
    until(func, ranges, condition.swap_args(), y?, left, within)
}

fn limit(func: &Function, ranges: &mut Ranges<'_>, value: Value, within: Loop) -> Option<Range> {
    ranges.flow.is_invariant(func, value, within).then(|| ranges.of(func, value))
}

/// The 32-bit comparison behind a branch's condition, or its opposite; without a second operand it is with 0.
pub fn comparison(func: &Function, condition: Value, mut opposite: bool) -> Option<(IntCC, Value, Option<Value>)> {
    let mut value = func.dfg.resolve_aliases(condition);
    // `i32.eqz` of a comparison, and its extension to 32 bits.
    for _ in 0..8 {
        if let Some(inner) = value::unary(func, value, Opcode::Uextend) {
            value = inner;
        } else if let Some((IntCC::Equal, x, y)) = compare(func, value)
            && value::constant(func, y) == Some(0)
            && let Some(inner) = value::unary(func, x, Opcode::Uextend)
            && compare(func, inner).is_some()
        {
            (value, opposite) = (inner, !opposite);
        } else {
            break;
        }
    }
    let turn = |condition: IntCC| if opposite { condition.complement() } else { condition };
    match compare(func, value) {
        Some((condition, x, y)) => is32(func, x).then_some((turn(condition), x, Some(y))),
        None => is32(func, value).then_some((turn(IntCC::NotEqual), value, None)),
    }
}

fn is32(func: &Function, value: Value) -> bool {
    func.dfg.value_type(value) == I32
}

fn compare(func: &Function, value: Value) -> Option<(IntCC, Value, Value)> {
    match func.dfg.insts[value::defining(func, value)?] {
        InstructionData::IntCompare { cond, args: [x, y], .. } => {
            Some((cond, func.dfg.resolve_aliases(x), func.dfg.resolve_aliases(y)))
        }
        _ => None,
    }
}

/// How often `x`, a counter plus a constant, satisfies a comparison with an invariant in `limit`, one iteration after
/// the other.
fn until(
    func: &Function,
    ranges: &mut Ranges<'_>,
    condition: IntCC,
    x: Value,
    limit: Range,
    within: Loop,
) -> Option<Turns> {
    let (root, sum) = value::linear(func, x);
    let Counter { start, step } = counter(func, ranges, root, within)?;
    let first = start.add(Range::exact(u64::from(sum)));
    satisfied(condition, first, step, limit)
}

/// The numbers that are not negative, signed.
const POSITIVE: u64 = (Range::<32>::MAX) >> 1;

/// How often `first`, `first + step`, `first + 2 * step`, … modulo 2³², satisfy a comparison with a number in `limit`
/// before the first that doesn't.
pub fn satisfied(condition: IntCC, first: Range, step: i64, limit: Range) -> Option<Turns> {
    let size = step.unsigned_abs();
    let exact = first.constant().is_some() && limit.constant().is_some();
    let turns = |most| Some(Turns { most, exact });
    let nonnegative = first.high() <= POSITIVE && limit.high() <= POSITIVE;
    let signed = matches!(condition, IntCC::SignedLessThan | IntCC::SignedLessThanOrEqual | IntCC::SignedGreaterThan);
    if signed && !nonnegative || step == 0 {
        return None;
    }
    let greatest = if signed { POSITIVE } else { Range::<32>::MAX };
    match condition {
        IntCC::NotEqual => steps_to(first, step, limit).and_then(turns),
        // As long as it goes on, x is below the limit, so the next x does not wrap.
        IntCC::UnsignedLessThan | IntCC::SignedLessThan if step > 0 && limit.high() + size <= greatest => {
            turns(limit.high().saturating_sub(first.low()).div_ceil(size))
        }
        IntCC::UnsignedLessThanOrEqual | IntCC::SignedLessThanOrEqual
            if step > 0 && limit.high() + 1 + size <= greatest =>
        {
            turns((limit.high() + 1).saturating_sub(first.low()).div_ceil(size))
        }
        IntCC::UnsignedGreaterThan | IntCC::SignedGreaterThan if step < 0 && limit.low() + 1 >= size => {
            turns(first.high().saturating_sub(limit.low()).div_ceil(size))
        }
        _ => None,
    }
}

/// Steps from anywhere in `first` to a number in `limit`, which must be hit.
fn steps_to(first: Range, step: i64, limit: Range) -> Option<u64> {
    let size = step.unsigned_abs();
    if let (Some(first), Some(limit)) = (first.constant(), limit.constant()) {
        // Modulo 2³², so around the end if need be.
        let distance = if step > 0 { limit.wrapping_sub(first) } else { first.wrapping_sub(limit) } & Range::<32>::MAX;
        return distance.is_multiple_of(size).then_some(distance / size);
    }
    let aligned = size.is_power_of_two() && size.trailing_zeros() <= first.zeros().min(limit.zeros());
    if !aligned {
        None
    } else if step > 0 {
        (first.high() <= limit.low()).then(|| (limit.high() - first.low()) / size)
    } else {
        (first.low() >= limit.high()).then(|| (first.high() - limit.low()) / size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a loop does, number by number.
    fn counted(condition: IntCC, first: u32, step: i64, limit: u32) -> Option<u64> {
        let (mut x, mut count) = (first, 0);
        loop {
            let goes_on = match condition {
                IntCC::NotEqual => x != limit,
                IntCC::UnsignedLessThan => x < limit,
                IntCC::UnsignedLessThanOrEqual => x <= limit,
                IntCC::UnsignedGreaterThan => x > limit,
                IntCC::SignedLessThan => (x as i32) < limit as i32,
                IntCC::SignedLessThanOrEqual => x as i32 <= limit as i32,
                IntCC::SignedGreaterThan => x as i32 > limit as i32,
                _ => return None,
            };
            if !goes_on {
                return Some(count);
            }
            (x, count) = (x.wrapping_add(step as u32), count + 1);
            if count > 400 {
                return None;
            }
        }
    }

    const CONDITIONS: [IntCC; 7] = [
        IntCC::NotEqual,
        IntCC::UnsignedLessThan,
        IntCC::UnsignedLessThanOrEqual,
        IntCC::UnsignedGreaterThan,
        IntCC::SignedLessThan,
        IntCC::SignedLessThanOrEqual,
        IntCC::SignedGreaterThan,
    ];

    /// Numbers around all borders.
    const NUMBERS: [u32; 18] = [
        0,
        1,
        2,
        3,
        8,
        13,
        16,
        0x7fff_fff8,
        0x7fff_fffe,
        0x7fff_ffff,
        0x8000_0000,
        0x8000_0001,
        0x8000_0008,
        0xffff_fff0,
        0xffff_fff8,
        0xffff_fffd,
        0xffff_fffe,
        0xffff_ffff,
    ];

    #[test]
    fn turns_are_what_counting_gives() {
        let mut known = 0;
        for condition in CONDITIONS {
            for (first, limit) in NUMBERS.iter().flat_map(|&a| NUMBERS.map(|b| (a, b))) {
                for step in [1, 2, 3, 8, 0x7fff_ffff, -1, -2, -3, -8, -0x8000_0000] {
                    let ranges = (Range::exact(first.into()), Range::exact(limit.into()));
                    let Some(turns) = satisfied(condition, ranges.0, step, ranges.1) else { continue };
                    let what = format!("{condition} {first:#x} {step} {limit:#x}");
                    assert!(turns.exact, "{what}");
                    match counted(condition, first, step, limit) {
                        Some(count) => assert_eq!(turns.most, count, "{what}"),
                        None => assert!(turns.most > 400, "{what}: {turns:?}"),
                    }
                    known += 1;
                }
            }
        }
        assert!(known > 2000, "{known} of the loops were understood");
    }

    #[test]
    fn a_range_of_starts_and_limits_gives_at_least_what_counting_gives() {
        let near = [0u64, 0x7fff_ffc0, 0x8000_0000, 0xffff_ffb0];
        let mut known = 0;
        for condition in CONDITIONS {
            for (a, b) in near.iter().flat_map(|&a| near.map(|b| (a, b))) {
                for step in [1, 4, 8, 5, -1, -4, -5] {
                    for (zeros, spread) in [(0, 3), (2, 12), (3, 24)] {
                        let first = Range::between(a, a + spread).with_zeros(zeros);
                        let limit = Range::between(b + 16, b + 16 + spread).with_zeros(zeros);
                        let Some(turns) = satisfied(condition, first, step, limit) else { continue };
                        for x in (first.low()..=first.high()).step_by(1 << zeros) {
                            for y in (limit.low()..=limit.high()).step_by(1 << zeros) {
                                match counted(condition, x as u32, step, y as u32) {
                                    Some(count) => assert!(count <= turns.most, "{condition} {x:#x} {step} {y:#x}"),
                                    None => assert!(turns.most >= 400, "{condition} {x:#x} {step} {y:#x}"),
                                }
                            }
                        }
                        known += 1;
                    }
                }
            }
        }
        assert!(known > 50, "{known} of the loops were understood");
    }
}
