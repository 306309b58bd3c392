/* Imports: does what an instance is given fit what its module asks for? Memories and tables are asked themselves;
 * functions and globals of Palisade modules are known by their pal_export, those of the host by its C headers. */
#include "group.h"
#include "instance.h"
#include "memory.h"
#include "site.h"
#include "palisade.h"
#include "table.h"
#include "trap_text.h"
#include "type.h"

/* One import with all that messages need. */
struct wanted {
	struct pal_instance *instance;
	const struct pal_module *module;
	const struct pal_import *import;
	void *env; /* the pointer for its import module */
};

/* ---- Messages: module "b": import "a" "f": … ---- */

static struct pal_text begin(const struct wanted *wanted)
{
	const struct pal_module *module = wanted->module;
	struct pal_text text = pal_trap_begin();
	pal_text_add(&text, "module \"");
	pal_text_name(&text, module->name);
	pal_text_add(&text, "\": import \"");
	pal_text_name(&text, module->strings + module->import_modules[wanted->import->module].name);
	pal_text_add(&text, "\" \"");
	pal_text_name(&text, module->strings + wanted->import->name);
	pal_text_add(&text, "\": ");
	return text;
}

static _Noreturn void refuse(const struct wanted *wanted, const char *why)
{
	struct pal_text text = begin(wanted);
	pal_text_add(&text, why);
	pal_trap_end(PAL_TRAP_LINK);
}

static _Noreturn void refuse_number(const struct wanted *wanted, const char *expected, uint64_t number,
                                    const char *unit, uint64_t actual)
{
	struct pal_text text = begin(wanted);
	pal_text_add(&text, expected);
	pal_text_decimal(&text, number);
	pal_text_add(&text, unit);
	pal_text_add(&text, ", but it has ");
	if (actual == UINT64_MAX)
		pal_text_add(&text, "none");
	else
		pal_text_decimal(&text, actual);
	pal_trap_end(PAL_TRAP_LINK);
}

static const char *kind_text(uint32_t kind)
{
	static const char *const texts[] = { "function", "table", "memory", "global", "tag" };
	return kind < sizeof texts / sizeof *texts ? texts[kind] : "?";
}

static void function_type_text(struct pal_text *text, const struct pal_module *module, uint32_t type)
{
	uint32_t start = module->type_start[type];
	pal_type_text(text, module->types_data + start, module->type_start[type + 1] - start);
}

/* "function (i32) -> i64", "mutable global i32", "memory" */
static void entity_text(struct pal_text *text, const struct pal_module *module, uint32_t kind, uint32_t type)
{
	if (kind == PAL_KIND_GLOBAL && (type & PAL_GLOBAL_MUTABLE))
		pal_text_add(text, "mutable ");
	pal_text_add(text, kind_text(kind));
	if (kind == PAL_KIND_FUNC || kind == PAL_KIND_TAG || kind == PAL_KIND_GLOBAL)
		pal_text_add(text, " ");
	if (kind == PAL_KIND_FUNC || kind == PAL_KIND_TAG)
		function_type_text(text, module, type);
	if (kind == PAL_KIND_GLOBAL)
		pal_text_add(text, pal_value_type_text(type & ~(uint32_t)PAL_GLOBAL_MUTABLE));
}

static _Noreturn void refuse_type(const struct wanted *wanted, const struct pal_export *given)
{
	struct pal_text text = begin(wanted);
	pal_text_add(&text, "expected ");
	entity_text(&text, wanted->module, wanted->import->kind, wanted->import->type);
	pal_text_add(&text, ", but it is ");
	entity_text(&text, given->module, given->kind, given->type);
	pal_trap_end(PAL_TRAP_LINK);
}

/* ---- What a Palisade module provides ---- */

static bool same_function_type(const struct pal_module *a, uint32_t a_type, const struct pal_module *b, uint32_t b_type)
{
	uint32_t a_start = a->type_start[a_type], b_start = b->type_start[b_type];
	uint32_t length = a->type_start[a_type + 1] - a_start;
	return length == b->type_start[b_type + 1] - b_start &&
	       memcmp(a->types_data + a_start, b->types_data + b_start, length) == 0;
}

static void check_provider(const struct wanted *wanted)
{
	const struct pal_import *import = wanted->import;
	const struct pal_export *given = import->provider;
	if (wanted->env == NULL)
		refuse(wanted, "its instance is NULL");
	if (pal_instance_of(wanted->env)->module != given->module)
		refuse(wanted, "its instance is one of another module");
	if (import->kind != given->kind)
		refuse_type(wanted, given);
	bool callable = import->kind == PAL_KIND_FUNC || import->kind == PAL_KIND_TAG;
	if (callable && !same_function_type(wanted->module, import->type, given->module, given->type))
		refuse_type(wanted, given);
	if (import->kind == PAL_KIND_GLOBAL && import->type != given->type)
		refuse_type(wanted, given);
}

/* ---- Memories, tables, globals ---- */

