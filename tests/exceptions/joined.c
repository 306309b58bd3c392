/* Exceptions between modules that the linker joins, and what the host sees of those that nobody catches. */
#include "hub.h"
#include "user.h"
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef _WIN32
#include <windows.h>
#include <psapi.h>
#else
#include <sys/resource.h>
#endif
#include <time.h>

struct env {
	struct user *user;
	pal_tag *mine;
	pal_trap relayed;
};

static int cleanups;
static char object;

pal_tag *env_mine(struct env *env) { return env->mine; }
pal_exnref env_keep(struct env *env, pal_exnref exnref)
{
	(void)env;
	CHECK(exnref.ref);
	return exnref;
}

static void again(void *env) { user_again(((struct env *)env)->user, 7); }

void env_relay(struct env *env, int32_t how)
{
	if (how == 0)
		again(env); /* no handler of the guest's beyond this function is asked: the innermost pal_try gets it */
	env->relayed = pal_try(again, env);
	cleanups++;
}

static void across(void *env) { user_across_the_host(((struct env *)env)->user, 0); }
static void named(void *env) { user_named(((struct env *)env)->user); }
static void throw_mine(void *env) { user_throw_mine(((struct env *)env)->user); }
static void throw_null(void *env) { user_throw_given(((struct env *)env)->user, (pal_exnref){ NULL }); }
static void throw_made_up(void *env) { user_throw_given(((struct env *)env)->user, (pal_exnref){ &object }); }

static void catching(struct env *env, struct hub *hub)
{
	struct user *user = env->user;
	struct user_catch_results caught;
	user_catch(user, 5, (pal_externref){ &object }, &caught);
	CHECK(caught.r0 == 1005 && caught.r1.ref == &object);
	CHECK(hub_last(hub) == 5); /* the handler has written to its own memory */
	CHECK(user_legacy_catch(user, 6, (pal_externref){ NULL }) == 1006);
	CHECK(*user_handled(user) == 2);
	CHECK(user_mine(user, INT64_C(-5000000000)) == INT64_C(-5000000000));
	CHECK(user_through_the_host(user, 9) == 9);
}

static void uncaught(struct env *env)
{
	CHECK(pal_try(named, env) == PAL_TRAP_UNCAUGHT_EXCEPTION);
	CHECK(strcmp(pal_last_trap()->message, "uncaught exception: tag 2 of module \"user\"") == 0);
	CHECK(pal_last_trap()->function && strcmp(pal_last_trap()->function, "named") == 0);
	CHECK(pal_last_trap()->offset > 0);
	CHECK(pal_try(throw_mine, env) == PAL_TRAP_UNCAUGHT_EXCEPTION);
	CHECK(strcmp(pal_last_trap()->message, "uncaught exception: tag \"mine\" of module \"user\"") == 0);
	CHECK(pal_try(throw_null, env) == PAL_TRAP_NULL_REFERENCE);
	CHECK(pal_try(throw_made_up, env) == PAL_TRAP_NULL_REFERENCE);
}

static void the_host_between(struct env *env)
{
	user_across_the_host(env->user, 1);
	CHECK(env->relayed == PAL_TRAP_UNCAUGHT_EXCEPTION && cleanups == 1);
	CHECK(strcmp(pal_last_trap()->message, "uncaught exception: tag \"error\" of module \"hub\"") == 0);
	CHECK(pal_try(across, env) == PAL_TRAP_UNCAUGHT_EXCEPTION && cleanups == 1);
}

/* A tag of another type is found when instances are made. */
static void linking(struct hub *hub)
{
	struct env env = { 0 };
	struct user *user;
	const pal_value_type types[] = { PAL_I64, PAL_I32 }, wrong = (pal_value_type)1;
	CHECK(pal_tag_new(&env.mine, types, 2) == PAL_OK);
	CHECK(pal_user_instantiate(&user, hub, &env) == PAL_TRAP_LINK && user == NULL);
	CHECK(strcmp(pal_last_trap()->message,
	             "module \"user\": import \"env\" \"mine\": expected tag (i64) -> (), but it is tag (i64, i32) -> ()") == 0);
	pal_tag_free(env.mine);
	CHECK(pal_tag_new(&env.mine, &wrong, 1) == PAL_E_ARGUMENT && env.mine == NULL);
	CHECK(pal_user_instantiate(&user, hub, &env) == PAL_TRAP_LINK); /* not given */
	/* any tag of the right type will do, but hub's "error" is of another */
	env.mine = hub_error(hub);
	CHECK(pal_user_instantiate(&user, hub, &env) == PAL_TRAP_LINK);
}

/* The most there ever was, in KiB. */
static long resident(void)
{
#ifdef _WIN32
	PROCESS_MEMORY_COUNTERS usage;
	CHECK(K32GetProcessMemoryInfo(GetCurrentProcess(), &usage, sizeof usage));
	return (long)(usage.PeakWorkingSetSize / 1024);
#else
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
#endif
}

static void measure(const char *what, int64_t (*rounds)(struct user *, int32_t, int32_t), struct user *user, int32_t n,
                    int32_t frames)
{
	struct timespec start, end;
	CHECK(rounds(user, 1000, frames) == 1000);
	long before = resident();
	clock_gettime(CLOCK_MONOTONIC, &start);
	CHECK(rounds(user, n, frames) == n);
	clock_gettime(CLOCK_MONOTONIC, &end);
	double ns = (double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec);
	fprintf(stderr, "%-26s across %2d frames: %4.0f ns a round\n", what, frames + 1, ns / n);
	CHECK(resident() - before < 8192);
}

int main(int argc, char **argv)
{
	int32_t n = argc > 1 ? atoi(argv[1]) : 100000;
	struct hub *hub;
	struct env env = { 0 };
	const pal_value_type i64 = PAL_I64;
	CHECK(pal_hub_instantiate(&hub) == PAL_TRAP_NONE);
	linking(hub);
	CHECK(pal_tag_new(&env.mine, &i64, 1) == PAL_OK);
	CHECK(pal_user_instantiate(&env.user, hub, &env) == PAL_TRAP_NONE);
	for (int round = 0; round < 2; round++)
		catching(&env, hub), *user_handled(env.user) = 0;
	uncaught(&env);
	the_host_between(&env);
	for (int32_t frames = 0; frames < 10; frames += 9) {
		measure("try_table, throw", user_rounds, env.user, n, frames);
		measure("catch_ref, throw_ref", user_rounds_ref, env.user, n, frames);
		measure("legacy, with a rethrow", user_rounds_legacy, env.user, n, frames);
	}
	pal_user_free(env.user);
	pal_hub_free(hub);
	pal_tag_free(env.mine);
	puts("all good");
	return 0;
}
