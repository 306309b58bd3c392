/* path_open. */
#include "os.h"
#include "guest.h"
#include "host_error.h"
#include "path.h"
#include "preview1.h"
#include "rights.h"

#ifndef O_RSYNC
#define O_RSYNC O_SYNC /* macOS */
#endif

/* What path_open was asked for, its numbers checked. */
struct request {
	uint64_t base, inheriting;
	int32_t oflags, fdflags;
	bool follow;
};

/* Whether the directory lets the guest ask for this at all. */
static int32_t permit(struct pal_wasi_file *directory, struct request *request)
{
	uint64_t needed = WASI_RIGHT_PATH_OPEN;
	if (directory->read_only) {
		if ((request->base & WASI_RIGHT_FD_WRITE) || (request->oflags & WASI_O_TRUNC))
			return WASI_ROFS;
	} else {
		if (request->oflags & WASI_O_CREAT)
			needed |= WASI_RIGHT_PATH_CREATE_FILE;
		if (request->oflags & WASI_O_TRUNC)
			needed |= WASI_RIGHT_PATH_FILESTAT_SET_SIZE;
	}
	int32_t error = pal_wasi_check(directory, needed);
	if (error)
		return error;
	/* Other rights that are not passed on are left out silently: programs ask for everything they know of. But who
	 * asks to read or write must not get a file that can't. */
	uint64_t access = request->base & (WASI_RIGHT_FD_READ | WASI_RIGHT_FD_WRITE);
	return access & ~directory->inheriting ? WASI_NOTCAPABLE : WASI_OK;
}

static int host_flags(const struct request *request)
{
	bool write = (request->base & WASI_RIGHT_FD_WRITE) || (request->oflags & WASI_O_TRUNC);
	bool read = request->base & WASI_RIGHT_FD_READ;
	/* O_NONBLOCK: a FIFO without a peer, or a device, must not hold up the open. It goes again afterwards. */
	int flags = O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (!write ? O_RDONLY : read ? O_RDWR : O_WRONLY);
	flags |= request->oflags & WASI_O_CREAT ? O_CREAT : 0;
	flags |= request->oflags & WASI_O_DIRECTORY ? O_DIRECTORY : 0;
	flags |= (request->oflags & (WASI_O_CREAT | WASI_O_EXCL)) == (WASI_O_CREAT | WASI_O_EXCL) ? O_EXCL : 0;
	flags |= request->oflags & WASI_O_TRUNC ? O_TRUNC : 0;
	flags |= request->fdflags & WASI_FD_APPEND ? O_APPEND : 0;
	flags |= request->fdflags & WASI_FD_DSYNC ? O_DSYNC : 0;
	flags |= request->fdflags & WASI_FD_RSYNC ? O_RSYNC : 0;
	flags |= request->fdflags & WASI_FD_SYNC ? O_SYNC : 0;
	return flags;
}

/* Opens, and on a read-only directory creates nothing: an existing file may still be opened with CREAT. */
static int32_t open_host(struct pal_wasi_file *directory, const char *path, const struct request *request, int *host)
{
	int flags = host_flags(request);
	if (!directory->read_only || !(flags & O_CREAT))
		return pal_wasi_open_beneath(directory->host, path, request->follow, flags, 0666, host);
	bool exclusive = flags & O_EXCL;
	int32_t error = pal_wasi_open_beneath(directory->host, path, request->follow, flags & ~(O_CREAT | O_EXCL), 0, host);
	if (!error && exclusive) {
		close(*host);
		return WASI_EXIST;
	}
	return error == WASI_NOENT ? WASI_ROFS : error;
}

/* Makes the file of an opened host descriptor, which it takes over. */
static int32_t make_file(struct pal_wasi_file *directory, const struct request *request, int host,
                         struct pal_wasi_file **out)
{
#if PAL_OS_APPENDS
	/* Of the flags it was opened with, F_SETFL heeds O_APPEND and this one. */
	if (!(request->fdflags & WASI_FD_NONBLOCK) && fcntl(host, F_SETFL, host_flags(request) & ~O_NONBLOCK)) {
		int32_t error = pal_wasi_errno(errno);
		close(host);
		return error;
	}
#endif
	struct pal_wasi_file *file = pal_wasi_file_new(host);
	if (!file)
		return WASI_NOMEM;
	file->read_only = directory->read_only;
	file->flags = (uint16_t)request->fdflags;
	pal_wasi_grant_opened(file, directory, request->base, request->inheriting);
	*out = file;
	return WASI_OK;
}

static int32_t open_below(PAL_WASI_VIEW, struct pal_wasi_file *directory, const char *path,
                          struct request *request, int32_t result)
{
	int host = -1;
	struct pal_wasi_file *file = NULL;
	uint32_t fd = 0;
	int32_t error = permit(directory, request);
	if (!error)
		error = open_host(directory, path, request, &host);
	if (!error)
		error = make_file(directory, request, host, &file);
	if (!error)
		error = pal_wasi_insert(view->wasi, file, &fd);
	return error ? error : pal_wasi_put_u32(view, result, fd);
}

int32_t wasi_snapshot_preview1_path_open(PAL_WASI_VIEW, int32_t fd, int32_t lookup, int32_t path,
                                         int32_t length, int32_t oflags, int64_t base, int64_t inheriting,
	int32_t fdflags,
                                         int32_t result)
{
	struct request request = { (uint64_t)base, (uint64_t)inheriting, oflags, fdflags, lookup & WASI_LOOKUP_FOLLOW };
	struct pal_wasi_file *directory;
	struct pal_wasi_text text;
	int32_t error = pal_wasi_use_directory(view->wasi, fd, 0, false, &directory);
	if (error)
		return error;
	if ((lookup & ~WASI_LOOKUP_ALL) || (oflags & ~WASI_O_ALL) || (fdflags & ~WASI_FD_ALL))
		error = WASI_INVAL;
	/* Kernels disagree on what this means, some made a file. */
	else if ((oflags & WASI_O_CREAT) && (oflags & WASI_O_DIRECTORY))
		error = WASI_INVAL;
	else
		error = pal_wasi_room(view, result, 4);
	if (!error)
		error = pal_wasi_get_path(view, &text, path, length);
	if (!error) {
		error = open_below(view, directory, text.text, &request, result);
		pal_wasi_drop_path(&text);
	}
	pal_wasi_unpin(directory);
	return error;
}
