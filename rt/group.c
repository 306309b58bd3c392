/* See group.h. One lock for all groups: it is taken when instances and tables come and go, never while wasm runs. */
#include "group.h"
#include "port.h"
#include "type.h"
#include <stdlib.h>

struct pal_group {
	uint64_t handles; /* instances that the host has */
	uint64_t members; /* instances and tables */
	struct pal_instance *instances;
	struct pal_table *tables;
};
static struct pal_lock lock = PAL_LOCK_INIT;

/* ---- Membership ---- */

static void add_instance(struct pal_group *group, struct pal_instance *instance)
{
	instance->group = group;
	instance->next = group->instances;
	group->instances = instance;
	group->members++;
}

static void add_table(struct pal_group *group, struct pal_table *table)
{
	table->group = group;
	table->next = group->tables;
	group->tables = table;
	group->members++;
}

static void remove_table(struct pal_table *table)
{
	if (table->group == NULL)
		return;
	struct pal_table **link = &table->group->tables;
	while (*link != table)
		link = &(*link)->next;
	*link = table->next;
	table->group->members--;
	table->group = NULL;
}

static void merge(struct pal_group *a, struct pal_group *b)
{
	if (a == b)
		return;
	struct pal_group *into = a->members >= b->members ? a : b, *from = into == a ? b : a;
	while (from->instances) {
		struct pal_instance *instance = from->instances;
		from->instances = instance->next;
		add_instance(into, instance);
	}
	while (from->tables) {
		struct pal_table *table = from->tables;
		from->tables = table->next;
		add_table(into, table);
	}
	into->handles += from->handles;
	free(from);
}

static void join_table(struct pal_group *group, struct pal_table *table)
{
	if (table->group)
		merge(group, table->group);
	else
		add_table(group, table);
}

static void join_tables(struct pal_instance *instance)
{
	for (uint32_t i = 0; i < instance->module->table_count; i++) {
		struct pal_table *table = instance->tables[i].owner;
		if (table && pal_value_type_is_func(table->type)) /* tables of host references hold no code */
			join_table(instance->group, table);
	}
}

bool pal_group_make(struct pal_instance *instance)
{
	struct pal_group *group = calloc(1, sizeof *group);
	if (group == NULL)
		return false;
	pal_lock(&lock);
	add_instance(group, instance);
	join_tables(instance);
	pal_unlock(&lock);
	return true;
}

void pal_group_join(struct pal_instance *a, struct pal_instance *b)
{
	pal_lock(&lock);
	merge(a->group, b->group);
	pal_unlock(&lock);
}

void pal_group_admit(struct pal_table *table, const struct pal_func *func)
{
	pal_lock(&lock);
	join_table(pal_instance_of(func->pinned)->group, table);
	pal_unlock(&lock);
}

/* ---- Ends ---- */

static bool is_reachable(const struct pal_group *group)
{
	for (const struct pal_table *table = group->tables; table; table = table->next)
		if (table->host_references > 0)
			return true;
	return group->handles > 0;
}

/* Ends a group that nobody can reach. Its tables go with the last instance that uses them. */
static void settle(struct pal_group *group)
{
	if (group == NULL || is_reachable(group))
		return;
	while (group->instances) {
		struct pal_instance *instance = group->instances;
		group->instances = instance->next;
		pal_instance_destroy(instance);
	}
	free(group);
}

void pal_group_hand_out(struct pal_instance *instance)
{
	pal_lock(&lock);
	instance->has_handle = true;
	instance->group->handles++;
	pal_unlock(&lock);
}

void pal_group_drop(struct pal_instance *instance)
{
	pal_lock(&lock);
	struct pal_group *group = instance->group;
	if (instance->has_handle)
		group->handles--;
	instance->has_handle = false;
	if (group)
		settle(group);
	else
		pal_instance_destroy(instance); /* failed before it had one */
	pal_unlock(&lock);
}

/* ---- Tables ---- */

static void destroy_if_unused(struct pal_table *table)
{
	if (table->host_references + table->instance_references > 0)
		return;
	remove_table(table);
	pal_table_destroy(table);
}

void pal_group_retain_table(struct pal_table *table)
{
	pal_lock(&lock);
	table->instance_references++;
	pal_unlock(&lock);
}

void pal_group_release_table(struct pal_table *table)
{
	table->instance_references--;
	destroy_if_unused(table);
}

void pal_group_drop_table(struct pal_table *table)
{
	pal_lock(&lock);
	struct pal_group *group = table->group;
	table->host_references--;
	destroy_if_unused(table);
	settle(group);
	pal_unlock(&lock);
}
