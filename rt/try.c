/* pal_try, from where its assembly (arch_….c) leaves off; see try.h.
 *
 * The list of live tries is kept outside of their frames, because a frame can die unnoticed: a C++ exception runs the
 * cleanup below, but longjmp runs nothing. An entry is dead if its frame lies below the stack pointer on the same
 * stack, or no longer holds what pal_try put there. Frames on another stack stay alive: the main program and hosts
 * with coroutines switch stacks below a pal_try. */
#include "try.h"
#include "arch.h"
#include "last_trap.h"
#include "sanitize.h"
#include "thread.h"
#include <stdlib.h>

static uint64_t *cookie_of(uintptr_t frame)
{
	return (uint64_t *)(frame + (uintptr_t)PAL_TRY_COOKIE); /* the distance may be negative: wraps as intended */
}

static const uintptr_t *link_of(uintptr_t frame)
{
	return (const uintptr_t *)(frame + (uintptr_t)PAL_FRAME_RECORD); /* likewise */
}

static uintptr_t stack_of(uintptr_t address)
{
	const struct pal_stack *stack = pal_thread_stack(address);
	return stack ? stack->low : 0;
}

/* Dead frames may have been written over by anything, sanitizers' red zones included. */
PAL_NO_SANITIZE static bool is_alive(const struct pal_try_entry *entry, uintptr_t sp)
{
	if (entry->stack == stack_of(sp) && entry->frame < sp)
		return false;
	const uintptr_t *link = link_of(entry->frame);
	return link[0] == entry->link[0] && link[1] == entry->link[1] && *cookie_of(entry->frame) == entry->cookie;
}

static void drop_dead(struct pal_thread *thread, uintptr_t sp)
{
	while (thread->try_count > 0 && !is_alive(&thread->tries[thread->try_count - 1], sp))
		thread->try_count--;
}

static bool make_room(struct pal_thread *thread)
{
	if (thread->try_count < thread->try_room)
		return true;
	/* as many as tries are nested on a stack: far from overflow */
	size_t room = thread->try_room ? thread->try_room * 2 : 16;
	struct pal_try_entry *tries = realloc(thread->tries, room * sizeof *tries);
	if (tries == NULL)
		return false;
	thread->tries = tries;
	thread->try_room = room;
	return true;
}

static bool enter(struct pal_thread *thread, void *frame)
{
	uintptr_t at = (uintptr_t)frame;
	pal_thread_prepare();
	drop_dead(thread, at);
	if (!make_room(thread))
		return false;
	const uintptr_t *link = link_of(at);
	struct pal_try_entry entry = { at, stack_of(at), { link[0], link[1] }, ++thread->cookie };
	*cookie_of(at) = entry.cookie;
	thread->tries[thread->try_count++] = entry;
	return true;
}

/* Also runs when a C++ exception or a thread's cancellation passes (-fexceptions): `frame` and what is inside ends. */
static void leave(void **frame)
{
	struct pal_thread *thread = &pal_self;
	while (thread->try_count > 0) {
		uintptr_t ended = thread->tries[--thread->try_count].frame;
		if (ended == (uintptr_t)*frame)
			break;
	}
}

pal_trap pal_try(void (*fn)(void *), void *arg)
{
	pal_trap trap = pal_try_frame(fn, arg);
	if (trap == PAL_TRAP_STACK_OVERFLOW)
		pal_port_stack_recovered();
	return trap;
}

pal_trap pal_try_run(void (*fn)(void *), void *arg, void *frame)
{
	if (!enter(&pal_self, frame)) {
		pal_trap_record(PAL_TRAP_OUT_OF_MEMORY, NULL, -1, 0);
		return PAL_TRAP_OUT_OF_MEMORY;
	}
	__attribute__((cleanup(leave))) void *entered = frame;
	(void)entered;
	fn(arg);
	return PAL_TRAP_NONE;
}

uintptr_t pal_try_take(uintptr_t sp)
{
	struct pal_thread *thread = &pal_self;
	drop_dead(thread, sp);
	return thread->try_count > 0 ? thread->tries[--thread->try_count].frame : 0;
}
