/* See last_trap.h. */
#include "last_trap.h"
#include "arch.h"
#include "sanitize.h"
#include "site.h"
#include "text.h"
#include "thread.h"

const char *pal_trap_text(pal_trap kind)
{
	/* the wordings of the specification's test suite, where it has one */
	switch (kind) {
	case PAL_TRAP_NONE: return "no trap";
	case PAL_TRAP_MEMORY_OUT_OF_BOUNDS: return "out of bounds memory access";
	case PAL_TRAP_MEMORY_PROTECTED: return "protected memory access";
	case PAL_TRAP_TABLE_OUT_OF_BOUNDS: return "out of bounds table access";
	case PAL_TRAP_INDIRECT_CALL_NULL: return "uninitialized element";
	case PAL_TRAP_INDIRECT_CALL_TYPE: return "indirect call type mismatch";
	case PAL_TRAP_INTEGER_DIVIDE_BY_ZERO: return "integer divide by zero";
	case PAL_TRAP_INTEGER_OVERFLOW: return "integer overflow";
	case PAL_TRAP_INVALID_CONVERSION: return "invalid conversion to integer";
	case PAL_TRAP_UNREACHABLE: return "unreachable";
	case PAL_TRAP_STACK_OVERFLOW: return "call stack exhausted";
	case PAL_TRAP_NULL_REFERENCE: return "null reference";
	case PAL_TRAP_UNCAUGHT_EXCEPTION: return "uncaught exception";
	case PAL_TRAP_LINK: return "incompatible import";
	case PAL_TRAP_OUT_OF_MEMORY: return "out of memory";
	case PAL_TRAP_EXIT: return "exit";
	case PAL_TRAP_INTERRUPTED: return "interrupted";
	case PAL_TRAP_CAST_FAILURE: return "cast failure";
	case PAL_TRAP_UNALIGNED_ATOMIC: return "unaligned atomic";
	case PAL_TRAP_EXPECTED_SHARED: return "expected shared memory";
	case PAL_TRAP_HOST: return "host trap";
	}
	return "unknown trap";
}

const pal_trap_info *pal_last_trap(void)
{
	struct pal_trap_info *trap = &pal_self.trap;
	if (trap->kind == PAL_TRAP_NONE) { /* before the first: not all zero bits */
		trap->message = pal_trap_text(PAL_TRAP_NONE);
		trap->memory = -1;
	}
	return trap;
}

static const char *memory_message(struct pal_thread *thread, pal_trap kind, int32_t memory, uint64_t address)
{
	struct pal_text text = pal_text_in(thread->message, sizeof thread->message);
	pal_text_add(&text, pal_trap_text(kind));
	pal_text_add(&text, ": address ");
	pal_text_hex(&text, address);
	pal_text_add(&text, " of memory ");
	pal_text_decimal(&text, (uint32_t)memory); /* not negative here */
	return thread->message;
}

void pal_trap_record(pal_trap kind, const char *message, int32_t memory, uint64_t address)
{
	struct pal_thread *thread = &pal_self;
	if (message == NULL)
		message = memory >= 0 ? memory_message(thread, kind, memory, address) : pal_trap_text(kind);
	thread->trap = (struct pal_trap_info){ .kind = kind, .message = message, .memory = memory, .address = address };
	thread->frame_count = 0;
	thread->frames_cut = false;
}

/* Where there are two versions of the code, the second one's functions are listed behind the first one's. */
static uint32_t function_index(const struct pal_module *module, uint32_t number)
{
	uint32_t defined = module->version_at ? module->functions / 2 : module->functions;
	return module->imported_functions + number % defined;
}

/* Appends a frame, while there is room. */
static void append(struct pal_thread *thread, const struct pal_module *module, uint32_t number, uint32_t offset)
{
	if (thread->frame_count == PAL_FRAMES) {
		thread->frames_cut = true;
		return;
	}
	thread->frames[thread->frame_count++] = (struct pal_frame){
		.module = module->name,
		.function = module->strings + module->function_name[number],
		.index = function_index(module, number),
		.offset = offset,
	};
}

/* Appends the frame executing at pc, if that is in a wasm function: stubs and C are passed over. Where a callee's code
 * stands in place of a call, it gets a frame of its own. */
