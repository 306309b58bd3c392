/* An ordinary C program, compiled to WebAssembly with a C library: arguments, output, clock, random numbers, a heap. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

int main(int argc, char **argv)
{
	struct timespec now;
	unsigned char random[16] = { 0 };
	int count = argc > 1 ? atoi(argv[1]) : 0;
	int *numbers = malloc((size_t)count * sizeof *numbers);
	for (int i = 0; i < count; i++)
		numbers[i] = (int)((unsigned)i * 2654435761u >> 8);
	qsort(numbers, (size_t)count, sizeof *numbers, compare);
	printf("report: %d numbers, the median is %d\n", count, numbers[count / 2]);
	printf("report: the clock %s, random numbers %s\n", clock_gettime(CLOCK_MONOTONIC, &now) == 0 ? "runs" : "is missing",
	       getentropy(random, sizeof random) == 0 ? "come" : "are missing");
	free(numbers);
	return 7;
}
