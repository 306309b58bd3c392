/* Allocation of many sizes, with growth of the memory, checked by sums over all bytes. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 1000 };
static unsigned char *block[BLOCKS];
static size_t size[BLOCKS];

static uint32_t random_state = 1;
static uint32_t next(void) { return random_state = random_state * 1664525 + 1013904223; }

int main(void)
{
	uint64_t sum = 0;
	for (int round = 0; round < 20000; round++) {
		int i = next() % BLOCKS;
		for (size_t j = 0; j < size[i]; j++)
			if (block[i][j] != (unsigned char)i)
				return 1;
		size_t wanted = next() % (round % 100 ? 300 : 200000);
		if (next() % 3 == 0) {
			free(block[i]);
			block[i] = wanted % 2 ? calloc(wanted, 1) : malloc(wanted);
		} else {
			block[i] = realloc(block[i], wanted);
		}
		if (wanted && !block[i])
			return 2;
		size[i] = wanted;
		memset(block[i], i, wanted);
		sum += wanted;
	}
	printf("%llu bytes in all\n", (unsigned long long)sum);
	char *big = malloc(300u << 20);
	if (!big)
		return 3;
	big[0] = 1;
	big[(300u << 20) - 1] = 2;
	printf("%d\n", big[0] + big[(300u << 20) - 1] + big[150 << 20]);
	return 0;
}
