//! What the passes know of a function before they change it.

pub mod affine;
pub mod check;
pub mod counter;
pub mod effects;
pub mod place;
pub mod range;
pub mod ranges;
pub mod sum;
pub mod value;
pub mod view;

pub use place::Place;
pub use range::Range;
pub use ranges::Ranges;

use cranelift_codegen::dominator_tree::DominatorTree;
use cranelift_codegen::flowgraph::ControlFlowGraph;
use cranelift_codegen::ir::{Block, BlockArg, Function, Inst, Opcode, Value};
use cranelift_codegen::loop_analysis::{Loop, LoopAnalysis};

/// The shape of a function. Passes in front of Cranelift's optimizer leave it as it is.
#[derive(Clone, Copy)]
pub struct Flow<'f> {
    pub cfg: &'f ControlFlowGraph,
    pub domtree: &'f DominatorTree,
    pub loops: &'f LoopAnalysis,
}

/// Edges into a block that are looked at, where not many are worth it.
pub const FEW_EDGES: usize = 16;

/// The same where they are, for a block's parameter `number`, which has to be counted to at each: loops of interpreters
/// have one for each kind of instruction.
pub fn many_edges(number: usize) -> usize {
    const MANY: usize = 512;
    (MANY / (number / 8 + 1)).max(FEW_EDGES)
}

impl Flow<'_> {
    /// How deep in loops a value is made.
    pub fn level(&self, func: &Function, value: Value) -> usize {
        value::block(func, value).map_or(0, |block| self.loops.loop_level(block).level())
    }

    /// The blocks in front of `block`, one for each edge, with what each passes for parameter `number`. None if there are
    /// more than `most`, or one passes something that is not a value.
    pub fn incoming(&self, func: &Function, block: Block, number: usize, most: usize) -> Option<Vec<(Block, Value)>> {
        let mut found = Vec::new();
        for pred in self.cfg.pred_iter(block) {
            let dfg = &func.dfg;
            let calls = dfg.insts[pred.inst].branch_destination(&dfg.jump_tables, &dfg.exception_tables);
            if calls.len() > most {
                return None;
            }
            for call in calls.iter().filter(|c| c.block(&dfg.value_lists) == block) {
                if found.len() == most {
                    return None;
                }
                match call.args(&dfg.value_lists).nth(number)? {
                    BlockArg::Value(value) => found.push((pred.block, dfg.resolve_aliases(value))),
                    _ => return None,
                }
            }
        }
        Some(found)
    }

    /// The one jump that enters a loop.
    pub fn entry(&self, func: &Function, within: Loop) -> Option<Inst> {
        let header = self.loops.loop_header(within);
        let mut outside = self.cfg.pred_iter(header).filter(|pred| !self.loops.is_in_loop(pred.block, within));
        let entry = outside.next()?;
        let jumps = func.dfg.insts[entry.inst].opcode() == Opcode::Jump;
        (jumps && outside.next().is_none()).then_some(entry.inst)
    }

    /// True if the value is the same in all iterations of a loop.
    pub fn is_invariant(&self, func: &Function, value: Value, within: Loop) -> bool {
        value::constant(func, value).is_some()
            || value::block(func, value).is_some_and(|block| !self.loops.is_in_loop(block, within))
    }
}
