//! Instructions on lanes.

use super::super::function::Translator;
use super::{V128, table, uncast};
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::types::{F32X4, F64X2, I8X16, I16X8, I32, I32X4, I64X2};
use cranelift_codegen::ir::{InstBuilder, Opcode, Type, Value};
use wasmparser::Operator;

/// One operand, one IR instruction.
fn unary(op: &Operator<'_>) -> Option<(Opcode, Type)> {
    table! { op;
        Opcode::Bnot => I8X16: V128Not;
        Opcode::Iabs => I8X16: I8x16Abs, I16X8: I16x8Abs, I32X4: I32x4Abs, I64X2: I64x2Abs;
        Opcode::Ineg => I8X16: I8x16Neg, I16X8: I16x8Neg, I32X4: I32x4Neg, I64X2: I64x2Neg;
        Opcode::Popcnt => I8X16: I8x16Popcnt;
        Opcode::Fabs => F32X4: F32x4Abs, F64X2: F64x2Abs;
        Opcode::Fneg => F32X4: F32x4Neg, F64X2: F64x2Neg;
        Opcode::Sqrt => F32X4: F32x4Sqrt, F64X2: F64x2Sqrt;
        Opcode::SwidenLow => I8X16: I16x8ExtendLowI8x16S, I16X8: I32x4ExtendLowI16x8S, I32X4: I64x2ExtendLowI32x4S;
        Opcode::UwidenLow => I8X16: I16x8ExtendLowI8x16U, I16X8: I32x4ExtendLowI16x8U, I32X4: I64x2ExtendLowI32x4U;
        Opcode::SwidenHigh => I8X16: I16x8ExtendHighI8x16S, I16X8: I32x4ExtendHighI16x8S, I32X4: I64x2ExtendHighI32x4S;
        Opcode::UwidenHigh => I8X16: I16x8ExtendHighI8x16U, I16X8: I32x4ExtendHighI16x8U, I32X4: I64x2ExtendHighI32x4U;
        Opcode::FvpromoteLow => F32X4: F64x2PromoteLowF32x4;
        Opcode::Fvdemote => F64X2: F32x4DemoteF64x2Zero;
    }
}

/// Two operands of one type, one IR instruction.
fn binary(op: &Operator<'_>) -> Option<(Opcode, Type)> {
    table! { op;
        Opcode::Band => I8X16: V128And;
        Opcode::Bor => I8X16: V128Or;
        Opcode::Bxor => I8X16: V128Xor;
        Opcode::Iadd => I8X16: I8x16Add, I16X8: I16x8Add, I32X4: I32x4Add, I64X2: I64x2Add;
        Opcode::Isub => I8X16: I8x16Sub, I16X8: I16x8Sub, I32X4: I32x4Sub, I64X2: I64x2Sub;
        Opcode::Imul => I16X8: I16x8Mul, I32X4: I32x4Mul, I64X2: I64x2Mul;
        Opcode::SaddSat => I8X16: I8x16AddSatS, I16X8: I16x8AddSatS;
        Opcode::UaddSat => I8X16: I8x16AddSatU, I16X8: I16x8AddSatU;
        Opcode::SsubSat => I8X16: I8x16SubSatS, I16X8: I16x8SubSatS;
        Opcode::UsubSat => I8X16: I8x16SubSatU, I16X8: I16x8SubSatU;
        Opcode::Smin => I8X16: I8x16MinS, I16X8: I16x8MinS, I32X4: I32x4MinS;
        Opcode::Umin => I8X16: I8x16MinU, I16X8: I16x8MinU, I32X4: I32x4MinU;
        Opcode::Smax => I8X16: I8x16MaxS, I16X8: I16x8MaxS, I32X4: I32x4MaxS;
        Opcode::Umax => I8X16: I8x16MaxU, I16X8: I16x8MaxU, I32X4: I32x4MaxU;
        Opcode::AvgRound => I8X16: I8x16AvgrU, I16X8: I16x8AvgrU;
        Opcode::SqmulRoundSat => I16X8: I16x8Q15MulrSatS;
        Opcode::Snarrow => I16X8: I8x16NarrowI16x8S, I32X4: I16x8NarrowI32x4S;
        Opcode::Unarrow => I16X8: I8x16NarrowI16x8U, I32X4: I16x8NarrowI32x4U;
        Opcode::Fadd => F32X4: F32x4Add, F64X2: F64x2Add;
        Opcode::Fsub => F32X4: F32x4Sub, F64X2: F64x2Sub;
        Opcode::Fmul => F32X4: F32x4Mul, F64X2: F64x2Mul;
        Opcode::Fdiv => F32X4: F32x4Div, F64X2: F64x2Div;
        Opcode::Fmin => F32X4: F32x4Min, F64X2: F64x2Min;
        Opcode::Fmax => F32X4: F32x4Max, F64X2: F64x2Max;
    }
}

