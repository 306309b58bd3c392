/* Which features of the CPU a module's code uses, and whether this machine has them. */
#ifndef PAL_CPU_H
#define PAL_CPU_H
#include <stdint.h>

/* Name of the first feature in `needed` (PAL_CPU_… bits of rt/context.h) that this machine lacks, or NULL. */
#pragma GCC visibility push(hidden)
const char *pal_cpu_missing(uint32_t needed);
#pragma GCC visibility pop
#endif
