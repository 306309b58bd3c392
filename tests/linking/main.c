/* Two instances of each module, joined in pairs. */
#include "the_x2D_store.h"
#include "user.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "line %d: not true: %s (%s)\n", __LINE__, #condition, pal_last_trap()->message); \
			exit(1); \
		} \
	} while (0)

typedef struct the_x2D_store store;

static void fail(void *user) { user_fail(user); }
static void send_too_far(void *user) { user_send(user, 5 * 65536 - 4, 100, 5); }

int main(void)
{
	store *s[2];
	struct user *u[2];
	for (int i = 0; i < 2; i++) {
		CHECK(pal_the_x2D_store_instantiate(&s[i]) == PAL_TRAP_NONE);
		CHECK(pal_user_instantiate(&u[i], s[i]) == PAL_TRAP_NONE);
	}
	user_send(u[0], 7, 100, 5);
	CHECK(the_x2D_store_peek(s[0], 8) == 'e' && the_x2D_store_peek(s[1], 8) == 0);
	user_receive(u[0], 65530, 8, 4);
	CHECK(user_peek(u[0], 65533) == 'o' && user_peek(u[1], 65533) == 0);
	/* Growing by one side is seen by the other, also through C. */
	pal_memory *memory = the_x2D_store_memory(s[1]);
	CHECK(user_grow(u[1]) == 2 && pal_memory_size(memory) == 3 * 65536);
	CHECK(pal_memory_grow(memory, 2, NULL) == PAL_OK && user_grow(u[1]) == -1);
	user_send(u[1], 5 * 65536 - 5, 100, 5);
	CHECK(the_x2D_store_peek(s[1], 5 * 65536 - 1) == 'o');
	CHECK(pal_try(send_too_far, u[1]) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	CHECK(user_sum(u[0]) == 9 + 6 + 42 + 1007 && *the_x2D_store_count(s[0]) == 6 && *the_x2D_store_count(s[1]) == 5);
	/* A trap in one module, caught beyond the other. */
	CHECK(pal_try(fail, u[0]) == PAL_TRAP_UNREACHABLE && strcmp(pal_last_trap()->function, "fail") == 0);
	/* The table of one holds functions of the other: both live until nobody has either. */
	pal_user_free(u[0]);
	CHECK(the_x2D_store_call(s[0], 1, 1) == 1001);
	pal_the_x2D_store_free(s[1]);
	CHECK(user_sum(u[1]) == 9 + 6 + 42 + 1007);
	pal_the_x2D_store_free(s[0]);
	pal_user_free(u[1]);
	puts("all good");
	return 0;
}