/// Shifts by an i32, of which only the bits below the lanes' width count.
fn shift(op: &Operator<'_>) -> Option<(Opcode, Type)> {
    table! { op;
        Opcode::Ishl => I8X16: I8x16Shl, I16X8: I16x8Shl, I32X4: I32x4Shl, I64X2: I64x2Shl;
        Opcode::Sshr => I8X16: I8x16ShrS, I16X8: I16x8ShrS, I32X4: I32x4ShrS, I64X2: I64x2ShrS;
        Opcode::Ushr => I8X16: I8x16ShrU, I16X8: I16x8ShrU, I32X4: I32x4ShrU, I64X2: I64x2ShrU;
    }
}

fn round(op: &Operator<'_>) -> Option<(Opcode, Type)> {
    table! { op;
        Opcode::Ceil => F32X4: F32x4Ceil, F64X2: F64x2Ceil;
        Opcode::Floor => F32X4: F32x4Floor, F64X2: F64x2Floor;
        Opcode::Trunc => F32X4: F32x4Trunc, F64X2: F64x2Trunc;
        Opcode::Nearest => F32X4: F32x4Nearest, F64X2: F64x2Nearest;
    }
}

fn compare_integers(op: &Operator<'_>) -> Option<(IntCC, Type)> {
    table! { op;
        IntCC::Equal => I8X16: I8x16Eq, I16X8: I16x8Eq, I32X4: I32x4Eq, I64X2: I64x2Eq;
        IntCC::NotEqual => I8X16: I8x16Ne, I16X8: I16x8Ne, I32X4: I32x4Ne, I64X2: I64x2Ne;
        IntCC::SignedLessThan => I8X16: I8x16LtS, I16X8: I16x8LtS, I32X4: I32x4LtS, I64X2: I64x2LtS;
        IntCC::SignedGreaterThan => I8X16: I8x16GtS, I16X8: I16x8GtS, I32X4: I32x4GtS, I64X2: I64x2GtS;
        IntCC::SignedLessThanOrEqual => I8X16: I8x16LeS, I16X8: I16x8LeS, I32X4: I32x4LeS, I64X2: I64x2LeS;
        IntCC::SignedGreaterThanOrEqual => I8X16: I8x16GeS, I16X8: I16x8GeS, I32X4: I32x4GeS, I64X2: I64x2GeS;
        IntCC::UnsignedLessThan => I8X16: I8x16LtU, I16X8: I16x8LtU, I32X4: I32x4LtU;
        IntCC::UnsignedGreaterThan => I8X16: I8x16GtU, I16X8: I16x8GtU, I32X4: I32x4GtU;
        IntCC::UnsignedLessThanOrEqual => I8X16: I8x16LeU, I16X8: I16x8LeU, I32X4: I32x4LeU;
        IntCC::UnsignedGreaterThanOrEqual => I8X16: I8x16GeU, I16X8: I16x8GeU, I32X4: I32x4GeU;
    }
}

fn compare_floats(op: &Operator<'_>) -> Option<(FloatCC, Type)> {
    table! { op;
        FloatCC::Equal => F32X4: F32x4Eq, F64X2: F64x2Eq;
        FloatCC::NotEqual => F32X4: F32x4Ne, F64X2: F64x2Ne;
        FloatCC::LessThan => F32X4: F32x4Lt, F64X2: F64x2Lt;
        FloatCC::GreaterThan => F32X4: F32x4Gt, F64X2: F64x2Gt;
        FloatCC::LessThanOrEqual => F32X4: F32x4Le, F64X2: F64x2Le;
        FloatCC::GreaterThanOrEqual => F32X4: F32x4Ge, F64X2: F64x2Ge;
    }
}

/// Products of lanes widened by the opcode.
fn multiply_extended(op: &Operator<'_>) -> Option<(Opcode, Type)> {
    table! { op;
        Opcode::SwidenLow => I8X16: I16x8ExtMulLowI8x16S, I16X8: I32x4ExtMulLowI16x8S, I32X4: I64x2ExtMulLowI32x4S;
        Opcode::UwidenLow => I8X16: I16x8ExtMulLowI8x16U, I16X8: I32x4ExtMulLowI16x8U, I32X4: I64x2ExtMulLowI32x4U;
        Opcode::SwidenHigh => I8X16: I16x8ExtMulHighI8x16S, I16X8: I32x4ExtMulHighI16x8S, I32X4: I64x2ExtMulHighI32x4S;
        Opcode::UwidenHigh => I8X16: I16x8ExtMulHighI8x16U, I16X8: I32x4ExtMulHighI16x8U, I32X4: I64x2ExtMulHighI32x4U;
    }
}

