/* Imports: does what an instance is given fit what its module asks for? Memories and tables are asked themselves;
 * functions and globals of Palisade modules are known by their pal_export, those of the host by its C headers. */
#include "group.h"
#include "instance.h"
#include "memory.h"
#include "site.h"
#include "palisade.h"
#include "site.h"
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

/* "function (i32) -> i64", "mutable global i32", "memory"; `type`: interned */
static void entity_text(struct pal_text *text, uint32_t kind, uint32_t type)
{
	if (kind == PAL_KIND_GLOBAL && (type & PAL_GLOBAL_MUTABLE))
		pal_text_add(text, "mutable ");
	pal_text_add(text, kind_text(kind));
	if (kind == PAL_KIND_FUNC || kind == PAL_KIND_TAG || kind == PAL_KIND_GLOBAL)
		pal_text_add(text, " ");
	if (kind == PAL_KIND_FUNC || kind == PAL_KIND_TAG)
		pal_type_text(text, type);
	if (kind == PAL_KIND_GLOBAL)
		pal_value_type_text(text, type);
}

/* Types are interned. */
static _Noreturn void refuse_type(const struct wanted *wanted, uint32_t type, uint32_t given_kind, uint32_t given_type)
{
	char one[256], other[256];
	struct pal_text expected = pal_text_in(one, sizeof one), found = pal_text_in(other, sizeof other);
	entity_text(&expected, wanted->import->kind, type);
	entity_text(&found, given_kind, given_type);
	struct pal_text text = begin(wanted);
	pal_text_add(&text, "expected ");
	pal_text_add(&text, one);
	pal_text_add(&text, ", but it is ");
	pal_text_add(&text, other);
	if (strcmp(one, other) == 0)
		pal_text_add(&text, " of another recursion group, supertype or finality");
	pal_trap_end(PAL_TRAP_LINK);
}

/* ---- What a Palisade module provides ---- */

/* The interned type of what an import or export of the instance is; other kinds than these have none. */
static uint32_t interned_type(const struct pal_instance *instance, uint32_t kind, uint32_t type)
{
	const uint32_t *numbers = instance->code->types;
	if (kind == PAL_KIND_FUNC || kind == PAL_KIND_TAG)
		return numbers[type];
	return kind == PAL_KIND_GLOBAL ? pal_interned_value_type(type, numbers) : 0;
}

/* What a module provides for the import, or NULL: the host does. Linkers for Windows and macOS leave it at an export of
 * no module. */
static const struct pal_export *provider_of(const struct pal_import *import)
{
	return import->provider && import->provider->module ? import->provider : NULL;
}

/* The import of a module that is function `index`, or NULL. */
static const struct pal_import *function_import(const struct pal_module *module, uint32_t index)
{
	for (uint32_t i = 0; i < module->import_count; i++)
		if (module->imports[i].kind == PAL_KIND_FUNC && module->imports[i].index == index)
			return &module->imports[i];
	return NULL;
}

static void *env_of(const struct pal_instance *instance, const struct pal_import *import)
{
	void *env;
	memcpy(&env, instance->pinned - instance->module->import_modules[import->module].slot, sizeof env);
	return env;
}

/* The interned type that the exported function was defined with: modules hand functions on under supertypes. */
static uint32_t defined_type(const struct pal_instance *instance, const struct pal_export *given)
{
	for (;;) {
		bool imported = given->index < instance->module->imported_functions;
		const struct pal_import *import = imported ? function_import(instance->module, given->index) : NULL;
		if (import == NULL || provider_of(import) == NULL)
			return instance->code->types[given->type];
		instance = pal_instance_of(env_of(instance, import)); /* older than this one: the loop ends */
		given = import->provider;
	}
}

/* References to an imported function are of the type it was defined with. */
static void set_reference_type(const struct wanted *wanted, uint32_t type)
{
	const struct pal_module *module = wanted->module;
	struct pal_func *funcs = (struct pal_func *)(wanted->instance->pinned - module->funcs_at);
	for (uint32_t i = 0; i < module->func_count; i++)
		if (funcs[i].index == wanted->import->index)
			funcs[i].type = type;
}

