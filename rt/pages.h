/* What the host pages of a memory are: sorted runs. A memory whose pages were never asked for anything special has no
 * runs: it is accessible, anonymous pages up to its size. */
#ifndef PAL_PAGES_H
#define PAL_PAGES_H
#include "palisade.h"
#include <stdbool.h>

#pragma GCC visibility push(hidden)

enum pal_backing {
	PAL_BACKING_NONE,         /* unmapped: inaccessible, holds nothing */
	PAL_BACKING_ANONYMOUS,
	PAL_BACKING_OBJECT,       /* the memory's own object (pal_port_object), perhaps at several addresses */
	PAL_BACKING_FILE_PRIVATE,
	PAL_BACKING_FILE_SHARED,
	PAL_BACKING_IMAGE,        /* private pages of the memory's image (image.h), at the same place there */
};

/* Does nobody else see what is written to them? Those of files, which may end early, are not meant. */
static inline bool pal_backing_is_private(enum pal_backing backing)
{
	return backing == PAL_BACKING_ANONYMOUS || backing == PAL_BACKING_IMAGE;
}

struct pal_run {
	uint64_t from;   /* first page; the run ends where the next one begins */
	uint64_t offset; /* of that page in the object, in pages; else 0 */
	uint8_t backing; /* enum pal_backing */
	uint8_t access;  /* pal_prot; PAL_NONE where nothing is mapped */
};

struct pal_pages {
	struct pal_run *runs; /* the first one begins at page 0; NULL: see above */
	size_t count, room;
	uint64_t end;         /* pages in all */
};

/* Begins with one run. False: no memory for it. */
bool pal_pages_begin(struct pal_pages *, uint64_t end, struct pal_run);
void pal_pages_drop(struct pal_pages *);
/* Makes room for `changes` calls of pal_pages_set, which then can't fail. */
bool pal_pages_reserve(struct pal_pages *, size_t changes);
/* Pages [from, to) become `what`, whose `from` is set here. Goes beyond `end` where to > end >= from. */
void pal_pages_set(struct pal_pages *, uint64_t from, uint64_t to, struct pal_run what);
/* Ends at `end`, which is at most the end so far. */
void pal_pages_cut(struct pal_pages *, uint64_t end);
/* The same runs once more, `to` being empty. False: no memory for it. */
bool pal_pages_copy(struct pal_pages *to, const struct pal_pages *);
/* The index of the run that holds the page, which must be below `end`. */
size_t pal_pages_find(const struct pal_pages *, uint64_t page);
/* Where run `index` ends. */
uint64_t pal_pages_run_end(const struct pal_pages *, size_t index);
/* The part of a run inside [from, to): walks the runs of a range. `index`: where pal_pages_find found `from`, then the
 * next one; false behind the last one. */
bool pal_pages_part(const struct pal_pages *, size_t index, uint64_t from, uint64_t to, struct pal_run *part, uint64_t *part_end);
/* What pages [page, *end) are, `*end` being lowered to where that changes; nothing behind the last one. */
struct pal_run pal_pages_at(const struct pal_pages *, uint64_t page, uint64_t *end);
/* Is any page of that backing? */
bool pal_pages_have(const struct pal_pages *, enum pal_backing);
/* Do pages of both, where they begin alike, show the same, whatever may be done with them? */
bool pal_runs_show_same(const struct pal_run *, const struct pal_run *);
/* Bytes of pages [from, to), both of one memory: no more than its reservation has. */
size_t pal_page_bytes(uint64_t from, uint64_t to);

#pragma GCC visibility pop
#endif
