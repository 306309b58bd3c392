/* Snapshots as hosts have them: of one memory, or of an instance. */
#include "instance.h"
#include "memory.h"
#include "palisade.h"
#include "state.h"
#include "version.h"
#include <stdlib.h>

struct pal_snapshot {
	struct pal_state *state; /* NULL: of a memory */
	size_t count;
	struct pal_version *versions[]; /* of different memories */
};

static struct pal_snapshot *new_snapshot(size_t memories)
{
	/* at most a few thousand memories: the validator limits them */
	return calloc(1, sizeof(struct pal_snapshot) + memories * sizeof(struct pal_version *));
}

void pal_snapshot_free(pal_snapshot *snapshot)
{
	if (snapshot == NULL)
		return;
	for (size_t i = 0; i < snapshot->count; i++)
		pal_version_drop(snapshot->versions[i]);
	pal_state_drop(snapshot->state);
	free(snapshot);
}

/* ---- Of a memory ---- */

pal_status pal_memory_snapshot(pal_memory *memory, pal_snapshot **out)
{
	*out = NULL;
	struct pal_snapshot *snapshot = new_snapshot(1);
	if (snapshot == NULL)
		return PAL_E_NOMEM;
	pal_status status = pal_version_take(&snapshot->versions[0], memory);
	if (status != PAL_OK) {
		free(snapshot);
		return status;
	}
	snapshot->count = 1;
	*out = snapshot;
	return PAL_OK;
}

/* NULL: the snapshot has none of this memory. */
static struct pal_version *version_of(const struct pal_snapshot *snapshot, const struct pal_memory *memory)
{
	for (size_t i = 0; i < snapshot->count; i++)
		if (snapshot->versions[i]->memory == memory)
			return snapshot->versions[i];
	return NULL;
}

pal_status pal_memory_restore(pal_memory *memory, pal_snapshot *snapshot)
{
	struct pal_version *version = version_of(snapshot, memory);
	return version ? pal_version_restore(version) : PAL_E_ARGUMENT;
}

pal_status pal_memory_dirty(pal_memory *memory, pal_snapshot *snapshot, uint64_t *pages, uint64_t *count)
{
	const struct pal_version *version = version_of(snapshot, memory);
	return version ? pal_version_dirty(version, pages, count) : PAL_E_ARGUMENT;
}

/* ---- Of an instance ---- */

static pal_status take_memory(struct pal_snapshot *snapshot, struct pal_memory *memory)
{
	if (version_of(snapshot, memory)) /* bound twice */
		return PAL_OK;
	pal_status status = pal_version_take(&snapshot->versions[snapshot->count], memory);
	snapshot->count += status == PAL_OK;
	return status;
}

/* Versions of the memories that the instance owns. Others may be bound: those are only remembered (state.c). */
static pal_status take_memories(struct pal_snapshot *snapshot, const struct pal_instance *instance)
{
	pal_status status = PAL_OK;
	for (uint32_t i = 0; i < instance->module->memory_count && status == PAL_OK; i++) {
		struct pal_memory *memory = instance->memories[i].owner;
		if (memory->instance == instance->number)
			status = take_memory(snapshot, memory);
	}
	return status;
}

int32_t pal_rt_snapshot(void *pinned, struct pal_snapshot **out)
{
	*out = NULL;
	const struct pal_instance *instance = pal_instance_of(pinned);
	struct pal_snapshot *snapshot = new_snapshot(instance->module->memory_count);
	if (snapshot == NULL)
		return PAL_E_NOMEM;
	snapshot->state = pal_state_take(instance);
	pal_status status = snapshot->state ? take_memories(snapshot, instance) : PAL_E_NOMEM;
	if (status == PAL_OK)
		*out = snapshot;
	else
		pal_snapshot_free(snapshot);
	return status;
}

static pal_status restore_memories(const struct pal_snapshot *snapshot)
{
	pal_status status = PAL_OK;
	for (size_t i = 0; i < snapshot->count && status == PAL_OK; i++)
		status = pal_version_restore(snapshot->versions[i]);
	return status;
}

/* All or none: where there are several, the way back is a snapshot, too. They need not be bound at the moment. */
static pal_status restore_all(const struct pal_snapshot *snapshot)
{
	if (snapshot->count <= 1)
		return restore_memories(snapshot);
	struct pal_snapshot *before = new_snapshot(snapshot->count);
	if (before == NULL)
		return PAL_E_NOMEM;
	pal_status status = PAL_OK;
	for (size_t i = 0; i < snapshot->count && status == PAL_OK; i++)
		status = take_memory(before, snapshot->versions[i]->memory);
	if (status == PAL_OK) {
		status = restore_memories(snapshot);
		if (status != PAL_OK)
			restore_memories(before);
	}
	pal_snapshot_free(before);
	return status;
}

int32_t pal_rt_restore(void *pinned, struct pal_snapshot *snapshot)
{
	struct pal_instance *instance = pal_instance_of(pinned);
	if (snapshot->state == NULL || !pal_state_is_of(snapshot->state, instance))
		return PAL_E_ARGUMENT;
	if (!pal_state_make_room(snapshot->state))
		return PAL_E_NOMEM;
	pal_status status = restore_all(snapshot);
	if (status == PAL_OK)
		pal_state_load(snapshot->state, instance);
	return status;
}
