/* Instances, and the helpers that work on their memories and tables. */
#define _GNU_SOURCE
#include "hand.h"
#include "thread.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void test_instance(void)
{
	uint8_t *p = new_instance(&module);
	struct pal_view *view = (struct pal_view *)(p - AT_MEMORIES);
	CHECK(view->base == p && view->size == 65536 && memcmp(p + 100, "hello", 6) == 0);
	CHECK((p - AT_DATA_DROPPED)[0] == 1 && (p - AT_DATA_DROPPED)[1] == 0);
	CHECK((p - AT_ELEM_DROPPED)[0] == 1 && (p - AT_ELEM_DROPPED)[1] == 0 && (p - AT_ELEM_DROPPED)[2] == 1);
	struct pal_func *func = (struct pal_func *)(p - AT_FUNCS);
	CHECK(func[1].pinned == p && func[1].index == 1 && func[1].type != func[0].type && func[0].code == guest_text);
	uint32_t types[2];
	memcpy(types, p - AT_TYPES, sizeof types);
	CHECK(types[0] == func[0].type && types[1] == func[1].type && types[0] == interned(types_data, 4));
	void **elements = table_of(p)->elements;
	CHECK(elements[0] == NULL && elements[1] == func + 1 && elements[2] == NULL && elements[3] == func);

	/* growing, by the helpers */
	CHECK(pal_rt_memory_grow(p, 0, 1) == 1 && view->size == 131072 && pal_rt_memory_grow(p, 0, 2) == UINT64_MAX);
	CHECK(pal_rt_table_grow(p, 0, func, 4) == 4 && table_of(p)->elements[7] == func);
	CHECK(pal_rt_table_grow(p, 0, func, 1) == UINT64_MAX);
	CHECK(((struct pal_view *)(p - AT_TABLES))->base == (uint8_t *)table_of(p)->elements);

	/* the stack */
	pal_rt_stack_enter(p);
	uint64_t limit, room;
	memcpy(&limit, p - PAL_CONTEXT_STACK_LIMIT, 8);
	memcpy(&room, p - PAL_CONTEXT_STACK_ROOM, 8);
	uint64_t here = (uint64_t)(uintptr_t)__builtin_frame_address(0);
	CHECK(here - limit < room && pal_thread_stack(limit - PAL_STACK_RESERVE) == pal_thread_stack(limit + room - 1));

	/* the memory outlives the instance, the table, too */
	pal_memory *memory = memory_of(p);
	pal_memory_retain(memory);
	pal_rt_free(p);
	CHECK(memcmp((char *)pal_memory_data(memory) + 100, "hello", 6) == 0 && pal_memory_grow(memory, 1, NULL) == PAL_OK);
	pal_memory_free(memory);
	pal_rt_free(NULL);
	for (int i = 0; i < 20 * rounds; i++)
		pal_rt_free(new_instance(&module));
}

/* Without PAL_MODULE_BASE_PINNED: P is just past the context. */
void test_instance_alone(void)
{
	struct pal_module alone = module;
	struct pal_memory_desc checked = memory_desc;
	checked.mode = PAL_MODE_CHECKED;
	checked.exported = 0;
	alone.flags = 0;
	alone.memories = &checked;
	uint8_t *p = new_instance(&alone);
	CHECK(memory_of(p)->layout == PAL_LAYOUT_FIXED);
	CHECK(memcmp(memory_of(p)->base + 100, "hello", 5) == 0);
	pal_rt_free(p);
	checked.exported = 1;
	p = new_instance(&alone);
	CHECK(pal_memory_is_guarded(memory_of(p)));
	pal_rt_free(p);
}

