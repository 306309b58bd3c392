/* 64 threads, each making, calling, trapping in and freeing instances. */
#include "lib.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS = 64 };
static int rounds;

struct env {
	struct lib *instance;
	int calls;
};

int32_t env_callback(struct env *env, int32_t x)
{
	env->calls++;
	return x * 2;
}

static void trap(void *instance) { lib_trap(instance, 5); }

static void *work(void *failures)
{
	for (int i = 0; i < rounds; i++) {
		struct env env = { NULL, 0 };
		if (pal_lib_instantiate(&env.instance, &env) != PAL_TRAP_NONE) {
			++*(int *)failures;
			continue;
		}
		*(int *)failures += lib_outer(env.instance, i) != 3 * i + 1000 || env.calls != 1;
		*(int *)failures += pal_try(trap, env.instance) != PAL_TRAP_MEMORY_OUT_OF_BOUNDS;
		*(int *)failures += pal_last_trap()->address != 65541;
		*(int *)failures += lib_add(env.instance, i, 1) != i + 1;
		pal_lib_free(env.instance);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	static pthread_t threads[THREADS];
	static int failures[THREADS];
	rounds = argc > 1 ? atoi(argv[1]) : 1000;
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, work, &failures[i]) != 0)
			return 1;
	int all = 0;
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		all += failures[i];
	}
	puts(all ? "failures" : "all good");
	return all != 0;
}