/// Sums of neighbours, widened with the sign or without.
fn add_pairs(op: &Operator<'_>) -> Option<(bool, Type)> {
    table! { op;
        true => I8X16: I16x8ExtAddPairwiseI8x16S, I16X8: I32x4ExtAddPairwiseI16x8S;
        false => I8X16: I16x8ExtAddPairwiseI8x16U, I16X8: I32x4ExtAddPairwiseI16x8U;
    }
}

/// A v128 to an i32.
#[derive(Clone, Copy)]
enum Reduction {
    AnyTrue,
    AllTrue,
    Bitmask,
}

fn reduction(op: &Operator<'_>) -> Option<(Reduction, Type)> {
    table! { op;
        Reduction::AnyTrue => I8X16: V128AnyTrue;
        Reduction::AllTrue => I8X16: I8x16AllTrue, I16X8: I16x8AllTrue, I32X4: I32x4AllTrue, I64X2: I64x2AllTrue;
        Reduction::Bitmask => I8X16: I8x16Bitmask, I16X8: I16x8Bitmask, I32X4: I32x4Bitmask, I64X2: I64x2Bitmask;
    }
}

fn splat(op: &Operator<'_>) -> Option<Type> {
    let found = table! { op;
        () => I8X16: I8x16Splat, I16X8: I16x8Splat, I32X4: I32x4Splat, I64X2: I64x2Splat, F32X4: F32x4Splat,
            F64X2: F64x2Splat;
    };
    found.map(|(_, ty)| ty)
}

impl Translator<'_, '_> {
    /// The same on every lane. False if the instruction is something else.
    pub(super) fn lane_wise(&mut self, op: &Operator<'_>) -> bool {
        let result = if let Some((opcode, ty)) = binary(op) {
            let (x, y) = self.pop2_as(ty);
            self.vector_binary(opcode, ty, x, y)
        } else if let Some((opcode, ty)) = unary(op) {
            let x = self.pop_as(ty);
            self.vector_unary(opcode, ty, x)
        } else if let Some((opcode, ty)) = shift(op) {
            let count = self.pop();
            let x = self.pop_as(ty);
            self.vector_binary(opcode, ty, x, count)
        } else if let Some((condition, ty)) = compare_integers(op) {
            let (x, y) = self.pop2_as(ty);
            self.b.ins().icmp(condition, x, y)
        } else if let Some((condition, ty)) = compare_floats(op) {
            let (x, y) = self.pop2_as(ty);
            self.b.ins().fcmp(condition, x, y)
        } else if let Some((opcode, ty)) = round(op) {
            let x = self.pop_as(ty);
            if self.env.can_round { self.vector_unary(opcode, ty, x) } else { self.round_lanes(opcode, ty, x) }
        } else {
            return false;
        };
        self.push_vector(result);
        true
    }

    /// Instructions that move or combine lanes. False if the instruction is something else.
    pub(super) fn lane_operator(&mut self, op: &Operator<'_>) -> bool {
        if let Some((widen, ty)) = multiply_extended(op) {
            self.multiply_extended(widen, ty);
        } else if let Some((signed, ty)) = add_pairs(op) {
            let x = self.pop_as(ty);
            let sums = self.add_pairs(signed, ty, x);
            self.push_vector(sums);
        } else if let Some((reduction, ty)) = reduction(op) {
            self.reduce(reduction, ty);
        } else if let Some(ty) = splat(op) {
            let x = self.pop();
            let x = self.narrow_lane(ty, x);
            let result = self.b.ins().splat(ty, x);
            self.push_vector(result);
        } else {
            return self.one_lane(op) || self.conversion_of_lanes(op) || self.other_lanes(op);
        }
        true
    }

    fn multiply_extended(&mut self, widen: Opcode, ty: Type) {
        let (x, y) = self.pop2_as(ty);
        let (x, y) = (self.vector_unary(widen, ty, x), self.vector_unary(widen, ty, y));
        let result = self.b.ins().imul(x, y);
        self.push_vector(result);
    }

