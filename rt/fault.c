/* See fault.h. A fault is taken only if it can be nothing else than a trap of compiled code, or the end of a guarded
 * copy: the host's own bugs must reach the host's own handlers. */
#include "fault.h"
#include "arch.h"
#include "instance.h"
#include "last_trap.h"
#include "memory.h"
#include "report.h"
#include "sanitize.h"
#include "site.h"
#include "thread.h"
#include "try.h"
#include <stdlib.h>
#include <string.h>

/* What a fault turned out to be. */
struct verdict {
	pal_trap kind; /* PAL_TRAP_NONE: not ours */
	int32_t memory;
	uint64_t address;
	bool address_known;
};

static const struct verdict not_ours = { PAL_TRAP_NONE, -1, 0, false };

/* Null references are dereferenced: at most this far from address 0. */
enum { NULL_REACH = 4096 };
/* How far below a stack's low end an overflow can first touch: code probes every page of larger frames. */
enum { STACK_REACH = 1 << 20 };

static struct verdict judge_memory(const struct pal_module *module, uintptr_t address, void *pinned)
{
	const struct pal_instance *instance = pal_instance_of(pinned);
	if (instance->module != module)
		return not_ours;
	for (uint32_t i = 0; i < module->memory_count; i++) {
		const struct pal_memory *memory = instance->memories[i].owner;
		uintptr_t distance = address - (uintptr_t)memory->base; /* wraps to a huge number below the base */
		if (distance >= memory->reach)
			continue;
		pal_trap kind = distance < memory->size ? PAL_TRAP_MEMORY_PROTECTED : PAL_TRAP_MEMORY_OUT_OF_BOUNDS;
		return (struct verdict){ kind, (int32_t)i, distance, true };
	}
	return not_ours;
}

static uint64_t context_word(const void *pinned, uint32_t distance)
{
	uint64_t word;
	memcpy(&word, (const uint8_t *)pinned - distance, sizeof word);
	return word;
}

/* The memory of an explicit check, or -1: the last kind stands for several. */
static int32_t checked_memory(uint8_t kind, const void *pinned)
{
	if (kind < PAL_SITE_MEMORY)
		return (int32_t)context_word(pinned, PAL_CONTEXT_TRAP_MEMORY); /* below the number of memories */
	if (kind < PAL_SITE_PROTECTED)
		return kind < PAL_SITE_MEMORY_MAX ? kind - PAL_SITE_MEMORY : -1;
	return kind < PAL_SITE_PROTECTED_MAX ? kind - PAL_SITE_PROTECTED : -1;
}

/* No access is larger. */
enum { ACCESS_MAX = 16 };

/* An access that was refused here begins inside the memory: is it forbidden, or does it only end outside? */
static bool is_forbidden(const struct pal_memory *memory, uint64_t address, bool write)
{
	uint64_t room = memory->size - address, size = room < ACCESS_MAX ? room : ACCESS_MAX;
	return pal_memory_forbidden(memory, address, size, write) < address + size;
}

/* An explicit check's site says what it refused, where the module alone decides that. */
static struct verdict judge_check(uint8_t kind, const struct pal_module *module, const void *pinned)
{
	int32_t index = checked_memory(kind, pinned);
	uint64_t address = context_word(pinned, PAL_CONTEXT_TRAP_ADDRESS);
	bool known = address != UINT64_MAX;
	bool forbidden = kind >= PAL_SITE_PROTECTED;
	bool any = kind < PAL_SITE_MEMORY;
	if (any || (forbidden && index >= 0 && module->memories[index].flags & PAL_MEMORY_BINDABLE)) {
		const struct pal_memory *memory = pal_instance_of(pinned)->memories[index].owner;
		forbidden = address < memory->size && is_forbidden(memory, address, kind != PAL_SITE_ANY_READ);
	}
	pal_trap trap = forbidden ? PAL_TRAP_MEMORY_PROTECTED : PAL_TRAP_MEMORY_OUT_OF_BOUNDS;
	return (struct verdict){ trap, index, known ? address : 0, known };
}

/* A trapping instruction says by its site what it means. */
static struct verdict judge_trap(uint8_t kind, const struct pal_module *module, const void *pinned)
{
	if (kind < PAL_SITE_ANY_READ)
		return (struct verdict){ (pal_trap)kind, -1, 0, false };
	return judge_check(kind, module, pinned);
}

static struct verdict judge_access(uint8_t kind, const struct pal_module *module, uintptr_t address, void *pinned)
{
	if (kind == PAL_TRAP_MEMORY_OUT_OF_BOUNDS)
		return judge_memory(module, address, pinned);
	if ((kind == PAL_TRAP_NULL_REFERENCE || kind == PAL_TRAP_INDIRECT_CALL_NULL) && address < NULL_REACH)
		return judge_trap(kind, module, pinned);
	return not_ours;
}

/* The guard of a stack this thread can run on lies at its low end, by some C libraries' count inside, by others' below.
 * The main thread's grows until RLIMIT_STACK; what lies below that never becomes accessible. */
static bool is_stack_end(const struct pal_stack *stack, uintptr_t address)
{
	if (stack->high == 0)
		return false;
	uintptr_t lowest = stack->low > STACK_REACH ? stack->low - STACK_REACH : 0;
	return address >= lowest && address < stack->low + stack->guard; /* the guard lies inside the stack: no wrap */
}

