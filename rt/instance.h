/* Instances: one compiled module with its own context. */
#ifndef PAL_INSTANCE_H
#define PAL_INSTANCE_H
#include "context.h"
#include "palisade.h"
#include "runtime.h"
#include <stdbool.h>
#include <string.h>

#pragma GCC visibility push(hidden)

struct pal_group;
struct pal_budget;
struct pal_code;
struct pal_reservation;

struct pal_memory;

/* Memories that the host lets the guest bind, by handle; NULL: a free handle. */
struct pal_offers {
	struct pal_memory **memories;
	uint32_t count;
};

struct pal_instance {
	const char *runtime;                 /* runtime.h; the first */
	const struct pal_module *module;
	struct pal_code *code;
	uint8_t *pinned;                     /* P */
	struct pal_view *memories, *tables;  /* in the context */
	struct pal_reservation *reservation; /* holds the context */
	uint64_t number;                     /* never used twice in a process */
	uint32_t table_imports, global_imports; /* how many of the module's are imported: the first ones */
	struct pal_instance *watched_next;   /* exception.h; under its lock */
	struct pal_budget *budget;           /* what it is counted in; NULL: nothing */
	bool over_budget;                    /* it is one too many, and not counted */
	struct pal_instance *budget_next, **budget_link; /* budget.h; under its lock */
	/* under the group lock (group.h) */
	struct pal_group *group;
	struct pal_instance *next;           /* in the group */
	bool has_handle;                     /* the host has not freed it */
	struct pal_offers offers;            /* bind.c */
};

/* The word at distance `distance` below P. */
static inline void pal_context_set(void *pinned, uint32_t distance, uint64_t value)
{
	memcpy((uint8_t *)pinned - distance, &value, sizeof value);
}

static inline struct pal_instance *pal_instance_of(const void *pinned)
{
	struct pal_instance *instance;
	memcpy(&instance, (const uint8_t *)pinned - PAL_CONTEXT_INSTANCE, sizeof instance);
	return instance;
}

/* NULL, or a function of an instance that this copy of the runtime has made? */
static inline bool pal_func_is_ours(const void *reference)
{
	return reference == NULL || pal_is_ours(pal_instance_of(((const struct pal_func *)reference)->pinned));
}

static inline struct pal_tag *pal_instance_tag(const struct pal_instance *instance, uint32_t index)
{
	return (struct pal_tag *)(instance->pinned - instance->module->tags_at) + index;
}

/* Which version of its code the instance uses: PAL_VERSION_…. */
static inline uint64_t pal_instance_version(const struct pal_instance *instance)
{
	uint64_t version = PAL_VERSION_GUARD;
	if (instance->module->version_at)
		memcpy(&version, instance->pinned - instance->module->version_at, sizeof version);
	return version;
}

struct pal_table;

/* An instance with its own memories, tables and functions; imports and their views are still missing. Traps with
 * PAL_TRAP_OUT_OF_MEMORY; *out is then as far as it got, for pal_instance_destroy. */
void pal_instance_make(struct pal_instance **out, const struct pal_module *);
/* Gives back all it holds. Nobody may refer to it any more. Under the group lock; NULL is fine. */
void pal_instance_destroy(struct pal_instance *);
/* Takes a reference to an imported memory or table and attaches its view. */
void pal_instance_use_memory(struct pal_instance *, uint32_t index, struct pal_memory *);
void pal_instance_use_table(struct pal_instance *, uint32_t index, struct pal_table *);
/* WASI functions work on the memory that the module exports as "memory": says which one that is now. */
void pal_instance_tell_wasi(const struct pal_instance *);
/* bind.c: puts other bytes under a bindable memory. PAL_E_ARGUMENT: no such memory; PAL_E_STATE: it is not bindable, or
 * the other one is protected by checks; PAL_E_TYPE. */
pal_status pal_instance_bind(struct pal_instance *, uint32_t index, struct pal_memory *);
/* bind.c: drops the references. */
void pal_offers_drop(struct pal_offers *);
/* The address of a global's value, wherever it lies. */
void *pal_instance_global(const struct pal_instance *, uint32_t index);

/* link.c: checks the imports and stores them in the context. Traps with PAL_TRAP_LINK. */
void pal_link(struct pal_instance *, void *const *imports);
/* link.c: joins the instance's group with those of the instances that it imports from. */
void pal_link_join(struct pal_instance *, void *const *imports);
/* segment.c: applies the active segments in order. Traps. */
void pal_segments_apply(struct pal_instance *, const uint64_t *computed);
/* segment.c: what an item of an element segment refers to. */
void *pal_item(const struct pal_instance *, uint32_t item);

#pragma GCC visibility pop
#endif
