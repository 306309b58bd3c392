/* See image.h. */
#include "image.h"
#include "arch.h"
#include "mapping.h"
#include "saved.h"
#include "suspect.h"
#include "version.h"
#include <stdlib.h>
#include <string.h>

/* ---- The bytes of pages ---- */

bool pal_image_read(const struct pal_image *image, uint64_t page, uint8_t *to)
{
	size_t size = pal_port_page();
	if (page < image->end)
		return pal_port_object_read(image->object, page * size, to, size);
	memset(to, 0, size);
	return true;
}

bool pal_image_put(int object, uint64_t page, const uint8_t *from)
{
	size_t size = pal_port_page();
	if (pal_page_is_zero(from) && pal_port_object_clear(object, page * size, size))
		return true;
	return pal_port_object_put(object, page * size, from, size);
}

bool pal_image_write(struct pal_image *image, uint64_t page, const uint8_t *from)
{
	if (page >= image->end) {
		if (pal_page_is_zero(from))
			return true;
		image->end = page + 1; /* what lies between has never been written */
	}
	return pal_image_put(image->object, page, from);
}

/* Copies a page of a file, which may have become shorter than its mapping. */
static bool read_file_page(const struct pal_memory *memory, uint64_t page, uint8_t *to)
{
	return pal_copy_forward(to, pal_memory_page(memory, page), pal_port_page(), memory->base, memory->reach) == 0;
}

/* In place it is read more than once by those who ask. Nobody may write to the memory meanwhile; who does gets some mixture
 * of bytes in the snapshot, and nothing worse: no number is made of them. */
const uint8_t *pal_image_look(const struct pal_memory *memory, uint64_t page, uint8_t *buffer)
{
	const struct pal_run *run = &memory->pages.runs[pal_pages_find(&memory->pages, page)];
	size_t size = pal_port_page();
	uint8_t *at = pal_memory_page(memory, page);
	if (run->backing == PAL_BACKING_OBJECT) {
		uint64_t offset = run->offset + (page - run->from);
		return pal_port_object_read(memory->object, offset * size, buffer, size) ? buffer : NULL;
	}
	bool in_place = run->access != PAL_NONE;
	if (in_place && pal_backing_is_private(run->backing))
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

static void forget(const struct pal_memory *memory, uint64_t from, uint64_t to)
{
	uint8_t *at = pal_memory_page(memory, from);
	size_t size = pal_page_bytes(from, to), offset = from * pal_port_page();
	unsigned access = memory->pages.runs[pal_pages_find(&memory->pages, from)].access;
	if (pal_port_forget(at, size) || pal_port_map(at, size, memory->image->object, offset, access, false))
		return;
	/* Neither should fail: there is a mapping of the kind already. Then the bytes are put where they belong. */
	if (access != PAL_READ_WRITE && !pal_port_protect(at, size, PAL_READ_WRITE))
		return;
	for (uint64_t page = from; page < to; page++)
		pal_image_read(memory->image, page, pal_memory_page(memory, page));
	if (access != PAL_READ_WRITE)
		pal_port_protect(at, size, access);
}

/* One call for several suspects, where few pages between them must be found again that were only read. */
void pal_image_forget(const struct pal_memory *memory, const struct pal_suspects *suspects)
{
	enum { CLEAN_MOST = 8 };
	for (size_t i = 0; i < suspects->count; i++) {
		size_t last = i;
		while (last + 1 < suspects->count && suspects->list[last + 1].clean_before <= CLEAN_MOST)
			last++;
		forget(memory, suspects->list[i].from, suspects->list[last].to);
		i = last;
	}
}

bool pal_image_show(struct pal_memory *memory, uint64_t from, uint64_t to, uint8_t *at, pal_prot access)
{
	struct pal_suspects written = { NULL, 0, 0 };
	size_t page = pal_port_page();
	bool done = pal_suspects_add_written(&written, memory, from, to) &&
	            pal_port_map(at, pal_page_bytes(from, to), memory->image->object, from * page, PAL_READ_WRITE, false);
	for (size_t i = 0; done && i < written.count; i++)
		for (uint64_t p = written.list[i].from; done && p < written.list[i].to; p++) {
			uint8_t *target = at + pal_page_bytes(from, p);
			if (written.list[i].written || memcmp(target, pal_memory_page(memory, p), page) != 0)
				memcpy(target, pal_memory_page(memory, p), page);
		}
	free(written.list);
	return done && (access == PAL_READ_WRITE || pal_port_protect(at, pal_page_bytes(from, to), access));
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

pal_status pal_image_begin(struct pal_memory *memory)
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
	return pal_port_object_size(memory->image->object, pal_page_bytes(0, end)) ? PAL_OK : pal_memory_os_error();
}

bool pal_buffers_get(struct pal_buffers *buffers)
{
	buffers->now = malloc(2 * pal_port_page());
	buffers->old = buffers->now ? buffers->now + pal_port_page() : NULL;
	return buffers->now != NULL;
}

/* The image gets the memory's page; the newest version saves what it had, in *place, the end of the search so far. */
static pal_status save_page(struct pal_memory *memory, uint64_t page, struct pal_buffers buffers, struct pal_saved ***place)
{
	struct pal_image *image = memory->image;
	const uint8_t *now = pal_image_look(memory, page, buffers.now);
	if (now == NULL || !pal_image_read(image, page, buffers.old))
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
	if (!pal_image_write(image, page, now)) {
		pal_status status = pal_memory_os_error();
		pal_image_write(image, page, buffers.old); /* its memory is there */
		free(saved);
		return status;
	}
	if (saved) {
		saved->next = **place;
		**place = saved;
	}
	return PAL_OK;
}

static pal_status save_pages(struct pal_memory *memory, const struct pal_suspects *suspects)
{
	struct pal_buffers buffers;
	if (!pal_buffers_get(&buffers))
		return PAL_E_NOMEM;
	struct pal_saved **place = memory->image->newest ? &memory->image->newest->saved : NULL;
	pal_status status = PAL_OK;
	for (size_t i = 0; i < suspects->count; i++)
		for (uint64_t page = suspects->list[i].from; page < suspects->list[i].to && status == PAL_OK; page++)
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
		uint8_t *at = pal_memory_page(memory, run.from);
		if (!pal_port_map(at, pal_page_bytes(run.from, end), memory->image->object, offset, run.access, false))
			return pal_memory_os_error();
		run.backing = PAL_BACKING_IMAGE;
		pal_pages_set(pages, run.from, end, run);
		i = pal_pages_find(pages, run.from); /* it may have been joined with its neighbours */
	}
	return PAL_OK;
}

pal_status pal_image_update(struct pal_memory *memory)
{
	struct pal_suspects written = { NULL, 0, 0 }, others = { NULL, 0, 0 };
	bool found = true;
	for (size_t i = 0; found && i < memory->pages.count; i++) {
		const struct pal_run *run = &memory->pages.runs[i];
		struct pal_suspects *suspects = run->backing == PAL_BACKING_IMAGE ? &written : &others;
		if (run->backing != PAL_BACKING_FILE_SHARED)
			found = pal_suspects_add_run(suspects, memory, run, pal_pages_run_end(&memory->pages, i));
	}
	pal_status status = found ? save_pages(memory, &written) : PAL_E_NOMEM;
	if (status == PAL_OK)
		status = save_pages(memory, &others);
	if (status == PAL_OK)
		status = map_image(memory);
	if (status == PAL_OK)
		pal_image_forget(memory, &written);
	free(written.list);
	free(others.list);
	return status;
}
