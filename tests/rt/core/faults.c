/* Faults of compiled code, which become traps. */
#define _GNU_SOURCE
#include "hand.h"
#include <pthread.h>
#include <string.h>
#include <unistd.h>

void test_traps(void)
{
	uint8_t *p = new_instance(&module);
	const pal_trap_info *trap = pal_last_trap();
	struct call good = { p, 100, guest_load, 0 };
	CHECK(pal_try(do_call, &good) == PAL_TRAP_NONE && good.result == 'h');
	CHECK(call(p, guest_load, 65536) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	CHECK(trap->memory == 0 && trap->address == 65536 && trap->offset == 0x100 && strcmp(trap->function, "load") == 0);
	CHECK(strcmp(trap->message, "out of bounds memory access: address 0x10000 of memory 0") == 0);
	CHECK(call(p, guest_load, UINT32_MAX) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS && trap->address == UINT32_MAX);
	CHECK(pal_rt_memory_grow(p, 0, 1) == 1 && call(p, guest_load, 65536) == PAL_TRAP_NONE);
	CHECK(call(p, guest_unreachable, 0) == PAL_TRAP_UNREACHABLE && trap->memory == -1);
	CHECK(call(p, guest_call, 0) == PAL_TRAP_UNREACHABLE && strcmp(trap->function, "unreachable") == 0);
	CHECK(call(p, guest_recurse_site, 0) == PAL_TRAP_UNREACHABLE && trap->offset == 0x104);
	CHECK(call(p, guest_divide, 0) == PAL_TRAP_INTEGER_DIVIDE_BY_ZERO && call(p, guest_divide, 1) == PAL_TRAP_NONE);
	CHECK(call(p, guest_null, 0) == PAL_TRAP_NULL_REFERENCE);
	CHECK(call(p, guest_check, 0) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS && trap->memory == 3);
	for (int i = 0; i < 1000; i++)
		CHECK(call(p, guest_load, 1 << 20) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	pal_rt_free(p);
}

/* A trap in C below wasm below C, with all registers changed on the way. */
void trap_from_c(void *pinned)
{
	pal_rt_memory_fill(pinned, 0, 1 << 30, 0, 1);
}

void test_registers(void)
{
	void *p = new_instance(&module);
	register uint64_t *values = calloc(8, 8); /* live over the calls, so the compiler keeps some in saved registers */
	uint64_t a = (uint64_t)getpid(), b = a * 3, c = a * 5, d = a * 7, e = a * 11;
	double x = (double)a * 0.5;
	for (int i = 0; i < 3; i++) {
		CHECK(call(p, guest_c, (uint64_t)(uintptr_t)trap_from_c) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
		CHECK(a == (uint64_t)getpid() && b == a * 3 && c == a * 5 && d == a * 7 && e == a * 11 && values[i] == 0);
		CHECK(x == (double)a * 0.5);
	}
	CHECK(pal_last_trap()->address == 1 << 30 && pal_last_trap()->offset == 0x108);
	CHECK(pal_last_trap()->function == NULL);
	free(values);
	pal_rt_free(p);
}

static void overflow(void *p)
{
	CHECK(call(p, guest_recurse, 0) == PAL_TRAP_STACK_OVERFLOW);
	CHECK(strcmp(pal_last_trap()->function, "recurse") == 0);
	CHECK(call(p, guest_recurse, 0) == PAL_TRAP_STACK_OVERFLOW);
	CHECK(call(p, guest_unreachable, 0) == PAL_TRAP_UNREACHABLE);
}

static void *overflow_thread(void *arg)
{
	(void)arg;
	void *p = new_instance(&module);
	overflow(p);
	pal_rt_free(p);
	return NULL;
}

void test_overflow(void)
{
	overflow_thread(NULL); /* on the main thread's growing stack */
	for (int i = 0; i < 20; i++) {
		pthread_attr_t attributes;
		pthread_attr_init(&attributes);
		pthread_attr_setstacksize(&attributes, 256 * 1024 + 4096 * (size_t)i * 16);
		pthread_t thread;
		CHECK(pthread_create(&thread, &attributes, overflow_thread, NULL) == 0 && pthread_join(thread, NULL) == 0);
		pthread_attr_destroy(&attributes);
	}
}
