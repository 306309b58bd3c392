/* Imported functions, called in all ways; two pairs of instances, which call each other in the midst of it. */
#include "here.h"
#include "there.h"
#include "check.h"
#include <string.h>

struct env {
	struct here *here, *other;
	int32_t visits;
	double more;
};

double env_wide(struct env *env, PARAMS)
{
	env->visits++;
	return (SUM) + env->more;
}

int32_t env_visit(struct env *env, int32_t x)
{
	env->visits++;
	if (x == 0)
		return here_fail(env->here, 0);
	if (x == 7)
		return here_along(env->other, 6) + here_caught(env->here, 5, 0) + (int32_t)here_direct(env->other, 0);
	return 100 * x;
}

static int32_t word(pal_memory *memory)
{
	int32_t value;
	memcpy(&value, (char *)pal_memory_data(memory) + 8, sizeof value);
	return value;
}

static void fail_behind_the_host(void *here) { here_along(here, 0); }
static void fail_in_a_try(void *here) { here_caught(here, 0, 1); }
static void fail_there(void *here) { here_fail(here, 0); }
static void go_down(void *here) { here_down(here, 0); }

int main(int argc, char **argv)
{
	static const double sum = TOTAL;
	struct env env[2] = { { .more = 10000 }, { .more = 20000 } };
	struct there *there[2];
	struct here *here[2];
	for (int i = 0; i < 2; i++) {
		CHECK(pal_there_instantiate(&there[i], &env[i]) == PAL_TRAP_NONE);
		CHECK(pal_here_instantiate(&here[i], there[i], &env[i]) == PAL_TRAP_NONE);
	}
	for (int i = 0; i < 2; i++) {
		env[i].here = here[i];
		env[i].other = here[1 - i];
	}
	(void)argv;
	if (argc > 1)
		fail_behind_the_host(here[0]); /* nobody catches it: the report names the way */
	for (int i = 0; i < 2; i++) {
		double theirs = sum + 1, hosts = sum + env[i].more; /* the first argument is 1 */
		CHECK(here_direct(here[i], 0) == theirs && here_direct(here[i], 1) == hosts);
		CHECK(here_by_table(here[i], 0) == theirs && here_by_table(here[i], 1) == hosts);
		CHECK(here_by_reference(here[i], 0) == theirs && here_by_reference(here[i], 1) == hosts);
		CHECK(here_by_tail(here[i], 0) == theirs && here_by_tail(here[i], 1) == hosts);
		CHECK(here_theirs_again(here[i], VALUES) == theirs && here_hosts_again(here[i], VALUES) == hosts);
		CHECK(*there_calls(there[i]) == 5 && env[i].visits == 5);
	}
	for (int i = 0; i < 2; i++) {
		env[0].visits = env[1].visits = 0;
		/* 6: 606; the exception's 15; a sum from the other pair. */
		CHECK(here_along(here[i], 7) == 606 + 15 + (int32_t)sum + 1 + 7);
		CHECK(env[i].visits == 1 && env[1 - i].visits == 1);
		CHECK(word(here_memory(here[i])) == 7 && word(there_memory(there[i])) == 7);
		CHECK(word(there_memory(there[1 - i])) == 1);
		CHECK(here_caught(here[i], 7, 1) == 21 && here_caught(here[i], 9, 0) == 27 && *here_own(here[i]) == 27);
	}
	for (int i = 0; i < 2; i++) {
		/* here, there, the host, here, there: and nothing is in disorder behind it. */
		CHECK(pal_try(fail_behind_the_host, here[i]) == PAL_TRAP_INTEGER_DIVIDE_BY_ZERO);
		CHECK(strcmp(pal_last_trap()->function, "fail_there") == 0);
		CHECK(pal_try(fail_in_a_try, here[i]) == PAL_TRAP_INTEGER_DIVIDE_BY_ZERO);
		CHECK(pal_try(fail_there, here[i]) == PAL_TRAP_INTEGER_DIVIDE_BY_ZERO);
		CHECK(here_along(here[i], 3) == 303 && here_fail(here[i], 1) == 2);
		CHECK(pal_try(go_down, here[i]) == PAL_TRAP_STACK_OVERFLOW);
		CHECK(here_direct(here[1 - i], 1) == sum + env[1 - i].more && here_by_table(here[i], 0) == sum + 1);
	}
	for (int i = 0; i < 2; i++) {
		pal_here_free(here[i]);
		pal_there_free(there[i]);
	}
	puts("all good");
	return 0;
}
