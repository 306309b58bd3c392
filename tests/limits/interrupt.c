/* Interrupts everything that forever.wat can do, from another thread, and looks who else is disturbed. */
#include "forever.h"
#include "starter.h"
#include "relay.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct env {
	pal_memory *memory;
	_Atomic int calls;
	struct forever *interrupt; /* by the host function */
};

static int failures;

static void expect(int is, const char *what, const char *where)
{
	if (is)
		return;
	printf("%s: %s (%s)\n", where, what, pal_last_trap()->message);
	failures++;
}

pal_memory *env_memory(struct env *env) { return env->memory; }

void env_call(struct env *env)
{
	env->calls++;
	if (env->interrupt)
		pal_forever_interrupt(env->interrupt);
}

/* ---- One run on a thread of its own ---- */

struct run {
	void (*call)(struct forever *);
	struct forever *instance;
	_Atomic int started;
	pal_trap trap;
	char function[64];
	pthread_t thread;
};

static void call(void *arg)
{
	struct run *run = arg;
	run->started = 1;
	run->call(run->instance);
}

static void *work(void *arg)
{
	struct run *run = arg;
	run->trap = pal_try(call, run);
	return NULL;
}

static void start(struct run *run)
{
	if (pthread_create(&run->thread, NULL, work, run) != 0)
		exit(1);
	while (!run->started)
		;
	usleep(300); /* it may be anywhere by now, or not yet begun: both must end */
}

static void ends(struct run *run, const char *name)
{
	pthread_join(run->thread, NULL);
	expect(run->trap == PAL_TRAP_INTERRUPTED, "did not end by interruption", name);
}

#define SHAPES(X) X(empty) X(counted) X(stores) X(loads) X(globals) X(outer) X(inner) X(second) X(table) X(values) \
	X(branches) X(calls) X(indirect) X(hosts) X(fills) X(throws) X(in_try) X(in_handler) X(tail) X(mutual) \
	X(tail_indirect) X(tail_ref) X(fibonacci) X(tree) X(wait) X(spin)
#define ROW(name) { #name, forever_##name },
static const struct { const char *name; void (*call)(struct forever *); } shapes[] = { SHAPES(ROW) };
enum { COUNT = sizeof shapes / sizeof *shapes };

static struct forever *make(struct env *env)
{
	struct forever *instance;
	if (pal_forever_instantiate(&instance, env) != PAL_TRAP_NONE) {
		puts(pal_last_trap()->message);
		exit(1);
	}
	return instance;
}

static void while_it_runs(struct env *env)
{
	struct forever *instance = make(env);
	for (int i = 0; i < COUNT; i++) {
		struct run run = { .call = shapes[i].call, .instance = instance };
		start(&run);
		pal_forever_interrupt(instance);
		ends(&run, shapes[i].name);
		struct run once = { .call = forever_once, .instance = instance };
		expect(pal_try(call, &once) == PAL_TRAP_NONE, "the next call was interrupted, too", shapes[i].name);
	}
	pal_forever_free(instance);
}

static void before_it_runs(struct env *env)
{
	struct forever *instance = make(env);
	for (int i = 0; i < COUNT; i++) {
		struct run run = { .call = shapes[i].call, .instance = instance };
		pal_forever_interrupt(instance);
		expect(pal_try(call, &run) == PAL_TRAP_INTERRUPTED, "ran", shapes[i].name);
	}
	struct run fill = { .call = forever_fill_once, .instance = instance };
	pal_forever_interrupt(instance);
	expect(pal_try(call, &fill) == PAL_TRAP_INTERRUPTED && forever_byte(instance) == 0, "was done", "memory.fill");
	pal_forever_interrupt(instance);
	pal_forever_uninterrupt(instance);
	expect(pal_try(call, &fill) == PAL_TRAP_NONE && forever_byte(instance) == 7, "was not done", "uninterrupt");
	pal_forever_free(instance);
}

/* Two instances on one shared memory: each ends by its own interruption. */
static void others_go_on(struct env *env)
{
	struct run runs[2] = { { .call = forever_spin, .instance = make(env) }, { .call = forever_wait, .instance = make(env) } };
	start(&runs[0]);
	start(&runs[1]);
	pal_forever_interrupt(runs[0].instance);
	ends(&runs[0], "one of two");
	usleep(2000);
	expect(runs[1].trap == PAL_TRAP_NONE, "the other one ended", "one of two");
	pal_forever_interrupt(runs[1].instance);
	ends(&runs[1], "the other of two");
	pal_forever_free(runs[0].instance);
	pal_forever_free(runs[1].instance);
}

static void in_a_host_function(struct env *env)
{
	struct forever *instance = make(env);
	struct run run = { .call = forever_hosts, .instance = instance };
	env->calls = 0;
	env->interrupt = instance;
	expect(pal_try(call, &run) == PAL_TRAP_INTERRUPTED && env->calls == 1, "went on", "a host function");
	env->interrupt = NULL;
	pal_forever_free(instance);
}

/* Another instance that runs on behalf of this one is not ended; the trap comes behind it. */
static void relay(struct forever *arg) { relay_run((struct relay *)arg); }

static void through_another_instance(struct env *env)
{
	struct forever *forever = make(env);
	struct relay *instance;
	env->calls = 0;
	if (pal_relay_instantiate(&instance, forever) != PAL_TRAP_NONE)
		exit(1);
	struct run run = { .call = relay, .instance = (struct forever *)instance };
	start(&run);
	while (!env->calls) /* before that, relay itself would be interrupted */
		;
	pal_relay_interrupt(instance);
	usleep(2000);
	expect(run.trap == PAL_TRAP_NONE, "ended", "a call to another instance");
	pal_forever_interrupt(forever);
	ends(&run, "another instance");
	expect(pal_try(call, &run) == PAL_TRAP_INTERRUPTED, "was forgotten", "an interruption that came too early");
	pal_relay_free(instance);
	pal_forever_free(forever);
}

/* The host has no instance yet: the budget reaches it. */
static pal_budget *budget;

static void *make_starter(void *trap)
{
	struct starter *instance;
	pal_budget_use(budget);
	*(pal_trap *)trap = pal_starter_instantiate(&instance);
	return NULL;
}

static void a_start_function(void)
{
	pal_trap trap = PAL_TRAP_NONE;
	pthread_t thread;
	pal_limits used = { 0 };
	if (pal_budget_new(&budget, &used) != PAL_OK || pthread_create(&thread, NULL, make_starter, &trap) != 0)
		exit(1);
	while (pal_budget_used(budget).memory_bytes == 0)
		;
	do { /* it may not be listed yet */
		pal_budget_interrupt(budget);
		usleep(500);
	} while (pal_budget_used(budget).instances != 0);
	pthread_join(thread, NULL);
	expect(trap == PAL_TRAP_INTERRUPTED, "did not end", "a start function");
	pal_budget_free(budget);
}

int main(void)
{
	struct env env = { 0 };
	pal_memory_options options = { .min_pages = 1, .max_pages = 1, .has_max = 1, .shared = 1 };
	if (pal_memory_new(&env.memory, &options) != PAL_OK)
		return 1;
	while_it_runs(&env);
	before_it_runs(&env);
	others_go_on(&env);
	in_a_host_function(&env);
	through_another_instance(&env);
	a_start_function();
	pal_memory_free(env.memory);
	puts(failures ? "failures" : "all good");
	return failures != 0;
}
