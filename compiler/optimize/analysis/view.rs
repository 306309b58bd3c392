//! What code reads of the instance's views of memories: where their first byte is and how long they are.

use super::{Flow, value};
use crate::context::{VIEW_BASE, VIEW_LENGTH, VIEW_SIZE};
use crate::plan::{MemoryMode, Plan};
use crate::translate::is_instance;
use cranelift_codegen::ir::{Function, Inst, InstructionData, Opcode, Value, types::I64};
use cranelift_codegen::loop_analysis::Loop;
use std::collections::HashSet;

/// A field of a memory's view, and the distance of that below the pinned register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// Address of the first byte.
    Base(u32),
    /// Accessible bytes.
    Length(u32),
}

/// True if code reads any views: not with a lone memory 0 that the pinned register points to and the MMU watches.
pub fn any(plan: &Plan) -> bool {
    let unread = |index: usize| index == 0 && plan.base_pinned && plan.memories[0].mode == MemoryMode::Guard;
    (0..plan.memories.len()).any(|index| !unread(index))
}

/// The field that an instruction loads.
pub fn loaded(func: &Function, plan: &Plan, inst: Inst) -> Option<Field> {
    let InstructionData::Load { opcode: Opcode::Load, arg, offset, .. } = func.dfg.insts[inst] else { return None };
    // Nothing else lies at these distances below it.
    let distance = u32::try_from(-i64::from(i32::from(offset))).ok().filter(|&distance| distance > 0)?;
    if !is_instance(func, func.dfg.resolve_aliases(arg)) || func.dfg.value_type(func.dfg.first_result(inst)) != I64 {
        return None;
    }
    let memory = |at: u64| {
        let from_first = u64::from(plan.layout.memories_at).checked_sub(u64::from(distance) + at)?;
        let index = from_first.is_multiple_of(VIEW_SIZE).then_some(from_first / VIEW_SIZE)?;
        (index < plan.memories.len() as u64).then_some(index as u32)
    };
    memory(VIEW_BASE).map(Field::Base).or_else(|| memory(VIEW_LENGTH).map(Field::Length))
}

/// The memory whose length a value is.
pub fn length_of(func: &Function, plan: &Plan, length: Value) -> Option<u32> {
    match loaded(func, plan, value::defining(func, length)?)? {
        Field::Length(memory) => Some(memory),
        Field::Base(_) => None,
    }
}

/// Where memories may become longer or move: calls, and atomics, behind which code sees what other threads did. What is
/// not known to be quiet is loud.
pub struct Loud {
    loops: HashSet<Loop>,
    /// The whole function is quiet.
    none: bool,
}

impl Loud {
    /// Looks through a function.
    pub fn find(func: &Function, flow: &Flow<'_>) -> Loud {
        let mut loud = Loud { loops: HashSet::new(), none: true };
        for block in func.layout.blocks() {
            if !func.layout.block_insts(block).all(|inst| is_quiet(func, inst)) {
                loud.none = false;
                let mut within = flow.loops.innermost_loop(block);
                // Loops around one that is known are known.
                while let Some(found) = within.filter(|&found| loud.loops.insert(found)) {
                    within = flow.loops.loop_parent(found);
                }
            }
        }
        loud
    }

    /// True if nothing loud happens in a loop.
    pub fn is_quiet(&self, within: Loop) -> bool {
        !self.loops.contains(&within)
    }

    /// True if nothing loud can happen between two instructions of which the first dominates the second.
    pub fn quiet_between(&self, func: &Function, flow: &Flow<'_>, first: Inst, second: Inst) -> bool {
        if self.none {
            return true;
        }
        let blocks = [first, second].map(|inst| func.layout.inst_block(inst).expect("it is in the function"));
        // A way from one to the other that leaves the loop comes back through its header, so meets the first again.
        let together = flow
            .loops
            .innermost_loop(blocks[0])
            .is_some_and(|within| self.is_quiet(within) && flow.loops.is_in_loop(blocks[1], within));
        together || (blocks[0] == blocks[1] && between(func, first, second).all(|inst| is_quiet(func, inst)))
    }
}

/// The instructions from one up to another one of its block.
fn between(func: &Function, first: Inst, second: Inst) -> impl Iterator<Item = Inst> + '_ {
    let next = move |&inst: &Inst| func.layout.next_inst(inst).filter(|&inst| inst != second);
    std::iter::successors(next(&first), next)
}

/// True for instructions after which all memories are as long as before, and where they were.
pub fn is_quiet(func: &Function, inst: Inst) -> bool {
    let data = &func.dfg.insts[inst];
    match data {
        InstructionData::Load { .. } | InstructionData::Store { .. } => true,
        _ => {
            let opcode = data.opcode();
            let known = opcode.is_branch()
                || matches!(opcode, Opcode::GetPinnedReg | Opcode::Trapz | Opcode::Trapnz | Opcode::Trap)
                || matches!(opcode, Opcode::UaddOverflowTrap | Opcode::Return | Opcode::Nop);
            !opcode.is_call() && (known || !(opcode.other_side_effects() || opcode.can_load() || opcode.can_store()))
        }
    }
}
