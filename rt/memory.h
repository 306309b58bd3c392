/* Linear memories. */
#ifndef PAL_MEMORY_H
#define PAL_MEMORY_H
#include "context.h"
#include "pages.h"
#include "palisade.h"
#include "port.h"
#include "reservation.h"

#pragma GCC visibility push(hidden)

enum pal_layout {
	PAL_LAYOUT_GUARD,   /* 4 GiB + PAL_GUARD_SIZE reserved, so that 32-bit addresses need no checks; never moves */
	PAL_LAYOUT_FIXED,   /* its maximum is reserved; never moves */
	PAL_LAYOUT_MOVABLE, /* what it holds; growing may move it */
	PAL_LAYOUT_WRAPPED, /* the host's bytes: no reservation, and its size need not be whole pages */
};

struct pal_image;

struct pal_memory {
	const char *runtime;   /* runtime.h; the first */
	uint8_t *base;
	_Atomic uint64_t size; /* bytes, a multiple of the memory's page size unless it is wrapped */
	uint64_t max;          /* declared maximum in pages; UINT64_MAX: none */
	uint64_t limit;        /* pages it can ever have: the maximum, the index type, what can be addressed */
	uint64_t reach;        /* faults in [base, base + reach) are this memory's */
	enum pal_layout layout;
	uint8_t page_log2, index64, shared;
	uint8_t is_virtual;    /* 1: pages can be mapped and unmapped; it never moves */
	uint8_t starts_empty;  /* 1: new pages are unmapped */
	uint8_t wrapped_access; /* of a wrapped one: pal_prot */
	uint8_t may_fault;     /* 1: bytes inside the size may be inaccessible, so the runtime must copy with care */
	uint8_t immutable;     /* 1: nothing changes it any more */
	uint64_t hidden;       /* protected to the byte, by checks: [0, hidden) can't be touched, … */
	uint64_t constant_from, constant_to; /* … and these bytes can't be written */
	uint64_t instance;     /* the number of the one that owns it; 0: the host's */
	_Atomic uint32_t references;
	struct pal_reservation *reservation;
	struct pal_view *views;
	struct pal_pages pages; /* what they are, once that differs */
	pal_budget *budget;    /* what its bytes are counted in; NULL: nothing */
	int object;            /* what pages come from that are seen twice (mapping.c), or -1 … */
	uint64_t object_end;   /* … and how many pages of it were ever used */
	struct pal_image *image; /* what snapshots are made of (image.h), or NULL */
	struct pal_lock lock;  /* views, growing, pages */
};

/* What a new memory is to be; see pal_memory_desc. */
struct pal_memory_spec {
	uint64_t minimum, maximum; /* pages; maximum UINT64_MAX: none declared */
	uint8_t page_log2, index64, shared;
	uint8_t guard;             /* 1: guard layout */
	uint8_t unmoving;          /* 1: without guard layout it never moves, either; if there is no room for its maximum,
	                            * it gets what there is, and growing fails beyond that */
	uint8_t is_virtual, starts_empty; /* as in pal_memory */
	uint64_t limit;            /* bytes it can ever have; 0: none */
	bool *over_limit;          /* set if the calling thread's budget (budget.h) refuses it; may be NULL */
	size_t below;              /* bytes to keep readable and writable below byte 0, with an inaccessible page below
	                            * those: room for an instance's context. Only where it never moves. */
};
/* PAL_E_RANGE: minimum above maximum or above the index type's reach; PAL_E_NOMEM. */
pal_status pal_memory_make(struct pal_memory **out, const struct pal_memory_spec *);
/* Bytes of address space that guard layout takes. */
uint64_t pal_memory_guard_bytes(void);
/* Can code without checks use it as a memory? Its pages must end where host pages end. */
bool pal_memory_is_guarded(const struct pal_memory *);

/* Where a page of the memory's reservation is. */
uint8_t *pal_memory_page(const struct pal_memory *, uint64_t page);
/* Moves a movable memory, unless it has room for `size` bytes; others have it if they were ever as large. Under its
 * lock. False: nothing has changed. */
bool pal_memory_make_room(struct pal_memory *, uint64_t size);
/* Base or size have changed; under its lock. */
void pal_memory_update_views(struct pal_memory *);

void pal_memory_retain(struct pal_memory *);
/* The first byte of [addr, addr + size), a range inside the memory, that checks forbid to read, or to write; addr + size
 * if there is none. */
uint64_t pal_memory_forbidden(const struct pal_memory *, uint64_t addr, uint64_t size, bool write);
/* From now on these bytes are protected by checks: [0, hidden), and [from, to) against writing. */
void pal_memory_forbid(struct pal_memory *, uint64_t hidden, uint64_t from, uint64_t to);
/* Does the MMU forbid all of that, too? Then code needs no checks for it. */
bool pal_memory_is_protected_by_pages(const struct pal_memory *);
/* Nothing changes the memory any more. PAL_E_NOMEM, PAL_E_OS. */
pal_status pal_memory_seal(struct pal_memory *);
/* Makes `view` a view of the memory, which it keeps up to date, and back. The view holds no reference. */
void pal_memory_attach(struct pal_memory *, struct pal_view *view);
void pal_memory_detach(struct pal_memory *, struct pal_view *view);

#pragma GCC visibility pop
#endif
