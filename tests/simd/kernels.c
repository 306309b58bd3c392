/* Each kernel twice: with wasm's vector instructions, and as the plain loop they stand for. Compiled to wasm the first
 * runs, compiled natively the second; both print what they computed. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#ifdef __wasm_simd128__
#include <wasm_simd128.h>
#define VECTOR 1
#else
#define VECTOR 0
#endif

enum { COUNT = 256 }; /* bytes of each input and output; a multiple of 16 */

union data {
	uint8_t u8[COUNT];
	int8_t i8[COUNT];
	uint16_t u16[COUNT / 2];
	int16_t i16[COUNT / 2];
	uint32_t u32[COUNT / 4];
	int32_t i32[COUNT / 4];
	uint64_t u64[COUNT / 8];
	int64_t i64[COUNT / 8];
	float f32[COUNT / 4];
	double f64[COUNT / 8];
};

static union data a, b, out;

#if VECTOR
static v128_t load(const union data *from, int at) { return wasm_v128_load(from->u8 + at); }
static void store(int at, v128_t value) { wasm_v128_store(out.u8 + at, value); }
#define EACH(expression) \
	for (int at = 0; at < COUNT; at += 16) { \
		v128_t x = load(&a, at), y = load(&b, at); \
		(void)x, (void)y; \
		store(at, expression); \
	}
#define KERNEL(name, vector, lane, scalar) \
	static void name(void) { EACH(vector) }
#else
/* `i` counts lanes of `lane`. */
#define KERNEL(name, vector, lane, scalar) \
	static void name(void) \
	{ \
		for (int i = 0; i < (int)(COUNT / sizeof out.lane[0]); i++) \
			out.lane[i] = (scalar); \
	}
#endif

#if !VECTOR
static int64_t clamp(int64_t x, int64_t least, int64_t most) { return x < least ? least : x > most ? most : x; }
static uint32_t rotate(uint32_t x, int by) { return x << by | x >> (32 - by); }
/* wasm's min and max: -0 is below 0. Inputs have no NaN. */
static float lesser(float x, float y) { return x == y ? (signbit(x) ? x : y) : x < y ? x : y; }
static double greater(double x, double y) { return x == y ? (signbit(x) ? y : x) : x > y ? x : y; }
#endif

/* pixels */
KERNEL(add_pixels, wasm_u8x16_add_sat(x, y), u8, clamp(a.u8[i] + b.u8[i], 0, 255))
KERNEL(subtract_pixels, wasm_u8x16_sub_sat(x, y), u8, clamp(a.u8[i] - b.u8[i], 0, 255))
KERNEL(add_signed, wasm_i16x8_add_sat(x, y), i16, clamp(a.i16[i] + b.i16[i], -32768, 32767))
KERNEL(subtract_signed, wasm_i8x16_sub_sat(x, y), i8, clamp(a.i8[i] - b.i8[i], -128, 127))
KERNEL(average, wasm_u8x16_avgr(x, y), u8, (a.u8[i] + b.u8[i] + 1) / 2)
KERNEL(smaller_u16, wasm_u16x8_min(x, y), u16, a.u16[i] < b.u16[i] ? a.u16[i] : b.u16[i])
KERNEL(larger_u32, wasm_u32x4_max(x, y), u32, a.u32[i] > b.u32[i] ? a.u32[i] : b.u32[i])
KERNEL(smaller_i8, wasm_i8x16_min(x, y), i8, a.i8[i] < b.i8[i] ? a.i8[i] : b.i8[i])
KERNEL(population, wasm_i8x16_popcnt(x), u8, __builtin_popcount(a.u8[i]))
KERNEL(absolute, wasm_i64x2_abs(x), u64, a.i64[i] < 0 ? -a.u64[i] : a.u64[i])
KERNEL(fixed_point, wasm_i16x8_q15mulr_sat(x, y), i16, clamp((a.i16[i] * b.i16[i] + 0x4000) >> 15, -32768, 32767))

/* arithmetic as hashes have it */
KERNEL(rotate_xor, wasm_v128_xor(y, wasm_v128_or(wasm_i32x4_shl(x, 7), wasm_u32x4_shr(x, 25))), u32,
       rotate(a.u32[i], 7) ^ b.u32[i])
