/* One thread grows the memory, others use what is new at once; none sees it shrink. */
#include "guest.h"
#include <stdatomic.h>

enum { READERS = 4, PAGES = 200 };

/* Asked each time: LLVM takes __builtin_wasm_memory_size for a value that stays. */
static size_t pages(void)
{
	size_t pages;
	__asm__ volatile("memory.size 0\n\tlocal.set %0" : "=r"(pages));
	return pages;
}

static _Atomic uint32_t latest; /* address of a page's last word */

static void read(void *arg)
{
	(void)arg;
	size_t before = 0;
	uint32_t at;
	do {
		size_t now = pages();
		CHECK(now >= before);
		before = now;
		at = atomic_load(&latest);
		if (at > 1)
			CHECK(*(uint32_t *)(uintptr_t)at == at && pages() > at >> 16);
	} while (at != 1);
}

static void watch(void *arg)
{
	size_t wanted = (size_t)(uintptr_t)arg;
	while (pages() < wanted)
		; /* without anything else that could tell */
}

EXPORT("_start") void start(void)
{
	static struct thread readers[READERS], watcher;
	size_t first = pages();
	for (int i = 0; i < READERS; i++)
		thread_start(&readers[i], read, 0);
	thread_start(&watcher, watch, (void *)(first + PAGES));
	for (int i = 0; i < PAGES; i++) {
		size_t old = __builtin_wasm_memory_grow(0, 1);
		CHECK(old != SIZE_MAX);
		uint32_t at = (uint32_t)(old << 16) + 65532;
		*(uint32_t *)(uintptr_t)at = at;
		atomic_store(&latest, at);
	}
	thread_join(&watcher);
	atomic_store(&latest, 1);
	for (int i = 0; i < READERS; i++)
		thread_join(&readers[i]);
	CHECK(__builtin_wasm_memory_grow(0, 70000) == SIZE_MAX);
	print("grown\n");
}
