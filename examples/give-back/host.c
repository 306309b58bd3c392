/* How much memory the process really has while a guest allocates and frees. */
#include "heap.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BLOCKS = 256, MIB = 1 << 20 };

static long resident(void)
{
	long all, resident = 0;
	FILE *statm = fopen("/proc/self/statm", "r");
	if (statm == NULL || fscanf(statm, "%ld %ld", &all, &resident) != 2)
		exit(2);
	fclose(statm);
	return resident * sysconf(_SC_PAGESIZE) / MIB;
}

int main(void)
{
	struct heap *heap;
	if (pal_heap_instantiate(&heap) != PAL_TRAP_NONE) {
		fprintf(stderr, "%s\n", pal_last_trap()->message);
		return 1;
	}
	int32_t blocks[BLOCKS];
	long before = resident();
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < BLOCKS; i++) {
			blocks[i] = heap_allocate(heap, MIB);
			heap_fill(heap, blocks[i], 1, MIB);
		}
		printf("%d MiB allocated: %ld MiB more resident\n", BLOCKS, resident() - before);
		for (int i = BLOCKS - 1; i >= 0; i--)
			heap_release(heap, blocks[i]);
		printf("all released: %ld MiB more resident\n", resident() - before);
	}
	pal_heap_free(heap);
	return 0;
}
