/* Traps as a host sees them: pal_try around calls into a module (host.wat), nested, in threads, left in other ways. */
#include "lib.h"
#include "check.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct env {
	int32_t (*callback)(struct env *, int32_t);
	struct lib *lib;
	int reached;
};

int32_t env_callback(struct env *env, int32_t x) { return env->callback(env, x); }

/* A call with up to three arguments, for pal_try. */
struct call {
	struct lib *lib;
	int32_t (*one)(struct lib *, int32_t);
	int32_t (*two)(struct lib *, int32_t, int32_t);
	void (*nothing)(struct lib *, int32_t, int32_t);
	int32_t a, b, result;
};

static void call(void *arg)
{
	struct call *c = arg;
	if (c->one)
		c->result = c->one(c->lib, c->a);
	else if (c->two)
		c->result = c->two(c->lib, c->a, c->b);
	else
		c->nothing(c->lib, c->a, c->b);
}

static pal_trap try_one(struct lib *lib, int32_t (*f)(struct lib *, int32_t), int32_t a)
{
	struct call c = {.lib = lib, .one = f, .a = a};
	return pal_try(call, &c);
}

static pal_trap try_two(struct lib *lib, int32_t (*f)(struct lib *, int32_t, int32_t), int32_t a, int32_t b)
{
	struct call c = {.lib = lib, .two = f, .a = a, .b = b};
	return pal_try(call, &c);
}

static pal_trap try_store(struct lib *lib, int32_t a, int32_t b)
{
	struct call c = {.lib = lib, .nothing = lib_store, .a = a, .b = b};
	return pal_try(call, &c);
}

