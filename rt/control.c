/* What guests do with pages of their memories, through builtin imports. Misuse is a trap; what the OS refuses is an
 * answer. */
#include "control.h"
#include "instance.h"
#include "memory.h"
#include "palisade.h"
#include "port.h"
#include "trap.h"

/* WASI's numbers. */
enum { ERRNO_SUCCESS = 0, ERRNO_IO = 29, ERRNO_NOMEM = 48 };

static _Noreturn void misuse(pal_status status, uint32_t memory, uint64_t address)
{
	const char *message = "memory control: no such access";
	if (status == PAL_E_RANGE)
		pal_rt_trap(PAL_TRAP_MEMORY_OUT_OF_BOUNDS, NULL, (int32_t)memory, address);
	if (status == PAL_E_ALIGN)
		message = "memory control: not a multiple of the host's page size";
	if (status == PAL_E_STATE)
		message = "memory control: pages are mapped that must not be, or not mapped, or can't be changed";
	pal_rt_trap(PAL_TRAP_MEMORY_PROTECTED, message, (int32_t)memory, address);
}

uint32_t pal_control_answer(pal_status status, uint32_t memory, uint64_t address)
{
	switch (status) {
	case PAL_OK: return ERRNO_SUCCESS;
	case PAL_E_NOMEM: return ERRNO_NOMEM;
	case PAL_E_OS: return ERRNO_IO;
	default: misuse(status, memory, address);
	}
}

static uint64_t map_any(struct pal_memory *memory, uint32_t index, uint64_t size, uint64_t access)
{
	uint64_t address;
	pal_status status = pal_memory_map_any(memory, size, (pal_prot)access, &address);
	return pal_control_answer(status, index, 0) == ERRNO_SUCCESS ? address : UINT64_MAX;
}

/* Numbers come from the guest as they are: what they mean is checked by the functions that hosts call, too. */
uint64_t pal_rt_memory_control(void *pinned, uint32_t index, uint32_t operation, uint64_t a, uint64_t b, uint64_t c)
{
	struct pal_memory *memory = pal_instance_of(pinned)->memories[index].owner;
	switch (operation) {
	case PAL_CONTROL_PROTECT: return pal_control_answer(pal_memory_protect(memory, a, b, (pal_prot)c), index, a);
	case PAL_CONTROL_MAP: return pal_control_answer(pal_memory_map(memory, a, b, (pal_prot)c), index, a);
	case PAL_CONTROL_UNMAP: return pal_control_answer(pal_memory_unmap(memory, a, b), index, a);
	case PAL_CONTROL_ALIAS: return pal_control_answer(pal_memory_alias(memory, a, b, c), index, a);
	case PAL_CONTROL_MAP_ANY: return map_any(memory, index, a, b);
	default: return pal_port_page(); /* PAL_CONTROL_PAGE_SIZE */
	}
}
