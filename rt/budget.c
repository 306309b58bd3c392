/* See budget.h. Counts are atomic, so that things can be made, grown and freed by all threads at once. */
#include "budget.h"
#include "instance.h"
#include "interrupt.h"
#include "port.h"
#include "thread.h"
#include <stdatomic.h>
#include <stdlib.h>

struct pal_budget {
	_Atomic uint64_t limit[PAL_RESOURCES]; /* UINT64_MAX: none */
	_Atomic uint64_t used[PAL_RESOURCES];
	_Atomic uint64_t references; /* the host's, threads that use it, things that are counted in it */
	struct pal_lock lock;        /* of the list: */
	struct pal_instance *watched;
};

static uint64_t limit_of(uint64_t given)
{
	return given ? given : UINT64_MAX;
}

void pal_budget_set(pal_budget *budget, const pal_limits *limits)
{
	budget->limit[PAL_MEMORY_BYTES] = limit_of(limits->memory_bytes);
	budget->limit[PAL_TABLE_ELEMENTS] = limit_of(limits->table_elements);
	budget->limit[PAL_INSTANCES] = limit_of(limits->instances);
}

pal_status pal_budget_new(pal_budget **out, const pal_limits *limits)
{
	pal_budget *budget = *out = calloc(1, sizeof *budget);
	if (budget == NULL)
		return PAL_E_NOMEM;
	pal_budget_set(budget, limits);
	budget->references = 1;
	budget->lock = (struct pal_lock)PAL_LOCK_INIT;
	return PAL_OK;
}

void pal_budget_free(pal_budget *budget)
{
	if (budget && --budget->references == 0)
		free(budget);
}

void pal_budget_retain(pal_budget *budget)
{
	if (budget)
		budget->references++;
}

pal_limits pal_budget_used(const pal_budget *budget)
{
	return (pal_limits){ budget->used[PAL_MEMORY_BYTES], budget->used[PAL_TABLE_ELEMENTS], budget->used[PAL_INSTANCES] };
}

pal_budget *pal_budget_use(pal_budget *budget)
{
	pal_budget *before = pal_self.budget;
	pal_port_at_thread_end(); /* the thread's reference ends with it */
	pal_budget_retain(budget);
	pal_self.budget = budget;
	pal_budget_free(before);
	return before;
}

pal_budget *pal_budget_retain_used(void)
{
	pal_budget_retain(pal_self.budget);
	return pal_self.budget;
}

bool pal_budget_take(pal_budget *budget, enum pal_resource resource, uint64_t amount)
{
	if (budget == NULL || amount == 0)
		return true;
	uint64_t used = budget->used[resource];
	do {
		uint64_t limit = budget->limit[resource];
		if (used > limit || amount > limit - used) /* it may have been set lower than what is used */
			return false;
	} while (!atomic_compare_exchange_weak(&budget->used[resource], &used, used + amount)); /* at most the limit: no wrap */
	return true;
}

void pal_budget_give(pal_budget *budget, enum pal_resource resource, uint64_t amount)
{
	if (budget)
		budget->used[resource] -= amount;
}

void pal_budget_move(pal_budget *budget, enum pal_resource resource, uint64_t from, uint64_t to)
{
	if (budget)
		budget->used[resource] += to - from; /* wraps, as intended where it is less */
}

void pal_budget_name(const pal_budget *budget, enum pal_resource resource, struct pal_text *text)
{
	static const char *const names[] = { "memory_bytes", "table_elements", "instances" };
	pal_text_add(text, "limit ");
	pal_text_add(text, names[resource]);
	pal_text_add(text, " = ");
	pal_text_decimal(text, budget->limit[resource]);
}

/* ---- Interruption ---- */

void pal_budget_watch(pal_budget *budget, struct pal_instance *instance)
{
	if (budget == NULL)
		return;
	pal_lock(&budget->lock);
	instance->budget_link = &budget->watched;
	instance->budget_next = budget->watched;
	if (budget->watched)
		budget->watched->budget_link = &instance->budget_next;
	budget->watched = instance;
	pal_unlock(&budget->lock);
}

void pal_budget_unwatch(pal_budget *budget, struct pal_instance *instance)
{
	if (budget == NULL || instance->budget_link == NULL)
		return;
	pal_lock(&budget->lock);
	*instance->budget_link = instance->budget_next;
	if (instance->budget_next)
		instance->budget_next->budget_link = instance->budget_link;
	pal_unlock(&budget->lock);
}

void pal_budget_interrupt(pal_budget *budget)
{
	pal_lock(&budget->lock);
	for (const struct pal_instance *instance = budget->watched; instance; instance = instance->budget_next)
		pal_rt_interrupt(instance->pinned);
	pal_unlock(&budget->lock);
}