#ifdef __riscv
/* P is in no register. What asks for it has kept it in its frame, before anything that can fault. */
PAL_NO_SANITIZE static void find_instance(struct pal_machine *machine)
{
	uint32_t offset;
	const struct pal_module *module = pal_code_find(machine->pc, &offset);
	if (module == NULL || pal_site_find(module, offset, false) < 0)
		return;
	const uint32_t *saved = &module->saved_registers[pal_frame_find(module, offset)];
	for (uint32_t count = *saved++; count > 0; count--, saved++)
		if ((*saved & 0xff) == PAL_REGISTER_INSTANCE)
			machine->pinned = *(const uintptr_t *)(machine->fp - (*saved >> 8));
}

/* See arch.h. */
static bool end_probe(struct pal_machine *machine)
{
	if (machine->pc != (uintptr_t)pal_probe_site)
		return false;
	machine->pc = (uintptr_t)pal_probe_end;
	machine->result = 0;
	return true;
}
#else
static void find_instance(struct pal_machine *machine)
{
	(void)machine; /* in the pinned register */
}

static bool end_probe(struct pal_machine *machine)
{
	(void)machine;
	return false;
}
#endif

static struct verdict judge(enum pal_fault fault, uintptr_t address, const struct pal_machine *machine)
{
	uint32_t offset;
	const struct pal_module *module = pal_code_find(machine->pc, &offset);
	if (module == NULL)
		return not_ours;
	if (fault == PAL_FAULT_STACK)
		return (struct verdict){ PAL_TRAP_STACK_OVERFLOW, -1, 0, false };
	int64_t site = pal_site_find(module, offset, false);
	if (fault == PAL_FAULT_TRAP)
		return site < 0 ? not_ours : judge_trap(module->site_kind[site], module, (const void *)machine->pinned);
	struct verdict verdict = not_ours;
	if (site >= 0)
		verdict = judge_access(module->site_kind[site], module, address, (void *)machine->pinned);
	/* Any instruction of compiled code may be the one that touches the stack's end. */
	if (verdict.kind == PAL_TRAP_NONE &&
	    (is_stack_end(&pal_self.own, address) || is_stack_end(&pal_self.mapped, address)))
		verdict.kind = PAL_TRAP_STACK_OVERFLOW;
	return verdict;
}

/* Guarded copies keep the range of guest memory that they may fault on in registers. */
static bool end_guarded_copy(uintptr_t address, struct pal_machine *machine)
{
	if (machine->pc < (uintptr_t)pal_copy_begin || machine->pc >= (uintptr_t)pal_copy_end)
		return false;
	if (address - machine->copy_base >= machine->copy_bytes) /* wraps to a huge number below the base */
		return false;
	machine->pc = (uintptr_t)pal_copy_fault;
	machine->result = address;
	return true;
}

static void record(const struct verdict *verdict, const struct pal_machine *machine)
{
	const char *message = verdict->address_known && verdict->memory >= 0 ? NULL : pal_trap_text(verdict->kind);
	pal_trap_record(verdict->kind, message, verdict->memory, verdict->address);
	/* After an overflow sp may lie below the stack; its frames begin at fp then. */
	uintptr_t sp = pal_thread_stack(machine->sp) ? machine->sp : machine->fp;
	pal_trap_backtrace(machine->pc, machine->fp, sp);
}

/* Another thread may have grown the memory between the access and now. So the first fault inside a memory is no answer
 * yet: the access is tried again. */
static bool try_again(const struct verdict *verdict, uintptr_t address, const struct pal_machine *machine)
{
	struct pal_thread *thread = &pal_self;
	if (verdict->kind != PAL_TRAP_MEMORY_PROTECTED)
		return false;
	if (thread->retried_pc == machine->pc && thread->retried_address == address)
		return false;
	thread->retried_pc = machine->pc;
	thread->retried_address = address;
	return true;
}

bool pal_trap_fault(enum pal_fault fault, uintptr_t address, struct pal_machine *machine)
{
	if (fault == PAL_FAULT_ACCESS && end_guarded_copy(address, machine))
		return true;
	if (fault == PAL_FAULT_TRAP && end_probe(machine))
		return true;
	find_instance(machine);
	struct verdict verdict = judge(fault, address, machine);
	if (verdict.kind == PAL_TRAP_NONE)
		return false;
	if (fault == PAL_FAULT_ACCESS && try_again(&verdict, address, machine))
		return true;
	record(&verdict, machine);
	if (verdict.kind == PAL_TRAP_INTERRUPTED)
		pal_rt_uninterrupt((void *)machine->pinned); /* once: the host may go on with the instance */
	uintptr_t sp = pal_thread_stack(machine->sp) ? machine->sp : machine->fp;
	uintptr_t frame = pal_try_take(sp);
	if (frame == 0) {
		pal_report();
		abort();
	}
	__asan_handle_no_return();
	machine->pc = (uintptr_t)pal_try_land;
	machine->fp = frame;
	machine->sp = frame + (uintptr_t)PAL_TRY_SP; /* the distance may be negative: wraps as intended */
	machine->result = verdict.kind;
	return true;
}
