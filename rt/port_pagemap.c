/* Which pages of private mappings were written: Linux's page map, part of port.h. The ioctl is Linux 6.7's; before it the
 * file is read, which takes eight bytes a page. Emulators and sandboxes may show something else under that name, so what
 * it says of a few pages of our own decides whether it is believed. */
#include "port.h"

#ifdef __linux__
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum method { UNKNOWN, SCAN, READ, NONE };

/* Of the search in one page map. */
struct search {
	int file;
	uintptr_t from; /* address that pages are counted from */
	struct pal_extent *found;
	int count, room;
	uint64_t clean; /* pages since the last extent */
};

/* Pages [from, to) of what is searched are known to the CPU. False: no room for another extent. */
static bool add(struct search *search, uint64_t from, uint64_t to, bool written)
{
	if (!written) {
		search->clean += to - from;
		return true;
	}
	struct pal_extent *last = search->count ? &search->found[search->count - 1] : NULL;
	if (last && last->to == from && search->clean == 0) {
		last->to = to;
		return true;
	}
	if (search->count == search->room)
		return false;
	search->found[search->count++] = (struct pal_extent){ from, to, search->clean };
	search->clean = 0;
	return true;
}

/* ---- The ioctl ---- */

/* As in linux/fs.h of Linux 6.7. */
struct scan_region {
	uint64_t start, end, categories;
};
struct scan {
	uint64_t size, flags, start, end, walk_end, regions, region_count, max_pages;
	uint64_t inverted, all_of, any_of, returned;
};
#define SCAN_REQUEST _IOWR('f', 16, struct scan)
enum { IS_FILE = 1 << 2, IS_PRESENT = 1 << 3, IS_SWAPPED = 1 << 4 };
enum { REGIONS = 512 };

static bool scan(struct search *search, size_t bytes, size_t *done)
{
	struct scan_region regions[REGIONS];
	size_t page = pal_port_page();
	*done = 0;
	while (*done < bytes && search->count < search->room) {
		int left = search->room - search->count; /* a region is at most one extent: what was looked at is never lost */
		struct scan request = {
			.size = sizeof request, .start = search->from + *done, .end = search->from + bytes,
			.regions = (uintptr_t)regions, .region_count = left < REGIONS ? (uint64_t)left : REGIONS,
			.any_of = IS_PRESENT | IS_SWAPPED, .returned = IS_FILE,
		};
		int count = ioctl(search->file, SCAN_REQUEST, &request);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return false;
		for (int i = 0; i < count; i++) {
			uint64_t from = (regions[i].start - search->from) / page, to = (regions[i].end - search->from) / page;
			add(search, from, to, !(regions[i].categories & IS_FILE));
		}
		*done = request.walk_end - search->from;
	}
	return true;
}

/* ---- The file ---- */

enum { WORDS = 512 };
#define WORD_PRESENT ((uint64_t)1 << 63)
#define WORD_SWAPPED ((uint64_t)1 << 62)
#define WORD_FILE ((uint64_t)1 << 61)

static bool read_words(struct search *search, size_t bytes, size_t *done)
{
	uint64_t words[WORDS];
	size_t page = pal_port_page();
	*done = 0;
	while (*done < bytes) {
		size_t left = (bytes - *done) / page, wanted = left < WORDS ? left : WORDS;
		ssize_t got = pread(search->file, words, wanted * 8, (off_t)((search->from + *done) / page * 8));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 8)
			return false;
		uint64_t first = *done / page;
		for (uint64_t i = 0; i < (uint64_t)got / 8; i++) {
			if (!(words[i] & (WORD_PRESENT | WORD_SWAPPED)))
				continue;
			if (!add(search, first + i, first + i + 1, !(words[i] & WORD_FILE))) {
				*done = (first + i) * page;
				return true;
			}
		}
		*done += (uint64_t)got / 8 * page;
	}
	return true;
}

static int find(enum method method, const void *at, size_t bytes, struct pal_extent *found, int room, size_t *done)
{
	/* opened each time: after a fork an old descriptor would show the parent's pages */
	struct search search = { open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC), (uintptr_t)at, found, 0, room, 0 };
	if (search.file < 0)
		return -1;
	bool good = method == SCAN ? scan(&search, bytes, done) : read_words(&search, bytes, done);
	close(search.file);
	return good ? search.count : -1;
}

/* ---- Is it to be believed? ---- */

enum { PROBED = 8 };

/* Of the pages 1, 2 and 5 were written, 3 was read. */
static bool tells(enum method method, const uint8_t *at)
{
	struct pal_extent found[PROBED];
	size_t done, bytes = PROBED * pal_port_page();
	int count = find(method, at, bytes, found, PROBED, &done);
	return count == 2 && done == bytes && found[0].from == 1 && found[0].to == 3 && found[1].from == 5 && found[1].to == 6;
}

static enum method probe(void)
{
	size_t page = pal_port_page(), bytes = PROBED * page;
	enum method method = UNKNOWN; /* the next one may have more luck */
	int object = pal_port_object();
	volatile uint8_t *at = object >= 0 ? pal_port_reserve(bytes) : NULL;
	if (at && pal_port_object_size(object, bytes) && pal_port_map((void *)at, bytes, object, 0, 3, false)) {
		at[page] = at[2 * page] = at[5 * page] = 1;
		(void)at[3 * page];
		method = tells(SCAN, (const uint8_t *)at) ? SCAN : tells(READ, (const uint8_t *)at) ? READ : NONE;
	}
	if (at)
		pal_port_release((void *)at, bytes);
	if (object >= 0)
		pal_port_object_close(object);
	return method;
}

int pal_port_written(const void *at, size_t bytes, struct pal_extent *found, int room, size_t *done)
{
	static _Atomic int known;
	if (known == UNKNOWN)
		known = (int)probe();
	return known == SCAN || known == READ ? find((enum method)known, at, bytes, found, room, done) : -1;
}

#else

int pal_port_written(const void *at, size_t bytes, struct pal_extent *found, int room, size_t *done)
{
	(void)at, (void)bytes, (void)found, (void)room, (void)done;
	return -1;
}
#endif
