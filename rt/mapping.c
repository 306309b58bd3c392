/* What is mapped where in a memory, and how it may be used: protect, map, unmap, alias, map_file. All work on whole
 * host pages under the memory's lock; a failure changes nothing. */
#include "mapping.h"
#include "arch.h"
#include "image.h"
#include "memory.h"
#include "port.h"
#include <errno.h>
#include <string.h>

/* ---- Ranges ---- */

struct range {
	uint64_t from, to; /* pages */
};

static uint64_t page_of(uint64_t bytes)
{
	return bytes / pal_port_page();
}

/* [addr, addr + size) inside the memory, of whole pages. */
static pal_status check_range(const struct pal_memory *memory, uint64_t addr, uint64_t size, struct range *range)
{
	uint64_t whole = memory->size, page = pal_port_page();
	if (addr > whole || size > whole - addr) /* no sum, so nothing wraps */
		return PAL_E_RANGE;
	if ((addr | size) & (page - 1))
		return PAL_E_ALIGN;
	*range = (struct range){ addr / page, (addr + size) / page };
	return PAL_OK;
}

static bool is_access(pal_prot access)
{
	return access == PAL_NONE || access == PAL_READ || access == PAL_READ_WRITE;
}

/* Are the range's pages all unmapped, or all mapped? */
static bool all_are(const struct pal_memory *memory, struct range range, bool mapped)
{
	struct pal_run part;
	uint64_t end;
	if (range.from == range.to)
		return true;
	for (size_t i = pal_pages_find(&memory->pages, range.from);
	     pal_pages_part(&memory->pages, i, range.from, range.to, &part, &end); i++)
		if ((part.backing != PAL_BACKING_NONE) != mapped)
			return false;
	return true;
}

bool pal_memory_note_pages(struct pal_memory *memory)
{
	struct pal_run all = { 0, 0, PAL_BACKING_ANONYMOUS, PAL_READ_WRITE };
	if (memory->pages.runs == NULL && !pal_pages_begin(&memory->pages, page_of(pal_page_round(memory->size)), all))
		return false;
	memory->may_fault = 1; /* before anything becomes inaccessible: the runtime copies with care from now on */
	return true;
}

static void set(struct pal_memory *memory, uint64_t from, uint64_t to, enum pal_backing backing, uint64_t offset,
                pal_prot access)
{
	struct pal_run run = { from, offset, (uint8_t)backing, (uint8_t)access };
	pal_pages_set(&memory->pages, from, to, run);
}

pal_status pal_memory_os_error(void)
{
	return errno == ENOMEM ? PAL_E_NOMEM : errno == ENOTSUP ? PAL_E_UNSUPPORTED : PAL_E_OS;
}

/* ---- Protecting ---- */

/* Gives the pages of [range.from, to) the access that is noted for them. */
static void undo_protect(struct pal_memory *memory, struct range range)
{
	struct pal_run part;
	uint64_t end;
	for (size_t i = pal_pages_find(&memory->pages, range.from);
	     pal_pages_part(&memory->pages, i, range.from, range.to, &part, &end); i++)
		pal_port_protect(pal_memory_page(memory, part.from), pal_page_bytes(part.from, end), part.access);
}

static pal_status protect(struct pal_memory *memory, struct range range, pal_prot access)
{
	if (!all_are(memory, range, true))
		return PAL_E_STATE;
	struct pal_run part;
	uint64_t end;
	size_t parts = pal_pages_find(&memory->pages, range.to - 1) - pal_pages_find(&memory->pages, range.from) + 1;
	if (!pal_pages_reserve(&memory->pages, parts))
		return PAL_E_NOMEM;
	if (!pal_port_protect(pal_memory_page(memory, range.from), pal_page_bytes(range.from, range.to), access)) {
		pal_status status = pal_memory_os_error();
		undo_protect(memory, range); /* part of it may have been done */
		return status;
	}
	for (uint64_t page = range.from; page < range.to; page = end) {
		pal_pages_part(&memory->pages, pal_pages_find(&memory->pages, page), page, range.to, &part, &end);
		set(memory, page, end, part.backing, part.offset, access);
	}
	return PAL_OK;
}

