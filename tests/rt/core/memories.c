/* Memories, and copies from and to them. */
#define _GNU_SOURCE
#include "hand.h"
#include "guest_copy.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void test_memory(void)
{
	pal_memory *memory;
	pal_memory_options options = { .min_pages = 1, .max_pages = 3, .has_max = 1 };
	CHECK(pal_memory_new(&memory, &options) == PAL_OK && pal_memory_size(memory) == 65536);
	CHECK(pal_memory_is_guarded(memory));
	uint8_t *base = pal_memory_data(memory);
	base[65535] = 1;
	struct pal_view view = { 0 };
	pal_memory_attach(memory, &view);
	uint64_t old = 99;
	CHECK(pal_memory_grow(memory, 2, &old) == PAL_OK && old == 1 && view.size == 3 * 65536 && view.base == base);
	CHECK(pal_memory_grow(memory, 1, &old) == PAL_E_RANGE && old == 1 && pal_memory_size(memory) == 3 * 65536);
	CHECK(pal_memory_grow(memory, UINT64_MAX, &old) == PAL_E_RANGE);
	CHECK(base[65536] == 0 && base[3 * 65536 - 1] == 0);
	pal_memory_detach(memory, &view);
	CHECK(pal_memory_grow(memory, 0, &old) == PAL_OK && old == 3);
	pal_memory_free(memory);

	options = (pal_memory_options){ .min_pages = 2, .max_pages = 1, .has_max = 1 };
	CHECK(pal_memory_new(&memory, &options) == PAL_E_RANGE && memory == NULL);
	options = (pal_memory_options){ .min_pages = 65537 };
	CHECK(pal_memory_new(&memory, &options) == PAL_E_RANGE);
	options = (pal_memory_options){ .min_pages = (uint64_t)1 << 47, .index64 = 1 };
	CHECK(pal_memory_new(&memory, &options) == PAL_E_NOMEM);
	options = (pal_memory_options){ .min_pages = ((uint64_t)1 << 48) + 1, .index64 = 1 };
	CHECK(pal_memory_new(&memory, &options) == PAL_E_RANGE);
	options = (pal_memory_options){ .shared = 1 };
	CHECK(pal_memory_new(&memory, &options) == PAL_E_ARGUMENT);

	options = (pal_memory_options){ .min_pages = 0, .max_pages = 70000, .has_max = 1 };
	CHECK(pal_memory_new(&memory, &options) == PAL_OK && pal_memory_grow(memory, 65537, &old) == PAL_E_RANGE);
	pal_memory_free(memory);
}

/* Compact memories without a maximum move; views follow, bytes stay, fresh ones are zero. */
void test_memory_moves(void)
{
	pal_memory *memory;
	pal_memory_options options = { .compact = 1 };
	CHECK(pal_memory_new(&memory, &options) == PAL_OK && pal_memory_size(memory) == 0);
	CHECK(!pal_memory_is_guarded(memory) && pal_memory_data(memory) != NULL);
	struct pal_view view = { 0 };
	pal_memory_attach(memory, &view);
	for (uint64_t i = 0; i < 200; i++) {
		uint64_t old;
		CHECK(pal_memory_grow(memory, 1, &old) == PAL_OK && old == i);
		CHECK(view.size == (i + 1) * 65536 && view.base == pal_memory_data(memory));
		CHECK(view.base[i * 65536] == 0 && view.base[i * 65536 + 65535] == 0 && (i == 0 || view.base[i * 65536 - 65536] == i));
		view.base[i * 65536] = (uint8_t)(i + 1);
	}
	CHECK(pal_memory_grow(memory, (uint64_t)1 << 40, NULL) == PAL_E_RANGE);
	pal_memory_free(memory);

	/* one-byte pages */
	struct pal_memory_spec spec = { .minimum = 10, .maximum = UINT64_MAX, .page_log2 = 0 };
	CHECK(pal_memory_make(&memory, &spec) == PAL_OK && memory->size == 10);
	CHECK(pal_memory_grow(memory, UINT32_MAX - 9, NULL) == PAL_E_RANGE && pal_memory_grow(memory, 100000, NULL) == PAL_OK);
	CHECK(memory->size == 100010);
	memset(memory->base, 1, 100010);
	uint8_t byte;
	CHECK(pal_guest_read(memory, &byte, 100009, 1) && !pal_guest_read(memory, &byte, 100010, 1));
	pal_memory_free(memory);
	/* a maximum small enough to reserve: stays in place */
	spec = (struct pal_memory_spec){ .minimum = 1, .maximum = 100, .page_log2 = 16, .index64 = 1 };
	CHECK(pal_memory_make(&memory, &spec) == PAL_OK);
	uint8_t *base = memory->base;
	CHECK(pal_memory_grow(memory, 99, NULL) == PAL_OK && memory->base == base);
	memset(base, 7, 100 * 65536);
	pal_memory_free(memory);
}

void test_guest_copy(void)
{
	pal_memory *memory;
	pal_memory_options options = { .min_pages = 2, .max_pages = 2, .has_max = 1, .shared = 1 };
	CHECK(pal_memory_new(&memory, &options) == PAL_OK && memory->may_fault);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *base = pal_memory_data(memory), buffer[300];
	for (int i = 0; i < 300; i++)
		buffer[i] = (uint8_t)(i * 7);
	for (uint64_t size = 0; size < 300; size += 13) {
		memset(base, 0, 400);
		CHECK(pal_guest_write(memory, 3, buffer, size) && memcmp(base + 3, buffer, size) == 0 && base[3 + size] == 0);
	}
	CHECK(pal_guest_write(memory, 131072, NULL, 0) && !pal_guest_write(memory, 131073, buffer, 0));
	CHECK(!pal_guest_read(memory, buffer, 131072 - 299, 300) && !pal_guest_read(memory, buffer, UINT64_MAX, 2));
	CHECK(!pal_guest_read(memory, buffer, 1, UINT64_MAX));
	CHECK(mprotect(base + page, page, PROT_NONE) == 0);
	CHECK(pal_guest_read(memory, buffer, page - 300, 300));
	CHECK(!pal_guest_read(memory, buffer, page - 299, 300));
	CHECK(!pal_guest_write(memory, page - 100, buffer, 300));
	CHECK(!pal_guest_write(memory, 2 * page - 1, buffer, 1) && pal_guest_write(memory, 2 * page, buffer, 1));
	CHECK(mprotect(base + page, page, PROT_READ | PROT_WRITE) == 0);
	CHECK(base[page - 100] == buffer[0] && base[page - 1] == buffer[99] && base[page] == 0); /* as far as it went */
	CHECK(pal_guest_range(memory, 131072, 0, true) == base + 131072);
	CHECK(pal_guest_range(memory, 131072, 1, false) == NULL);
	pal_memory_free(memory);
}
