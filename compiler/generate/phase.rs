//! Where a function should begin so that its hot jumps lie well.
//!
//! Intel's CPUs from Skylake to Cascade Lake don't keep a 32-byte window in the cache of decoded instructions if a jump
//! crosses its end or ends there (erratum SKX102): a loop takes up to 45% longer by chance. Compilers pad such jumps;
//! Cranelift can't, but all jumps of a function move with its start. Loops in fewer windows are quicker, too.
//!
//! AMD's CPUs of today have windows of 64 bytes. What matters there is code that many jumps go to, as those of an
//! interpreter do to where it looks at the next instruction: across a border it takes up to 40% longer. And they are slower
//! where a loop lies in two pages.

/// Windows of the cache.
pub const WINDOW: u32 = 32;

/// Larger ones, of other CPUs.
pub const LARGE_WINDOW: u32 = 64;

/// Where a function should begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Phase {
    /// The remainder of its start by `window`.
    pub remainder: u32,
    /// [`WINDOW`], or [`LARGE_WINDOW`] where the smaller one is not enough.
    pub window: u32,
    /// From where to where, in the function, its hottest loop lies, if that should be in one page.
    pub loop_at: (u32, u32),
}

impl Phase {
    /// At the start of a window.
    pub const ANY: Phase = Phase::in_window(0);

    const fn in_window(remainder: u32) -> Phase {
        Phase { remainder, window: WINDOW, loop_at: (0, 0) }
    }

    /// The first offset from `behind` on that is such a place, in a text that begins with a page. Texts are smaller than
    /// 2 GiB.
    pub fn place(&self, behind: usize) -> usize {
        let (remainder, window) = (self.remainder as usize, self.window as usize);
        let (start, end) = (self.loop_at.0 as usize, self.loop_at.1 as usize);
        let mut at = (behind + window - 1 - remainder) / window * window + remainder;
        // Loops are much smaller than pages: this ends.
        while end > start && (at + start) / PAGE != (at + end - 1) / PAGE {
            at += window;
        }
        at
    }
}

/// Bytes of a page.
pub const PAGE: usize = 4096;

/// A loop of more bytes may lie in two pages: there is more of it than what crosses the border.
const SMALL_LOOP: u32 = 512;

/// Distances between starts to choose from.
const STEP: u32 = 4;

/// What a jump badly placed costs, in windows of its loop.
const SPLIT_JUMP: u64 = 4;

/// The same for the beginning of a loop, for each jump back to it.
const SPLIT_HEAD: u64 = 4;

/// As many jumps back at most as are counted.
const MANY: usize = 16;

/// A jump inside a function.
struct Jump {
    start: u32,
    end: u32,
    target: u32,
}

/// A loop, as far as jumps show it.
struct Loop {
    start: u32,
    end: u32,
    weight: u64,
}

/// So many windows' ends lie between two places of a function.
fn borders(start: u32, end: u32, phase: u32, window: u32) -> u64 {
    u64::from((end + phase) / window - (start + phase) / window)
}

/// Where a function should begin best, for x86-64 code that wants to be aligned to `align`. Jumps behind `hot` don't
/// count.
pub fn phase(code: &[u8], hot: usize, align: u32) -> Phase {
    let mut jumps = jumps(code);
    jumps.retain(|jump| jump.end as usize <= hot);
    let loops = loops(&jumps);
    if loops.is_empty() {
        return Phase::ANY;
    }
    let weights = weights(&jumps, &loops);
    let mut back: Vec<u32> = jumps.iter().filter(|j| j.target < j.end).map(|jump| jump.target).collect();
    back.sort_unstable();
    let heads: Vec<(u32, u32, u64)> = loops.iter().filter_map(|l| head(code, &jumps, &back, l)).collect();
    let cost = |phase: u32| -> u64 {
        let split = jumps.iter().zip(&weights).filter(|(jump, _)| borders(jump.start, jump.end, phase, WINDOW) > 0);
        let split: u64 = split.map(|(_, weight)| SPLIT_JUMP * weight).sum();
        let windows = |&(start, end, _): &(u32, u32, u64)| borders(start, end - 1, phase, LARGE_WINDOW);
        let heads: u64 = heads.iter().map(|head| SPLIT_HEAD * head.2 * windows(head)).sum();
        split + heads + loops.iter().map(|l| l.weight * borders(l.start, l.end - 1, phase, WINDOW)).sum::<u64>()
    };
    Phase { loop_at: hottest(&loops), ..best(cost, align.max(STEP)) }
}