KERNEL(multiply_i64, wasm_i64x2_mul(x, y), u64, a.u64[i] * b.u64[i])
KERNEL(multiply_i32, wasm_i32x4_mul(x, y), u32, a.u32[i] * b.u32[i])
KERNEL(shift_i64, wasm_i64x2_shr(x, wasm_i32x4_extract_lane(y, 0)), i64, a.i64[i] >> (b.u32[i / 2 * 4] & 63))
KERNEL(shift_i8, wasm_i8x16_shr(x, wasm_i32x4_extract_lane(y, 0)), i8, a.i8[i] >> (b.u8[i / 16 * 16] & 7))
KERNEL(compare_u64ish, wasm_i64x2_lt(x, y), i64, a.i64[i] < b.i64[i] ? -1 : 0)
KERNEL(compare_u8, wasm_u8x16_ge(x, y), i8, a.u8[i] >= b.u8[i] ? -1 : 0)
KERNEL(select_bits, wasm_v128_bitselect(x, y, wasm_i16x8_gt(x, y)), i16, a.i16[i] > b.i16[i] ? a.i16[i] : b.i16[i])
KERNEL(and_not, wasm_v128_andnot(x, y), u64, a.u64[i] & ~b.u64[i])

/* widening and narrowing */
KERNEL(products_low, wasm_i16x8_extmul_low_i8x16(x, y), i16, a.i8[i / 8 * 16 + i % 8] * b.i8[i / 8 * 16 + i % 8])
KERNEL(products_high, wasm_u64x2_extmul_high_u32x4(x, y), u64,
       (uint64_t)a.u32[i / 2 * 4 + 2 + i % 2] * b.u32[i / 2 * 4 + 2 + i % 2])
KERNEL(pairs, wasm_u16x8_extadd_pairwise_u8x16(x), u16, a.u8[2 * i] + a.u8[2 * i + 1])
KERNEL(dot, wasm_i32x4_dot_i16x8(x, y), u32,
       (uint32_t)(a.i16[2 * i] * b.i16[2 * i]) + (uint32_t)(a.i16[2 * i + 1] * b.i16[2 * i + 1]))
KERNEL(narrow_u8, wasm_u8x16_narrow_i16x8(x, y), u8,
       clamp((i % 16 < 8 ? a : b).i16[i / 16 * 8 + i % 8], 0, 255))
KERNEL(narrow_i16, wasm_i16x8_narrow_i32x4(wasm_i32x4_shr(x, 12), y), i16,
       clamp(i % 8 < 4 ? a.i32[i / 8 * 4 + i % 4] >> 12 : b.i32[i / 8 * 4 + i % 4], -32768, 32767))

/* lanes */
KERNEL(reverse, wasm_i8x16_shuffle(x, y, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0), u8,
       a.u8[i / 16 * 16 + 15 - i % 16])
KERNEL(window, wasm_i8x16_shuffle(x, y, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20), u8,
       i % 16 < 11 ? a.u8[i + 5] : b.u8[i - 11])
KERNEL(interleave, wasm_i16x8_shuffle(x, y, 0, 8, 1, 9, 2, 10, 3, 11), u16,
       (i % 2 ? b : a).u16[i / 8 * 8 + i % 8 / 2])
KERNEL(transpose, wasm_i32x4_shuffle(x, y, 0, 4, 2, 6), u32, (i % 2 ? b : a).u32[i / 4 * 4 + i % 4 / 2 * 2])
KERNEL(look_up, wasm_i8x16_swizzle(x, wasm_v128_and(y, wasm_i8x16_splat(0x1f))), u8,
       (b.u8[i] & 31) < 16 ? a.u8[i / 16 * 16 + (b.u8[i] & 31)] : 0)
KERNEL(masks, wasm_i32x4_replace_lane(wasm_i32x4_splat(wasm_i8x16_bitmask(x)), 2, wasm_i16x8_bitmask(y)), u32,
       i % 4 == 2 ? ({
	       uint32_t mask = 0;
	       for (int k = 0; k < 8; k++)
		       mask |= (uint32_t)(b.i16[i / 4 * 8 + k] < 0) << k;
	       mask;
       }) : ({
	       uint32_t mask = 0;
	       for (int k = 0; k < 16; k++)
		       mask |= (uint32_t)(a.i8[i / 4 * 16 + k] < 0) << k;
	       mask;
       }))
