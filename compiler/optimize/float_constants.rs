//! `float-constants`: floats that an innermost loop needs are made in front of it.
//!
//! ```text
//!   jump header(a)                        k = f64const 0.5
//! header(x):                              jump header(a)
//!   k = f64const 0.5                    header(x):
//!   next = fmul x, k               →      next = fmul x, k
//!   brif …, header(next), exit            brif …, header(next), exit
//! ```
//!
//! Cranelift's optimizer makes constants anew in each block that needs them: good for integers, which are part of other
//! instructions, but a float comes from a register of integers, so it takes two instructions per iteration. Zero, which
//! costs nothing, stays, and so do all in loops that call something, since no register of floats outlives a call.

use super::Late;
use super::analysis::{Flow, value};
use cranelift_codegen::Context;
use cranelift_codegen::ir::{Block, Function, Inst, InstructionData, Opcode, Type, Value};
use cranelift_codegen::loop_analysis::Loop;
use std::collections::{HashMap, HashSet};

/// Floats that a loop may keep from one iteration to the next: of 16 registers some are for what is computed meanwhile.
const MAX_KEPT: usize = 10;

/// A constant: its type and bits.
type Constant = (Type, u64);

/// What is known of an innermost loop.
#[derive(Default)]
struct Found {
    calls: bool,
    /// The constants, the first first, with the instructions that make them.
    constants: Vec<(Constant, Vec<Inst>)>,
    /// Floats that come from outside, or from the iteration before.
    kept: HashSet<Value>,
}

pub fn run(late: &mut Late<'_>) {
    if !has_constants(&late.context.func) {
        return;
    }
    late.context.compute_loop_analysis();
    let Context { func, cfg, domtree, loop_analysis: loops, .. } = &mut *late.context;
    let flow = Flow { cfg, domtree, loops };
    let mut changed = false;
    let mut all = innermost(func, &flow);
    for within in flow.loops.loops() {
        let Some(found) = all.remove(&within) else { continue };
        if found.calls || found.constants.is_empty() {
            continue;
        }
        let Some(entry) = entry(func, &flow, within) else { continue };
        for (_, insts) in found.constants.iter().take(MAX_KEPT.saturating_sub(found.kept.len())) {
            make_outside(func, insts, entry);
            changed = true;
        }
    }
    if changed {
        func.dfg.resolve_all_aliases();
    }
}

fn has_constants(func: &Function) -> bool {
    func.layout.blocks().any(|block| func.layout.block_insts(block).any(|inst| constant(func, inst).is_some()))
}

/// A float that is not zero.
fn constant(func: &Function, inst: Inst) -> Option<Constant> {
    let (ty, bits) = match func.dfg.insts[inst] {
        InstructionData::UnaryIeee32 { imm, .. } => {
            (func.dfg.value_type(func.dfg.first_result(inst)), imm.bits().into())
        }
        InstructionData::UnaryIeee64 { imm, .. } => (func.dfg.value_type(func.dfg.first_result(inst)), imm.bits()),
        _ => return None,
    };
    (bits != 0).then_some((ty, bits))
}

/// The loops that have no others in them.
fn innermost(func: &Function, flow: &Flow<'_>) -> HashMap<Loop, Found> {
    let outer: HashSet<Loop> = flow.loops.loops().filter_map(|within| flow.loops.loop_parent(within)).collect();
    let mut all: HashMap<Loop, Found> = HashMap::new();
    for block in func.layout.blocks() {
        let Some(within) = flow.loops.innermost_loop(block).filter(|within| !outer.contains(within)) else { continue };
        let found = all.entry(within).or_default();
        if flow.loops.loop_header(within) == block {
            found.kept.extend(func.dfg.block_params(block).iter().filter(|&&param| is_float(func, param)));
        }
        for inst in func.layout.block_insts(block) {
            found.note(func, flow, within, block, inst);
        }
    }
    all
}

fn is_float(func: &Function, value: Value) -> bool {
    let ty = func.dfg.value_type(value);
    ty.is_float() || ty.is_vector()
}

impl Found {
    fn note(&mut self, func: &Function, flow: &Flow<'_>, within: Loop, block: Block, inst: Inst) {
        self.calls |= func.dfg.insts[inst].opcode().is_call();
        // What is cold is not worth a register.
        if let Some(constant) = constant(func, inst).filter(|_| !func.layout.is_cold(block)) {
            match self.constants.iter().position(|(known, _)| *known == constant) {
                Some(known) => self.constants[known].1.push(inst),
                None if self.constants.len() < MAX_KEPT => self.constants.push((constant, vec![inst])),
                None => {}
            }
        }
        if self.kept.len() < MAX_KEPT {
            let values = func.dfg.inst_values(inst).map(|value| func.dfg.resolve_aliases(value));
            let outside = |value: &Value| {
                is_float(func, *value)
                    && value::block(func, *value).is_some_and(|block| !flow.loops.is_in_loop(block, within))
            };
            self.kept.extend(values.filter(outside));
        }
    }
}

/// The branch that enters a loop, if there is one.
fn entry(func: &Function, flow: &Flow<'_>, within: Loop) -> Option<Inst> {
    let header = flow.loops.loop_header(within);
    let mut outside = flow.cfg.pred_iter(header).filter(|pred| !flow.loops.is_in_loop(pred.block, within));
    let entry = outside.next()?.inst;
    let branches = matches!(func.dfg.insts[entry].opcode(), Opcode::Jump | Opcode::Brif);
    (branches && outside.next().is_none()).then_some(entry)
}

/// Makes what some instructions of a loop make in front of `entry`.
fn make_outside(func: &mut Function, insts: &[Inst], entry: Inst) {
    let Some((&first, others)) = insts.split_first() else { return };
    func.layout.remove_inst(first);
    func.layout.insert_inst(first, entry);
    let value = func.dfg.first_result(first);
    for &inst in others {
        let result = func.dfg.first_result(inst);
        func.dfg.detach_inst_results(inst);
        func.dfg.change_to_alias(result, value);
        func.layout.remove_inst(inst);
    }
}
