/* Two modules joined by the linker, two pairs of instances, and a host that goes back and forth between them. */
#include "left.h"
#include "right.h"
#include "check.h"

#include <stdio.h>
#include <stdlib.h>

struct env {
	struct left *other_left;
	struct right *other_right;
	struct left *own;
	int traps;
};

static void fail_on_the_other(void *env) { left_fail_there(((struct env *)env)->other_left); }

int32_t env_call(struct env *env, int32_t x)
{
	if (x == -1)
		return left_grow(env->own, 3);
	right_set(env->other_right, x * 100);
	/* Another instance traps and is caught: it must not leave its memory behind for the one that goes on. */
	if (x % 3 == 0) {
		CHECK(pal_try(fail_on_the_other, env) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
		env->traps++;
	}
	/* And re-entry of the very instance that called. */
	CHECK(left_direct(env->own, 7, x) == x - 7);
	return right_get(env->other_right) / 100;
}

int main(void)
{
	struct env env[2] = {0};
	struct right *right[2];
	struct left *left[2];
	for (int i = 0; i < 2; i++) {
		CHECK(pal_right_instantiate(&right[i]) == PAL_TRAP_NONE);
		CHECK(pal_left_instantiate(&left[i], right[i], &env[i]) == PAL_TRAP_NONE);
	}
	for (int i = 0; i < 2; i++)
		env[i] = (struct env){left[1 - i], right[1 - i], left[i], 0};
	for (int i = 0; i < 2; i++) {
		CHECK(left_direct(left[i], 10 + i, 32) == 22 - i);
		CHECK(left_indirect(left[i], 3, 4 + i) == 4003 + 1000 * i);
	}
	CHECK(right_get(right[0]) == 4 && right_get(right[1]) == 5);
	CHECK(left_watch(left[0], 40) == 46 && *right_global(right[0]) == 41 && *right_global(right[1]) != 41);
	*right_global(right[1]) = 1000;
	CHECK(left_watch(left[1], 50) == 56);
	CHECK(left_loop(left[0], 9) == 45 + 9 * 7 && env[0].traps == 3);
	CHECK(left_loop(left[1], 3) == 6 + 3 * 7 && env[1].traps == 1);
	CHECK(left_grown(left[0]) == 3 && pal_memory_size(left_memory(left[0])) == 4 * 65536);
	CHECK(pal_memory_size(left_memory(left[1])) == 65536);
	/* An instance that others use lives until they are gone, whatever the order. */
	pal_right_free(right[0]);
	CHECK(left_direct(left[0], 1, 2) == 1);
	pal_left_free(left[1]);
	CHECK(right_get(right[1]) == 1);
	pal_right_free(right[1]);
	pal_left_free(left[0]);
	puts("all good");
	return 0;
}
