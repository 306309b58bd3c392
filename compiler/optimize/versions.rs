//! `versions`: a loop whose accesses run over a range is there twice, without checks and with them.
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
//! runs, and traps where it always did. Only innermost loops that call nothing, where `views` has brought the length in
//! front of the loop, that are left in one place, and of which all checks disappear: loops that search are left early so
//! often that the test in front of them cost more than their checks, and where some checks stay, as in products of sparse
//! matrices, short loops became slower. Indexes are 32-bit values that grow by the same number in each iteration, or don't change; how
//! often the loop turns is computed from its test. If the last index, computed in 64 bits, is inside, so are those
//! before, and none has wrapped.

use super::Unit;
use super::analysis::affine::{self, Affine, Term};
use super::analysis::check::Check;
use super::analysis::counter::{comparison, latch};
use super::analysis::view::{self, Loud};
use super::analysis::{Ranges, value};
use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::condcodes::{CondCode, IntCC};
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{
    Block, BlockArg, BlockCall, Function, Inst, InstBuilder, InstructionData, Opcode, Type, Value,
};
use cranelift_codegen::loop_analysis::Loop;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Instructions a loop may have.
const MAX_SIZE: usize = 200;

/// Checks that are tested in front of a loop: each costs a few instructions.
const MAX_TESTS: usize = 6;

/// Operations that compute where an access begins.
const MAX_TERM: usize = 8;

/// Loops that surely turn less often are not worth it.
const MIN_TURNS: u64 = 4;

/// A loop that gets a second version.
struct Candidate {
    /// Its blocks, in their order.
    blocks: Vec<Block>,
    /// The jump that enters it.
    entry: Inst,
    turns: Option<Turns>,
    /// Checks that the first version does without, with what they check.
    checks: Vec<(Check, Affine)>,
    /// The only edge out of it: branch and number.
    exit: (Inst, usize),
}

/// The loop goes on while `value condition limit`, of which the value changes by `step`.
struct Turns {
    condition: IntCC,
    start: Term,
    step: i32,
    limit: Term,
}

pub fn run(unit: &mut Unit<'_>) -> bool {
    if !view::any(unit.plan) {
        return false;
    }
    let candidates = find(unit);
    if candidates.is_empty() {
        return false;
    }
    let outside = used_outside(unit, &candidates);
    let mut owners: HashMap<Block, Block> = HashMap::new();
    let mut renamed: HashMap<Value, (Block, Value)> = HashMap::new();
    for candidate in &candidates {
        let header = candidate.blocks[0];
        let kept: Vec<Value> = outside.get(&header).map_or_else(Vec::new, |values| values.iter().copied().collect());
        let (copies, names) = copy(unit.func, candidate);
        owners.extend(candidate.blocks.iter().chain(copies.values()).map(|&block| (block, header)));
        join(unit.func, candidate, &copies, &names, &kept, &mut renamed);
        branch(unit, candidate, copies[&header]);
        for (check, _) in &candidate.checks {
            unit.func.layout.remove_inst(check.inst);
        }
    }
    rename(unit.func, &owners, &renamed);
    true
}

// ---- Which loops ----

fn find(unit: &Unit<'_>) -> Vec<Candidate> {
    let loops = unit.flow.loops;
    let outer: HashSet<Loop> = loops.loops().filter_map(|within| loops.loop_parent(within)).collect();
    let mut blocks: HashMap<Loop, Vec<Block>> = HashMap::new();
    for block in unit.func.layout.blocks() {
        if let Some(within) = loops.innermost_loop(block).filter(|within| !outer.contains(within)) {
            blocks.entry(within).or_default().push(block);
        }
    }
    let loud = Loud::find(unit.func, &unit.flow);
    let mut ranges = Ranges::new(unit.flow);
    let mut found: Vec<Candidate> = Vec::new();
    for within in loops.loops().filter(|&within| loud.is_quiet(within)) {
        let Some(blocks) = blocks.remove(&within) else { continue };
        found.extend(candidate(unit, &mut ranges, within, blocks));
    }
    // What enters one must not be what leaves another, which is going to lead elsewhere.
    let owned: HashSet<Block> = found.iter().flat_map(|c| c.blocks.iter().copied()).collect();
    found.retain(|c| unit.func.layout.inst_block(c.entry).is_some_and(|block| !owned.contains(&block)));
    found
}

