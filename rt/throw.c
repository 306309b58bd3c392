/* Throwing: from the frame that throws outwards, through compiled code of any module, to a handler.
 *
 * Frames are found by their frame pointers, handlers by return addresses, in tables that the compiler wrote: nothing
 * here looks at the guest's memory. An exception goes from one module to another where an import's thunk has called an
 * export's stub or function directly. On the way, what each frame has saved of the registers that callees save is put back, since a
 * handler expects them beside its stack, frame and pinned register. It ends at the first frame of C, as a trap. */
#include "arch.h"
#include "exception.h"
#include "palisade.h"
#include "sanitize.h"
#include "site.h"
#include "trap_text.h"
#include "trap.h"

/* Where the search is: a return address, and the frame pointer of the function it lies in. */
struct frame {
	uintptr_t pc, fp;
};

/* A piece of compiled code, by what may call it. */
enum kind {
	KIND_FUNCTION, /* a wasm function */
	KIND_THUNK,    /* of an import: calls C, or another module's stub or function; or left behind by a tail call to another instance */
	KIND_STUB,     /* entered from C, or from a thunk */
	KIND_FOREIGN,  /* not compiled code: C */
};

struct code {
	const struct pal_module *module;
	uint32_t offset; /* of pc, from the text */
	enum kind kind;
};

static enum kind kind_of(const struct pal_module *module, uint32_t offset)
{
	if (offset < module->function_start[module->functions])
		return KIND_FUNCTION;
	return offset < module->thunks_end ? KIND_THUNK : KIND_STUB;
}

/* The code that a return address lies in: mostly that of the module before. A call may be the last instruction of its
 * function, so the byte before the address counts. */
static struct code code_of(const struct pal_module *guess, uintptr_t pc)
{
	uint32_t offset;
	uintptr_t distance = pc - 1 - (uintptr_t)guess->text; /* wraps to a huge number below the text */
	const struct pal_module *module = guess;
	if (distance < guess->text_size)
		offset = (uint32_t)distance; /* texts are smaller than 2 GiB */
	else
		module = pal_code_find(pc - 1, &offset);
	if (module == NULL)
		return (struct code){ guess, 0, KIND_FOREIGN };
	return (struct code){ module, offset + 1, kind_of(module, offset) };
}

PAL_NO_SANITIZE static uintptr_t word_at(uintptr_t address)
{
	return *(const uintptr_t *)address;
}

/* Frame records are {caller's frame pointer, return address}; compiled code keeps them. */
static struct frame caller_of(struct frame frame)
{
	return (struct frame){ pal_return_address(word_at(frame.fp + sizeof(uintptr_t))), word_at(frame.fp) };
}

/* What the registers held when the frame's function was called: it has saved those that it uses. */
static void restore(struct pal_registers *registers, const struct code *code, uintptr_t fp)
{
	const struct pal_module *module = code->module;
	const uint32_t *saved = &module->saved_registers[pal_frame_find(module, code->offset - 1)];
	for (uint32_t count = *saved++; count > 0; count--, saved++)
		registers->values[*saved & 0xff] = word_at(fp - (*saved >> 8)); /* numbers below PAL_REGISTERS: our tables */
}

static bool fits(const struct pal_module *module, uintptr_t pinned, const struct pal_clause *clause, uint64_t tag)
{
	uint32_t index = clause->tag & ~PAL_CLAUSE_KEEP;
	if (index == PAL_CLAUSE_ALL)
		return true;
	const struct pal_tag *tags = (const struct pal_tag *)(pinned - module->tags_at);
	return tags[index].id == tag;
}

/* Looks for a handler in one function, from the call's scope outwards. */
static bool find_handler(struct pal_landing *landing, const struct code *code, uintptr_t fp,
                         const struct pal_exception *exception, bool *keep)
{
	const struct pal_module *module = code->module;
	int64_t call = pal_handler_find(module, code->offset);
	if (call < 0)
		return false;
	const struct pal_scope *scope = &module->scopes[module->handler_scope[call]];
	uintptr_t pinned = word_at(fp - scope->pinned);
	for (;;) {
		for (uint32_t i = 0; i < scope->count; i++) {
			const struct pal_clause *clause = &module->clauses[scope->first + i];
			if (!fits(module, pinned, clause, exception->tag))
				continue;
			*keep = clause->tag & PAL_CLAUSE_KEEP;
			*landing = (struct pal_landing){
				.pc = (uintptr_t)module->text + module->handler_landing[call],
				.sp = fp - scope->frame_size,
				.fp = fp,
				.pinned = pinned,
				.values = (uintptr_t)exception->values->bytes,
				.number = clause->number,
				.registers = landing->registers,
			};
			return true;
		}
		if (scope->parent == PAL_SCOPE_NONE)
			return false;
		scope = &module->scopes[scope->parent];
	}
}

