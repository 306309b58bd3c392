//! The second version of a loop: its blocks once more, at the function's end, and what comes behind both.

use super::candidates::Candidate;
use crate::optimize::Unit;
use crate::optimize::analysis::value;
use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::{Block, BlockArg, BlockCall, Function, Inst, InstBuilder, Type, Value};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The second versions so far.
pub struct Copies {
    /// Values that are used outside of the candidate they are made in, by its header.
    outside: HashMap<Block, BTreeSet<Value>>,
    /// The header of the candidate that blocks are in, or were copied from.
    owners: HashMap<Block, Block>,
    /// What values are called behind both versions, with the header of the first.
    renamed: HashMap<Value, (Block, Value)>,
}

impl Copies {
    pub fn new(unit: &Unit<'_>, candidates: &[Candidate]) -> Copies {
        Copies { outside: used_outside(unit, candidates), owners: HashMap::new(), renamed: HashMap::new() }
    }

    /// Makes one; gives its header.
    pub fn add(&mut self, func: &mut Function, candidate: &Candidate) -> Block {
        let header = candidate.blocks[0];
        let kept: Vec<Value> = self.outside.get(&header).into_iter().flatten().copied().collect();
        let (copies, names) = copy(func, candidate);
        self.owners.extend(candidate.blocks.iter().chain(copies.values()).map(|&block| (block, header)));
        join(func, candidate, &copies, &names, &kept, &mut self.renamed);
        copies[&header]
    }

    /// Outside of both versions of a loop, what one of them made is what the block behind them hands on. Also in front of
    /// loops that come later, so this is the last step.
    pub fn rename(self, func: &mut Function) {
        if self.renamed.is_empty() {
            return;
        }
        for block in func.layout.blocks().collect::<Vec<_>>() {
            let owner = self.owners.get(&block);
            for inst in func.layout.block_insts(block).collect::<Vec<_>>() {
                let values: Vec<Value> = func.dfg.inst_values(inst).map(|v| func.dfg.resolve_aliases(v)).collect();
                let name = |value: Value| match self.renamed.get(&value) {
                    Some(&(header, new)) if owner != Some(&header) => new,
                    _ => value,
                };
                func.dfg.overwrite_inst_values(inst, values.into_iter().map(name));
            }
        }
    }
}

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

/// Where a branch goes.
pub fn edge(func: &Function, branch: Inst, at: usize) -> BlockCall {
    func.dfg.insts[branch].branch_destination(&func.dfg.jump_tables, &func.dfg.exception_tables)[at]
}
