/* Pages of a memory that may differ from its image (image.h): those that the OS says were written, and those that only a
 * comparison can tell of. */
#ifndef PAL_SUSPECT_H
#define PAL_SUSPECT_H
#include "memory.h"

#pragma GCC visibility push(hidden)

struct pal_suspect {
	uint64_t from, to;     /* pages, all of one run */
	uint64_t clean_before; /* see pal_extent; UINT64_MAX: the first one of its run */
	bool written;          /* the OS says so; else they must be compared */
};

/* Begins as all zero; ends with free(list). */
struct pal_suspects {
	struct pal_suspect *list;
	size_t count, room;
};

/* All of these: false if there is no memory for the list. Under the memory's lock; it has an image. */
bool pal_suspects_add(struct pal_suspects *, struct pal_suspect);
/* Adds what was written of pages [from, to) of one run, private ones. */
bool pal_suspects_add_written(struct pal_suspects *, const struct pal_memory *, uint64_t from, uint64_t to);
/* Adds the pages of a run that may differ from the image. */
bool pal_suspects_add_run(struct pal_suspects *, const struct pal_memory *, const struct pal_run *, uint64_t end);
/* Adds those of all runs of one backing. */
bool pal_suspects_add_runs(struct pal_suspects *, const struct pal_memory *, enum pal_backing);

#pragma GCC visibility pop
#endif
