/* Active segments, applied at instantiation; see instance.h. */
#include "instance.h"
#include "mapping.h"
#include "memory.h"
#include "port.h"
#include "trap.h"

enum { ITEM_TAG_SHIFT = 30 };
#define ITEM_INDEX (((uint32_t)1 << ITEM_TAG_SHIFT) - 1)

void *pal_item(const struct pal_instance *instance, uint32_t item)
{
	uint32_t index = item & ITEM_INDEX;
	switch (item & ~ITEM_INDEX) {
	case PAL_ITEM_FUNC:
		return (struct pal_func *)(instance->pinned - instance->module->funcs_at) + index;
	case PAL_ITEM_GLOBAL: {
		void *value;
		memcpy(&value, pal_instance_global(instance, index), sizeof value);
		return value;
	}
	default: /* PAL_ITEM_NULL */
		return NULL;
	}
}

static uint64_t offset_of(uint32_t mode, uint64_t offset, const uint64_t *computed)
{
	return mode == PAL_SEGMENT_COMPUTED ? computed[offset] : offset;
}

static void apply_elements(struct pal_instance *instance, uint32_t index, const uint64_t *computed)
{
	const struct pal_elem_segment *segment = &instance->module->elem_segments[index];
	if (segment->mode == PAL_SEGMENT_PASSIVE)
		return;
	if (segment->mode != PAL_SEGMENT_DECLARED) {
		uint64_t to = offset_of(segment->mode, segment->offset, computed);
		pal_rt_table_init(instance->pinned, segment->table, index, to, 0, segment->length);
	}
	pal_rt_elem_drop(instance->pinned, index);
}

/* ---- Segments that are mapped from the program's own file ---- */

/* Where that is, once it was looked for. */
struct file {
	int file; /* -1: they are copied */
	uint64_t offset; /* of module->image */
};

static bool has_id(int file, uint64_t offset, const void *data)
{
	const struct pal_module *module = data;
	uint8_t id[PAL_IMAGE_ID_SIZE];
	return pal_port_object_read(file, offset + module->image_size, id, sizeof id) && /* it lies behind the image */
	       memcmp(id, module->image + module->image_size, sizeof id) == 0;
}

static struct file open_image(const struct pal_module *module)
{
	struct file found = { -1, 0 };
	if (module->image_size)
		found.file = pal_port_loaded_file(module->image, &found.offset, has_id, module);
	return found;
}

/* The memory holds zeros. The compiler sees to it that these pages lie inside it. */
static void copy_image(struct pal_memory *memory, uint64_t to, const uint8_t *from, uint64_t size)
{
	size_t page = pal_port_page();
	for (uint64_t done = 0; done < size; done += page) /* both are multiples of every page size */
		if (from[done] || memcmp(from + done, from + done + 1, page - 1) != 0)
			memcpy(memory->base + to + done, from + done, page);
}

static void apply_mapped(struct pal_instance *instance, const struct pal_data_segment *segment, const struct file *file)
{
	struct pal_memory *memory = instance->memories[segment->memory].owner;
	uint64_t offset = file->offset + segment->start;
	if (file->file < 0 || !pal_memory_show_file(memory, segment->offset, segment->length, file->file, offset))
		copy_image(memory, segment->offset, instance->module->image + segment->start, segment->length);
}

/* ---- All of them ---- */

static void apply_data(struct pal_instance *instance, uint32_t index, const uint64_t *computed)
{
	const struct pal_data_segment *segment = &instance->module->data_segments[index];
	if (segment->mode == PAL_SEGMENT_PASSIVE)
		return;
	uint64_t to = offset_of(segment->mode, segment->offset, computed);
	if (instance->module->memories[segment->memory].flags & PAL_MEMORY_EMPTY)
		if (!pal_memory_map_for(instance->memories[segment->memory].owner, to, segment->length))
			pal_rt_trap(PAL_TRAP_OUT_OF_MEMORY, "no room for a data segment", (int32_t)segment->memory, to);
	pal_rt_memory_init(instance->pinned, segment->memory, index, to, 0, segment->length);
	pal_rt_data_drop(instance->pinned, index);
}

void pal_segments_apply(struct pal_instance *instance, const uint64_t *computed)
{
	for (uint32_t i = 0; i < instance->module->elem_segment_count; i++)
		apply_elements(instance, i, computed);
	const struct pal_module *module = instance->module;
	struct file file = open_image(module);
	uint32_t next = 0; /* mapped ones come first: they can't trap */
	for (; next < module->data_segment_count && module->data_segments[next].mode == PAL_SEGMENT_MAPPED; next++) {
		apply_mapped(instance, &module->data_segments[next], &file);
		pal_rt_data_drop(instance->pinned, next);
	}
	if (file.file >= 0)
		pal_port_object_close(file.file);
	for (; next < module->data_segment_count; next++)
		apply_data(instance, next, computed);
}
