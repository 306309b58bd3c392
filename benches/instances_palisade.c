/* Makes and frees instances, then holds many at once: prints nanoseconds of each, and how many lived. */
#include "instances.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS 20000
#define LIVE 10000

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static struct instances *make(void)
{
	struct instances *instance;
	if (pal_instances_instantiate(&instance) != PAL_TRAP_NONE || instances_next(instance) != 1)
		exit(1);
	return instance;
}

int main(void)
{
	static struct instances *live[LIVE];
	double start = now();
	for (int i = 0; i < ROUNDS; i++)
		pal_instances_free(make());
	double each = (now() - start) / ROUNDS;
	start = now();
	for (int i = 0; i < LIVE; i++)
		live[i] = make();
	double held = (now() - start) / LIVE;
	for (int i = 0; i < LIVE; i++)
		if (instances_next(live[i]) != 2)
			return 1;
	for (int i = 0; i < LIVE; i++)
		pal_instances_free(live[i]);
	start = now();
	struct instances *one = make();
	for (int i = 0; i < ROUNDS * 100; i++)
		instances_next(one);
	printf("%.0f %.0f %.2f\n", each, held, (now() - start) / (ROUNDS * 100));
	return 0;
}
