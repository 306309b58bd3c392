//! How often a loop turns, computed in front of it from its test.

use crate::optimize::Unit;
use crate::optimize::analysis::affine::{self, Affine, Term};
use crate::optimize::analysis::counter::{comparison, latch};
use cranelift_codegen::cursor::FuncCursor;
use cranelift_codegen::ir::condcodes::{CondCode, IntCC};
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{Inst, InstBuilder, InstructionData, Value};
use cranelift_codegen::loop_analysis::Loop;

/// Operations that compute where it starts and ends.
const MAX_TERM: usize = 8;

/// The loop goes on while `value condition limit`, of which the value changes by `step`.
pub struct Turns {
    condition: IntCC,
    start: Term,
    step: i32,
    limit: Term,
}

fn test(unit: &Unit<'_>, within: Loop, branch: Inst) -> Option<Turns> {
    let func = &*unit.func;
    let InstructionData::Brif { arg, blocks, .. } = func.dfg.insts[branch] else { return None };
    let stays = blocks.map(|call| unit.flow.loops.is_in_loop(call.block(&func.dfg.value_lists), within));
    if stays[0] == stays[1] {
        return None;
    }
    let (condition, x, y) = comparison(func, arg, stays[1])?;
    let affine = |value: Value| affine::of(func, &unit.flow, within, value);
    let x = affine(x)?;
    let y = match y {
        Some(y) => affine(y)?,
        None => Affine { start: Term::Constant(0), step: Term::Constant(0) },
    };
    let (condition, counter, limit) =
        if y.step == Term::Constant(0) { (condition, x, y) } else { (condition.swap_args(), y, x) };
    let step = counter.step.constant()? as i32;
    let fits = match condition {
        IntCC::NotEqual => step != 0 && step != i32::MIN,
        IntCC::UnsignedLessThan
        | IntCC::SignedLessThan
        | IntCC::UnsignedLessThanOrEqual
        | IntCC::SignedLessThanOrEqual => step > 0,
        IntCC::UnsignedGreaterThan
        | IntCC::SignedGreaterThan
        | IntCC::UnsignedGreaterThanOrEqual
        | IntCC::SignedGreaterThanOrEqual => step < 0 && step != i32::MIN,
        _ => false,
    };
    let small = counter.start.size() + limit.start.size() <= MAX_TERM;
    (fits && small && limit.step == Term::Constant(0)).then_some(Turns {
        condition,
        start: counter.start,
        step,
        limit: limit.start,
    })
}

impl Turns {
    /// How often `within` turns at most, by a test that each iteration comes to, of numbers known in front of `outer`,
    /// which is the same loop or around it.
    pub fn of(unit: &Unit<'_>, within: Loop, outer: Loop) -> Option<Turns> {
        let header = unit.flow.loops.loop_header(within);
        let mut block = latch(&unit.flow, header)?;
        loop {
            let found = unit.func.layout.last_inst(block).and_then(|branch| test(unit, within, branch));
            let known = |term: &Term| term.is_invariant(unit.func, &unit.flow, outer);
            if let Some(found) = found.filter(|found| known(&found.start) && known(&found.limit)) {
                return Some(found);
            }
            if block == header {
                return None;
            }
            block = unit.flow.domtree.idom(block)?;
        }
    }

    /// How often the loop turns at most, as 64 bits below 2³²; what else must be true for that goes to `good`.
    pub fn build(&self, cursor: &mut FuncCursor<'_>, good: &mut Vec<Value>) -> Value {
        let (start, limit) = (self.start.build(cursor), self.limit.build(cursor));
        let (low, high) = if self.step > 0 { (start, limit) } else { (limit, start) };
        let size = u64::from(self.step.unsigned_abs());
        if self.condition == IntCC::NotEqual {
            // Modulo 2³², whichever is greater; it must be hit.
            let way = cursor.ins().isub(high, low);
            let way = cursor.ins().uextend(I64, way);
            if size > 1 {
                let rest = cursor.ins().urem_imm_u(way, size as i64);
                good.push(cursor.ins().icmp_imm_u(IntCC::Equal, rest, 0));
            }
            return divide(cursor, way, size);
        }
        let signed = self.condition == self.condition_signed();
        let wide = |cursor: &mut FuncCursor<'_>, value: Value| {
            if signed { cursor.ins().sextend(I64, value) } else { cursor.ins().uextend(I64, value) }
        };
        let (low, high) = (wide(cursor, low), wide(cursor, high));
        let equal = matches!(
            self.condition,
            IntCC::UnsignedLessThanOrEqual
                | IntCC::SignedLessThanOrEqual
                | IntCC::UnsignedGreaterThanOrEqual
                | IntCC::SignedGreaterThanOrEqual
        );
        // The first number that ends the loop must be one of 32 bits: otherwise the counter wraps, and goes on.
        let over = size - 1 + u64::from(equal);
        if over > 0 {
            let (least, most) =
                if signed { (i64::from(i32::MIN), i64::from(i32::MAX)) } else { (0, i64::from(u32::MAX)) };
            good.push(if self.step > 0 {
                let most = cursor.ins().iconst(I64, most - over as i64);
                cursor.ins().icmp(IntCC::SignedLessThanOrEqual, high, most)
            } else {
                let least = cursor.ins().iconst(I64, least + over as i64);
                cursor.ins().icmp(IntCC::SignedGreaterThanOrEqual, low, least)
            });
        }
        let way = cursor.ins().isub(high, low);
        let way = cursor.ins().iadd_imm_s(way, over as i64);
        let none = cursor.ins().iconst(I64, 0);
        let goes = cursor.ins().icmp(IntCC::SignedGreaterThan, way, none);
        let way = cursor.ins().select(goes, way, none);
        divide(cursor, way, size)
    }

    fn condition_signed(&self) -> IntCC {
        match self.condition {
            IntCC::UnsignedLessThan => IntCC::SignedLessThan,
            IntCC::UnsignedLessThanOrEqual => IntCC::SignedLessThanOrEqual,
            IntCC::UnsignedGreaterThan => IntCC::SignedGreaterThan,
            IntCC::UnsignedGreaterThanOrEqual => IntCC::SignedGreaterThanOrEqual,
            signed => signed,
        }
    }
}

fn divide(cursor: &mut FuncCursor<'_>, value: Value, by: u64) -> Value {
    if by == 1 { value } else { cursor.ins().udiv_imm_u(value, by as i64) }
}
