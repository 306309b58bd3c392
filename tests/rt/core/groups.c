/* Starts that fail, and instances that live and die together. */
#define _GNU_SOURCE
#include "hand.h"
#include <string.h>

static int starts;
static void bad_start(void *pinned)
{
	starts++;
	guest_enter(pinned, 0, guest_unreachable);
}

void test_failed_start(void)
{
	struct pal_module bad = module;
	void *p = &p;
	bad.start = bad_start;
	CHECK(pal_rt_instantiate(&bad, &p, no_imports) == PAL_TRAP_UNREACHABLE && p == NULL && starts == 1);
	computed_offset = 65532;
	CHECK(pal_rt_instantiate(&module, &p, no_imports) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS && p == NULL);
	CHECK(pal_last_trap()->memory == 0 && pal_last_trap()->address == 65532);
	computed_offset = UINT64_MAX;
	CHECK(pal_rt_instantiate(&module, &p, no_imports) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	computed_offset = 100;
	struct pal_table_desc small = table_desc;
	small.minimum = 3;
	bad = module;
	bad.tables = &small;
	CHECK(pal_rt_instantiate(&bad, &p, no_imports) == PAL_TRAP_TABLE_OUT_OF_BOUNDS && p == NULL);

	/* what it wrote to a host's table stays callable */
	struct pal_module importer = importing();
	struct pal_table_desc desc = table_desc;
	desc.import = 0;
	importer.tables = &desc;
	importer.start = bad_start;
	an_import.kind = PAL_KIND_TABLE;
	pal_table *table;
	CHECK(pal_table_new(&table, PAL_TABLE_FUNCREF, 4, 8) == PAL_OK);
	given = table;
	CHECK(pal_rt_instantiate(&importer, &p, no_imports) == PAL_TRAP_UNREACHABLE && p == NULL);
	struct pal_func *func = table->elements[1];
	CHECK(func->index == 1 && memcmp((char *)func->pinned + 100, "hello", 5) == 0);
	CHECK(call(func->pinned, guest_load, 1 << 20) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	pal_table_free(table); /* the instance goes with it: ASan would tell */

	desc.type = PAL_TYPE_EXTERNREF;
	CHECK(pal_table_new(&table, PAL_TABLE_FUNCREF, 4, 8) == PAL_OK);
	given = table;
	check_refused(&importer, NULL, "module \"b\": import \"a\" \"f\": expected a table of externref, but it is one of funcref");
	desc = table_desc;
	desc.import = 0;
	desc.maximum = 7;
	check_refused(&importer, NULL, "module \"b\": import \"a\" \"f\": expected a table with a maximum of at most 7 elements, but it has 8");
	pal_table_free(table);
	an_import.kind = PAL_KIND_MEMORY;
}

void test_groups(void)
{
	struct pal_module importer = importing();
	struct pal_table_desc desc = table_desc;
	desc.import = 0;
	importer.tables = &desc;
	struct pal_export export = { &module, PAL_KIND_TABLE, 0, 0, 0 };
	an_import.provider = &export;
	an_import.kind = PAL_KIND_TABLE;
	uint8_t *a = new_instance(&module), *b;
	given = table_of(a);
	void *imports[] = { a };
	CHECK(pal_rt_instantiate(&importer, (void **)&b, imports) == PAL_TRAP_NONE && table_of(b) == table_of(a));
	pal_rt_free(a);
	CHECK(memcmp(a + 100, "hello", 5) == 0 && call(a, guest_load, 100) == PAL_TRAP_NONE); /* b can still call it */
	CHECK(((struct pal_func *)table_of(b)->elements[1])->pinned == b);
	pal_rt_free(b);

	/* a function only */
	export.kind = an_import.kind = PAL_KIND_FUNC;
	an_import.type = 0;
	struct pal_module caller = importing();
	a = new_instance(&module);
	imports[0] = a;
	CHECK(pal_rt_instantiate(&caller, (void **)&b, imports) == PAL_TRAP_NONE);
	pal_rt_free(a);
	CHECK(memcmp(a + 100, "hello", 5) == 0 && call(a, guest_load, 100) == PAL_TRAP_NONE);
	pal_rt_free(b);

	/* through a host's table, by pal_table_set */
	pal_table *table;
	CHECK(pal_table_new(&table, PAL_TABLE_FUNCREF, 2, 2) == PAL_OK);
	a = new_instance(&module);
	b = new_instance(&module);
	CHECK(pal_table_set(table, 0, a - AT_FUNCS) == PAL_OK && pal_table_set(table, 1, b - AT_FUNCS) == PAL_OK);
	pal_rt_free(a);
	pal_rt_free(b);
	CHECK(memcmp(a + 100, "hello", 5) == 0 && memcmp(b + 100, "hello", 5) == 0);
	pal_table_free(table);
	an_import.provider = NULL;
	an_import.kind = PAL_KIND_MEMORY;
}
