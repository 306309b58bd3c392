//! What x86-64 lacks before SSSE3 (any shuffle of bytes) and SSE4.1 (rounding). Cranelift would call functions that no
//! C library has.

use super::super::function::Translator;
use super::V128;
use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::types::{F32X4, F64X2, I8, I32X4, I64, I64X2};
use cranelift_codegen::ir::{Endianness, InstBuilder, MemFlagsData, Opcode, StackSlotData, StackSlotKind, Type, Value};

/// Bits of floats as needed to round them.
struct Format {
    /// Lanes as integers.
    bits: Type,
    sign: u64,
    /// From here on every number is an integer: 2²³ or 2⁵².
    integers: u64,
    one: u64,
}

const SINGLE: Format =
    Format { bits: I32X4, sign: 1 << 31, integers: 8388608f32.to_bits() as u64, one: 1f32.to_bits() as u64 };
const DOUBLE: Format =
    Format { bits: I64X2, sign: 1 << 63, integers: 4503599627370496f64.to_bits(), one: 1f64.to_bits() };

impl Translator<'_, '_> {
    /// ceil, floor, trunc and nearest. Adding 2²³ (2⁵²) to a smaller number leaves no room for a fraction: the addition
    /// rounds, ties to even; then the result is corrected by one where it went the wrong way. It has the operand's sign,
    /// also where it is zero.
    pub(super) fn round_lanes(&mut self, opcode: Opcode, ty: Type, x: Value) -> Value {
        let format = if ty == F32X4 { SINGLE } else { DOUBLE };
        let signs = self.splat_constant(format.bits, format.sign);
        let (limit, one) = (self.splat_constant(ty, format.integers), self.splat_constant(ty, format.one));
        let x_bits = self.cast(format.bits, x);
        let sign = self.b.ins().band(x_bits, signs);
        let magnitude = self.b.ins().band_not(x_bits, signs);
        let magnitude = self.cast(ty, magnitude);
        // trunc is floor without the sign.
        let start = if opcode == Opcode::Trunc { magnitude } else { x };
        let near = self.round_to_nearest(&format, ty, start, limit);
        let rounded = match opcode {
            Opcode::Nearest => near,
            Opcode::Ceil => {
                let less = self.b.ins().fcmp(FloatCC::LessThan, near, start);
                let step = self.masked(&format, less, one, ty);
                self.b.ins().fadd(near, step)
            }
            _ => {
                let greater = self.b.ins().fcmp(FloatCC::GreaterThan, near, start);
                let step = self.masked(&format, greater, one, ty);
                self.b.ins().fsub(near, step)
            }
        };
        let rounded = self.cast(format.bits, rounded);
        let rounded = self.b.ins().band_not(rounded, signs);
        let rounded = self.b.ins().bor(rounded, sign);
        // Large numbers and infinities are integers; a NaN becomes quiet.
        let zero = self.splat_constant(ty, 0);
        let same = self.b.ins().fsub(x, zero);
        let same = self.cast(format.bits, same);
        let small = self.b.ins().fcmp(FloatCC::LessThan, magnitude, limit);
        let result = self.b.ins().bitselect(small, rounded, same);
        self.cast(ty, result)
    }

    /// For numbers below the limit.
    fn round_to_nearest(&mut self, format: &Format, ty: Type, x: Value, limit: Value) -> Value {
        let signs = self.splat_constant(format.bits, format.sign);
        let x_bits = self.cast(format.bits, x);
        let sign = self.b.ins().band(x_bits, signs);
        let limit = self.cast(format.bits, limit);
        let big = self.b.ins().bor(limit, sign);
        let big = self.cast(ty, big);
        let sum = self.b.ins().fadd(x, big);
        self.b.ins().fsub(sum, big)
    }

    /// `value` where the mask is set, else zero.
    fn masked(&mut self, format: &Format, mask: Value, value: Value, ty: Type) -> Value {
        let value = self.cast(format.bits, value);
        let value = self.b.ins().band(mask, value);
        self.cast(ty, value)
    }

    /// `i32x4.trunc_sat_f64x2_u_zero`: a whole number below 2³² plus 2⁵² has it in the lower half of its bits.
    pub(super) fn truncate_doubles_baseline(&mut self, x: Value) -> Value {
        let (zero, most) = (self.splat_constant(F64X2, 0), self.splat_constant(F64X2, f64::from(u32::MAX).to_bits()));
        let positive = self.b.ins().fcmp(FloatCC::GreaterThan, x, zero); // not a NaN
        let x = self.masked(&DOUBLE, positive, x, F64X2);
        let less = self.b.ins().fcmp(FloatCC::LessThan, x, most);
        let less = self.cast(F64X2, less);
        let x = self.b.ins().bitselect(less, x, most);
        let whole = self.round_lanes(Opcode::Trunc, F64X2, x);
        let integers = self.splat_constant(F64X2, DOUBLE.integers);
        let sum = self.b.ins().fadd(whole, integers);
        let (sum, zero) = (self.cast(V128, sum), self.vector_constant(V128, 0));
        self.shuffle_baseline([0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 16, 17, 18, 19], sum, zero)
    }

