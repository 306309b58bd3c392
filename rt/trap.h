/* Raising traps from the runtime, and delivering those of compiled code. */
#ifndef PAL_TRAP_H
#define PAL_TRAP_H
#include "palisade.h"

/* Ends the innermost pal_try of this thread (see pal_raise, which is this with a copied message). `message` NULL: the
 * kind's text. `memory`, `address` as in pal_trap_info; memory -1: none. */
_Noreturn void pal_rt_trap(pal_trap kind, const char *message, int32_t memory, uint64_t address);
/* PAL_TRAP_EXIT with this code: proc_exit. Unwinds to the innermost pal_try; without one the process exits. */
_Noreturn void pal_rt_exit(int32_t code);
#endif
