//! `unroll`: a small loop that runs a known number of times does up to four iterations per turn.
//!
//! ```text
//! block(i):                             block(i):
//!   store 0, i                            store 0, i
//!   next = iadd i, 8                      i1 = iadd i, 8
//!   brif (icmp ne next, 800),      →      store 0, i1
//!        block(next), exit                next = iadd i1, 8
//!                                         brif (icmp ne next, 800), block(next), exit
//! ```
//!
//! Only loops of one block that run a known number of times: no test but the last is left, the order of loads, stores and
//! traps is what it was, and what one iteration hands to the next stays in its register. If no factor divides the number,
//! the first few iterations are done in front of the loop.

use super::Unit;
use super::analysis::Ranges;
use crate::translate::trap;
use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::{Block, BlockArg, Function, Inst, InstructionData, Opcode, Value};
use cranelift_codegen::loop_analysis::Loop;
use std::collections::HashMap;

/// Iterations per turn, the best first.
const FACTORS: [u64; 3] = [4, 3, 2];

/// The same where `vectorize` may make pairs of them.
const EVEN_FACTORS: [u64; 2] = [4, 2];

/// Where neither divides the number of iterations and none can be done in front.
const LAST_RESORT: [u64; 1] = [3];

/// Instructions a turn may have afterwards, without constants: about what the CPU's queue of decoded ones holds.
const MAX_TURN: u64 = 96;

/// Instructions in front of a loop that its first iterations may take.
const MAX_PEELED: u64 = 72;

/// Values that find a register of their own where there are 16 of a kind, those of addresses, counters and the stack
/// taken off.
const ROOM: Room = Room { ints: 11, others: 15 };

/// A loop of one block, and what becomes of it.
struct Found {
    block: Block,
    /// What an iteration hands to the next.
    args: Vec<Value>,
    /// Iterations per turn.
    factor: u64,
    /// The jump into the loop and the number of iterations in front of it.
    peeled: Option<(Inst, u64)>,
}

pub fn run(unit: &mut Unit<'_>) -> usize {
    let mut ranges = Ranges::new(unit.flow);
    let loops: Vec<Found> = unit.flow.loops.loops().filter_map(|within| find(unit, &mut ranges, within)).collect();
    if loops.is_empty() {
        return 0;
    }
    for Found { block, args, factor, peeled } in &loops {
        if let Some((entry, count)) = *peeled {
            peel(unit.func, *block, args, entry, count);
        }
        unroll(unit.func, *block, args, *factor);
    }
    unit.func.dfg.resolve_all_aliases();
    loops.len()
}

fn find(unit: &Unit<'_>, ranges: &mut Ranges<'_>, within: Loop) -> Option<Found> {
    let block = unit.flow.loops.loop_header(within);
    let size = plain_size(unit.func, block)?;
    let args = back_args(unit.func, block)?;
    let count = ranges.turns(unit.func, within).filter(|t| t.exact)?.most + 1;
    let held = Room::held(unit.func, block);
    let fits = |&factor: &u64| factor <= count && factor * size <= MAX_TURN && held.leaves_room(factor);
    let divides = |factor: &u64| fits(factor) && count.is_multiple_of(*factor);
    let even = stores_floats(unit.func, block);
    let exact = if even { EVEN_FACTORS.iter().find(|f| divides(f)) } else { FACTORS.iter().find(|f| divides(f)) };
    if let Some(&factor) = exact {
        return Some(Found { block, args, factor, peeled: None });
    }
    let entry = unit.flow.entry(unit.func, within);
    let peels = |factor: &u64| fits(factor) && count % factor * size <= MAX_PEELED;
    if let (Some(entry), Some(&factor)) = (entry, EVEN_FACTORS.iter().find(|f| peels(f))) {
        return Some(Found { block, args, factor, peeled: Some((entry, count % factor)) });
    }
    LAST_RESORT.into_iter().find(divides).map(|factor| Found { block, args, factor, peeled: None })
}

/// The number of instructions of a block, without constants; none if there are any that should not be repeated.
fn plain_size(func: &Function, block: Block) -> Option<u64> {
    let mut size = 0;
    for inst in func.layout.block_insts(block) {
        let opcode = func.dfg.insts[inst].opcode();
        let plain = !opcode.is_call()
            && (opcode.can_load() || opcode.can_store() || !opcode.other_side_effects() || pinned(opcode))
            && !matches!(func.dfg.insts[inst], InstructionData::AtomicRmw { .. } | InstructionData::AtomicCas { .. });
        if !(plain || opcode == Opcode::Brif) || size > MAX_TURN {
            return None;
        }
        size += u64::from(!matches!(opcode, Opcode::Iconst | Opcode::F32const | Opcode::F64const));
    }
    Some(size)
}

/// Registers of both kinds.
#[derive(Clone, Copy, Default)]
struct Room {
    ints: u64,
    others: u64,
}

