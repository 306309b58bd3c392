/* Rounding, function types, texts of traps. */
#define _GNU_SOURCE
#include "hand.h"
#include "type.h"
#include <math.h>
#include <string.h>

void test_round(void)
{
	CHECK(pal_rt_nearest_f64(2.5) == 2 && pal_rt_nearest_f64(3.5) == 4 && pal_rt_nearest_f32(-0.5f) == 0);
	CHECK(signbit(pal_rt_nearest_f32(-0.5f)) && signbit(pal_rt_ceil_f64(-0.9)) && signbit(pal_rt_trunc_f32(-0.0f)));
	CHECK(isnan(pal_rt_floor_f64(NAN)) && isinf(pal_rt_ceil_f32(INFINITY)));
	for (double x = -9; x <= 9; x += 0.125) {
		CHECK(pal_rt_floor_f64(x) == __builtin_floor(x) && pal_rt_ceil_f64(x) == __builtin_ceil(x));
		CHECK(pal_rt_trunc_f32((float)x) == __builtin_truncf((float)x));
		CHECK(pal_rt_nearest_f32((float)x) == __builtin_rintf((float)x));
	}
	CHECK(pal_rt_floor_f64(-4503599627370495.5) == -4503599627370496.0);
	CHECK(pal_rt_nearest_f32(8388607.5f) == 8388608.0f && pal_rt_trunc_f64(1e300) == 1e300);
}

/* The number of a type that stands alone. */
uint32_t interned(const uint8_t *bytes, uint32_t length)
{
	uint32_t start[] = { 0, length }, number;
	return pal_types_intern(bytes, start, 1, &number) ? number : PAL_TYPE_NONE;
}

static void test_plain_types(void)
{
	uint32_t first = interned(types_data, 4);
	CHECK(first != PAL_TYPE_NONE && interned(types_data, 4) == first && interned(types_data + 4, 3) != first);
	uint32_t numbers[1000];
	for (unsigned i = 0; i < 1000; i++) { /* more than one chunk, and the hash table grows */
		uint8_t bytes[] = { 0x60, 2, 0x7f - i % 5, 0x7f - i / 5 % 5, 4, 0x7f - i / 25 % 5, 0x7f - i / 125 % 5,
		                    0x7f - i / 625, 0x7e };
		numbers[i] = interned(bytes, sizeof bytes);
		CHECK(interned(bytes, sizeof bytes) == numbers[i] && (i == 0 || numbers[i] != numbers[i - 1]));
	}
	CHECK(interned(types_data, 4) == first);
	CHECK(pal_type_is_subtype(first, first) && !pal_type_is_subtype(first, numbers[0]));
}

/* (rec (type $a (sub (func (param (ref null $b))))) (type $b (func (param (ref $a))))), then (type $c (sub final $a
 * (func (param (ref null $b))))), at any place among a module's types */
static void test_recursive_types(void)
{
	static const uint8_t data[] = {
		0x60, 0, 0,
		PAL_TYPE_SUB, 0, 0x60, 1, PAL_TYPE_REF_NULL, PAL_TYPE_INDEX, 2, 0, 0, 0, 0,
		PAL_TYPE_CONTINUES, 0x60, 1, PAL_TYPE_REF, PAL_TYPE_INDEX, 1, 0, 0, 0, 0,
		PAL_TYPE_SUB_FINAL, 1, 1, 0, 0, 0, 0x60, 1, PAL_TYPE_REF_NULL, PAL_TYPE_INDEX, 2, 0, 0, 0, 0,
	};
	static const uint8_t same[] = {
		PAL_TYPE_SUB, 0, 0x60, 1, PAL_TYPE_REF_NULL, PAL_TYPE_INDEX, 1, 0, 0, 0, 0,
		PAL_TYPE_CONTINUES, 0x60, 1, PAL_TYPE_REF, PAL_TYPE_INDEX, 0, 0, 0, 0, 0,
		0x60, 1, PAL_TYPE_REF, PAL_TYPE_INDEX, 0, 0, 0, 0, 0, /* as $b, but alone */
	};
	uint32_t start[] = { 0, 3, 14, 24, 39 }, same_start[] = { 0, 11, 21, 30 }, types[4], again[3];
	_Static_assert(sizeof data == 39 && sizeof same == 30, "as the starts say");
	CHECK(pal_types_intern(data, start, 4, types) && pal_types_intern(same, same_start, 3, again));
	CHECK(again[0] == types[1] && again[1] == types[2] && again[2] != types[2]);
	CHECK(pal_type_is_subtype(types[3], types[1]) && !pal_type_is_subtype(types[1], types[3]));

	struct pal_func func = { .type = types[3] };
	uint32_t a = pal_interned_value_type(PAL_TYPE_CONCRETE | PAL_TYPE_NON_NULL | 1 << PAL_TYPE_SHIFT, types);
	uint32_t c = pal_interned_value_type(PAL_TYPE_CONCRETE | 3 << PAL_TYPE_SHIFT, types);
	CHECK(pal_reference_matches(&func, a) && !pal_reference_matches(NULL, a) && pal_reference_matches(NULL, c));
	CHECK(!pal_value_type_matches(c, a) && pal_value_type_matches(c | PAL_TYPE_NON_NULL, a));
	CHECK(pal_value_type_matches(a, PAL_TYPE_FUNCREF) && !pal_value_type_matches(PAL_TYPE_FUNCREF, c));
	CHECK(pal_value_type_matches(PAL_TYPE_NOFUNC, c) && !pal_value_type_matches(PAL_TYPE_NOFUNC, a));
	CHECK(!pal_value_type_matches(PAL_TYPE_EXTERNREF, PAL_TYPE_FUNCREF) && !pal_reference_matches(&func, PAL_TYPE_NOFUNC));
	char buffer[64];
	struct pal_text text = pal_text_in(buffer, sizeof buffer);
	pal_value_type_text(&text, a);
	CHECK(strcmp(buffer, "(ref ((ref null …)) -> ())") == 0);
}

void test_types(void)
{
	test_plain_types();
	test_recursive_types();
	static const uint8_t bytes[] = { 0x60, 2, 0x7f, 0x7e, 1, 0x7d };
	char buffer[64];
	struct pal_text text = pal_text_in(buffer, sizeof buffer);
	pal_type_text(&text, interned(bytes, sizeof bytes));
	CHECK(strcmp(buffer, "(i32, i64) -> f32") == 0);
	text = pal_text_in(buffer, 5);
	pal_text_decimal(&text, UINT64_MAX);
	CHECK(strcmp(buffer, "1844") == 0);
	text = pal_text_in(buffer, sizeof buffer);
	pal_text_name(&text, "a\x1b[2J");
	CHECK(strcmp(buffer, "a?[2J") == 0);
}
