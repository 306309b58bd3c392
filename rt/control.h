/* What guests are told of operations on pages; see control.c. */
#ifndef PAL_CONTROL_H
#define PAL_CONTROL_H
#include "palisade.h"

#pragma GCC visibility push(hidden)

/* Misuse is a trap that names memory and address; what the OS refuses is a WASI errno. */
uint32_t pal_control_answer(pal_status, uint32_t memory, uint64_t address);

#pragma GCC visibility pop
#endif