impl Room {
    /// What an iteration loads. Cranelift's optimizer leaves loads in front of what is computed of them, up to the next
    /// store: behind it, the registers are free again, so nothing counts where there is one.
    fn held(func: &Function, block: Block) -> Room {
        let mut held = Room::default();
        for inst in func.layout.block_insts(block) {
            let opcode = func.dfg.insts[inst].opcode();
            if opcode.can_store() {
                return Room::default();
            }
            if opcode.can_load() {
                let is_int = func.dfg.value_type(func.dfg.first_result(inst)).is_int();
                *(if is_int { &mut held.ints } else { &mut held.others }) += 1;
            }
        }
        held
    }

    /// True if so many iterations leave room for what goes from one to the next.
    fn leaves_room(self, factor: u64) -> bool {
        factor * self.ints <= ROOM.ints && factor * self.others <= ROOM.others
    }
}

fn stores_floats(func: &Function, block: Block) -> bool {
    let stored = |inst: Inst| match func.dfg.insts[inst] {
        InstructionData::Store { args, .. } => func.dfg.value_type(args[0]).is_float(),
        _ => false,
    };
    func.layout.block_insts(block).any(stored)
}

fn pinned(opcode: Opcode) -> bool {
    opcode == Opcode::GetPinnedReg
}

/// What a block that is a loop by itself hands to its next iteration: it ends with the only branch back.
fn back_args(func: &Function, block: Block) -> Option<Vec<Value>> {
    let branch = func.layout.last_inst(block)?;
    let InstructionData::Brif { blocks, .. } = func.dfg.insts[branch] else { return None };
    let lists = &func.dfg.value_lists;
    let mut back = blocks.iter().filter(|call| call.block(lists) == block);
    let call = back.next()?;
    if back.next().is_some() {
        return None;
    }
    call.args(lists)
        .map(|arg| if let BlockArg::Value(v) = arg { Some(func.dfg.resolve_aliases(v)) } else { None })
        .collect()
}

/// Puts copies in front of what the block does, so that what is behind the loop finds the last iteration's values where
/// they were.
fn unroll(func: &mut Function, block: Block, args: &[Value], factor: u64) {
    let old: Vec<Value> = func.dfg.block_params(block).to_vec();
    let body = body(func, block);
    let first = func.layout.first_inst(block).expect("it ends with a branch");
    func.dfg.detach_block_params(block);
    // What an iteration calls its parameters.
    let mut params = Vec::with_capacity(old.len());
    for &param in &old {
        let ty = func.dfg.value_type(param);
        params.push(func.dfg.append_block_param(block, ty));
    }
    for _ in 1..factor {
        params = iteration(func, &body, &old, params, args, first);
    }
    for (&param, &name) in old.iter().zip(&params) {
        func.dfg.change_to_alias(param, name);
    }
}

/// Does the first `count` iterations in front of the jump into the loop.
fn peel(func: &mut Function, block: Block, args: &[Value], entry: Inst, count: u64) {
    let old: Vec<Value> = func.dfg.block_params(block).to_vec();
    let body = body(func, block);
    let mut params: Vec<Value> = func.dfg.inst_values(entry).map(|value| func.dfg.resolve_aliases(value)).collect();
    for _ in 0..count {
        params = iteration(func, &body, &old, params, args, entry);
    }
    func.dfg.overwrite_inst_values(entry, params.into_iter());
}

/// All instructions of a block but the branch at its end.
fn body(func: &Function, block: Block) -> Vec<Inst> {
    let mut body: Vec<Inst> = func.layout.block_insts(block).collect();
    body.pop();
    body
}

/// Copies an iteration in front of an instruction: one that gets `params` for the block's `old` ones. Gives what it hands
/// to the next.
fn iteration(
    func: &mut Function,
    body: &[Inst],
    old: &[Value],
    params: Vec<Value>,
    args: &[Value],
    before: Inst,
) -> Vec<Value> {
    let mut names: HashMap<Value, Value> = old.iter().copied().zip(params).collect();
    // Once per turn is often enough to ask for an interruption: the original does.
    for &inst in body {
        if !is_poll(func, inst) {
            copy(func, inst, before, &mut names);
        }
    }
    args.iter().map(|arg| names.get(arg).copied().unwrap_or(*arg)).collect()
}

/// The trap of `translate/interrupt.rs`.
fn is_poll(func: &Function, inst: Inst) -> bool {
    matches!(func.dfg.insts[inst], InstructionData::CondTrap { code: trap::INTERRUPTED, .. })
}

fn copy(func: &mut Function, inst: Inst, before: Inst, names: &mut HashMap<Value, Value>) {
    let clone = func.dfg.clone_inst(inst);
    let values: Vec<Value> = func.dfg.inst_values(clone).map(|v| func.dfg.resolve_aliases(v)).collect();
    func.dfg.overwrite_inst_values(clone, values.into_iter().map(|v| names.get(&v).copied().unwrap_or(v)));
    for (&old, &new) in func.dfg.inst_results(inst).iter().zip(func.dfg.inst_results(clone)) {
        names.insert(old, new);
    }
    let location = func.srcloc(inst);
    let mut cursor = FuncCursor::new(func).at_inst(before);
    cursor.insert_inst(clone);
    cursor.func.set_srcloc(clone, location);
}