    /// `i8x16.shuffle`: an instruction for some patterns, else loads from memory, as large as the pattern has
    /// neighbours.
    pub(super) fn shuffle_baseline(&mut self, lanes: [u8; 16], x: Value, y: Value) -> Value {
        let lanes = if x == y { lanes.map(|lane| lane % 16) } else { lanes };
        if is_instruction(&lanes) {
            let lanes = self.b.func.dfg.immediates.push(lanes.to_vec().into());
            return self.b.ins().shuffle(x, y, lanes);
        }
        let base = self.vector_scratch();
        self.b.ins().store(flags(), x, base, 0);
        self.b.ins().store(flags(), y, base, 16);
        if run(&lanes) {
            return self.b.ins().load(V128, flags(), base, i32::from(lanes[0]));
        }
        let (low, high) = (self.gather(base, &lanes[..8]), self.gather(base, &lanes[8..]));
        let low = self.b.ins().scalar_to_vector(I64X2, low);
        let both = self.b.ins().insertlane(low, high, 1);
        self.cast(V128, both)
    }

    /// Bytes `lanes` of memory at `base` as an integer of 64 bits.
    fn gather(&mut self, base: Value, lanes: &[u8]) -> Value {
        if run(lanes) {
            let at = i32::from(lanes[0]);
            return match lanes.len() {
                8 => self.b.ins().load(I64, flags(), base, at),
                4 => self.b.ins().uload32(flags(), base, at),
                2 => self.b.ins().uload16(I64, flags(), base, at),
                _ => self.b.ins().uload8(I64, flags(), base, at),
            };
        }
        let (low, high) = lanes.split_at(lanes.len() / 2);
        let shift = low.len() as i64 * 8;
        let (low, high) = (self.gather(base, low), self.gather(base, high));
        let high = self.b.ins().ishl_imm_u(high, shift);
        self.b.ins().bor(low, high)
    }

    /// `i8x16.swizzle` through memory, where the 16 bytes are followed by a zero for indexes that are too large.
    pub(super) fn swizzle_baseline(&mut self, x: Value, indexes: Value) -> Value {
        let base = self.vector_scratch();
        let (zero, last) = (self.vector_constant(V128, 0), self.splat_constant(V128, 16));
        // No index is above 16, so no load leaves the slot.
        let indexes = self.b.ins().umin(indexes, last);
        for (at, value) in [(0, x), (16, zero), (32, indexes)] {
            self.b.ins().store(flags(), value, base, at);
        }
        for lane in 32..48 {
            let index = self.b.ins().uload8(I64, flags(), base, lane);
            let address = self.b.ins().iadd(base, index);
            let byte = self.b.ins().load(I8, flags(), address, 0);
            self.b.ins().store(flags(), byte, base, lane);
        }
        self.b.ins().load(V128, flags(), base, 32)
    }

    /// Room for three vectors, shared by all that need it for a moment.
    fn vector_scratch(&mut self) -> Value {
        let slot = match self.vector_scratch {
            Some(slot) => slot,
            None => {
                let data = StackSlotData::new(StackSlotKind::ExplicitSlot, 48, 4);
                *self.vector_scratch.insert(self.b.create_sized_stack_slot(data))
            }
        };
        self.b.ins().stack_addr(I64, slot, 0)
    }
}

fn flags() -> MemFlagsData {
    MemFlagsData::new().with_notrap().with_endianness(Endianness::Little)
}

/// True if the lanes are neighbours, upwards.
fn run(lanes: &[u8]) -> bool {
    lanes.windows(2).all(|pair| pair[0] + 1 == pair[1])
}

/// True if SSE2 has an instruction for the shuffle, and Cranelift's x86-64 backend uses it.
fn is_instruction(lanes: &[u8; 16]) -> bool {
    interleaves(lanes) || shuffles_words(lanes) || shuffles_halfwords(lanes)
}

/// `punpckl…`, `punpckh…`: lanes of both operands in turn, from their low or high halves.
fn interleaves(lanes: &[u8; 16]) -> bool {
    [1, 2, 4, 8].into_iter().any(|size| {
        [0, 8].into_iter().any(|half| {
            (0..16).all(|at| {
                let (unit, byte) = (at / size, at % size);
                lanes[at as usize] == unit % 2 * 16 + half + unit / 2 * size + byte
            })
        })
    })
}

/// `pshufd`, `shufps`: lanes of 32 bits, each half of the result from one operand.
fn shuffles_words(lanes: &[u8; 16]) -> bool {
    let Some(units) = units::<4>(lanes, 4) else { return false };
    let second = units.map(|unit| unit >= 4);
    second[0] == second[1] && second[2] == second[3]
}

/// `pshuflw`, `pshufhw`: lanes of 16 bits in one half of the first operand, the other half as it is.
fn shuffles_halfwords(lanes: &[u8; 16]) -> bool {
    let Some(units) = units::<8>(lanes, 2) else { return false };
    let (low, high) = units.split_at(4);
    (high == [4, 5, 6, 7] && low.iter().all(|unit| *unit < 4))
        || (low == [0, 1, 2, 3] && high.iter().all(|unit| (4..8).contains(unit)))
}

/// The lanes as N larger ones of `size` bytes, if they are.
fn units<const N: usize>(lanes: &[u8; 16], size: u8) -> Option<[u8; N]> {
    let mut units = [0; N];
    for (unit, bytes) in units.iter_mut().zip(lanes.chunks(size.into())) {
        if !bytes[0].is_multiple_of(size) || !run(bytes) {
            return None;
        }
        *unit = bytes[0] / size;
    }
    Some(units)
}