/* `frame` is the helper's thunk, which the compiled code has called; landing->registers are those at its call. */
static bool search(struct pal_landing *landing, struct frame frame, const struct pal_module *module,
                   const struct pal_exception *exception, bool *keep)
{
	struct code thunk = code_of(module, frame.pc);
	restore(&landing->registers, &thunk, frame.fp);
	frame = caller_of(frame);
	for (;;) {
		struct code code = code_of(module, frame.pc);
		if (code.kind == KIND_FOREIGN)
			return false;
		if (code.kind == KIND_FUNCTION && find_handler(landing, &code, frame.fp, exception, keep))
			return true;
		restore(&landing->registers, &code, frame.fp);
		frame = caller_of(frame);
		module = code.module;
		if (code.kind == KIND_STUB && code_of(module, frame.pc).kind != KIND_THUNK)
			return false; /* entered from C */
	}
}

/* ---- Nobody caught it ---- */

/* The index of a tag as the instance that throws knows it. */
static int64_t tag_index(const struct pal_instance *instance, uint64_t id)
{
	const struct pal_tag *tags = (const struct pal_tag *)(instance->pinned - instance->module->tags_at);
	for (uint32_t i = 0; i < instance->module->tag_count; i++)
		if (tags[i].id == id)
			return i;
	return -1;
}

/* uncaught exception: tag "error" of module "app" */
static _Noreturn void uncaught(const struct pal_instance *instance, uint64_t id)
{
	const struct pal_module *module = instance->module;
	int64_t index = tag_index(instance, id);
	struct pal_text text = pal_trap_begin();
	pal_text_add(&text, pal_trap_text(PAL_TRAP_UNCAUGHT_EXCEPTION));
	if (index < 0) {
		pal_text_add(&text, " with a tag that module \"");
	} else if (module->strings[module->tags[index].name]) {
		pal_text_add(&text, ": tag \"");
		pal_text_name(&text, module->strings + module->tags[index].name);
		pal_text_add(&text, "\" of module \"");
	} else {
		pal_text_add(&text, ": tag ");
		pal_text_decimal(&text, (uint64_t)index);
		pal_text_add(&text, " of module \"");
	}
	pal_text_name(&text, module->name);
	pal_text_add(&text, index < 0 ? "\" does not know" : "\"");
	pal_trap_end(PAL_TRAP_UNCAUGHT_EXCEPTION);
}

/* ---- Helpers ---- */

static _Noreturn void deliver(const struct pal_instance *instance, struct pal_exception *exception, uintptr_t fp,
                              const struct pal_registers *registers)
{
	struct pal_landing landing = { .registers = *registers };
	bool keep = false, found = search(&landing, caller_of((struct frame){ 0, fp }), instance->module, exception, &keep);
	pal_exception_caught(exception, keep);
	if (!found)
		uncaught(instance, exception->tag);
	__asan_handle_no_return();
	pal_land(&landing);
}

_Noreturn void pal_throw(void *pinned, uint32_t tag, const void *values, uintptr_t fp,
                         const struct pal_registers *registers)
{
	const struct pal_instance *instance = pal_instance_of(pinned);
	const struct pal_module *module = instance->module;
	const struct pal_tag *tags = (const struct pal_tag *)((uint8_t *)pinned - module->tags_at);
	uint32_t size = module->tags[tag].size;
	struct pal_exception *exception = pal_exception_new(tags[tag].id, size);
	if (size)
		memcpy(exception->values->bytes, values, size);
	deliver(instance, exception, fp, registers);
}

_Noreturn void pal_throw_ref(void *pinned, uint64_t exnref, const void *unused, uintptr_t fp,
                             const struct pal_registers *registers)
{
	(void)unused;
	if (exnref == 0)
		pal_rt_trap(PAL_TRAP_NULL_REFERENCE, "null exception reference", -1, 0);
	struct pal_exception *exception = pal_exception_find(exnref);
	if (exception == NULL)
		pal_rt_trap(PAL_TRAP_NULL_REFERENCE, "an exnref from outside that refers to nothing any more", -1, 0);
	deliver(pal_instance_of(pinned), exception, fp, registers);
}
