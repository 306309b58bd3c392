//! Values of a loop that change by the same amount in each iteration, as expressions of what is known in front of it.
//!
//! In the k-th iteration such a value is `start + k * step`, modulo 2³². Sums, differences, products with what does not
//! change and shifts of such values are such values again, whatever wraps.

use super::{FEW_EDGES, Flow, counter, value};
use cranelift_codegen::cursor::FuncCursor;
use cranelift_codegen::ir::types::I32;
use cranelift_codegen::ir::{Function, InstBuilder, Opcode, Value};
use cranelift_codegen::loop_analysis::Loop;

/// A 32-bit number that can be computed in front of the loop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Term {
    Value(Value),
    Constant(u32),
    Add(Box<[Term; 2]>),
    Sub(Box<[Term; 2]>),
    Mul(Box<[Term; 2]>),
}

/// See above.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Affine {
    pub start: Term,
    pub step: Term,
}

/// Instructions between a value and its parts.
const MAX_DEPTH: usize = 8;

const ZERO: Term = Term::Constant(0);

/// A value as such an expression.
pub fn of(func: &Function, flow: &Flow<'_>, within: Loop, value: Value) -> Option<Affine> {
    find(func, flow, within, value, MAX_DEPTH)
}

/// A sum, difference or product of such values as one.
pub fn of_term(func: &Function, flow: &Flow<'_>, within: Loop, term: &Term) -> Option<Affine> {
    let parts = |parts: &[Term; 2]| {
        let [a, b] = parts.each_ref().map(|part| of_term(func, flow, within, part));
        Some((a?, b?))
    };
    match term {
        Term::Value(value) => of(func, flow, within, *value),
        Term::Constant(_) => Some(Affine { start: term.clone(), step: ZERO }),
        Term::Add(both) => parts(both).map(|(a, b)| a.add(b)),
        Term::Sub(both) => parts(both).map(|(a, b)| a.sub(b)),
        Term::Mul(both) => parts(both).and_then(|(a, b)| a.mul(b)),
    }
}

fn find(func: &Function, flow: &Flow<'_>, within: Loop, value: Value, depth: usize) -> Option<Affine> {
    let value = func.dfg.resolve_aliases(value);
    if func.dfg.value_type(value) != I32 {
        return None;
    }
    if let Some(constant) = value::constant(func, value) {
        return Some(Affine { start: Term::Constant(constant as u32), step: ZERO });
    }
    if flow.is_invariant(func, value, within) {
        return Some(Affine { start: Term::Value(value), step: ZERO });
    }
    let depth = depth.checked_sub(1)?;
    let Some((opcode, [x, y])) = value::binary(func, value) else { return counted(func, flow, within, value, depth) };
    if !matches!(opcode, Opcode::Iadd | Opcode::Isub | Opcode::Imul | Opcode::Ishl) {
        return None;
    }
    let a = find(func, flow, within, x, depth)?;
    let b = if opcode == Opcode::Ishl { power(func, y)? } else { find(func, flow, within, y, depth)? };
    match opcode {
        Opcode::Iadd => Some(a.add(b)),
        Opcode::Isub => Some(a.sub(b)),
        _ => a.mul(b),
    }
}

impl Affine {
    fn add(self, other: Affine) -> Affine {
        Affine { start: self.start.add(other.start), step: self.step.add(other.step) }
    }

    fn sub(self, other: Affine) -> Affine {
        Affine { start: self.start.sub(other.start), step: self.step.sub(other.step) }
    }

    fn mul(self, other: Affine) -> Option<Affine> {
        let step = match (&self.step, &other.step) {
            (_, &ZERO) => self.step.mul(other.start.clone()),
            (&ZERO, _) => self.start.clone().mul(other.step),
            _ => return None,
        };
        Some(Affine { start: self.start.mul(other.start), step })
    }
}

/// What a shift by a constant multiplies by.
fn power(func: &Function, count: Value) -> Option<Affine> {
    let count = value::constant(func, count)? as u32 % 32;
    Some(Affine { start: Term::Constant(1 << count), step: ZERO })
}

