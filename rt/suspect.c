/* See suspect.h. */
#include "suspect.h"
#include "image.h"
#include <stdlib.h>

bool pal_suspects_add(struct pal_suspects *suspects, struct pal_suspect suspect)
{
	if (suspect.from >= suspect.to)
		return true;
	if (suspects->count == suspects->room) {
		size_t room = suspects->room * 2 + 64;
		struct pal_suspect *list = realloc(suspects->list, room * sizeof *list);
		if (list == NULL)
			return false;
		suspects->list = list;
		suspects->room = room;
	}
	suspects->list[suspects->count++] = suspect;
	return true;
}

bool pal_suspects_add_written(struct pal_suspects *suspects, const struct pal_memory *memory, uint64_t from, uint64_t to)
{
	enum { BATCH = 512 };
	struct pal_extent found[BATCH];
	bool first = true;
	while (from < to) {
		size_t done = 0;
		int count = pal_port_written(pal_memory_page(memory, from), pal_page_bytes(from, to), found, BATCH, &done);
		if (count < 0 || done == 0)
			return pal_suspects_add(suspects, (struct pal_suspect){ from, to, UINT64_MAX, false });
		for (int i = 0; i < count; i++, first = false) {
			uint64_t before = first ? UINT64_MAX : found[i].clean_before;
			if (!pal_suspects_add(suspects, (struct pal_suspect){ from + found[i].from, from + found[i].to, before, true }))
				return false;
		}
		from += done / pal_port_page();
	}
	return true;
}

/* Of the image's own those that were written; of fresh ones, which are zero until they are written, the same, unless the
 * image may have something else at their place; of others, all. */
bool pal_suspects_add_run(struct pal_suspects *suspects, const struct pal_memory *memory, const struct pal_run *run,
                          uint64_t end)
{
	uint64_t known = run->from;
	if (run->backing == PAL_BACKING_NONE)
		return true;
	if (!pal_backing_is_private(run->backing))
		known = end;
	else if (run->backing == PAL_BACKING_ANONYMOUS && memory->image->end > run->from)
		known = memory->image->end < end ? memory->image->end : end;
	return pal_suspects_add(suspects, (struct pal_suspect){ run->from, known, UINT64_MAX, false }) &&
	       pal_suspects_add_written(suspects, memory, known, end);
}

bool pal_suspects_add_runs(struct pal_suspects *suspects, const struct pal_memory *memory, enum pal_backing backing)
{
	for (size_t i = 0; i < memory->pages.count; i++)
		if (memory->pages.runs[i].backing == backing &&
		    !pal_suspects_add_run(suspects, memory, &memory->pages.runs[i], pal_pages_run_end(&memory->pages, i)))
			return false;
	return true;
}
