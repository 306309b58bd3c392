/* See image.h. */
#include "image.h"
#include "budget.h"
#include "arch.h"
#include "mapping.h"
#include "saved.h"
#include <stdlib.h>
#include <string.h>

struct pal_image {
	int object;
	uint64_t end; /* all pages of the object from here on are zero */
	struct pal_version *oldest, *newest;
};

struct pal_version {
	struct pal_memory *memory;
	struct pal_version *older, *newer;
	struct pal_saved *saved; /* pages that the next version, or the image, has otherwise */
	uint64_t size;
	struct pal_pages pages;  /* their backing: none, image, object; in a version that only guards a restore also files */
};

static uint8_t *address(const struct pal_memory *memory, uint64_t page)
{
	return memory->base + page * pal_port_page(); /* a page of the memory's reservation */
}

static size_t bytes(uint64_t from, uint64_t to)
{
	return (to - from) * pal_port_page();
}

/* ---- Pages that may differ from the image ---- */

struct extent {
	uint64_t from, to;    /* pages, all of one run */
	uint64_t clean_before; /* see pal_extent; UINT64_MAX: the first one of its run */
	bool written;         /* the OS says so; else they must be compared */
};

struct extents {
	struct extent *list;
	size_t count, room;
};

static bool add_extent(struct extents *extents, struct extent extent)
{
	if (extent.from >= extent.to)
		return true;
	if (extents->count == extents->room) {
		size_t room = extents->room * 2 + 64;
		struct extent *list = realloc(extents->list, room * sizeof *list);
		if (list == NULL)
			return false;
		extents->list = list;
		extents->room = room;
	}
	extents->list[extents->count++] = extent;
	return true;
}

/* Adds what was written of pages [from, to) of one run, private ones. */
static bool add_written(const struct pal_memory *memory, struct extents *extents, uint64_t from, uint64_t to)
{
	enum { BATCH = 256 };
	struct pal_extent found[BATCH];
	bool first = true;
	while (from < to) {
		size_t done = 0;
		int count = pal_port_written(address(memory, from), bytes(from, to), found, BATCH, &done);
		if (count < 0 || done == 0)
			return add_extent(extents, (struct extent){ from, to, UINT64_MAX, false });
		for (int i = 0; i < count; i++, first = false) {
			uint64_t before = first ? UINT64_MAX : found[i].clean_before;
			if (!add_extent(extents, (struct extent){ from + found[i].from, from + found[i].to, before, true }))
				return false;
		}
		from += done / pal_port_page();
	}
	return true;
}

static bool is_private(enum pal_backing backing)
{
	return backing == PAL_BACKING_ANONYMOUS || backing == PAL_BACKING_IMAGE;
}

/* Adds the pages of a run that may differ from the image: of the image's own those that were written; of fresh ones,
 * which are zero until they are written, the same, unless the image may have something else at their place; of others,
 * all. */
static bool add_run(const struct pal_memory *memory, struct extents *extents, const struct pal_run *run, uint64_t end)
{
	uint64_t known = run->from;
	if (run->backing == PAL_BACKING_NONE)
		return true;
	if (!is_private(run->backing))
		known = end;
	else if (run->backing == PAL_BACKING_ANONYMOUS && memory->image->end > run->from)
		known = memory->image->end < end ? memory->image->end : end;
	return add_extent(extents, (struct extent){ run->from, known, UINT64_MAX, false }) &&
	       add_written(memory, extents, known, end);
}

/* All of one backing. */
static bool add_runs(const struct pal_memory *memory, struct extents *extents, enum pal_backing backing)
{
	for (size_t i = 0; i < memory->pages.count; i++)
		if (memory->pages.runs[i].backing == backing &&
		    !add_run(memory, extents, &memory->pages.runs[i], pal_pages_run_end(&memory->pages, i)))
			return false;
	return true;
}

/* ---- The bytes of pages ---- */