KERNEL(any_and_all, wasm_i64x2_make(wasm_v128_any_true(x), wasm_i8x16_all_true(y)), u64, ({
	       uint64_t any = 0, all = 1;
	       for (int k = 0; k < 16; k++) {
		       any |= a.u8[i / 2 * 16 + k] != 0;
		       all &= b.u8[i / 2 * 16 + k] != 0;
	       }
	       i % 2 ? all : any;
       }))
KERNEL(load_lanes, wasm_v128_load8_lane(a.u8 + COUNT - 1 - at, wasm_v128_load32_lane(b.u8 + at / 2 + 1, x, 2), 0), u8,
       i % 16 == 0 ? a.u8[COUNT - 1 - i] : i % 16 / 4 == 2 ? b.u8[i / 16 * 8 + 1 + i % 4] : a.u8[i])
KERNEL(load_and_widen, wasm_i16x8_load8x8(a.u8 + at / 2 + 3), i16, a.i8[i + 3])
KERNEL(load_and_splat, wasm_v128_load16_splat(a.u8 + at / 2 + 1), u8, a.u8[i / 16 * 8 + 1 + i % 2])
KERNEL(load_and_zero, wasm_v128_load64_zero(b.u8 + at / 4), u64, i % 2 ? 0 : ({
	       uint64_t whole;
	       memcpy(&whole, b.u8 + i / 2 * 4, 8);
	       whole;
       }))
static void store_lanes(void)
{
	for (int at = 0; at < COUNT; at += 16) {
#if VECTOR
		wasm_v128_store16_lane(out.u8 + at + 1, load(&a, at), 5);
		wasm_v128_store64_lane(out.u8 + at + 7, load(&b, at), 1);
#else
		memcpy(out.u8 + at + 1, a.u8 + at + 10, 2);
		memcpy(out.u8 + at + 7, b.u8 + at + 8, 8);
#endif
	}
}

/* floats */
KERNEL(least, wasm_f32x4_min(x, y), f32, lesser(a.f32[i], b.f32[i]))
KERNEL(most, wasm_f64x2_max(x, y), f64, greater(a.f64[i], b.f64[i]))
KERNEL(least_as_sse, wasm_f64x2_pmin(x, y), f64, b.f64[i] < a.f64[i] ? b.f64[i] : a.f64[i])
KERNEL(ceil_f32, wasm_f32x4_ceil(x), f32, ceilf(a.f32[i]))
KERNEL(floor_f32, wasm_f32x4_floor(x), f32, floorf(a.f32[i]))
KERNEL(trunc_f32, wasm_f32x4_trunc(x), f32, truncf(a.f32[i]))
KERNEL(nearest_f32, wasm_f32x4_nearest(x), f32, nearbyintf(a.f32[i]))
KERNEL(ceil_f64, wasm_f64x2_ceil(x), f64, ceil(a.f64[i]))
KERNEL(floor_f64, wasm_f64x2_floor(x), f64, floor(a.f64[i]))
KERNEL(trunc_f64, wasm_f64x2_trunc(x), f64, trunc(a.f64[i]))
KERNEL(nearest_f64, wasm_f64x2_nearest(x), f64, nearbyint(a.f64[i]))
KERNEL(arithmetic, wasm_f32x4_sqrt(wasm_f32x4_abs(wasm_f32x4_sub(wasm_f32x4_div(x, wasm_f32x4_splat(3)), wasm_f32x4_splat(1)))),
       f32, sqrtf(fabsf(a.f32[i] / 3 - 1)))
KERNEL(to_u32, wasm_u32x4_trunc_sat_f32x4(x), u32, (uint32_t)fmin(fmax(a.f32[i], 0), 4294967295.0))
KERNEL(to_i32, wasm_i32x4_trunc_sat_f32x4(x), i32, (int32_t)fmin(fmax(a.f32[i], -2147483648.0), 2147483647.0))
KERNEL(doubles_to_u32, wasm_u32x4_trunc_sat_f64x2_zero(x), u32,
       i % 4 < 2 ? (uint32_t)fmin(fmax(a.f64[i / 4 * 2 + i % 2], 0), 4294967295.0) : 0)