/// The largest small loop around one of the innermost.
fn hottest(loops: &[Loop]) -> (u32, u32) {
    let small = || loops.iter().filter(|l| l.end - l.start <= SMALL_LOOP);
    let Some(inner) = small().max_by_key(|l| l.weight) else { return (0, 0) };
    let around = small().filter(|l| l.start <= inner.start && inner.end <= l.end);
    around.map(|l| (l.start, l.end)).max_by_key(|(start, end)| end - start).unwrap_or((0, 0))
}

/// The cheapest place in a window, unless one in a larger one is cheaper still: those take more room.
fn best(cost: impl Fn(u32) -> u64, step: u32) -> Phase {
    let places: Vec<(u32, u64)> = (0..LARGE_WINDOW).step_by(step as usize).map(|at| (at, cost(at))).collect();
    let (first, second) = places.split_at(places.partition_point(|&(at, _)| at < WINDOW));
    let small = first.iter().zip(second).map(|(&(at, cost), &(_, other))| (cost.max(other), Phase::in_window(at)));
    let large = places.iter().map(|&(at, cost)| (cost, Phase { window: LARGE_WINDOW, ..Phase::in_window(at) }));
    small.chain(large).min_by_key(|(cost, _)| *cost).map_or(Phase::ANY, |(_, phase)| phase)
}

/// Where a loop begins, up to its first jump, with how often that is executed; if it fits into a window at all. `back`:
/// targets of jumps backwards, in order.
fn head(code: &[u8], jumps: &[Jump], back: &[u32], of: &Loop) -> Option<(u32, u32, u64)> {
    let back = &back[back.partition_point(|&target| target < of.start)..];
    let back = back.iter().take(MANY).filter(|&&target| target == of.start).count();
    let direct = jumps.get(jumps.partition_point(|jump| jump.end <= of.start)).map(|jump| jump.end);
    let end = [direct, indirect_jump(code, of.start)].into_iter().flatten().min()?;
    (end - of.start <= LARGE_WINDOW).then_some((of.start, end, of.weight * back as u64))
}

/// The end of what looks like a jump by a register, near a place.
fn indirect_jump(code: &[u8], from: u32) -> Option<u32> {
    let near = code.get(from as usize..)?;
    let found = near[..near.len().min(LARGE_WINDOW as usize)]
        .windows(2)
        .position(|jump| is_indirect_jump([jump[0], jump[1]]))?;
    Some(from + found as u32 + 2) // at most 64 bytes on
}

/// `jmp *%r64`, but for the prefix of some.
fn is_indirect_jump(bytes: [u8; 2]) -> bool {
    bytes[0] == 0xff && bytes[1] & 0xf8 == 0xe0
}

/// The same for the code of a stub, which is executed from top to bottom up to its last return: its jumps, calls (by
/// their return addresses) and returns count alike. It should lie in few windows, and begin late in the first one.
pub fn of_stub(code: &[u8], returns: impl Iterator<Item = u32>) -> Phase {
    const DIRECT_CALL: u32 = 5;
    let mut jumps: Vec<(u32, u32)> = jumps(code).iter().map(|jump| (jump.start, jump.end)).collect();
    jumps.extend(returns.map(|after| (after.saturating_sub(DIRECT_CALL), after)));
    // Code is shorter than 2 GiB.
    jumps.extend(code.windows(2).zip(1..).filter(|(end, _)| *end == [0x5d, 0xc3]).map(|(_, at)| (at, at + 1)));
    let hot = hot(code) as u32;
    jumps.retain(|&(_, end)| end <= hot);
    let split = |phase: u32| {
        let crosses = |&&(start, end): &&(u32, u32)| (start + phase) / WINDOW != (end + phase) / WINDOW;
        jumps.iter().filter(crosses).count()
    };
    let cost = |&phase: &u32| (split(phase), (phase + hot).div_ceil(WINDOW), std::cmp::Reverse(phase));
    Phase::in_window((0..WINDOW).step_by(STEP as usize).min_by_key(cost).unwrap_or(0))
}

/// Where second versions of loops begin, in a function that has some: behind the last return, which ends other code.
pub fn hot(code: &[u8]) -> usize {
    const POP_AND_RETURN: [u8; 2] = [0x5d, 0xc3];
    let last = code.windows(2).rposition(|bytes| bytes == POP_AND_RETURN);
    last.map_or(code.len(), |at| at + POP_AND_RETURN.len())
}

