/* Moving bytes between guest buffers and host descriptors, blocking or not as the guest has set it. */
#ifndef PAL_WASI_TRANSFER_H
#define PAL_WASI_TRANSFER_H
#include "descriptor.h"
#include "guest.h"

/* One transfer. Offset -1: at the file's position (or none). */
struct pal_wasi_transfer {
	struct pal_wasi_file *file;
	struct pal_wasi_buffers *buffers;
	int64_t offset;
};

/* Reads into, or writes from, the buffers; *moved gets the number of bytes, which fits 32 bits. Interrupted calls are
 * repeated: a guest has no signal handlers. A write to a pipe without readers is PIPE and no signal. */
int32_t pal_wasi_read(const struct pal_wasi_transfer *, uint32_t *moved);
int32_t pal_wasi_write(const struct pal_wasi_transfer *, uint32_t *moved);

/* Whether a call on the file may go ahead. On a descriptor the guest calls non-blocking AGAIN unless it is ready for
 * `events` (POLLIN, POLLOUT), which matters where the host's open file is not the guest's to make non-blocking; with
 * `wait`, on a blocking one waits until it is. */
int32_t pal_wasi_ready(struct pal_wasi_file *, short events, bool wait);
bool pal_wasi_is_nonblocking(struct pal_wasi_file *);
#endif
