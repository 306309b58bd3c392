/* The image of a memory, and its versions: what snapshots are made of.
 *
 * The image is an object that holds the memory's bytes as they were when it was last brought up to date: page i of the
 * memory is page i there, and is a private mapping of it until it is written. So the OS knows what was written since
 * (pal_port_written), and has the old bytes at hand.
 *
 * A version is a moment of the memory. The versions of a memory are a list; each one has the pages in which it differs
 * from the next one, and the newest has those in which it differs from the image. What a version held at a page is found
 * at the first one from it on that has this page; else it is in the image. Restoring a version makes it the newest: the
 * image then holds it. */
#ifndef PAL_IMAGE_H
#define PAL_IMAGE_H
#include "memory.h"

#pragma GCC visibility push(hidden)

struct pal_version;
struct pal_image;

/* All of these take the memory's lock. A version holds a reference to its memory. */
pal_status pal_version_take(struct pal_version **out, struct pal_memory *);
/* Makes the memory what it was. A failure changes nothing. */
pal_status pal_version_restore(struct pal_version *);
/* As pal_memory_dirty. */
pal_status pal_version_dirty(const struct pal_version *, uint64_t *pages, uint64_t *count);
void pal_version_drop(struct pal_version *);
struct pal_memory *pal_version_memory(const struct pal_version *);

/* The end of a memory that no version refers to. NULL is fine. */
void pal_image_drop(struct pal_image *);
/* Shows pages [from, to) of the memory, whose backing is the image, at another place, too, as they are now. */
bool pal_image_show(struct pal_memory *, uint64_t from, uint64_t to, uint8_t *at, pal_prot access);

#pragma GCC visibility pop
#endif
