/* Exception tags. */
#ifndef PAL_TAG_H
#define PAL_TAG_H
#include "context.h"

#pragma GCC visibility push(hidden)

/* A tag unlike all others, for exceptions of this interned type. */
struct pal_tag pal_tag_make(uint32_t type);

#pragma GCC visibility pop
#endif
