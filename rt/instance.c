/* See instance.h; the order of a module's instantiation, and its end. */
#include "instance.h"
#include "budget.h"
#include "cpu.h"
#include "exception.h"
#include "group.h"
#include "memory.h"
#include "palisade.h"
#include "port.h"
#include "reservation.h"
#include "runtime.h"
#include "site.h"
#include "table.h"
#include "tag.h"
#include "trap.h"
#include "trap_text.h"
#include "type.h"
#include <stdlib.h>

/* ---- Making ---- */

/* Only of virtual memories that are shared: their pages must be seen at several addresses. */
static _Noreturn void unsupported(const struct pal_module *module, uint32_t index)
{
	struct pal_text text = pal_trap_begin();
	pal_text_add(&text, "module \"");
	pal_text_name(&text, module->name);
	pal_text_add(&text, "\": memory ");
	pal_text_decimal(&text, index);
	pal_text_add(&text, ": this system has no virtual memories that are shared");
	pal_trap_end(PAL_TRAP_OUT_OF_MEMORY);
}

static _Noreturn void no_room(const struct pal_module *module, const char *what, uint32_t index, uint64_t bytes)
{
	struct pal_text text = pal_trap_begin();
	pal_text_add(&text, "module \"");
	pal_text_name(&text, module->name);
	pal_text_add(&text, "\": no room for ");
	pal_text_add(&text, what);
	pal_text_add(&text, " ");
	pal_text_decimal(&text, index);
	if (bytes) {
		pal_text_add(&text, " (");
		pal_text_decimal(&text, bytes);
		pal_text_add(&text, " bytes of address space)");
	}
	pal_trap_end(PAL_TRAP_OUT_OF_MEMORY);
}

/* What could not be made would be above a limit of the host's. */
static _Noreturn void over_limit(const struct pal_instance *instance, const char *what, uint32_t index,
                                 enum pal_resource resource)
{
	struct pal_text text = pal_trap_begin();
	pal_text_add(&text, "module \"");
	pal_text_name(&text, instance->module->name);
	pal_text_add(&text, "\": ");
	pal_text_add(&text, what);
	pal_text_add(&text, " ");
	if (resource != PAL_INSTANCES) {
		pal_text_decimal(&text, index);
		pal_text_add(&text, " ");
	}
	pal_text_add(&text, "is above the ");
	pal_budget_name(instance->budget, resource, &text);
	pal_trap_end(PAL_TRAP_OUT_OF_MEMORY);
}

static struct pal_memory_spec memory_spec(const struct pal_memory_desc *desc)
{
	return (struct pal_memory_spec){
		.minimum = desc->minimum,
		.maximum = desc->maximum,
		.page_log2 = (uint8_t)desc->page_log2, /* validated by the compiler: at most 16 */
		.index64 = desc->index64,
		.shared = desc->shared,
		/* whoever imports it may want it as a memory without checks */
		.guard = desc->mode == PAL_MODE_GUARD || desc->mode == PAL_MODE_AUTO ||
		         (desc->exported && !(desc->flags & PAL_MEMORY_COMPACT)),
		.is_virtual = (desc->flags & PAL_MEMORY_VIRTUAL) != 0,
		.starts_empty = (desc->flags & PAL_MEMORY_EMPTY) != 0,
		.limit = desc->limit,
		.unmoving = desc->mode == PAL_MODE_FIXED || desc->mode == PAL_MODE_AUTO || (desc->flags & PAL_MEMORY_COW) != 0,
	};
}

/* A memory of the module's own; `below` as in pal_memory_spec. */
static struct pal_memory *make_memory(const struct pal_instance *instance, uint32_t index, size_t below)
{
	const struct pal_module *module = instance->module;
	const struct pal_memory_desc *desc = &module->memories[index];
	struct pal_memory_spec spec = memory_spec(desc);
	bool over = false;
	spec.below = below;
	spec.over_limit = &over;
	struct pal_memory *memory;
	pal_status status = pal_memory_make(&memory, &spec);
	if (status == PAL_E_NOMEM && spec.guard && desc->mode != PAL_MODE_GUARD) {
		spec.guard = 0; /* its own code checks, so it can do without */
		status = pal_memory_make(&memory, &spec);
	}
	if (over)
		over_limit(instance, "memory", index, PAL_MEMORY_BYTES);
	if (status == PAL_E_UNSUPPORTED)
		unsupported(module, index);
	if (status != PAL_OK) /* the limits are valid, so there was no memory */
		no_room(module, "memory", index, spec.guard && !spec.index64 ? pal_memory_guard_bytes() : 0);
	memory->instance = instance->number;
	return memory;
}

static void attach_memory(struct pal_instance *instance, uint32_t index, struct pal_memory *memory)
{
	pal_memory_attach(memory, &instance->memories[index]);
}

