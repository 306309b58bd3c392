//! `addresses`: 32-bit sums that can't wrap become 64-bit ones, constants part of the load or store.
//!
//! ```text
//! i = row + column                  (row and column are multiples of 8 below 2²⁰)
//! load (iadd base, (uextend (iadd i, 4096)))   →   load+4096 (iadd (iadd base, (uextend row)), (uextend column))
//! ```
//!
//! A 32-bit sum costs an instruction of its own for each access, since it must wrap where wasm's does. Where `ranges`
//! proves that it does not, the address is the same number in 64 bits: the CPU adds up base, index and constant on its
//! way to memory, and what does not change in a loop is added to the base in front of it. Nothing is "probably" in
//! range here: below a memory's base lies the instance's context.
//!
//! A sum that always wraps is less than the exact one by 2³²: so are those with counters that go up to zero, LLVM's
//! favourites (`i = -800; do … load(i + 5000) … while (i += 8)`). The base is made less by it in front of the loop.

use super::Unit;
use super::analysis::{Ranges, value};
use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::types::{I32, I64};
use cranelift_codegen::ir::{Function, Inst, InstBuilder, InstructionData, Opcode, Value};

/// A 32-bit number as a sum that is exact in 64 bits.
#[derive(Debug, Clone, Default)]
struct Sum {
    terms: Vec<Term>,
    constant: i64,
}

/// `value << shift`.
#[derive(Debug, Clone, Copy)]
struct Term {
    value: Value,
    shift: u32,
}

/// Terms an address may have beside its base: each but one is an addition.
const MAX_TERMS: usize = 3;

/// Additions and shifts between an address and its terms: work doubles with each, and guests decide how many there are.
const MAX_DEPTH: usize = 8;

/// A load's or store's constant that every target has room for in some form.
const MAX_OFFSET: i64 = i32::MAX as i64;

/// By which a 32-bit sum that wraps is less.
const MODULUS: i64 = 1 << 32;

pub fn run(unit: &mut Unit<'_>) -> usize {
    let mut changes = 0;
    let mut ranges = Ranges::new(unit.flow);
    let mut next_block = unit.func.layout.entry_block();
    while let Some(block) = next_block {
        let mut next = unit.func.layout.first_inst(block);
        while let Some(inst) = next {
            next = unit.func.layout.next_inst(inst);
            if let Some((base, index)) = address(unit.func, inst)
                && let Some(sum) = decompose(unit.func, &mut ranges, index, MAX_DEPTH)
                && is_better(unit, &sum, base, index)
            {
                changes += usize::from(rewrite(unit, inst, base, &sum));
            }
        }
        next_block = unit.func.layout.next_block(block);
    }
    changes
}

/// Base and 32-bit index of a load or store.
fn address(func: &Function, inst: Inst) -> Option<(Value, Value)> {
    let address = match func.dfg.insts[inst] {
        InstructionData::Load { arg, .. } => arg,
        InstructionData::Store { args, .. } => args[1],
        _ => return None,
    };
    let (Opcode::Iadd, [x, y]) = value::binary(func, address)? else { return None };
    let narrow = |v: Value| value::unary(func, v, Opcode::Uextend).filter(|&v| func.dfg.value_type(v) == I32);
    narrow(y).map(|index| (x, index)).or_else(|| narrow(x).map(|index| (y, index)))
}

/// A value as an exact sum: `value = Σ terms + constant`, each term a number of 32 bits, also after its shift.
fn decompose(func: &Function, ranges: &mut Ranges<'_>, value: Value, depth: usize) -> Option<Sum> {
    let value = func.dfg.resolve_aliases(value);
    if let Some(constant) = ranges.of(func, value).constant() {
        return Some(Sum { terms: vec![], constant: constant as i64 });
    }
    let whole = Sum { terms: vec![Term { value, shift: 0 }], constant: 0 };
    let Some((opcode, [x, y])) = value::binary(func, value).filter(|_| depth > 0) else { return Some(whole) };
    let (a, b) = (ranges.of(func, x), ranges.of(func, y));
    let sum = match opcode {
        Opcode::Iadd if a.adds_exactly(b) => {
            let x = decompose(func, ranges, x, depth - 1)?;
            x.add(decompose(func, ranges, y, depth - 1)?)
        }
        // Disjoint bits: an addition.
        Opcode::Bor if b.high() < 1 << a.zeros() || a.high() < 1 << b.zeros() => {
            let x = decompose(func, ranges, x, depth - 1)?;
            x.add(decompose(func, ranges, y, depth - 1)?)
        }
        Opcode::Iadd if a.adds_wrapping(b) => {
            let x = decompose(func, ranges, x, depth - 1)?;
            x.add(decompose(func, ranges, y, depth - 1)?).map(|sum| sum.plus(-MODULUS))
        }
        Opcode::Isub if b.constant().is_some_and(|less| a.low() >= less) => {
            Some(decompose(func, ranges, x, depth - 1)?.plus(-(b.low() as i64)))
        }
        Opcode::Ishl => {
            let count = value::constant(func, y).map(|count| count as u32 % 32);
            match count.filter(|&count| a.shifts_exactly(count)) {
                Some(count) => decompose(func, ranges, x, depth - 1)?.shift(count),
                None => None,
            }
        }
        _ => None,
    };
    Some(sum.unwrap_or(whole))
}

