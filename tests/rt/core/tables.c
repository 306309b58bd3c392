/* Tables. */
#define _GNU_SOURCE
#include "hand.h"

void test_table(void)
{
	pal_table *table;
	int a, b;
	void *ref;
	CHECK(pal_table_new(&table, PAL_TABLE_EXTERNREF, 2, 5) == PAL_OK && pal_table_size(table) == 2);
	CHECK(pal_table_get(table, 1, &ref) == PAL_OK && ref == NULL && pal_table_get(table, 2, &ref) == PAL_E_RANGE);
	CHECK(pal_table_set(table, 1, &a) == PAL_OK && pal_table_get(table, 1, &ref) == PAL_OK && ref == &a);
	CHECK(pal_table_set(table, 2, &a) == PAL_E_RANGE);
	struct pal_view view = { 0 };
	pal_table_attach(table, &view);
	uint64_t old;
	CHECK(pal_table_grow(table, 3, &b, &old) && old == 2 && view.size == 5 && view.base == (uint8_t *)table->elements);
	CHECK(table->elements[1] == &a && table->elements[2] == &b && table->elements[4] == &b);
	CHECK(!pal_table_grow(table, 1, &b, &old) && !pal_table_grow(table, UINT64_MAX, &b, &old) && table->size == 5);
	pal_table_detach(table, &view);
	pal_table_free(table);
	CHECK(pal_table_new(&table, PAL_TABLE_FUNCREF, 0, UINT64_MAX) == PAL_OK);
	for (int i = 0; i < 1000; i++)
		CHECK(pal_table_grow(table, 1, NULL, &old));
	CHECK(pal_table_grow(table, 9999000, NULL, &old) && !pal_table_grow(table, 1, NULL, &old));
	pal_table_free(table);
	CHECK(pal_table_new(&table, PAL_TABLE_FUNCREF, 3, 2) == PAL_E_RANGE && table == NULL);
	CHECK(pal_table_new(&table, (pal_table_type)1, 0, 2) == PAL_E_ARGUMENT);
}