    pub(super) fn add_pairs(&mut self, signed: bool, ty: Type, x: Value) -> Value {
        let (low, high) = if signed {
            (self.b.ins().swiden_low(x), self.b.ins().swiden_high(x))
        } else {
            (self.vector_unary(Opcode::UwidenLow, ty, x), self.vector_unary(Opcode::UwidenHigh, ty, x))
        };
        self.b.ins().iadd_pairwise(low, high)
    }

    fn reduce(&mut self, reduction: Reduction, ty: Type) {
        let x = self.pop_as(ty);
        let result = match reduction {
            Reduction::Bitmask => self.b.ins().vhigh_bits(I32, x),
            Reduction::AnyTrue => {
                let any = self.b.ins().vany_true(x);
                self.b.ins().uextend(I32, any)
            }
            Reduction::AllTrue => {
                let all = self.b.ins().vall_true(x);
                self.b.ins().uextend(I32, all)
            }
        };
        self.push(result);
    }

    fn one_lane(&mut self, op: &Operator<'_>) -> bool {
        match *op {
            Operator::I8x16ExtractLaneS { lane } => self.extract_lane(I8X16, lane, Some(true)),
            Operator::I8x16ExtractLaneU { lane } => self.extract_lane(I8X16, lane, Some(false)),
            Operator::I16x8ExtractLaneS { lane } => self.extract_lane(I16X8, lane, Some(true)),
            Operator::I16x8ExtractLaneU { lane } => self.extract_lane(I16X8, lane, Some(false)),
            Operator::I32x4ExtractLane { lane } => self.extract_lane(I32X4, lane, None),
            Operator::I64x2ExtractLane { lane } => self.extract_lane(I64X2, lane, None),
            Operator::F32x4ExtractLane { lane } => self.extract_lane(F32X4, lane, None),
            Operator::F64x2ExtractLane { lane } => self.extract_lane(F64X2, lane, None),
            Operator::I8x16ReplaceLane { lane } => self.replace_lane(I8X16, lane),
            Operator::I16x8ReplaceLane { lane } => self.replace_lane(I16X8, lane),
            Operator::I32x4ReplaceLane { lane } => self.replace_lane(I32X4, lane),
            Operator::I64x2ReplaceLane { lane } => self.replace_lane(I64X2, lane),
            Operator::F32x4ReplaceLane { lane } => self.replace_lane(F32X4, lane),
            Operator::F64x2ReplaceLane { lane } => self.replace_lane(F64X2, lane),
            _ => return false,
        }
        true
    }

    /// `signed`: how a lane smaller than an i32 becomes one.
    fn extract_lane(&mut self, ty: Type, lane: u8, signed: Option<bool>) {
        let x = self.pop_as(ty);
        let value = self.b.ins().extractlane(x, lane);
        let value = match signed {
            Some(true) => self.b.ins().sextend(I32, value),
            Some(false) => self.b.ins().uextend(I32, value),
            None => value,
        };
        self.push(value);
    }

    fn replace_lane(&mut self, ty: Type, lane: u8) {
        let value = self.pop();
        let value = self.narrow_lane(ty, value);
        let x = self.pop_as(ty);
        let result = self.b.ins().insertlane(x, value, lane);
        self.push_vector(result);
    }

    fn conversion_of_lanes(&mut self, op: &Operator<'_>) -> bool {
        match op {
            Operator::F32x4ConvertI32x4S => self.convert_lanes(Opcode::FcvtFromSint, I32X4, F32X4),
            Operator::F32x4ConvertI32x4U => self.convert_lanes(Opcode::FcvtFromUint, I32X4, F32X4),
            Operator::I32x4TruncSatF32x4S => self.convert_lanes(Opcode::FcvtToSintSat, F32X4, I32X4),
            Operator::I32x4TruncSatF32x4U => self.convert_lanes(Opcode::FcvtToUintSat, F32X4, I32X4),
            Operator::I32x4TruncSatF64x2SZero => self.truncate_doubles(Opcode::FcvtToSintSat, Opcode::Snarrow),
            Operator::I32x4TruncSatF64x2UZero => self.truncate_doubles(Opcode::FcvtToUintSat, Opcode::Uunarrow),
            Operator::F64x2ConvertLowI32x4S => self.convert_low(Opcode::SwidenLow, Opcode::FcvtFromSint),
            Operator::F64x2ConvertLowI32x4U => self.convert_low(Opcode::UwidenLow, Opcode::FcvtFromUint),
            _ => return false,
        }
        true
    }

