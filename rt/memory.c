/* See memory.h. */
#include "memory.h"
#include "arch.h"
#include "budget.h"
#include "image.h"
#include "mapping.h"
#include "runtime.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GIB4 ((uint64_t)1 << 32)
/* What is left to the host, at most, when memories take less than they might use. */
#define SPARE_MAX ((uint64_t)1 << 30)
/* No memory is larger: far above every host's address space, far below where sums of sizes could wrap. */
#define BYTES_MAX ((uint64_t)1 << 56)

/* ---- Limits ---- */

/* Pages that the index type can address. With one-byte pages the size itself must fit in the index type. */
static uint64_t index_limit(uint8_t page_log2, uint8_t index64)
{
	if (index64)
		return page_log2 == 0 ? UINT64_MAX : (uint64_t)1 << (64 - page_log2);
	return page_log2 == 0 ? UINT32_MAX : GIB4 >> page_log2;
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* PAL_OK: minimum << page_log2 and limit << page_log2 are at most BYTES_MAX, so neither shift loses bits. */
static pal_status check_limits(const struct pal_memory_spec *spec, uint64_t *limit)
{
	uint64_t most = index_limit(spec->page_log2, spec->index64);
	if (spec->minimum > spec->maximum || spec->minimum > most)
		return PAL_E_RANGE;
	*limit = lesser(lesser(spec->maximum, most), BYTES_MAX >> spec->page_log2);
	if (spec->limit)
		*limit = lesser(*limit, spec->limit >> spec->page_log2);
	return spec->minimum > *limit ? PAL_E_NOMEM : PAL_OK;
}

/* ---- Layouts ---- */

uint64_t pal_memory_guard_bytes(void)
{
	return GIB4 + PAL_GUARD_SIZE; /* a multiple of every page size */
}

bool pal_memory_is_guarded(const struct pal_memory *memory)
{
	return memory->layout == PAL_LAYOUT_GUARD && ((size_t)1 << memory->page_log2) % pal_port_page() == 0;
}

/* Reserves [inaccessible page][below][usable][guard], the first two only if `below` is not 0, and commits the middle as
 * far as the memory's `size` bytes. All sums stay below 2^57: `below` is a context, `size` <= `usable` <= BYTES_MAX. */
static pal_status reserve(struct pal_memory *memory, uint64_t usable, size_t below, uint64_t size)
{
	size_t below_pages = pal_page_round(below);
	size_t front = below ? pal_port_page() + below_pages : 0;
	size_t bytes = front + pal_page_round(usable ? usable : 1);
	memory->reservation = pal_reservation_new(bytes);
	if (memory->reservation == NULL)
		return PAL_E_NOMEM;
	memory->base = memory->reservation->at + front;
	memory->reach = bytes - front;
	if (pal_port_commit(memory->base - below_pages, below_pages + pal_page_round(size)))
		return PAL_OK;
	pal_reservation_release(memory->reservation);
	return PAL_E_NOMEM;
}

/* For a memory that must not move where there is no room for all it may become: the largest half, quarter, … that
 * leaves the host as much again to work with. The declared limit stays; growing beyond what is reserved fails. */
static pal_status reserve_some(struct pal_memory *memory, uint64_t most, size_t below, uint64_t size)
{
	for (uint64_t usable = most; usable >= size; usable /= 2) {
		uint64_t spare = usable < SPARE_MAX ? usable : SPARE_MAX;
		struct pal_reservation *probe = pal_reservation_new(pal_page_round(spare ? spare : 1));
		pal_status status = probe ? reserve(memory, usable, below, size) : PAL_E_NOMEM;
		pal_reservation_release(probe);
		if (status == PAL_OK || usable == 0)
			return status;
	}
	return reserve(memory, size, below, size);
}

static pal_status lay_out(struct pal_memory *memory, const struct pal_memory_spec *spec)
{
	uint64_t size = spec->minimum << spec->page_log2; /* see check_limits */
	uint64_t most = memory->limit << spec->page_log2;
	uint64_t usable = size;
	memory->layout = PAL_LAYOUT_MOVABLE;
	if (spec->guard && !spec->index64) {
		if (!pal_port_guards())
			return PAL_E_NOMEM;
		memory->layout = PAL_LAYOUT_GUARD;
		usable = pal_memory_guard_bytes();
	} else if (spec->shared || spec->is_virtual ||
	           (spec->maximum != UINT64_MAX && most <= PAL_RESERVE_MAX && pal_port_guards())) {
		memory->layout = PAL_LAYOUT_FIXED; /* shared ones, which other threads are using, must not move */
		usable = most;
	} else if (spec->unmoving) {
		memory->layout = PAL_LAYOUT_FIXED;
	}
	if (spec->is_virtual)
		size = 0; /* its pages are mapped one by one */
	bool some = spec->unmoving && memory->layout == PAL_LAYOUT_FIXED;
	pal_status status = some ? reserve_some(memory, most, spec->below, size) : reserve(memory, usable, spec->below, size);
	/* A movable mapping is accessible as a whole, so that it can be resized: an empty one has a page, too. */
	if (status == PAL_OK && memory->layout == PAL_LAYOUT_MOVABLE && size == 0 &&
	    !pal_port_commit(memory->base, memory->reservation->bytes)) {
		pal_reservation_release(memory->reservation);
		return PAL_E_NOMEM;
	}
	return status;
}

/* ---- Life ---- */

/* All but the reservation. */
static void drop(struct pal_memory *memory)
{
	pal_budget_free(memory->budget);
	if (memory->object >= 0)
		pal_port_object_close(memory->object);
	pal_image_drop(memory->image);
	pal_pages_drop(&memory->pages);
	free(memory);
}

static pal_status begin(struct pal_memory *memory, const struct pal_memory_spec *spec)
{
	uint64_t size = spec->minimum << spec->page_log2; /* see check_limits */
	if (!pal_budget_take(memory->budget, PAL_MEMORY_BYTES, size)) {
		if (spec->over_limit)
			*spec->over_limit = true;
		return PAL_E_NOMEM;
	}
	pal_status status = lay_out(memory, spec);
	memory->size = size;
	if (status == PAL_OK && spec->is_virtual && !pal_memory_begin_virtual(memory)) {
		status = errno == ENOTSUP ? PAL_E_UNSUPPORTED : PAL_E_NOMEM;
		pal_reservation_release(memory->reservation);
	}
	if (status != PAL_OK)
		pal_budget_give(memory->budget, PAL_MEMORY_BYTES, size);
	return status;
}

pal_status pal_memory_make(struct pal_memory **out, const struct pal_memory_spec *spec)
{
	*out = NULL;
	uint64_t limit;
	pal_status status = check_limits(spec, &limit);
	if (status != PAL_OK)
		return status;
	struct pal_memory *memory = calloc(1, sizeof *memory);
	if (memory == NULL)
		return PAL_E_NOMEM;
	memory->runtime = &pal_runtime;
	memory->max = spec->maximum;
	memory->limit = limit;
	memory->page_log2 = spec->page_log2;
	memory->index64 = spec->index64;
	memory->shared = memory->may_fault = spec->shared;
	memory->is_virtual = spec->is_virtual;
	memory->starts_empty = spec->starts_empty;
	memory->object = -1;
	memory->references = 1;
	memory->lock = (struct pal_lock)PAL_LOCK_INIT;
	memory->budget = pal_budget_retain_used();
	status = begin(memory, spec);
	if (status != PAL_OK) {
		drop(memory);
		return status;
	}
	*out = memory;
	return PAL_OK;
}

pal_status pal_memory_new(pal_memory **out, const pal_memory_options *options)
{
	*out = NULL;
	if (options->has_max > 1 || options->index64 > 1 || options->shared > 1 || options->compact > 1 ||
	    options->page_log2 > 16 || (options->shared && !options->has_max) || options->is_virtual > 1 ||
	    options->starts_empty > options->is_virtual || (options->is_virtual && options->index64 && !options->has_max))
		return PAL_E_ARGUMENT;
	pal_port_handle_faults(); /* the host may read and write it before any instance exists */
	struct pal_memory_spec spec = {
		.minimum = options->min_pages,
		.maximum = options->has_max ? options->max_pages : UINT64_MAX,
		.page_log2 = options->page_log2 ? options->page_log2 : 16,
		.index64 = options->index64,
		.shared = options->shared,
		.guard = !options->compact && pal_port_guards(),
		.is_virtual = options->is_virtual,
		.starts_empty = options->starts_empty,
	};
	return pal_memory_make(out, &spec);
}

/* The power of two, or -1. */
static int page_log2_of(uint32_t page_bytes)
{
	int log2 = 0;
	while (log2 <= 16 && (uint32_t)1 << log2 != page_bytes)
		log2++;
	return log2 <= 16 ? log2 : -1;
}

pal_status pal_memory_wrap_as(pal_memory **out, void *base, uint64_t size, pal_prot access, int index64, uint32_t page_bytes)
{
	*out = NULL;
	int page_log2 = page_log2_of(page_bytes);
	if ((access != PAL_READ && access != PAL_READ_WRITE) || (base == NULL && size > 0) || page_log2 < 0 ||
	    (index64 != 0 && index64 != 1))
		return PAL_E_ARGUMENT;
	/* What the index type can't reach would also be more pages than it can count. */
	if (size > UINTPTR_MAX - (uintptr_t)base || size > BYTES_MAX ||
	    size >> page_log2 > index_limit((uint8_t)page_log2, (uint8_t)index64) || (!index64 && size > GIB4))
		return PAL_E_RANGE;
	struct pal_memory *memory = calloc(1, sizeof *memory);
	if (memory == NULL)
		return PAL_E_NOMEM;
	pal_port_handle_faults();
	memory->runtime = &pal_runtime;
	memory->base = base;
	memory->size = memory->reach = size;
	memory->page_log2 = (uint8_t)page_log2;
	memory->index64 = (uint8_t)index64;
	memory->max = memory->limit = size >> memory->page_log2;
	memory->layout = PAL_LAYOUT_WRAPPED;
	memory->wrapped_access = (uint8_t)access;
	memory->may_fault = 1; /* who knows what the host does with its pages */
	memory->references = 1;
	memory->object = -1;
	memory->lock = (struct pal_lock)PAL_LOCK_INIT;
	*out = memory;
	return PAL_OK;
}

pal_status pal_memory_wrap(pal_memory **out, void *base, uint64_t size, pal_prot access)
{
	return pal_memory_wrap_as(out, base, size, access, 0, 65536);
}

void pal_memory_retain(struct pal_memory *memory)
{
	memory->references++;
}

void pal_memory_free(pal_memory *memory)
{
	if (memory == NULL || --memory->references > 0)
		return;
	pal_reservation_release(memory->reservation);
	pal_budget_give(memory->budget, PAL_MEMORY_BYTES, memory->size);
	drop(memory);
}

uint8_t *pal_memory_page(const struct pal_memory *memory, uint64_t page)
{
	return memory->base + page * pal_port_page(); /* a page of its reservation: no wrap */
}

void *pal_memory_data(const pal_memory *memory)
{
	return memory->base;
}

uint64_t pal_memory_size(const pal_memory *memory)
{
	return memory->size;
}

/* ---- Views ---- */

/* Other threads may be reading the view of a shared memory: its base stays, its size changes at once and only grows. */
static void update_view(const struct pal_memory *memory, struct pal_view *view)
{
	if (view->base != memory->base)
		view->base = memory->base;
	bool constant = memory->immutable || (memory->layout == PAL_LAYOUT_WRAPPED && memory->wrapped_access == PAL_READ);
	__atomic_store_n(&view->size, memory->size, __ATOMIC_RELEASE);
	__atomic_store_n(&view->writable, constant ? 0 : memory->size, __ATOMIC_RELEASE);
}

void pal_memory_update_views(struct pal_memory *memory)
{
	for (struct pal_view *view = memory->views; view; view = view->next)
		update_view(memory, view);
}

void pal_memory_attach(struct pal_memory *memory, struct pal_view *view)
{
	pal_lock(&memory->lock);
	view->owner = memory;
	view->next = memory->views;
	memory->views = view;
	update_view(memory, view);
	pal_unlock(&memory->lock);
}

void pal_memory_detach(struct pal_memory *memory, struct pal_view *view)
{
	pal_lock(&memory->lock);
	struct pal_view **link = &memory->views;
	while (*link && *link != view)
		link = &(*link)->next;
	if (*link)
		*link = view->next;
	pal_unlock(&memory->lock);
}

/* ---- Bytes that checks protect ---- */

uint64_t pal_memory_forbidden(const struct pal_memory *memory, uint64_t addr, uint64_t size, bool write)
{
	uint64_t end = addr + size; /* inside the memory: no wrap */
	if (size == 0)
		return end;
	if (addr < memory->hidden)
		return addr;
	if (write && memory->layout == PAL_LAYOUT_WRAPPED && memory->wrapped_access == PAL_READ)
		return addr;
	if (write && addr < memory->constant_to && end > memory->constant_from)
		return addr < memory->constant_from ? memory->constant_from : addr;
	return end;
}

void pal_memory_forbid(struct pal_memory *memory, uint64_t hidden, uint64_t from, uint64_t to)
{
	memory->hidden = hidden;
	memory->constant_from = from;
	memory->constant_to = to;
	memory->may_fault = 1;
}

/* As pages are protected when an instance begins (instance.c) or a memory is sealed: those that lie wholly inside. */
bool pal_memory_is_protected_by_pages(const struct pal_memory *memory)
{
	uint64_t page = pal_port_page(), from = memory->constant_from, to = memory->constant_to;
	if (from < memory->hidden)
		from = memory->hidden;
	if (!PAL_PORT_PROTECTS)
		return memory->hidden == 0 && from >= to;
	return memory->hidden % page == 0 && (from >= to || (from % page == 0 && to % page == 0));
}

pal_status pal_memory_seal(struct pal_memory *memory)
{
	uint64_t size = memory->size;
	pal_status status = PAL_OK;
	if (PAL_PORT_PROTECTS)
		status = pal_memory_protect(memory, 0, size & ~(uint64_t)(pal_port_page() - 1), PAL_READ);
	if (status != PAL_OK)
		return status;
	pal_lock(&memory->lock);
	pal_memory_forbid(memory, 0, 0, size);
	memory->immutable = 1;
	memory->limit = size >> memory->page_log2;
	pal_memory_update_views(memory);
	pal_unlock(&memory->lock);
	return PAL_OK;
}

/* ---- Growing ---- */

/* Moves a movable mapping to one that holds `size` bytes, where it does not already. */
static bool resize(struct pal_memory *memory, uint64_t size)
{
	struct pal_reservation *reservation = memory->reservation;
	size_t bytes = pal_page_round(size); /* size <= BYTES_MAX */
	if (bytes <= reservation->bytes)
		return true; /* one-byte pages end inside a host page; its rest was never written */
	void *at = pal_port_resize(reservation->at, reservation->bytes, bytes);
	if (at == NULL)
		return false;
	reservation->at = memory->base = at;
	reservation->bytes = memory->reach = bytes;
	return true;
}

/* The same where pages have been protected: copies to a new mapping, since the OS can't move several at once. */
static bool move(struct pal_memory *memory, uint64_t size)
{
	size_t bytes = pal_page_round(size);
	struct pal_reservation *fresh = pal_reservation_new(bytes);
	if (fresh == NULL)
		return false;
	if (!pal_port_commit(fresh->at, bytes) || !pal_memory_copy_pages(memory, fresh->at)) {
		pal_reservation_release(fresh);
		return false;
	}
	pal_reservation_release(memory->reservation);
	memory->reservation = fresh;
	memory->base = fresh->at;
	memory->reach = bytes;
	return true;
}

bool pal_memory_make_room(struct pal_memory *memory, uint64_t size)
{
	return memory->layout != PAL_LAYOUT_MOVABLE || pal_page_round(size) <= memory->reservation->bytes || move(memory, size);
}

/* Makes [0, size) accessible; new bytes read as zero. */
static bool extend_pages(struct pal_memory *memory, uint64_t size)
{
	if (memory->layout == PAL_LAYOUT_MOVABLE)
		return memory->pages.runs ? move(memory, size) : resize(memory, size);
	size_t from = pal_page_round(memory->size), to = pal_page_round(size); /* both at most BYTES_MAX */
	if (to > memory->reach)
		return false;
	return pal_port_commit(memory->base + from, to - from);                /* growing: to >= from */
}

static bool extend(struct pal_memory *memory, uint64_t size)
{
	if (memory->is_virtual)
		return pal_page_round(size) <= memory->reach && pal_memory_add_pages(memory, size);
	if (memory->pages.runs == NULL)
		return extend_pages(memory, size);
	if (!pal_pages_reserve(&memory->pages, 1) || !extend_pages(memory, size))
		return false;
	pal_memory_note_growth(memory, size);
	return true;
}

static pal_status grow(struct pal_memory *memory, uint64_t pages, uint64_t *old_pages)
{
	uint64_t old = memory->size >> memory->page_log2;
	if (pages > memory->limit - old) /* old <= limit, always: no wrap here nor in the sum below */
		return PAL_E_RANGE;
	uint64_t size = (old + pages) << memory->page_log2; /* at most limit << page_log2 <= BYTES_MAX */
	uint64_t more = size - memory->size;
	if (!pal_budget_take(memory->budget, PAL_MEMORY_BYTES, more))
		return PAL_E_NOMEM;
	if (pages > 0 && !extend(memory, size)) {
		pal_budget_give(memory->budget, PAL_MEMORY_BYTES, more);
		return PAL_E_NOMEM;
	}
	if (pages > 0)
		memory->size = size;
	if (pages > 0)
		pal_memory_update_views(memory);
	if (old_pages)
		*old_pages = old;
	return PAL_OK;
}

pal_status pal_memory_grow(pal_memory *memory, uint64_t pages, uint64_t *old_pages)
{
	pal_lock(&memory->lock);
	pal_status status = grow(memory, pages, old_pages);
	pal_unlock(&memory->lock);
	return status;
}
