/* Threads asleep in memory.atomic.wait. */
#ifndef PAL_WAIT_H
#define PAL_WAIT_H

#pragma GCC visibility push(hidden)

/* Has those that sleep for this instance look whether they are interrupted. */
void pal_wait_wake(const void *pinned);

#pragma GCC visibility pop
#endif