/// What looks like a direct jump inside the function, in order. Bytes of constants may look so, too: that costs a better
/// place, nothing else.
fn jumps(code: &[u8]) -> Vec<Jump> {
    let mut jumps = Vec::new();
    for at in 0..code.len().saturating_sub(5) {
        // Conditional ones are decoded together with the comparison before them, which has about three bytes.
        let (before, length) = match code[at] {
            0x0f if code[at + 1] & 0xf0 == 0x80 => (3, 6),
            0xe9 => (0, 5),
            _ => continue,
        };
        let Some(&displacement) = code[at..].get(..length).and_then(|jump| jump.last_chunk()) else { continue };
        // Code is shorter than 2 GiB.
        let end = (at + length) as u32;
        let target = i64::from(end) + i64::from(i32::from_le_bytes(displacement));
        if (0..code.len() as i64).contains(&target) {
            jumps.push(Jump { start: (at as u32).saturating_sub(before), end, target: target as u32 });
        }
    }
    jumps
}

/// From the targets of jumps backwards to the last of those, in order of their starts.
fn loops(jumps: &[Jump]) -> Vec<Loop> {
    let mut ranges: Vec<(u32, u32)> = jumps.iter().filter(|j| j.target < j.end).map(|j| (j.target, j.end)).collect();
    ranges.sort_unstable_by_key(|&(start, end)| (start, std::cmp::Reverse(end)));
    ranges.dedup_by_key(|(start, _)| *start);
    let mut around: Vec<u32> = Vec::new();
    let mut with_weight = |(start, end)| {
        while around.last().is_some_and(|&outer| outer <= start) {
            around.pop();
        }
        around.push(end);
        Loop { start, end, weight: weight(around.len()) }
    };
    ranges.into_iter().map(&mut with_weight).collect()
}

/// How often something is executed with so many loops around it.
fn weight(depth: usize) -> u64 {
    if depth > 0 { 1 << (3 * depth.min(10)) } else { 0 }
}

