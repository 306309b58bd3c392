//! A loop around a loop of one block, and nothing else: what `jam` looks at.

use crate::optimize::Unit;
use cranelift_codegen::ir::{Block, Function, Inst, InstructionData};
use cranelift_codegen::loop_analysis::Loop;

/// Blocks that follow each other in the outer loop: some only jump.
const MAX_BLOCKS: usize = 6;

/// Instructions of the outer loop in front of the inner one, or behind it, and of the inner one.
const MAX_INSTS: usize = 128;

/// See above. Each iteration runs through all blocks, in this order.
pub struct Nest {
    pub outer: Loop,
    /// From the outer loop's header to the jump to the inner one.
    pub head: Vec<Block>,
    pub inner: Block,
    /// From where the inner one is left to the branch back to the header.
    pub tail: Vec<Block>,
}

impl Nest {
    /// The one around a loop, if it is of this kind.
    pub fn around(unit: &Unit<'_>, within: Loop) -> Option<Nest> {
        let (func, loops) = (&*unit.func, unit.flow.loops);
        let ways_in = |block: Block| unit.flow.cfg.pred_iter(block).count();
        let inner = loops.loop_header(within);
        let outer = loops.loop_parent(within)?;
        let head = follow(unit, loops.loop_header(outer), Some(inner))?;
        let [x, y] = destinations(func, inner)[..] else { return None };
        let leave = if x == inner { y } else { x };
        let alone = (x == inner) != (y == inner) && ways_in(inner) == 2 && ways_in(leave) == 1;
        let tail = if alone { follow(unit, leave, None)? } else { return None };
        let latch = destinations(func, tail[tail.len() - 1]);
        let turns = latch.contains(&head[0]) && latch.iter().any(|&block| !loops.is_in_loop(block, outer));
        let plain = tail.iter().chain(&head[1..]).all(|&block| func.dfg.num_block_params(block) == 0);
        let small = |blocks: &[Block]| blocks.iter().flat_map(|&b| func.layout.block_insts(b)).nth(MAX_INSTS).is_none();
        let nest = Nest { outer, head, inner, tail };
        (turns && plain && small(&nest.head) && small(&[inner]) && small(&nest.tail)).then_some(nest)
    }

    /// The branch at the end of an iteration.
    pub fn latch(&self, func: &Function) -> Inst {
        func.layout.last_inst(*self.tail.last().expect("there is one")).expect("it ends with a branch")
    }

    pub fn blocks(&self) -> impl Iterator<Item = Block> {
        self.head.iter().chain(std::iter::once(&self.inner)).chain(&self.tail).copied()
    }
}

/// Blocks of which each jumps to the next, until one jumps to the end that is given; without one, until one branches.
/// None but the first has another way in.
fn follow(unit: &Unit<'_>, first: Block, end: Option<Block>) -> Option<Vec<Block>> {
    let mut blocks = vec![first];
    while blocks.len() <= MAX_BLOCKS {
        let next = destinations(unit.func, *blocks.last().expect("there is one"));
        match (next.as_slice(), end) {
            (&[next], Some(end)) if next == end => return Some(blocks),
            (&[next], _) if unit.flow.cfg.pred_iter(next).count() == 1 => blocks.push(next),
            (&[_, _], None) => return Some(blocks),
            _ => return None,
        }
    }
    None
}

/// Where a block's last instruction goes.
pub fn destinations(func: &Function, block: Block) -> Vec<Block> {
    let Some(branch) = func.layout.last_inst(block) else { return vec![] };
    match func.dfg.insts[branch] {
        InstructionData::Jump { .. } | InstructionData::Brif { .. } => {}
        _ => return vec![],
    }
    let calls = func.dfg.insts[branch].branch_destination(&func.dfg.jump_tables, &func.dfg.exception_tables);
    calls.iter().map(|call| call.block(&func.dfg.value_lists)).collect()
}
