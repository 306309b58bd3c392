/* Eight instances of four modules call each other in random chains; the host knows what must come out. */
#include "bare.h"
#include "hub.h"
#include "own.h"
#include "second.h"
#include "sharing.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { ACTORS = 8 };

struct actor {
	void *instance;
	int32_t (*step)(void *, int32_t, int32_t);
};

struct env {
	struct actor actors[ACTORS];
	long calls;
};

int32_t env_call(struct env *env, int32_t next, int32_t depth, int32_t seed)
{
	struct actor *actor = &env->actors[next];
	env->calls++;
	return actor->step(actor->instance, depth, seed);
}

static uint32_t expected(uint32_t id, int depth, uint32_t seed)
{
	if (depth == 0)
		return id;
	return expected(seed >> 8 & 7, depth - 1, seed * 1664525 + 1013904223) * 31 + id;
}

#define ACTOR(module, number) \
	do { \
		struct module *instance; \
		if (pal_##module##_instantiate(&instance, hub, &env) != PAL_TRAP_NONE) { \
			printf(#module ": %s\n", pal_last_trap()->message); \
			return 1; \
		} \
		module##_init(instance, number); \
		pal_table_set(hub_table(hub), number, module##_self(instance).ref); \
		env.actors[number] = (struct actor){instance, (int32_t (*)(void *, int32_t, int32_t))module##_step}; \
	} while (0)

struct run {
	struct actor *actor;
	int32_t depth, result;
	uint32_t seed;
};

static void run(void *arg)
{
	struct run *r = arg;
	r->result = r->actor->step(r->actor->instance, r->depth, (int32_t)r->seed);
}

static struct env env;

static bool runs_well(uint32_t i)
{
	uint32_t first = i % ACTORS;
	struct run r = {.actor = &env.actors[first], .depth = (int32_t)(i % 200), .seed = i * 2654435761u};
	pal_trap trap = pal_try(run, &r);
	uint32_t wanted = expected(first, r.depth, r.seed);
	if (trap || (uint32_t)r.result != wanted)
		printf("run %u from %u: trap %d (%s in %s), result %x, expected %x\n", i, first, trap, pal_last_trap()->message,
		       pal_last_trap()->function, (unsigned)r.result, wanted);
	return !trap && (uint32_t)r.result == wanted;
}

/* Instances that were used on one stack are reached through the table on another. */
static void *on_a_thread(void *arg)
{
	uint32_t first = *(uint32_t *)arg;
	for (uint32_t i = first; i < first + 10; i++)
		if (!runs_well(i))
			return NULL;
	return arg;
}

int main(void)
{
	struct hub *hub;
	if (pal_hub_instantiate(&hub) != PAL_TRAP_NONE)
		return 1;
	ACTOR(own, 0);
	ACTOR(own, 1);
	ACTOR(sharing, 2);
	ACTOR(sharing, 3);
	ACTOR(second, 4);
	ACTOR(second, 5);
	ACTOR(bare, 6);
	ACTOR(bare, 7);
	for (uint32_t i = 0; i < 4000; i++) {
		if (!runs_well(i))
			return 1;
		pthread_t thread;
		void *well = &i;
		if (i % 20 == 0 && (pthread_create(&thread, NULL, on_a_thread, &i) || pthread_join(thread, &well) || !well))
			return 1;
	}
	pal_own_free(env.actors[0].instance);
	pal_own_free(env.actors[1].instance);
	pal_sharing_free(env.actors[2].instance);
	pal_sharing_free(env.actors[3].instance);
	pal_second_free(env.actors[4].instance);
	pal_second_free(env.actors[5].instance);
	pal_bare_free(env.actors[6].instance);
	pal_bare_free(env.actors[7].instance);
	pal_hub_free(hub);
	puts(env.calls > 1000 ? "all good" : "the host was hardly called");
	return 0;
}