fn candidate(unit: &Unit<'_>, ranges: &mut Ranges<'_>, within: Loop, mut blocks: Vec<Block>) -> Option<Candidate> {
    let func = &*unit.func;
    let header = unit.flow.loops.loop_header(within);
    // The header first, whatever the layout.
    blocks.sort_by_key(|&block| block != header);
    let entry = unit.flow.entry(func, within)?;
    let (mut size, mut exits) = (0, Vec::new());
    let mut found: Vec<Check> = Vec::new();
    for &block in &blocks {
        for inst in func.layout.block_insts(block) {
            size += 1;
            found.extend(Check::of_limit(func, unit.plan, inst));
            if !can_copy(func, inst) || size > MAX_SIZE {
                return None;
            }
            let leaves = |call: &BlockCall| {
                let target = call.block(&func.dfg.value_lists);
                unit.flow.loops.innermost_loop(target) != Some(within)
            };
            let calls = func.dfg.insts[inst].branch_destination(&func.dfg.jump_tables, &func.dfg.exception_tables);
            exits.extend(calls.iter().enumerate().filter(|(_, call)| leaves(call)).map(|(at, _)| (inst, at)));
        }
    }
    let [exit] = exits[..] else { return None };
    let turns = turns(unit, within);
    if found.is_empty() || ranges.turns(func, within).is_some_and(|turns| turns.most < MIN_TURNS) {
        return None;
    }
    let mut checks: Vec<(Check, Affine)> = Vec::new();
    for check in found {
        let affine = range_of(unit, within, &check)?;
        if turns.is_none() && affine.step != Term::Constant(0) {
            return None;
        }
        checks.push((check, affine));
    }
    // Where only something that doesn't change is checked, the test would cost what it saves, nearly.
    let worth = checks.len() <= MAX_TESTS && checks.iter().any(|(_, affine)| affine.step != Term::Constant(0));
    worth.then_some(Candidate { blocks, entry, turns, checks, exit })
}

/// What a checked index is in each iteration, where its limit is known in front of the loop.
fn range_of(unit: &Unit<'_>, within: Loop, check: &Check) -> Option<Affine> {
    let fixed = check.length.is_none_or(|limit| unit.flow.is_invariant(unit.func, limit, within));
    let affine = affine::of(unit.func, &unit.flow, within, check.narrow_index(unit.func)?)?;
    (fixed && affine.start.size() + affine.step.size() <= MAX_TERM).then_some(affine)
}

fn can_copy(func: &Function, inst: Inst) -> bool {
    let data = &func.dfg.insts[inst];
    let plain = !data.opcode().is_branch() || matches!(data.opcode(), Opcode::Jump | Opcode::Brif);
    plain && view::is_quiet(func, inst)
}

/// The test that decides how often a loop turns at most: one that each iteration comes to.
fn turns(unit: &Unit<'_>, within: Loop) -> Option<Turns> {
    let header = unit.flow.loops.loop_header(within);
    let mut block = latch(&unit.flow, header)?;
    loop {
        if let Some(found) = unit.func.layout.last_inst(block).and_then(|branch| test(unit, within, branch)) {
            return Some(found);
        }
        if block == header {
            return None;
        }
        block = unit.flow.domtree.idom(block)?;
    }
}