pal_status pal_memory_protect(pal_memory *memory, uint64_t addr, uint64_t size, pal_prot access)
{
	if (!is_access(access))
		return PAL_E_ARGUMENT;
	pal_lock(&memory->lock);
	struct range range;
	bool fixed = memory->layout == PAL_LAYOUT_WRAPPED || memory->immutable;
	pal_status status = fixed ? PAL_E_STATE : check_range(memory, addr, size, &range);
	if (status == PAL_OK && !pal_memory_note_pages(memory))
		status = PAL_E_NOMEM;
	if (status == PAL_OK && range.from < range.to)
		status = protect(memory, range, access);
	pal_unlock(&memory->lock);
	return status;
}

/* ---- The object that pages come from which are seen at several addresses, or by several threads ---- */

/* `pages` new ones in the object, which is made if need be: *offset is the first one's number. */
static bool new_object_pages(struct pal_memory *memory, uint64_t pages, uint64_t *offset)
{
	if (memory->object < 0)
		memory->object = pal_port_object();
	if (memory->object < 0)
		return false;
	uint64_t end = memory->object_end + pages; /* the sum of what was ever mapped: no 64-bit number of bytes */
	if (!pal_port_object_size(memory->object, end * pal_port_page()))
		return false;
	*offset = memory->object_end;
	memory->object_end = end;
	return true;
}

bool pal_memory_show_object(struct pal_memory *memory, uint64_t from, uint64_t to, uint64_t offset, pal_prot access)
{
	return pal_port_map(pal_memory_page(memory, from), pal_page_bytes(from, to), memory->object, offset * pal_port_page(), access, true);
}

void pal_memory_release_object(struct pal_memory *memory, uint64_t offset, uint64_t pages)
{
	uint64_t last = offset + pages;
	for (uint64_t at = offset; at < last;) {
		uint64_t used_from = last, used_to = last; /* the first of them that are still shown */
		for (size_t i = 0; i < memory->pages.count; i++) {
			const struct pal_run *run = &memory->pages.runs[i];
			uint64_t end = run->offset + (pal_pages_run_end(&memory->pages, i) - run->from);
			if (run->backing != PAL_BACKING_OBJECT || end <= at || run->offset >= used_from)
				continue;
			used_from = run->offset > at ? run->offset : at;
			used_to = end;
		}
		if (used_from > at)
			pal_port_object_clear(memory->object, at * pal_port_page(), pal_page_bytes(at, used_from));
		at = used_to;
	}
}

/* ---- Mapping and unmapping ---- */

static pal_status check_map(struct pal_memory *memory, uint64_t addr, uint64_t size, pal_prot access, struct range *range)
{
	if (!is_access(access))
		return PAL_E_ARGUMENT;
	if (!memory->is_virtual)
		return PAL_E_STATE;
	pal_status status = check_range(memory, addr, size, range);
	if (status != PAL_OK)
		return status;
	if (!all_are(memory, *range, false))
		return PAL_E_STATE;
	return pal_pages_reserve(&memory->pages, 1) ? PAL_OK : PAL_E_NOMEM;
}

static pal_status map(struct pal_memory *memory, uint64_t addr, uint64_t size, pal_prot access)
{
	struct range range;
	pal_status status = check_map(memory, addr, size, access, &range);
	if (status != PAL_OK || size == 0)
		return status;
	uint64_t offset = 0;
	bool done;
	if (memory->shared) { /* so that aliases can be made while other threads write */
		done = new_object_pages(memory, range.to - range.from, &offset) &&
		       pal_memory_show_object(memory, range.from, range.to, offset, access);
	} else { /* unmapped pages hold nothing */
		done = pal_port_protect(pal_memory_page(memory, range.from), pal_page_bytes(range.from, range.to), access);
	}
	if (!done) {
		status = pal_memory_os_error();
		if (!memory->shared)
			pal_port_protect(pal_memory_page(memory, range.from), pal_page_bytes(range.from, range.to), PAL_NONE);
		return status;
	}
	set(memory, range.from, range.to, memory->shared ? PAL_BACKING_OBJECT : PAL_BACKING_ANONYMOUS, offset, access);
	return PAL_OK;
}

pal_status pal_memory_map(pal_memory *memory, uint64_t addr, uint64_t size, pal_prot access)
{
	pal_lock(&memory->lock);
	pal_status status = map(memory, addr, size, access);
	pal_unlock(&memory->lock);
	return status;
}

