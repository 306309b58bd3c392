//! Loads and stores of a block, and which of them can meet.

use crate::optimize::analysis::effects::is_quiet;
use crate::optimize::analysis::{Place, Ranges};
use cranelift_codegen::ir::{Block, Function, Inst, InstructionData};

/// More than a block has for whose order it pays to compare all with all.
const MAX_ACCESSES: usize = 64;

/// All loads and stores of a block, in their order.
pub struct Accesses {
    pub all: Vec<Access>,
}

/// A load or store.
pub struct Access {
    pub inst: Inst,
    /// Its number among the block's instructions.
    pub at: usize,
    pub stores: bool,
    /// None if it may be anywhere, or may trap.
    pub place: Option<Place>,
}

impl Accesses {
    /// None if there are too many, or something else that has effects or may trap.
    pub fn find(func: &Function, ranges: &mut Ranges<'_>, block: Block, least: u64) -> Option<Accesses> {
        let mut all = Vec::new();
        for (at, inst) in func.layout.block_insts(block).enumerate() {
            let data = &func.dfg.insts[inst];
            let opcode = data.opcode();
            if matches!(data, InstructionData::Load { .. } | InstructionData::Store { .. }) {
                let place = Place::of(func, ranges, inst, least);
                all.push(Access { inst, at, stores: opcode.can_store(), place });
            } else if !is_quiet(opcode) {
                return None;
            }
        }
        (all.len() <= MAX_ACCESSES).then_some(Accesses { all })
    }
}

impl Access {
    /// False if the two never touch the same byte in one iteration.
    pub fn may_meet(&self, other: &Access) -> bool {
        let (Some(a), Some(b)) = (&self.place, &other.place) else { return true };
        a.may_meet(b, 0)
    }

    /// True if this is lane `lane` of a vector that begins with `first` and has `bytes` bytes, all below `least`.
    pub fn is_lane(&self, first: &Access, lane: usize) -> bool {
        let (Some(a), Some(b)) = (&first.place, &self.place) else { return false };
        a.is_lane(b, lane)
    }
}
