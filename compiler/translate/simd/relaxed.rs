//! Relaxed SIMD: the standard leaves some results open. What is chosen depends on the target CPU only, never on the
//! run: the CPU's own instruction where it is much cheaper than the strict one, else the strict one.
//!
//! | instruction | strict | instead |
//! | --- | --- | --- |
//! | `madd`, `nmadd` | multiply, then add | fused, where the CPU does that (aarch64; x86-64 with FMA) |
//! | `swizzle` | 0 for indexes above 15 | x86-64 with SSSE3: `pshufb`, 0 for those above 127 |
//! | `trunc` (signed) | saturating | x86-64: `cvttps2dq`, the minimum for all that does not fit |
//! | `laneselect` | bit by bit | x86-64 with SSE4.1, but for i16x8: `blendv`, by the top bit |
//! | `min`, `max` | as `min`, `max` | x86-64: as `pmin`, `pmax` |
//! | `q15mulr` | saturating | x86-64 with SSSE3: `pmulhrsw`, which wraps |
//! | `dot` | signed × signed | x86-64 with SSSE3: `pmaddubsw`, signed × unsigned, saturating |

use super::super::function::Translator;
use super::table;
use cranelift_codegen::ir::types::{F32X4, F64X2, I8X16, I16X8, I32X4, I64X2};
use cranelift_codegen::ir::{InstBuilder, Opcode, Type, Value};
use wasmparser::Operator;

fn lane_select(op: &Operator<'_>) -> Option<Type> {
    let found = table! { op;
        () => I8X16: I8x16RelaxedLaneselect, I16X8: I16x8RelaxedLaneselect, I32X4: I32x4RelaxedLaneselect,
            I64X2: I64x2RelaxedLaneselect;
    };
    found.map(|(_, ty)| ty)
}

/// True for the negated product.
fn multiply_add(op: &Operator<'_>) -> Option<(bool, Type)> {
    table! { op;
        false => F32X4: F32x4RelaxedMadd, F64X2: F64x2RelaxedMadd;
        true => F32X4: F32x4RelaxedNmadd, F64X2: F64x2RelaxedNmadd;
    }
}

/// True for the minimum.
fn extreme(op: &Operator<'_>) -> Option<(bool, Type)> {
    table! { op;
        true => F32X4: F32x4RelaxedMin, F64X2: F64x2RelaxedMin;
        false => F32X4: F32x4RelaxedMax, F64X2: F64x2RelaxedMax;
    }
}

impl Translator<'_, '_> {
    /// False if the instruction is not a relaxed one.
    pub(super) fn relaxed_operator(&mut self, op: &Operator<'_>) -> bool {
        if let Some(ty) = lane_select(op) {
            self.lane_select(ty);
        } else if let Some((negate, ty)) = multiply_add(op) {
            self.multiply_add(negate, ty);
        } else if let Some((minimum, ty)) = extreme(op) {
            self.relaxed_extreme(minimum, ty);
        } else {
            return self.other_relaxed(op);
        }
        true
    }

    fn other_relaxed(&mut self, op: &Operator<'_>) -> bool {
        let convert = if self.env.is_x86_64 { Opcode::X86Cvtt2dq } else { Opcode::FcvtToSintSat };
        match op {
            Operator::I8x16RelaxedSwizzle => self.relaxed_swizzle(),
            Operator::I32x4RelaxedTruncF32x4S => self.convert_lanes(convert, F32X4, I32X4),
            Operator::I32x4RelaxedTruncF32x4U => self.convert_lanes(Opcode::FcvtToUintSat, F32X4, I32X4),
            Operator::I32x4RelaxedTruncF64x2SZero => self.truncate_doubles(convert, Opcode::Snarrow),
            Operator::I32x4RelaxedTruncF64x2UZero => self.truncate_doubles(Opcode::FcvtToUintSat, Opcode::Uunarrow),
            Operator::I16x8RelaxedQ15mulrS => self.relaxed_multiply_q15(),
            Operator::I16x8RelaxedDotI8x16I7x16S => {
                let (x, y) = self.pop2_as(I8X16);
                let result = self.relaxed_dot(x, y);
                self.push_vector(result);
            }
            Operator::I32x4RelaxedDotI8x16I7x16AddS => {
                let sum = self.pop_as(I32X4);
                let (x, y) = self.pop2_as(I8X16);
                let products = self.relaxed_dot(x, y);
                let pairs = self.add_pairs(true, I16X8, products);
                let result = self.b.ins().iadd(pairs, sum);
                self.push_vector(result);
            }
            _ => return false,
        }
        true
    }

    fn relaxed_swizzle(&mut self) {
        if !self.env.isa.has_x86_pshufb_lowering() {
            return self.swizzle();
        }
        let (x, indexes) = self.pop2_as(I8X16);
        let result = self.b.ins().x86_pshufb(x, indexes);
        self.push_vector(result);
    }

    fn lane_select(&mut self, ty: Type) {
        let mask = self.pop_as(ty);
        let (x, y) = self.pop2_as(ty);
        let result = if self.env.isa.has_blendv_lowering(ty) {
            self.b.ins().blendv(mask, x, y)
        } else {
            self.b.ins().bitselect(mask, x, y)
        };
        self.push_vector(result);
    }

    fn multiply_add(&mut self, negate: bool, ty: Type) {
        let addend = self.pop_as(ty);
        let (x, y) = self.pop2_as(ty);
        let x = if negate { self.b.ins().fneg(x) } else { x };
        let result = if self.env.isa.has_native_fma() {
            self.b.ins().fma(x, y, addend)
        } else {
            let product = self.b.ins().fmul(x, y);
            self.b.ins().fadd(product, addend)
        };
        self.push_vector(result);
    }

    fn relaxed_extreme(&mut self, minimum: bool, ty: Type) {
        match (self.env.is_x86_64, minimum) {
            (true, true) => self.pseudo_minimum(ty),
            (true, false) => self.pseudo_maximum(ty),
            (false, _) => {
                let (x, y) = self.pop2_as(ty);
                let result = if minimum { self.b.ins().fmin(x, y) } else { self.b.ins().fmax(x, y) };
                self.push_vector(result);
            }
        }
    }

    fn relaxed_multiply_q15(&mut self) {
        let (x, y) = self.pop2_as(I16X8);
        let result = if self.env.isa.has_x86_pmulhrsw_lowering() {
            self.b.ins().x86_pmulhrsw(x, y)
        } else {
            self.b.ins().sqmul_round_sat(x, y)
        };
        self.push_vector(result);
    }

    /// Sums of neighbouring products of i8 lanes; `y` has 7 bits where the result is not open.
    fn relaxed_dot(&mut self, x: Value, y: Value) -> Value {
        if self.env.isa.has_x86_pmaddubsw_lowering() {
            return self.b.ins().x86_pmaddubsw(x, y);
        }
        let (x_low, y_low) = (self.b.ins().swiden_low(x), self.b.ins().swiden_low(y));
        let (x_high, y_high) = (self.b.ins().swiden_high(x), self.b.ins().swiden_high(y));
        let (low, high) = (self.b.ins().imul(x_low, y_low), self.b.ins().imul(x_high, y_high));
        self.b.ins().iadd_pairwise(low, high)
    }
}
