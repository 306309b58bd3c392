/* The bulk instructions, called by compiled code. Each checks its bounds before it writes anything. */
#include "arch.h"
#include "instance.h"
#include "mapping.h"
#include "memory.h"
#include "table.h"
#include "trap.h"
#include <string.h>

/* ---- Memories ---- */

static inline struct pal_view *memory_view(void *pinned, uint32_t memory)
{
	return &pal_instance_of(pinned)->memories[memory];
}

/* The size right now: another thread may be growing a shared memory. */
static inline uint64_t size_of(const struct pal_view *view)
{
	return __atomic_load_n(&view->size, __ATOMIC_ACQUIRE);
}

static inline bool contains(uint64_t whole, uint64_t at, uint64_t size)
{
	return at <= whole && size <= whole - at; /* no sum, so nothing wraps */
}

static _Noreturn void out_of_bounds(uint32_t memory, uint64_t address)
{
	pal_rt_trap(PAL_TRAP_MEMORY_OUT_OF_BOUNDS, NULL, (int32_t)memory, address);
}

static inline bool may_fault(const struct pal_view *view)
{
	return ((const struct pal_memory *)view->owner)->may_fault;
}

/* Bytes that checks protect: a trap before anything has happened. The range is inside the memory. */
static void check_allowed(const struct pal_view *view, uint32_t memory, uint64_t addr, uint64_t size, bool write)
{
	uint64_t forbidden = pal_memory_forbidden(view->owner, addr, size, write);
	if (forbidden < addr + size)
		pal_rt_trap(PAL_TRAP_MEMORY_PROTECTED, NULL, (int32_t)memory, forbidden);
}

/* The end of a guarded copy: `fault` is what it returned. */
static void check_fault(uintptr_t fault, const struct pal_view *view, uint32_t memory)
{
	if (fault)
		pal_rt_trap(PAL_TRAP_MEMORY_PROTECTED, NULL, (int32_t)memory, fault - (uintptr_t)view->base);
}

uint64_t pal_rt_memory_grow(void *pinned, uint32_t memory, uint64_t pages)
{
	uint64_t old;
	return pal_memory_grow(memory_view(pinned, memory)->owner, pages, &old) == PAL_OK ? old : UINT64_MAX;
}

void pal_rt_memory_fill(void *pinned, uint32_t memory, uint64_t addr, uint32_t value, uint64_t size)
{
	const struct pal_view *view = memory_view(pinned, memory);
	uint64_t whole = size_of(view);
	if (__builtin_expect(!contains(whole, addr, size), 0))
		out_of_bounds(memory, addr);
	uint8_t *to = view->base + addr; /* inside the memory, or its end */
	if (__builtin_expect(may_fault(view), 0)) {
		check_allowed(view, memory, addr, size, true);
		check_fault(pal_copy_fill(to, value, size, view->base, whole), view, memory);
	} else {
		memset(to, (uint8_t)value, size);
	}
}

void pal_rt_memory_discard(void *pinned, uint32_t memory, uint64_t addr, uint64_t size)
{
	uint64_t culprit;
	pal_status status = pal_memory_try_discard(memory_view(pinned, memory)->owner, addr, size, &culprit);
	if (status != PAL_OK) /* there are two ways to fail, both before any effect */
		pal_rt_trap(status == PAL_E_RANGE ? PAL_TRAP_MEMORY_OUT_OF_BOUNDS : PAL_TRAP_MEMORY_PROTECTED, NULL,
		            (int32_t)memory, culprit);
}

/* A copy where either side may fault. Each run can watch one memory only: memory to memory goes through a buffer. */
static void copy_between(uint8_t *to, const struct pal_view *to_view, uint32_t to_memory,
                         const uint8_t *from, const struct pal_view *from_view, uint32_t from_memory, uint64_t size)
{
	uint8_t buffer[512];
	while (size > 0) {
		size_t part = size < sizeof buffer ? size : sizeof buffer;
		check_fault(pal_copy_forward(buffer, from, part, from_view->base, size_of(from_view)), from_view, from_memory);
		check_fault(pal_copy_forward(to, buffer, part, to_view->base, size_of(to_view)), to_view, to_memory);
		to += part; /* part <= size, and [to, to + size) lies in the memory */
		from += part;
		size -= part;
	}
}

static void copy_guarded(uint8_t *to, const struct pal_view *to_view, uint32_t to_memory,
                         const uint8_t *from, const struct pal_view *from_view, uint32_t from_memory, uint64_t size)
{
	if (to_view->owner != from_view->owner) {
		copy_between(to, to_view, to_memory, from, from_view, from_memory, size);
		return;
	}
	const void *base = to_view->base;
	uint64_t whole = size_of(to_view);
	uintptr_t fault = to <= from ? pal_copy_forward(to, from, size, base, whole)
	                             : pal_copy_backward(to, from, size, base, whole);
	check_fault(fault, to_view, to_memory);
}

