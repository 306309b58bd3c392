/* See pages.h. */
#include "pages.h"
#include "port.h"
#include <stdlib.h>
#include <string.h>

bool pal_pages_begin(struct pal_pages *pages, uint64_t end, struct pal_run first)
{
	pages->count = 0;
	pages->end = 0;
	if (!pal_pages_reserve(pages, 1))
		return false;
	first.from = 0;
	pages->runs[0] = first;
	pages->count = 1;
	pages->end = end;
	return true;
}

void pal_pages_drop(struct pal_pages *pages)
{
	free(pages->runs);
	memset(pages, 0, sizeof *pages);
}

bool pal_pages_reserve(struct pal_pages *pages, size_t changes)
{
	/* One change splits at most two runs. Counts are far below 2^59: each run is a range of pages. */
	size_t needed = pages->count + 2 * changes;
	if (needed <= pages->room)
		return true;
	size_t room = needed + needed / 2 + 4;
	struct pal_run *runs = realloc(pages->runs, room * sizeof *runs);
	if (runs == NULL)
		return false;
	pages->runs = runs;
	pages->room = room;
	return true;
}

size_t pal_pages_find(const struct pal_pages *pages, uint64_t page)
{
	size_t low = 0, high = pages->count; /* runs[low] begins at or before the page, runs[high] behind it */
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (pages->runs[middle].from <= page)
			low = middle;
		else
			high = middle;
	}
	return low;
}

uint64_t pal_pages_run_end(const struct pal_pages *pages, size_t index)
{
	return index + 1 < pages->count ? pages->runs[index + 1].from : pages->end;
}

bool pal_pages_part(const struct pal_pages *pages, size_t index, uint64_t from, uint64_t to, struct pal_run *part,
                    uint64_t *part_end)
{
	if (index >= pages->count || pages->runs[index].from >= to)
		return false;
	*part = pages->runs[index];
	uint64_t skipped = from > part->from ? from - part->from : 0;
	part->from += skipped;
	if (part->backing == PAL_BACKING_OBJECT)
		part->offset += skipped;
	uint64_t end = pal_pages_run_end(pages, index);
	*part_end = end < to ? end : to;
	return true;
}

/* Is `next` what `run` would go on as? */
static bool continues(const struct pal_run *run, const struct pal_run *next)
{
	if (run->backing != next->backing || run->access != next->access)
		return false;
	return run->backing != PAL_BACKING_OBJECT || run->offset + (next->from - run->from) == next->offset;
}

/* Makes a run begin at the page, unless it lies at or behind the end; gives its index, or the count. */
static size_t split(struct pal_pages *pages, uint64_t page)
{
	if (page >= pages->end)
		return pages->count;
	size_t at = pal_pages_find(pages, page);
	struct pal_run *run = &pages->runs[at];
	if (run->from == page)
		return at;
	memmove(run + 1, run, (pages->count - at) * sizeof *run);
	pages->count++;
	if (run->backing == PAL_BACKING_OBJECT)
		run[1].offset += page - run->from;
	run[1].from = page;
	return at + 1;
}

/* Joins run `index` with the one before it where they are alike. */
static void join(struct pal_pages *pages, size_t index)
{
	if (index == 0 || index >= pages->count || !continues(&pages->runs[index - 1], &pages->runs[index]))
		return;
	memmove(&pages->runs[index], &pages->runs[index + 1], (pages->count - index - 1) * sizeof *pages->runs);
	pages->count--;
}

void pal_pages_set(struct pal_pages *pages, uint64_t from, uint64_t to, struct pal_run what)
{
	if (from >= to)
		return;
	size_t first = split(pages, from);
	size_t behind = split(pages, to);
	if (to > pages->end)
		pages->end = to;
	what.from = from;
	/* [first, behind) becomes one run; there may be none yet, where the range begins at the end */
	size_t replaced = behind - first, moved = pages->count - behind;
	memmove(&pages->runs[first + 1], &pages->runs[behind], moved * sizeof *pages->runs);
	pages->runs[first] = what;
	pages->count = pages->count + 1 - replaced;
	join(pages, first + 1);
	join(pages, first);
}

void pal_pages_cut(struct pal_pages *pages, uint64_t end)
{
	while (pages->count > 1 && pages->runs[pages->count - 1].from >= end)
		pages->count--;
	pages->end = end;
}

bool pal_pages_copy(struct pal_pages *to, const struct pal_pages *from)
{
	struct pal_run *runs = malloc(from->count * sizeof *runs); /* the size of a part of an array that exists */
	if (runs == NULL)
		return false;
	memcpy(runs, from->runs, from->count * sizeof *runs);
	*to = (struct pal_pages){ runs, from->count, from->count, from->end };
	return true;
}

bool pal_pages_have(const struct pal_pages *pages, enum pal_backing backing)
{
	for (size_t i = 0; i < pages->count; i++)
		if (pages->runs[i].backing == backing)
			return true;
	return false;
}

bool pal_runs_show_same(const struct pal_run *a, const struct pal_run *b)
{
	return a->backing == b->backing && (a->backing != PAL_BACKING_OBJECT || a->offset == b->offset);
}

struct pal_run pal_pages_at(const struct pal_pages *pages, uint64_t page, uint64_t *end)
{
	struct pal_run part = { page, 0, PAL_BACKING_NONE, PAL_NONE };
	uint64_t part_end = *end;
	if (page < pages->end)
		pal_pages_part(pages, pal_pages_find(pages, page), page, *end, &part, &part_end);
	*end = part_end;
	return part;
}

size_t pal_page_bytes(uint64_t from, uint64_t to)
{
	return (to - from) * pal_port_page();
}