static void check_memory(const struct wanted *wanted, const struct pal_memory_desc *desc, const struct pal_memory *memory)
{
	if (desc->index64 != memory->index64)
		refuse(wanted, desc->index64 ? "expected a 64-bit memory, but it is a 32-bit one"
		                             : "expected a 32-bit memory, but it is a 64-bit one");
	if (desc->shared != memory->shared)
		refuse(wanted, desc->shared ? "expected a shared memory, but it is not shared"
		                            : "expected a memory that is not shared, but it is shared");
	if (desc->page_log2 != memory->page_log2) /* both are at most 16 */
		refuse_number(wanted, "expected a memory with pages of ", (uint64_t)1 << desc->page_log2, " bytes",
		              (uint64_t)1 << memory->page_log2);
	uint64_t pages = memory->size >> memory->page_log2;
	if (pages < desc->minimum)
		refuse_number(wanted, "expected a memory of at least ", desc->minimum, " pages", pages);
	if (desc->maximum != UINT64_MAX && memory->max > desc->maximum) /* UINT64_MAX if it has none */
		refuse_number(wanted, "expected a memory with a maximum of at most ", desc->maximum, " pages", memory->max);
	if (desc->mode == PAL_MODE_GUARD && !pal_memory_is_guarded(memory))
		refuse(wanted, "the module's code for it relies on guard pages (mode=guard), but the memory was made without "
		               "them (compact, or mode=checked in its own module)");
}

static void check_table(const struct wanted *wanted, const struct pal_table_desc *desc, const struct pal_table *table)
{
	if (desc->type != table->type) {
		struct pal_text text = begin(wanted);
		pal_text_add(&text, "expected a table of ");
		pal_text_add(&text, pal_value_type_text(desc->type));
		pal_text_add(&text, ", but it is one of ");
		pal_text_add(&text, pal_value_type_text(table->type));
		pal_trap_end(PAL_TRAP_LINK);
	}
	if (desc->index64 != table->index64)
		refuse(wanted, desc->index64 ? "expected a 64-bit table, but it is a 32-bit one"
		                             : "expected a 32-bit table, but it is a 64-bit one");
	if (table->size < desc->minimum)
		refuse_number(wanted, "expected a table of at least ", desc->minimum, " elements", table->size);
	if (desc->maximum != UINT64_MAX && table->max > desc->maximum) /* UINT64_MAX if it has none */
		refuse_number(wanted, "expected a table with a maximum of at most ", desc->maximum, " elements", table->max);
}

/* The memory, table or global, from whoever provides it. */
static void *fetch(const struct wanted *wanted)
{
	void *(*accessor)(void *);
	memcpy(&accessor, &wanted->import->accessor, sizeof accessor); /* code and data pointers look alike here */
	void *found = accessor ? accessor(wanted->env) : NULL;
	if (found == NULL)
		refuse(wanted, "it was not given");
	return found;
}

static void link_memory(const struct wanted *wanted)
{
	uint32_t index = wanted->import->index;
	struct pal_memory *memory = fetch(wanted);
	check_memory(wanted, &wanted->module->memories[index], memory);
	pal_instance_use_memory(wanted->instance, index, memory);
}

static void link_table(const struct wanted *wanted)
{
	uint32_t index = wanted->import->index;
	struct pal_table *table = fetch(wanted);
	check_table(wanted, &wanted->module->tables[index], table);
	pal_instance_use_table(wanted->instance, index, table);
}

static void link_global(const struct wanted *wanted)
{
	void *global = fetch(wanted);
	pal_context_set(wanted->instance->pinned, wanted->module->globals[wanted->import->index],
	                (uint64_t)(uintptr_t)global);
}

/* The type is compared by its number, so that tags of the host and those it hands on are right, too. */
static void link_tag(const struct wanted *wanted)
{
	uint32_t index = wanted->import->index;
	const struct pal_tag *tag = fetch(wanted);
	if (tag->type != wanted->instance->code->types[wanted->import->type]) {
		struct pal_text text = begin(wanted);
		pal_text_add(&text, "expected ");
		entity_text(&text, wanted->module, PAL_KIND_TAG, wanted->import->type);
		pal_text_add(&text, ", but it is tag ");
		pal_type_number_text(&text, tag->type);
		pal_trap_end(PAL_TRAP_LINK);
	}
	*pal_instance_tag(wanted->instance, index) = *tag;
}

/* ---- All of them ---- */

static void link_import(const struct wanted *wanted)
{
	if (wanted->import->provider)
		check_provider(wanted);
	switch (wanted->import->kind) {
	case PAL_KIND_MEMORY: link_memory(wanted); break;
	case PAL_KIND_TABLE: link_table(wanted); break;
	case PAL_KIND_GLOBAL: link_global(wanted); break;
	case PAL_KIND_TAG: link_tag(wanted); break;
	default: break; /* functions are symbols: the linker has done it */
	}
}

void pal_link(struct pal_instance *instance, void *const *imports)
{
	const struct pal_module *module = instance->module;
	for (uint32_t i = 0; i < module->import_module_count; i++)
		pal_context_set(instance->pinned, module->import_modules[i].slot, (uint64_t)(uintptr_t)imports[i]);
	for (uint32_t i = 0; i < module->import_count; i++) {
		const struct pal_import *import = &module->imports[i];
		struct wanted wanted = { instance, module, import, imports[import->module] };
		link_import(&wanted);
	}
}

void pal_link_join(struct pal_instance *instance, void *const *imports)
{
	const struct pal_module *module = instance->module;
	for (uint32_t i = 0; i < module->import_count; i++) {
		const struct pal_import *import = &module->imports[i];
		if (import->provider)
			pal_group_join(instance, pal_instance_of(imports[import->module]));
	}
}
