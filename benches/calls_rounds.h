/* What calls_palisade.c and calls_wasmtime.c measure: short rounds of each direction in turn, so that all meet the same
 * busy and quiet times of the machine, and their medians. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define DIRECTIONS 4
#define CALLS 50000
#define ROUNDS 401

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

/* Makes CALLS calls in a direction: C function through a pointer, host to wasm, wasm to host, module to module. */
static int32_t make_calls(int direction);

/* Prints what one call takes in each direction, in ns. */
static int measure(int rounds)
{
	static double times[DIRECTIONS][ROUNDS];
	int32_t sum = 0;
	for (int round = 0; round < rounds; round++)
		for (int i = 0; i < DIRECTIONS; i++) {
			double start = now();
			sum += make_calls(i);
			times[i][round] = (now() - start) / CALLS;
		}
	for (int i = 0; i < DIRECTIONS; i++) {
		qsort(times[i], (size_t)rounds, sizeof *times[i], compare);
		printf("%f ", times[i][rounds / 2]);
	}
	puts("");
	return sum == 7;
}
