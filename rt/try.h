/* The pal_try calls that a thread is inside of. */
#ifndef PAL_TRY_H
#define PAL_TRY_H
#include "palisade.h"
#include <stdint.h>

#pragma GCC visibility push(hidden)

/* Ends the innermost pal_try that still lives, seen from stack pointer `sp`: its frame, or 0 if there is none. */
uintptr_t pal_try_take(uintptr_t sp);
/* The rest of pal_try, called from its assembly. */
pal_trap pal_try_run(void (*fn)(void *), void *arg, void *frame);

#pragma GCC visibility pop
#endif