/* What the image has there. */
static bool read_image(const struct pal_image *image, uint64_t page, uint8_t *to)
{
	size_t size = pal_port_page();
	if (page < image->end)
		return pal_port_object_read(image->object, page * size, to, size);
	memset(to, 0, size);
	return true;
}

/* Writes a page of an object. False: there is no memory, and the page may be in pieces. */
static bool put_page(int object, uint64_t page, const uint8_t *from)
{
	size_t size = pal_port_page();
	if (pal_page_is_zero(from) && pal_port_object_clear(object, page * size, size))
		return true;
	return pal_port_object_put(object, page * size, from, size);
}

static bool write_image(struct pal_image *image, uint64_t page, const uint8_t *from)
{
	if (page >= image->end) {
		if (pal_page_is_zero(from))
			return true;
		image->end = page + 1; /* what lies between has never been written */
	}
	return put_page(image->object, page, from);
}

/* Where a saved page or a page of the image goes that is to be what it was. */
static bool write_saved(struct pal_image *image, const struct pal_saved *saved, uint8_t *buffer)
{
	if (!saved->zero)
		return write_image(image, saved->page, saved->bytes);
	memset(buffer, 0, pal_port_page());
	return write_image(image, saved->page, buffer);
}

/* Copies a page of a file, which may have become shorter than its mapping. */
static bool read_file_page(const struct pal_memory *memory, uint64_t page, uint8_t *to)
{
	return pal_copy_forward(to, address(memory, page), pal_port_page(), memory->base, memory->reach) == 0;
}

/* A page of the memory as it is now: in place, or in `buffer`. NULL: it can't be had. */
static const uint8_t *look(const struct pal_memory *memory, uint64_t page, uint8_t *buffer)
{
	const struct pal_run *run = &memory->pages.runs[pal_pages_find(&memory->pages, page)];
	size_t size = pal_port_page();
	uint8_t *at = address(memory, page);
	if (run->backing == PAL_BACKING_OBJECT) {
		uint64_t offset = run->offset + (page - run->from);
		return pal_port_object_read(memory->object, offset * size, buffer, size) ? buffer : NULL;
	}
	bool in_place = run->access != PAL_NONE;
	if (in_place && is_private(run->backing))
		return at;
	if (!in_place && !pal_port_protect(at, size, PAL_READ))
		return NULL;
	bool done = read_file_page(memory, page, buffer); /* careful copies do for others, too */
	/* As it was a moment ago: the mapping becomes part of its neighbours again. Being short of memory for a moment is no
	 * reason to leave it open. */
	if (!in_place && !pal_port_protect(at, size, PAL_NONE))
		pal_port_protect(at, size, PAL_NONE);
	return done ? buffer : NULL;
}

/* The image's pages show again what it holds, whatever was written to them. */
static void forget(const struct pal_memory *memory, uint64_t from, uint64_t to)
{
	uint8_t *at = address(memory, from);
	size_t size = bytes(from, to), offset = from * pal_port_page();
	unsigned access = memory->pages.runs[pal_pages_find(&memory->pages, from)].access;
	if (pal_port_forget(at, size) || pal_port_map(at, size, memory->image->object, offset, access, false))
		return;
	/* Neither should fail: there is a mapping of the kind already. Then the bytes are put where they belong. */
	if (access != PAL_READ_WRITE && !pal_port_protect(at, size, PAL_READ_WRITE))
		return;
	for (uint64_t page = from; page < to; page++)
		read_image(memory->image, page, address(memory, page));
	if (access != PAL_READ_WRITE)
		pal_port_protect(at, size, access);
}

/* One call for several extents, where few pages between them must be found again that were only read. */
static void forget_extents(const struct pal_memory *memory, const struct extents *extents)
{
	enum { CLEAN_MOST = 8 };
	for (size_t i = 0; i < extents->count; i++) {
		size_t last = i;
		while (last + 1 < extents->count && extents->list[last + 1].clean_before <= CLEAN_MOST)
			last++;
		forget(memory, extents->list[i].from, extents->list[last].to);
		i = last;
	}
}

