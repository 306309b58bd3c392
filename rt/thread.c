/* See thread.h. */
#include "thread.h"
#include "context.h"
#include "exception.h"
#include "instance.h"
#ifdef PAL_BOARD
#include "palisade/board.h"
#endif
#include <stdlib.h>

#ifdef _WIN32
struct pal_thread *pal_thread_here(void)
{
	return pal_port_thread_data(sizeof(struct pal_thread));
}
#elif defined(PAL_BOARD)
struct pal_thread pal_self;
#else
_Thread_local struct pal_thread pal_self;
#endif

static void ask_own_stack(struct pal_thread *thread)
{
	if (thread->own_asked)
		return;
	thread->own = pal_port_stack();
	thread->own_asked = true;
}

void pal_thread_prepare(void)
{
	struct pal_thread *thread = &pal_self;
	if (thread->prepared)
		return;
	ask_own_stack(thread);
	pal_port_handle_faults();
	pal_port_at_thread_end();
	/* Without a signal stack all but stack overflows can still be caught; the next pal_try asks again. */
	thread->prepared = pal_port_signal_stack();
}

void pal_thread_end(void)
{
	struct pal_thread *thread = &pal_self;
	free(thread->tries);
	thread->tries = NULL;
	thread->try_count = thread->try_room = 0;
	thread->prepared = false;
	pal_budget_free(thread->budget);
	thread->budget = NULL;
	pal_exception_end_thread();
}

const struct pal_stack *pal_thread_stack(uintptr_t address)
{
	const struct pal_thread *thread = &pal_self;
	const struct pal_stack *stacks[] = { &thread->mapped, &thread->own };
	for (int i = 0; i < 2; i++)
		if (address >= stacks[i]->low && address < stacks[i]->high)
			return stacks[i];
	return NULL;
}

#ifdef PAL_BOARD
/* Compiled code itself compares with the limit there, as signed numbers: it runs on no stack but the one that is known. */
#define PAL_STACK_UNKNOWN INT64_MAX
#undef PAL_STACK_RESERVE
#define PAL_STACK_RESERVE PAL_BOARD_STACK_RESERVE
#else
#define PAL_STACK_UNKNOWN 0
#endif

/* Called where compiled code is entered or calls C, if the instance last ran on another stack (a call through a table
 * brings it to its caller's) or little is left of this one: fills in the limits for this one, which is this function's
 * own frame's. An unknown stack (a coroutine of the host's) leaves room 0, so that each asks again, and limit 0: nothing
 * is checked there. */
void pal_rt_stack_enter(void *pinned)
{
	ask_own_stack(&pal_self);
	const struct pal_stack *stack = pal_thread_stack((uintptr_t)__builtin_frame_address(0));
	/* low + guard lies inside the stack, so the sum cannot wrap */
	uint64_t limit = stack ? stack->low + stack->guard + PAL_STACK_RESERVE : PAL_STACK_UNKNOWN;
	pal_context_set(pinned, PAL_CONTEXT_STACK_LIMIT, limit);
	pal_context_set(pinned, PAL_CONTEXT_STACK_ROOM, stack && limit < stack->high ? stack->high - limit : 0);
}
