/* Exception tags. */
#ifndef PAL_TAG_H
#define PAL_TAG_H
#include "context.h"
#include "runtime.h"

#pragma GCC visibility push(hidden)

/* A tag unlike all others, for exceptions of this interned type. */
struct pal_tag pal_tag_make(uint32_t type);

/* What tags of this copy of the runtime are marked with: their numbers and types mean nothing to others. */
static inline uint32_t pal_tag_runtime(void)
{
	return (uint32_t)(uintptr_t)&pal_runtime;
}

#pragma GCC visibility pop
#endif
