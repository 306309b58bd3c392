#include "os.h"
#include "rights.h"

void pal_wasi_grant_socket(struct pal_wasi_file *file)
{
	file->base = WASI_RIGHT_FD_READ | WASI_RIGHT_FD_WRITE | WASI_RIGHT_FD_FDSTAT_SET_FLAGS | WASI_RIGHT_FD_FILESTAT_GET |
	             WASI_RIGHT_POLL_FD_READWRITE | WASI_RIGHT_SOCK_SHUTDOWN | WASI_RIGHT_SOCK_ACCEPT;
	file->inheriting = file->base;
}

void pal_wasi_grant_stdio(struct pal_wasi_file *file, int number)
{
	file->shared = true;
#if PAL_OS_APPENDS
	int host = fcntl(file->host, F_GETFL);
	if (host >= 0 && (host & O_APPEND))
		file->flags = WASI_FD_APPEND;
#endif
	/* Embedders pass sockets this way; they go in both directions. */
	if (pal_wasi_is_socket(file)) {
		pal_wasi_grant_socket(file);
		return;
	}
	/* One direction only, though terminals are usually open for both. Truncating or re-dating what the output was
	 * redirected to is not part of writing there. */
	uint64_t base = number == 0 ? WASI_RIGHT_FD_READ : WASI_RIGHT_FD_WRITE;
	base |= WASI_RIGHT_FD_FDSTAT_SET_FLAGS | WASI_RIGHT_FD_FILESTAT_GET | WASI_RIGHT_POLL_FD_READWRITE;
	base |= WASI_RIGHT_FD_SYNC | WASI_RIGHT_FD_DATASYNC;
	if (file->seekable)
		base |= WASI_RIGHT_FD_SEEK | WASI_RIGHT_FD_TELL | WASI_RIGHT_FD_ADVISE;
	file->base = base;
	file->inheriting = 0;
}

void pal_wasi_grant_preopen(struct pal_wasi_file *file)
{
	uint64_t base = PAL_WASI_DIRECTORY_RIGHTS;
	if (file->read_only)
		base &= ~PAL_WASI_CHANGING_RIGHTS;
	file->base = base;
	/* FD_WRITE and its like stay among the inheriting rights of a read-only directory: wasi-libc asks path_open for no
	 * more than it finds here, and a program opening for writing must hear ROFS instead of getting a file it can't
	 * write. path_open and read_only see to it that the right is never handed out. */
	file->inheriting = base | PAL_WASI_FILE_RIGHTS;
}

void pal_wasi_grant_opened(struct pal_wasi_file *file, const struct pal_wasi_file *directory, uint64_t base,
                           uint64_t inheriting)
{
	uint64_t limit = directory->inheriting;
	base &= limit;
	if (file->type == WASI_TYPE_DIRECTORY) {
		file->base = base & PAL_WASI_DIRECTORY_RIGHTS;
		file->inheriting = inheriting & limit;
		return;
	}
	base &= PAL_WASI_FILE_RIGHTS;
	if (!file->seekable)
		base &= ~(WASI_RIGHT_FD_SEEK | WASI_RIGHT_FD_TELL);
	if (!(base & WASI_RIGHT_FD_WRITE)) /* the host's descriptor could not do it */
		base &= ~(WASI_RIGHT_FD_ALLOCATE | WASI_RIGHT_FD_FILESTAT_SET_SIZE);
	if (directory->read_only)
		base &= ~WASI_RIGHT_FD_FILESTAT_SET_TIMES;
	file->base = base;
	file->inheriting = 0;
}