/* From here on the instance can be found from P. */
static void set_pinned(struct pal_instance *instance, uint8_t *pinned)
{
	const struct pal_module *module = instance->module;
	instance->pinned = pinned;
	instance->memories = (struct pal_view *)(pinned - module->memories_at);
	instance->tables = (struct pal_view *)(pinned - module->tables_at);
	pal_context_set(pinned, PAL_CONTEXT_INSTANCE, (uint64_t)(uintptr_t)instance);
#ifdef PAL_BOARD
	pal_rt_stack_enter(pinned); /* other instances may call this one's code before C does */
#endif
}

/* [inaccessible page][context][memory 0 and its guard]: one reservation, which the memory may keep alive longer. */
static void make_context_below_memory(struct pal_instance *instance)
{
	struct pal_memory *memory = make_memory(instance, 0, instance->module->context_size);
	pal_reservation_retain(memory->reservation);
	instance->reservation = memory->reservation;
	set_pinned(instance, memory->base);
	attach_memory(instance, 0, memory);
}

/* [inaccessible page][context]: P is the end of the mapping. */
static void make_context_alone(struct pal_instance *instance)
{
	size_t page = pal_port_page(), size = pal_page_round(instance->module->context_size);
	struct pal_reservation *reservation = pal_reservation_new(page + size);
	if (reservation && !pal_port_commit(reservation->at + page, size)) {
		pal_reservation_release(reservation);
		reservation = NULL;
	}
	if (reservation == NULL)
		no_room(instance->module, "context of size", instance->module->context_size, 0);
	instance->reservation = reservation;
	set_pinned(instance, reservation->at + page + size);
}

static void make_memories(struct pal_instance *instance)
{
	const struct pal_module *module = instance->module;
	for (uint32_t i = module->flags & PAL_MODULE_BASE_PINNED ? 1 : 0; i < module->memory_count; i++)
		if (module->memories[i].import < 0)
			attach_memory(instance, i, make_memory(instance, i, 0));
}

static void make_tables(struct pal_instance *instance)
{
	const struct pal_module *module = instance->module;
	for (uint32_t i = 0; i < module->table_count; i++) {
		const struct pal_table_desc *desc = &module->tables[i];
		if (desc->import >= 0 || desc->is_static)
			continue;
		uint32_t type = pal_interned_value_type(desc->type, instance->code->types);
		bool over = false;
		struct pal_table_spec spec = { desc->minimum, desc->maximum, type, desc->index64, &over };
		struct pal_table *table;
		pal_status status = pal_table_make(&table, &spec);
		if (over)
			over_limit(instance, "table", i, PAL_TABLE_ELEMENTS);
		if (status != PAL_OK)
			no_room(module, "table", i, 0);
		pal_instance_use_table(instance, i, table);
	}
}

/* Which version of the code: checks are needed if any auto memory is without guard pages. */
static void choose_version(struct pal_instance *instance)
{
	const struct pal_module *module = instance->module;
	if (module->version_at == 0)
		return;
	bool guarded = true;
	for (uint32_t i = 0; i < module->memory_count; i++)
		if (module->memories[i].mode == PAL_MODE_AUTO)
			guarded = guarded && pal_memory_is_guarded(instance->memories[i].owner);
	if (guarded)
		return; /* as it was made: zero is PAL_VERSION_GUARD */
	pal_context_set(instance->pinned, module->version_at, PAL_VERSION_CHECKED);
	struct pal_func *funcs = (struct pal_func *)(instance->pinned - module->funcs_at);
	for (uint32_t i = 0; i < module->func_count; i++)
		funcs[i].code = module->text + module->funcs[module->func_count + i].code;
}

static void make_funcs(struct pal_instance *instance)
{
	const struct pal_module *module = instance->module;
	const uint32_t *types = instance->code->types;
	memcpy(instance->pinned - module->types_at, types, (size_t)module->type_count * sizeof *types);
	struct pal_func *funcs = (struct pal_func *)(instance->pinned - module->funcs_at);
	for (uint32_t i = 0; i < module->func_count; i++) {
		const struct pal_func_desc *desc = &module->funcs[i];
		funcs[i] = (struct pal_func){ module->text + desc->code, instance->pinned, types[desc->type], desc->index };
	}
}

static void make_tags(struct pal_instance *instance)
{
	const struct pal_module *module = instance->module;
	for (uint32_t i = 0; i < module->tag_count; i++)
		if (!module->tags[i].imported)
			*pal_instance_tag(instance, i) = pal_tag_make(instance->code->types[module->tags[i].type]);
}

/* The instance is listed whether its tables for exnrefs come from others or not: the element type of an import is the
 * one in its description, or linking fails. */
