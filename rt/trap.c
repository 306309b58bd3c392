/* Traps raised by C code: the runtime's helpers and the host. See trap.h; those of compiled code are in fault.c. */
#include "trap.h"
#include "arch.h"
#include "last_trap.h"
#include "report.h"
#include "thread.h"
#include "trap_text.h"
#include "try.h"
#include <stdlib.h>
#include <string.h>

/* Leaves for the innermost pal_try. A trap that nobody catches ends the process; so does an exit, properly. */
static _Noreturn void finish(uintptr_t sp)
{
	const struct pal_trap_info *trap = &pal_self.trap;
	uintptr_t frame = pal_try_take(sp);
	if (frame)
		pal_try_resume((void *)frame, trap->kind);
	if (trap->kind == PAL_TRAP_EXIT)
		exit(trap->exit_code);
	pal_report();
	abort();
}

_Noreturn void pal_rt_trap(pal_trap kind, const char *message, int32_t memory, uint64_t address)
{
	uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
	pal_trap_record(kind, message, memory, address);
	pal_trap_backtrace(0, frame, frame);
	finish(frame);
}

_Noreturn void pal_rt_exit(int32_t code)
{
	pal_trap_record(PAL_TRAP_EXIT, NULL, -1, 0);
	pal_self.trap.exit_code = code;
	finish((uintptr_t)__builtin_frame_address(0));
}

struct pal_text pal_trap_begin(void)
{
	return pal_text_in(pal_self.message, sizeof pal_self.message);
}

_Noreturn void pal_trap_end(pal_trap kind)
{
	pal_rt_trap(kind, pal_self.message, -1, 0);
}

_Noreturn void pal_raise(pal_trap kind, const char *message)
{
	if (message) {
		struct pal_text text = pal_trap_begin();
		/* a host may hand back the last trap's own message, which is this very buffer: then it stays as it is */
		if (message != pal_self.message)
			pal_text_add(&text, message);
		message = pal_self.message;
	}
	pal_rt_trap(kind, message, -1, 0);
}