impl Sum {
    fn add(mut self, other: Sum) -> Option<Sum> {
        self.terms.extend(other.terms);
        self.constant += other.constant;
        (self.terms.len() <= MAX_TERMS).then_some(self)
    }

    fn plus(mut self, more: i64) -> Sum {
        self.constant += more;
        self
    }

    /// The constant as what an access has room for, and what the base takes, in front of the loop.
    fn split(&self) -> Option<(i64, i64)> {
        [0, -MODULUS].map(|far| (self.constant - far, far)).into_iter().find(|(near, _)| near.abs() <= MAX_OFFSET)
    }

    /// Of a sum whose shift is exact as a whole. Only of one term: it would be a shift for each.
    fn shift(mut self, count: u32) -> Option<Sum> {
        let [term] = self.terms.as_mut_slice() else { return None };
        term.shift += count;
        self.constant <<= count;
        (term.shift < 32).then_some(self)
    }
}

/// Worth it if the constant fits into the access, and something was found at all.
fn is_better(unit: &Unit<'_>, sum: &Sum, base: Value, index: Value) -> bool {
    let found = !(sum.terms.len() == 1 && sum.terms[0].value == index);
    let levels: Vec<usize> = sum.terms.iter().map(|t| unit.flow.level(unit.func, t.value)).collect();
    // Two terms that change together are one instruction either way.
    let shared = sum.constant != 0 || sum.terms.len() < 2 || levels.iter().any(|&level| level != levels[0]);
    let base = unit.flow.level(unit.func, base);
    let fits = |(_, far)| far == 0 || levels.iter().any(|&level| level > base);
    found && shared && sum.split().is_some_and(fits)
}

/// False if the constant doesn't fit after all.
fn rewrite(unit: &mut Unit<'_>, inst: Inst, base: Value, sum: &Sum) -> bool {
    let Some(offset) = unit.func.dfg.insts[inst].load_store_offset() else { return false };
    let Some((near, far)) = sum.split() else { return false };
    let total = i64::from(offset) + near;
    let Ok(folded) = i32::try_from(total) else { return false };
    let fold = unit.large_offsets || (0..SMALL_OFFSET).contains(&total);
    let (new_offset, rest) = if fold { (folded, far) } else { (offset, sum.constant) };
    // What changes least is added first, and leaves loops; at the same level the base comes last.
    let mut parts: Vec<(usize, Part)> =
        sum.terms.iter().map(|&t| (unit.flow.level(unit.func, t.value), Part::Term(t))).collect();
    parts.push((unit.flow.level(unit.func, base), Part::Base(base)));
    if rest != 0 {
        parts.insert(0, (0, Part::Constant(rest)));
    }
    parts.sort_by_key(|(level, _)| *level);
    let mut cursor = FuncCursor::new(unit.func).at_inst(inst);
    cursor.use_srcloc(inst);
    let mut address: Option<Value> = None;
    for (_, part) in parts {
        let next = part.build(&mut cursor);
        address = Some(address.map_or(next, |sum| cursor.ins().iadd(sum, next)));
    }
    let address = address.expect("at least the base");
    match &mut cursor.func.dfg.insts[inst] {
        InstructionData::Load { arg, offset, .. } => (*arg, *offset) = (address, new_offset.into()),
        InstructionData::Store { args, offset, .. } => (args[1], *offset) = (address, new_offset.into()),
        _ => unreachable!("only loads and stores have such addresses"),
    }
    true
}

/// Constants below it fit into any access of a CPU without large ones.
const SMALL_OFFSET: i64 = 4096;

/// What an address is made of.
#[derive(Debug, Clone, Copy)]
enum Part {
    Base(Value),
    Term(Term),
    Constant(i64),
}

impl Part {
    fn build(self, cursor: &mut FuncCursor<'_>) -> Value {
        match self {
            Part::Base(value) => value,
            Part::Constant(number) => cursor.ins().iconst(I64, number),
            Part::Term(Term { value, shift }) => {
                let wide = cursor.ins().uextend(I64, value);
                if shift == 0 { wide } else { cursor.ins().ishl_imm_u(wide, i64::from(shift)) }
            }
        }
    }
}
