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
//! A sum that always wraps is less than the exact one by 2³²: such are those with counters that go up to zero, LLVM's
//! favourites (`i = -800; do … load(i + 5000) … while (i += 8)`). The base is made less by it in front of the loop.

use super::Unit;
use super::analysis::sum::{MODULUS, Sum, Term};
use super::analysis::{Ranges, value};
use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::types::{I32, I64};
use cranelift_codegen::ir::{Function, Inst, InstBuilder, InstructionData, Opcode, Value};

/// A load's or store's constant that every target has room for in some form.
const MAX_OFFSET: i64 = i32::MAX as i64;

pub fn run(unit: &mut Unit<'_>) -> usize {
    let mut changes = 0;
    let mut ranges = Ranges::new(unit.flow);
    let mut next_block = unit.func.layout.entry_block();
    while let Some(block) = next_block {
        let mut next = unit.func.layout.first_inst(block);
        while let Some(inst) = next {
            next = unit.func.layout.next_inst(inst);
            if let Some((base, index)) = address(unit.func, inst)
                && let Some(sum) = Sum::of(unit.func, &mut ranges, index)
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

/// The constant as what an access has room for, and a multiple of 2³² that the base takes, in front of the loop.
fn split(constant: i64) -> Option<(i64, i64)> {
    let far = (constant + MODULUS / 2) & -MODULUS;
    let near = constant - far;
    (near.abs() <= MAX_OFFSET).then_some((near, far))
}

/// Worth it if the constant fits into the access, and something was found at all.
fn is_better(unit: &Unit<'_>, sum: &Sum, base: Value, index: Value) -> bool {
    let found = !sum.is(index);
    let levels: Vec<usize> = sum.terms.iter().map(|t| unit.flow.level(unit.func, t.value)).collect();
    // Two terms that change together are one instruction either way.
    let shared = sum.constant != 0 || sum.terms.len() < 2 || levels.iter().any(|&level| level != levels[0]);
    let base = unit.flow.level(unit.func, base);
    let fits = |(_, far)| far == 0 || levels.iter().any(|&level| level > base);
    found && shared && split(sum.constant).is_some_and(fits)
}

/// False if the constant doesn't fit after all.
fn rewrite(unit: &mut Unit<'_>, inst: Inst, base: Value, sum: &Sum) -> bool {
    let Some(offset) = unit.func.dfg.insts[inst].load_store_offset() else { return false };
    let Some((near, far)) = split(sum.constant) else { return false };
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
