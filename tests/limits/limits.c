/* What a budget refuses, and that nothing stays counted. */
#include "growing.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAGE = 65536, THREADS = 16 };
static int rounds;
static int failures;

static void expect(int is, const char *what)
{
	if (is)
		return;
	printf("%s\n", what);
	failures++;
}

static pal_budget *new_budget(uint64_t bytes, uint64_t elements, uint64_t instances)
{
	pal_budget *budget;
	pal_limits limits = { bytes, elements, instances };
	if (pal_budget_new(&budget, &limits) != PAL_OK)
		exit(1);
	return budget;
}

static int used_is(const pal_budget *budget, uint64_t bytes, uint64_t elements, uint64_t instances)
{
	pal_limits used = pal_budget_used(budget);
	return used.memory_bytes == bytes && used.table_elements == elements && used.instances == instances;
}

static struct growing *make(void)
{
	struct growing *instance;
	if (pal_growing_instantiate(&instance) != PAL_TRAP_NONE)
		puts(pal_last_trap()->message);
	return instance;
}

static void refused(const char *text)
{
	struct growing *instance;
	expect(pal_growing_instantiate(&instance) == PAL_TRAP_OUT_OF_MEMORY && instance == NULL, text);
	if (strcmp(pal_last_trap()->message, text) != 0)
		printf("%s, not %s\n", pal_last_trap()->message, text), failures++;
}

static void growing(void)
{
	pal_budget *budget = new_budget(3 * PAGE, 20, 2);
	expect(pal_budget_use(budget) == NULL, "a budget was in use");
	struct growing *a = make();
	expect(used_is(budget, PAGE, 10, 1), "what one instance has");
	expect(growing_grow(a, 1) == 1 && growing_grow(a, 2) == -1 && growing_grow_second(a, 2) == -1, "memory.grow above it");
	expect(growing_grow_second(a, 1) == 0 && growing_grow(a, 1) == -1, "memories count together");
	expect(growing_grow_table(a, 11) == -1 && growing_grow_table(a, 10) == 10, "table.grow");
	expect(pal_memory_grow(growing_memory(a), 1, NULL) == PAL_E_NOMEM, "pal_memory_grow");
	expect(used_is(budget, 3 * PAGE, 20, 1), "what it has grown to");
	refused("module \"growing\": memory 0 is above the limit memory_bytes = 196608");
	pal_budget_set(budget, &(pal_limits){ 4 * PAGE, 20, 2 });
	refused("module \"growing\": table 0 is above the limit table_elements = 20");
	expect(used_is(budget, 3 * PAGE, 20, 1), "a refused instance is not counted");
	pal_budget_set(budget, &(pal_limits){ 4 * PAGE, 30, 1 });
	refused("module \"growing\": an instance is above the limit instances = 1");
	expect(used_is(budget, 3 * PAGE, 20, 1), "one too many is not counted");
	pal_budget_set(budget, &(pal_limits){ 1, 1, 1 });
	expect(growing_grow(a, 0) == 2 && growing_grow(a, 1) == -1, "a limit below what is there");
	pal_budget_use(NULL);
	struct growing *free = make();
	expect(growing_grow(free, 10) == 1 && used_is(budget, 3 * PAGE, 20, 1), "others are not limited");
	pal_growing_free(free);
	pal_growing_free(a);
	expect(used_is(budget, 0, 0, 0), "all is given back");
	pal_budget_free(budget);
}

static void of_the_host(void)
{
	pal_budget *budget = new_budget(2 * PAGE, 5, 0);
	pal_memory *memory, *other;
	pal_table *table, *more;
	static uint64_t bytes[PAGE];
	pal_budget_use(budget);
	expect(pal_memory_new(&memory, &(pal_memory_options){ .min_pages = 2 }) == PAL_OK, "pal_memory_new");
	expect(pal_memory_new(&other, &(pal_memory_options){ .min_pages = 1 }) == PAL_E_NOMEM && !other, "one too large");
	expect(pal_memory_wrap(&other, bytes, sizeof bytes, PAL_READ_WRITE) == PAL_OK, "bytes of the host's are not counted");
	expect(pal_table_new(&table, PAL_TABLE_FUNCREF, 5, 10) == PAL_OK, "pal_table_new");
	expect(pal_table_new(&more, PAL_TABLE_FUNCREF, 1, 10) == PAL_E_NOMEM && !more, "a table too large");
	pal_budget_use(NULL);
	pal_budget_free(budget); /* it lives as long as what is counted in it */
	expect(pal_memory_grow(memory, 1, NULL) == PAL_E_NOMEM && used_is(budget, 2 * PAGE, 5, 0), "it still counts");
	pal_memory_free(memory);
	pal_memory_free(other);
	pal_table_free(table);
}

/* At no moment more than two pages an instance, nor more instances than three quarters of the threads. */
static pal_budget *common;
static _Atomic int made, refusals, grown;

static void *work(void *unused)
{
	(void)unused;
	pal_budget_use(common);
	for (int i = 0; i < rounds; i++) {
		struct growing *instance;
		if (pal_growing_instantiate(&instance) != PAL_TRAP_NONE) {
			refusals++;
			continue;
		}
		made++;
		grown += growing_grow(instance, 1) == 1;
		pal_limits used = pal_budget_used(common);
		if (used.instances > THREADS * 3 / 4 || used.memory_bytes > THREADS * PAGE)
			exit(1);
		pal_growing_free(instance);
	}
	return NULL;
}

static void threads(void)
{
	pthread_t all[THREADS];
	common = new_budget(THREADS * PAGE, 0, THREADS * 3 / 4);
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&all[i], NULL, work, NULL) != 0)
			exit(1);
	for (int i = 0; i < THREADS; i++)
		pthread_join(all[i], NULL);
	expect(made + refusals == THREADS * rounds && made > 0 && grown > 0, "threads");
	expect(used_is(common, 0, 0, 0), "threads have given all back");
	pal_budget_free(common);
}

int main(int argc, char **argv)
{
	rounds = argc > 1 ? atoi(argv[1]) : 200;
	growing();
	of_the_host();
	threads();
	puts(failures ? "failures" : "all good");
	return failures != 0;
}