/// How often each jump is executed.
fn weights(jumps: &[Jump], loops: &[Loop]) -> Vec<u64> {
    let mut borders: Vec<(u32, i32)> = loops.iter().flat_map(|l| [(l.start, 1), (l.end, -1)]).collect();
    borders.sort_unstable();
    let (mut borders, mut depth) = (borders.into_iter().peekable(), 0i32);
    let depths = jumps.iter().map(|jump| {
        while let Some((_, change)) = borders.next_if(|(at, _)| *at < jump.end) {
            depth += change;
        }
        depth
    });
    depths.map(|depth| weight(usize::try_from(depth).unwrap_or(0))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `before` bytes, then a loop of `body` bytes and a conditional jump.
    fn one_loop(before: usize, body: usize) -> Vec<u8> {
        let mut code = vec![0x90; before + body];
        code.extend([0x0f, 0x85]);
        code.extend((-(body as i32) - 6).to_le_bytes());
        code.push(0xc3);
        code
    }

    #[test]
    fn hot_jumps_keep_inside_windows() {
        for (before, body) in [(0, 10), (0, 22), (0, 26), (5, 40), (100, 3), (7, 25), (20, 12)] {
            let code = one_loop(before, body);
            let phase = phase(&code, code.len(), 1).remainder;
            let end = (before + body + 6) as u32 + phase;
            assert_eq!((end - 9) / WINDOW, end / WINDOW, "{before} {body}: {phase}");
            let fits = end / WINDOW == (before as u32 + phase) / WINDOW;
            assert!(fits || body > 20, "{before} {body}: {phase}");
        }
        for align in [32, 64] {
            let found = phase(&one_loop(0, 26), usize::MAX, align);
            assert_eq!((found.remainder, found.window), (0, align), "alignment comes first");
        }
    }

    /// As interpreters have them: `before` bytes, a head that ends with a jump by a register, and `cases` that come back.
    fn dispatch(before: usize, head: usize, cases: usize) -> Vec<u8> {
        let mut code = vec![0x90; before + head - 2];
        code.extend([0xff, 0xe2]);
        for _ in 0..cases {
            code.extend([0x90; 40]);
            code.push(0xe9);
            code.extend((before as i32 - code.len() as i32 - 4).to_le_bytes());
        }
        code
    }

    #[test]
    fn what_many_jumps_go_to_keeps_inside_a_large_window() {
        for before in 0..130 {
            for head in [20, 44, 60] {
                let code = dispatch(before, head, 20);
                let phase = phase(&code, code.len(), 1);
                let starts = (0..LARGE_WINDOW).filter(|at| at % phase.window == phase.remainder);
                for start in starts {
                    assert_eq!(
                        borders(before as u32, (before + head) as u32 - 1, start, LARGE_WINDOW),
                        0,
                        "{before} {head}"
                    );
                }
            }
        }
        let small = dispatch(0, 20, 1);
        assert_eq!(phase(&small, small.len(), 1).window, WINDOW, "a larger one gains nothing");
        let large = dispatch(0, 100, 20);
        assert_eq!(phase(&large, large.len(), 1).window, WINDOW, "it fits into none");
    }

    #[test]
    fn small_loops_lie_in_one_page() {
        let loops = [(10, 300, 8), (20, 40, 64), (50, 90, 64), (0, 2000, 1)];
        let loops = loops.map(|(start, end, weight)| Loop { start, end, weight });
        assert_eq!(hottest(&loops), (10, 300), "around the innermost");
        assert_eq!(hottest(&loops[3..]), (0, 0), "it is large");
        let phase = Phase { loop_at: (10, 300), ..Phase::in_window(4) };
        for behind in 0..2 * PAGE {
            let at = phase.place(behind);
            assert!(at >= behind && at < behind + 300 + 32 && at % 32 == 4, "{behind}: {at}");
            assert_eq!((at + 10) / PAGE, (at + 299) / PAGE, "{behind}: {at}");
        }
        assert_eq!(Phase::ANY.place(PAGE - 31), PAGE, "no loop, nothing to keep together");
    }

    #[test]
    fn second_versions_move_nothing() {
        let mut code = one_loop(7, 25);
        code.insert(code.len() - 1, 0x5d);
        let end = hot(&code);
        assert_eq!(end, code.len());
        let alone = phase(&code, end, 1);
        for behind in 0..32 {
            let both = [code.clone(), one_loop(behind, 10)].concat();
            assert_eq!(hot(&both), end);
            assert_eq!(phase(&both, end, 1), alone, "{behind}");
        }
        assert_eq!(hot(&[0x90; 7]), 7, "nothing returns");
    }

    #[test]
    fn calls_and_returns_of_stubs_keep_inside_windows() {
        for length in 4..60 {
            let mut code = vec![0x90; length];
            code.extend([0xe8, 0, 0, 0, 0, 0x5d, 0xc3]);
            let after = length as u32 + 5;
            let phase = of_stub(&code, [after].into_iter()).remainder;
            for (start, end) in [(after - 5, after), (after + 1, after + 2)] {
                assert_eq!((start + phase) / WINDOW, (end + phase) / WINDOW, "{length}: {phase}");
            }
        }
        assert_eq!(of_stub(&[], [].into_iter()), Phase::ANY);
    }

    #[test]
    fn what_is_no_loop_is_left_alone() {
        for code in
            [&[][..], &[0x0f], &[0xe9, 0, 0, 0], &[0x0f, 0x85, 1, 0, 0, 0, 0x90], &[0xe9, 0xff, 0xff, 0xff, 0x7f, 0]]
        {
            assert_eq!(phase(code, code.len(), 16), Phase::ANY, "{code:?}");
        }
        // Constants with any bytes.
        let bytes: Vec<u8> = (0..5000u32).map(|i| (i.wrapping_mul(0x9e37_79b9) >> 13) as u8 | 0x0f).collect();
        assert_eq!(phase(&bytes, bytes.len(), 16).remainder % 16, 0);
        assert_eq!(phase(&[0xe9; 3000], 3000, 8).remainder % 8, 0);
    }

    #[test]
    fn inner_loops_count_most() {
        let jumps = [(10, 15, 0), (20, 26, 12), (30, 36, 18), (50, 56, 5)];
        let jumps = jumps.map(|(start, end, target)| Jump { start, end, target });
        let loops = loops(&jumps);
        let found: Vec<_> = loops.iter().map(|l| (l.start, l.end, l.weight)).collect();
        assert_eq!(found, [(0, 15, 8), (5, 56, 64), (12, 26, 64 * 8), (18, 36, 64 * 64)]);
        assert_eq!(weights(&jumps, &loops)[3], 8);
    }
}
