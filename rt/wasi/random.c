/* random_get. */
#include "os.h"
#include "guest.h"
#include "guest_copy.h"
#include "host_error.h"
#include "preview1.h"
#ifdef __linux__
#include <sys/random.h>
#endif

#ifndef _WIN32
/* Fills the range by reading the random device. */
static int32_t fill_from_device(void *to, uint64_t size)
{
	int device = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
	if (device < 0)
		return pal_wasi_errno(errno);
	int32_t error = WASI_OK;
	char *at = to;
	while (size && !error) {
		ssize_t count = read(device, at, size < 1 << 20 ? size : 1 << 20);
		if (count > 0) {
			at += count;
			size -= (uint64_t)count;
		} else if (count == 0 || errno != EINTR) {
			error = count ? pal_wasi_errno(errno) : WASI_IO;
		}
	}
	close(device);
	return error;
}

/* Fills the range by the kernel, which answers EFAULT for pages that can't be written. */
static int32_t fill(void *to, uint64_t size)
{
#ifdef __linux__
	char *at = to;
	while (size) {
		/* In pieces: the kernel gives at most 32 MiB at once, and looks at signals between. */
		ssize_t count = getrandom(at, size < 1 << 20 ? size : 1 << 20, 0);
		if (count > 0) {
			at += count;
			size -= (uint64_t)count;
		} else if (errno == ENOSYS) {
			return fill_from_device(at, size);
		} else if (errno != EINTR) {
			return pal_wasi_errno(errno);
		}
	}
	return WASI_OK;
#else
	return fill_from_device(to, size);
#endif
}

#endif

#ifdef _WIN32
/* The system fills memory as any program does: nothing of the guest's, which may be protected. */
static int32_t fill_guest(PAL_WASI_VIEW, uint64_t at, uint32_t size)
{
	uint8_t bytes[256];
	int32_t error = WASI_OK;
	for (uint32_t part; size && !error; at += part, size -= part) {
		part = size < sizeof bytes ? size : (uint32_t)sizeof bytes;
		error = pal_os_random(bytes, part) ? pal_wasi_put(view, at, bytes, part) : WASI_IO;
	}
	return error;
}
#else
static int32_t fill_guest(PAL_WASI_VIEW, uint64_t at, uint32_t size)
{
	void *to = pal_guest_range(view->memory, at, size, true);
	return to ? fill(to, size) : WASI_FAULT;
}
#endif

int32_t wasi_snapshot_preview1_random_get(PAL_WASI_VIEW, int32_t buffer, int32_t length)
{
	int32_t error = pal_wasi_room(view, buffer, (uint32_t)length);
	return error ? error : fill_guest(view, (uint32_t)buffer, (uint32_t)length);
}
