/* Which pages differ from what a version has: see version.h. */
#include "image.h"
#include "saved.h"
#include "suspect.h"
#include "version.h"
#include <stdlib.h>
#include <string.h>

/* The version's bytes of a page, where `saved` is what its list, or a later one's, has of it. */
static bool read_version(const struct pal_version *version, uint64_t page, const struct pal_saved *saved, uint8_t *to)
{
	uint64_t end = page + 1;
	bool mapped = pal_pages_at(&version->pages, page, &end).backing != PAL_BACKING_NONE;
	if (mapped && saved == NULL)
		return pal_image_read(version->memory->image, page, to);
	if (mapped && !saved->zero)
		memcpy(to, saved->bytes, pal_port_page());
	else
		memset(to, 0, pal_port_page());
	return true;
}

/* 1: the page has other bytes now; 0: it has not; -1: that can't be told. Pages that are not mapped are zeros. */
static int differs(const struct pal_version *version, uint64_t page, const struct pal_saved *saved, struct pal_buffers buffers)
{
	const struct pal_memory *memory = version->memory;
	uint64_t end = page + 1;
	bool mapped = pal_pages_at(&memory->pages, page, &end).backing != PAL_BACKING_NONE;
	const uint8_t *now = buffers.now;
	if (mapped)
		now = pal_image_look(memory, page, buffers.now);
	else
		memset(buffers.now, 0, pal_port_page());
	if (now == NULL || !read_version(version, page, saved, buffers.old))
		return -1;
	return memcmp(now, buffers.old, pal_port_page()) != 0;
}

/* Adds the pages that are mapped only now, or only in the version. */
static bool add_mapped(const struct pal_version *version, struct pal_suspects *suspects)
{
	const struct pal_pages *now = &version->memory->pages, *then = &version->pages;
	uint64_t last = now->end > then->end ? now->end : then->end, end;
	for (uint64_t page = 0; page < last; page = end) {
		end = last;
		enum pal_backing a = pal_pages_at(now, page, &end).backing, b = pal_pages_at(then, page, &end).backing;
		/* fresh pages are among the suspects already, as far as they may be anything but zero */
		bool only_now = b == PAL_BACKING_NONE && a == PAL_BACKING_IMAGE;
		bool only_then = a == PAL_BACKING_NONE && b != PAL_BACKING_NONE;
		if ((only_now || only_then) && !pal_suspects_add(suspects, (struct pal_suspect){ page, end, 0, false }))
			return false;
	}
	return true;
}

static int compare_suspects(const void *a, const void *b)
{
	const struct pal_suspect *x = a, *y = b;
	return x->from < y->from ? -1 : x->from > y->from;
}

/* All pages that may differ, ascending. */
static bool find_candidates(const struct pal_version *version, const struct pal_changes *changes, struct pal_suspects *suspects)
{
	const struct pal_memory *memory = version->memory;
	for (size_t i = 0; i < memory->pages.count; i++)
		if (!pal_suspects_add_run(suspects, memory, &memory->pages.runs[i], pal_pages_run_end(&memory->pages, i)))
			return false;
	/* To be written is not to differ where the page may also have been read from nothing. */
	for (size_t i = 0; i < suspects->count; i++)
		if (memory->pages.runs[pal_pages_find(&memory->pages, suspects->list[i].from)].backing != PAL_BACKING_IMAGE)
			suspects->list[i].written = false;
	for (size_t i = 0; i < changes->count; i++) {
		uint64_t page = changes->list[i].saved->page;
		if (!pal_suspects_add(suspects, (struct pal_suspect){ page, page + 1, 0, false }))
			return false;
	}
	if (!add_mapped(version, suspects))
		return false;
	if (suspects->count > 1 && (changes->count > 0 || !pal_version_is_alike(version)))
		qsort(suspects->list, suspects->count, sizeof *suspects->list, compare_suspects);
	return true;
}

/* The pages that were found: their addresses. */
struct found {
	uint64_t *pages;
	size_t count, room;
};

static bool add_found(struct found *found, uint64_t page)
{
	if (found->count == found->room) {
		size_t room = found->room * 2 + 512;
		uint64_t *pages = realloc(found->pages, room * sizeof *pages);
		if (pages == NULL)
			return false;
		found->pages = pages;
		found->room = room;
	}
	found->pages[found->count++] = page * pal_port_page();
	return true;
}

static pal_status compare(const struct pal_version *version, const struct pal_changes *changes,
                          const struct pal_suspects *suspects, struct pal_buffers buffers, struct found *found)
{
	size_t change = 0;
	uint64_t next = 0; /* suspects may overlap */
	for (size_t i = 0; i < suspects->count; i++) {
		const struct pal_suspect *suspect = &suspects->list[i];
		for (uint64_t page = suspect->from > next ? suspect->from : next; page < suspect->to; page++, next = page) {
			while (change < changes->count && changes->list[change].saved->page < page)
				change++;
			bool changed = change < changes->count && changes->list[change].saved->page == page;
			const struct pal_saved *saved = changed ? changes->list[change].saved : NULL;
			int result = suspect->written ? 1 : differs(version, page, saved, buffers);
			if (result < 0)
				return PAL_E_OS;
			if (result > 0 && !add_found(found, page))
				return PAL_E_NOMEM;
		}
	}
	return PAL_OK;
}

static pal_status list_dirty(const struct pal_version *version, struct found *found)
{
	struct pal_suspects suspects = { NULL, 0, 0 };
	struct pal_changes changes = { NULL, 0 };
	struct pal_buffers buffers;
	if (!pal_buffers_get(&buffers))
		return PAL_E_NOMEM;
	pal_status status = PAL_E_NOMEM;
	if (pal_changes_find(&changes, version) && find_candidates(version, &changes, &suspects))
		status = compare(version, &changes, &suspects, buffers, found);
	pal_changes_drop(&changes);
	free(suspects.list);
	free(buffers.now);
	return status;
}

pal_status pal_version_dirty(const struct pal_version *version, uint64_t *pages, uint64_t *count)
{
	struct found found = { NULL, 0, 0 };
	pal_lock(&version->memory->lock);
	pal_status status = list_dirty(version, &found);
	pal_unlock(&version->memory->lock);
	if (status == PAL_OK && found.count > *count)
		status = PAL_E_ROOM;
	else if (status == PAL_OK && found.count > 0)
		memcpy(pages, found.pages, found.count * sizeof *pages);
	if (status == PAL_OK || status == PAL_E_ROOM)
		*count = found.count;
	free(found.pages);
	return status;
}