fn test(unit: &Unit<'_>, within: Loop, branch: Inst) -> Option<Turns> {
    let func = &*unit.func;
    let InstructionData::Brif { arg, blocks, .. } = func.dfg.insts[branch] else { return None };
    let stays = blocks.map(|call| unit.flow.loops.is_in_loop(call.block(&func.dfg.value_lists), within));
    if stays[0] == stays[1] {
        return None;
    }
    let (condition, x, y) = comparison(func, arg, stays[1])?;
    let affine = |value: Value| affine::of(func, &unit.flow, within, value);
    let x = affine(x)?;
    let y = match y {
        Some(y) => affine(y)?,
        None => Affine { start: Term::Constant(0), step: Term::Constant(0) },
    };
    let (condition, counter, limit) =
        if y.step == Term::Constant(0) { (condition, x, y) } else { (condition.swap_args(), y, x) };
    let step = counter.step.constant()? as i32;
    let fits = match condition {
        IntCC::NotEqual => step != 0 && step != i32::MIN,
        IntCC::UnsignedLessThan
        | IntCC::SignedLessThan
        | IntCC::UnsignedLessThanOrEqual
        | IntCC::SignedLessThanOrEqual => step > 0,
        IntCC::UnsignedGreaterThan
        | IntCC::SignedGreaterThan
        | IntCC::UnsignedGreaterThanOrEqual
        | IntCC::SignedGreaterThanOrEqual => step < 0 && step != i32::MIN,
        _ => false,
    };
    let small = counter.start.size() + limit.start.size() <= MAX_TERM;
    (fits && small && limit.step == Term::Constant(0)).then_some(Turns {
        condition,
        start: counter.start,
        step,
        limit: limit.start,
    })
}

// ---- The second version ----

/// Copies a loop's blocks to the function's end; gives the blocks and values that stand for the old ones.
fn copy(func: &mut Function, candidate: &Candidate) -> (BTreeMap<Block, Block>, HashMap<Value, Value>) {
    let mut copies = BTreeMap::new();
    let mut names: HashMap<Value, Value> = HashMap::new();
    let mut made = Vec::new();
    for &block in &candidate.blocks {
        let new = func.dfg.make_block();
        func.layout.append_block(new);
        func.layout.set_cold(new);
        copies.insert(block, new);
        for param in func.dfg.block_params(block).to_vec() {
            let ty = func.dfg.value_type(param);
            names.insert(param, func.dfg.append_block_param(new, ty));
        }
        for inst in func.layout.block_insts(block).collect::<Vec<_>>() {
            let clone = func.dfg.clone_inst(inst);
            func.layout.append_inst(clone, new);
            let location = func.srcloc(inst);
            func.set_srcloc(clone, location);
            let results = func.dfg.inst_results(inst).iter().zip(func.dfg.inst_results(clone));
            names.extend(results.map(|(&old, &new)| (old, new)));
            made.push(clone);
        }
    }
    for inst in made {
        let values: Vec<Value> = func.dfg.inst_values(inst).map(|v| func.dfg.resolve_aliases(v)).collect();
        func.dfg.overwrite_inst_values(inst, values.into_iter().map(|v| names.get(&v).copied().unwrap_or(v)));
        let dfg = &mut func.dfg;
        for call in dfg.insts[inst].branch_destination_mut(&mut dfg.jump_tables, &mut dfg.exception_tables) {
            if let Some(&new) = copies.get(&call.block(&dfg.value_lists)) {
                call.set_block(new, &mut dfg.value_lists);
            }
        }
    }
    (copies, names)
}

/// Values that are used outside of the candidate they are made in, by its header.
fn used_outside(unit: &Unit<'_>, candidates: &[Candidate]) -> HashMap<Block, BTreeSet<Value>> {
    let owners: HashMap<Block, Block> =
        candidates.iter().flat_map(|c| c.blocks.iter().map(|&block| (block, c.blocks[0]))).collect();
    let mut found: HashMap<Block, BTreeSet<Value>> = HashMap::new();
    for block in unit.func.layout.blocks() {
        for inst in unit.func.layout.block_insts(block) {
            for value in unit.func.dfg.inst_values(inst).map(|v| unit.func.dfg.resolve_aliases(v)) {
                let owner = value::block(unit.func, value).and_then(|made| owners.get(&made));
                if let Some(&header) = owner.filter(|&header| owners.get(&block) != Some(header)) {
                    found.entry(header).or_default().insert(value);
                }
            }
        }
    }
    found
}

