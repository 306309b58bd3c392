/* Going back to a version: see version.h. */
#include "budget.h"
#include "image.h"
#include "mapping.h"
#include "saved.h"
#include "suspect.h"
#include "version.h"
#include <stdlib.h>
#include <string.h>

/* ---- The bytes ---- */

/* Where a saved page or a page of the image goes that is to be what it was. */
static bool write_saved(struct pal_image *image, const struct pal_saved *saved, uint8_t *buffer)
{
	if (!saved->zero)
		return pal_image_write(image, saved->page, saved->bytes);
	memset(buffer, 0, pal_port_page());
	return pal_image_write(image, saved->page, buffer);
}

/* The image's pages where it is going to change. */
static pal_status keep_old(const struct pal_image *image, struct pal_changes *changes, uint8_t *buffer)
{
	for (size_t i = 0; i < changes->count; i++) {
		uint64_t page = changes->list[i].saved->page;
		if (!pal_image_read(image, page, buffer))
			return PAL_E_OS;
		changes->list[i].old = pal_saved_new(page, buffer);
		if (changes->list[i].old == NULL)
			return PAL_E_NOMEM;
	}
	return PAL_OK;
}

static pal_status write_changes(struct pal_image *image, const struct pal_changes *changes, uint8_t *buffer)
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

/* A page of the memory's object gets what the image has at `page`. */
static pal_status write_object(struct pal_memory *memory, uint64_t offset, uint64_t page, struct pal_buffers buffers)
{
	size_t size = pal_port_page();
	if (!pal_port_object_read(memory->object, offset * size, buffers.now, size) ||
	    !pal_image_read(memory->image, page, buffers.old))
		return PAL_E_OS;
	if (memcmp(buffers.now, buffers.old, size) == 0 || pal_image_put(memory->object, offset, buffers.old))
		return PAL_OK;
	return pal_memory_os_error();
}

/* Pages of the memory's object can be seen at several addresses: they are written, not mapped; also those of the version
 * that are yet to be shown where a file is. */
static pal_status write_objects(const struct pal_version *version, struct pal_buffers buffers)
{
	pal_status status = PAL_OK;
	for (size_t i = 0; i < version->pages.count; i++) {
		const struct pal_run *run = &version->pages.runs[i];
		uint64_t end = run->backing == PAL_BACKING_OBJECT ? pal_pages_run_end(&version->pages, i) : run->from;
		for (uint64_t page = run->from; page < end && status == PAL_OK; page++)
			status = write_object(version->memory, run->offset + (page - run->from), page, buffers);
	}
	return status;
}

/* The image holds the version now, which becomes the newest one. */
static void become_newest(struct pal_image *image, struct pal_version *version, struct pal_changes *changes)
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
	pal_version_take_out(image, version);
	pal_version_append(image, version);
}

/* The memory, whose pages are mapped as the version has them, but for those of shared files, gets its bytes. A failure
 * leaves the image as it was, and the memory, if it has no pages of its object. */
static pal_status load(struct pal_version *version)
{
	struct pal_memory *memory = version->memory;
	struct pal_image *image = memory->image;
	struct pal_suspects written = { NULL, 0, 0 };
	struct pal_buffers buffers;
	struct pal_changes changes;
	if (!pal_buffers_get(&buffers))
		return PAL_E_NOMEM;
	pal_status status = PAL_E_NOMEM;
	if (!pal_changes_find(&changes, version) || !pal_suspects_add_runs(&written, memory, PAL_BACKING_IMAGE))
		goto end;
	status = keep_old(image, &changes, buffers.now);
	if (status == PAL_OK)
		status = write_changes(image, &changes, buffers.now);
	if (status != PAL_OK)
		goto end;
	status = write_objects(version, buffers);
	if (status == PAL_OK) {
		pal_image_forget(memory, &written);
		become_newest(image, version, &changes);
	} else {
		for (size_t i = 0; i < changes.count; i++)
			write_saved(image, changes.list[i].old, buffers.now); /* their memory is there */
	}
end:
	pal_changes_drop(&changes);
	free(written.list);
	free(buffers.now);
	return status;
}

