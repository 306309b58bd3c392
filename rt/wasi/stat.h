/* File attributes in WASI's terms. */
#ifndef PAL_WASI_STAT_H
#define PAL_WASI_STAT_H
#include "abi.h"
#include <sys/types.h>

/* The $filetype for a mode. `host`: an open descriptor of it, which tells stream from datagram sockets, or -1. */
uint8_t pal_wasi_file_type(int host, mode_t mode);
#endif
