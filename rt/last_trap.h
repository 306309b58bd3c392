/* Writing down a thread's last trap: what pal_last_trap and the report tell. */
#ifndef PAL_LAST_TRAP_H
#define PAL_LAST_TRAP_H
#include "palisade.h"
#include <stdint.h>

#pragma GCC visibility push(hidden)

/* Fills in the calling thread's trap, without frames. `message` must outlive it (or be the thread's own buffer); NULL:
 * the kind's text, with the address if `memory` is not -1. Safe in signal handlers. */
void pal_trap_record(pal_trap kind, const char *message, int32_t memory, uint64_t address);
/* Adds the frames: the trapping instruction `pc` (0: trapped in C), then the callers from frame pointer `fp` on, as far
 * as they lie on the stack that contains `sp`. Names the innermost as the trap's place. */
void pal_trap_backtrace(uintptr_t pc, uintptr_t fp, uintptr_t sp);

#pragma GCC visibility pop
#endif
