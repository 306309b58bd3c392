//! `jam`: sums of neighbouring elements are added up at once.
//!
//! ```text
//! outer(j):                                  outer(j):
//!   jump inner(0, 0.0)                         jump inner(0, (splat 0.0))
//! inner(k, sum):                             inner(k, sums):
//!   a = load.f64 (iadd base, k)                a = splat (load.f64 (iadd base, k))
//!   b = load.f64 (iadd base, …k + j)           b = load.f64x2 (iadd base, …k + j)
//!   next = fadd sum, (fmul a, b)         →     next = fadd sums, (fmul a, b)
//!   brif …, inner(k + 1, next), tail           brif …, inner(k + 1, next), tail
//! tail:                                      tail:
//!   store next, (iadd base, j)                 store (extractlane next, 0), (iadd base, j)
//!   brif …, outer(j + 8), exit                 store (extractlane next, 1), (iadd base, j + 8)
//!                                              brif …, outer(j + 16), exit
//! ```
//!
//! A sum of floats is added up in its order, so each addition waits for the one before: four cycles. Nobody waits if
//! several iterations of the loop around it (eight, or four) run through the inner loop together. Each lane gets what it got
//! before, in the order in which it got it. Where the number of iterations is no multiple, a test in front of each turn
//! hands the last ones to the loop as it was.
//!
//! Loads come in front of stores that earlier iterations make behind their inner loops: so all of them are known to lie
//! below the memory's least length, where they can't trap, and apart from what these stores write (`motion`); and nobody
//! may be able to protect pages, as for `vectorize`.

mod build;
mod left;
mod motion;
mod nest;

use super::Unit;
use super::analysis::{Ranges, value};
use cranelift_codegen::ir::Block;
use left::Left;
use motion::Motion;
use nest::Nest;
use std::collections::{BTreeSet, HashMap};

/// Iterations of the outer loop that are done at once, at most.
const MAX_LANES: u32 = 8;

/// The same where lanes are loaded one by one, or two sums are carried.
const FEW_LANES: u32 = 4;

/// An inner loop that turns less often is not worth it.
const MIN_TURNS: u64 = 4;

pub fn run(unit: &mut Unit<'_>) -> bool {
    if !unit.has_vectors || !unit.plan.pages_stay_open() {
        return false;
    }
    let mut ranges = Ranges::new(unit.flow);
    let mut found: Vec<Option<Jam>> = Vec::new();
    for within in unit.flow.loops.loops() {
        let Some(nest) = Nest::around(unit, within) else { continue };
        let rare = ranges.turns(unit.func, within).is_some_and(|turns| turns.most < MIN_TURNS);
        if rare || unit.flow.entry(unit.func, nest.outer).is_none() {
            continue;
        }
        let Some(motion) = Motion::of(unit, &mut ranges, &nest) else { continue };
        let lanes = if motion.neighbours && motion.sums == 1 { MAX_LANES } else { FEW_LANES };
        let Some(left) = Left::of(unit, &mut ranges, &nest, lanes) else { continue };
        found.push(Some(Jam { nest, motion, lanes, left }));
    }
    for number in used_outside(unit, &found) {
        found[number] = None;
    }
    let found: Vec<Jam> = found.into_iter().flatten().collect();
    for jam in &found {
        build::build(unit, jam);
    }
    !found.is_empty()
}

/// What is done where.
struct Jam {
    nest: Nest,
    motion: Motion,
    lanes: u32,
    left: Left,
}

/// Those whose values are used outside of their nest, other than by being handed on.
fn used_outside(unit: &Unit<'_>, found: &[Option<Jam>]) -> BTreeSet<usize> {
    let mut owners: HashMap<Block, usize> = HashMap::new();
    for (number, jam) in found.iter().enumerate() {
        owners.extend(jam.iter().flat_map(|jam| jam.nest.blocks()).map(|block| (block, number)));
    }
    let mut used = BTreeSet::new();
    if owners.is_empty() {
        return used;
    }
    for block in unit.func.layout.blocks() {
        for value in unit.func.layout.block_insts(block).flat_map(|inst| unit.func.dfg.inst_values(inst)) {
            let owner = value::block(unit.func, value).and_then(|made| owners.get(&made));
            used.extend(owner.filter(|&number| owners.get(&block) != Some(number)));
        }
    }
    used
}
