/* See guest_copy.h. */
#include "guest_copy.h"
#include "arch.h"
#include "memory.h"
#include <string.h>

void *pal_guest_range(const pal_memory *memory, uint64_t addr, uint64_t size, bool write)
{
	uint64_t whole = memory->size;
	if (addr > whole || size > whole - addr) /* no sum, so nothing wraps */
		return NULL;
	if (memory->may_fault && pal_memory_forbidden(memory, addr, size, write) < addr + size)
		return NULL;
	return memory->base + addr;
}

bool pal_guest_read(const pal_memory *memory, void *to, uint64_t from, uint64_t size)
{
	const void *source = pal_guest_range(memory, from, size, false);
	if (source == NULL)
		return false;
	if (size == 0)
		return true; /* `to` may be NULL */
	if (memory->may_fault)
		return pal_copy_forward(to, source, size, memory->base, memory->size) == 0;
	memcpy(to, source, size);
	return true;
}

bool pal_guest_write(pal_memory *memory, uint64_t to, const void *from, uint64_t size)
{
	void *target = pal_guest_range(memory, to, size, true);
	if (target == NULL)
		return false;
	if (size == 0)
		return true; /* `from` may be NULL */
	if (memory->may_fault)
		return pal_copy_forward(target, from, size, memory->base, memory->size) == 0;
	memcpy(target, from, size);
	return true;
}
