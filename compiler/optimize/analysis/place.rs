//! Where in memory 0 a load or store is, if it surely lies inside.

use super::{Ranges, value};
use cranelift_codegen::ir::types::I32;
use cranelift_codegen::ir::{Function, Inst, InstructionData, Opcode, Value};

/// Values that an address is the sum of.
const MAX_TERMS: usize = 6;

/// Additions between an address and its terms.
const MAX_ADDITIONS: usize = 64;

/// Bytes of memory 0, below its least length.
pub struct Place {
    /// Their address is the sum of these and the offset, modulo 2³²,
    pub terms: Vec<Value>,
    offset: u32,
    /// at least this,
    low: u64,
    /// and the last one's is less than this, in all iterations.
    end: u64,
    pub size: u32,
}

impl Place {
    /// Of a load or store of memory 0 whose bytes all lie below `least`.
    pub fn of(func: &Function, ranges: &mut Ranges<'_>, inst: Inst, least: u64) -> Option<Place> {
        let (opcode, address, offset, ty) = match func.dfg.insts[inst] {
            InstructionData::Load { opcode, arg, offset, .. } => {
                (opcode, arg, offset, func.dfg.value_type(func.dfg.first_result(inst)))
            }
            InstructionData::Store { opcode, args, offset, .. } => {
                (opcode, args[1], offset, func.dfg.value_type(args[0]))
            }
            _ => return None,
        };
        let size = match opcode {
            Opcode::Load | Opcode::Store => ty.bytes(),
            Opcode::Uload8 | Opcode::Sload8 | Opcode::Istore8 => 1,
            Opcode::Uload16 | Opcode::Sload16 | Opcode::Istore16 => 2,
            Opcode::Uload32 | Opcode::Sload32 | Opcode::Istore32 => 4,
            _ => return None,
        };
        let (_, index) = address_parts(func, address)?;
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

    /// What tells where it is, for sorting.
    pub fn key(&self) -> (&[Value], u32) {
        (&self.terms, self.offset)
    }

    /// False if the two never touch the same byte where their terms are the same, but for the sum of the other's, which
    /// is `more` greater.
    pub fn may_meet(&self, other: &Place, more: u32) -> bool {
        if self.lies_apart(other) {
            return false;
        }
        // Both lie below 2³². If their distance is not this one, it is that minus or plus 2³²: further still.
        let ahead = i64::from(other.offset.wrapping_add(more).wrapping_sub(self.offset) as i32);
        self.terms != other.terms || (ahead < i64::from(self.size) && -ahead < i64::from(other.size))
    }

    /// True if no byte is one of both in any iterations.
    pub fn lies_apart(&self, other: &Place) -> bool {
        self.end <= other.low || other.end <= self.low
    }

    /// True if `other` is lane `lane` of a vector that begins here.
    pub fn is_lane(&self, other: &Place, lane: usize) -> bool {
        let way = lane as u32 * self.size;
        self.size == other.size
            && self.terms == other.terms
            && other.offset.wrapping_sub(self.offset) == way
            && self.has_room(u64::from(way))
    }

    /// True if an address that is by so much greater than this one modulo 2³² is so without the modulus.
    pub fn has_room(&self, way: u64) -> bool {
        // The last lane's address is one of 32 bits if the first one's greatest plus the way is.
        self.end + way <= 1 << 32
    }
}

/// Memory 0's base and the 32-bit number that is added to it.
pub fn address_parts(func: &Function, address: Value) -> Option<(Value, Value)> {
    let (Opcode::Iadd, [x, y]) = value::binary(func, address)? else { return None };
    let is_base =
        |v: Value| value::defining(func, v).is_some_and(|inst| func.dfg.insts[inst].opcode() == Opcode::GetPinnedReg);
    let narrow = |v: Value| value::unary(func, v, Opcode::Uextend).filter(|&v| func.dfg.value_type(v) == I32);
    match (is_base(x), is_base(y)) {
        (true, false) => narrow(y).map(|index| (x, index)),
        (false, true) => narrow(x).map(|index| (y, index)),
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