static void kinds_and_places(struct lib *lib)
{
	const pal_trap_info *info = pal_last_trap();
	CHECK(info->kind == PAL_TRAP_NONE && info->message);
	CHECK(try_two(lib, lib_div, 6, 2) == PAL_TRAP_NONE);
	CHECK(try_two(lib, lib_div, 6, 0) == PAL_TRAP_INTEGER_DIVIDE_BY_ZERO);
	info = pal_last_trap();
	CHECK(info->kind == PAL_TRAP_INTEGER_DIVIDE_BY_ZERO && info->memory == -1);
	CHECK(info->function && strcmp(info->function, "div") == 0 && info->offset > 0);
	CHECK(strstr(info->message, pal_trap_text(info->kind)) && !strchr(info->message, '\n'));
	CHECK(try_two(lib, lib_div, INT32_MIN, -1) == PAL_TRAP_INTEGER_OVERFLOW);
	CHECK(try_one(lib, lib_load, 65536 - 4) == PAL_TRAP_NONE);
	CHECK(try_one(lib, lib_load, 65536 - 3) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	CHECK(try_one(lib, lib_load, -1) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	info = pal_last_trap();
	CHECK(info->memory == 0 && info->address >= 0xffffffff && strcmp(info->function, "load") == 0);
	CHECK(try_one(lib, lib_load_checked, 65536 - 4) == PAL_TRAP_NONE);
	CHECK(try_one(lib, lib_load_checked, 65536 - 3) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	CHECK(info->memory == 1 && strcmp(info->function, "load_checked") == 0);
	CHECK(try_one(lib, lib_unnamed, 0) == PAL_TRAP_UNREACHABLE);
	CHECK(strcmp(info->function, "unnamed") == 0 && info->offset > 0); /* by its export */
	CHECK(try_one(lib, lib_indirect, 1) == PAL_TRAP_NONE);
	CHECK(try_one(lib, lib_indirect, 0) == PAL_TRAP_INDIRECT_CALL_NULL);
	CHECK(try_one(lib, lib_indirect, 2) == PAL_TRAP_INDIRECT_CALL_TYPE);
	CHECK(try_one(lib, lib_indirect, 4) == PAL_TRAP_TABLE_OUT_OF_BOUNDS);
}

static void what_happened_before_stays(struct lib *lib)
{
	int32_t *count = lib_count(lib), before = *count;
	CHECK(try_store(lib, 100, 17) == PAL_TRAP_NONE);
	CHECK(try_store(lib, 65535, 17) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	CHECK(*count == before + 2 && ((int32_t *)pal_memory_data(lib_memory(lib)))[25] == 17);
	/* What is out of bounds may come into them. */
	CHECK(lib_grow(lib, 1) == 1);
	CHECK(try_store(lib, 65535, 17) == PAL_TRAP_NONE);
	CHECK(pal_memory_size(lib_memory(lib)) == 2 * 65536);
}

/* Bulk instructions check before they write. */
static void do_fill(void *lib) { lib_fill(lib, 2 * 65536 - 10, 0xff, 11); }
static void bulk_traps_write_nothing(struct lib *lib)
{
	const uint8_t *data = pal_memory_data(lib_memory(lib));
	uint64_t end = pal_memory_size(lib_memory(lib));
	CHECK(pal_try(do_fill, lib) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	CHECK(data[end - 10] == 0 && data[end - 1] == 0);
}

static void stack_overflow_again_and_again(struct lib *lib)
{
	for (int i = 0; i < 20; i++) {
		CHECK(try_one(lib, lib_forever, 0) == PAL_TRAP_STACK_OVERFLOW);
		CHECK(try_two(lib, lib_div, 6, 2) == PAL_TRAP_NONE);
	}
}

static void many_traps(struct lib *lib)
{
	for (int i = 0; i < 20000; i++)
		CHECK(try_one(lib, lib_load, -1 - i) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
}

static int32_t trap_inside(struct env *env, int32_t x)
{
	CHECK(try_two(env->lib, lib_div, 1, 0) == PAL_TRAP_INTEGER_DIVIDE_BY_ZERO);
	CHECK(try_one(env->lib, lib_forever, 1) == PAL_TRAP_STACK_OVERFLOW);
	env->reached++;
	return x == 1 ? lib_fail(env->lib) : x;
}

static int32_t nest(struct env *env, int32_t depth)
{
	if (depth == 0)
		return lib_div(env->lib, 1, 0);
	CHECK(try_one(env->lib, lib_through_host, depth - 1) == (depth == 1 ? PAL_TRAP_INTEGER_DIVIDE_BY_ZERO : PAL_TRAP_NONE));
	return depth;
}

static void a_trap_ends_the_innermost_try(struct lib *lib, struct env *env)
{
	env->callback = trap_inside;
	CHECK(try_one(lib, lib_through_host, 5) == PAL_TRAP_NONE && env->reached == 1);
	CHECK(try_one(lib, lib_through_host, 1) == PAL_TRAP_UNREACHABLE && env->reached == 2);
	env->callback = nest;
	CHECK(try_one(lib, lib_through_host, 50) == PAL_TRAP_NONE);
}

static int32_t raise_ours(struct env *env, int32_t x)
{
	(void)env;
	pal_raise(x ? PAL_TRAP_HOST : PAL_TRAP_OUT_OF_MEMORY, x ? "the host's reason" : NULL);
}

static void hosts_raise(struct lib *lib, struct env *env)
{
	env->callback = raise_ours;
	CHECK(try_one(lib, lib_through_host, 1) == PAL_TRAP_HOST);
	CHECK(strcmp(pal_last_trap()->message, "the host's reason") == 0);
	CHECK(try_one(lib, lib_through_host, 0) == PAL_TRAP_OUT_OF_MEMORY);
	CHECK(pal_last_trap()->kind == PAL_TRAP_OUT_OF_MEMORY && pal_last_trap()->message);
}

/* longjmp out of a pal_try leaves a dead entry behind, which must not catch later traps. */
static jmp_buf out;
static int32_t jump(struct env *env, int32_t x) { (void)env, longjmp(out, x); }
static void enter_and_jump(void *lib) { lib_through_host(lib, 3); }
static void jumps_leave_a_try(struct lib *lib, struct env *env)
{
	env->callback = jump;
	for (volatile int i = 0; i < 1000; i++) {
		int by = setjmp(out);
		if (by == 0)
			pal_try(enter_and_jump, lib);
		CHECK(by == 3);
		CHECK(try_two(lib, lib_div, 1, 0) == PAL_TRAP_INTEGER_DIVIDE_BY_ZERO);
	}
}

/* A fault that is not wasm's goes to whoever handled it before. */
static jmp_buf from_handler;
static void on_fault(int signal) { (void)signal, siglongjmp(from_handler, 1); }
static void others_faults_are_theirs(void)
{
	volatile int *volatile nowhere = (int *)16;
	if (sigsetjmp(from_handler, 1) == 0) {
		*nowhere = 1;
		CHECK(!"reached");
	}
}

static struct env thread_env;
static void *in_a_thread(void *arg)
{
	struct lib *lib;
	(void)arg;
	CHECK(pal_last_trap()->kind == PAL_TRAP_NONE);
	CHECK(pal_lib_instantiate(&lib, &thread_env) == PAL_TRAP_NONE);
	for (int i = 0; i < 200; i++) {
		CHECK(try_one(lib, lib_load, -1 - i) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
		if (i % 50 == 0)
			CHECK(try_one(lib, lib_forever, 0) == PAL_TRAP_STACK_OVERFLOW);
	}
	pal_lib_free(lib);
	return NULL;
}

static void threads_have_traps_of_their_own(struct lib *lib)
{
	pthread_t threads[4];
	CHECK(try_two(lib, lib_div, 1, 0) == PAL_TRAP_INTEGER_DIVIDE_BY_ZERO);
	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, in_a_thread, NULL) == 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	CHECK(pal_last_trap()->kind == PAL_TRAP_INTEGER_DIVIDE_BY_ZERO);
}

int main(int argc, char **argv)
{
	(void)argv;
	signal(SIGSEGV, on_fault);
	signal(SIGBUS, on_fault);
	struct env env = {0};
	struct lib *lib;
	CHECK(pal_lib_instantiate(&lib, &env) == PAL_TRAP_NONE);
	env.lib = lib;
	if (argc > 1) {
		lib_div(lib, 1, 0); /* outside of any pal_try */
		return 0;
	}
	kinds_and_places(lib);
	what_happened_before_stays(lib);
	bulk_traps_write_nothing(lib);
	stack_overflow_again_and_again(lib);
	many_traps(lib);
	a_trap_ends_the_innermost_try(lib, &env);
	hosts_raise(lib, &env);
	jumps_leave_a_try(lib, &env);
	others_faults_are_theirs();
	threads_have_traps_of_their_own(lib);
	pal_lib_free(lib);
	puts("all good");
	return 0;
}
