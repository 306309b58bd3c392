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

/// Values looked at for one sum: `x + x` of `x + x` of … doubles their number each time, and guests decide how often.
const MAX_VALUES: usize = 32;

/// Shifts of terms beyond this are left to 32-bit instructions.
const MAX_SHIFT: u32 = 16;

/// True if no bit is set in both: `or` is a sum.
fn are_disjoint(a: Range, b: Range) -> bool {
    b.high() < 1 << a.zeros() || a.high() < 1 << b.zeros()
}

impl Sum {
    /// A value as an exact sum; of itself alone, if nothing else is known.
    pub fn of(func: &Function, ranges: &mut Ranges<'_>, value: Value) -> Option<Sum> {
        let congruent = Search::new(func, ranges).congruent(value)?;
        match congruent.exact(func, ranges) {
            Some((sum, _)) if !sum.is(value) => Some(sum),
            _ => Search::new(func, ranges).parts(value),
        }
    }

    /// True if it says nothing of a value.
    pub fn is(&self, value: Value) -> bool {
        matches!(*self.terms, [Term { value: only, shift: 0 }] if only == value)
    }

    /// The range of a sum or difference, if it is not more than all numbers.
    pub fn range(func: &Function, ranges: &mut Ranges<'_>, value: Value) -> Option<Range> {
        let sum = Search::new(func, ranges).congruent(value)?;
        sum.exact(func, ranges).map(|(_, range)| range)
    }

    /// The same sum without the multiple of 2³² by which it is too great or too small, and its range, if the multiple is
    /// always the same.
    fn exact(&self, func: &Function, ranges: &mut Ranges<'_>) -> Option<(Sum, Range)> {
        let terms = self.terms.iter().map(|term| (ranges.of(func, term.value), term.shift));
        let (far, range) = Range::sum(self.constant, terms)?;
        Some((self.clone().plus(-far), range))
    }