bool pal_image_show(struct pal_memory *memory, uint64_t from, uint64_t to, uint8_t *at, pal_prot access)
{
	struct extents written = { NULL, 0, 0 };
	size_t page = pal_port_page();
	bool done = add_written(memory, &written, from, to) &&
	            pal_port_map(at, bytes(from, to), memory->image->object, from * page, PAL_READ_WRITE, false);
	for (size_t i = 0; done && i < written.count; i++)
		for (uint64_t p = written.list[i].from; done && p < written.list[i].to; p++) {
			uint8_t *target = at + bytes(from, p);
			if (written.list[i].written || memcmp(target, address(memory, p), page) != 0)
				memcpy(target, address(memory, p), page);
		}
	free(written.list);
	return done && (access == PAL_READ_WRITE || pal_port_protect(at, bytes(from, to), access));
}

/* ---- Bringing the image up to date ---- */

static struct pal_image *new_image(void)
{
	struct pal_image *image = calloc(1, sizeof *image);
	if (image == NULL)
		return NULL;
	image->object = pal_port_object();
	if (image->object >= 0)
		return image;
	free(image);
	return NULL;
}

void pal_image_drop(struct pal_image *image)
{
	if (image == NULL)
		return;
	pal_port_object_close(image->object);
	free(image);
}

/* The memory has an image of its size, and runs. */
static pal_status begin(struct pal_memory *memory)
{
	if (memory->pages.runs == NULL) {
		struct pal_run all = { 0, 0, PAL_BACKING_ANONYMOUS, PAL_READ_WRITE };
		if (!pal_pages_begin(&memory->pages, pal_page_round(memory->size) / pal_port_page(), all))
			return PAL_E_NOMEM;
	}
	if (memory->image == NULL)
		memory->image = new_image();
	if (memory->image == NULL)
		return pal_memory_os_error();
	uint64_t end = memory->pages.end > memory->image->end ? memory->pages.end : memory->image->end;
	return pal_port_object_size(memory->image->object, bytes(0, end)) ? PAL_OK : pal_memory_os_error();
}

/* Room for two pages. */
struct buffers {
	uint8_t *now, *old;
};

static bool get_buffers(struct buffers *buffers)
{
	buffers->now = malloc(2 * pal_port_page());
	buffers->old = buffers->now ? buffers->now + pal_port_page() : NULL;
	return buffers->now != NULL;
}

/* The image gets the memory's page; the newest version saves what it had, in *place, the end of the search so far. */
static pal_status save_page(struct pal_memory *memory, uint64_t page, struct buffers buffers, struct pal_saved ***place)
{
	struct pal_image *image = memory->image;
	const uint8_t *now = look(memory, page, buffers.now);
	if (now == NULL || !read_image(image, page, buffers.old))
		return PAL_E_OS;
	if (memcmp(now, buffers.old, pal_port_page()) == 0)
		return PAL_OK;
	struct pal_saved *saved = NULL;
	if (image->newest) {
		*place = pal_saved_find(*place, page);
		if (**place == NULL || (**place)->page != page) {
			saved = pal_saved_new(page, buffers.old);
			if (saved == NULL)
				return PAL_E_NOMEM;
		}
	}
	if (!write_image(image, page, now)) {
		pal_status status = pal_memory_os_error();
		write_image(image, page, buffers.old); /* its memory is there */
		free(saved);
		return status;
	}
	if (saved) {
		saved->next = **place;
		**place = saved;
	}
	return PAL_OK;
}

static pal_status save_extents(struct pal_memory *memory, const struct extents *extents)
{
	struct buffers buffers;
	if (!get_buffers(&buffers))
		return PAL_E_NOMEM;
	struct pal_saved **place = memory->image->newest ? &memory->image->newest->saved : NULL;
	pal_status status = PAL_OK;
	for (size_t i = 0; i < extents->count; i++)
		for (uint64_t page = extents->list[i].from; page < extents->list[i].to && status == PAL_OK; page++)
			status = save_page(memory, page, buffers, &place);
	free(buffers.now);
	return status;
}

