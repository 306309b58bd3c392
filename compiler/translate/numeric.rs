//! Numbers: what is not a single IR instruction.

use super::function::Translator;
use super::helper::Helper;
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::types::{F64, I32, I128};
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Opcode, Type, Value};

impl Translator<'_, '_> {
    /// One operand, an instruction whose result has the operand's type.
    pub fn unary(&mut self, opcode: Opcode) {
        let x = self.pop();
        let ty = self.b.func.dfg.value_type(x);
        let (inst, dfg) = self.b.ins().Unary(opcode, ty, x);
        let result = dfg.first_result(inst);
        self.push(result);
    }

    /// One operand, an instruction with a result of another type.
    pub fn convert(&mut self, opcode: Opcode, to: Type) {
        let x = self.pop();
        let (inst, dfg) = self.b.ins().Unary(opcode, to, x);
        let result = dfg.first_result(inst);
        self.push(result);
    }

    /// Two operands, an instruction whose result has the operands' type.
    pub fn binary(&mut self, opcode: Opcode) {
        let (x, y) = self.pop2();
        let ty = self.b.func.dfg.value_type(x);
        let (inst, dfg) = self.b.ins().Binary(opcode, ty, x, y);
        let result = dfg.first_result(inst);
        self.push(result);
    }

    pub fn icmp(&mut self, condition: IntCC) {
        let (x, y) = self.pop2();
        let result = self.b.ins().icmp(condition, x, y);
        self.push_bool(result);
    }

    pub fn fcmp(&mut self, condition: FloatCC) {
        let (x, y) = self.pop2();
        let result = self.b.ins().fcmp(condition, x, y);
        self.push_bool(result);
    }

    pub fn eqz(&mut self) {
        let x = self.pop();
        let result = self.b.ins().icmp_imm_u(IntCC::Equal, x, 0);
        self.push_bool(result);
    }

    fn push_bool(&mut self, value: Value) {
        let value = self.b.ins().uextend(I32, value);
        self.push(value);
    }

    /// `i32.extend8_s` and the like.
    pub fn sign_extend(&mut self, from: Type) {
        let x = self.pop();
        let ty = self.b.func.dfg.value_type(x);
        let narrow = self.b.ins().ireduce(from, x);
        let result = self.b.ins().sextend(ty, narrow);
        self.push(result);
    }

    pub fn reinterpret(&mut self, to: Type) {
        let x = self.pop();
        let result = self.b.ins().bitcast(to, MemFlagsData::new(), x);
        self.push(result);
    }

    /// ceil, floor, trunc, nearest: an instruction, or the runtime's C on CPUs without one.
    pub fn round(&mut self, opcode: Opcode) {
        if self.env.can_round {
            return self.unary(opcode);
        }
        let x = self.pop();
        let double = self.b.func.dfg.value_type(x) == F64;
        let helper = match (opcode, double) {
            (Opcode::Ceil, false) => Helper::CeilF32,
            (Opcode::Floor, false) => Helper::FloorF32,
            (Opcode::Trunc, false) => Helper::TruncF32,
            (_, false) => Helper::NearestF32,
            (Opcode::Ceil, true) => Helper::CeilF64,
            (Opcode::Floor, true) => Helper::FloorF64,
            (Opcode::Trunc, true) => Helper::TruncF64,
            (_, true) => Helper::NearestF64,
        };
        let result = self.call_helper(helper, &[x]);
        self.push(result[0]);
    }

    pub fn select(&mut self) {
        let condition = self.pop();
        let (x, y) = self.pop2();
        let result = self.b.ins().select(condition, x, y);
        self.push(result);
    }

    /// `i64.add128` and `i64.sub128`.
    pub fn wide_binary(&mut self, opcode: Opcode) {
        let y = self.pop_wide();
        let x = self.pop_wide();
        let (inst, dfg) = self.b.ins().Binary(opcode, I128, x, y);
        let result = dfg.first_result(inst);
        self.push_wide(result);
    }

    /// `i64.mul_wide_s` and `_u`.
    pub fn wide_multiply(&mut self, signed: bool) {
        let (x, y) = self.pop2();
        let mut extend = |v| if signed { self.b.ins().sextend(I128, v) } else { self.b.ins().uextend(I128, v) };
        let (x, y) = (extend(x), extend(y));
        let result = self.b.ins().imul(x, y);
        self.push_wide(result);
    }

    fn pop_wide(&mut self) -> Value {
        let (low, high) = self.pop2();
        self.b.ins().iconcat(low, high)
    }

    fn push_wide(&mut self, value: Value) {
        let (low, high) = self.b.ins().isplit(value);
        self.push(low);
        self.push(high);
    }
}
