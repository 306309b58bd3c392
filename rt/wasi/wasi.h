/* A pal_wasi and its views; the grants a guest has. */
#ifndef PAL_WASI_WASI_H
#define PAL_WASI_WASI_H
#include "palisade.h"
#include "port.h"
#include <stdatomic.h>

/* Arguments or environment: `count` strings of `size` bytes in all, each with its NUL, one behind the other. */
struct pal_wasi_strings {
	uint32_t count, size; /* both fit what args_sizes_get can report */
	char *text;
};

struct pal_wasi {
	atomic_uint references; /* the maker's, and one per view */
	struct pal_wasi_strings arguments, environment;
	/* The descriptor table (descriptor.c); the lock is never held across a call that may block. */
	struct pal_lock lock;
	struct pal_wasi_file **slots; /* capacity of them; NULL: free */
	uint32_t capacity;
	uint32_t lowest; /* no slot below this one is free for new descriptors */
	uint32_t floor;  /* 3 if stdio was not all given: a file must not become somebody's stderr */
};

struct wasi_snapshot_preview1 {
	pal_wasi *wasi;
	pal_memory *memory; /* NULL until bound; then calls with pointers answer FAULT */
};

/* Called by instantiation, before the start function: tells a view (struct wasi_snapshot_preview1 *) its memory
 * (pal_memory *). NULL takes it away again. */
#pragma GCC visibility push(default)
void pal_wasi_bind(void *view, void *memory);
#pragma GCC visibility pop
#endif