/* Private pages that the image now has become the image's. Nothing is seen of that: so it may end half done. */
static pal_status map_image(struct pal_memory *memory)
{
	struct pal_pages *pages = &memory->pages;
	if (!pal_pages_reserve(pages, 1)) /* a run becomes another one: no more of them */
		return PAL_E_NOMEM;
	for (size_t i = 0; i < pages->count; i++) {
		struct pal_run run = pages->runs[i];
		uint64_t end = pal_pages_run_end(pages, i);
		if ((run.backing != PAL_BACKING_ANONYMOUS && run.backing != PAL_BACKING_FILE_PRIVATE) || run.from == end)
			continue;
		if (memory->image->end < end)
			memory->image->end = end;
		size_t offset = run.from * pal_port_page();
		if (!pal_port_map(address(memory, run.from), bytes(run.from, end), memory->image->object, offset, run.access, false))
			return pal_memory_os_error();
		run.backing = PAL_BACKING_IMAGE;
		pal_pages_set(pages, run.from, end, run);
		i = pal_pages_find(pages, run.from); /* it may have been joined with its neighbours */
	}
	return PAL_OK;
}

/* A failure on the way leaves the memory's bytes, and those of all versions, what they were. */
static pal_status update(struct pal_memory *memory)
{
	struct extents written = { NULL, 0, 0 }, others = { NULL, 0, 0 };
	bool found = true;
	for (size_t i = 0; found && i < memory->pages.count; i++) {
		const struct pal_run *run = &memory->pages.runs[i];
		if (run->backing != PAL_BACKING_FILE_SHARED)
			found = add_run(memory, run->backing == PAL_BACKING_IMAGE ? &written : &others, run,
			                pal_pages_run_end(&memory->pages, i));
	}
	pal_status status = found ? save_extents(memory, &written) : PAL_E_NOMEM;
	if (status == PAL_OK)
		status = save_extents(memory, &others);
	if (status == PAL_OK)
		status = map_image(memory);
	if (status == PAL_OK)
		forget_extents(memory, &written);
	free(written.list);
	free(others.list);
	return status;
}

/* ---- Versions ---- */

struct pal_memory *pal_version_memory(const struct pal_version *version)
{
	return version->memory;
}

static void append(struct pal_image *image, struct pal_version *version)
{
	version->older = image->newest;
	version->newer = NULL;
	*(image->newest ? &image->newest->newer : &image->oldest) = version;
	image->newest = version;
}

/* Takes a version out of the list, with what the one before it needs of it. */
static void take_out(struct pal_image *image, struct pal_version *version)
{
	*(version->older ? &version->older->newer : &image->oldest) = version->newer;
	*(version->newer ? &version->newer->older : &image->newest) = version->older;
	if (version->older)
		pal_saved_join(&version->older->saved, version->saved);
	else
		pal_saved_drop(version->saved);
	version->saved = NULL;
}

static void free_version(struct pal_version *version)
{
	pal_pages_drop(&version->pages);
	free(version);
}

static pal_status take(struct pal_version **out, struct pal_memory *memory)
{
	struct pal_version *version = calloc(1, sizeof *version);
	if (version == NULL)
		return PAL_E_NOMEM;
	pal_status status = begin(memory);
	if (status == PAL_OK)
		status = update(memory);
	if (status == PAL_OK && !pal_pages_copy(&version->pages, &memory->pages))
		status = PAL_E_NOMEM;
	if (status != PAL_OK) {
		free(version);
		return status;
	}
	version->memory = memory;
	version->size = memory->size;
	append(memory->image, version);
	*out = version;
	return PAL_OK;
}

static bool has(const struct pal_pages *pages, enum pal_backing backing)
{
	for (size_t i = 0; i < pages->count; i++)
		if (pages->runs[i].backing == backing)
			return true;
	return false;
}

/* The bytes of shared memories change while they are copied; those of the host, and of files that are shared, are not
 * ours to set back. */