    fn number(constant: i64) -> Sum {
        Sum { terms: vec![], constant }
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

/// The search for what one value is made of.
struct Search<'s, 'f> {
    func: &'s Function,
    ranges: &'s mut Ranges<'f>,
    /// Values that may still be looked at; any further one is a term.
    left: usize,
}

impl<'s, 'f> Search<'s, 'f> {
    fn new(func: &'s Function, ranges: &'s mut Ranges<'f>) -> Search<'s, 'f> {
        Search { func, ranges, left: MAX_VALUES }
    }

    /// A sum that is the value, but for a multiple of 2³².
    fn congruent(&mut self, value: Value) -> Option<Sum> {
        let value = self.func.dfg.resolve_aliases(value);
        if let Some(constant) = value::constant(self.func, value) {
            return Some(Sum::number(i64::from(constant as u32)));
        }
        let whole = Sum::whole(value);
        let Some((opcode, [x, y])) = self.operation(value) else { return Some(whole) };
        let sum = match (opcode, value::constant(self.func, y)) {
            (Opcode::Iadd, _) => self.congruent(x)?.add(self.congruent(y)?),
            (Opcode::Isub, Some(less)) => Some(self.congruent(x)?.plus(-i64::from(less as u32))),
            (Opcode::Bor, _) if are_disjoint(self.range(x), self.range(y)) => {
                self.congruent(x)?.add(self.congruent(y)?)
            }
            // Of what is a multiple of 8 for sure, more is known than of what is shifted, so only what stays exact.
            (Opcode::Ishl, Some(count)) => {
                (self.congruent(x)?).shift(count as u32 % 32).filter(|sum| sum.exact(self.func, self.ranges).is_some())
            }
            _ => None,
        };
        Some(sum.unwrap_or(whole))
    }

    /// A value as the sum of what its parts are, each exact by itself.
    fn parts(&mut self, value: Value) -> Option<Sum> {
        let value = self.func.dfg.resolve_aliases(value);
        if let Some(constant) = self.range(value).constant() {
            return Some(Sum::number(constant as i64));
        }
        let whole = Sum::whole(value);
        let Some((opcode, [x, y])) = self.operation(value) else { return Some(whole) };
        let (a, b) = (self.range(x), self.range(y));
        let sum = match opcode {
            Opcode::Iadd if a.adds_exactly(b) => self.parts(x)?.add(self.parts(y)?),
            Opcode::Iadd if a.adds_wrapping(b) => self.parts(x)?.add(self.parts(y)?).map(|sum| sum.plus(-MODULUS)),
            Opcode::Bor if are_disjoint(a, b) => self.parts(x)?.add(self.parts(y)?),
            Opcode::Isub if b.constant().is_some_and(|less| a.low() >= less) => {
                Some(self.parts(x)?.plus(-(b.low() as i64)))
            }
            Opcode::Ishl => match value::constant(self.func, y).map(|count| count as u32 % 32) {
                Some(count) if a.shifts_exactly(count) => self.parts(x)?.shift(count),
                _ => None,
            },
            _ => None,
        };
        Some(sum.unwrap_or(whole))
    }

    /// What makes a value, if that may still be looked at.
    fn operation(&mut self, value: Value) -> Option<(Opcode, [Value; 2])> {
        self.left = self.left.checked_sub(1)?;
        value::binary(self.func, value)
    }

    fn range(&mut self, value: Value) -> Range {
        self.ranges.of(self.func, value)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Flow;
    use super::*;
    use cranelift_codegen::Context;
    use cranelift_codegen::cursor::{Cursor, FuncCursor};
    use cranelift_codegen::ir::types::I32;
    use cranelift_codegen::ir::{Function, InstBuilder, Signature, UserFuncName};
    use cranelift_codegen::isa::CallConv;

    /// A function of a byte `b` and a number `x`, and what `look` finds in it of the value `make` makes of them.
    fn found<T>(
        make: impl FnOnce(&mut FuncCursor<'_>, Value, Value) -> Value,
        look: impl FnOnce(&Function, &mut Ranges<'_>, Value) -> T,
    ) -> T {
        let func = Function::with_name_signature(UserFuncName::default(), Signature::new(CallConv::Fast));
        let mut context = Context::for_function(func);
        let block = context.func.dfg.make_block();
        let x = context.func.dfg.append_block_param(block, I32);
        let mut cursor = FuncCursor::new(&mut context.func);
        cursor.insert_block(block);
        let mask = cursor.ins().iconst(I32, 0xff);
        let byte = cursor.ins().band(x, mask);
        let value = make(&mut cursor, byte, x);
        cursor.ins().return_(&[value]);
        context.flowgraph();
        context.compute_loop_analysis();
        let flow = Flow { cfg: &context.cfg, domtree: &context.domtree, loops: &context.loop_analysis };
        look(&context.func, &mut Ranges::new(flow), value)
    }

    /// `value` doubled by so many additions.
    fn doubled(cursor: &mut FuncCursor<'_>, value: Value, times: usize) -> Value {
        (0..times).fold(value, |value, _| cursor.ins().iadd(value, value))
    }

    /// Whether a search finds a small sum and is at its end with that.
    fn exhausted(
        search: impl FnOnce(&mut Search<'_, '_>, Value) -> Option<Sum>,
    ) -> impl FnOnce(&Function, &mut Ranges<'_>, Value) -> bool {
        |func, ranges, value| {
            let mut state = Search::new(func, ranges);
            let sum = search(&mut state, value).expect("a sum");
            sum.terms.len() <= MAX_TERMS && state.left == 0
        }
    }

    /// A value is looked at once for each way to it, of which there are 2⁶⁴ here, and 2²⁰ of exact ones.
    #[test]
    fn so_many_values_are_looked_at_and_no_more() {
        let congruent =
            found(|cursor, _, x| doubled(cursor, x, 64), exhausted(|search, value| search.congruent(value)));
        let parts = found(|cursor, byte, _| doubled(cursor, byte, 20), exhausted(|search, value| search.parts(value)));
        assert!(congruent && parts);
    }

    #[test]
    fn small_sums_are_found_behind_others() {
        // ((b + b) + 7) - 3
        let make = |cursor: &mut FuncCursor<'_>, byte, _| {
            let twice = doubled(cursor, byte, 1);
            let seven = cursor.ins().iconst(I32, 7);
            let three = cursor.ins().iconst(I32, 3);
            let more = cursor.ins().iadd(twice, seven);
            cursor.ins().isub(more, three)
        };
        let sum = found(make, Sum::of).expect("a sum");
        assert_eq!((sum.terms.len(), sum.constant), (2, 4));
    }
}
