/* Producers and consumers with condition variables; waiting that times out; values that are not as expected. */
#include "guest.h"
#include <stdatomic.h>

enum { PRODUCERS = 4, CONSUMERS = 4, ITEMS = 2000, ROOM = 8 };

static struct mutex mutex;
static struct condition not_full, not_empty;
static uint32_t items[ROOM], first, used;
static uint64_t sum;
static uint32_t taken;

static void produce(void *arg)
{
	uint32_t number = (uint32_t)(uintptr_t)arg;
	for (uint32_t i = 0; i < ITEMS; i++) {
		mutex_lock(&mutex);
		while (used == ROOM)
			condition_wait(&not_full, &mutex, -1);
		items[(first + used++) % ROOM] = number * ITEMS + i;
		condition_signal(&not_empty);
		mutex_unlock(&mutex);
	}
}

static void consume(void *arg)
{
	(void)arg;
	for (;;) {
		mutex_lock(&mutex);
		while (used == 0 && taken < PRODUCERS * ITEMS)
			condition_wait(&not_empty, &mutex, -1);
		if (used == 0)
			break;
		sum += items[first];
		first = (first + 1) % ROOM;
		used--;
		if (++taken == PRODUCERS * ITEMS)
			condition_broadcast(&not_empty);
		condition_signal(&not_full);
		mutex_unlock(&mutex);
	}
	mutex_unlock(&mutex);
}

static void check_waits(void)
{
	static int32_t word = 5;
	static int64_t longer = -1;
	CHECK(__builtin_wasm_memory_atomic_wait32(&word, 4, -1) == 1);
	CHECK(__builtin_wasm_memory_atomic_wait64(&longer, 0xffffffff, -1) == 1);
	CHECK(__builtin_wasm_memory_atomic_wait32(&word, 5, 0) == 2);
	CHECK(__builtin_wasm_memory_atomic_wait32(&word, 5, 2000000) == 2);
	CHECK(__builtin_wasm_memory_atomic_wait64(&longer, -1, 2000000) == 2);
	CHECK(__builtin_wasm_memory_atomic_notify(&word, 100) == 0);
}

EXPORT("_start") void start(void)
{
	static struct thread threads[PRODUCERS + CONSUMERS];
	check_waits();
	for (uintptr_t i = 0; i < PRODUCERS + CONSUMERS; i++)
		thread_start(&threads[i], i < PRODUCERS ? produce : consume, (void *)i);
	for (int i = 0; i < PRODUCERS + CONSUMERS; i++)
		thread_join(&threads[i]);
	CHECK(taken == PRODUCERS * ITEMS);
	print_number("sum", sum);
}
