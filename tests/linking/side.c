/* Two side modules in one main module's memory and table; the host says where. */
#include "one.h"
#include "side_main.h"
#include "two.h"
#include <stdio.h>
#include <string.h>

struct env {
	struct side_main *main;
	int32_t memory_base, table_base;
};
struct GOT_x2E_mem { int32_t counter; };
struct GOT_x2E_func { int32_t callback; };

pal_memory *env_memory(struct env *env) { return side_main_memory(env->main); }
pal_table *env___indirect_function_table(struct env *env) { return side_main_table(env->main); }
int32_t *env___stack_pointer(struct env *env) { return side_main___stack_pointer(env->main); }
const int32_t *env___memory_base(struct env *env) { return &env->memory_base; }
const int32_t *env___table_base(struct env *env) { return &env->table_base; }
int32_t env_malloc(struct env *env, int32_t size) { return side_main_malloc(env->main, size); }
int32_t *GOT_x2E_mem_counter(struct GOT_x2E_mem *got) { return &got->counter; }
int32_t *GOT_x2E_func_callback(struct GOT_x2E_func *got) { return &got->callback; }

#define CHECK(condition) \
	if (!(condition)) \
		return printf("line %d: not true: %s (%s)\n", __LINE__, #condition, pal_last_trap()->message), 1

int main(void)
{
	struct side_main *main;
	CHECK(pal_side_main_instantiate(&main) == PAL_TRAP_NONE);
	struct env first = { main, 1024, 4 }, second = { main, 2048, 8 };
	struct GOT_x2E_mem mem = { 512 };
	struct GOT_x2E_func func = { 1 };
	struct one *one;
	struct two *two;
	CHECK(pal_one_instantiate(&one, &first, &mem, &func) == PAL_TRAP_NONE);
	CHECK(pal_two_instantiate(&two, &second, &mem, &func) == PAL_TRAP_NONE);
	const char *bytes = pal_memory_data(side_main_memory(main));
	CHECK(memcmp(bytes + 1028, "side", 4) == 0 && memcmp(bytes + 2052, "side", 4) == 0);
	CHECK(one_answer(one) == 42 && two_answer(two) == 42);
	CHECK(one_four_times(one, 10) == 40 && two_four_times(two, 11) == 44);
	CHECK(one_call_back(one, 6) == 7 && two_on_stack(two) == 4101 && *side_main___stack_pointer(main) == 65536);
	one_count(one), two_count(two), two_count(two);
	CHECK(bytes[512] == 3);
	pal_one_free(one);
	CHECK(two_four_times(two, 1) == 4);
	pal_two_free(two);
	pal_side_main_free(main);
	puts("all good");
	return 0;
}