static bool map_for(struct pal_memory *memory, uint64_t addr, uint64_t size)
{
	uint64_t page = pal_port_page();
	for (uint64_t at = addr & ~(page - 1); at < addr + size; at += page) {
		size_t i = pal_pages_find(&memory->pages, at / page);
		if (memory->pages.runs[i].backing == PAL_BACKING_NONE && map(memory, at, page, PAL_READ_WRITE) != PAL_OK)
			return false;
	}
	return true;
}

bool pal_memory_map_for(struct pal_memory *memory, uint64_t addr, uint64_t size)
{
	pal_lock(&memory->lock);
	uint64_t whole = memory->size;
	bool inside = addr <= whole && size <= whole - addr; /* else applying the segment is a trap */
	bool done = !inside || size == 0 || map_for(memory, addr, size);
	pal_unlock(&memory->lock);
	return done;
}

/* The first unmapped pages that are enough; never page 0, whose address is C's null pointer. */
static bool find_room(const struct pal_memory *memory, uint64_t size, uint64_t *addr)
{
	uint64_t pages = page_of(size), room_from = 1, whole = page_of(memory->size); /* memories may end inside a page */
	for (size_t i = 0; i < memory->pages.count; i++) {
		const struct pal_run *run = &memory->pages.runs[i];
		uint64_t end = pal_pages_run_end(&memory->pages, i);
		if (run->backing != PAL_BACKING_NONE) {
			room_from = end > 1 ? end : 1; /* neighbours that are unmapped are one run */
			continue;
		}
		if (end > whole)
			end = whole;
		if (end > room_from && end - room_from >= pages) {
			*addr = (run->from > room_from ? run->from : room_from) * pal_port_page();
			return true;
		}
	}
	return false;
}

pal_status pal_memory_map_any(pal_memory *memory, uint64_t size, pal_prot access, uint64_t *addr)
{
	if (size == 0)
		return PAL_E_ARGUMENT;
	if (size & (pal_port_page() - 1))
		return PAL_E_ALIGN;
	pal_lock(&memory->lock);
	uint64_t found;
	pal_status status = memory->is_virtual ? PAL_E_NOMEM : PAL_E_STATE;
	if (status == PAL_E_NOMEM && find_room(memory, size, &found))
		status = map(memory, found, size, access);
	pal_unlock(&memory->lock);
	if (status == PAL_OK)
		*addr = found;
	return status;
}

static pal_status map_file(struct pal_memory *memory, uint64_t addr, uint64_t size, int fd, uint64_t offset, pal_prot access,
                           pal_map_flags flags)
{
	if (flags != PAL_MAP_PRIVATE && flags != PAL_MAP_SHARED)
		return PAL_E_ARGUMENT;
	struct range range;
	pal_status status = check_map(memory, addr, size, access, &range);
	if (status != PAL_OK || size == 0)
		return status;
	if (offset & (pal_port_page() - 1))
		return PAL_E_ALIGN;
	if (offset > INT64_MAX - size) /* size <= BYTES_MAX */
		return PAL_E_RANGE;
	bool shared = flags == PAL_MAP_SHARED;
	if (!pal_port_map(pal_memory_page(memory, range.from), size, fd, offset, access, shared))
		return pal_memory_os_error();
	set(memory, range.from, range.to, shared ? PAL_BACKING_FILE_SHARED : PAL_BACKING_FILE_PRIVATE, 0, access);
	return PAL_OK;
}

pal_status pal_memory_map_file(pal_memory *memory, uint64_t addr, uint64_t size, int fd, uint64_t offset, pal_prot access,
                               pal_map_flags flags)
{
	pal_lock(&memory->lock);
	pal_status status = map_file(memory, addr, size, fd, offset, access, flags);
	pal_unlock(&memory->lock);
	return status;
}

/* The file is the program itself: it does not become shorter, so copies need no more care than before. */
bool pal_memory_show_file(struct pal_memory *memory, uint64_t addr, uint64_t size, int file, uint64_t offset)
{
	struct range range;
	struct pal_run all = { 0, 0, PAL_BACKING_ANONYMOUS, PAL_READ_WRITE };
	pal_lock(&memory->lock);
	bool done = check_range(memory, addr, size, &range) == PAL_OK && (offset & (pal_port_page() - 1)) == 0 &&
	            (memory->pages.runs || pal_pages_begin(&memory->pages, page_of(pal_page_round(memory->size)), all)) &&
	            pal_pages_reserve(&memory->pages, 1) &&
	            pal_port_map(pal_memory_page(memory, range.from), size, file, offset, PAL_READ_WRITE, false);
	if (done)
		set(memory, range.from, range.to, PAL_BACKING_FILE_PRIVATE, 0, PAL_READ_WRITE);
	pal_unlock(&memory->lock);
	return done;
}

