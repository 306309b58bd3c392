/* Linux's openat2, where it exists. */
#ifndef PAL_WASI_BENEATH_H
#define PAL_WASI_BENEATH_H
#include "path.h"

/* Flags that open a directory for nothing but being a starting point: needs no permission to read it. */
#if defined(O_PATH)
#define PAL_WASI_O_STEP (O_PATH | O_DIRECTORY | O_CLOEXEC)
#elif defined(O_SEARCH)
#define PAL_WASI_O_STEP (O_SEARCH | O_DIRECTORY | O_CLOEXEC)
#else
#define PAL_WASI_O_STEP (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
#endif

/* openat2 with RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS; `flags` as for open. On failure an $errno, and *retry says
 * that the walk should be tried: the kernel gave up because of renames going on. */
int32_t pal_wasi_openat2(int root, const char *path, int flags, mode_t mode, int *out, bool *retry);
#endif