static void add_frame(struct pal_thread *thread, uintptr_t pc, bool call)
{
	uint32_t offset;
	const struct pal_module *module = pal_code_find(call ? pc - 1 : pc, &offset);
	if (module == NULL)
		return;
	/* A call may be the last instruction of its function: its return address then belongs to the next one. The sum
	 * cannot wrap: text sizes are far below 4 GiB in the small code model. */
	int64_t function = pal_function_find(module, offset);
	int64_t site = pal_site_find(module, call ? offset + 1 : offset, call);
	if (function < 0)
		return;
	/* an entry PAL_SITE_INLINED never comes first, and is never the last one; its function is defined in the module */
	bool inlined = site >= 0 && site + 1 < module->sites && module->site_kind[site + 1] == PAL_SITE_INLINED;
	if (inlined) {
		append(thread, module, module->site_wasm[site + 1] - module->imported_functions, module->site_wasm[site]);
		site += 2;
	}
	append(thread, module, (uint32_t)function, site < 0 ? 0 : module->site_wasm[site]); /* fewer than 2^32 in all */
}

#ifdef _WIN32
/* From compiled code, which keeps frame records {caller's frame pointer, return address}, to where it was called. */
static bool leave_compiled(struct pal_place *place)
{
	const struct pal_stack *stack = pal_thread_stack(place->fp);
	if (stack == NULL || place->fp < place->sp || stack->high - place->fp < 2 * sizeof(uintptr_t))
		return false;
	const uintptr_t *record = (const uintptr_t *)place->fp;
	*place = (struct pal_place){ record[1], place->fp + 2 * sizeof(uintptr_t), record[0] };
	return true;
}

/* Each step goes up, so it ends. */
static void walk(struct pal_thread *thread, uintptr_t pc, uintptr_t fp, uintptr_t sp)
{
	bool in_c = pc == 0;
	struct pal_place place = in_c ? pal_port_here() : (struct pal_place){ 0, sp, fp };
	bool going = in_c || leave_compiled(&place);
	while (going && !thread->frames_cut) {
		uint32_t offset;
		uintptr_t before = place.sp;
		bool compiled = pal_code_find(place.pc - 1, &offset) != NULL;
		if (compiled)
			add_frame(thread, place.pc, true);
		going = (compiled ? leave_compiled(&place) : pal_port_caller(&place)) && place.sp > before;
	}
}
#else
/* Where the frame of what executes at pc has its record, from its frame pointer on: C may have it elsewhere than
 * compiled code. */
static uintptr_t record_of(uintptr_t pc, uintptr_t fp)
{
	uint32_t offset;
	bool compiled = PAL_FRAME_RECORD == 0 || pal_code_find(pc, &offset) != NULL;
	return compiled ? fp : fp + (uintptr_t)PAL_FRAME_RECORD; /* the distance may be negative: wraps as intended */
}

/* Frame records are {caller's frame pointer, return address}, as compiled code and the runtime keep them. The host's
 * code may keep something else in that register, so each record must lie on the stack, above the one before. */
PAL_NO_SANITIZE static void walk(struct pal_thread *thread, uintptr_t pc, uintptr_t fp, uintptr_t sp)
{
	const struct pal_stack *stack = pal_thread_stack(sp);
	if (stack == NULL)
		return;
	uintptr_t lowest = sp + (uintptr_t)PAL_FRAME_RECORD; /* sp may be C's frame pointer */
	uintptr_t at = record_of(pc, fp);
	while (at >= lowest && at % sizeof(uintptr_t) == 0 && at < stack->high && stack->high - at >= 2 * sizeof(uintptr_t)) {
		if (thread->frames_cut)
			return;
		const uintptr_t *record = (const uintptr_t *)at;
		const uintptr_t caller = pal_return_address(record[1]);
		add_frame(thread, caller, true);
		lowest = at + 2 * sizeof(uintptr_t); /* at most stack->high */
		at = record_of(caller - 1, record[0]); /* the call may be the last instruction of its function */
	}
}
#endif

void pal_trap_backtrace(uintptr_t pc, uintptr_t fp, uintptr_t sp)
{
	struct pal_thread *thread = &pal_self;
	if (pc)
		add_frame(thread, pc, false);
	walk(thread, pc, fp, sp);
	if (thread->frame_count > 0) {
		thread->trap.function = thread->frames[0].function[0] ? thread->frames[0].function : NULL;
		thread->trap.offset = thread->frames[0].offset;
	}
}
