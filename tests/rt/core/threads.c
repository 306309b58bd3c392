/* Threads: stacks, ends, memories that they share. */
#define _GNU_SOURCE
#include "hand.h"
#include <pthread.h>

static void *thread_main(void *arg)
{
	(void)arg;
	for (int i = 0; i < rounds; i++) {
		void *p = new_instance(&module);
		CHECK(call(p, guest_load, 1 << 20) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS && pal_last_trap()->address == 1 << 20);
		CHECK(call(p, guest_divide, 0) == PAL_TRAP_INTEGER_DIVIDE_BY_ZERO);
		CHECK(pal_try(raise_host, "mine") == PAL_TRAP_HOST);
		pal_rt_free(p);
	}
	return NULL;
}

#ifndef _WIN32 /* whose threads do not unwind when they end themselves */
static void leave_thread(void *arg)
{
	if (arg)
		pthread_exit(arg); /* unwinds through pal_try, as a C++ exception does */
}
static void in_between(void *p)
{
	guest_enter(p, (uint64_t)(uintptr_t)leave_thread, guest_c);
}
static void *exiting_thread(void *p)
{
	pal_try(in_between, p);
	return NULL;
}
#endif

void test_threads(void)
{
	pthread_t threads[8];
	for (int i = 0; i < 8; i++)
		CHECK(pthread_create(&threads[i], NULL, thread_main, NULL) == 0);
	for (int i = 0; i < 8; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
#ifndef _WIN32
	void *p = new_instance(&module), *result;
	CHECK(pthread_create(&threads[0], NULL, exiting_thread, p) == 0);
	CHECK(pthread_join(threads[0], &result) == 0 && result == p);
	pal_rt_free(p);
#endif
}

/* Several threads grow one shared memory: every page is given out once. */
static pal_memory *common;
static _Atomic uint64_t page_sum;
static void *grow_thread(void *arg)
{
	(void)arg;
	uint64_t old;
	while (pal_memory_grow(common, 1, &old) == PAL_OK) {
		page_sum += old;
		((uint8_t *)pal_memory_data(common))[old << 16] = 1;
	}
	return NULL;
}
void test_shared_growth(void)
{
	pal_memory_options options = { .max_pages = 1000, .has_max = 1, .shared = 1 };
	CHECK(pal_memory_new(&common, &options) == PAL_OK);
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, grow_thread, NULL) == 0);
	for (int i = 0; i < 4; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	CHECK(page_sum == 999 * 1000 / 2 && pal_memory_size(common) == 1000 << 16);
	pal_memory_free(common);
}
