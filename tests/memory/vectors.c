/* Compiled to wasm by zig: each accessor of PAL_VECTOR_MEMORY does to the arena what the instruction of its name does to
 * memory 0. */
#include <palisade/guest.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wasm_simd128.h>

PAL_MEMORY(arena, "palisade:memory/arena", uint32_t)
PAL_VECTOR_MEMORY(arena, "palisade:memory/arena", uint32_t)

enum { SIZE = 64 };

/* The arena's first bytes should be these. */
static unsigned char plain[SIZE];
static unsigned accessors;

static void fail(const char *what, uint32_t at)
{
	printf("%s at %u\n", what, at);
	exit(1);
}

static void same(const char *what, uint32_t at, v128_t got, v128_t expected)
{
	if (wasm_v128_any_true(wasm_v128_xor(got, expected)))
		fail(what, at);
	accessors += at == 0;
}

static void stored(const char *what, uint32_t at)
{
	for (uint32_t i = 0; i < SIZE; i++)
		if (arena_load_u8(i) != plain[i])
			fail(what, at);
	accessors += at == 0;
}

static v128_t some(uint32_t seed)
{
	uint32_t a = seed * 2654435761u + 12345, b = a * 1664525u + 1013904223u;
	return wasm_u32x4_make(a, b, ~a, a ^ b << 7);
}

static void fill(void)
{
	for (uint32_t i = 0; i < SIZE; i++) {
		plain[i] = (unsigned char)(i * 73 + 129); /* signs of all kinds */
		arena_store_i8(i, plain[i]);
	}
}

#define LOAD(name, intrinsic) same(#name, at, arena_##name(at), intrinsic(plain + at));
#define LANE(bits, lane) \
	same("load" #bits "_lane" #lane, at, arena_load##bits##_lane##lane(at, v), \
	     wasm_v128_load##bits##_lane(plain + at, v, lane)); \
	arena_store##bits##_lane##lane(at, v); \
	wasm_v128_store##bits##_lane(plain + at, v, lane); \
	stored("store" #bits "_lane" #lane, at);

static void all_at(uint32_t at)
{
	fill();
	LOAD(load_v128, wasm_v128_load)
	LOAD(load8_splat, wasm_v128_load8_splat)
	LOAD(load16_splat, wasm_v128_load16_splat)
	LOAD(load32_splat, wasm_v128_load32_splat)
	LOAD(load64_splat, wasm_v128_load64_splat)
	LOAD(load32_zero, wasm_v128_load32_zero)
	LOAD(load64_zero, wasm_v128_load64_zero)
	LOAD(load_i8x8, wasm_i16x8_load8x8)
	LOAD(load_u8x8, wasm_u16x8_load8x8)
	LOAD(load_i16x4, wasm_i32x4_load16x4)
	LOAD(load_u16x4, wasm_u32x4_load16x4)
	LOAD(load_i32x2, wasm_i64x2_load32x2)
	LOAD(load_u32x2, wasm_u64x2_load32x2)
	v128_t v = some(at);
	arena_store_v128(at, v);
	wasm_v128_store(plain + at, v);
	stored("store_v128", at);
	v = some(at + 100);
	LANE(64, 0) LANE(64, 1)
	LANE(32, 0) LANE(32, 1) LANE(32, 2) LANE(32, 3)
	LANE(16, 0) LANE(16, 1) LANE(16, 2) LANE(16, 3) LANE(16, 4) LANE(16, 5) LANE(16, 6) LANE(16, 7)
	LANE(8, 0) LANE(8, 1) LANE(8, 2) LANE(8, 3) LANE(8, 4) LANE(8, 5) LANE(8, 6) LANE(8, 7)
	LANE(8, 8) LANE(8, 9) LANE(8, 10) LANE(8, 11) LANE(8, 12) LANE(8, 13) LANE(8, 14) LANE(8, 15)
}

int main(int argc, char **argv)
{
	for (uint32_t at = 0; at <= SIZE - 16; at++)
		all_at(at);
	printf("%u accessors\n", accessors);
	fflush(stdout);
	if (argc < 2)
		return 0;
	uint32_t end = arena_size() * 65536;
	switch (argv[1][0]) {
	case 'l': same("beyond", 1, arena_load_v128(end - 15), some(0)); break;
	case 's': arena_store_v128(end - 15, some(0)); break;
	case 'w': same("beyond", 1, arena_load_u8x8(end - 7), some(0)); break;
	case '1': same("beyond", 1, arena_load16_lane7(end - 1, some(0)), some(0)); break;
	case '6': arena_store64_lane1(end - 7, some(0)); break;
	}
	puts("no trap");
	return 0;
}
