/* Tail calls from one instance into another: two pairs of them. */
#include "far.h"
#include "near.h"
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct env {
	struct near *near;
};

/* Another instance's tail call, in the midst of one's own. */
int32_t env_host(struct env *env, int32_t x)
{
	return x > 3 ? near_table(env->near, x - 1, 2) + 1 : 500;
}

static void trap_there(void *near) { near_table(near, 1, 1); }
static void reference_to_nothing(void *near) { near_reference(near, 1, 7); }
static void entry_of_nothing(void *near) { near_table(near, 1, 7); }

static int32_t word(pal_memory *memory, size_t at)
{
	int32_t value;
	memcpy(&value, (char *)pal_memory_data(memory) + at, sizeof value);
	return value;
}

int main(void)
{
	struct env env[2];
	struct far *far[2];
	struct near *near[2];
	for (int i = 0; i < 2; i++) {
		CHECK(pal_far_instantiate(&far[i], &env[i]) == PAL_TRAP_NONE);
		CHECK(pal_near_instantiate(&near[i], far[i], &env[i]) == PAL_TRAP_NONE);
	}
	for (int i = 0; i < 2; i++)
		env[i].near = near[1 - i];
	for (int i = 0; i < 2; i++) {
		CHECK(near_import(near[i], 11) == 1011 && near_table(near[i], 12, 0) == 2012);
		CHECK(near_reference(near[i], 13, 0) == 3013);
		CHECK(*far_calls(far[i]) == 3 && word(far_memory(far[i]), 8) == 13 && word(near_memory(near[i]), 8) == 13);
	}
	/* Back and forth, each step a tail call out of its instance, to the end in the one or in the other. */
	CHECK(near_table(near[0], 1000, 3) == 3 + 501 && *far_calls(far[0]) == 504);
	CHECK(near_table(near[0], 1001, 3) == -1 && word(near_memory(near[0]), 16) == 0);
	CHECK(*far_calls(far[0]) == 504 + 501 && *far_calls(far[1]) == 3);
	/* Through the host into the other pair, and from there to the host. */
	CHECK(near_host(near[0], 4) == 501);
	CHECK(word(near_memory(near[0]), 8) == 4 && word(near_memory(near[1]), 8) == 3);
	/* A trap behind a tail call leaves nothing in disorder, nor does a null reference. */
	for (int i = 0; i < 2; i++) {
		CHECK(pal_try(trap_there, near[i]) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
		CHECK(pal_try(reference_to_nothing, near[i]) == PAL_TRAP_NULL_REFERENCE);
		CHECK(pal_try(entry_of_nothing, near[i]) == PAL_TRAP_INDIRECT_CALL_NULL);
		CHECK(near_import(near[1 - i], 21) % 1000 == 21 && word(near_memory(near[1 - i]), 8) == 21);
	}
	struct near_ten_results ten;
	*far_calls(far[1]) = 41;
	near_ten(near[1], &ten);
	CHECK(ten.r0 == 8 && ten.r1 == 7 && ten.r6 == 2 && ten.r7 == 1 && ten.r8 == 10 && ten.r9 == 42);
	for (int i = 0; i < 2; i++) {
		pal_far_free(far[i]);
		pal_near_free(near[i]);
	}
	puts("all good");
	return 0;
}
