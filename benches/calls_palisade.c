/* Prints what one call takes, in ns: C function through a pointer, host to wasm, wasm to host, module to module. */
#include "calls.h"
#include "calls_other.h"
#include "calls_rounds.h"

struct env { int unused; };

__attribute__((noinline)) int32_t env_add(struct env *env, int32_t a, int32_t b)
{
	(void)env;
	return a + b;
}

static int32_t (*volatile pointer)(struct env *, int32_t, int32_t) = env_add;
static struct env env;
static struct calls *calls;

static int32_t make_calls(int direction)
{
	int32_t sum = 0;
	switch (direction) {
	case 0:
		for (int32_t i = 0; i < CALLS; i++)
			sum = pointer(&env, sum, i);
		return sum;
	case 1:
		for (int32_t i = 0; i < CALLS; i++)
			sum = calls_add(calls, sum, i);
		return sum;
	case 2: return calls_to_host(calls, CALLS);
	default: return calls_to_module(calls, CALLS);
	}
}

int main(void)
{
	struct calls_other *other;
	if (pal_calls_other_instantiate(&other) || pal_calls_instantiate(&calls, &env, other))
		return 1;
	return measure(ROUNDS);
}
