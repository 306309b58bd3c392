//! `vectorize`: what a turn of a loop does to neighbouring elements is done at once.
//!
//! ```text
//! block(i):                                        block(i):
//!   x = load.f64 (iadd base, i)                      v = load.f64x2 (iadd base, i)
//!   store (fmul x, k), (iadd base, i)+4096           store (fmul v, (splat k)), (iadd base, i)+4096
//!   y = load.f64 (iadd base, i)+8              →     brif …, block(i + 16), exit
//!   store (fmul y, k), (iadd base, i)+4104
//!   brif …, block(i + 16), exit
//! ```
//!
//! It begins with stores to neighbouring places and goes back through equal operations to loads from neighbouring places
//! (`packs`); compilers and `unroll` have put several iterations into one turn. Each lane gets what it got before: nothing
//! is reassociated.
//!
//! The first stores wait for the last one, which no program can tell: all that moves is known to lie below the memory's
//! least length, so it can't trap, and to meet none of the accesses that it passes (`accesses`). Pages that somebody
//! protects could trap, so nobody may be able to: see `Plan::pages_stay_open`.

mod accesses;
mod packs;

use super::Unit;
use super::analysis::Ranges;
use super::analysis::effects::is_pure;
use accesses::Accesses;
use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::{Block, Function, Inst, InstBuilder, InstructionData, Opcode, Type, Value};
use packs::{Group, Node, Packs};
use std::collections::{HashMap, HashSet};

pub fn run(unit: &mut Unit<'_>) {
    if !unit.has_vectors || !unit.plan.pages_stay_open() {
        return;
    }
    let mut ranges = Ranges::new(unit.flow);
    let least = unit.plan.memories[0].least_bytes();
    let blocks: Vec<Block> = unit.flow.loops.loops().map(|within| unit.flow.loops.loop_header(within)).collect();
    let mut changed = Vec::new();
    for block in blocks {
        if !is_loop(unit.func, block) || !stores_floats(unit.func, block) {
            continue;
        }
        let Some(accesses) = Accesses::find(unit.func, &mut ranges, block, least) else { continue };
        let packs = Packs::find(unit.func, &accesses, block);
        if !packs.groups.is_empty() && keeps_order(&accesses, &packs) {
            build(unit.func, &accesses, &packs);
            changed.push((block, accesses));
        }
    }
    if !changed.is_empty() {
        sweep(unit.func, &changed);
    }
}

/// True for a loop of one block.
fn is_loop(func: &Function, block: Block) -> bool {
    let Some(branch) = func.layout.last_inst(block) else { return false };
    let calls = func.dfg.insts[branch].branch_destination(&func.dfg.jump_tables, &func.dfg.exception_tables);
    calls.iter().any(|call| call.block(&func.dfg.value_lists) == block)
}

fn stores_floats(func: &Function, block: Block) -> bool {
    let stored = |inst: Inst| match func.dfg.insts[inst] {
        InstructionData::Store { opcode: Opcode::Store, args, .. } => func.dfg.value_type(args[0]).is_float(),
        _ => false,
    };
    func.layout.block_insts(block).filter(|&inst| stored(inst)).nth(1).is_some()
}

/// True if whatever passes something else does not meet it: loads of a group come where its last store was, in front of
/// the stores that are there.
fn keeps_order(accesses: &Accesses, packs: &Packs) -> bool {
    let mut places: Vec<usize> = accesses.all.iter().map(|access| access.at).collect();
    for group in &packs.groups {
        for &store in &group.stores {
            places[store] = group.at;
        }
    }
    let all = &accesses.all;
    let apart = |x: usize, y: usize| !all[x].may_meet(&all[y]);
    for x in 0..all.len() {
        for y in x + 1..all.len() {
            if (all[x].stores || all[y].stores) && places[x] > places[y] && !apart(x, y) {
                return false;
            }
        }
    }
    let loads =
        packs.nodes.iter().filter_map(|node| if let Node::Load(lanes, at) = node { Some((lanes, *at)) } else { None });
    for (lanes, at) in loads {
        for &lane in lanes {
            for store in (0..all.len()).filter(|&store| all[store].stores) {
                let (before, after) = (all[store].at < all[lane].at, places[store] < at);
                if before != after && !apart(store, lane) {
                    return false;
                }
            }
        }
    }
    true
}

