//! The range of each 32-bit value of a function, found where it is asked for.
//!
//! Only what a value is made of counts, never the branches in front of a use, so an instruction made of what is known
//! here may stand anywhere.

use super::counter::{self, Turns};
use super::sum::Sum;
use super::{FEW_EDGES, Flow, Range, value};
use cranelift_codegen::entity::SecondaryMap;
use cranelift_codegen::ir::types::{I8, I16, I32};
use cranelift_codegen::ir::{Function, Inst, InstructionData, Opcode, Value};
use cranelift_codegen::loop_analysis::Loop;
use std::collections::HashMap;

/// Instructions between a value and what is still looked at: guests decide how long such chains are.
const MAX_DEPTH: usize = 24;

/// What is known so far.
pub struct Ranges<'f> {
    pub flow: Flow<'f>,
    known: SecondaryMap<Value, Option<Range>>,
    turns: HashMap<Loop, Option<Turns>>,
    depth: usize,
}

impl<'f> Ranges<'f> {
    pub fn new(flow: Flow<'f>) -> Ranges<'f> {
        Ranges { flow, known: SecondaryMap::new(), turns: HashMap::new(), depth: 0 }
    }

    /// The range of a 32-bit value.
    pub fn of(&mut self, func: &Function, value: Value) -> Range {
        let value = func.dfg.resolve_aliases(value);
        if func.dfg.value_type(value) != I32 {
            return Range::FULL;
        }
        if let Some(known) = self.known[value] {
            return known;
        }
        if self.depth >= MAX_DEPTH {
            return Range::FULL;
        }
        // A value that depends on itself finds this.
        self.known[value] = Some(Range::FULL);
        self.depth += 1;
        let range = match value::defining(func, value) {
            Some(inst) => self.result(func, inst),
            None => self.param(func, value),
        };
        self.depth -= 1;
        self.known[value] = Some(range);
        range
    }

    /// How often a loop turns.
    pub fn turns(&mut self, func: &Function, within: Loop) -> Option<Turns> {
        if let Some(known) = self.turns.get(&within) {
            return *known;
        }
        self.turns.insert(within, None);
        let turns = counter::turns(func, self, within);
        self.turns.insert(within, turns);
        turns
    }

    fn param(&mut self, func: &Function, value: Value) -> Range {
        let Some((block, number)) = value::param(func, value) else { return Range::FULL };
        match self.flow.loops.is_loop_header(block) {
            Some(within) => self.counter(func, value, within),
            None => self.phi(func, block, number).unwrap_or(Range::FULL),
        }
    }

    fn phi(&mut self, func: &Function, block: cranelift_codegen::ir::Block, number: usize) -> Option<Range> {
        let incoming = self.flow.incoming(func, block, number, FEW_EDGES)?;
        incoming.into_iter().map(|(_, arg)| self.of(func, arg)).reduce(Range::union)
    }

    fn counter(&mut self, func: &Function, value: Value, within: Loop) -> Range {
        let Some(counter) = counter::counter(func, self, value, within) else { return Range::FULL };
        let zeros = counter.start.zeros().min(Range::<32>::exact(counter.step as u64).zeros());
        let anything = Range::FULL.with_zeros(zeros);
        let Some(turns) = self.turns(func, within) else { return anything };
        // Below 2³¹ * 2³²; what is not a number of 32 bits leaves the range unknown.
        let way = turns.most * counter.step.unsigned_abs();
        let (start, up) = (counter.start, counter.step > 0);
        let (low, high) =
            if up { (start.low(), start.high() + way) } else { (start.low().wrapping_sub(way), start.high()) };
        if !up && way > start.low() { anything } else { Range::between(low, high).with_zeros(zeros) }
    }

    fn result(&mut self, func: &Function, inst: Inst) -> Range {
        match func.dfg.insts[inst] {
            InstructionData::UnaryImm { opcode: Opcode::Iconst, imm } => Range::exact(imm.bits() as u64),
            InstructionData::Binary { opcode, args: [x, y] } => {
                let range = self.binary(func, opcode, x, y);
                let is_sum = matches!(opcode, Opcode::Iadd | Opcode::Isub);
                let more = (is_sum && range.is_any()).then(|| Sum::range(func, self, func.dfg.first_result(inst)));
                more.flatten().unwrap_or(range)
            }
            InstructionData::Unary { opcode, arg } => self.unary(func, opcode, arg),
            InstructionData::Load { opcode: Opcode::Uload8, .. } => Range::between(0, 0xff),
            InstructionData::Load { opcode: Opcode::Uload16, .. } => Range::between(0, 0xffff),
            InstructionData::Ternary { opcode: Opcode::Select, args: [_, x, y] } => {
                let x = self.of(func, x);
                x.union(self.of(func, y))
            }
            _ => Range::FULL,
        }
    }

    fn binary(&mut self, func: &Function, opcode: Opcode, x: Value, y: Value) -> Range {
        let (a, b) = (self.of(func, x), self.of(func, y));
        // Counts of shifts are modulo 32; constants may be of any type.
        let count = value::constant(func, y).map(|count| count as u32 % 32);
        match (opcode, count, b.constant()) {
            (Opcode::Iadd, ..) => a.add(b),
            (Opcode::Isub, ..) => a.sub(b),
            (Opcode::Imul, ..) => a.mul(b),
            (Opcode::Band, ..) => a.and(b),
            (Opcode::Bor, ..) => a.or(b),
            (Opcode::Bxor, ..) => a.xor(b),
            (Opcode::Ishl, Some(count), _) => a.shl(count),
            (Opcode::Ushr, Some(count), _) => a.shr(count),
            (Opcode::Udiv, _, Some(divisor)) if divisor > 0 => a.div(divisor),
            (Opcode::Urem, _, Some(divisor)) if divisor > 0 => a.rem(divisor),
            _ => Range::FULL,
        }
    }

    fn unary(&mut self, func: &Function, opcode: Opcode, arg: Value) -> Range {
        match (opcode, func.dfg.value_type(arg)) {
            (Opcode::Uextend, I8) if compares(func, arg) => Range::between(0, 1),
            (Opcode::Uextend, I8) => Range::between(0, 0xff),
            (Opcode::Uextend, I16) => Range::between(0, 0xffff),
            (Opcode::Clz | Opcode::Ctz | Opcode::Popcnt, I32) => Range::between(0, 32),
            _ => Range::FULL,
        }
    }
}

/// A comparison of numbers gives 0 or 1.
fn compares(func: &Function, value: Value) -> bool {
    value::defining(func, value)
        .is_some_and(|inst| matches!(func.dfg.insts[inst].opcode(), Opcode::Icmp | Opcode::Fcmp))
}