static bool can_be_taken(const struct pal_memory *memory)
{
	return memory->layout != PAL_LAYOUT_WRAPPED && !memory->shared && !has(&memory->pages, PAL_BACKING_FILE_SHARED);
}

pal_status pal_version_take(struct pal_version **out, struct pal_memory *memory)
{
	pal_lock(&memory->lock);
	pal_status status = can_be_taken(memory) ? take(out, memory) : PAL_E_STATE;
	pal_unlock(&memory->lock);
	if (status == PAL_OK)
		pal_memory_retain(memory);
	return status;
}

void pal_version_drop(struct pal_version *version)
{
	struct pal_memory *memory = version->memory;
	pal_lock(&memory->lock);
	take_out(memory->image, version);
	pal_unlock(&memory->lock);
	free_version(version);
	pal_memory_free(memory);
}

/* ---- Where a version differs from the image ---- */

struct change {
	const struct pal_saved *saved; /* the version's page */
	uint64_t order;                /* of the version that has it in its list: the first one counts */
	struct pal_saved *old;         /* the image's page */
};

struct changes {
	struct change *list; /* by page */
	size_t count;
};

static int compare_changes(const void *a, const void *b)
{
	const struct change *x = a, *y = b;
	if (x->saved->page != y->saved->page)
		return x->saved->page < y->saved->page ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static bool find_changes(const struct pal_version *version, struct changes *changes)
{
	size_t count = 0;
	*changes = (struct changes){ NULL, 0 };
	for (const struct pal_version *v = version; v; v = v->newer)
		for (const struct pal_saved *saved = v->saved; saved; saved = saved->next)
			count++;
	if (count == 0)
		return true;
	struct change *list = malloc(count * sizeof *list);
	if (list == NULL)
		return false;
	count = 0;
	uint64_t order = 0;
	for (const struct pal_version *v = version; v; v = v->newer, order++)
		for (const struct pal_saved *saved = v->saved; saved; saved = saved->next)
			list[count++] = (struct change){ saved, order, NULL };
	qsort(list, count, sizeof *list, compare_changes);
	size_t kept = 0;
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || list[kept - 1].saved->page != list[i].saved->page)
			list[kept++] = list[i];
	*changes = (struct changes){ list, kept };
	return true;
}

/* The image's pages where it is going to change. */
static pal_status keep_old(const struct pal_image *image, struct changes *changes, uint8_t *buffer)
{
	for (size_t i = 0; i < changes->count; i++) {
		uint64_t page = changes->list[i].saved->page;
		if (!read_image(image, page, buffer))
			return PAL_E_OS;
		changes->list[i].old = pal_saved_new(page, buffer);
		if (changes->list[i].old == NULL)
			return PAL_E_NOMEM;
	}
	return PAL_OK;
}

static pal_status write_changes(struct pal_image *image, const struct changes *changes, uint8_t *buffer)
{
	for (size_t i = 0; i < changes->count; i++) {
		if (write_saved(image, changes->list[i].saved, buffer))
			continue;
		pal_status status = pal_memory_os_error();
		for (size_t done = 0; done <= i; done++)
			write_saved(image, changes->list[done].old, buffer);
		return status;
	}
	return PAL_OK;
}

/* Pages of the memory's object can be seen at several addresses: they are written, not mapped. */
static pal_status write_objects(struct pal_memory *memory, struct buffers buffers)
{
	for (size_t i = 0; i < memory->pages.count; i++) {
		const struct pal_run *run = &memory->pages.runs[i];
		uint64_t end = pal_pages_run_end(&memory->pages, i);
		for (uint64_t page = run->from; run->backing == PAL_BACKING_OBJECT && page < end; page++) {
			const uint8_t *now = look(memory, page, buffers.now);
			if (now == NULL || !read_image(memory->image, page, buffers.old))
				return PAL_E_OS;
			if (memcmp(now, buffers.old, pal_port_page()) != 0 &&
			    !put_page(memory->object, run->offset + (page - run->from), buffers.old))
				return pal_memory_os_error();
		}
	}
	return PAL_OK;
}