/* Unmapped pages become inaccessible in one call: nobody else's mapping may come in between. */
static pal_status unmap(struct pal_memory *memory, struct range range)
{
	size_t first = pal_pages_find(&memory->pages, range.from), last = pal_pages_find(&memory->pages, range.to - 1);
	if (!pal_pages_reserve(&memory->pages, last - first + 1))
		return PAL_E_NOMEM;
	if (!pal_port_fresh(pal_memory_page(memory, range.from), pal_page_bytes(range.from, range.to), PAL_NONE))
		return pal_memory_os_error();
	struct pal_run part;
	uint64_t end;
	for (uint64_t page = range.from; page < range.to; page = end) {
		pal_pages_part(&memory->pages, pal_pages_find(&memory->pages, page), page, range.to, &part, &end);
		set(memory, page, end, PAL_BACKING_NONE, 0, PAL_NONE);
		if (part.backing == PAL_BACKING_OBJECT)
			pal_memory_release_object(memory, part.offset, end - page);
	}
	return PAL_OK;
}

pal_status pal_memory_unmap(pal_memory *memory, uint64_t addr, uint64_t size)
{
	pal_lock(&memory->lock);
	struct range range;
	pal_status status = memory->is_virtual ? check_range(memory, addr, size, &range) : PAL_E_STATE;
	if (status == PAL_OK && size > 0)
		status = unmap(memory, range);
	pal_unlock(&memory->lock);
	return status;
}

/* ---- Aliases ---- */

/* Writes whole pages to new ones of the object; those of zeros stay holes there. */
static bool write_to_object(int object, uint64_t offset, const uint8_t *from, size_t bytes)
{
	size_t page = pal_port_page();
	for (size_t done = 0; done < bytes; done += page) {
		const uint8_t *at = from + done;
		bool zeros = at[0] == 0 && memcmp(at, at + 1, page - 1) == 0;
		if (!zeros && !pal_port_object_put(object, offset + done, at, page))
			return false;
	}
	return true;
}

/* Moves private pages into the object, where they are. Nobody else runs in this memory: a shared one's pages are in
 * the object from the beginning. */
static pal_status move_to_object(struct pal_memory *memory, uint64_t from, uint64_t to, pal_prot access)
{
	uint64_t offset;
	uint8_t *at = pal_memory_page(memory, from);
	size_t size = pal_page_bytes(from, to);
	if (!new_object_pages(memory, to - from, &offset))
		return pal_memory_os_error();
	if (access == PAL_NONE && !pal_port_protect(at, size, PAL_READ))
		return pal_memory_os_error();
	bool done = write_to_object(memory->object, offset * pal_port_page(), at, size);
	if (done)
		done = pal_memory_show_object(memory, from, to, offset, access);
	pal_status status = done ? PAL_OK : pal_memory_os_error();
	if (done) {
		set(memory, from, to, PAL_BACKING_OBJECT, offset, access);
		return PAL_OK;
	}
	if (access == PAL_NONE)
		pal_port_protect(at, size, PAL_NONE);
	pal_port_object_clear(memory->object, offset * pal_port_page(), size);
	return status;
}

/* Shows the object's pages of [source.from, source.to) once more. */
static pal_status show_again(struct pal_memory *memory, struct range source, uint64_t to)
{
	struct pal_run part;
	uint64_t end, start = to;
	for (uint64_t page = source.from; page < source.to; to += end - page, page = end) {
		pal_pages_part(&memory->pages, pal_pages_find(&memory->pages, page), page, source.to, &part, &end);
		if (!pal_memory_show_object(memory, to, to + (end - page), part.offset, part.access)) {
			pal_status status = pal_memory_os_error();
			if (to > start)
				unmap(memory, (struct range){ start, to });
			return status;
		}
		set(memory, to, to + (end - page), PAL_BACKING_OBJECT, part.offset, part.access);
	}
	return PAL_OK;
}