/* ---- Mapping the pages as a version has them ---- */

/* Pages [now->from, end) become `goal`. */
static bool shape_part(struct pal_memory *memory, const struct pal_run *now, const struct pal_run *goal, uint64_t end)
{
	uint8_t *at = pal_memory_page(memory, now->from);
	size_t size = pal_page_bytes(now->from, end), offset = goal->from * pal_port_page();
	if (pal_runs_show_same(now, goal))
		return now->access == goal->access || pal_port_protect(at, size, goal->access);
	switch (goal->backing) {
	case PAL_BACKING_NONE: return pal_port_fresh(at, size, PAL_NONE);
	case PAL_BACKING_IMAGE: return pal_port_map(at, size, memory->image->object, offset, goal->access, false);
	case PAL_BACKING_OBJECT: return pal_memory_show_object(memory, goal->from, end, goal->offset, goal->access);
	default: return false; /* files: never, since they are not replaced where the way back may be taken */
	}
}

/* Maps pages [0, goal->end) as `goal` says, and what lies behind it not at all: the shared files' pages, or all others.
 * Nothing that only the memory holds is lost, but for the files' mappings: therefore they come when all else is done, and
 * are tried twice. Room for the runs was reserved. */
static pal_status shape(struct pal_memory *memory, const struct pal_pages *goal, bool files)
{
	uint64_t last = goal->end > memory->pages.end ? goal->end : memory->pages.end, end;
	for (uint64_t page = 0; page < last; page = end) {
		end = last;
		struct pal_run wanted = pal_pages_at(goal, page, &end), now = pal_pages_at(&memory->pages, page, &end);
		if ((now.backing == PAL_BACKING_FILE_SHARED) != files)
			continue;
		if (!shape_part(memory, &now, &wanted, end) && !(files && shape_part(memory, &now, &wanted, end))) {
			pal_status status = pal_memory_os_error();
			if (pal_runs_show_same(&now, &wanted)) /* part of it may have been done */
				pal_port_protect(pal_memory_page(memory, page), pal_page_bytes(page, end), now.access);
			return status;
		}
		pal_pages_set(&memory->pages, page, end, wanted);
		if (now.backing == PAL_BACKING_OBJECT)
			pal_memory_release_object(memory, now.offset, end - page);
	}
	return PAL_OK;
}

static pal_status become(struct pal_version *version)
{
	struct pal_memory *memory = version->memory;
	if (!pal_pages_reserve(&memory->pages, memory->pages.count + version->pages.count + 1))
		return PAL_E_NOMEM;
	pal_status status = shape(memory, &version->pages, false);
	if (status == PAL_OK)
		status = load(version);
	if (status == PAL_OK)
		status = shape(memory, &version->pages, true);
	if (status != PAL_OK)
		return status;
	pal_pages_cut(&memory->pages, version->pages.end);
	memory->size = version->size;
	return PAL_OK;
}

/* Restores a version where that takes more than forgetting what was written: the way back is a version, too. */
static pal_status restore_shape(struct pal_version *version)
{
	struct pal_memory *memory = version->memory;
	struct pal_version *before;
	pal_status status = pal_version_begin(&before, memory);
	if (status != PAL_OK)
		return status;
	status = become(version);
	if (status != PAL_OK)
		become(before);
	pal_version_take_out(memory->image, before);
	pal_version_end(before);
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
	bool stays = pal_version_is_alike(version) && !pal_pages_have(&memory->pages, PAL_BACKING_OBJECT);
	if (status == PAL_OK)
		status = stays ? load(version) : restore_shape(version);
	pal_budget_give(memory->budget, PAL_MEMORY_BYTES, most - memory->size); /* it has either size now */
	pal_memory_update_views(memory);
	pal_unlock(&memory->lock);
	return status;
}
