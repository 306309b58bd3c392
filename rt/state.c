/* See state.h. */
#include "state.h"
#include "memory.h"
#include "table.h"
#include <stdlib.h>
#include <string.h>

struct saved_table {
	struct pal_table *table; /* the instance's: it lives as long */
	void **elements;
	uint64_t size;
};

struct pal_state {
	uint64_t instance; /* its number */
	uint8_t *bytes;    /* globals, then what is dropped */
	struct saved_table *tables;
	uint32_t table_count;
	struct pal_memory **bound; /* of each memory of the module that is bindable: what was; else NULL */
	uint32_t memory_count;
};

/* A part of the context. */
struct part {
	uint8_t *at;
	size_t size;
};

enum { PARTS = 3 };

/* Slots of imported globals are among them: pointers, which never change. */
static void find_parts(const struct pal_instance *instance, struct part parts[PARTS])
{
	const struct pal_module *module = instance->module;
	uint8_t *pinned = instance->pinned;
	parts[0] = (struct part){ pinned - module->globals_end, module->globals_end - PAL_CONTEXT_FIXED };
	parts[1] = (struct part){ pinned - module->data_dropped_at, module->data_segment_count };
	parts[2] = (struct part){ pinned - module->elem_dropped_at, module->elem_segment_count };
}

static bool is_own_table(const struct pal_module *module, uint32_t index)
{
	return module->tables[index].import < 0 && !module->tables[index].is_static;
}

static bool take_table(struct saved_table *saved, struct pal_table *table)
{
	saved->table = table;
	saved->size = table->size;
	saved->elements = malloc((table->size ? table->size : 1) * sizeof *saved->elements); /* as large as one that exists */
	if (saved->elements)
		memcpy(saved->elements, table->elements, table->size * sizeof *saved->elements);
	return saved->elements != NULL;
}

static bool take_bytes(struct pal_state *state, const struct pal_instance *instance)
{
	struct part parts[PARTS];
	find_parts(instance, parts);
	state->bytes = malloc(parts[0].size + parts[1].size + parts[2].size + 1);
	uint8_t *to = state->bytes;
	for (int i = 0; to && i < PARTS; to += parts[i++].size)
		memcpy(to, parts[i].at, parts[i].size);
	return state->bytes != NULL;
}

static bool take_tables(struct pal_state *state, const struct pal_instance *instance)
{
	const struct pal_module *module = instance->module;
	state->tables = calloc((size_t)module->table_count + 1, sizeof *state->tables);
	bool done = state->tables != NULL;
	for (uint32_t i = 0; done && i < module->table_count; i++)
		if (is_own_table(module, i))
			done = take_table(&state->tables[state->table_count++], instance->tables[i].owner);
	return done;
}

/* Each holds a reference: what was bound can be bound again. */
static bool take_bound(struct pal_state *state, const struct pal_instance *instance)
{
	const struct pal_module *module = instance->module;
	state->bound = calloc((size_t)module->memory_count + 1, sizeof *state->bound);
	if (state->bound == NULL)
		return false;
	state->memory_count = module->memory_count;
	for (uint32_t i = 0; i < module->memory_count; i++) {
		if (!(module->memories[i].flags & PAL_MEMORY_BINDABLE))
			continue;
		state->bound[i] = instance->memories[i].owner;
		pal_memory_retain(state->bound[i]);
	}
	return true;
}

struct pal_state *pal_state_take(const struct pal_instance *instance)
{
	struct pal_state *state = calloc(1, sizeof *state);
	if (state == NULL)
		return NULL;
	state->instance = instance->number;
	if (take_bytes(state, instance) && take_tables(state, instance) && take_bound(state, instance))
		return state;
	pal_state_drop(state);
	return NULL;
}

void pal_state_drop(struct pal_state *state)
{
	if (state == NULL)
		return;
	for (uint32_t i = 0; i < state->table_count; i++)
		free(state->tables[i].elements);
	for (uint32_t i = 0; i < state->memory_count; i++)
		pal_memory_free(state->bound[i]);
	free(state->bound);
	free(state->tables);
	free(state->bytes);
	free(state);
}

bool pal_state_is_of(const struct pal_state *state, const struct pal_instance *instance)
{
	return state->instance == instance->number;
}

bool pal_state_make_room(const struct pal_state *state)
{
	bool done = true;
	for (uint32_t i = 0; done && i < state->table_count; i++)
		done = pal_table_make_room(state->tables[i].table, state->tables[i].size);
	return done;
}

void pal_state_load(const struct pal_state *state, struct pal_instance *instance)
{
	struct part parts[PARTS];
	find_parts(instance, parts);
	const uint8_t *from = state->bytes;
	for (int i = 0; i < PARTS; from += parts[i++].size)
		memcpy(parts[i].at, from, parts[i].size);
	for (uint32_t i = 0; i < state->table_count; i++)
		pal_table_load(state->tables[i].table, state->tables[i].elements, state->tables[i].size);
	for (uint32_t i = 0; i < state->memory_count; i++)
		if (state->bound[i])
			pal_instance_bind(instance, i, state->bound[i]); /* it was bound there: it fits */
}