static pal_status alias(struct pal_memory *memory, uint64_t to, uint64_t from, uint64_t size)
{
	struct range source, target;
	if (!memory->is_virtual)
		return PAL_E_STATE;
	pal_status status = check_range(memory, from, size, &source);
	if (status == PAL_OK)
		status = check_range(memory, to, size, &target);
	if (status != PAL_OK || size == 0)
		return status;
	if (!all_are(memory, target, false)) /* so the two do not overlap, either */
		return PAL_E_STATE;
	size_t first = pal_pages_find(&memory->pages, source.from), last = pal_pages_find(&memory->pages, source.to - 1);
	for (size_t i = first; i <= last; i++) {
		enum pal_backing backing = memory->pages.runs[i].backing;
		if (backing != PAL_BACKING_ANONYMOUS && backing != PAL_BACKING_OBJECT && backing != PAL_BACKING_IMAGE)
			return PAL_E_STATE;
	}
	/* one change for each part of the source, one for its second view, one to take that back */
	if (!pal_pages_reserve(&memory->pages, 3 * (last - first + 1)))
		return PAL_E_NOMEM;
	struct pal_run part;
	uint64_t end;
	for (uint64_t page = source.from; page < source.to; page = end) {
		pal_pages_part(&memory->pages, pal_pages_find(&memory->pages, page), page, source.to, &part, &end);
		if (part.backing == PAL_BACKING_OBJECT)
			continue;
		status = move_to_object(memory, page, end, part.access);
		if (status != PAL_OK)
			return status;
	}
	return show_again(memory, source, target.from);
}

pal_status pal_memory_alias(pal_memory *memory, uint64_t dst, uint64_t src, uint64_t size)
{
	pal_lock(&memory->lock);
	pal_status status = alias(memory, dst, src, size);
	pal_unlock(&memory->lock);
	return status;
}

/* ---- Growing ---- */

/* Pages [pages.end, to) are new. */
static bool add_pages(struct pal_memory *memory, uint64_t to)
{
	uint64_t from = memory->pages.end, offset = 0;
	if (from >= to)
		return true; /* pages of the memory may be smaller than the host's */
	if (!pal_pages_reserve(&memory->pages, 1))
		return false;
	if (memory->starts_empty) {
		set(memory, from, to, PAL_BACKING_NONE, 0, PAL_NONE);
		return true;
	}
	if (memory->shared) {
		if (!new_object_pages(memory, to - from, &offset) || !pal_memory_show_object(memory, from, to, offset, PAL_READ_WRITE))
			return false;
	} else if (!pal_port_commit(pal_memory_page(memory, from), pal_page_bytes(from, to))) {
		return false;
	}
	set(memory, from, to, memory->shared ? PAL_BACKING_OBJECT : PAL_BACKING_ANONYMOUS, offset, PAL_READ_WRITE);
	return true;
}

bool pal_memory_begin_virtual(struct pal_memory *memory)
{
	struct pal_run none = { 0, 0, PAL_BACKING_NONE, PAL_NONE };
	memory->may_fault = 1;
	return pal_pages_begin(&memory->pages, 0, none) && add_pages(memory, page_of(pal_page_round(memory->size)));
}

bool pal_memory_add_pages(struct pal_memory *memory, uint64_t size)
{
	return add_pages(memory, page_of(pal_page_round(size)));
}

void pal_memory_note_growth(struct pal_memory *memory, uint64_t size)
{
	set(memory, memory->pages.end, page_of(pal_page_round(size)), PAL_BACKING_ANONYMOUS, 0, PAL_READ_WRITE);
}

/* Pages of zeros are not touched: they take no memory at the new place. */
static void copy_nonzero(uint8_t *to, const uint8_t *from, size_t size)
{
	size_t page = pal_port_page();
	for (size_t done = 0; done < size; done += page)
		if (from[done] || memcmp(from + done, from + done + 1, page - 1) != 0)
			memcpy(to + done, from + done, page);
}

static bool copy_run(struct pal_memory *memory, const struct pal_run *run, uint64_t end, uint8_t *to)
{
	uint8_t *from = pal_memory_page(memory, run->from);
	size_t size = pal_page_bytes(run->from, end);
	if (run->backing == PAL_BACKING_IMAGE)
		return pal_image_show(memory, run->from, end, to, run->access);
	copy_nonzero(to, from, size);
	return pal_port_protect(to, size, run->access);
}

