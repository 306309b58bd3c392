//! 32-bit values as sums that are exact in 64 bits.
//!
//! A 32-bit sum is the exact one minus a multiple of 2³². Where the ranges of its terms prove which multiple, it is exact
//! in 64 bits with that taken off, whatever wraps between the terms and it: `(i + j) + 5000`, with `i` from -800 to -8,
//! that is, from 2³² - 800 to 2³² - 8, and `j` from 0 to 99, is always `i + j + 5000 - 2³²`, although `i + j` wraps for
//! some of them only.

use super::{Range, Ranges, value};
use cranelift_codegen::ir::{Function, Opcode, Value};

/// `value = Σ terms + constant`.
#[derive(Debug, Clone, Default)]
pub struct Sum {
    pub terms: Vec<Term>,
    pub constant: i64,
}

/// `value << shift`, where the value is a number of 32 bits that is not negative.
#[derive(Debug, Clone, Copy)]
pub struct Term {
    pub value: Value,
    pub shift: u32,
}

/// By which a 32-bit sum is less each time it wraps.
pub const MODULUS: i64 = 1 << 32;

/// Terms an address may have beside its base: each but one is an addition.
const MAX_TERMS: usize = 3;

/// Additions and shifts between a sum and its terms: work doubles with each, and guests decide how many there are.
const MAX_DEPTH: usize = 8;

/// Shifts of terms beyond this are left to 32-bit instructions.
const MAX_SHIFT: u32 = 16;

/// True if no bit is set in both: `or` is a sum.
fn are_disjoint(a: Range, b: Range) -> bool {
    b.high() < 1 << a.zeros() || a.high() < 1 << b.zeros()
}

impl Sum {
    /// A value as an exact sum; of itself alone, if nothing else is known.
    pub fn of(func: &Function, ranges: &mut Ranges<'_>, value: Value) -> Option<Sum> {
        let congruent = Sum::congruent(func, ranges, value, MAX_DEPTH)?;
        match congruent.exact(func, ranges) {
            Some((sum, _)) if !sum.is(value) => Some(sum),
            _ => Sum::of_parts(func, ranges, value, MAX_DEPTH),
        }
    }

    /// True if it says nothing of a value.
    pub fn is(&self, value: Value) -> bool {
        matches!(*self.terms, [Term { value: only, shift: 0 }] if only == value)
    }

    /// The range of a sum or difference, if it is not more than all numbers.
    pub fn range(func: &Function, ranges: &mut Ranges<'_>, value: Value) -> Option<Range> {
        let sum = Sum::congruent(func, ranges, value, MAX_DEPTH)?;
        sum.exact(func, ranges).map(|(_, range)| range)
    }

    /// A sum that is the value, but for a multiple of 2³².
    fn congruent(func: &Function, ranges: &mut Ranges<'_>, value: Value, depth: usize) -> Option<Sum> {
        let value = func.dfg.resolve_aliases(value);
        if let Some(constant) = value::constant(func, value) {
            return Some(Sum { terms: vec![], constant: i64::from(constant as u32) });
        }
        let whole = Sum::whole(value);
        let Some((opcode, [x, y])) = value::binary(func, value).filter(|_| depth > 0) else { return Some(whole) };
        let sum = match (opcode, value::constant(func, y)) {
            (Opcode::Iadd, _) => {
                let x = Sum::congruent(func, ranges, x, depth - 1)?;
                x.add(Sum::congruent(func, ranges, y, depth - 1)?)
            }
            (Opcode::Isub, Some(less)) => {
                Some(Sum::congruent(func, ranges, x, depth - 1)?.plus(-i64::from(less as u32)))
            }
            (Opcode::Bor, _) if are_disjoint(ranges.of(func, x), ranges.of(func, y)) => {
                let x = Sum::congruent(func, ranges, x, depth - 1)?;
                x.add(Sum::congruent(func, ranges, y, depth - 1)?)
            }
            // Of what is a multiple of 8 for sure, more is known than of what is shifted, so only what stays exact.
            (Opcode::Ishl, Some(count)) => Sum::congruent(func, ranges, x, depth - 1)?
                .shift(count as u32 % 32)
                .filter(|sum| sum.exact(func, ranges).is_some()),
            _ => None,
        };
        Some(sum.unwrap_or(whole))
    }

    /// The same sum without the multiple of 2³² by which it is too great or too small, and its range, if the multiple is
    /// always the same.
    fn exact(&self, func: &Function, ranges: &mut Ranges<'_>) -> Option<(Sum, Range)> {
        let terms = self.terms.iter().map(|term| (ranges.of(func, term.value), term.shift));
        let (far, range) = Range::sum(self.constant, terms)?;
        Some((self.clone().plus(-far), range))
    }

    /// A value as the sum of what its parts are, each exact by itself.
    fn of_parts(func: &Function, ranges: &mut Ranges<'_>, value: Value, depth: usize) -> Option<Sum> {
        let value = func.dfg.resolve_aliases(value);
        if let Some(constant) = ranges.of(func, value).constant() {
            return Some(Sum { terms: vec![], constant: constant as i64 });
        }
        let whole = Sum::whole(value);
        let Some((opcode, [x, y])) = value::binary(func, value).filter(|_| depth > 0) else { return Some(whole) };
        let (a, b) = (ranges.of(func, x), ranges.of(func, y));
        let mut part = |value| Sum::of_parts(func, ranges, value, depth - 1);
        let sum = match opcode {
            Opcode::Iadd if a.adds_exactly(b) => part(x)?.add(part(y)?),
            Opcode::Iadd if a.adds_wrapping(b) => part(x)?.add(part(y)?).map(|sum| sum.plus(-MODULUS)),
            Opcode::Bor if are_disjoint(a, b) => part(x)?.add(part(y)?),
            Opcode::Isub if b.constant().is_some_and(|less| a.low() >= less) => Some(part(x)?.plus(-(b.low() as i64))),
            Opcode::Ishl => match value::constant(func, y).map(|count| count as u32 % 32) {
                Some(count) if a.shifts_exactly(count) => part(x)?.shift(count),
                _ => None,
            },
            _ => None,
        };
        Some(sum.unwrap_or(whole))
    }

    fn whole(value: Value) -> Sum {
        Sum { terms: vec![Term { value, shift: 0 }], constant: 0 }
    }

    fn add(mut self, other: Sum) -> Option<Sum> {
        self.terms.extend(other.terms);
        (self.terms.len() <= MAX_TERMS).then(|| self.plus(other.constant))
    }

    fn plus(mut self, more: i64) -> Sum {
        self.constant += more;
        self
    }

    /// Of a sum whose shift is exact as a whole. Only of one term: it would be a shift for each.
    fn shift(mut self, count: u32) -> Option<Sum> {
        let [term] = self.terms.as_mut_slice() else { return None };
        term.shift += count;
        (term.shift <= MAX_SHIFT).then_some(())?;
        self.constant <<= count;
        Some(self)
    }
}
