//! Loops that get a second version.
//!
//! They call nothing, `views` has brought the lengths in front of them, and they are left in one place: loops that search
//! are left early so often that a test in front of them costs more than their checks. Such a loop gets its second version
//! with the loop around it, if that makes all checks of both disappear: one test for all turns. Of innermost loops some
//! checks may stay, if no more than disappear: those of the vector's elements, where a sparse matrix is multiplied.

use super::span::Span;
use super::turns::Turns;
use crate::optimize::Unit;
use crate::optimize::analysis::Ranges;
use crate::optimize::analysis::check::Check;
use crate::optimize::analysis::view::{self, Loud};
use cranelift_codegen::ir::{Block, BlockCall, Function, Inst, Opcode};
use cranelift_codegen::loop_analysis::Loop;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

/// Instructions and blocks a loop may have.
const MAX_SIZE: usize = 200;
const MAX_BLOCKS: usize = 40;

/// Checks that are tested in front of a loop, and in front of one with others in it: each costs a few instructions.
const MAX_TESTS: [usize; 2] = [6, 12];

/// Loops that surely turn less often are not worth it.
const MIN_TURNS: u64 = 4;

/// A loop that gets a second version.
pub struct Candidate {
    /// Its blocks, the header first.
    pub blocks: Vec<Block>,
    /// The jump that enters it.
    pub entry: Inst,
    /// How often it and those in it turn.
    pub turns: Vec<(Loop, Turns)>,
    /// Checks that the first version does without, with what they check.
    pub checks: Vec<(Check, Span)>,
    /// The only edge out of it: branch and number.
    pub exit: (Inst, usize),
}

pub fn find(unit: &Unit<'_>) -> Vec<Candidate> {
    let loops = unit.flow.loops;
    let loud = Loud::find(unit.func, &unit.flow);
    let mut ranges = Ranges::new(unit.flow);
    let mut blocks = blocks(unit);
    let outer: HashSet<Loop> = loops.loops().filter_map(|within| loops.loop_parent(within)).collect();
    let mut all: Vec<Loop> = loops.loops().collect();
    // Inner ones first.
    all.sort_by_key(|&within| Reverse(loops.loop_level(loops.loop_header(within)).level()));
    let mut around_found: HashSet<Loop> = HashSet::new();
    let mut found: Vec<Candidate> = Vec::new();
    for within in all {
        if !loud.is_quiet(within) || around_found.contains(&within) {
            continue;
        }
        let Some(blocks) = blocks.remove(&within) else { continue };
        let Some(candidate) = candidate(unit, &mut ranges, within, blocks, outer.contains(&within)) else { continue };
        found.push(candidate);
        around_found.extend(std::iter::successors(Some(within), |&within| loops.loop_parent(within)));
    }
    // What enters one must not be what leaves another, which is going to lead elsewhere.
    let owned: HashSet<Block> = found.iter().flat_map(|c| c.blocks.iter().copied()).collect();
    found.retain(|c| unit.func.layout.inst_block(c.entry).is_some_and(|block| !owned.contains(&block)));
    found
}

/// The blocks of each loop that has not too many.
fn blocks(unit: &Unit<'_>) -> HashMap<Loop, Vec<Block>> {
    let mut found: HashMap<Loop, Vec<Block>> = HashMap::new();
    for block in unit.func.layout.blocks() {
        let mut around = unit.flow.loops.innermost_loop(block);
        while let Some(within) = around {
            let blocks = found.entry(within).or_default();
            if blocks.len() > MAX_BLOCKS {
                // So have those around it.
                break;
            }
            blocks.push(block);
            around = unit.flow.loops.loop_parent(within);
        }
    }
    found.retain(|_, blocks| blocks.len() <= MAX_BLOCKS);
    found
}

fn candidate(
    unit: &Unit<'_>,
    ranges: &mut Ranges<'_>,
    within: Loop,
    mut blocks: Vec<Block>,
    nested: bool,
) -> Option<Candidate> {
    let func = &*unit.func;
    let header = unit.flow.loops.loop_header(within);
    // The header first, whatever the layout.
    blocks.sort_by_key(|&block| block != header);
    let entry = unit.flow.entry(func, within)?;
    let (mut size, mut exits) = (0, Vec::new());
    let mut all: Vec<(Loop, Check)> = Vec::new();
    for &block in &blocks {
        let inner = unit.flow.loops.innermost_loop(block)?;
        for inst in func.layout.block_insts(block) {
            size += 1;
            all.extend(Check::of_limit(func, unit.plan, inst).map(|check| (inner, check)));
            if !can_copy(func, inst) || size > MAX_SIZE {
                return None;
            }
            let leaves = |call: &BlockCall| !unit.flow.loops.is_in_loop(call.block(&func.dfg.value_lists), within);
            let calls = func.dfg.insts[inst].branch_destination(&func.dfg.jump_tables, &func.dfg.exception_tables);
            exits.extend(calls.iter().enumerate().filter(|(_, call)| leaves(call)).map(|(at, _)| (inst, at)));
        }
    }
    let [exit] = exits[..] else { return None };
    if all.is_empty() || ranges.turns(func, within).is_some_and(|turns| turns.most < MIN_TURNS) {
        return None;
    }
    let most = MAX_TESTS[usize::from(nested)];
    if nested && all.len() > most {
        return None;
    }
    let (mut turns, mut checks) = (Vec::new(), Vec::new());
    let mut stay = 0;
    for (inner, check) in all {
        match range_of(unit, within, inner, &check, &mut turns) {
            Some(span) => checks.push((check, span)),
            None if nested => return None,
            None => stay += 1,
        }
    }
    // Where only something that doesn't change is checked, the test would cost what it saves, nearly.
    let varies = checks.iter().any(|(_, span)| !span.steps.is_empty());
    let worth = varies && checks.len() <= most && stay <= checks.len();
    worth.then_some(Candidate { blocks, entry, turns, checks, exit })
}

/// What a checked index is in each iteration, where its limit, and how often the loops turn, is known in front of the
/// outer one.
fn range_of(unit: &Unit<'_>, outer: Loop, inner: Loop, check: &Check, turns: &mut Vec<(Loop, Turns)>) -> Option<Span> {
    if check.length.is_some_and(|limit| !unit.flow.is_invariant(unit.func, limit, outer)) {
        return None;
    }
    let span = Span::of(unit, outer, inner, check.narrow_index(unit.func)?)?;
    for &(within, _) in &span.steps {
        if !turns.iter().any(|&(known, _)| known == within) {
            turns.push((within, Turns::of(unit, within, outer)?));
        }
    }
    Some(span)
}

fn can_copy(func: &Function, inst: Inst) -> bool {
    let data = &func.dfg.insts[inst];
    let plain = !data.opcode().is_branch() || matches!(data.opcode(), Opcode::Jump | Opcode::Brif);
    plain && view::is_quiet(func, inst)
}
