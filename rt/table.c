/* See table.h. */
#include "table.h"
#include "budget.h"
#include "exception.h"
#include "group.h"
#include "instance.h"
#include "runtime.h"
#include "type.h"
#include <stdlib.h>
#include <string.h>

/* Tables grow no further than this, unless they were larger from the start. */
#define ELEMENTS_MAX ((uint64_t)10000000)
#define BYTES_MAX ((uint64_t)1 << 56)

static uint64_t lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

pal_status pal_table_make(struct pal_table **out, const struct pal_table_spec *spec)
{
	*out = NULL;
	if (spec->minimum > spec->maximum || (!spec->index64 && spec->minimum > UINT32_MAX))
		return PAL_E_RANGE;
	if (spec->minimum > BYTES_MAX / sizeof(void *))
		return PAL_E_NOMEM;
	pal_budget *budget = pal_budget_retain_used();
	if (!pal_budget_take(budget, PAL_TABLE_ELEMENTS, spec->minimum)) {
		pal_budget_free(budget);
		if (spec->over_limit)
			*spec->over_limit = true;
		return PAL_E_NOMEM;
	}
	struct pal_table *table = calloc(1, sizeof *table);
	void **elements = calloc(spec->minimum ? spec->minimum : 1, sizeof *elements);
	if (table == NULL || elements == NULL) {
		pal_budget_give(budget, PAL_TABLE_ELEMENTS, spec->minimum);
		pal_budget_free(budget);
		free(table);
		free(elements);
		return PAL_E_NOMEM;
	}
	table->runtime = &pal_runtime;
	table->budget = budget;
	table->elements = elements;
	table->size = table->room = spec->minimum;
	table->max = spec->maximum;
	table->limit = lesser(spec->maximum, spec->minimum > ELEMENTS_MAX ? spec->minimum : ELEMENTS_MAX);
	table->type = spec->type;
	table->index64 = spec->index64;
	*out = table;
	return PAL_OK;
}

void pal_table_destroy(struct pal_table *table)
{
	pal_budget_give(table->budget, PAL_TABLE_ELEMENTS, table->size);
	pal_budget_free(table->budget);
	free(table->elements);
	free(table);
}

/* ---- Views ---- */

static void update_view(const struct pal_table *table, struct pal_view *view)
{
	view->base = (uint8_t *)table->elements;
	view->size = table->size;
}

void pal_table_attach(struct pal_table *table, struct pal_view *view)
{
	view->owner = table;
	view->next = table->views;
	table->views = view;
	update_view(table, view);
}

void pal_table_detach(struct pal_table *table, struct pal_view *view)
{
	struct pal_view **link = &table->views;
	while (*link && *link != view)
		link = &(*link)->next;
	if (*link)
		*link = view->next;
}

/* ---- Elements ---- */

bool pal_table_contains(const struct pal_table *table, uint64_t at, uint64_t elements)
{
	return at <= table->size && elements <= table->size - at;
}

/* Room for `size` elements, at most table->limit, so the products below stay under BYTES_MAX. */
static bool make_room(struct pal_table *table, uint64_t size)
{
	if (size <= table->room)
		return true;
	uint64_t room = lesser(size + size / 2, table->limit); /* more than asked, so that growing one by one stays cheap */
	void **elements = realloc(table->elements, room * sizeof *elements);
	if (elements == NULL)
		return false;
	table->elements = elements;
	table->room = room;
	return true;
}

static bool grow(struct pal_table *table, uint64_t elements, void *value, uint64_t *old_size)
{
	uint64_t old = table->size;
	if (elements > table->limit - old) /* old <= limit, always */
		return false;
	uint64_t size = old + elements;
	if (!pal_budget_take(table->budget, PAL_TABLE_ELEMENTS, elements))
		return false;
	if (!make_room(table, size)) {
		pal_budget_give(table->budget, PAL_TABLE_ELEMENTS, elements);
		return false;
	}
	for (uint64_t i = old; i < size; i++)
		table->elements[i] = value;
	table->size = size;
	for (struct pal_view *view = table->views; view; view = view->next)
		update_view(table, view);
	*old_size = old;
	return true;
}

bool pal_table_grow(struct pal_table *table, uint64_t elements, void *value, uint64_t *old_size)
{
	if (!pal_value_type_is_exn(table->type))
		return grow(table, elements, value, old_size);
	pal_exception_lock(); /* another thread may be looking for exceptions in it */
	bool done = grow(table, elements, value, old_size);
	pal_exception_unlock();
	return done;
}

/* ---- Going back ---- */

/* Others who look for exceptions in it must find it whole. */
static void lock(const struct pal_table *table)
{
	if (pal_value_type_is_exn(table->type))
		pal_exception_lock();
}

static void unlock(const struct pal_table *table)
{
	if (pal_value_type_is_exn(table->type))
		pal_exception_unlock();
}

bool pal_table_make_room(struct pal_table *table, uint64_t size)
{
	lock(table);
	bool done = make_room(table, size);
	for (struct pal_view *view = table->views; view; view = view->next)
		update_view(table, view); /* it may have moved */
	unlock(table);
	return done;
}

void pal_table_load(struct pal_table *table, void *const *elements, uint64_t size)
{
	lock(table);
	memcpy(table->elements, elements, size * sizeof *elements);
	pal_budget_move(table->budget, PAL_TABLE_ELEMENTS, table->size, size);
	table->size = size;
	for (struct pal_view *view = table->views; view; view = view->next)
		update_view(table, view);
	unlock(table);
}

/* ---- Becoming what a module imports ---- */

uint64_t pal_table_misfit(const struct pal_table *table, uint32_t type)
{
	uint64_t at = 0;
	while (at < table->size && pal_reference_matches(table->elements[at], type))
		at++;
	return at;
}

/* ---- For hosts ---- */

pal_status pal_table_new(pal_table **out, pal_table_type type, uint64_t min_elements, uint64_t max_elements)
{
	*out = NULL;
	if (type != PAL_TABLE_FUNCREF && type != PAL_TABLE_EXTERNREF)
		return PAL_E_ARGUMENT;
	struct pal_table_spec spec = { min_elements, max_elements, type, 0, NULL };
	pal_status status = pal_table_make(out, &spec);
	if (status == PAL_OK) {
		(*out)->host_references = 1;
		(*out)->open = true;
	}
	return status;
}

void pal_table_free(pal_table *table)
{
	if (table)
		pal_group_drop_table(table);
}

uint64_t pal_table_size(const pal_table *table)
{
	return table->size;
}

pal_status pal_table_get(const pal_table *table, uint64_t index, void **ref)
{
	if (index >= table->size)
		return PAL_E_RANGE;
	*ref = table->elements[index];
	return PAL_OK;
}

pal_status pal_table_set(pal_table *table, uint64_t index, void *ref)
{
	if (index >= table->size)
		return PAL_E_RANGE;
	if (pal_value_type_is_func(table->type) && !pal_func_is_ours(ref))
		return PAL_E_TYPE;
	if (!pal_reference_matches(ref, table->type))
		return PAL_E_TYPE; /* code calls what a typed table holds without asking */
	if (ref && pal_value_type_is_func(table->type))
		pal_group_admit(table, ref);
	table->elements[index] = ref;
	return PAL_OK;
}