struct bulk {
	void *p;
	int which;
};
static void do_bulk(void *arg)
{
	struct bulk *bulk = arg;
	void *p = bulk->p;
	switch (bulk->which) {
	case 0: pal_rt_memory_fill(p, 0, 65536, 1, 0); break;
	case 1: pal_rt_memory_fill(p, 0, 65530, 0x1ff, 6); break;
	case 2: pal_rt_memory_copy(p, 0, 65530, 0, 100, 5); break;
	case 3: pal_rt_memory_init(p, 0, 1, 200, 1, 4); break;
	case 4: pal_rt_memory_init(p, 0, 0, 0, 0, 0); break; /* dropped: of length 0 */
	case 5: pal_rt_table_init(p, 0, 1, 0, 0, 2); break;
	case 6: pal_rt_table_copy(p, 0, 1, 0, 0, 3); break;
	case 7: pal_rt_table_fill(p, 0, 4, NULL, 0); break;
	/* and those that trap */
	case 100: pal_rt_memory_fill(p, 0, 65537, 1, 0); break;
	case 101: pal_rt_memory_fill(p, 0, 65530, 9, 7); break;
	case 102: pal_rt_memory_fill(p, 0, 1, 9, UINT64_MAX); break;
	case 103: pal_rt_memory_copy(p, 0, 0, 0, 65530, 7); break;
	case 104: pal_rt_memory_copy(p, 0, 65530, 0, 0, 7); break;
	case 105: pal_rt_memory_init(p, 0, 1, 0, 1, 5); break;
	case 106: pal_rt_memory_init(p, 0, 0, 0, 0, 1); break;
	case 200: pal_rt_table_init(p, 0, 1, 3, 0, 2); break;
	case 201: pal_rt_table_init(p, 0, 1, 0, 1, 2); break;
	case 202: pal_rt_table_copy(p, 0, 0, 0, 1, 4); break;
	case 203: pal_rt_table_copy(p, 0, 1, 0, 0, UINT64_MAX); break;
	case 204: pal_rt_table_fill(p, 0, 5, NULL, 0); break;
	case 206: pal_rt_table_fill(p, 0, 1, NULL, UINT64_MAX); break;
	case 205: pal_rt_table_init(p, 0, 2, 0, 0, 1); break; /* declared: dropped */
	}
}

void test_bulk(void)
{
	uint8_t *p = new_instance(&module);
	struct pal_func *func = (struct pal_func *)(p - AT_FUNCS);
	struct bulk bulk = { p, 0 };
	for (; bulk.which <= 7; bulk.which++)
		CHECK(pal_try(do_bulk, &bulk) == PAL_TRAP_NONE);
	CHECK(memcmp(p + 65530, "hello\xff", 6) == 0 && memcmp(p + 200, "orld", 4) == 0 && p[204] == 0);
	void **elements = table_of(p)->elements; /* null, global (func 0), func 1 … moved up by one */
	CHECK(elements[0] == NULL && elements[1] == NULL && elements[2] == func && elements[3] == NULL);
	for (bulk.which = 100; bulk.which <= 106; bulk.which++) {
		CHECK(pal_try(do_bulk, &bulk) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
		CHECK(pal_last_trap()->memory == 0);
	}
	for (bulk.which = 200; bulk.which <= 206; bulk.which++)
		CHECK(pal_try(do_bulk, &bulk) == PAL_TRAP_TABLE_OUT_OF_BOUNDS);
	CHECK(memcmp(p + 65530, "hello\xff", 6) == 0 && p[1] == 0 && p[0] == 0); /* no effect */
	pal_rt_data_drop(p, 1);
	bulk.which = 3;
	CHECK(pal_try(do_bulk, &bulk) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	pal_rt_free(p);
}

/* Bulk instructions on pages that the host has protected: traps, with the address. */
void test_bulk_protected(void)
{
	uint8_t *p = new_instance(&module);
	struct pal_memory *memory = memory_of(p);
	memory->may_fault = 1;
	for (int i = 0; i < 1000; i++)
		p[1000 + i] = (uint8_t)(i * 3);
	uint8_t expected[2200];
	for (int shift = -40; shift <= 40; shift++) { /* overlapping copies in both directions */
		memcpy(expected, p, sizeof expected);
		memmove(expected + 1000 + shift, expected + 1000, 777);
		pal_rt_memory_copy(p, 0, (uint64_t)(1000 + shift), 0, 1000, 777);
		CHECK(memcmp(expected, p, sizeof expected) == 0);
	}
	pal_rt_memory_fill(p, 0, 1001, 0x1ab, 37);
	CHECK(p[1001] == 0xab && p[1037] == 0xab && p[1038] == expected[1038] && p[1000] == expected[1000]);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	CHECK(mprotect(p + 65536 - page, page, PROT_NONE) == 0);
	struct bulk bulk = { p, 1 };
	CHECK(pal_try(do_bulk, &bulk) == PAL_TRAP_MEMORY_PROTECTED && pal_last_trap()->address == 65530);
	bulk.which = 2;
	CHECK(pal_try(do_bulk, &bulk) == PAL_TRAP_MEMORY_PROTECTED && pal_last_trap()->memory == 0);
	CHECK(call(p, guest_load, 65536 - page) == PAL_TRAP_MEMORY_PROTECTED);
	pal_rt_free(p);
}
