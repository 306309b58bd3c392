/* Reading, writing and positions: fd_read, fd_write, fd_pread, fd_pwrite, fd_seek, fd_tell, fd_sync, fd_datasync,
 * fd_advise, fd_allocate. */
#include "os.h"
#include "descriptor.h"
#include "guest.h"
#include "host_error.h"
#include "preview1.h"
#include "transfer.h"

/* Pins a file that bytes can be moved from or to. At a position (`offset` not -1): only in files that have one. */
static int32_t use_bytes(pal_wasi *wasi, int32_t fd, uint64_t right, int64_t offset, struct pal_wasi_file **out)
{
	int32_t error = pal_wasi_pin(wasi, fd, out);
	if (error)
		return error;
	if ((*out)->type == WASI_TYPE_DIRECTORY)
		error = right == WASI_RIGHT_FD_READ ? WASI_ISDIR : WASI_BADF;
	else if (offset != -1 && !(*out)->seekable)
		error = WASI_SPIPE;
	else
		error = pal_wasi_check(*out, offset == -1 ? right : right | WASI_RIGHT_FD_SEEK);
	if (error)
		pal_wasi_unpin(*out);
	return error;
}

typedef int32_t operation(const struct pal_wasi_transfer *, uint32_t *moved);

/* The common part of the four transfers. */
static int32_t transfer(PAL_WASI_VIEW, struct pal_wasi_file *file, operation *operate, int32_t iovs,
                        int32_t count, int64_t offset, int32_t result)
{
	struct pal_wasi_buffers buffers;
	uint32_t moved;
	int32_t error = pal_wasi_room(view, result, 4);
	if (!error)
		error = pal_wasi_get_buffers(view, &buffers, iovs, count, operate == pal_wasi_read);
	if (!error)
		error = operate(&(struct pal_wasi_transfer){ file, &buffers, offset }, &moved);
	return error ? error : pal_wasi_put_u32(view, result, moved);
}

int32_t wasi_snapshot_preview1_fd_read(PAL_WASI_VIEW, int32_t fd, int32_t iovs, int32_t count, int32_t result)
{
	struct pal_wasi_file *file;
	int32_t error = use_bytes(view->wasi, fd, WASI_RIGHT_FD_READ, -1, &file);
	if (error)
		return error;
	error = transfer(view, file, pal_wasi_read, iovs, count, -1, result);
	pal_wasi_unpin(file);
	return error;
}

int32_t wasi_snapshot_preview1_fd_write(PAL_WASI_VIEW, int32_t fd, int32_t iovs, int32_t count, int32_t result)
{
	struct pal_wasi_file *file;
	int32_t error = use_bytes(view->wasi, fd, WASI_RIGHT_FD_WRITE, -1, &file);
	if (error)
		return error;
	error = transfer(view, file, pal_wasi_write, iovs, count, -1, result);
	pal_wasi_unpin(file);
	return error;
}

int32_t wasi_snapshot_preview1_fd_pread(PAL_WASI_VIEW, int32_t fd, int32_t iovs, int32_t count, int64_t offset,
                                        int32_t result)
{
	struct pal_wasi_file *file;
	int32_t error = use_bytes(view->wasi, fd, WASI_RIGHT_FD_READ, 0, &file);
	if (error)
		return error;
	/* 2^63 and above are no offsets on any host; -1 would mean the position. */
	error = offset < 0 ? WASI_INVAL : transfer(view, file, pal_wasi_read, iovs, count, offset, result);
	pal_wasi_unpin(file);
	return error;
}

int32_t wasi_snapshot_preview1_fd_pwrite(PAL_WASI_VIEW, int32_t fd, int32_t iovs, int32_t count, int64_t offset,
                                         int32_t result)
{
	struct pal_wasi_file *file;
	int32_t error = use_bytes(view->wasi, fd, WASI_RIGHT_FD_WRITE, 0, &file);
	if (error)
		return error;
	error = offset < 0 ? WASI_INVAL : transfer(view, file, pal_wasi_write, iovs, count, offset, result);
	pal_wasi_unpin(file);
	return error;
}

/* `whence` is the host's. Asking for the position needs FD_TELL or FD_SEEK, changing it FD_SEEK. */
static int32_t seek(PAL_WASI_VIEW, int32_t fd, int64_t offset, int whence, int32_t result)
{
	struct pal_wasi_file *file;
	int32_t error = pal_wasi_pin(view->wasi, fd, &file);
	if (error)
		return error;
	bool tell = whence == SEEK_CUR && offset == 0;
	if (file->type == WASI_TYPE_DIRECTORY)
		error = WASI_BADF;
	else if (!file->seekable)
		error = WASI_SPIPE;
	else if (!tell || pal_wasi_check(file, WASI_RIGHT_FD_TELL))
		error = pal_wasi_check(file, WASI_RIGHT_FD_SEEK);
	if (!error)
		error = pal_wasi_room(view, result, 8);
	if (!error) {
		int64_t position = lseek(file->host, offset, whence);
		error = position < 0 ? pal_wasi_errno(errno) : pal_wasi_put_u64(view, result, (uint64_t)position);
	}
	pal_wasi_unpin(file);
	return error;
}

/* The host's whence for `whence` under a numbering given by the positions of the three; -1 if it is none. */
static int host_whence(int32_t whence, int32_t set, int32_t current, int32_t end)
{
	return whence == set ? SEEK_SET : whence == current ? SEEK_CUR : whence == end ? SEEK_END : -1;
}

