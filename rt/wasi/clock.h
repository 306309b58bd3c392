/* Clocks. */
#ifndef PAL_WASI_CLOCK_H
#define PAL_WASI_CLOCK_H
#include "abi.h"

/* Nanoseconds of the clock with this $clockid: INVAL for an unknown one. */
int32_t pal_wasi_clock(int32_t clock, uint64_t *now);
#endif
