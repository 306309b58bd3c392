/* Eight threads, each with an instance of its own, protect, map, unmap, discard, grow, read and write the pages of one
 * memory through compiled code. Words are what some thread wrote there, or zero; an access works or traps with the right
 * reason and address; and memory of the host's, in whatever room the system finds and right beside the reservation, stays
 * as it was. argv[1]: milliseconds. */
#define _GNU_SOURCE
#include "guard.h"
#include "check.h"
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHECK(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "line %d: failed: %s (last trap: %s)\n", __LINE__, #condition, pal_last_trap()->message); \
			exit(1); \
		} \
	} while (0)

enum { THREADS = 8, PAGES = 32 };
static pal_memory *memory;
pal_memory *env_memory(struct env *env) { (void)env; return memory; }

static _Atomic int racing = 1;
static _Atomic unsigned long done, protected_, outside;
static size_t page;

struct racer {
	struct guard *guard;
	struct check *check;
	uint64_t state;
	/* what to do */
	uint32_t what, at, size, access;
	uint32_t wrong;
};

static uint32_t next(struct racer *r, uint32_t limit)
{
	r->state ^= r->state << 13;
	r->state ^= r->state >> 7;
	r->state ^= r->state << 17;
	return (uint32_t)((r->state * 0x2545f4914f6cdd1d >> 33) % limit);
}

static int64_t word_of(uint32_t at)
{
	return (int64_t)((uint64_t)at * 0x100000001 + 1);
}

static _Thread_local int64_t sink;

/* One operation by either version of the code. */
#define ACT(name) \
	static void act_##name(void *arg) \
	{ \
		struct racer *r = arg; \
		struct name *m = r->name; \
		int32_t at = (int32_t)r->at, size = (int32_t)r->size, end = at + size; \
		switch (r->what) { \
		case 0: sink = name##_map(m, at, size); break; \
		case 1: sink = name##_unmap(m, at, size); break; \
		case 2: sink = name##_protect(m, at, size, (int32_t)r->access); break; \
		case 3: name##_discard(m, at + 8, size); break; \
		case 4: sink = name##_grow(m, (int32_t)(r->access & 1)); break; \
		case 5: name##_store(m, at + 16, word_of(r->at + 16)); break; \
		case 6: sink = name##_add(m, at + 24, 0); break; \
		case 7: name##_fill(m, at, size); break; \
		case 8: case 9: name##_write(m, at, end); break; \
		default: r->wrong = (uint32_t)name##_wrong(m, at, end); \
		} \
	}
ACT(guard)
ACT(check)

static void one(struct racer *r)
{
	static const uint32_t accesses[] = { PAL_NONE, PAL_READ, PAL_READ_WRITE, PAL_READ_WRITE };
	uint32_t first = next(r, PAGES), count = 1 + next(r, 4);
	r->what = next(r, 14);
	r->at = first * (uint32_t)page;
	r->size = count * (uint32_t)page;
	r->access = accesses[next(r, 4)];
	r->wrong = 0;
	if (r->what == 4 && next(r, 50))
		r->access = 0;
	if (next(r, 40) == 0 && r->what >= 5 && r->what != 7)
		r->at = 64 * 65536 - (uint32_t)page * next(r, 3); /* never that large, or at its end */
	switch (pal_try(next(r, 2) ? act_guard : act_check, r)) {
	case PAL_TRAP_NONE:
		done++;
		CHECK(r->wrong == 0);
		return;
	case PAL_TRAP_MEMORY_PROTECTED: {
		const pal_trap_info *trap = pal_last_trap();
		CHECK(trap->memory == 0 || r->what <= 3);
		/* of an instruction: where it was; of an operation on pages: in which state they were */
		CHECK(r->what < 5 || r->what == 7 || (trap->address >= r->at && trap->address < r->at + r->size + 32));
		protected_++;
		return;
	}
	case PAL_TRAP_MEMORY_OUT_OF_BOUNDS:
		CHECK(r->at + r->size + 32 > 2 * 65536); /* what the memory had in the beginning it has for good */
		outside++;
		return;
	default:
		CHECK(!"another kind of trap");
	}
}

/* Memory of the host's, which comes to lie wherever the system finds room. */
static void canary(uint64_t word)
{
	uint64_t *own = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(own != MAP_FAILED);
	own[9] = word;
	sched_yield();
	CHECK(own[8] == 0 && own[9] == word && own[page / 8] == 0);
	munmap(own, 4 * page);
}

static void *race(void *arg)
{
	struct racer r = { .state = (uintptr_t)arg * 0x9e3779b97f4a7c15 + 1 };
	CHECK(pal_guard_instantiate(&r.guard, (struct env *)&memory) == PAL_TRAP_NONE);
	CHECK(pal_check_instantiate(&r.check, (struct env *)&memory) == PAL_TRAP_NONE);
	while (racing) {
		one(&r);
		if (next(&r, 50) == 0)
			canary(r.state);
	}
	pal_guard_free(r.guard);
	pal_check_free(r.check);
	return NULL;
}

/* Right beside the reservation: where that begins and ends is the system's to say. */
static uint8_t *beside(uint8_t *at)
{
	uint8_t *found = mmap(at, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (found == at)
		memset(found, 0x5a, page);
	else if (found != MAP_FAILED)
		munmap(found, page);
	return found == at ? found : NULL;
}

int main(int argc, char **argv)
{
	page = (size_t)sysconf(_SC_PAGESIZE);
	pal_memory_options options = { .min_pages = 2, .max_pages = 64, .has_max = 1, .shared = 1, .is_virtual = 1 };
	CHECK(pal_memory_new(&memory, &options) == PAL_OK);
	uint8_t *data = pal_memory_data(memory), *canaries[2] = { NULL, NULL };
	for (uint64_t gap = page; gap < (uint64_t)64 << 20 && !canaries[0]; gap += page)
		canaries[0] = beside(data - gap);
	for (uint64_t gap = (uint64_t)4 << 30; gap < (uint64_t)5 << 30 && !canaries[1]; gap += page)
		canaries[1] = beside(data + gap);
	CHECK(canaries[0] || canaries[1]);
	pthread_t threads[THREADS];
	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, race, (void *)(i + 1)) == 0);
	usleep((useconds_t)(argc > 1 ? atoi(argv[1]) : 1000) * 1000);
	racing = 0;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 2; i++)
		for (size_t k = 0; canaries[i] && k < page; k++)
			CHECK(canaries[i][k] == 0x5a);
	CHECK(done > 0 && protected_ > 0 && outside > 0);
	fprintf(stderr, "%lu operations went, %lu met protected pages, %lu were out of bounds\n", done, protected_, outside);
	puts("all good");
	pal_memory_free(memory);
	return 0;
}
