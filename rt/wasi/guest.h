/* Guest memory as WASI's functions use it: structures are copied, buffers are handed to the kernel, each number of the
 * guest's is read once. Everything answers FAULT outside the memory, on pages that forbid the access, and for a view
 * that has no memory. */
#ifndef PAL_WASI_GUEST_H
#define PAL_WASI_GUEST_H
#include "abi.h"
#include "os.h"
#include "wasi.h"
#include <stdbool.h>
#include <stddef.h>

/* Whether [at, at + size) is inside the memory: asked of result pointers before a call has effects. */
int32_t pal_wasi_room(const struct wasi_snapshot_preview1 *, int32_t at, uint64_t size);
/* Copies from and to guest memory. Addresses beyond 4 GiB don't exist for the guest: `at` is 64 bits so that sums of
 * guest numbers need no check of their own. */
int32_t pal_wasi_get(const struct wasi_snapshot_preview1 *, void *to, uint64_t at, uint64_t size);
int32_t pal_wasi_put(const struct wasi_snapshot_preview1 *, uint64_t at, const void *from, uint64_t size);
int32_t pal_wasi_put_u16(const struct wasi_snapshot_preview1 *, int32_t at, uint16_t);
int32_t pal_wasi_put_u32(const struct wasi_snapshot_preview1 *, int32_t at, uint32_t);
int32_t pal_wasi_put_u64(const struct wasi_snapshot_preview1 *, int32_t at, uint64_t);

/* A path of the guest's as a C string. */
struct pal_wasi_text {
	char *text; /* small, or allocated */
	char small[256];
};

/* Reads a path: FAULT, NAMETOOLONG (PATH_MAX), INVAL (a NUL inside), ILSEQ (not UTF-8), NOMEM. On success the caller
 * ends with pal_wasi_drop_path. An empty path is read as such: NOENT comes from where it is used. */
int32_t pal_wasi_get_path(const struct wasi_snapshot_preview1 *, struct pal_wasi_text *, int32_t at, int32_t length);
void pal_wasi_drop_path(struct pal_wasi_text *);

/* Buffers for one transfer: as many as the kernel takes at once, empty ones left out. A call that moves less than the
 * guest asked for is what WASI allows. 16 KiB of stack, of the 64 KiB every import is given. */
enum { PAL_WASI_IOVECS = 1024 };
struct pal_wasi_buffers {
	int count;
	struct iovec iov[PAL_WASI_IOVECS];
};

/* Reads `count` iovecs and turns them into host ranges for the kernel; at most 2 GiB in all, as Linux moves at once.
 * FAULT if the array, or a buffer that is used, is outside the memory; `fill`: the buffers will be written. */
int32_t pal_wasi_get_buffers(const struct wasi_snapshot_preview1 *, struct pal_wasi_buffers *, int32_t at,
                             int32_t count, bool fill);
#endif