static bool may_hold_exnrefs(const struct pal_module *module)
{
	bool found = module->exn_global_count > 0;
	for (uint32_t i = 0; i < module->table_count; i++)
		found = found || pal_value_type_is_exn(module->tables[i].type);
	return found;
}

static void count_imports(struct pal_instance *instance)
{
	const struct pal_module *module = instance->module;
	for (uint32_t i = 0; i < module->import_count; i++) {
		instance->table_imports += module->imports[i].kind == PAL_KIND_TABLE;
		instance->global_imports += module->imports[i].kind == PAL_KIND_GLOBAL;
	}
}

static uint64_t new_number(void)
{
	static _Atomic uint64_t last;
	return ++last;
}

static void join_budget(struct pal_instance *instance)
{
	pal_budget *budget = instance->budget = pal_budget_retain_used();
	if (pal_budget_take(budget, PAL_INSTANCES, 1))
		return;
	instance->over_budget = true;
	over_limit(instance, "an instance", 0, PAL_INSTANCES);
}

static void leave_budget(struct pal_instance *instance)
{
	pal_budget_unwatch(instance->budget, instance);
	if (!instance->over_budget)
		pal_budget_give(instance->budget, PAL_INSTANCES, 1);
	pal_budget_free(instance->budget);
}

void pal_instance_make(struct pal_instance **out, const struct pal_module *module)
{
	struct pal_instance *instance = *out = calloc(1, sizeof *instance);
	if (instance == NULL)
		no_room(module, "instance", 0, 0);
	instance->runtime = &pal_runtime;
	instance->module = module;
	instance->number = new_number();
	join_budget(instance);
	instance->code = pal_code_acquire(module);
	if (instance->code == NULL)
		no_room(module, "types", module->type_count, 0);
	count_imports(instance);
	if (module->flags & PAL_MODULE_BASE_PINNED)
		make_context_below_memory(instance);
	else
		make_context_alone(instance);
	make_memories(instance);
	make_tables(instance);
	make_funcs(instance);
	make_tags(instance);
	if (module->interrupt_at)
		pal_budget_watch(instance->budget, instance);
	if (may_hold_exnrefs(module))
		pal_exception_watch(instance);
}

/* ---- Using ---- */

void pal_instance_use_memory(struct pal_instance *instance, uint32_t index, struct pal_memory *memory)
{
	pal_memory_retain(memory);
	attach_memory(instance, index, memory);
}

void pal_instance_use_table(struct pal_instance *instance, uint32_t index, struct pal_table *table)
{
	pal_group_retain_table(table);
	pal_table_attach(table, &instance->tables[index]);
}

void *pal_instance_global(const struct pal_instance *instance, uint32_t index)
{
	uint8_t *slot = instance->pinned - instance->module->globals[index];
	if (index >= instance->global_imports)
		return slot;
	void *elsewhere;
	memcpy(&elsewhere, slot, sizeof elsewhere);
	return elsewhere;
}

/* ---- Ending ---- */

static void drop_memories(struct pal_instance *instance)
{
	for (uint32_t i = 0; i < instance->module->memory_count; i++) {
		struct pal_memory *memory = instance->memories[i].owner;
		if (memory == NULL)
			continue;
		pal_memory_detach(memory, &instance->memories[i]);
		pal_memory_free(memory);
	}
}

static void drop_tables(struct pal_instance *instance)
{
	for (uint32_t i = 0; i < instance->module->table_count; i++) {
		struct pal_table *table = instance->tables[i].owner;
		if (table == NULL)
			continue;
		pal_table_detach(table, &instance->tables[i]);
		pal_group_release_table(table);
	}
}

void pal_instance_destroy(struct pal_instance *instance)
{
	leave_budget(instance);
	if (instance->pinned) {
		if (may_hold_exnrefs(instance->module))
			pal_exception_unwatch(instance);
		drop_memories(instance);
		pal_offers_drop(&instance->offers);
		drop_tables(instance);
		pal_reservation_release(instance->reservation); /* last: the views lie in it */
	}
	if (instance->code)
		pal_code_release(instance->code);
	free(instance);
}

void pal_rt_free(void *pinned)
{
	if (pinned)
		pal_group_drop(pal_instance_of(pinned));
}

/* ---- Instantiation ---- */

struct request {
	const struct pal_module *module;
	void *const *imports;
	struct pal_instance *instance;
	uint64_t *computed;
};

static void check_abi(const struct pal_module *module)
{
	if (module->abi != PAL_ABI || module->size != sizeof *module)
		pal_rt_trap(PAL_TRAP_LINK, "the module was compiled for another version of the runtime", -1, 0);
}

