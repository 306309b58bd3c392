//! `early-uses`: in blocks with many values at once, what uses up a value follows the instruction that makes it.
//!
//! ```text
//! v1 = load …                         v1 = load …
//! v2 = load …                         s1 = iadd s0, v1
//! v3 = load …                    →    v2 = load …
//! s1 = iadd s0, v1                    s2 = iadd s1, v2
//! s2 = iadd s1, v2                    v3 = load …
//! s3 = iadd s2, v3                    s3 = iadd s2, v3
//! ```
//!
//! Cranelift's optimizer leaves loads where they are, since they may trap, and places what has no effects as late as it
//! can: sums of unrolled loops behind all of their loads, which by then need more registers than there are. An instruction
//! that is the only use of one of its operands frees one value for the one it makes, so nothing gets worse above it. It
//! stays where few values are alive: CPUs that execute in order like some distance between a load and its use.

use super::Late;
use super::analysis::value::{self, defining};
use cranelift_codegen::entity::SecondaryMap;
use cranelift_codegen::ir::{Block, Function, Inst, Opcode, Value};
use std::cmp::Ordering;

/// So many values of a block, alive at once, are as many as there are registers for: integers, and others. (Some that the
/// block only uses, or that live through it, need some, too.)
const MANY: [usize; 2] = [9, 12];

pub fn run(late: &mut Late<'_>) -> usize {
    let func = &mut late.context.func;
    let blocks: Vec<Block> = func.layout.blocks().filter(|&block| loads_much(func, block)).collect();
    if blocks.is_empty() {
        return 0;
    }
    let mut uses = Uses::of(func);
    let mut hurry_if_full = |block| if is_full(func, &mut uses, block) { hurry(func, &uses, block) } else { 0 };
    blocks.into_iter().map(&mut hurry_if_full).sum()
}

/// True if a block may be a full one: that is seen quickly.
fn loads_much(func: &Function, block: Block) -> bool {
    let loads = func.layout.block_insts(block).filter(|&inst| func.dfg.insts[inst].opcode().can_load());
    loads.take(MANY[0]).count() == MANY[0]
}

/// Where values are used.
struct Uses {
    counts: SecondaryMap<Value, u32>,
    /// The last use in the block where the value is made; none if it is used elsewhere, too.
    last: SecondaryMap<Value, Option<Inst>>,
}

impl Uses {
    fn of(func: &Function) -> Uses {
        let (mut counts, mut last) = (SecondaryMap::new(), SecondaryMap::new());
        let mut elsewhere: SecondaryMap<Value, bool> = SecondaryMap::new();
        for block in func.layout.blocks() {
            for inst in func.layout.block_insts(block) {
                for value in func.dfg.inst_values(inst).map(|value| func.dfg.resolve_aliases(value)) {
                    counts[value] += 1;
                    let is_here = defining(func, value).and_then(|def| func.layout.inst_block(def)) == Some(block);
                    elsewhere[value] |= !is_here;
                    last[value] = Some(inst).filter(|_| !elsewhere[value]);
                }
            }
        }
        Uses { counts, last }
    }
}

/// True if more of a block's own values are alive at once than there are registers for.
fn is_full(func: &Function, uses: &mut Uses, block: Block) -> bool {
    let class = |value: Value| usize::from(!func.dfg.value_type(value).is_int());
    let mut alive = [0usize; 2];
    for inst in func.layout.block_insts(block) {
        for value in func.dfg.inst_values(inst).map(|value| func.dfg.resolve_aliases(value)) {
            if uses.last[value] == Some(inst) && is_counted(func, value) {
                alive[class(value)] -= 1;
                uses.last[value] = None; // an operand may be there twice
            }
        }
        for &result in func.dfg.inst_results(inst) {
            alive[class(result)] += usize::from(is_counted(func, result) && uses.counts[result] > 0);
        }
        if alive.iter().zip(MANY).any(|(alive, many)| *alive > many) {
            return true;
        }
    }
    false
}

/// Constants, addresses' parts and conditions become parts of other instructions, mostly.
fn is_counted(func: &Function, value: Value) -> bool {
    defining(func, value).is_some_and(|inst| {
        let opcode = func.dfg.insts[inst].opcode();
        opcode.can_load() || is_movable(opcode) && opcode != Opcode::Uextend
    })
}

fn is_movable(opcode: Opcode) -> bool {
    use Opcode as O;
    matches!(
        opcode,
        O::Iadd
            | O::Isub
            | O::Imul
            | O::Band
            | O::Bor
            | O::Bxor
            | O::Ishl
            | O::Ushr
            | O::Sshr
            | O::Rotl
            | O::Rotr
            | O::Uextend
            | O::Sextend
            | O::Fadd
            | O::Fsub
            | O::Fmul
            | O::Fmin
            | O::Fmax
    )
}

/// Moves what uses up a value of the block behind what makes its operands.
fn hurry(func: &mut Function, uses: &Uses, block: Block) -> usize {
    let mut moved = 0;
    let mut next = func.layout.first_inst(block);
    while let Some(inst) = next {
        next = func.layout.next_inst(inst);
        let Some(behind) = place(func, uses, block, inst) else { continue };
        if func.layout.next_inst(behind) != Some(inst) {
            func.layout.remove_inst(inst);
            let before = func.layout.next_inst(behind).expect("blocks end with branches");
            func.layout.insert_inst(inst, before);
            moved += 1;
        }
    }
    moved
}

/// The last of the instructions of its block that an instruction's operands come from, if it uses up one of them.
fn place(func: &Function, uses: &Uses, block: Block, inst: Inst) -> Option<Inst> {
    is_movable(func.dfg.insts[inst].opcode()).then_some(())?;
    let mut uses_up = false;
    let mut last: Option<Inst> = None;
    for value in func.dfg.inst_values(inst) {
        let value = func.dfg.resolve_aliases(value);
        let is_param = value::param(func, value).is_some_and(|(of, _)| of == block);
        uses_up |= uses.counts[value] == 1 && (is_param || is_counted(func, value));
        let Some(def) = defining(func, value).filter(|&def| func.layout.inst_block(def) == Some(block)) else {
            continue;
        };
        if last.is_none_or(|last| func.layout.pp_cmp(last, def) == Ordering::Less) {
            last = Some(def);
        }
    }
    last.filter(|_| uses_up)
}
