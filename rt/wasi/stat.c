/* fd_filestat_…, path_filestat_…. */
#include "os.h"
#include "stat.h"
#include "descriptor.h"
#include "guest.h"
#include "host_error.h"
#include "path.h"
#include "preview1.h"
#include <string.h>

#ifdef __APPLE__
#define ATIM st_atimespec
#define MTIM st_mtimespec
#define CTIM st_ctimespec
#else
#define ATIM st_atim
#define MTIM st_mtim
#define CTIM st_ctim
#endif

#ifndef _WIN32
static uint8_t socket_type(int host)
{
	int type = SOCK_STREAM; /* also what a socket's directory entry is called: nothing says more */
	socklen_t size = sizeof type;
	if (host >= 0 && getsockopt(host, SOL_SOCKET, SO_TYPE, &type, &size))
		return WASI_TYPE_UNKNOWN;
	return type == SOCK_DGRAM ? WASI_TYPE_SOCKET_DGRAM : WASI_TYPE_SOCKET_STREAM;
}
#endif

uint8_t pal_wasi_file_type(int host, mode_t mode)
{
	if (S_ISREG(mode))
		return WASI_TYPE_REGULAR_FILE;
	if (S_ISDIR(mode))
		return WASI_TYPE_DIRECTORY;
	if (S_ISLNK(mode))
		return WASI_TYPE_SYMBOLIC_LINK;
	if (S_ISCHR(mode))
		return WASI_TYPE_CHARACTER_DEVICE;
	if (S_ISBLK(mode))
		return WASI_TYPE_BLOCK_DEVICE;
#ifdef _WIN32
	(void)host;
	return WASI_TYPE_UNKNOWN;
#else
	return S_ISSOCK(mode) ? socket_type(host) : WASI_TYPE_UNKNOWN;
#endif
}

/* Nanoseconds since 1970. WASI has no earlier times and none after 2554: they become the ends of the range, so that
 * a file with a strange date can still be examined. */
