/* 64 threads count under a mutex and with atomics of all widths; each has thread-local data and a tid of its own. */
#include "guest.h"
#include <stdatomic.h>

enum { THREADS = 64, ROUNDS = 300 };

static struct mutex mutex;
static uint64_t counted, sum_of_tids;
static _Atomic uint8_t bytes;
static _Atomic uint16_t halves;
static _Atomic uint32_t words, most, bits;
static _Atomic uint64_t longs;
static _Thread_local uint32_t own = 7, own_zero;
static struct thread threads[THREADS];

static void count(void *arg)
{
	uint32_t number = (uint32_t)(uintptr_t)arg;
	CHECK(own == 7 && own_zero == 0);
	for (int i = 0; i < ROUNDS; i++) {
		mutex_lock(&mutex);
		counted++;
		mutex_unlock(&mutex);
		own += number;
		own_zero++;
		bytes++;
		halves += 3;
		words -= 5;
		longs += UINT64_C(0x100000001);
		atomic_fetch_xor(&bits, 1u << number % 32);
		uint32_t now = atomic_load(&most);
		while (now < number && !atomic_compare_exchange_weak(&most, &now, number))
			;
	}
	CHECK(own == 7 + number * ROUNDS && own_zero == ROUNDS);
	mutex_lock(&mutex);
	sum_of_tids += (uint64_t)threads[number].tid;
	mutex_unlock(&mutex);
}

EXPORT("_start") void start(void)
{
	for (uintptr_t i = 0; i < THREADS; i++)
		thread_start(&threads[i], count, (void *)i);
	for (int i = 0; i < THREADS; i++)
		thread_join(&threads[i]);
	for (int i = 0; i < THREADS; i++)
		for (int j = 0; j < i; j++)
			CHECK(threads[i].tid != threads[j].tid);
	CHECK(own == 7 && own_zero == 0 && sum_of_tids > 0);
	CHECK(bytes == (uint8_t)(THREADS * ROUNDS) && halves == (uint16_t)(THREADS * ROUNDS * 3));
	CHECK(words == (uint32_t)(THREADS * ROUNDS * -5) && longs == THREADS * ROUNDS * UINT64_C(0x100000001));
	CHECK(most == THREADS - 1 && bits == 0);
	print_number("counted", counted);
}
