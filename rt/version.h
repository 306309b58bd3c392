/* Versions of a memory: what snapshots hold of it.
 *
 * A version is a moment of the memory. The versions of a memory are a list; each one has the pages in which it differs
 * from the next one, and the newest has those in which it differs from the image (image.h). What a version held at a page
 * is found at the first one from it on that has this page; else it is in the image. Restoring a version makes it the
 * newest: the image then holds it. */
#ifndef PAL_VERSION_H
#define PAL_VERSION_H
#include "memory.h"

#pragma GCC visibility push(hidden)

struct pal_image;
struct pal_saved;

struct pal_version {
	struct pal_memory *memory;
	struct pal_version *older, *newer;
	struct pal_saved *saved; /* pages that the next version, or the image, has otherwise */
	uint64_t size;
	struct pal_pages pages;  /* their backing: none, image, object; in a version that only guards a restore also files */
};

/* These take the memory's lock. A version holds a reference to its memory. */
pal_status pal_version_take(struct pal_version **out, struct pal_memory *);
void pal_version_drop(struct pal_version *);
/* restore.c: makes the memory what it was. A failure changes nothing. */
pal_status pal_version_restore(struct pal_version *);
/* dirty.c: as pal_memory_dirty. */
pal_status pal_version_dirty(const struct pal_version *, uint64_t *pages, uint64_t *count);

/* The rest is for those two: under the lock. */

/* Takes one that holds no reference, and ends with pal_version_end. */
pal_status pal_version_begin(struct pal_version **out, struct pal_memory *);
void pal_version_end(struct pal_version *);
/* Makes it the newest; it must be in no list. */
void pal_version_append(struct pal_image *, struct pal_version *);
/* Takes it out of the list, with what the one before it needs of it. */
void pal_version_take_out(struct pal_image *, struct pal_version *);
/* Is the memory mapped as in the version? Then there are no fresh pages. */
bool pal_version_is_alike(const struct pal_version *);

/* A page in which a version differs from the image. */
struct pal_change {
	const struct pal_saved *saved; /* the version's page */
	uint64_t order;                /* of the version that has it in its list: the first one counts */
	struct pal_saved *old;         /* the image's page, for those who change it; else NULL */
};
struct pal_changes {
	struct pal_change *list; /* by page */
	size_t count;
};
/* False: no memory for the list. */
bool pal_changes_find(struct pal_changes *, const struct pal_version *);
void pal_changes_drop(struct pal_changes *);

#pragma GCC visibility pop
#endif