int32_t wasi_snapshot_preview1_fd_seek(PAL_WASI_VIEW, int32_t fd, int64_t offset, int32_t whence, int32_t result)
{
	int host = host_whence(whence, WASI_WHENCE_SET, WASI_WHENCE_CUR, WASI_WHENCE_END);
	return host < 0 ? WASI_INVAL : seek(view, fd, offset, host, result);
}

int32_t wasi_unstable_fd_seek(PAL_WASI_VIEW, int32_t fd, int64_t offset, int32_t whence, int32_t result)
{
	int host = host_whence(whence, WASI0_WHENCE_SET, WASI0_WHENCE_CUR, WASI0_WHENCE_END);
	return host < 0 ? WASI_INVAL : seek(view, fd, offset, host, result);
}

int32_t wasi_snapshot_preview1_fd_tell(PAL_WASI_VIEW, int32_t fd, int32_t result)
{
	return seek(view, fd, 0, SEEK_CUR, result);
}

static int32_t sync_with(PAL_WASI_VIEW, int32_t fd, uint64_t right, int (*sync)(int))
{
	struct pal_wasi_file *file;
	int32_t error = pal_wasi_use(view->wasi, fd, right, &file);
	if (error)
		return error;
	while (!error && sync(file->host))
		if (errno != EINTR)
			error = pal_wasi_errno(errno);
	pal_wasi_unpin(file);
	return error;
}

int32_t wasi_snapshot_preview1_fd_sync(PAL_WASI_VIEW, int32_t fd)
{
	return sync_with(view, fd, WASI_RIGHT_FD_SYNC, fsync);
}

int32_t wasi_snapshot_preview1_fd_datasync(PAL_WASI_VIEW, int32_t fd)
{
#ifdef __APPLE__
	return sync_with(view, fd, WASI_RIGHT_FD_DATASYNC, fsync); /* has no fdatasync */
#else
	return sync_with(view, fd, WASI_RIGHT_FD_DATASYNC, fdatasync);
#endif
}

/* Gives the host the advice, if it knows how to take it. Returns a host errno. */
static int advise(int host, int64_t offset, int64_t length, int32_t advice)
{
#ifdef POSIX_FADV_NORMAL
	static const int numbers[] = { POSIX_FADV_NORMAL, POSIX_FADV_SEQUENTIAL, POSIX_FADV_RANDOM, POSIX_FADV_WILLNEED,
		                           POSIX_FADV_DONTNEED, POSIX_FADV_NOREUSE };
	return posix_fadvise(host, offset, length, numbers[advice]);
#else
	(void)host, (void)offset, (void)length, (void)advice;
	return 0;
#endif
}

int32_t wasi_snapshot_preview1_fd_advise(PAL_WASI_VIEW, int32_t fd, int64_t offset, int64_t length, int32_t advice)
{
	struct pal_wasi_file *file;
	int32_t error = pal_wasi_pin(view->wasi, fd, &file);
	if (error)
		return error;
	if (file->type == WASI_TYPE_DIRECTORY)
		error = WASI_BADF;
	else if (!file->seekable)
		error = WASI_SPIPE;
	else
		error = pal_wasi_check(file, WASI_RIGHT_FD_ADVISE);
	if (!error && (advice < WASI_ADVICE_NORMAL || advice > WASI_ADVICE_NOREUSE || offset < 0 || length < 0))
		error = WASI_INVAL;
	if (!error)
		error = pal_wasi_errno(advise(file->host, offset, length, advice));
	pal_wasi_unpin(file);
	return error;
}

/* Reserves the range and lets the file reach to its end. Returns a host errno. */
static int allocate(int host, int64_t offset, int64_t length)
{
#ifdef __APPLE__
	fstore_t store = { .fst_flags = F_ALLOCATEALL, .fst_posmode = F_PEOFPOSMODE, .fst_length = 0 };
	struct stat status;
	if (fstat(host, &status))
		return errno;
	if (offset + length <= status.st_size)
		return 0;
	store.fst_length = offset + length - status.st_size;
	if (fcntl(host, F_PREALLOCATE, &store) < 0 && errno != ENOTSUP)
		return errno;
	return ftruncate(host, offset + length) ? errno : 0;
#else
	return posix_fallocate(host, offset, length);
#endif
}

int32_t wasi_snapshot_preview1_fd_allocate(PAL_WASI_VIEW, int32_t fd, int64_t offset, int64_t length)
{
	struct pal_wasi_file *file;
	int64_t end;
	int32_t error = pal_wasi_pin(view->wasi, fd, &file);
	if (error)
		return error;
	if (file->type == WASI_TYPE_DIRECTORY)
		error = WASI_BADF;
	else if (!file->seekable)
		error = WASI_SPIPE;
	else if (file->read_only)
		error = WASI_ROFS;
	else
		error = pal_wasi_check(file, WASI_RIGHT_FD_ALLOCATE);
	if (!error && (offset < 0 || length <= 0))
		error = WASI_INVAL;
	if (!error && __builtin_add_overflow(offset, length, &end))
		error = WASI_FBIG;
	if (!error) {
		int failure;
		do
			failure = allocate(file->host, offset, length);
		while (failure == EINTR);
		error = pal_wasi_errno(failure);
	}
	pal_wasi_unpin(file);
	return error;
}
