#include "large.h"

static struct large *large;
static uint64_t address;

static void load(void *arg) { (void)arg; large_load(large, (int64_t)address); }
static void store(void *arg) { (void)arg; large_store(large, (int64_t)address, -1); }
static void clear(void *arg) { (void)arg; large_clear(large, (int64_t)address, 8192); }

int main(void)
{
	const uint64_t gib = (uint64_t)1 << 30, end = 9 * gib;
	CHECK(pal_large_instantiate(&large) == PAL_TRAP_NONE);
	CHECK(large_grow(large) > 0);
	CHECK(pal_memory_size(large_memory(large)) == end);
	uint64_t sum = 0;
	for (uint64_t a = gib / 4; a < end; a += gib / 4)
		sum += a / 7;
	CHECK((uint64_t)large_spread(large) == sum);
	CHECK(large_distinct(large) == 159);
	CHECK(large_offset(large, 1024) == 77);
	CHECK(((unsigned char *)pal_memory_data(large_memory(large)))[6 * gib + 1025] == 77);
	CHECK(large_bulk(large) == 600);

	/* The last four bytes, and every way past them: the end, across it, far beyond, and where 64 bits wrap. */
	address = end - 4;
	CHECK(pal_try(load, NULL) == PAL_TRAP_NONE && pal_try(store, NULL) == PAL_TRAP_NONE);
	const uint64_t beyond[] = { end - 3, end, end + gib, 64 * gib, (uint64_t)1 << 47, (uint64_t)1 << 63, UINT64_MAX - 3, UINT64_MAX };
	for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++) {
		address = beyond[i];
		CHECK(pal_try(load, NULL) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
		CHECK(pal_try(store, NULL) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
		CHECK(pal_try(clear, NULL) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	}
	CHECK(large_load(large, (int64_t)(end - 4)) == -1); /* the clears across the end had no effect */
	pal_large_free(large);
	puts("all good");
	return 0;
}
