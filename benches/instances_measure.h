/* What instances_palisade.c, instances_wasm2c.c and instances_wasmtime.c measure, each with its own `handle`, make(),
 * next() and end(): instances made and freed, many held at once, and calls of one. */
#include <time.h>

#define LIVE 10000

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

/* Prints nanoseconds of each: made, called once and freed; made among those that live; called. */
static int measure(int rounds, int calls)
{
	static handle live[LIVE];
	double start = now();
	for (int i = 0; i < rounds; i++)
		end(make());
	double each = (now() - start) / rounds;
	start = now();
	for (int i = 0; i < LIVE; i++)
		live[i] = make();
	double held = (now() - start) / LIVE;
	for (int i = 0; i < LIVE; i++)
		if (next(&live[i]) != 2)
			return 1;
	for (int i = 0; i < LIVE; i++)
		end(live[i]);
	handle one = make();
	start = now();
	for (int i = 0; i < calls; i++)
		next(&one);
	printf("%.0f %.0f %.2f\n", each, held, (now() - start) / calls);
	return 0;
}