    pub(super) fn convert_lanes(&mut self, opcode: Opcode, from: Type, to: Type) {
        let x = self.pop_as(from);
        let result = self.vector_unary(opcode, to, x);
        self.push_vector(result);
    }

    /// Doubles to the two low i32 lanes, the others zero: the backends know the pair of instructions.
    pub(super) fn truncate_doubles(&mut self, convert: Opcode, narrow: Opcode) {
        let x = self.pop_as(F64X2);
        let result = if convert == Opcode::FcvtToUintSat && !self.env.can_round {
            self.truncate_doubles_baseline(x)
        } else {
            let wide = self.vector_unary(convert, I64X2, x);
            let zero = self.vector_constant(I64X2, 0);
            self.vector_binary(narrow, I64X2, wide, zero)
        };
        self.push_vector(result);
    }

    fn convert_low(&mut self, widen: Opcode, convert: Opcode) {
        let x = self.pop_as(I32X4);
        let wide = self.vector_unary(widen, I32X4, x);
        let result = self.vector_unary(convert, F64X2, wide);
        self.push_vector(result);
    }

    fn other_lanes(&mut self, op: &Operator<'_>) -> bool {
        match *op {
            Operator::V128Const { value } => {
                let value = self.vector_constant(V128, value.into());
                self.push(value);
            }
            Operator::V128AndNot => {
                let (x, y) = self.pop2_as(V128);
                let result = self.b.ins().band_not(x, y);
                self.push(result);
            }
            Operator::V128Bitselect => self.bitselect(),
            Operator::I8x16Shuffle { lanes } => self.shuffle(lanes),
            Operator::I8x16Swizzle => self.swizzle(),
            Operator::I32x4DotI16x8S => self.dot(),
            Operator::F32x4PMin => self.pseudo_minimum(F32X4),
            Operator::F64x2PMin => self.pseudo_minimum(F64X2),
            Operator::F32x4PMax => self.pseudo_maximum(F32X4),
            Operator::F64x2PMax => self.pseudo_maximum(F64X2),
            _ => return false,
        }
        true
    }

    /// In the type of the mask: a comparison's result makes it a single blend.
    fn bitselect(&mut self) {
        let mask = self.pop();
        let mask = uncast(&self.b.func.dfg, mask);
        let ty = self.b.func.dfg.value_type(mask);
        let (ty, mask) = if ty.lane_type().is_int() { (ty, mask) } else { (V128, self.cast(V128, mask)) };
        let (x, y) = self.pop2_as(ty);
        let result = self.b.ins().bitselect(mask, x, y);
        self.push_vector(result);
    }

    fn shuffle(&mut self, lanes: [u8; 16]) {
        let (x, y) = self.pop2_as(I8X16);
        let result = if self.env.can_shuffle {
            let lanes = self.b.func.dfg.immediates.push(lanes.to_vec().into());
            self.b.ins().shuffle(x, y, lanes)
        } else {
            self.shuffle_baseline(lanes, x, y)
        };
        self.push_vector(result);
    }

    pub(super) fn swizzle(&mut self) {
        let (x, indexes) = self.pop2_as(I8X16);
        let result =
            if self.env.can_shuffle { self.b.ins().swizzle(x, indexes) } else { self.swizzle_baseline(x, indexes) };
        self.push_vector(result);
    }

    fn dot(&mut self) {
        let (x, y) = self.pop2_as(I16X8);
        let (x_low, y_low) = (self.b.ins().swiden_low(x), self.b.ins().swiden_low(y));
        let (x_high, y_high) = (self.b.ins().swiden_high(x), self.b.ins().swiden_high(y));
        let (low, high) = (self.b.ins().imul(x_low, y_low), self.b.ins().imul(x_high, y_high));
        let result = self.b.ins().iadd_pairwise(low, high);
        self.push_vector(result);
    }

    /// `y < x ? y : x`
    pub(super) fn pseudo_minimum(&mut self, ty: Type) {
        let (x, y) = self.pop2_as(ty);
        let less = self.b.ins().fcmp(FloatCC::LessThan, y, x);
        self.choose(less, y, x, ty);
    }

    /// `x < y ? y : x`
    pub(super) fn pseudo_maximum(&mut self, ty: Type) {
        let (x, y) = self.pop2_as(ty);
        let less = self.b.ins().fcmp(FloatCC::LessThan, x, y);
        self.choose(less, y, x, ty);
    }

    fn choose(&mut self, mask: Value, x: Value, y: Value, ty: Type) {
        let mask = self.cast(ty, mask);
        let result = self.b.ins().bitselect(mask, x, y);
        self.push_vector(result);
    }
}