/* The image holds the version now, which becomes the newest one. */
static void become_newest(struct pal_image *image, struct pal_version *version, struct changes *changes)
{
	if (version == image->newest) {
		pal_saved_drop(version->saved);
		version->saved = NULL;
		return;
	}
	struct pal_saved **place = &image->newest->saved;
	for (size_t i = 0; i < changes->count; i++) {
		struct pal_saved *old = changes->list[i].old;
		place = pal_saved_find(place, old->page);
		if (*place && (*place)->page == old->page)
			continue;
		old->next = *place;
		*place = old;
		changes->list[i].old = NULL;
	}
	take_out(image, version);
	append(image, version);
}

static void drop_changes(struct changes *changes)
{
	for (size_t i = 0; i < changes->count; i++)
		free(changes->list[i].old);
	free(changes->list);
}

/* The memory, whose pages are mapped as the version has them, gets its bytes. A failure leaves the image as it was, and
 * the memory, if it has no pages of its object. */
static pal_status load(struct pal_version *version)
{
	struct pal_memory *memory = version->memory;
	struct pal_image *image = memory->image;
	struct extents written = { NULL, 0, 0 };
	struct buffers buffers;
	struct changes changes;
	if (!get_buffers(&buffers))
		return PAL_E_NOMEM;
	pal_status status = PAL_E_NOMEM;
	if (!find_changes(version, &changes) || !add_runs(memory, &written, PAL_BACKING_IMAGE))
		goto end;
	status = keep_old(image, &changes, buffers.now);
	if (status == PAL_OK)
		status = write_changes(image, &changes, buffers.now);
	if (status != PAL_OK)
		goto end;
	status = write_objects(memory, buffers);
	if (status == PAL_OK) {
		forget_extents(memory, &written);
		become_newest(image, version, &changes);
	} else {
		for (size_t i = 0; i < changes.count; i++)
			write_saved(image, changes.list[i].old, buffers.now); /* their memory is there */
	}
end:
	drop_changes(&changes);
	free(written.list);
	free(buffers.now);
	return status;
}

/* ---- Mapping the pages as a version has them ---- */

static bool is_same(const struct pal_run *a, const struct pal_run *b)
{
	return a->backing == b->backing && (a->backing != PAL_BACKING_OBJECT || a->offset == b->offset);
}

