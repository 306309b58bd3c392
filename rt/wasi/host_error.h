/* The host's error numbers in WASI's terms. */
#ifndef PAL_WASI_HOST_ERROR_H
#define PAL_WASI_HOST_ERROR_H
#include "abi.h"

/* The WASI number for a host errno; 0 is WASI_OK, an unknown one WASI_IO. */
int32_t pal_wasi_errno(int host);
#endif
