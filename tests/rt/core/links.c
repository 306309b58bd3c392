/* Imports: what fits and what is refused. */
#define _GNU_SOURCE
#include "hand.h"
#include <math.h>
#include <string.h>

void test_link_memory(void)
{
	struct pal_module importer = importing();
	struct pal_memory_desc desc = memory_desc;
	desc.import = 0;
	importer.memories = &desc;
	importer.flags = 0;
	int env;
	given = NULL;
	check_refused(&importer, &env, "module \"b\": import \"a\" \"f\": it was not given");
	pal_memory *memory;
	pal_memory_options options = { .min_pages = 1 };
	CHECK(pal_memory_new(&memory, &options) == PAL_OK);
	given = memory;
	check_refused(&importer, &env, "module \"b\": import \"a\" \"f\": expected a memory with a maximum of at most 3 pages, but it has none");
	desc.maximum = UINT64_MAX;
	desc.minimum = 2;
	check_refused(&importer, &env, "module \"b\": import \"a\" \"f\": expected a memory of at least 2 pages, but it has 1");
	CHECK(pal_memory_grow(memory, 1, NULL) == PAL_OK);
	void *p, *imports[] = { &env };
	CHECK(pal_rt_instantiate(&importer, &p, imports) == PAL_TRAP_NONE && memory_of(p) == memory);
	void *slot;
	memcpy(&slot, (uint8_t *)p - AT_IMPORT_MODULE, sizeof slot);
	CHECK(slot == &env && memcmp(memory->base + 100, "hello", 5) == 0);
	CHECK(pal_memory_grow(memory, 1, NULL) == PAL_OK && ((struct pal_view *)((uint8_t *)p - AT_MEMORIES))->size == 3 * 65536);
	pal_memory_free(memory); /* the instance still holds it */
	memory->base[5] = 5;
	pal_rt_free(p);
	options.compact = 1;
	options.min_pages = 2;
	CHECK(pal_memory_new(&memory, &options) == PAL_OK);
	given = memory;
	check_refused(&importer, &env, "module \"b\": import \"a\" \"f\": the module's code for it relies on guard pages (mode=guard), "
	              "but the memory was made without them (compact, or mode=checked in its own module)");
	desc.mode = PAL_MODE_CHECKED;
	CHECK(pal_rt_instantiate(&importer, &p, imports) == PAL_TRAP_NONE);
	pal_rt_free(p);
	desc.index64 = 1;
	check_refused(&importer, &env, "module \"b\": import \"a\" \"f\": expected a 64-bit memory, but it is a 32-bit one");
	pal_memory_free(memory);
}

void test_link_provider(void)
{
	void *a = new_instance(&module);
	struct pal_module importer = importing();
	struct pal_module other = module;
	struct pal_export export = { &module, PAL_KIND_FUNC, 0, 1, 0 };
	an_import.provider = &export;
	an_import.kind = PAL_KIND_FUNC;
	an_import.type = 0;
	check_refused(&importer, NULL, "module \"b\": import \"a\" \"f\": its instance is NULL");
	check_refused(&importer, a, "module \"b\": import \"a\" \"f\": expected function (i32) -> (), but it is function () -> ()");
	export.kind = PAL_KIND_MEMORY;
	check_refused(&importer, a, "module \"b\": import \"a\" \"f\": expected function (i32) -> (), but it is memory");
	export = (struct pal_export){ &other, PAL_KIND_FUNC, 0, 0, 0 };
	check_refused(&importer, a, "module \"b\": import \"a\" \"f\": its instance is one of another module");
	export = (struct pal_export){ &module, PAL_KIND_GLOBAL, 0, PAL_TYPE_I32, 0 };
	an_import.kind = PAL_KIND_GLOBAL;
	an_import.type = PAL_TYPE_I32 | PAL_GLOBAL_MUTABLE;
	check_refused(&importer, a, "module \"b\": import \"a\" \"f\": expected mutable global i32, but it is global i32");
	an_import.provider = NULL;
	an_import.kind = PAL_KIND_MEMORY;
	pal_rt_free(a);
	other.abi++;
	void *p, *imports[1];
	CHECK(pal_rt_instantiate(&other, &p, imports) == PAL_TRAP_LINK);
}

/* An imported global that a segment refers to: through its pointer. */
static void no_init(void *pinned, uint64_t *computed)
{
	(void)pinned;
	computed[0] = 0;
}
void test_link_global(void)
{
	struct pal_module importer = importing();
	importer.init = no_init;
	an_import.kind = PAL_KIND_GLOBAL;
	int target;
	void *value = &target;
	given = &value;
	void *p, *imports[1] = { NULL };
	CHECK(pal_rt_instantiate(&importer, &p, imports) == PAL_TRAP_NONE && table_of(p)->elements[3] == &target);
	an_import.kind = PAL_KIND_MEMORY;
	pal_rt_free(p);
}