fn build(func: &mut Function, accesses: &Accesses, packs: &Packs) {
    let mut made: HashMap<usize, Value> = HashMap::new();
    for group in &packs.groups {
        let Group { stores, value, ty, .. } = group;
        let last = *stores.iter().max_by_key(|&&store| accesses.all[store].at).expect("a group has stores");
        let mut cursor = FuncCursor::new(func).at_inst(accesses.all[last].inst);
        cursor.use_srcloc(accesses.all[last].inst);
        let value = make(&mut cursor, accesses, packs, *value, *ty, &mut made);
        let InstructionData::Store { flags, offset, args, .. } = cursor.func.dfg.insts[accesses.all[stores[0]].inst]
        else {
            unreachable!("groups are of stores")
        };
        cursor.ins().Store(Opcode::Store, *ty, flags, offset, value, args[1]);
        for &store in stores {
            func.layout.remove_inst(accesses.all[store].inst);
        }
    }
}

/// The vector that stands for a node, where its first group is stored.
fn make(
    cursor: &mut FuncCursor<'_>,
    accesses: &Accesses,
    packs: &Packs,
    node: usize,
    ty: Type,
    made: &mut HashMap<usize, Value>,
) -> Value {
    if let Some(&value) = made.get(&node) {
        return value;
    }
    let value = match &packs.nodes[node] {
        Node::Splat(value) => cursor.ins().splat(ty, *value),
        Node::Gather([a, b]) => {
            let both = cursor.ins().splat(ty, *a);
            cursor.ins().insertlane(both, *b, 1)
        }
        Node::Load(lanes, _) => {
            let InstructionData::Load { flags, offset, arg, .. } = cursor.func.dfg.insts[accesses.all[lanes[0]].inst]
            else {
                unreachable!("lanes are loads")
            };
            let (inst, dfg) = cursor.ins().Load(Opcode::Load, ty, flags, offset, arg);
            dfg.first_result(inst)
        }
        Node::Unary(opcode, operand) => {
            let operand = make(cursor, accesses, packs, *operand, ty, made);
            let (inst, dfg) = cursor.ins().Unary(*opcode, ty, operand);
            dfg.first_result(inst)
        }
        Node::Binary(opcode, [x, y]) => {
            let x = make(cursor, accesses, packs, *x, ty, made);
            let y = make(cursor, accesses, packs, *y, ty, made);
            let (inst, dfg) = cursor.ins().Binary(*opcode, ty, x, y);
            dfg.first_result(inst)
        }
    };
    made.insert(node, value);
    value
}

/// Takes away what nobody uses any more, loads that can't trap among it, which Cranelift would keep.
fn sweep(func: &mut Function, changed: &[(Block, Accesses)]) {
    let mut uses: HashMap<Value, usize> = HashMap::new();
    for block in func.layout.blocks() {
        for value in func.layout.block_insts(block).flat_map(|inst| func.dfg.inst_values(inst)) {
            *uses.entry(func.dfg.resolve_aliases(value)).or_default() += 1;
        }
    }
    for (block, accesses) in changed {
        let harmless: HashSet<Inst> =
            accesses.all.iter().filter(|a| a.place.is_some() && !a.stores).map(|a| a.inst).collect();
        let mut next = func.layout.last_inst(*block);
        while let Some(inst) = next {
            next = func.layout.prev_inst(inst);
            let opcode = func.dfg.insts[inst].opcode();
            let unused = func.dfg.inst_results(inst).iter().all(|result| uses.get(result).is_none_or(|&n| n == 0));
            if unused && (is_pure(opcode) || harmless.contains(&inst)) {
                for value in func.dfg.inst_values(inst) {
                    if let Some(count) = uses.get_mut(&func.dfg.resolve_aliases(value)) {
                        *count -= 1;
                    }
                }
                func.layout.remove_inst(inst);
            }
        }
    }
}
