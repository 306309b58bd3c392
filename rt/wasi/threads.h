/* wasi-threads: the import module "wasi". */
#ifndef PAL_WASI_THREADS_H
#define PAL_WASI_THREADS_H
#include "palisade.h"

/* Starts a thread; its tid, or a negative $errno. */
#pragma GCC visibility push(default) /* as all that compiled code calls, see context.h */
int32_t wasi_thread_spawn(struct wasi *, int32_t start_arg) PAL_LABEL("wasm.wasi.thread$2dspawn");
#pragma GCC visibility pop
#endif
