/* Pages of memories where nobody manages them: a memory is bytes, all of them accessible. What hosts ask of pages is
 * PAL_E_UNSUPPORTED; the compiler refuses guests that ask. */
#include "image.h"
#include "mapping.h"
#include "memory.h"
#include "pages.h"
#include <string.h>

/* ---- What the core asks ---- */

void pal_image_drop(struct pal_image *image)
{
	(void)image;
}

void pal_pages_drop(struct pal_pages *pages)
{
	(void)pages;
}

bool pal_pages_reserve(struct pal_pages *pages, size_t more)
{
	(void)pages, (void)more;
	return true;
}

bool pal_memory_begin_virtual(struct pal_memory *memory)
{
	(void)memory;
	return false;
}

bool pal_memory_add_pages(struct pal_memory *memory, uint64_t size)
{
	(void)memory, (void)size;
	return false;
}

void pal_memory_note_growth(struct pal_memory *memory, uint64_t size)
{
	(void)memory, (void)size;
}

bool pal_memory_copy_pages(struct pal_memory *memory, uint8_t *to)
{
	memcpy(to, memory->base, memory->size);
	return true;
}

bool pal_memory_map_for(struct pal_memory *memory, uint64_t addr, uint64_t size)
{
	(void)memory, (void)addr, (void)size;
	return true;
}

bool pal_memory_show_file(struct pal_memory *memory, uint64_t addr, uint64_t size, int file, uint64_t offset)
{
	(void)memory, (void)addr, (void)size, (void)file, (void)offset;
	return false;
}

int pal_port_loaded_file(const void *at, uint64_t *offset, pal_is_loaded *is, const void *data)
{
	(void)at, (void)offset, (void)is, (void)data;
	return -1;
}

void pal_port_object_close(int object)
{
	(void)object;
}

bool pal_port_object_read(int object, uint64_t offset, void *to, size_t bytes)
{
	(void)object, (void)offset, (void)to, (void)bytes;
	return false;
}

/* A plain fill. */
pal_status pal_memory_try_discard(struct pal_memory *memory, uint64_t addr, uint64_t size, uint64_t *culprit)
{
	uint64_t whole = memory->size;
	*culprit = addr;
	if (addr > whole || size > whole - addr) /* no sum, so nothing wraps */
		return PAL_E_RANGE;
	*culprit = pal_memory_forbidden(memory, addr, size, true);
	if (*culprit < addr + size)
		return PAL_E_STATE;
	memset(memory->base + addr, 0, size);
	return PAL_OK;
}

/* ---- What hosts ask ---- */

pal_status pal_memory_discard(pal_memory *memory, uint64_t addr, uint64_t size)
{
	uint64_t culprit;
	return pal_memory_try_discard(memory, addr, size, &culprit);
}

#define UNSUPPORTED(name, ...) \
	pal_status name(pal_memory *memory, __VA_ARGS__) \
	{ \
		(void)memory; \
		return PAL_E_UNSUPPORTED; \
	}

#pragma GCC diagnostic ignored "-Wunused-parameter"
/* Pages are that or not; see pal_memory_forbid for what checks protect. */
UNSUPPORTED(pal_memory_protect, uint64_t addr, uint64_t size, pal_prot access)
UNSUPPORTED(pal_memory_map, uint64_t addr, uint64_t size, pal_prot access)
UNSUPPORTED(pal_memory_map_any, uint64_t size, pal_prot access, uint64_t *addr)
UNSUPPORTED(pal_memory_map_file, uint64_t addr, uint64_t size, int fd, uint64_t offset, pal_prot access, pal_map_flags flags)
UNSUPPORTED(pal_memory_unmap, uint64_t addr, uint64_t size)
UNSUPPORTED(pal_memory_alias, uint64_t to, uint64_t from, uint64_t size)
UNSUPPORTED(pal_memory_snapshot, pal_snapshot **out)
UNSUPPORTED(pal_memory_restore, pal_snapshot *snapshot)
UNSUPPORTED(pal_memory_dirty, pal_snapshot *snapshot, uint64_t *pages, uint64_t *count)

void pal_snapshot_free(pal_snapshot *snapshot)
{
	(void)snapshot;
}
