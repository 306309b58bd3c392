/* Prints what one call takes, in ns: C function through a pointer, host to wasm, wasm to host, module to module. */
#include "calls.h"
#include "calls_other.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CALLS 20000000
struct env { int unused; };

__attribute__((noinline)) int32_t env_add(struct env *env, int32_t a, int32_t b)
{
	(void)env;
	return a + b;
}

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static int32_t (*volatile pointer)(struct env *, int32_t, int32_t) = env_add;

int main(void)
{
	struct env env = { 0 };
	struct calls_other *other;
	struct calls *calls;
	if (pal_calls_other_instantiate(&other) || pal_calls_instantiate(&calls, &env, other))
		return 1;
	int32_t sum = 0;
	double start = now();
	for (int32_t i = 0; i < CALLS; i++)
		sum = pointer(&env, sum, i);
	double by_pointer = now() - start;
	start = now();
	for (int32_t i = 0; i < CALLS; i++)
		sum = calls_add(calls, sum, i);
	double to_wasm = now() - start;
	start = now();
	sum += calls_to_host(calls, CALLS);
	double to_host = now() - start;
	start = now();
	sum += calls_to_module(calls, CALLS);
	double to_module = now() - start;
	printf("%f %f %f %f\n", by_pointer / CALLS, to_wasm / CALLS, to_host / CALLS, to_module / CALLS);
	return sum == 7;
}