void pal_rt_memory_copy(void *pinned, uint32_t to_memory, uint64_t to, uint32_t from_memory, uint64_t from, uint64_t size)
{
	const struct pal_view *to_view = memory_view(pinned, to_memory), *from_view = memory_view(pinned, from_memory);
	if (__builtin_expect(!contains(size_of(from_view), from, size), 0))
		out_of_bounds(from_memory, from);
	if (__builtin_expect(!contains(size_of(to_view), to, size), 0))
		out_of_bounds(to_memory, to);
	uint8_t *target = to_view->base + to; /* both inside their memories, or at their ends */
	const uint8_t *source = from_view->base + from;
	if (__builtin_expect(may_fault(to_view) || may_fault(from_view), 0)) {
		check_allowed(from_view, from_memory, from, size, false);
		check_allowed(to_view, to_memory, to, size, true);
		copy_guarded(target, to_view, to_memory, source, from_view, from_memory, size);
	} else {
		memmove(target, source, size);
	}
}

static inline uint8_t *data_dropped(void *pinned, uint32_t segment)
{
	return (uint8_t *)pinned - pal_instance_of(pinned)->module->data_dropped_at + segment;
}

void pal_rt_memory_init(void *pinned, uint32_t memory, uint32_t segment, uint64_t to, uint64_t from, uint64_t size)
{
	const struct pal_view *view = memory_view(pinned, memory);
	const struct pal_module *module = pal_instance_of(pinned)->module;
	const struct pal_data_segment *data = &module->data_segments[segment];
	uint64_t length = *data_dropped(pinned, segment) ? 0 : data->length;
	uint64_t whole = size_of(view);
	if (!contains(whole, to, size) || !contains(length, from, size))
		out_of_bounds(memory, to);
	if (size == 0)
		return; /* module->data may be NULL */
	const uint8_t *source = module->data + data->start + from; /* inside the segment */
	uint8_t *target = view->base + to;
	if (may_fault(view)) {
		check_allowed(view, memory, to, size, true);
		check_fault(pal_copy_forward(target, source, size, view->base, whole), view, memory);
	} else {
		memcpy(target, source, size);
	}
}

void pal_rt_data_drop(void *pinned, uint32_t segment)
{
	*data_dropped(pinned, segment) = 1;
}

/* ---- Tables ---- */

static inline struct pal_table *table_of(void *pinned, uint32_t table)
{
	return pal_instance_of(pinned)->tables[table].owner;
}

static _Noreturn void table_out_of_bounds(void)
{
	pal_rt_trap(PAL_TRAP_TABLE_OUT_OF_BOUNDS, NULL, -1, 0);
}

uint64_t pal_rt_table_grow(void *pinned, uint32_t table, void *value, uint64_t elements)
{
	uint64_t old;
	return pal_table_grow(table_of(pinned, table), elements, value, &old) ? old : UINT64_MAX;
}

void pal_rt_table_fill(void *pinned, uint32_t table, uint64_t at, void *value, uint64_t elements)
{
	struct pal_table *target = table_of(pinned, table);
	if (!pal_table_contains(target, at, elements))
		table_out_of_bounds();
	for (uint64_t i = 0; i < elements; i++)
		target->elements[at + i] = value; /* below the table's size */
}

void pal_rt_table_copy(void *pinned, uint32_t to_table, uint64_t to, uint32_t from_table, uint64_t from, uint64_t elements)
{
	struct pal_table *target = table_of(pinned, to_table), *source = table_of(pinned, from_table);
	if (!pal_table_contains(source, from, elements) || !pal_table_contains(target, to, elements))
		table_out_of_bounds();
	/* the product is the size of a part of an array that exists */
	memmove(target->elements + to, source->elements + from, elements * sizeof *target->elements);
}

static inline uint8_t *elem_dropped(void *pinned, uint32_t segment)
{
	return (uint8_t *)pinned - pal_instance_of(pinned)->module->elem_dropped_at + segment;
}

void pal_rt_table_init(void *pinned, uint32_t table, uint32_t segment, uint64_t to, uint64_t from, uint64_t elements)
{
	const struct pal_instance *instance = pal_instance_of(pinned);
	const struct pal_elem_segment *elem = &instance->module->elem_segments[segment];
	struct pal_table *target = instance->tables[table].owner;
	uint64_t length = *elem_dropped(pinned, segment) ? 0 : elem->length;
	if (!pal_table_contains(target, to, elements) || !contains(length, from, elements))
		table_out_of_bounds();
	const uint32_t *items = instance->module->items + elem->start;
	for (uint64_t i = 0; i < elements; i++)
		target->elements[to + i] = pal_item(instance, items[from + i]); /* both checked above */
}

void pal_rt_elem_drop(void *pinned, uint32_t segment)
{
	*elem_dropped(pinned, segment) = 1;
}
