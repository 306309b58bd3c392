/* Faults of compiled code and of guarded copies, as the port's signal handler finds them. */
#ifndef PAL_FAULT_H
#define PAL_FAULT_H
#include "port.h"

#pragma GCC visibility push(hidden)

/* Decides whether this fault is ours. True: `machine` now says where to go on. False: it is somebody else's, and
 * nothing has changed. `address`: what the access touched, for PAL_FAULT_ACCESS. Runs in a signal handler. */
bool pal_trap_fault(enum pal_fault fault, uintptr_t address, struct pal_machine *machine);

#pragma GCC visibility pop
#endif