void pal_instance_tell_wasi(const struct pal_instance *instance)
{
	const struct pal_module *module = instance->module;
	for (uint32_t i = 0; i < module->import_module_count && module->memory_count > 0; i++) {
		void *view;
		memcpy(&view, instance->pinned - module->import_modules[i].slot, sizeof view);
		if (module->import_modules[i].bind)
			module->import_modules[i].bind(view, instance->memories[module->exported_memory].owner);
	}
}

/* The module's own tables begin as null; some declare otherwise. */
static void fill_tables(struct pal_instance *instance)
{
	const struct pal_module *module = instance->module;
	for (uint32_t i = 0; i < module->table_count; i++) {
		const struct pal_table_desc *desc = &module->tables[i];
		if (desc->import < 0 && !desc->is_static && desc->init != PAL_ITEM_NULL)
			pal_rt_table_fill(instance->pinned, i, 0, pal_item(instance, desc->init), desc->minimum);
	}
}

/* Rounded inward: pages that are protected hold nothing else. The rest, if asked for, is up to checks. */
static pal_status protect_ranges(struct pal_memory *memory, const struct pal_memory_desc *desc)
{
	uint64_t page = pal_port_page();
	uint64_t hidden = desc->no_access & ~(page - 1), to = desc->read_only_to & ~(page - 1);
	uint64_t from = (desc->read_only_from + page - 1) & ~(page - 1); /* at most 2^56, as the memory's size is */
	if (from < hidden)
		from = hidden;
	if (!PAL_PORT_PROTECTS)
		hidden = from = to = 0; /* it is all up to checks */
	pal_status status = hidden ? pal_memory_protect(memory, 0, hidden, PAL_NONE) : PAL_OK;
	if (status == PAL_OK && from < to)
		status = pal_memory_protect(memory, from, to - from, PAL_READ);
	if (desc->flags & PAL_MEMORY_EXACT)
		pal_memory_forbid(memory, desc->no_access, desc->read_only_from, desc->read_only_to);
	return status;
}

static void protect_static(struct pal_instance *instance)
{
	const struct pal_module *module = instance->module;
	for (uint32_t i = 0; i < module->memory_count; i++) {
		const struct pal_memory_desc *desc = &module->memories[i];
		struct pal_memory *memory = instance->memories[i].owner;
		if (desc->import >= 0)
			continue; /* its provider has done it */
		pal_status status = desc->flags & PAL_MEMORY_IMMUTABLE ? pal_memory_seal(memory) : protect_ranges(memory, desc);
		if (status != PAL_OK) /* both ranges lie inside the minimum */
			no_room(module, "protection of memory", i, 0);
	}
}

static void initialize(struct request *request)
{
	struct pal_instance *instance = request->instance;
	const struct pal_module *module = instance->module;
	request->computed = calloc((size_t)module->computed_count + 1, sizeof *request->computed);
	if (request->computed == NULL)
		no_room(module, "segments", module->computed_count, 0);
	if (module->init)
		module->init(instance->pinned, request->computed);
	fill_tables(instance);
	pal_segments_apply(instance, request->computed);
	free(request->computed);
	request->computed = NULL;
	protect_static(instance);
}

static void check_cpu(const struct pal_module *module)
{
	const char *missing = pal_cpu_missing(module->cpu);
	if (!missing)
		return;
	struct pal_text text = pal_trap_begin();
	pal_text_add(&text, "module \"");
	pal_text_name(&text, module->name);
	pal_text_add(&text, "\" was compiled for a CPU with ");
	pal_text_add(&text, missing);
	pal_text_add(&text, ", which this machine lacks (compile with --cpu baseline)");
	pal_trap_end(PAL_TRAP_LINK);
}

static void instantiate(void *arg)
{
	struct request *request = arg;
	const struct pal_module *module = request->module;
	check_abi(module);
	check_cpu(module);
	pal_instance_make(&request->instance, module);
	struct pal_instance *instance = request->instance;
	pal_link(instance, request->imports);
	choose_version(instance);
	if (!pal_group_make(instance))
		no_room(module, "instance", 0, 0);
	pal_link_join(instance, request->imports);
	pal_instance_tell_wasi(instance);
	initialize(request);
	if (module->start)
		module->start(instance->pinned);
	pal_group_hand_out(instance);
}

int32_t pal_rt_instantiate(const struct pal_module *module, void **out, void *const *imports)
{
	*out = NULL;
	struct request request = { .module = module, .imports = imports };
	pal_trap trap = pal_try(instantiate, &request);
	if (trap == PAL_TRAP_NONE) {
		*out = request.instance->pinned;
		return PAL_TRAP_NONE;
	}
	free(request.computed);
	if (request.instance)
		pal_group_drop(request.instance); /* others may have seen it by now: the group decides */
	return (int32_t)trap;
}
