/* Budgets: what the memories, tables and instances that are counted together may have (palisade.h, "Limits"). */
#ifndef PAL_BUDGET_H
#define PAL_BUDGET_H
#include "palisade.h"
#include "text.h"
#include <stdbool.h>

#pragma GCC visibility push(hidden)

/* What is counted; in the order of struct pal_limits. */
enum pal_resource { PAL_MEMORY_BYTES, PAL_TABLE_ELEMENTS, PAL_INSTANCES, PAL_RESOURCES };

/* The budget that the calling thread uses, with a reference of its own for what is made; NULL: there is none. */
pal_budget *pal_budget_retain_used(void);
void pal_budget_retain(pal_budget *);
/* Counts `amount` more. False: it would be above the limit, and nothing is counted. Without a budget all is granted. */
bool pal_budget_take(pal_budget *, enum pal_resource, uint64_t amount);
/* Gives back what was taken. */
void pal_budget_give(pal_budget *, enum pal_resource, uint64_t amount);
/* What took `from` takes `to` now, as it did before: restored snapshots are not refused. */
void pal_budget_move(pal_budget *, enum pal_resource, uint64_t from, uint64_t to);
/* Appends the limit's name and value. */
void pal_budget_name(const pal_budget *, enum pal_resource, struct pal_text *);

struct pal_instance;
/* Instances that can be interrupted are listed, from when they exist until they are destroyed. */
void pal_budget_watch(pal_budget *, struct pal_instance *);
void pal_budget_unwatch(pal_budget *, struct pal_instance *);

#pragma GCC visibility pop
#endif
