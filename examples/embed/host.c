/* Prints the CRC-32 of standard input, computed by checksum.wat inside its sandbox. C11 and C++17. */
#include "checksum.h"
#include <stdio.h>
#include <string.h>

/* What the module imports as "env" is the host's: any struct it likes. */
struct env {
	uint64_t bytes;
};

void env_progress(struct env *env, int32_t size)
{
	env->bytes += (uint32_t)size;
}

static void read_too_far(void *checksum)
{
	checksum_update((struct checksum *)checksum, 0, 1 << 30);
}

int main(void)
{
	struct env env = { 0 };
	struct checksum *checksum;
	if (pal_checksum_instantiate(&checksum, &env) != PAL_TRAP_NONE) {
		fprintf(stderr, "%s\n", pal_last_trap()->message);
		return 1;
	}
	pal_memory *memory = checksum_memory(checksum);
	char *buffer = (char *)pal_memory_data(memory) + *checksum_buffer(checksum);
	int32_t crc = 0;
	size_t size;
	while ((size = fread(buffer, 1, 65536, stdin)) > 0)
		crc = checksum_update(checksum, crc, (int32_t)size);
	printf("%08x %llu bytes\n", (unsigned)crc, (unsigned long long)env.bytes);
	/* A module's mistake ends the module's call, not the host. */
	if (pal_try(read_too_far, checksum) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS)
		printf("caught: %s\n", pal_last_trap()->message);
	pal_checksum_free(checksum);
	return 0;
}