static uint64_t timestamp(struct timespec time)
{
	if (time.tv_sec < 0)
		return 0;
	if ((uint64_t)time.tv_sec >= UINT64_MAX / 1000000000)
		return UINT64_MAX;
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

enum version { PREVIEW0, PREVIEW1 };

static int32_t put_filestat(PAL_WASI_VIEW, int32_t at, const struct stat *status, uint8_t type,
                            enum version version)
{
	uint8_t bytes[WASI_FILESTAT_SIZE] = { 0 };
	uint64_t links = status->st_nlink;
	/* Size and times: behind a 32-bit or 64-bit nlink. */
	uint8_t *rest = bytes + (version == PREVIEW0 ? WASI0_FILESTAT_BYTES : WASI_FILESTAT_BYTES);
	wasi_set_u64(bytes + WASI_FILESTAT_DEV, (uint64_t)status->st_dev);
	wasi_set_u64(bytes + WASI_FILESTAT_INO, (uint64_t)status->st_ino);
	bytes[WASI_FILESTAT_TYPE] = type;
	if (version == PREVIEW0)
		wasi_set_u32(bytes + WASI0_FILESTAT_NLINK, links > UINT32_MAX ? UINT32_MAX : (uint32_t)links);
	else
		wasi_set_u64(bytes + WASI_FILESTAT_NLINK, links);
	wasi_set_u64(rest, (uint64_t)status->st_size);
	wasi_set_u64(rest + 8, timestamp(status->ATIM));
	wasi_set_u64(rest + 16, timestamp(status->MTIM));
	wasi_set_u64(rest + 24, timestamp(status->CTIM));
	return pal_wasi_put(view, (uint32_t)at, bytes, version == PREVIEW0 ? WASI0_FILESTAT_SIZE : WASI_FILESTAT_SIZE);
}

static int32_t fd_get(PAL_WASI_VIEW, int32_t fd, int32_t result, enum version version)
{
	struct pal_wasi_file *file;
	struct stat status;
	int32_t error = pal_wasi_use(view->wasi, fd, WASI_RIGHT_FD_FILESTAT_GET, &file);
	if (error)
		return error;
	if (fstat(file->host, &status))
		error = pal_wasi_errno(errno);
	else
		error = put_filestat(view, result, &status, file->type, version);
	pal_wasi_unpin(file);
	return error;
}

static int32_t stat_place(int root, const char *path, enum pal_wasi_last last, struct stat *out)
{
	struct pal_wasi_place place;
	int32_t error = pal_wasi_locate(root, path, last, &place);
	if (error)
		return error;
	if (fstatat(place.directory, place.name, out, AT_SYMLINK_NOFOLLOW))
		error = pal_wasi_errno(errno);
	pal_wasi_leave(&place);
	return error;
}

static int32_t stat_path(int root, const char *path, bool follow, struct stat *out)
{
	int32_t error = stat_place(root, path, PAL_WASI_OBJECT, out);
	if (error || !follow || !S_ISLNK(out->st_mode))
		return error;
	error = stat_place(root, path, PAL_WASI_TARGET, out);
	/* Replaced by a link between the two steps inside: whoever does that gets the link's attributes at worst. */
	return error;
}

static int32_t path_get(PAL_WASI_VIEW, int32_t fd, int32_t lookup, int32_t path, int32_t length,
                        int32_t result, enum version version)
{
	struct pal_wasi_file *directory;
	struct pal_wasi_text text;
	struct stat status;
	int32_t error = pal_wasi_use_directory(view->wasi, fd, WASI_RIGHT_PATH_FILESTAT_GET, false, &directory);
	if (error)
		return error;
	error = lookup & ~WASI_LOOKUP_ALL ? WASI_INVAL : pal_wasi_get_path(view, &text, path, length);
	if (!error) {
		error = stat_path(directory->host, text.text, lookup & WASI_LOOKUP_FOLLOW, &status);
		pal_wasi_drop_path(&text);
	}
	if (!error)
		error = put_filestat(view, result, &status, pal_wasi_file_type(-1, status.st_mode), version);
	pal_wasi_unpin(directory);
	return error;
}

int32_t wasi_snapshot_preview1_fd_filestat_get(PAL_WASI_VIEW, int32_t fd, int32_t result)
{
	return fd_get(view, fd, result, PREVIEW1);
}

int32_t wasi_unstable_fd_filestat_get(PAL_WASI_VIEW, int32_t fd, int32_t result)
{
	return fd_get(view, fd, result, PREVIEW0);
}

int32_t wasi_snapshot_preview1_path_filestat_get(PAL_WASI_VIEW, int32_t fd, int32_t lookup, int32_t path,
                                                 int32_t length, int32_t result)
{
	return path_get(view, fd, lookup, path, length, result, PREVIEW1);
}

int32_t wasi_unstable_path_filestat_get(PAL_WASI_VIEW, int32_t fd, int32_t lookup, int32_t path,
                                        int32_t length, int32_t result)
{
	return path_get(view, fd, lookup, path, length, result, PREVIEW0);
}

/* One of the two times: $fstflags `set` or `now`, or neither. */
static struct timespec new_time(uint64_t time, bool set, bool now)
{
	struct timespec spec = { 0, now ? UTIME_NOW : UTIME_OMIT };
	if (set) {
		spec.tv_sec = (time_t)(time / 1000000000); /* at most 2^64 / 10^9 < 2^35 */
		spec.tv_nsec = (long)(time % 1000000000);
	}
	return spec;
}

static int32_t new_times(struct timespec out[2], int64_t atim, int64_t mtim, int32_t flags)
{
	enum { BOTH_A = WASI_FST_ATIM | WASI_FST_ATIM_NOW, BOTH_M = WASI_FST_MTIM | WASI_FST_MTIM_NOW };
	if ((flags & ~WASI_FST_ALL) || (flags & BOTH_A) == BOTH_A || (flags & BOTH_M) == BOTH_M)
		return WASI_INVAL;
	out[0] = new_time((uint64_t)atim, flags & WASI_FST_ATIM, flags & WASI_FST_ATIM_NOW);
	out[1] = new_time((uint64_t)mtim, flags & WASI_FST_MTIM, flags & WASI_FST_MTIM_NOW);
	return WASI_OK;
}

int32_t wasi_snapshot_preview1_fd_filestat_set_times(PAL_WASI_VIEW, int32_t fd, int64_t atim,
                                                     int64_t mtim, int32_t flags)
{
	struct pal_wasi_file *file;
	struct timespec times[2];
	int32_t error = pal_wasi_pin(view->wasi, fd, &file);
	if (error)
		return error;
	error = file->read_only ? WASI_ROFS : pal_wasi_check(file, WASI_RIGHT_FD_FILESTAT_SET_TIMES);
	if (!error)
		error = new_times(times, atim, mtim, flags);
	if (!error && futimens(file->host, times))
		error = pal_wasi_errno(errno);
	pal_wasi_unpin(file);
	return error;
}

static int32_t set_times(int root, const char *path, bool follow, const struct timespec times[2])
{
	struct pal_wasi_place place;
	struct stat status;
	int32_t error = pal_wasi_locate(root, path, follow ? PAL_WASI_TARGET : PAL_WASI_OBJECT, &place);
	if (error)
		return error;
	/* With nothing to set, Linux does not look whether there is a file. */
	bool nothing = times[0].tv_nsec == UTIME_OMIT && times[1].tv_nsec == UTIME_OMIT;
	if (nothing ? fstatat(place.directory, place.name, &status, AT_SYMLINK_NOFOLLOW)
	            : utimensat(place.directory, place.name, times, AT_SYMLINK_NOFOLLOW))
		error = pal_wasi_errno(errno);
	pal_wasi_leave(&place);
	return error;
}

int32_t wasi_snapshot_preview1_path_filestat_set_times(PAL_WASI_VIEW, int32_t fd, int32_t lookup,
                                                       int32_t path, int32_t length, int64_t atim, int64_t mtim,
	int32_t flags)
{
	struct pal_wasi_file *directory;
	struct pal_wasi_text text;
	struct timespec times[2];
	int32_t error = pal_wasi_use_directory(view->wasi, fd, WASI_RIGHT_PATH_FILESTAT_SET_TIMES, true, &directory);
	if (error)
		return error;
	error = lookup & ~WASI_LOOKUP_ALL ? WASI_INVAL : new_times(times, atim, mtim, flags);
	if (!error)
		error = pal_wasi_get_path(view, &text, path, length);
	if (!error) {
		error = set_times(directory->host, text.text, lookup & WASI_LOOKUP_FOLLOW, times);
		pal_wasi_drop_path(&text);
	}
	pal_wasi_unpin(directory);
	return error;
}

int32_t wasi_snapshot_preview1_fd_filestat_set_size(PAL_WASI_VIEW, int32_t fd, int64_t size)
{
	struct pal_wasi_file *file;
	int32_t error = pal_wasi_pin(view->wasi, fd, &file);
	if (error)
		return error;
	if (file->type == WASI_TYPE_DIRECTORY)
		error = WASI_BADF;
	else if (file->read_only)
		error = WASI_ROFS;
	else
		error = pal_wasi_check(file, WASI_RIGHT_FD_FILESTAT_SET_SIZE);
	if (!error && size < 0)
		error = WASI_INVAL; /* 2^63 and above */
	while (!error && ftruncate(file->host, size))
		if (errno != EINTR)
			error = pal_wasi_errno(errno);
	pal_wasi_unpin(file);
	return error;
}
