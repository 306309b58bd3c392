//! Loads and stores of a block, and which of them can meet.

use crate::optimize::analysis::{Ranges, value};
use cranelift_codegen::ir::types::I32;
use cranelift_codegen::ir::{Block, Function, Inst, InstructionData, Opcode, Value};

/// More than a block has for whose order it pays to compare all with all.
const MAX_ACCESSES: usize = 64;

/// Values that an address is the sum of.
const MAX_TERMS: usize = 6;

/// Additions between an address and its terms.
const MAX_ADDITIONS: usize = 64;

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

/// Bytes of memory 0, below its least length.
pub struct Place {
    /// Their address is the sum of these and the offset, modulo 2³²,
    terms: Vec<Value>,
    offset: u32,
    /// at least this,
    low: u64,
    /// and the last one's is less than this, in all iterations.
    end: u64,
    size: u32,
}

impl Accesses {
    /// None if there are too many, or something else that has effects or may trap.
    pub fn find(func: &Function, ranges: &mut Ranges<'_>, block: Block, least: u64) -> Option<Accesses> {
        let mut all = Vec::new();
        for (at, inst) in func.layout.block_insts(block).enumerate() {
            let data = &func.dfg.insts[inst];
            let opcode = data.opcode();
            if matches!(data, InstructionData::Load { .. } | InstructionData::Store { .. }) {
                let place = place(func, ranges, inst, least);
                all.push(Access { inst, at, stores: opcode.can_store(), place });
            } else {
                let quiet =
                    !(opcode.other_side_effects() || opcode.can_trap() || opcode.can_load() || opcode.can_store());
                if !(quiet || opcode == Opcode::Brif || opcode == Opcode::GetPinnedReg) {
                    return None;
                }
            }
        }
        (all.len() <= MAX_ACCESSES).then_some(Accesses { all })
    }
}

impl Access {
    /// False if the two never touch the same byte in one iteration.
    pub fn may_meet(&self, other: &Access) -> bool {
        let (Some(a), Some(b)) = (&self.place, &other.place) else { return true };
        if a.end <= b.low || b.end <= a.low {
            return false;
        }
        // Both lie below 2³². If their distance is not this one, it is that minus or plus 2³²: further still.
        let ahead = i64::from(b.offset.wrapping_sub(a.offset) as i32);
        a.terms != b.terms || (ahead < i64::from(a.size) && -ahead < i64::from(b.size))
    }

    /// True if this is lane `lane` of a vector that begins with `first` and has `bytes` bytes, all below `least`.
    pub fn is_lane(&self, first: &Access, lane: usize) -> bool {
        let (Some(a), Some(b)) = (&first.place, &self.place) else { return false };
        let way = lane as u32 * a.size;
        // The last lane's address is one of 32 bits if the first one's greatest plus the way is.
        a.size == b.size
            && a.terms == b.terms
            && b.offset.wrapping_sub(a.offset) == way
            && a.end + u64::from(way) <= 1 << 32
    }
}

impl Place {
    /// What tells where it is, for sorting.
    pub fn key(&self) -> (&[Value], u32) {
        (&self.terms, self.offset)
    }
}

fn place(func: &Function, ranges: &mut Ranges<'_>, inst: Inst, least: u64) -> Option<Place> {
    let (opcode, address, offset, ty) = match func.dfg.insts[inst] {
        InstructionData::Load { opcode, arg, offset, .. } => {
            (opcode, arg, offset, func.dfg.value_type(func.dfg.first_result(inst)))
        }
        InstructionData::Store { opcode, args, offset, .. } => (opcode, args[1], offset, func.dfg.value_type(args[0])),
        _ => return None,
    };
    let size = match opcode {
        Opcode::Load | Opcode::Store => ty.bytes(),
        Opcode::Uload8 | Opcode::Sload8 | Opcode::Istore8 => 1,
        Opcode::Uload16 | Opcode::Sload16 | Opcode::Istore16 => 2,
        Opcode::Uload32 | Opcode::Sload32 | Opcode::Istore32 => 4,
        _ => return None,
    };
    let index = index(func, address)?;
    let offset = u32::try_from(i32::from(offset)).ok()?;
    let range = ranges.of(func, index);
    let low = range.low() + u64::from(offset);
    let end = range.high() + u64::from(offset) + u64::from(size);
    if end > least {
        return None;
    }
    let (mut terms, mut sum) = (Vec::new(), offset);
    let mut left = MAX_ADDITIONS;
    add(func, index, &mut terms, &mut sum, &mut left)?;
    terms.sort();
    Some(Place { terms, offset: sum, low, end, size })
}

/// The 32-bit number that is added to memory 0's base.
fn index(func: &Function, address: Value) -> Option<Value> {
    let (Opcode::Iadd, [x, y]) = value::binary(func, address)? else { return None };
    let is_base =
        |v: Value| value::defining(func, v).is_some_and(|inst| func.dfg.insts[inst].opcode() == Opcode::GetPinnedReg);
    let narrow = |v: Value| value::unary(func, v, Opcode::Uextend).filter(|&v| func.dfg.value_type(v) == I32);
    match (is_base(x), is_base(y)) {
        (true, false) => narrow(y),
        (false, true) => narrow(x),
        _ => None,
    }
}

/// Adds up what a value is the sum of, modulo 2³².
fn add(func: &Function, value: Value, terms: &mut Vec<Value>, sum: &mut u32, left: &mut usize) -> Option<()> {
    *left = left.checked_sub(1)?;
    let value = func.dfg.resolve_aliases(value);
    if let Some(constant) = value::constant(func, value) {
        *sum = sum.wrapping_add(constant as u32);
        return Some(());
    }
    match value::binary(func, value) {
        Some((Opcode::Iadd, [x, y])) => {
            add(func, x, terms, sum, left)?;
            add(func, y, terms, sum, left)
        }
        Some((Opcode::Isub, [x, y])) if let Some(constant) = value::constant(func, y) => {
            *sum = sum.wrapping_sub(constant as u32);
            add(func, x, terms, sum, left)
        }
        _ => {
            terms.push(value);
            (terms.len() <= MAX_TERMS).then_some(())
        }
    }
}
