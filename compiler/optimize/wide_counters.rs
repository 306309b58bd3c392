//! `wide-counters`: a 32-bit phi that is used as an address becomes a 64-bit one.
//!
//! ```text
//! block(p: i32):                            block(w: i64):
//!   load (iadd base, (uextend p))             p = ireduce w
//!   next = iadd p, 8                   →      load (iadd base, w)
//!   brif …, block(next), exit                 next = iadd p, 8
//!                                             brif …, block(uextend next), exit
//! ```
//!
//! A phi's register may hold anything in its upper half, so each use as an address begins with a `mov` that clears it.
//! Nearly all 32-bit instructions of x86-64 clear it anyway: where the phi's values come from, the extension is free.
//! On targets whose loads extend their index themselves there is nothing to gain.

use super::Unit;
use super::analysis::{many_edges, value};
use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::types::{I32, I64};
use cranelift_codegen::ir::{Block, BlockArg, Function, Inst, InstBuilder, Opcode, Value};
use std::collections::{BTreeMap, HashMap};

/// The edges into a phi: from which block, with which value.
type Edges = Vec<(Block, Value)>;

/// Edges that are looked at in a function: guests decide how many there are.
const MAX_EDGES: usize = 1 << 15;

/// How often phis are looked through again, since others were dropped.
const MAX_ROUNDS: usize = 8;

pub fn run(unit: &mut Unit<'_>) -> usize {
    let uses = extensions(unit.func);
    let mut candidates = Candidates { phis: BTreeMap::new(), edges_left: MAX_EDGES };
    for &(_, phi) in &uses {
        candidates.consider(unit, phi);
    }
    spread(unit, &mut candidates);
    let mut phis = candidates.phis;
    // A phi that stays although one that it depends on went costs an instruction, no more.
    for _ in 0..MAX_ROUNDS {
        if !prune(unit, &mut phis) {
            break;
        }
    }
    if phis.is_empty() {
        return 0;
    }
    let wide = widen(unit.func, &phis);
    for (inst, phi) in uses {
        if let Some(&wide) = wide.get(&phi) {
            let result = unit.func.dfg.first_result(inst);
            unit.func.dfg.detach_inst_results(inst);
            unit.func.dfg.change_to_alias(result, wide);
            unit.func.layout.remove_inst(inst);
        }
    }
    for (&phi, edges) in &phis {
        let (block, number) = value::param(unit.func, wide[&phi]).expect("it is a parameter");
        extend_edges(unit.func, block, number, edges, &wide);
    }
    unit.func.dfg.resolve_all_aliases();
    phis.len()
}

/// Extensions of phis to 64 bits.
fn extensions(func: &Function) -> Vec<(Inst, Value)> {
    let mut found = Vec::new();
    for block in func.layout.blocks() {
        for inst in func.layout.block_insts(block) {
            if func.dfg.insts[inst].opcode() == Opcode::Uextend {
                let result = func.dfg.first_result(inst);
                let arg = func.dfg.resolve_aliases(func.dfg.inst_args(inst)[0]);
                if func.dfg.value_type(result) == I64 && is_phi(func, arg) {
                    found.push((inst, arg));
                }
            }
        }
    }
    found
}

/// A parameter of 32 bits, but not of the function.
fn is_phi(func: &Function, value: Value) -> bool {
    func.dfg.value_type(value) == I32
        && value::param(func, value).is_some_and(|(block, _)| Some(block) != func.layout.entry_block())
}

/// Phis to widen, and how much more may be looked at to find some.
struct Candidates {
    phis: BTreeMap<Value, Edges>,
    edges_left: usize,
}

impl Candidates {
    fn consider(&mut self, unit: &Unit<'_>, phi: Value) -> bool {
        if self.phis.contains_key(&phi) {
            return false;
        }
        let (block, number) = value::param(unit.func, phi).expect("it is a parameter");
        let most = many_edges(number).min(self.edges_left);
        let edges = unit.flow.incoming(unit.func, block, number, most);
        self.edges_left -= edges.as_ref().map_or(most, Vec::len);
        edges.is_some_and(|edges| self.phis.insert(phi, edges).is_none())
    }
}

/// Phis that feed those found where it matters, too, so that what comes from them is extended already.
fn spread(unit: &Unit<'_>, candidates: &mut Candidates) {
    let mut work: Vec<Value> = candidates.phis.keys().copied().collect();
    while let Some(phi) = work.pop() {
        let Some(edges) = candidates.phis.get(&phi).cloned() else { continue };
        for (block, arg) in edges {
            if is_phi(unit.func, arg) && is_hot(unit, phi, block) && candidates.consider(unit, arg) {
                work.push(arg);
            }
        }
    }
}

