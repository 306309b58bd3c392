/* Interruption (palisade.h): a word in the context that code of interruptible modules polls. */
#ifndef PAL_INTERRUPT_H
#define PAL_INTERRUPT_H
#include <stdbool.h>

#pragma GCC visibility push(hidden)

/* Has somebody asked to interrupt this instance? Never, if its module is not interruptible. */
bool pal_interrupt_pending(const void *pinned);

#pragma GCC visibility pop
#endif
