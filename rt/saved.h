/* Pages that were saved: ascending lists, which can be joined without asking for memory. */
#ifndef PAL_SAVED_H
#define PAL_SAVED_H
#include <stdbool.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

struct pal_saved {
	struct pal_saved *next;
	uint64_t page;
	bool zero;       /* then there are no bytes */
	uint8_t bytes[]; /* a host page */
};

/* Copies a page; NULL: no memory. */
struct pal_saved *pal_saved_new(uint64_t page, const uint8_t *bytes);
void pal_saved_drop(struct pal_saved *);
/* Adds to `list` what it has not; the rest of `other` goes. */
void pal_saved_join(struct pal_saved **list, struct pal_saved *other);
/* Where in the list a page is, or would be: *it is that page's, a later one or NULL. The search begins at `list`, which
 * may be the place found for an earlier page. */
struct pal_saved **pal_saved_find(struct pal_saved **list, uint64_t page);
/* Is all of a host page zero? */
bool pal_page_is_zero(const uint8_t *bytes);

#pragma GCC visibility pop
#endif