/// Lets both versions leave through a block of their own, which hands on the values that are used behind the loop.
fn join(
    func: &mut Function,
    candidate: &Candidate,
    copies: &BTreeMap<Block, Block>,
    names: &HashMap<Value, Value>,
    kept: &[Value],
    renamed: &mut HashMap<Value, (Block, Value)>,
) {
    if kept.is_empty() {
        return;
    }
    let (branch, at) = candidate.exit;
    let block = func.layout.inst_block(branch).expect("it is in the loop");
    let clone = func.layout.last_inst(copies[&block]).expect("it ends with a branch");
    let leave = func.dfg.make_block();
    func.layout.insert_block_after(leave, *candidate.blocks.last().expect("a loop has blocks"));
    let call = edge(func, branch, at);
    let target = call.block(&func.dfg.value_lists);
    let handed: Vec<Value> = call.args(&func.dfg.value_lists).filter_map(|arg| arg.as_value()).collect();
    let types: Vec<Type> = handed.iter().chain(kept).map(|&value| func.dfg.value_type(value)).collect();
    let params: Vec<Value> = types.into_iter().map(|ty| func.dfg.append_block_param(leave, ty)).collect();
    for (inst, kept) in [
        (branch, kept.to_vec()),
        (clone, kept.iter().map(|value| names.get(value).copied().unwrap_or(*value)).collect()),
    ] {
        let dfg = &mut func.dfg;
        let calls = dfg.insts[inst].branch_destination_mut(&mut dfg.jump_tables, &mut dfg.exception_tables);
        calls[at].set_block(leave, &mut dfg.value_lists);
        for value in kept {
            calls[at].append_argument(BlockArg::Value(value), &mut dfg.value_lists);
        }
    }
    let location = func.srcloc(branch);
    let mut cursor = FuncCursor::new(func).at_bottom(leave);
    cursor.set_srcloc(location);
    let args: Vec<BlockArg> = params[..handed.len()].iter().map(|&param| BlockArg::Value(param)).collect();
    cursor.ins().jump(target, &args);
    renamed.extend(kept.iter().zip(&params[handed.len()..]).map(|(&old, &new)| (old, (candidate.blocks[0], new))));
}

fn edge(func: &Function, branch: Inst, at: usize) -> BlockCall {
    func.dfg.insts[branch].branch_destination(&func.dfg.jump_tables, &func.dfg.exception_tables)[at]
}

/// Outside of both versions of a loop, what one of them made is what the block behind them hands on.
fn rename(func: &mut Function, owners: &HashMap<Block, Block>, renamed: &HashMap<Value, (Block, Value)>) {
    if renamed.is_empty() {
        return;
    }
    for block in func.layout.blocks().collect::<Vec<_>>() {
        let owner = owners.get(&block);
        for inst in func.layout.block_insts(block).collect::<Vec<_>>() {
            let values: Vec<Value> = func.dfg.inst_values(inst).map(|v| func.dfg.resolve_aliases(v)).collect();
            let name = |value: Value| match renamed.get(&value) {
                Some(&(header, new)) if owner != Some(&header) => new,
                _ => value,
            };
            func.dfg.overwrite_inst_values(inst, values.into_iter().map(name));
        }
    }
}

// ---- The decision ----

/// In front of the loop: the first version if all checks pass, else the second.
fn branch(unit: &mut Unit<'_>, candidate: &Candidate, second: Block) {
    let jump = candidate.entry;
    let call = edge(unit.func, jump, 0);
    let args: Vec<BlockArg> = call.args(&unit.func.dfg.value_lists).collect();
    let first = call.block(&unit.func.dfg.value_lists);
    let mut cursor = FuncCursor::new(unit.func).at_inst(jump);
    cursor.use_srcloc(jump);
    let mut good = Vec::new();
    let turns = candidate.turns.as_ref().map(|turns| turns.build(&mut cursor, &mut good));
    for (check, affine) in &candidate.checks {
        inside(&mut cursor, unit.plan, check, affine, turns, &mut good);
    }
    let all = good.into_iter().reduce(|a, b| cursor.ins().band(a, b)).expect("there is a check");
    cursor.ins().brif(all, first, &args, second, &args);
    cursor.func.layout.remove_inst(jump);
}

