/* Bindable memories: other bytes, or another memory, under the same code. The code reads base, length and writable
 * length from the instance's view each time it may have changed. */
#include "instance.h"
#include "memory.h"
#include "palisade.h"
#include <stdlib.h>

/* WASI's numbers. */
enum { ERRNO_SUCCESS = 0, ERRNO_BADF = 8, ERRNO_INVAL = 28 };

static pal_status check(const struct pal_instance *instance, uint32_t index, const struct pal_memory *memory)
{
	const struct pal_module *module = instance->module;
	if (index >= module->memory_count)
		return PAL_E_ARGUMENT;
	const struct pal_memory_desc *desc = &module->memories[index];
	if (!(desc->flags & PAL_MEMORY_BINDABLE))
		return PAL_E_STATE;
	bool fits = memory->index64 == desc->index64 && memory->page_log2 == desc->page_log2 && memory->shared == desc->shared;
	if (!fits)
		return PAL_E_TYPE;
	/* The code knows of bytes that can be written, all or none, and else of pages. */
	return memory->immutable || pal_memory_is_protected_by_pages(memory) ? PAL_OK : PAL_E_STATE;
}

/* While none of the instance's code runs but a call of C's, by contract; and a guest's own call comes back to code that
 * reads the view again. So nobody sees the view change. */
pal_status pal_instance_bind(struct pal_instance *instance, uint32_t index, struct pal_memory *memory)
{
	pal_status status = check(instance, index, memory);
	if (status != PAL_OK)
		return status;
	struct pal_view *view = &instance->memories[index];
	struct pal_memory *old = view->owner;
	pal_memory_retain(memory); /* first: it may be the old one */
	pal_memory_detach(old, view);
	pal_memory_attach(memory, view);
	pal_memory_free(old);
	pal_instance_tell_wasi(instance);
	return PAL_OK;
}

int32_t pal_rt_bind_memory(void *pinned, uint32_t index, void *memory)
{
	if (pinned == NULL || memory == NULL || !pal_is_ours(memory))
		return PAL_E_ARGUMENT;
	return pal_instance_bind(pal_instance_of(pinned), index, memory);
}

/* ---- Handles ---- */

static bool find_free(struct pal_offers *offers, uint32_t *handle)
{
	for (*handle = 0; *handle < offers->count; ++*handle)
		if (offers->memories[*handle] == NULL)
			return true;
	if (offers->count == INT32_MAX)
		return false;
	struct pal_memory **more = realloc(offers->memories, ((size_t)offers->count + 1) * sizeof *more);
	if (more == NULL)
		return false;
	more[offers->count++] = NULL;
	offers->memories = more;
	return true;
}

int32_t pal_rt_offer_memory(void *pinned, void *memory, int32_t *handle)
{
	if (pinned == NULL || memory == NULL || !pal_is_ours(memory))
		return PAL_E_ARGUMENT;
	struct pal_offers *offers = &pal_instance_of(pinned)->offers;
	uint32_t found;
	if (!find_free(offers, &found))
		return PAL_E_NOMEM;
	pal_memory_retain(memory);
	offers->memories[found] = memory;
	*handle = (int32_t)found; /* below INT32_MAX */
	return PAL_OK;
}

int32_t pal_rt_withdraw_memory(void *pinned, int32_t handle)
{
	if (pinned == NULL)
		return PAL_E_ARGUMENT;
	struct pal_offers *offers = &pal_instance_of(pinned)->offers;
	if (handle < 0 || (uint32_t)handle >= offers->count || offers->memories[handle] == NULL)
		return PAL_E_ARGUMENT;
	pal_memory_free(offers->memories[handle]);
	offers->memories[handle] = NULL;
	return PAL_OK;
}

void pal_offers_drop(struct pal_offers *offers)
{
	for (uint32_t i = 0; i < offers->count; i++)
		pal_memory_free(offers->memories[i]);
	free(offers->memories);
}

/* The handle is the guest's number: it counts for nothing but the place in the instance's own list. */
uint32_t pal_rt_memory_bind(void *pinned, uint32_t memory, uint32_t handle)
{
	struct pal_instance *instance = pal_instance_of(pinned);
	const struct pal_offers *offers = &instance->offers;
	if (handle >= offers->count || offers->memories[handle] == NULL)
		return ERRNO_BADF;
	return pal_instance_bind(instance, memory, offers->memories[handle]) == PAL_OK ? ERRNO_SUCCESS : ERRNO_INVAL;
}
