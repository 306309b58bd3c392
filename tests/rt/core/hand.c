/* See hand.h. */
#define _GNU_SOURCE
#include "hand.h"
#include <string.h>

_Atomic int checks;
int rounds = 50;

static const char strings[] = "\0load\0unreachable\0call\0recurse\0divide\0null\0stray\0check\0c\0a\0f\0wasi";

enum { FUNCTIONS = 9, SITES = 10 };
static uint32_t function_start[FUNCTIONS + 1], site_code[SITES], site_wasm[SITES];
static uint32_t function_name[FUNCTIONS] = { 1, 6, 18, 23, 31, 38, 43, 49, 0 /* no name */ };
static uint8_t site_kind[SITES];
static const uint32_t globals[] = { AT_GLOBAL };
static const uint32_t type_start[] = { 0, 4, 7 };
const uint8_t types_data[7] = { 0x60, 1, 0x7f, 0, 0x60, 0, 0 }; /* (i32) -> (), () -> () */
static const struct pal_func_desc funcs[] = { { 0, 0, 0 }, { 0, 1, 1 } };
static const uint32_t items[] = { PAL_ITEM_FUNC | 1, PAL_ITEM_NULL, PAL_ITEM_GLOBAL | 0, PAL_ITEM_FUNC };
static const uint8_t data[] = "hello, world";

struct pal_memory_desc memory_desc = { 1, 3, 16, 0, 0, PAL_MODE_GUARD, 1, -1, 0, 0, 0, 0, 0 };
struct pal_table_desc table_desc = { 4, 8, 0, 0, { 0 }, PAL_TYPE_FUNCREF, -1, PAL_ITEM_NULL };
static const struct pal_elem_segment elem_segments[] = {
	{ 1, 0, 3, 0, PAL_SEGMENT_ACTIVE }, { 0, 1, 2, 0, PAL_SEGMENT_PASSIVE }, { 0, 0, 4, 0, PAL_SEGMENT_DECLARED },
};
static const struct pal_data_segment data_segments[] = {
	{ 0, 0, 5, 0, PAL_SEGMENT_COMPUTED }, { 0, 7, 5, 0, PAL_SEGMENT_PASSIVE },
};

uint64_t computed_offset = 100;
static void init(void *pinned, uint64_t *computed)
{
	computed[0] = computed_offset;
	void *ref = (uint8_t *)pinned - AT_FUNCS;
	memcpy((uint8_t *)pinned - AT_GLOBAL, &ref, sizeof ref);
}

struct pal_module module = {
	.abi = PAL_ABI, .size = PAL_MODULE_SIZE, .name = "hand", .strings = strings,
	.function_start = function_start, .function_name = function_name,
	.site_code = site_code, .site_wasm = site_wasm, .site_kind = site_kind,
	.init = init, .memories = &memory_desc, .tables = &table_desc, .globals = globals,
	.type_start = type_start, .types_data = types_data, .funcs = funcs,
	.data_segments = data_segments, .data = data, .elem_segments = elem_segments, .items = items,
	.functions = FUNCTIONS, .imported_functions = 2, .sites = SITES,
	.memory_count = 1, .table_count = 1, .global_count = 1, .type_count = 2, .func_count = 2,
	.data_segment_count = 2, .elem_segment_count = 3, .computed_count = 1,
	.context_size = CONTEXT_SIZE, .memories_at = AT_MEMORIES, .tables_at = AT_TABLES, .types_at = AT_TYPES,
	.funcs_at = AT_FUNCS, .data_dropped_at = AT_DATA_DROPPED, .elem_dropped_at = AT_ELEM_DROPPED,
	.flags = PAL_MODULE_BASE_PINNED,
};

static void set_site(int i, const uint8_t *at, uint8_t kind)
{
	site_code[i] = (uint32_t)(at - guest_text);
	site_wasm[i] = 0x100 + (uint32_t)i;
	site_kind[i] = kind;
}

void make_module(void)
{
	const uint8_t *starts[] = { guest_load, guest_unreachable, guest_call, guest_recurse, guest_divide, guest_null,
	                            guest_stray, guest_check, guest_c, guest_functions_end };
	for (int i = 0; i <= FUNCTIONS; i++)
		function_start[i] = (uint32_t)(starts[i] - guest_text);
	set_site(0, guest_load_site, PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	set_site(1, guest_unreachable_site, PAL_TRAP_UNREACHABLE);
	set_site(2, guest_call_site, PAL_SITE_CALL);
	set_site(3, guest_recurse_site, PAL_SITE_CALL);
	set_site(4, guest_recurse_site, PAL_TRAP_UNREACHABLE);
	set_site(5, guest_divide_site, PAL_TRAP_INTEGER_DIVIDE_BY_ZERO);
	set_site(6, guest_null_site, PAL_TRAP_NULL_REFERENCE);
	set_site(7, guest_check_site, PAL_SITE_MEMORY + 3);
	set_site(8, guest_c_site, PAL_SITE_CALL);
	set_site(9, guest_functions_end, PAL_SITE_CALL);
	module.text = guest_text;
	module.text_size = (uint64_t)(guest_text_end - guest_text);
}

void *no_imports[1];

void *new_instance(const struct pal_module *of)
{
	void *instance;
	CHECK(pal_rt_instantiate(of, &instance, no_imports) == PAL_TRAP_NONE);
	return instance;
}

struct pal_memory *memory_of(void *pinned)
{
	return ((struct pal_view *)((uint8_t *)pinned - AT_MEMORIES))->owner;
}

struct pal_table *table_of(void *pinned)
{
	return ((struct pal_view *)((uint8_t *)pinned - AT_TABLES))->owner;
}

void do_call(void *arg)
{
	struct call *call = arg;
	call->result = guest_enter(call->pinned, call->argument, call->code);
}
pal_trap call(void *pinned, const void *code, uint64_t argument)
{
	struct call call = { pinned, argument, code, 0 };
	return pal_try(do_call, &call);
}

void *given;
static void *give(void *env)
{
	(void)env;
	return given;
}

struct pal_import an_import = { .accessor = (const void *)give, .kind = PAL_KIND_MEMORY, .name = NAME_F };
static const struct pal_import_module import_module = { NULL, NAME_A, AT_IMPORT_MODULE };

struct pal_module importing(void)
{
	struct pal_module importer = module;
	importer.name = "b";
	importer.imports = &an_import;
	importer.import_modules = &import_module;
	importer.import_count = importer.import_module_count = 1;
	return importer;
}

void check_refused(const struct pal_module *importer, void *env, const char *message)
{
	void *instance = &instance, *imports[] = { env };
	CHECK(pal_rt_instantiate(importer, &instance, imports) == PAL_TRAP_LINK && instance == NULL);
	if (strcmp(pal_last_trap()->message, message) != 0)
		fprintf(stderr, "%s\n", pal_last_trap()->message);
	CHECK(strcmp(pal_last_trap()->message, message) == 0);
}
