/* The port for boards: port.h on what the firmware gives (palisade/board.h). Address space is the arena, unless there is
 * an MMU and it is more than the arena could ever have: memories with guard pages. */
#include "board.h"
#include "fault.h"
#include "heap.h"
#include "last_trap.h"
#include "port.h"
#include "thread.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const pal_board_port none;
static const pal_board_port *port = &none;
static struct pal_stack stack;
int pal_board_errno = ENOMEM;

const pal_board_port *pal_board_port_now(void)
{
	return port;
}

bool pal_board_trapped(const pal_trap_info *trap)
{
	if (port->trapped)
		port->trapped(trap);
	return port->trapped != NULL;
}

bool pal_board_init(const pal_board *board)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	uintptr_t low = (uintptr_t)board->stack_low, high = (uintptr_t)board->stack_high;
	if (here < low || here >= high || high - low < 2 * PAL_BOARD_STACK_RESERVE)
		return false;
	stack = (struct pal_stack){ low, high, 0 };
	port = board->port ? board->port : &none;
	pal_board_heap_begin(board->arena, board->arena_size);
	return true;
}

/* ---- Address space ---- */

/* Without an MMU a page is what the arena's blocks are aligned to. */
enum { ALIGN = 16 };

bool pal_port_guards(void)
{
	return port->reserve != NULL;
}

size_t pal_port_page(void)
{
	return port->reserve ? port->page : ALIGN;
}

/* What is as large as a memory with guard pages is never in the arena, however large that is: nothing guards there. */
#define LARGE ((size_t)1 << 32)

void *pal_port_reserve(size_t bytes)
{
	return port->reserve && bytes >= LARGE ? port->reserve(bytes) : malloc(bytes);
}

bool pal_port_commit(void *at, size_t bytes)
{
	if (!pal_board_heap_has(at))
		return bytes == 0 || port->commit(at, bytes);
	memset(at, 0, bytes);
	return true;
}

void *pal_port_resize(void *at, size_t old_bytes, size_t new_bytes)
{
	uint8_t *moved = realloc(at, new_bytes); /* movable memories are in the arena: others are reserved once */
	if (moved && new_bytes > old_bytes)
		memset(moved + old_bytes, 0, new_bytes - old_bytes);
	return moved;
}

void pal_port_release(void *at, size_t bytes)
{
	if (pal_board_heap_has(at))
		free(at);
	else
		port->release(at, bytes);
}

/* ---- The stack, and the one thread ---- */

struct pal_stack pal_port_stack(void)
{
	return stack;
}

bool pal_port_signal_stack(void)
{
	return true;
}

void pal_port_stack_recovered(void)
{
}

void pal_port_at_thread_end(void)
{
}

void pal_port_handle_faults(void)
{
}

void pal_lock(struct pal_lock *lock)
{
	(void)lock;
}

void pal_unlock(struct pal_lock *lock)
{
	(void)lock;
}

void pal_signal_init(struct pal_signal *signal)
{
	(void)signal;
}

void pal_signal_drop(struct pal_signal *signal)
{
	(void)signal;
}

void pal_signal_send(struct pal_signal *signal)
{
	(void)signal;
}

/* Only an interrupt handler's pal_<mod>_interrupt can end this early: the caller looks at that. */
bool pal_signal_await(struct pal_signal *signal, struct pal_lock *lock, uint64_t deadline)
{
	(void)signal;
	(void)lock;
	return deadline == PAL_NEVER || pal_port_now() < deadline;
}

uint64_t pal_port_now(void)
{
	static uint64_t steps;
	return port->now ? port->now() : ++steps; /* without a clock, waiting ends at least */
}

/* ---- The end ---- */

void pal_port_print(const char *text, size_t length)
{
	if (port->write)
		port->write(2, text, length);
}

_Noreturn void exit(int status)
{
	if (port->stop)
		port->stop(status);
	for (;;)
		__asm__ volatile("wfi");
}

_Noreturn void abort(void)
{
	exit(134);
}
