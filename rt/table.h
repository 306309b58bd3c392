/* Tables. */
#ifndef PAL_TABLE_H
#define PAL_TABLE_H
#include "context.h"
#include "palisade.h"
#include <stdbool.h>

#pragma GCC visibility push(hidden)

struct pal_group;
struct pal_budget;

struct pal_table {
	const char *runtime; /* runtime.h; the first */
	void **elements; /* struct pal_func * or the host's pointers; NULL: null */
	uint64_t size, room;
	uint64_t max;    /* declared; UINT64_MAX: none */
	uint64_t limit;  /* elements it can ever have */
	uint32_t type;   /* PAL_TYPE_FUNCREF, …; with an interned number, see type.h */
	uint8_t index64;
	bool open;       /* the host has made it, and no module imported it yet: its type may become a narrower one */
	struct pal_budget *budget;    /* what its elements are counted in; NULL: nothing */
	struct pal_view *views;
	/* under the group lock (group.h) */
	uint64_t host_references, instance_references;
	struct pal_group *group;      /* whose functions it may hold; NULL: none */
	struct pal_table *next;       /* in the group */
};

struct pal_table_spec {
	uint64_t minimum, maximum; /* maximum UINT64_MAX: none declared */
	uint32_t type;
	uint8_t index64;
	bool *over_limit; /* set if the calling thread's budget (budget.h) refuses it; may be NULL */
};
/* A table of nulls without references: whoever wants it adds one. PAL_E_RANGE, PAL_E_NOMEM. */
pal_status pal_table_make(struct pal_table **out, const struct pal_table_spec *);
/* Frees a table that nobody refers to. */
void pal_table_destroy(struct pal_table *);
/* Adds elements of this value. False: above a limit, or no memory; nothing has changed then. */
bool pal_table_grow(struct pal_table *, uint64_t elements, void *value, uint64_t *old_size);
/* The array holds `size` elements, a size that the table had before, without being larger for it. False: no memory. */
bool pal_table_make_room(struct pal_table *, uint64_t size);
/* The table becomes these elements, for which there is room. They were its own before. */
void pal_table_load(struct pal_table *, void *const *elements, uint64_t size);
/* The first element that is not of this type, or the table's size. Only for functions or the host's references, as the
 * table is for. */
uint64_t pal_table_misfit(const struct pal_table *, uint32_t type);
/* Is [at, at + elements) inside the table? */
bool pal_table_contains(const struct pal_table *, uint64_t at, uint64_t elements);

void pal_table_attach(struct pal_table *, struct pal_view *view);
void pal_table_detach(struct pal_table *, struct pal_view *view);

#pragma GCC visibility pop
#endif
