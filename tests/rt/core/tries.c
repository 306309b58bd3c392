/* pal_try, and what leaves it. */
#define _GNU_SOURCE
#include "hand.h"
#include "thread.h"
#include "trap.h"
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

void raise_host(void *message)
{
	pal_raise(PAL_TRAP_HOST, message);
}

static void nothing(void *arg)
{
	*(int *)arg += 1;
}

static void nest(void *arg)
{
	int *order = arg;
	CHECK(pal_try(raise_host, "inner") == PAL_TRAP_HOST && strcmp(pal_last_trap()->message, "inner") == 0);
	CHECK(pal_try(nothing, order) == PAL_TRAP_NONE && *order == 1);
	pal_rt_trap(PAL_TRAP_UNREACHABLE, NULL, -1, 0);
}

static jmp_buf away;
static void jump_away(void *arg)
{
	(void)arg;
	longjmp(away, 1);
}

/* Raises with the stack pointer far below dead frames, over whose place other bytes lie. */
__attribute__((noinline)) static void raise_deep(void *arg)
{
	volatile char room[20000];
	for (size_t i = 0; i < sizeof room; i++)
		room[i] = (char)i;
	raise_host(arg);
}

/* Leaves a dead frame far below its caller's, where nothing will have been written over it. */
__attribute__((noinline)) static void jump_from_deep(void)
{
	volatile char room[20000];
	room[0] = room[19999] = 1;
	pal_try(jump_away, NULL);
}

static void leave_dead_entries(void *arg)
{
	for (volatile int i = 0; i < 100; i++) /* they must not pile up either */
		if (setjmp(away) == 0)
			pal_try(jump_away, NULL);
	CHECK(pal_try(raise_host, "alive") == PAL_TRAP_HOST);
	if (setjmp(away) == 0)
		jump_from_deep();
	static int passes;
	CHECK(++passes <= (arg ? 2 : 1)); /* a trap that lands in the dead frame would come by again */
	if (arg)
		raise_deep("deep");
	raise_host("shallow");
}

static void exit_five(void *arg)
{
	(void)arg;
	pal_rt_exit(5);
}

static void uncaught(void *arg)
{
	pal_raise(PAL_TRAP_HOST, arg);
}

void test_try(void)
{
	CHECK(pal_last_trap()->kind == PAL_TRAP_NONE && pal_last_trap()->message != NULL);
	int order = 0;
	CHECK(pal_try(nest, &order) == PAL_TRAP_UNREACHABLE && strcmp(pal_last_trap()->message, "unreachable") == 0);
	CHECK(pal_try(leave_dead_entries, NULL) == PAL_TRAP_HOST && strcmp(pal_last_trap()->message, "shallow") == 0);
	CHECK(pal_try(leave_dead_entries, "") == PAL_TRAP_HOST && strcmp(pal_last_trap()->message, "deep") == 0);
	CHECK(pal_try(exit_five, NULL) == PAL_TRAP_EXIT && pal_last_trap()->exit_code == 5);
	CHECK(pal_self.try_count == 0);
	CHECK(pal_try(nothing, &order) == PAL_TRAP_NONE && pal_self.try_count == 0);
	int status = in_child(exit_five, NULL);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5);
	status = in_child(uncaught, "no reason");
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	CHECK(begins_with(child_output, "palisade: trap: host trap: no reason\n"));
}