/// A parameter of the loop's header that the loop adds to.
fn counted(func: &Function, flow: &Flow<'_>, within: Loop, value: Value, depth: usize) -> Option<Affine> {
    let (header, number) = value::param(func, value)?;
    if flow.loops.loop_header(within) != header {
        return None;
    }
    let latch = counter::latch(flow, header)?;
    let (mut start, mut step) = (None, None);
    for (block, arg) in flow.incoming(func, header, number, FEW_EDGES)? {
        let (place, found) = if block == latch {
            (&mut step, difference(func, flow, within, value, arg, depth)?)
        } else {
            (&mut start, Term::of_entering(func, arg))
        };
        if place.replace(found).is_some() {
            return None;
        }
    }
    Some(Affine { start: start?, step: step? })
}

/// What is added to `from` to make `to`, if that is the same in all iterations.
fn difference(func: &Function, flow: &Flow<'_>, within: Loop, from: Value, to: Value, depth: usize) -> Option<Term> {
    if from == to {
        return Some(ZERO);
    }
    let depth = depth.checked_sub(1)?;
    let (opcode, [x, y]) = value::binary(func, to)?;
    let fixed = |value: Value| find(func, flow, within, value, depth).filter(|a| a.step == ZERO).map(|a| a.start);
    let rest = |value: Value| difference(func, flow, within, from, value, depth);
    match opcode {
        Opcode::Iadd => match rest(x) {
            Some(rest) => Some(rest.add(fixed(y)?)),
            None => Some(rest(y)?.add(fixed(x)?)),
        },
        Opcode::Isub => Some(rest(x)?.sub(fixed(y)?)),
        _ => None,
    }
}

impl Term {
    fn of_entering(func: &Function, value: Value) -> Term {
        value::constant(func, value).map_or(Term::Value(value), |constant| Term::Constant(constant as u32))
    }

    /// Operations and values.
    pub fn size(&self) -> usize {
        match self {
            Term::Constant(_) => 0,
            Term::Value(_) => 1,
            Term::Add(parts) | Term::Sub(parts) | Term::Mul(parts) => 1 + parts[0].size() + parts[1].size(),
        }
    }

    /// True if it is made of what is the same in all iterations of a loop.
    pub fn is_invariant(&self, func: &Function, flow: &Flow<'_>, within: Loop) -> bool {
        match self {
            Term::Constant(_) => true,
            Term::Value(value) => flow.is_invariant(func, *value, within),
            Term::Add(parts) | Term::Sub(parts) | Term::Mul(parts) => {
                parts.iter().all(|part| part.is_invariant(func, flow, within))
            }
        }
    }

    pub fn constant(&self) -> Option<u32> {
        if let Term::Constant(constant) = *self { Some(constant) } else { None }
    }

    fn add(self, other: Term) -> Term {
        match (self, other) {
            (Term::Constant(a), Term::Constant(b)) => Term::Constant(a.wrapping_add(b)),
            (term, ZERO) | (ZERO, term) => term,
            (a, b) => Term::Add(Box::new([a, b])),
        }
    }

    fn sub(self, other: Term) -> Term {
        match (self, other) {
            (Term::Constant(a), Term::Constant(b)) => Term::Constant(a.wrapping_sub(b)),
            (term, ZERO) => term,
            (a, b) => Term::Sub(Box::new([a, b])),
        }
    }

    fn mul(self, other: Term) -> Term {
        match (self, other) {
            (Term::Constant(a), Term::Constant(b)) => Term::Constant(a.wrapping_mul(b)),
            (ZERO, _) | (_, ZERO) => ZERO,
            (term, Term::Constant(1)) | (Term::Constant(1), term) => term,
            (a, b) => Term::Mul(Box::new([a, b])),
        }
    }

    /// Instructions that compute it.
    pub fn build(&self, cursor: &mut FuncCursor<'_>) -> Value {
        match self {
            Term::Value(value) => *value,
            Term::Constant(constant) => cursor.ins().iconst(I32, i64::from(*constant)),
            Term::Add(parts) => {
                let [a, b] = parts.each_ref().map(|part| part.build(cursor));
                cursor.ins().iadd(a, b)
            }
            Term::Sub(parts) => {
                let [a, b] = parts.each_ref().map(|part| part.build(cursor));
                cursor.ins().isub(a, b)
            }
            Term::Mul(parts) => {
                let [a, b] = parts.each_ref().map(|part| part.build(cursor));
                cursor.ins().imul(a, b)
            }
        }
    }
}
