/* See version.h. */
#include "version.h"
#include "image.h"
#include "saved.h"
#include <stdlib.h>

void pal_version_append(struct pal_image *image, struct pal_version *version)
{
	version->older = image->newest;
	version->newer = NULL;
	*(image->newest ? &image->newest->newer : &image->oldest) = version;
	image->newest = version;
}

void pal_version_take_out(struct pal_image *image, struct pal_version *version)
{
	*(version->older ? &version->older->newer : &image->oldest) = version->newer;
	*(version->newer ? &version->newer->older : &image->newest) = version->older;
	if (version->older)
		pal_saved_join(&version->older->saved, version->saved);
	else
		pal_saved_drop(version->saved);
	version->saved = NULL;
}

void pal_version_end(struct pal_version *version)
{
	pal_pages_drop(&version->pages);
	free(version);
}

pal_status pal_version_begin(struct pal_version **out, struct pal_memory *memory)
{
	struct pal_version *version = calloc(1, sizeof *version);
	if (version == NULL)
		return PAL_E_NOMEM;
	pal_status status = pal_image_begin(memory);
	if (status == PAL_OK)
		status = pal_image_update(memory);
	if (status == PAL_OK && !pal_pages_copy(&version->pages, &memory->pages))
		status = PAL_E_NOMEM;
	if (status != PAL_OK) {
		free(version);
		return status;
	}
	version->memory = memory;
	version->size = memory->size;
	pal_version_append(memory->image, version);
	*out = version;
	return PAL_OK;
}

/* The bytes of shared memories change while they are copied; those of the host, and of files that are shared, are not
 * ours to set back. */
static bool can_be_taken(const struct pal_memory *memory)
{
	return memory->layout != PAL_LAYOUT_WRAPPED && !memory->shared && !pal_pages_have(&memory->pages, PAL_BACKING_FILE_SHARED);
}

pal_status pal_version_take(struct pal_version **out, struct pal_memory *memory)
{
	pal_lock(&memory->lock);
	pal_status status = can_be_taken(memory) ? pal_version_begin(out, memory) : PAL_E_STATE;
	pal_unlock(&memory->lock);
	if (status == PAL_OK)
		pal_memory_retain(memory);
	return status;
}

void pal_version_drop(struct pal_version *version)
{
	struct pal_memory *memory = version->memory;
	pal_lock(&memory->lock);
	pal_version_take_out(memory->image, version);
	pal_unlock(&memory->lock);
	pal_version_end(version);
	pal_memory_free(memory);
}

bool pal_version_is_alike(const struct pal_version *version)
{
	const struct pal_memory *memory = version->memory;
	const struct pal_pages *a = &memory->pages, *b = &version->pages;
	if (memory->size != version->size || a->end != b->end || a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (a->runs[i].from != b->runs[i].from || a->runs[i].access != b->runs[i].access ||
		    !pal_runs_show_same(&a->runs[i], &b->runs[i]))
			return false;
	return true;
}

/* ---- Where a version differs from the image ---- */

static int compare_changes(const void *a, const void *b)
{
	const struct pal_change *x = a, *y = b;
	if (x->saved->page != y->saved->page)
		return x->saved->page < y->saved->page ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

bool pal_changes_find(struct pal_changes *changes, const struct pal_version *version)
{
	size_t count = 0;
	*changes = (struct pal_changes){ NULL, 0 };
	for (const struct pal_version *v = version; v; v = v->newer)
		for (const struct pal_saved *saved = v->saved; saved; saved = saved->next)
			count++;
	if (count == 0)
		return true;
	struct pal_change *list = malloc(count * sizeof *list);
	if (list == NULL)
		return false;
	count = 0;
	uint64_t order = 0;
	for (const struct pal_version *v = version; v; v = v->newer, order++)
		for (const struct pal_saved *saved = v->saved; saved; saved = saved->next)
			list[count++] = (struct pal_change){ saved, order, NULL };
	qsort(list, count, sizeof *list, compare_changes);
	size_t kept = 0;
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || list[kept - 1].saved->page != list[i].saved->page)
			list[kept++] = list[i];
	*changes = (struct pal_changes){ list, kept };
	return true;
}

void pal_changes_drop(struct pal_changes *changes)
{
	for (size_t i = 0; i < changes->count; i++)
		free(changes->list[i].old);
	free(changes->list);
}
