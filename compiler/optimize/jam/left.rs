//! How many iterations of the outer loop are left.

use super::nest::Nest;
use crate::optimize::Unit;
use crate::optimize::analysis::counter::comparison;
use crate::optimize::analysis::{Ranges, value};
use cranelift_codegen::cursor::FuncCursor;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I32;
use cranelift_codegen::ir::{InstBuilder, InstructionData, Value};

/// See above.
pub enum Left {
    /// A multiple of the lanes, whenever a turn begins.
    Enough,
    /// It goes on until a parameter of the outer loop plus `ahead` is `limit`.
    Until { param: usize, ahead: u32, step: i32, limit: Limit },
}

/// A value that does not change in the outer loop.
pub enum Limit {
    Value(Value),
    Constant(i64),
}

impl Left {
    pub fn of(unit: &Unit<'_>, ranges: &mut Ranges<'_>, nest: &Nest, lanes: u32) -> Option<Left> {
        let func = &*unit.func;
        // Also what makes sure that the limit is hit.
        let turns = ranges.turns(func, nest.outer)?;
        if turns.exact && (turns.most + 1).is_multiple_of(u64::from(lanes)) {
            return Some(Left::Enough);
        }
        if turns.most + 1 < u64::from(lanes) {
            return None;
        }
        let InstructionData::Brif { arg, blocks, .. } = func.dfg.insts[nest.latch(func)] else { return None };
        let leaves_if_true = blocks[0].block(&func.dfg.value_lists) != nest.head[0];
        let (IntCC::NotEqual, x, y) = comparison(func, arg, leaves_if_true)? else { return None };
        let is_limit = |v: Value| unit.flow.is_invariant(func, v, nest.outer);
        let (next, limit) = match y {
            None => (x, Limit::Constant(0)),
            Some(y) if is_limit(y) => (x, Limit::of(unit, y)),
            Some(y) if is_limit(x) => (y, Limit::of(unit, x)),
            Some(_) => return None,
        };
        let (root, ahead) = value::linear(func, next);
        let param = func.dfg.block_params(nest.head[0]).iter().position(|&param| param == root)?;
        let again = super::motion::args(func, *nest.tail.last()?, nest.head[0])?;
        let (same, step) = value::linear(func, again[param]);
        let step = step as i32;
        let way = u64::from(step.unsigned_abs()) * u64::from(lanes - 1);
        let fits = same == root && step != 0 && way <= i32::MAX as u64;
        fits.then_some(Left::Until { param, ahead, step, limit })
    }

    /// Whether `lanes` iterations are left, the one that begins with it.
    ///
    /// The first ends with the question whether `x = param + ahead` is the limit, each one later with the same of `x +
    /// step`. Since the limit is hit, the way there is `k * step` with `k` questions answered by no, without going round
    /// more than once: `k` is at least `lanes - 1` if the way is that many steps.
    pub fn build(&self, cursor: &mut FuncCursor<'_>, params: &[Value], lanes: u32) -> Option<Value> {
        let Left::Until { param, ahead, step, limit } = self else { return None };
        let next = cursor.ins().iadd_imm_u(params[*param], i64::from(*ahead));
        let limit = match limit {
            Limit::Value(value) => *value,
            Limit::Constant(number) => cursor.ins().iconst(I32, *number),
        };
        let way = if *step > 0 { cursor.ins().isub(limit, next) } else { cursor.ins().isub(next, limit) };
        let least = cursor.ins().iconst(I32, i64::from(step.unsigned_abs()) * i64::from(lanes - 1));
        Some(cursor.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, way, least))
    }
}

impl Limit {
    fn of(unit: &Unit<'_>, value: Value) -> Limit {
        value::constant(unit.func, value).map_or(Limit::Value(value), Limit::Constant)
    }
}
