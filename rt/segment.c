/* Active segments, applied at instantiation; see instance.h. */
#include "instance.h"
#include "mapping.h"
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
	for (uint32_t i = 0; i < instance->module->data_segment_count; i++)
		apply_data(instance, i, computed);
}
