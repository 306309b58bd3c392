/* A C host that passes vectors to two modules, joined with each other by the linker, and defines imports with them. */
#include "inner.h"
#include "outer.h"
#include "check.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct host {
	struct outer *outer;
	int calls;
};

static pal_v128 of(int32_t x, int32_t y, int32_t z, int32_t w)
{
	int32_t lanes[] = { x, y, z, w };
	pal_v128 made;
	memcpy(&made, lanes, 16);
	return made;
}

static int is(const pal_v128 *v, int32_t x, int32_t y, int32_t z, int32_t w)
{
	pal_v128 wanted = of(x, y, z, w);
	return memcmp(v, &wanted, 16) == 0;
}

/* Vectors come on the caller's stack, aligned, and stay there over calls back into the instance. */
void host_turn(struct host *host, const pal_v128 *a, int32_t by, const pal_v128 *b, pal_v128 *result)
{
	int32_t x[4], y[4], sum[4];
	pal_v128 other;
	host->calls++;
	CHECK((uintptr_t)a % 16 == 0 && (uintptr_t)b % 16 == 0 && (uintptr_t)result % 16 == 0 && a != b && result != a);
	if (by > 0) {
		outer_call_host(host->outer, b, by - 1, &other);
		CHECK(is(b, 10, 20, 30, 40));
	}
	memcpy(x, a, 16);
	memcpy(y, b, 16);
	for (int i = 0; i < 4; i++)
		sum[i] = x[(i + by) % 4] + y[i];
	memcpy(result, sum, 16);
}

void host_pair(struct host *host, const pal_v128 *x, struct host_pair_results *results)
{
	host->calls++;
	CHECK((uintptr_t)results % 16 == 0);
	results->r0 = *x;
	results->r1 = 1000;
	results->r2 = of(1, 2, 3, 4);
}

static struct outer *outer;

static void store_guarded(void *at) { outer_store_guarded(outer, *(int32_t *)at, &(pal_v128){ { 1 } }); }
static void store_checked(void *at) { outer_store_checked(outer, *(int32_t *)at, &(pal_v128){ { 1 } }); }
static void lanes_checked(void *at)
{
	pal_v128 result;
	outer_lanes_checked(outer, *(int32_t *)at, &(pal_v128){ { 1 } }, &result);
}

/* The last 16 bytes can be stored to, one further none is. */
static void ends_of_memories(void)
{
	uint8_t *guarded = pal_memory_data(outer_memory(outer)), *checked = pal_memory_data(outer_checked(outer));
	int32_t last = 65520, beyond = 65521;
	CHECK(pal_try(store_guarded, &last) == PAL_TRAP_NONE && guarded[last] == 1);
	CHECK(pal_try(store_checked, &last) == PAL_TRAP_NONE && checked[last] == 1);
	CHECK(pal_try(store_guarded, &beyond) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	CHECK(pal_try(store_checked, &beyond) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS && checked[beyond] == 0);
	/* A lane needs two bytes to be stored and four to be loaded. */
	int32_t at = 65534;
	CHECK(pal_try(lanes_checked, &at) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	at = 65532;
	CHECK(pal_try(lanes_checked, &at) == PAL_TRAP_NONE);
	at = -1;
	CHECK(pal_try(store_guarded, &at) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	CHECK(pal_try(store_checked, &at) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
}

static void globals(struct inner *inner)
{
	pal_v128 x = of(-1, -2, -3, -4), old;
	CHECK((uintptr_t)inner_key(inner) % 16 == 0 && (uintptr_t)outer_own(outer) % 16 == 0);
	outer_exchange_keys(outer, &x, &old);
	CHECK(is(&old, 1, 2, 3, 4) && is(inner_key(inner), -1, -2, -3, -4));
	*inner_key(inner) = of(9, 9, 9, 9);
	outer_exchange_keys(outer, &old, &x);
	CHECK(is(&x, 9, 9, 9, 9));
	CHECK(is(outer_own(outer), 5, 0, 6, 0));
	for (int i = 0; i < 16; i++)
		CHECK(outer_copy(outer)->bytes[i] == i && inner_fixed(inner)->bytes[i] == i);
}

int main(void)
{
	struct inner *inner;
	struct host host = { 0 };
	CHECK(sizeof(pal_v128) == 16 && _Alignof(pal_v128) == 16);
	CHECK(pal_inner_instantiate(&inner) == PAL_TRAP_NONE);
	CHECK(pal_outer_instantiate(&outer, inner, &host) == PAL_TRAP_NONE);
	host.outer = outer;
	globals(inner);

	pal_v128 x = of(1, 2, 3, 4), result;
	outer_call_host(outer, &x, 3, &result);
	CHECK(is(&result, 14, 21, 32, 43) && host.calls == 4);
	outer_sum_of_pair(outer, &x, &result);
	CHECK(is(&result, 1002, 1004, 1006, 1008));
	/* mix(n, v, f, w) is n + v - (w + f); key is 1 2 3 4, own 5 0 6 0. */
	outer_mix_twice(outer, &x, &result);
	CHECK(is(&result, 100 + 9 - 8, 100 + 9 - 3, 100 + 9 - 9, 100 + 9 - 3));
	/* A result may lie where a parameter does. */
	outer_mix_twice(outer, &x, &x);
	CHECK(memcmp(&x, &result, 16) == 0);
	x = of(1, 2, 3, 4);

	struct outer_spread_results spread;
	outer_spread(outer, &x, &spread);
	CHECK(spread.r0 == 4 && spread.r2 == (3 | 4ll << 32) && is(&spread.r3, -2, -3, -4, -5));
	CHECK(is(&spread.r1, 4 << 24, 3 << 24, 2 << 24, 1 << 24));

	struct outer_many_results many;
	outer_many(outer, &x, &many);
	CHECK(many.r0 == 1 && is(&many.r1, 3, 4, 5, 6) && many.r2 == 3 && is(&many.r3, 5, 6, 7, 8) && many.r4 == 5);
	CHECK(is(&many.r5, 7, 8, 9, 10) && is(&many.r6, 8, 9, 10, 11) && is(&many.r7, 9, 10, 11, 12));
	CHECK(is(&many.r8, 10, 11, 12, 13) && many.r9 == 10);
	outer_sum_of_many(outer, &x, &result);
	CHECK(is(&result, 52 + 6, 52 + 12, 52 + 18, 52 + 24));

	outer_through_table(outer, &x, 0, &result);
	CHECK(is(&result, 2, 4, 6, 8));
	outer_through_table(outer, &x, 1, &result);
	CHECK(is(&result, -1, -2, -3, -4));
	outer_fold(outer, 5, &result);
	CHECK(is(&result, 4, 4, 4, 4));
	outer_frame_locals(outer, &x, &result);
	CHECK(is(&result, 5, 7, 9, 11));
	ends_of_memories();

	pal_outer_free(outer);
	pal_inner_free(inner);
	puts("all good");
	return 0;
}
