/* A host with an instance per thread on one shared memory. Prints "all good". */
#include "spawner.h"
#include "worker.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition) ((condition) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #condition), exit(1)))

enum { THREADS = 8, TIMES = 20000, PAGES = 10 };
enum { COUNTER = 0, GATE = 64, WAITING = 128, FLAG = 192 }; /* addresses */

struct env { pal_memory *memory; };
pal_memory *env_memory(struct env *env) { return env->memory; }

static struct worker *new_worker(struct env *env)
{
	struct worker *worker;
	CHECK(pal_worker_instantiate(&worker, env) == PAL_TRAP_NONE);
	return worker;
}

/* ---- Each thread ---- */

static void touch(void *arg)
{
	worker_get(arg, 0x7ffffffc);
}
static void wait_unaligned(void *arg)
{
	worker_wait(arg, GATE + 2, 0, -1);
}

static void *run(void *arg)
{
	struct worker *worker = new_worker(arg);
	CHECK(worker_add(worker, COUNTER, TIMES) == TIMES);
	worker_add(worker, WAITING, 1);
	CHECK(worker_wait(worker, GATE, 0, -1) == 0);
	for (int i = 0; i < 100; i++) {
		CHECK(pal_try(touch, worker) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
		CHECK(pal_try(wait_unaligned, worker) == PAL_TRAP_UNALIGNED_ATOMIC);
	}
	for (int i = 0; i < PAGES; i++) {
		int32_t page = worker_grow(worker, 1);
		CHECK(page > 0);
		worker_fill(worker, page << 16, i, 65536);
		CHECK(pal_memory_size(((struct env *)arg)->memory) > (uint64_t)page << 16);
	}
	worker_spin(worker, FLAG);
	pal_worker_free(worker);
	return NULL;
}

static void test_workers(struct env *env)
{
	pthread_t threads[THREADS];
	struct worker *worker = new_worker(env);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, run, env) == 0);
	while (worker_get(worker, WAITING) < THREADS)
		;
	int32_t woken = worker_notify(worker, GATE, 2); /* some may not sleep yet */
	CHECK(woken <= 2);
	while (woken < THREADS)
		woken += worker_notify(worker, GATE, THREADS);
	CHECK(woken == THREADS && worker_notify(worker, GATE, -1) == 0);
	CHECK(worker_wait(worker, GATE, 0, 1000000) == 2 && worker_wait(worker, GATE, 1, -1) == 1);
	worker_set(worker, FLAG, 1);
	for (int i = 0; i < THREADS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	CHECK(worker_get(worker, COUNTER) == THREADS * TIMES);
	CHECK(pal_memory_size(env->memory) == (1 + THREADS * PAGES) << 16);
	CHECK(worker_grow(worker, 200) == -1);
	pal_worker_free(worker);
}

/* ---- Growing under an access ---- */

static uint32_t place;
static void touch_place(void *arg)
{
	worker_get(arg, (int32_t)place);
}

static void *grow_slowly(void *arg)
{
	struct worker *worker = new_worker(arg);
	while (worker_grow(worker, 1) > 0)
		;
	pal_worker_free(worker);
	return NULL;
}

/* What is just outside may be inside a moment later, but never protected. */
static void test_the_end(void)
{
	struct env env;
	pthread_t grower;
	pal_memory_options options = { .min_pages = 1, .max_pages = 200, .has_max = 1, .shared = 1 };
	CHECK(pal_memory_new(&env.memory, &options) == PAL_OK);
	struct worker *worker = new_worker(&env);
	CHECK(pthread_create(&grower, NULL, grow_slowly, &env) == 0);
	do {
		place = (uint32_t)pal_memory_size(env.memory);
		pal_trap trap = pal_try(touch_place, worker);
		CHECK(trap == PAL_TRAP_NONE || trap == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	} while (place < 200 << 16);
	CHECK(pthread_join(grower, NULL) == 0);
	pal_worker_free(worker);
	pal_memory_free(env.memory);
}

/* ---- Types ---- */

static void test_types(void)
{
	struct env env;
	struct worker *worker;
	pal_memory_options options = { .min_pages = 1, .max_pages = 200, .has_max = 1 };
	CHECK(pal_memory_new(&env.memory, &options) == PAL_OK);
	CHECK(pal_worker_instantiate(&worker, &env) == PAL_TRAP_LINK && worker == NULL);
	CHECK(strstr(pal_last_trap()->message, "expected a shared memory"));
	pal_memory_free(env.memory);
	options.shared = 1;
	options.max_pages = 201;
	CHECK(pal_memory_new(&env.memory, &options) == PAL_OK);
	CHECK(pal_worker_instantiate(&worker, &env) == PAL_TRAP_LINK && worker == NULL);
	pal_memory_free(env.memory);
	options.has_max = 0;
	CHECK(pal_memory_new(&env.memory, &options) == PAL_E_ARGUMENT);
}

/* ---- wasi-threads ---- */

struct program {
	struct env *env;
	struct wasi *threads;
};

static void thread_main(void *data, int32_t tid, int32_t start_arg)
{
	struct program *program = data;
	struct spawner *spawner;
	CHECK(pal_spawner_instantiate(&spawner, program->env, program->threads) == PAL_TRAP_NONE);
	spawner_wasi_thread_start(spawner, tid, start_arg);
	pal_spawner_free(spawner);
}

static void test_wasi_threads(struct env *env)
{
	struct program program = { .env = env };
	struct spawner *spawner;
	program.threads = pal_wasi_threads(thread_main, &program, 1 << 20);
	CHECK(pal_spawner_instantiate(&spawner, env, program.threads) == PAL_TRAP_NONE);
	memset(pal_memory_data(env->memory), 0, 4);
	CHECK(spawner_begin(spawner, 40) > 0 && spawner_begin(spawner, 20) > 0);
	pal_wasi_threads_join(program.threads);
	CHECK(*(int32_t *)pal_memory_data(env->memory) == 40 * 41 / 2 + 20 * 21 / 2);
	pal_spawner_free(spawner);
}

int main(void)
{
	struct env env;
	pal_memory_options options = { .min_pages = 1, .max_pages = 200, .has_max = 1, .shared = 1 };
	CHECK(pal_memory_new(&env.memory, &options) == PAL_OK);
	test_types();
	test_workers(&env);
	test_the_end();
	test_wasi_threads(&env);
	pal_memory_free(env.memory);
	puts("all good");
	return 0;
}