KERNEL(from_u32, wasm_f32x4_convert_u32x4(x), f32, (float)a.u32[i])
KERNEL(doubles_from_i32, wasm_f64x2_convert_low_i32x4(x), f64, a.i32[i / 2 * 4 + i % 2])
KERNEL(demote, wasm_f32x4_demote_f64x2_zero(x), f32, i % 4 < 2 ? (float)a.f64[i / 4 * 2 + i % 2] : 0)
KERNEL(promote, wasm_f64x2_promote_low_f32x4(x), f64, a.f32[i / 2 * 4 + i % 2])

static void integers(void)
{
	static uint32_t state = 1;
	for (int i = 0; i < COUNT; i++) {
		state = state * 1664525 + 1013904223;
		a.u8[i] = state >> 24;
		b.u8[i] = i % 5 ? state >> 16 : a.u8[i];
	}
	memset(a.u8 + 32, 0, 16);
	memset(b.u8 + 32, 0x80, 32);
	memset(a.u8 + 64, 0x80, 16);
}

static const double interesting[] = { 0.0, -0.0, 0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 0.49999997, -0.3, 0.7, 8388607.5,
	-8388609.0, 4503599627370495.5, -4503599627370497.0, 1e30, -1e30, INFINITY, -INFINITY, 2147483647.5,
	-2147483649.0, 4294967295.5, 4294967296.0, 3.999999, 1e-38 };
enum { INTERESTING = sizeof interesting / sizeof *interesting };

static void floats(void)
{
	for (int i = 0; i < COUNT / 4; i++) {
		a.f32[i] = (float)interesting[i % INTERESTING];
		b.f32[i] = (float)interesting[i * 7 % INTERESTING];
	}
}

static void doubles(void)
{
	for (int i = 0; i < COUNT / 8; i++) {
		a.f64[i] = interesting[i % INTERESTING];
		b.f64[i] = interesting[i * 7 % INTERESTING];
	}
}

static void run(const char *name, void (*fill)(void), void (*kernel)(void))
{
	fill();
	memset(&out, 0, sizeof out);
	kernel();
	printf("%s ", name);
	for (int i = 0; i < COUNT; i++)
		printf(i % 16 ? "%02x" : " %02x", out.u8[i]);
	puts("");
}

#define RUN(fill, kernel) run(#kernel, fill, kernel)

int main(void)
{
	RUN(integers, add_pixels), RUN(integers, subtract_pixels), RUN(integers, add_signed);
	RUN(integers, subtract_signed), RUN(integers, average), RUN(integers, smaller_u16), RUN(integers, larger_u32);
	RUN(integers, smaller_i8), RUN(integers, population), RUN(integers, absolute), RUN(integers, fixed_point);
	RUN(integers, rotate_xor), RUN(integers, multiply_i64), RUN(integers, multiply_i32), RUN(integers, shift_i64);
	RUN(integers, shift_i8), RUN(integers, compare_u64ish), RUN(integers, compare_u8), RUN(integers, select_bits);
	RUN(integers, and_not), RUN(integers, products_low), RUN(integers, products_high), RUN(integers, pairs);
	RUN(integers, dot), RUN(integers, narrow_u8), RUN(integers, narrow_i16), RUN(integers, reverse);
	RUN(integers, window), RUN(integers, interleave), RUN(integers, transpose), RUN(integers, look_up);
	RUN(integers, masks), RUN(integers, any_and_all), RUN(integers, load_lanes), RUN(integers, load_and_widen);
	RUN(integers, load_and_splat), RUN(integers, load_and_zero), RUN(integers, store_lanes);
	RUN(floats, least), RUN(doubles, most), RUN(doubles, least_as_sse), RUN(floats, ceil_f32), RUN(floats, floor_f32);
	RUN(floats, trunc_f32), RUN(floats, nearest_f32), RUN(doubles, ceil_f64), RUN(doubles, floor_f64);
	RUN(doubles, trunc_f64), RUN(doubles, nearest_f64), RUN(floats, arithmetic), RUN(floats, to_u32), RUN(floats, to_i32);
	RUN(doubles, doubles_to_u32), RUN(integers, from_u32), RUN(integers, doubles_from_i32), RUN(doubles, demote);
	RUN(floats, promote);
	return 0;
}
