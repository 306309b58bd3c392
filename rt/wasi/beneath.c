#include "os.h"
#include "beneath.h"
#include "host_error.h"
#include <stdatomic.h>

static atomic_bool disabled;

void pal_wasi_disable_openat2(bool disable)
{
	atomic_store(&disabled, disable);
}

#ifdef __linux__
#include <sys/syscall.h>

/* The C library has no wrapper, and old headers not even the number (the same on all architectures). */
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
struct how { /* linux/openat2.h: struct open_how */
	uint64_t flags, mode, resolve;
};
enum { NO_MAGICLINKS = 0x02, BENEATH = 0x08 };

/* Attempts before the walk takes over, while others rename directories. */
enum { ATTEMPTS = 16 };

bool pal_wasi_uses_openat2(void)
{
	static atomic_int state; /* 0 unknown, 1 there, -1 not there (or forbidden: some filters answer EPERM) */
	int known = atomic_load_explicit(&state, memory_order_relaxed);
	if (!known) {
		struct how how = { O_PATH | O_CLOEXEC, 0, BENEATH | NO_MAGICLINKS };
		long fd = syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof how);
		/* The working directory may be gone or closed to us: that says nothing about the call. */
		known = fd >= 0 || errno == ENOENT || errno == EACCES ? 1 : -1;
		if (fd >= 0)
			close((int)fd);
		/* Out of descriptors or memory: this time the walk, and ask again. */
		if (known > 0 || (errno != EMFILE && errno != ENFILE && errno != ENOMEM))
			atomic_store_explicit(&state, known, memory_order_relaxed);
	}
	return known > 0 && !atomic_load_explicit(&disabled, memory_order_relaxed);
}

int32_t pal_wasi_openat2(int root, const char *path, int flags, mode_t mode, int *out, bool *retry)
{
	/* O_CREAT's mode must be 0 elsewhere. The conversion through unsigned keeps a flag in the top bit one bit. */
	struct how how = { (unsigned)(flags | O_CLOEXEC), flags & O_CREAT ? mode : 0, BENEATH | NO_MAGICLINKS };
	*retry = false;
	for (int i = 0; i < ATTEMPTS;) {
		long fd = syscall(SYS_openat2, root, path, &how, sizeof how);
		if (fd >= 0) {
			*out = (int)fd;
			return WASI_OK;
		}
		if (errno == EXDEV) /* "escapes": never a matter of devices here, since mount points may be crossed */
			return WASI_PERM;
		if (errno != EAGAIN && errno != EINTR)
			return pal_wasi_errno(errno);
		i += errno == EAGAIN;
	}
	*retry = true;
	return WASI_AGAIN;
}
#else
bool pal_wasi_uses_openat2(void)
{
	return false;
}

int32_t pal_wasi_openat2(int root, const char *path, int flags, mode_t mode, int *out, bool *retry)
{
	(void)root, (void)path, (void)flags, (void)mode, (void)out;
	*retry = true;
	return WASI_NOSYS;
}
#endif