bool pal_memory_copy_pages(struct pal_memory *memory, uint8_t *to)
{
	for (size_t i = 0; i < memory->pages.count; i++) {
		const struct pal_run *run = &memory->pages.runs[i];
		uint8_t *from = pal_memory_page(memory, run->from);
		uint64_t end = pal_pages_run_end(&memory->pages, i);
		size_t size = pal_page_bytes(run->from, end);
		if (run->access == PAL_NONE && !pal_port_protect(from, size, PAL_READ))
			return false;
		bool done = copy_run(memory, run, end, to + (from - memory->base));
		if (run->access == PAL_NONE)
			pal_port_protect(from, size, PAL_NONE); /* as it was a moment ago */
		if (!done)
			return false;
	}
	return true;
}

/* ---- Discarding ---- */

/* The first byte of [addr, addr + size) that must not be written, or addr + size. */
static uint64_t first_protected(const struct pal_memory *memory, uint64_t addr, uint64_t size)
{
	uint64_t forbidden = pal_memory_forbidden(memory, addr, size, true);
	if (forbidden < addr + size || memory->pages.runs == NULL || size == 0)
		return forbidden;
	struct pal_run part;
	uint64_t end, from = page_of(addr), to = page_of(addr + size - 1) + 1;
	for (size_t i = pal_pages_find(&memory->pages, from); pal_pages_part(&memory->pages, i, from, to, &part, &end); i++)
		if (part.access != PAL_READ_WRITE)
			return part.from * pal_port_page() > addr ? part.from * pal_port_page() : addr;
	return addr + size;
}

void pal_memory_zero(struct pal_memory *memory, uint64_t addr, uint64_t size)
{
	pal_copy_fill(memory->base + addr, 0, size, memory->base, memory->size);
}

/* Whole pages of one kind become zero; false if that takes writing zeros to them. */
static bool give_back(struct pal_memory *memory, const struct pal_run *part, uint64_t end)
{
	uint8_t *at = pal_memory_page(memory, part->from);
	size_t size = pal_page_bytes(part->from, end);
	switch (part->backing) {
	case PAL_BACKING_ANONYMOUS:
		return pal_port_discard(at, size, memory->shared);
	case PAL_BACKING_OBJECT:
		return pal_port_object_clear(memory->object, part->offset * pal_port_page(), size);
	case PAL_BACKING_FILE_PRIVATE: /* to give back its pages would bring back the bytes of the file or image */
	case PAL_BACKING_IMAGE:
		if (!pal_pages_reserve(&memory->pages, 1) || !pal_port_fresh(at, size, PAL_READ_WRITE))
			return false;
		set(memory, part->from, end, PAL_BACKING_ANONYMOUS, 0, PAL_READ_WRITE);
		return true;
	default:
		return false;
	}
}

static void discard_pages(struct pal_memory *memory, uint64_t from, uint64_t to)
{
	struct pal_run part = { from, 0, PAL_BACKING_ANONYMOUS, PAL_READ_WRITE };
	uint64_t end = to;
	for (uint64_t page = from; page < to; page = end) {
		if (memory->pages.runs)
			pal_pages_part(&memory->pages, pal_pages_find(&memory->pages, page), page, to, &part, &end);
		if (!give_back(memory, &part, end))
			pal_memory_zero(memory, page * pal_port_page(), pal_page_bytes(page, end));
	}
}

static pal_status discard(struct pal_memory *memory, uint64_t addr, uint64_t size, uint64_t *culprit)
{
	uint64_t whole = memory->size, page = pal_port_page();
	*culprit = addr;
	if (addr > whole || size > whole - addr) /* no sum, so nothing wraps */
		return PAL_E_RANGE;
	*culprit = first_protected(memory, addr, size);
	if (*culprit < addr + size)
		return PAL_E_STATE;
	uint64_t from = (addr + page - 1) / page, to = (addr + size) / page; /* pages wholly inside */
	if (memory->layout == PAL_LAYOUT_WRAPPED || from >= to) {
		pal_memory_zero(memory, addr, size);
		return PAL_OK;
	}
	pal_memory_zero(memory, addr, from * page - addr);
	discard_pages(memory, from, to);
	pal_memory_zero(memory, to * page, addr + size - to * page);
	return PAL_OK;
}

pal_status pal_memory_try_discard(struct pal_memory *memory, uint64_t addr, uint64_t size, uint64_t *culprit)
{
	pal_lock(&memory->lock);
	pal_status status = discard(memory, addr, size, culprit);
	pal_unlock(&memory->lock);
	return status;
}

pal_status pal_memory_discard(pal_memory *memory, uint64_t addr, uint64_t size)
{
	uint64_t culprit;
	return pal_memory_try_discard(memory, addr, size, &culprit);
}