/// True for an edge that runs as often as the phi's block: not one that enters its loop.
fn is_hot(unit: &Unit<'_>, phi: Value, from: Block) -> bool {
    unit.flow.loops.loop_level(from).level() >= unit.flow.level(unit.func, phi)
}

/// Drops phis for which some extension would cost an instruction.
fn prune(unit: &Unit<'_>, phis: &mut BTreeMap<Value, Edges>) -> bool {
    let costly = |phi: &Value, edges: &Edges| {
        edges
            .iter()
            .any(|&(from, arg)| is_hot(unit, *phi, from) && !phis.contains_key(&arg) && !is_free(unit.func, arg))
    };
    let dropped: Vec<Value> = phis.iter().filter(|(phi, edges)| costly(phi, edges)).map(|(phi, _)| *phi).collect();
    for phi in &dropped {
        phis.remove(phi);
    }
    !dropped.is_empty()
}

/// True if the instruction that makes the value leaves the register's upper half zero.
fn is_free(func: &Function, value: Value) -> bool {
    let Some(inst) = value::defining(func, value) else { return false };
    match func.dfg.insts[inst].opcode() {
        Opcode::Iconst
        | Opcode::Iadd
        | Opcode::Isub
        | Opcode::Imul
        | Opcode::Band
        | Opcode::Bor
        | Opcode::Bxor
        | Opcode::Ishl
        | Opcode::Ushr => true,
        _ => extended_load(func, value).is_some(),
    }
}

/// The 64-bit value of a load that was made as a zero-extending one.
fn extended_load(func: &Function, value: Value) -> Option<Value> {
    let wide = value::unary(func, value, Opcode::Ireduce)?;
    let inst = value::defining(func, wide)?;
    (func.dfg.insts[inst].opcode() == Opcode::Uload32).then_some(wide)
}

/// Makes the phis 64-bit ones; the old values are reduced from them.
fn widen(func: &mut Function, phis: &BTreeMap<Value, Edges>) -> HashMap<Value, Value> {
    let mut wide = HashMap::new();
    for &phi in phis.keys() {
        let (block, _) = value::param(func, phi).expect("it is a parameter");
        let new = func.dfg.replace_block_param(phi, I64);
        let mut cursor = FuncCursor::new(func).at_first_insertion_point(block);
        cursor.ins().with_result(phi).ireduce(I32, new);
        wide.insert(phi, new);
    }
    wide
}

/// Hands 64-bit values to parameter `number` of `block`.
fn extend_edges(func: &mut Function, block: Block, number: usize, edges: &Edges, wide: &HashMap<Value, Value>) {
    for &(from, _) in edges {
        let branch = func.layout.last_inst(from).expect("it ends with a branch");
        let arg = |func: &Function, at: usize| {
            let dfg = &func.dfg;
            let calls = dfg.insts[branch].branch_destination(&dfg.jump_tables, &dfg.exception_tables);
            let call = calls.get(at)?;
            let arg = (call.block(&dfg.value_lists) == block).then(|| call.args(&dfg.value_lists).nth(number))??;
            arg.as_value().map(|v| dfg.resolve_aliases(v)).filter(|&v| dfg.value_type(v) == I32)
        };
        let dfg = &func.dfg;
        let count = dfg.insts[branch].branch_destination(&dfg.jump_tables, &dfg.exception_tables).len();
        for at in 0..count {
            let Some(old) = arg(func, at) else { continue };
            let new = extend(func, branch, old, wide);
            let dfg = &mut func.dfg;
            let calls = dfg.insts[branch].branch_destination_mut(&mut dfg.jump_tables, &mut dfg.exception_tables);
            let mut position = 0;
            calls[at].update_args(&mut dfg.value_lists, |arg| {
                position += 1;
                if position - 1 == number { BlockArg::Value(new) } else { arg }
            });
        }
    }
}

fn extend(func: &mut Function, before: Inst, value: Value, wide: &HashMap<Value, Value>) -> Value {
    if let Some(wide) = wide.get(&value).copied().or_else(|| extended_load(func, value)) {
        return wide;
    }
    let constant = value::constant(func, value);
    let mut cursor = FuncCursor::new(func).at_inst(before);
    cursor.use_srcloc(before);
    match constant {
        Some(constant) => cursor.ins().iconst(I64, i64::from(constant as u32)),
        None => cursor.ins().uextend(I64, value),
    }
}
