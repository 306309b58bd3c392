/* All that WASI asks of an operating system, beside port.h: the part of POSIX that is below. Where there is none,
 * os_windows.c answers in its place, with these names and meanings.
 *
 * Descriptors there are HANDLEs, which fit an int; -1 is none. Paths are UTF-8. Functions that take a directory take one
 * name in it, "." for the directory itself, and never follow a link; there are no sockets, no FIFOs with names. */
#ifndef PAL_WASI_OS_H
#define PAL_WASI_OS_H

#ifndef _WIN32
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* The host keeps a file's mode of appending. */
#define PAL_OS_APPENDS 1
#else
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <time.h>

#define PAL_OS_APPENDS 0
#undef PATH_MAX
#define PATH_MAX 4096
#undef NAME_MAX
#define NAME_MAX 765 /* 255 units of UTF-16 */
#define PIPE_BUF 4096

#define O_CLOEXEC 0 /* nothing is inherited */
#define O_NOCTTY 0
#define O_DIRECTORY 0x10000000
#define O_NOFOLLOW 0x20000000
#define O_NONBLOCK 0x40000000 /* nothing waits when it is opened */
#define O_DSYNC 0x01000000
#define O_SYNC 0x02000000
#define O_RSYNC 0
#define AT_SYMLINK_NOFOLLOW 1
#define AT_REMOVEDIR 2
#define UTIME_NOW (-1)
#define UTIME_OMIT (-2)

struct iovec {
	void *iov_base;
	size_t iov_len;
};

struct pal_os_stat {
	uint64_t st_dev, st_ino, st_nlink, st_size;
	unsigned st_mode; /* one of the kinds below */
	struct timespec st_atim, st_mtim, st_ctim;
};
#undef S_ISREG
#undef S_ISDIR
#undef S_ISCHR
#undef S_ISBLK
#undef S_ISFIFO
enum { PAL_OS_REGULAR = 1, PAL_OS_DIRECTORY, PAL_OS_LINK, PAL_OS_CHARACTERS, PAL_OS_PIPE };
#define S_ISREG(mode) ((mode) == PAL_OS_REGULAR)
#define S_ISDIR(mode) ((mode) == PAL_OS_DIRECTORY)
#define S_ISLNK(mode) ((mode) == PAL_OS_LINK)
#define S_ISCHR(mode) ((mode) == PAL_OS_CHARACTERS)
#define S_ISFIFO(mode) ((mode) == PAL_OS_PIPE)
#define S_ISBLK(mode) ((void)(mode), false)

typedef unsigned nfds_t;
struct pollfd {
	int fd;
	short events, revents;
};
enum { POLLIN = 1, POLLOUT = 4, POLLERR = 8, POLLHUP = 16, POLLNVAL = 32 };

#pragma GCC visibility push(hidden)
/* A descriptor of our own for one that the embedder or the process has: 0, 1, 2 stand for the standard handles. */
int pal_os_duplicate(int host);
/* A directory by a path of the host's. */
int pal_os_open_directory(const char *path);
int pal_os_openat(int directory, const char *name, int flags, ...);
int pal_os_close(int host);
bool pal_os_isatty(int host);
int pal_os_fstat(int host, struct pal_os_stat *);
int pal_os_fstatat(int directory, const char *name, struct pal_os_stat *, int flags);
int pal_os_futimens(int host, const struct timespec times[2]);
int pal_os_utimensat(int directory, const char *name, const struct timespec times[2], int flags);
int pal_os_mkdirat(int directory, const char *name, unsigned mode);
int pal_os_unlinkat(int directory, const char *name, int flags);
int pal_os_renameat(int from_directory, const char *from, int to_directory, const char *to);
int pal_os_linkat(int from_directory, const char *from, int to_directory, const char *to, int flags);
/* Links are not made (ENOTSUP) nor read: EINVAL where there is none. */
int pal_os_symlinkat(const char *target, int directory, const char *name);
ssize_t pal_os_readlinkat(int directory, const char *name, char *to, size_t size);
int64_t pal_os_lseek(int host, int64_t offset, int whence);
int pal_os_ftruncate(int host, int64_t size);
int pal_os_fsync(int host);
/* Gives an errno, as POSIX has it. */
int pal_os_fallocate(int host, int64_t offset, int64_t length);
ssize_t pal_os_readv(int host, const struct iovec *, int count);
ssize_t pal_os_writev(int host, const struct iovec *, int count);
ssize_t pal_os_preadv(int host, const struct iovec *, int count, int64_t offset);
ssize_t pal_os_pwritev(int host, const struct iovec *, int count, int64_t offset);
/* At the file's end, wherever that is by then. */
ssize_t pal_os_appendv(int host, const struct iovec *, int count);
int pal_os_poll(struct pollfd *, nfds_t count, int milliseconds);
/* Bytes that can be read without waiting; 0: none or unknown. */
uint64_t pal_os_readable(int host);
int pal_os_clock_gettime(int clock, struct timespec *);
int pal_os_clock_getres(int clock, struct timespec *);
void pal_os_yield(void);
bool pal_os_random(void *to, uint32_t size);
/* Calls `each` for all entries of a directory, `.` and `..` among them, until it gives something else than 0, which is the
 * result; -1 and errno if the host fails. `mode`: as in pal_os_stat. */
typedef int pal_os_entry(void *arg, const char *name, uint64_t inode, unsigned mode);
int pal_os_list(int directory, pal_os_entry *each, void *arg);
#pragma GCC visibility pop

#define stat pal_os_stat
#define openat pal_os_openat
#define open(path, flags) pal_os_open_directory(path)
#define close pal_os_close
#define isatty pal_os_isatty
#define fstat pal_os_fstat
#define fstatat pal_os_fstatat
#define futimens pal_os_futimens
#define utimensat pal_os_utimensat
#define mkdirat pal_os_mkdirat
#define unlinkat pal_os_unlinkat
#define renameat pal_os_renameat
#define linkat pal_os_linkat
#define symlinkat pal_os_symlinkat
#define readlinkat pal_os_readlinkat
#define lseek pal_os_lseek
#define ftruncate pal_os_ftruncate
#define fsync pal_os_fsync
#define fdatasync pal_os_fsync
#define posix_fallocate pal_os_fallocate
#define readv pal_os_readv
#define writev pal_os_writev
#define preadv pal_os_preadv
#define pwritev pal_os_pwritev
#define poll pal_os_poll
#define sched_yield pal_os_yield
#define clockid_t int
#define clock_gettime pal_os_clock_gettime
#define clock_getres pal_os_clock_getres
#undef CLOCK_REALTIME
#undef CLOCK_MONOTONIC
#undef CLOCK_PROCESS_CPUTIME_ID
#undef CLOCK_THREAD_CPUTIME_ID
enum { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID };
#endif
#endif