/// Tests that an index is inside in the first iteration and in the one that is `turns` later.
fn inside(
    cursor: &mut FuncCursor<'_>,
    plan: &crate::plan::Plan,
    check: &Check,
    affine: &Affine,
    turns: Option<Value>,
    good: &mut Vec<Value>,
) {
    let start = affine.start.build(cursor);
    let start = cursor.ins().uextend(I64, start);
    let limit = match check.length {
        Some(limit) => limit,
        None => {
            let last = Check::least(plan, check.memory, check.bytes).expect("it is what the index is compared with");
            cursor.ins().iconst(I64, last as i64)
        }
    };
    let down = affine.step.constant().map(|step| step as i32).filter(|&step| step < 0);
    let greatest = match (turns, down) {
        (Some(turns), None) if affine.step != Term::Constant(0) => {
            // Below (2³² + 1) * 2³², and the sum below 2⁶⁴: turns is at most 2³² - 1 where the step is not a constant of
            // 31 bits.
            let step = affine.step.build(cursor);
            let step = cursor.ins().uextend(I64, step);
            let way = cursor.ins().imul(turns, step);
            cursor.ins().iadd(start, way)
        }
        (Some(turns), Some(step)) => {
            let way = cursor.ins().imul_imm_u(turns, i64::from(step.unsigned_abs()));
            good.push(cursor.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, start, way));
            start
        }
        _ => start,
    };
    good.push(cursor.ins().icmp(IntCC::UnsignedLessThanOrEqual, greatest, limit));
}

impl Turns {
    /// How often the loop turns at most, as 64 bits below 2³²; what else must be true for that goes to `good`.
    fn build(&self, cursor: &mut FuncCursor<'_>, good: &mut Vec<Value>) -> Value {
        let (start, limit) = (self.start.build(cursor), self.limit.build(cursor));
        let (low, high) = if self.step > 0 { (start, limit) } else { (limit, start) };
        let size = u64::from(self.step.unsigned_abs());
        if self.condition == IntCC::NotEqual {
            // Modulo 2³², whichever is greater; it must be hit.
            let way = cursor.ins().isub(high, low);
            let way = cursor.ins().uextend(I64, way);
            if size > 1 {
                let rest = cursor.ins().urem_imm_u(way, size as i64);
                good.push(cursor.ins().icmp_imm_u(IntCC::Equal, rest, 0));
            }
            return divide(cursor, way, size);
        }
        let signed = self.condition == self.condition_signed();
        let wide = |cursor: &mut FuncCursor<'_>, value: Value| {
            if signed { cursor.ins().sextend(I64, value) } else { cursor.ins().uextend(I64, value) }
        };
        let (low, high) = (wide(cursor, low), wide(cursor, high));
        let equal = matches!(
            self.condition,
            IntCC::UnsignedLessThanOrEqual
                | IntCC::SignedLessThanOrEqual
                | IntCC::UnsignedGreaterThanOrEqual
                | IntCC::SignedGreaterThanOrEqual
        );
        // The first number that ends the loop must be one of 32 bits: otherwise the counter wraps, and goes on.
        let over = size - 1 + u64::from(equal);
        if over > 0 {
            let (least, most) =
                if signed { (i64::from(i32::MIN), i64::from(i32::MAX)) } else { (0, i64::from(u32::MAX)) };
            good.push(if self.step > 0 {
                let most = cursor.ins().iconst(I64, most - over as i64);
                cursor.ins().icmp(IntCC::SignedLessThanOrEqual, high, most)
            } else {
                let least = cursor.ins().iconst(I64, least + over as i64);
                cursor.ins().icmp(IntCC::SignedGreaterThanOrEqual, low, least)
            });
        }
        let way = cursor.ins().isub(high, low);
        let way = cursor.ins().iadd_imm_s(way, over as i64);
        let none = cursor.ins().iconst(I64, 0);
        let goes = cursor.ins().icmp(IntCC::SignedGreaterThan, way, none);
        let way = cursor.ins().select(goes, way, none);
        divide(cursor, way, size)
    }

    fn condition_signed(&self) -> IntCC {
        match self.condition {
            IntCC::UnsignedLessThan => IntCC::SignedLessThan,
            IntCC::UnsignedLessThanOrEqual => IntCC::SignedLessThanOrEqual,
            IntCC::UnsignedGreaterThan => IntCC::SignedGreaterThan,
            IntCC::UnsignedGreaterThanOrEqual => IntCC::SignedGreaterThanOrEqual,
            signed => signed,
        }
    }
}

fn divide(cursor: &mut FuncCursor<'_>, value: Value, by: u64) -> Value {
    if by == 1 { value } else { cursor.ins().udiv_imm_u(value, by as i64) }
}
