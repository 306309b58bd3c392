/* What is done with the pages of 1 GiB: prints milliseconds of
 *   discard and touch by the guest, the same in C; the first snapshot; with every 100th page written: the list of
 *   them, restoring; taking another snapshot then; growing by 64 KiB GROWN times, and as many mprotects in C. */
#define _GNU_SOURCE
#include "pages.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define BYTES ((size_t)1 << 30)
#define PAGE 4096
#define STEP 100
#define ROUNDS 5
#define GROWN 1000

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void check(int good, const char *what)
{
	if (!good) {
		fprintf(stderr, "failed: %s\n", what);
		exit(1);
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static double median(double *times)
{
	qsort(times, ROUNDS, sizeof *times, compare);
	return times[ROUNDS / 2];
}

static void touch(volatile char *at, char value)
{
	for (size_t i = 0; i < BYTES; i += PAGE)
		at[i] = value;
}

/* What growing asks of the system. */
static double protect_one_by_one(void)
{
	size_t step = 64 << 10;
	char *raw = mmap(NULL, step * GROWN, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	check(raw != MAP_FAILED, "mmap");
	double start = now();
	for (size_t i = 0; i < GROWN; i++)
		check(mprotect(raw + i * step, step, PROT_READ | PROT_WRITE) == 0, "mprotect");
	double time = now() - start;
	munmap(raw, step * GROWN);
	return time;
}

int main(void)
{
	struct pages *guest;
	double ours[ROUNDS], theirs[ROUNDS], lists[ROUNDS], restores[ROUNDS], more[ROUNDS];
	check(pal_pages_instantiate(&guest) == PAL_TRAP_NONE, "instantiation");
	/* Where a memory lies, so that both have huge pages or neither. */
	char *raw = mmap(NULL, BYTES + ((size_t)3 << 30), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	check(raw != MAP_FAILED && mprotect(raw, BYTES, PROT_READ | PROT_WRITE) == 0, "mmap");
	pages_touch(guest, 1, 1);
	touch(raw, 1);
	for (int i = 0; i < ROUNDS; i++) {
		double start = now();
		pages_discard(guest);
		pages_touch(guest, 1, 2);
		double middle = now();
		check(madvise(raw, BYTES, MADV_DONTNEED) == 0, "madvise");
		touch(raw, 2);
		ours[i] = middle - start;
		theirs[i] = now() - middle;
	}
	munmap(raw, BYTES + ((size_t)3 << 30));
	pal_memory *memory = pages_memory(guest);
	pal_snapshot *first, *second;
	double start = now();
	check(pal_memory_snapshot(memory, &first) == PAL_OK, "snapshot");
	double taken = now() - start;
	uint64_t *pages = malloc(BYTES / PAGE * sizeof *pages);
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t count = BYTES / PAGE;
		pages_touch(guest, STEP, 3 + i);
		start = now();
		check(pal_memory_dirty(memory, first, pages, &count) == PAL_OK && count == BYTES / PAGE / STEP + 1, "dirty");
		double listed = now();
		check(pal_memory_restore(memory, first) == PAL_OK, "restore");
		lists[i] = listed - start;
		restores[i] = now() - listed;
		check(((char *)pal_memory_data(memory))[STEP * PAGE] == 2, "what it was");
	}
	for (int i = 0; i < ROUNDS; i++) {
		pages_touch(guest, STEP, 20 + i);
		start = now();
		check(pal_memory_snapshot(memory, &second) == PAL_OK, "second snapshot");
		more[i] = now() - start;
		pal_snapshot_free(second);
	}
	pal_snapshot_free(first);
	double grown[ROUNDS], protected[ROUNDS];
	for (int i = 0; i < ROUNDS; i++) {
		start = now();
		pages_grow(guest, GROWN);
		grown[i] = now() - start;
		protected[i] = protect_one_by_one();
	}
	printf("%f %f %f %f %f %f %f %f\n", median(ours), median(theirs), taken, median(lists), median(restores), median(more),
	       median(grown), median(protected));
	pal_pages_free(guest);
	return 0;
}