/* Is the memory mapped as in the version? Then there are no fresh pages. */
static bool is_alike(const struct pal_memory *memory, const struct pal_version *version)
{
	const struct pal_pages *a = &memory->pages, *b = &version->pages;
	if (memory->size != version->size || a->end != b->end || a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (a->runs[i].from != b->runs[i].from || a->runs[i].access != b->runs[i].access || !is_same(&a->runs[i], &b->runs[i]))
			return false;
	return true;
}

/* What pages [page, *end) are, `*end` being lowered to where that changes; nothing behind the last one. */
static struct pal_run part_at(const struct pal_pages *pages, uint64_t page, uint64_t *end)
{
	struct pal_run part = { page, 0, PAL_BACKING_NONE, PAL_NONE };
	uint64_t part_end = *end;
	if (page < pages->end)
		pal_pages_part(pages, pal_pages_find(pages, page), page, *end, &part, &part_end);
	*end = part_end;
	return part;
}

/* Pages [now->from, end) become `goal`. */
static bool shape_part(struct pal_memory *memory, const struct pal_run *now, const struct pal_run *goal, uint64_t end)
{
	uint8_t *at = address(memory, now->from);
	size_t size = bytes(now->from, end), offset = goal->from * pal_port_page();
	if (is_same(now, goal))
		return now->access == goal->access || pal_port_protect(at, size, goal->access);
	switch (goal->backing) {
	case PAL_BACKING_NONE: return pal_port_fresh(at, size, PAL_NONE);
	case PAL_BACKING_IMAGE: return pal_port_map(at, size, memory->image->object, offset, goal->access, false);
	case PAL_BACKING_OBJECT: return pal_memory_show_object(memory, goal->from, end, goal->offset, goal->access);
	default: return false; /* files: never, since they are not replaced where the way back may be taken */
	}
}

/* Maps pages [0, goal->end) as `goal` says, and what lies behind it not at all: the shared files' pages last, or all
 * others. Nothing that only the memory holds is lost, but for the files' mappings: therefore those are tried twice. */
static pal_status shape_some(struct pal_memory *memory, const struct pal_pages *goal, bool files)
{
	uint64_t last = goal->end > memory->pages.end ? goal->end : memory->pages.end, end;
	for (uint64_t page = 0; page < last; page = end) {
		end = last;
		struct pal_run wanted = part_at(goal, page, &end), now = part_at(&memory->pages, page, &end);
		if ((now.backing == PAL_BACKING_FILE_SHARED) != files)
			continue;
		if (!shape_part(memory, &now, &wanted, end) && !(files && shape_part(memory, &now, &wanted, end))) {
			pal_status status = pal_memory_os_error();
			if (is_same(&now, &wanted))
				pal_port_protect(address(memory, page), bytes(page, end), now.access); /* part of it may have been done */
			return status;
		}
		pal_pages_set(&memory->pages, page, end, wanted);
		if (now.backing == PAL_BACKING_OBJECT)
			pal_memory_release_object(memory, now.offset, end - page);
	}
	return PAL_OK;
}

static pal_status shape(struct pal_memory *memory, const struct pal_pages *goal, uint64_t size)
{
	if (!pal_pages_reserve(&memory->pages, memory->pages.count + goal->count + 1))
		return PAL_E_NOMEM;
	pal_status status = shape_some(memory, goal, false);
	if (status == PAL_OK)
		status = shape_some(memory, goal, true);
	if (status != PAL_OK)
		return status;
	pal_pages_cut(&memory->pages, goal->end);
	memory->size = size;
	return PAL_OK;
}

/* Restores a version where that takes more than forgetting what was written: the way back is a version, too. */
static pal_status restore_shape(struct pal_version *version)
{
	struct pal_memory *memory = version->memory;
	struct pal_version *before;
	pal_status status = take(&before, memory);
	if (status != PAL_OK)
		return status;
	status = shape(memory, &version->pages, version->size);
	if (status == PAL_OK)
		status = load(version);
	if (status != PAL_OK && shape(memory, &before->pages, before->size) == PAL_OK)
		load(before);
	take_out(memory->image, before);
	free_version(before);
	return status;
}

pal_status pal_version_restore(struct pal_version *version)
{
	struct pal_memory *memory = version->memory;
	pal_lock(&memory->lock);
	uint64_t before = memory->size, most = before > version->size ? before : version->size;
	pal_status status = pal_budget_take(memory->budget, PAL_MEMORY_BYTES, most - before) ? PAL_OK : PAL_E_NOMEM;
	if (status != PAL_OK)
		most = before;
	else if (!pal_memory_make_room(memory, version->size))
		status = PAL_E_NOMEM;
	if (status == PAL_OK)
		status = is_alike(memory, version) && !has(&memory->pages, PAL_BACKING_OBJECT) ? load(version) : restore_shape(version);
	pal_budget_give(memory->budget, PAL_MEMORY_BYTES, most - memory->size); /* it has either size now */
	pal_memory_update_views(memory);
	pal_unlock(&memory->lock);
	return status;
}

/* ---- Comparing ---- */

/* The version's bytes of a page, where `saved` is what its list, or a later one's, has of it. */
static bool read_version(const struct pal_version *version, uint64_t page, const struct pal_saved *saved, uint8_t *to)
{
	uint64_t end = page + 1;
	bool mapped = part_at(&version->pages, page, &end).backing != PAL_BACKING_NONE;
	if (mapped && saved == NULL)
		return read_image(version->memory->image, page, to);
	if (mapped && !saved->zero)
		memcpy(to, saved->bytes, pal_port_page());
	else
		memset(to, 0, pal_port_page());
	return true;
}

/* 1: the page has other bytes now; 0: it has not; -1: that can't be told. Pages that are not mapped are zeros. */
static int differs(const struct pal_version *version, uint64_t page, const struct pal_saved *saved, struct buffers buffers)
{
	const struct pal_memory *memory = version->memory;
	uint64_t end = page + 1;
	bool mapped = part_at(&memory->pages, page, &end).backing != PAL_BACKING_NONE;
	const uint8_t *now = buffers.now;
	if (mapped)
		now = look(memory, page, buffers.now);
	else
		memset(buffers.now, 0, pal_port_page());
	if (now == NULL || !read_version(version, page, saved, buffers.old))
		return -1;
	return memcmp(now, buffers.old, pal_port_page()) != 0;
}

/* Adds the pages that are mapped only now, or only in the version. */
static bool add_mapped(const struct pal_version *version, struct extents *extents)
{
	const struct pal_pages *now = &version->memory->pages, *then = &version->pages;
	uint64_t last = now->end > then->end ? now->end : then->end, end;
	for (uint64_t page = 0; page < last; page = end) {
		end = last;
		enum pal_backing a = part_at(now, page, &end).backing, b = part_at(then, page, &end).backing;
		/* fresh pages are among the extents already, as far as they may be anything but zero */
		bool only_now = b == PAL_BACKING_NONE && a == PAL_BACKING_IMAGE;
		bool only_then = a == PAL_BACKING_NONE && b != PAL_BACKING_NONE;
		if ((only_now || only_then) && !add_extent(extents, (struct extent){ page, end, 0, false }))
			return false;
	}
	return true;
}

static int compare_extents(const void *a, const void *b)
{
	const struct extent *x = a, *y = b;
	return x->from < y->from ? -1 : x->from > y->from;
}

/* All pages that may differ, ascending. */
static bool find_candidates(const struct pal_version *version, const struct changes *changes, struct extents *extents)
{
	const struct pal_memory *memory = version->memory;
	for (size_t i = 0; i < memory->pages.count; i++)
		if (!add_run(memory, extents, &memory->pages.runs[i], pal_pages_run_end(&memory->pages, i)))
			return false;
	/* To be written is not to differ where the page may also have been read from nothing. */
	for (size_t i = 0; i < extents->count; i++)
		if (memory->pages.runs[pal_pages_find(&memory->pages, extents->list[i].from)].backing != PAL_BACKING_IMAGE)
			extents->list[i].written = false;
	for (size_t i = 0; i < changes->count; i++) {
		uint64_t page = changes->list[i].saved->page;
		if (!add_extent(extents, (struct extent){ page, page + 1, 0, false }))
			return false;
	}
	if (!add_mapped(version, extents))
		return false;
	if (extents->count > 1 && (changes->count > 0 || !is_alike(memory, version)))
		qsort(extents->list, extents->count, sizeof *extents->list, compare_extents);
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

static pal_status compare(const struct pal_version *version, const struct changes *changes, const struct extents *extents,
                          struct buffers buffers, struct found *found)
{
	size_t change = 0;
	uint64_t next = 0; /* extents may overlap */
	for (size_t i = 0; i < extents->count; i++) {
		const struct extent *extent = &extents->list[i];
		for (uint64_t page = extent->from > next ? extent->from : next; page < extent->to; page++, next = page) {
			while (change < changes->count && changes->list[change].saved->page < page)
				change++;
			bool changed = change < changes->count && changes->list[change].saved->page == page;
			const struct pal_saved *saved = changed ? changes->list[change].saved : NULL;
			int result = extent->written ? 1 : differs(version, page, saved, buffers);
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
	struct extents extents = { NULL, 0, 0 };
	struct changes changes = { NULL, 0 };
	struct buffers buffers;
	if (!get_buffers(&buffers))
		return PAL_E_NOMEM;
	pal_status status = PAL_E_NOMEM;
	if (find_changes(version, &changes) && find_candidates(version, &changes, &extents))
		status = compare(version, &changes, &extents, buffers, found);
	drop_changes(&changes);
	free(extents.list);
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