static bool global_fits(uint32_t given, uint32_t type)
{
	if ((given | type) & PAL_GLOBAL_MUTABLE)
		return given == type; /* both sides write */
	return pal_value_type_matches(given, type);
}

static void check_provider(const struct wanted *wanted)
{
	const struct pal_import *import = wanted->import;
	const struct pal_export *given = import->provider;
	if (wanted->env == NULL)
		refuse(wanted, "its instance is NULL");
	const struct pal_instance *instance = pal_instance_of(wanted->env);
	if (instance->module != given->module)
		refuse(wanted, "its instance is one of another module");
	uint32_t type = interned_type(wanted->instance, import->kind, import->type);
	uint32_t found = interned_type(instance, given->kind, given->type);
	if (given->kind == PAL_KIND_FUNC)
		found = defined_type(instance, given);
	bool fits = import->kind == given->kind;
	if (fits && import->kind == PAL_KIND_FUNC)
		fits = pal_type_is_subtype(found, type);
	if (fits && import->kind == PAL_KIND_TAG)
		fits = found == type;
	if (fits && import->kind == PAL_KIND_GLOBAL)
		fits = global_fits(found, type);
	if (!fits)
		refuse_type(wanted, type, given->kind, found);
	if (import->kind == PAL_KIND_FUNC && found != type)
		set_reference_type(wanted, found);
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
	bool read_only = memory->layout == PAL_LAYOUT_WRAPPED && memory->wrapped_access != PAL_READ_WRITE;
	if (read_only && !(desc->flags & PAL_MEMORY_BINDABLE)) /* whose code asks before it writes */
		refuse(wanted, "expected a memory that can be written, but the host has wrapped it as read-only");
	if (desc->mode == PAL_MODE_GUARD && !pal_memory_is_guarded(memory))
		refuse(wanted, "the module's code for it relies on guard pages (mode=guard), but the memory was made without "
		               "them (compact, or mode=checked in its own module)");
}

static void check_table(const struct wanted *wanted, const struct pal_table_desc *desc, const struct pal_table *table)
{
	uint32_t type = pal_interned_value_type(desc->type, wanted->instance->code->types);
	if (type != table->type) { /* both sides write */
		struct pal_text text = begin(wanted);
		pal_text_add(&text, "expected a table of ");
		pal_value_type_text(&text, type);
		pal_text_add(&text, ", but it is one of ");
		pal_value_type_text(&text, table->type);
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

/* The host's references are what its C headers say, functions; the value must be of the type that code relies on. */
static void check_global_of_host(const struct wanted *wanted, const void *global)
{
	uint32_t type = interned_type(wanted->instance, PAL_KIND_GLOBAL, wanted->import->type);
	bool is_reference = pal_value_type_is_func(type) || (type & 255) == PAL_TYPE_EXTERNREF ||
	                    (type & 255) == PAL_TYPE_NOEXTERN || pal_value_type_is_exn(type);
	if (!is_reference)
		return;
	const void *value;
	memcpy(&value, global, sizeof value);
	if (pal_reference_matches(value, type))
		return;
	struct pal_text text = begin(wanted);
	pal_text_add(&text, "the host's value is not of type ");
	pal_value_type_text(&text, type);
	pal_trap_end(PAL_TRAP_LINK);
}

static void link_global(const struct wanted *wanted)
{
	void *global = fetch(wanted);
	if (provider_of(wanted->import) == NULL)
		check_global_of_host(wanted, global);
	pal_context_set(wanted->instance->pinned, wanted->module->globals[wanted->import->index],
	                (uint64_t)(uintptr_t)global);
}

/* The type is compared by its number, so that tags of the host and those it hands on are right, too. */
static void link_tag(const struct wanted *wanted)
{
	uint32_t index = wanted->import->index;
	const struct pal_tag *tag = fetch(wanted);
	uint32_t type = interned_type(wanted->instance, PAL_KIND_TAG, wanted->import->type);
	if (tag->type != type)
		refuse_type(wanted, type, PAL_KIND_TAG, tag->type);
	*pal_instance_tag(wanted->instance, index) = *tag;
}

/* ---- All of them ---- */

static void link_import(const struct wanted *wanted)
{
	if (provider_of(wanted->import))
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
		if (provider_of(import))
			pal_group_join(instance, pal_instance_of(imports[import->module]));
	}
}
