/* Path resolution by hand, directory by directory. */
#ifndef PAL_WASI_WALK_H
#define PAL_WASI_WALK_H
#include "path.h"

/* As pal_wasi_locate, without openat2. */
int32_t pal_wasi_walk(int root, const char *path, enum pal_wasi_last, struct pal_wasi_place *out);
#endif
