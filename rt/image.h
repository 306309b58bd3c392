/* The image of a memory, what snapshots are made of: an object that holds the memory's bytes as they were when it was
 * last brought up to date. Page i of the memory is page i there, and is a private mapping of it until it is written. So
 * the OS knows what was written since (pal_port_written), and has the old bytes at hand. All of this happens under the
 * memory's lock. */
#ifndef PAL_IMAGE_H
#define PAL_IMAGE_H
#include "memory.h"

#pragma GCC visibility push(hidden)

/* Sums and products of pages here, in version.c, restore.c and dirty.c never wrap: a memory has at most 2^56 bytes
 * (memory.c, BYTES_MAX), its image no more pages than the memory ever had. */
struct pal_suspects;
struct pal_version;

struct pal_image {
	int object;
	uint64_t end; /* all pages of the object from here on are zero */
	struct pal_version *oldest, *newest; /* what they are: version.h */
};

/* The memory has an image of its size from now on, and runs. */
pal_status pal_image_begin(struct pal_memory *);
/* Brings the image up to date; the newest version saves what it had. A failure on the way leaves the memory's bytes, and
 * those of all versions, what they were. */
pal_status pal_image_update(struct pal_memory *);
/* The end of a memory that no version refers to. NULL is fine. */
void pal_image_drop(struct pal_image *);
/* Shows pages [from, to) of the memory, whose backing is the image, at another place, too, as they are now. */
bool pal_image_show(struct pal_memory *, uint64_t from, uint64_t to, uint8_t *at, pal_prot access);
/* The image's pages show again what it holds, whatever was written to them. */
void pal_image_forget(const struct pal_memory *, const struct pal_suspects *);

/* What the image has at a page. */
bool pal_image_read(const struct pal_image *, uint64_t page, uint8_t *to);
/* Makes it so. False: there is no memory, and the page may be in pieces. */
bool pal_image_write(struct pal_image *, uint64_t page, const uint8_t *from);
/* The same with any object. */
bool pal_image_put(int object, uint64_t page, const uint8_t *from);
/* A page of the memory as it is now: in place, or in `buffer`. NULL: it can't be had. */
const uint8_t *pal_image_look(const struct pal_memory *, uint64_t page, uint8_t *buffer);

/* Room for two pages; ends with free(now). */
struct pal_buffers {
	uint8_t *now, *old;
};
bool pal_buffers_get(struct pal_buffers *);

#pragma GCC visibility pop
#endif
