/* What a descriptor is and may: fd_fdstat_…, fd_prestat_…, fd_close, fd_renumber. */
#include "os.h"
#include "descriptor.h"
#include "guest.h"
#include "host_error.h"
#include "preview1.h"
#include <string.h>

int32_t wasi_snapshot_preview1_fd_fdstat_get(PAL_WASI_VIEW, int32_t fd, int32_t result)
{
	struct pal_wasi_file *file;
	uint8_t bytes[WASI_FDSTAT_SIZE] = { 0 };
	int32_t error = pal_wasi_pin(view->wasi, fd, &file);
	if (error)
		return error;
	bytes[WASI_FDSTAT_TYPE] = file->type;
	wasi_set_u16(bytes + WASI_FDSTAT_FLAGS, atomic_load(&file->flags));
	wasi_set_u64(bytes + WASI_FDSTAT_BASE, atomic_load(&file->base));
	wasi_set_u64(bytes + WASI_FDSTAT_INHERITING, atomic_load(&file->inheriting));
	pal_wasi_unpin(file);
	return pal_wasi_put(view, (uint32_t)result, bytes, sizeof bytes);
}

/* Sets the host's flags. Not those of stdio, which other processes share: there NONBLOCK is kept in our own flags
 * alone (transfer.c sees to it), and APPEND can't change. */
static int32_t set_host_flags(struct pal_wasi_file *file, uint16_t old, uint16_t new)
{
	if (file->shared)
		return (old ^ new) & WASI_FD_APPEND ? WASI_NOTSUP : WASI_OK;
#if PAL_OS_APPENDS
	int flags = fcntl(file->host, F_GETFL);
	if (flags < 0)
		return pal_wasi_errno(errno);
	flags &= ~(O_APPEND | O_NONBLOCK);
	flags |= new & WASI_FD_APPEND ? O_APPEND : 0;
	flags |= new & WASI_FD_NONBLOCK ? O_NONBLOCK : 0;
	return fcntl(file->host, F_SETFL, flags) ? pal_wasi_errno(errno) : WASI_OK;
#else
	return WASI_OK; /* transfer.c sees to it */
#endif
}

int32_t wasi_snapshot_preview1_fd_fdstat_set_flags(PAL_WASI_VIEW, int32_t fd, int32_t flags)
{
	enum { SYNCS = WASI_FD_DSYNC | WASI_FD_RSYNC | WASI_FD_SYNC };
	struct pal_wasi_file *file;
	int32_t error = pal_wasi_use(view->wasi, fd, WASI_RIGHT_FD_FDSTAT_SET_FLAGS, &file);
	if (error)
		return error;
	uint16_t old = atomic_load(&file->flags);
	/* The synchronous modes are fixed when a file is opened: asking for one more is an error, as in Wasmtime, and
	 * leaving one out changes nothing, as fcntl has it. */
	uint16_t new = (uint16_t)((flags & ~SYNCS) | (old & SYNCS));
	if ((flags & ~WASI_FD_ALL) || (flags & SYNCS & ~old))
		error = WASI_INVAL;
	else
		error = set_host_flags(file, old, new);
	if (!error)
		atomic_store(&file->flags, new);
	pal_wasi_unpin(file);
	return error;
}

int32_t wasi_snapshot_preview1_fd_fdstat_set_rights(PAL_WASI_VIEW, int32_t fd, int64_t base, int64_t inheriting)
{
	struct pal_wasi_file *file;
	int32_t error = pal_wasi_pin(view->wasi, fd, &file);
	if (error)
		return error;
	error = pal_wasi_shrink_rights(view->wasi, file, (uint64_t)base, (uint64_t)inheriting);
	pal_wasi_unpin(file);
	return error;
}

int32_t wasi_snapshot_preview1_fd_prestat_get(PAL_WASI_VIEW, int32_t fd, int32_t result)
{
	struct pal_wasi_file *file;
	uint8_t bytes[WASI_PRESTAT_SIZE] = { [WASI_PRESTAT_TAG] = WASI_PREOPEN_DIR };
	int32_t error = pal_wasi_pin(view->wasi, fd, &file);
	if (error)
		return error;
	if (!file->preopen)
		error = WASI_BADF;
	else
		wasi_set_u32(bytes + WASI_PRESTAT_LENGTH, (uint32_t)strlen(file->preopen));
	pal_wasi_unpin(file);
	return error ? error : pal_wasi_put(view, (uint32_t)result, bytes, sizeof bytes);
}

int32_t wasi_snapshot_preview1_fd_prestat_dir_name(PAL_WASI_VIEW, int32_t fd, int32_t path, int32_t length)
{
	struct pal_wasi_file *file;
	int32_t error = pal_wasi_pin(view->wasi, fd, &file);
	if (error)
		return error;
	size_t size = file->preopen ? strlen(file->preopen) : 0;
	if (!file->preopen)
		error = WASI_NOTDIR; /* as Wasmtime says it */
	else if (size > (uint32_t)length)
		error = WASI_NAMETOOLONG;
	else
		error = pal_wasi_put(view, (uint32_t)path, file->preopen, size);
	pal_wasi_unpin(file);
	return error;
}

int32_t wasi_snapshot_preview1_fd_close(PAL_WASI_VIEW, int32_t fd)
{
	return pal_wasi_close(view->wasi, fd);
}

int32_t wasi_snapshot_preview1_fd_renumber(PAL_WASI_VIEW, int32_t fd, int32_t to)
{
	return pal_wasi_renumber(view->wasi, fd, to);
}
