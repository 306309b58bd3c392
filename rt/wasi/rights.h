/* Which rights a new descriptor gets. */
#ifndef PAL_WASI_RIGHTS_H
#define PAL_WASI_RIGHTS_H
#include "descriptor.h"

/* What can be done with a file that is not a directory. */
#define PAL_WASI_FILE_RIGHTS \
	(WASI_RIGHT_FD_DATASYNC | WASI_RIGHT_FD_READ | WASI_RIGHT_FD_SEEK | WASI_RIGHT_FD_FDSTAT_SET_FLAGS | \
	 WASI_RIGHT_FD_SYNC | WASI_RIGHT_FD_TELL | WASI_RIGHT_FD_WRITE | WASI_RIGHT_FD_ADVISE | WASI_RIGHT_FD_ALLOCATE | \
	 WASI_RIGHT_FD_FILESTAT_GET | WASI_RIGHT_FD_FILESTAT_SET_SIZE | WASI_RIGHT_FD_FILESTAT_SET_TIMES | \
	 WASI_RIGHT_POLL_FD_READWRITE)
/* What can be done with a directory. */
#define PAL_WASI_DIRECTORY_RIGHTS \
	(WASI_RIGHT_FD_DATASYNC | WASI_RIGHT_FD_FDSTAT_SET_FLAGS | WASI_RIGHT_FD_SYNC | WASI_RIGHT_PATH_CREATE_DIRECTORY | \
	 WASI_RIGHT_PATH_CREATE_FILE | WASI_RIGHT_PATH_LINK_SOURCE | WASI_RIGHT_PATH_LINK_TARGET | WASI_RIGHT_PATH_OPEN | \
	 WASI_RIGHT_FD_READDIR | WASI_RIGHT_PATH_READLINK | WASI_RIGHT_PATH_RENAME_SOURCE | WASI_RIGHT_PATH_RENAME_TARGET | \
	 WASI_RIGHT_PATH_FILESTAT_GET | WASI_RIGHT_PATH_FILESTAT_SET_SIZE | WASI_RIGHT_PATH_FILESTAT_SET_TIMES | \
	 WASI_RIGHT_FD_FILESTAT_GET | WASI_RIGHT_FD_FILESTAT_SET_TIMES | WASI_RIGHT_PATH_SYMLINK | \
	 WASI_RIGHT_PATH_REMOVE_DIRECTORY | WASI_RIGHT_PATH_UNLINK_FILE)
/* What a read-only directory can't do. */
#define PAL_WASI_CHANGING_RIGHTS \
	(WASI_RIGHT_PATH_CREATE_DIRECTORY | WASI_RIGHT_PATH_CREATE_FILE | WASI_RIGHT_PATH_LINK_SOURCE | \
	 WASI_RIGHT_PATH_LINK_TARGET | WASI_RIGHT_PATH_RENAME_SOURCE | WASI_RIGHT_PATH_RENAME_TARGET | \
	 WASI_RIGHT_PATH_FILESTAT_SET_SIZE | WASI_RIGHT_PATH_FILESTAT_SET_TIMES | WASI_RIGHT_FD_FILESTAT_SET_TIMES | \
	 WASI_RIGHT_PATH_SYMLINK | WASI_RIGHT_PATH_REMOVE_DIRECTORY | WASI_RIGHT_PATH_UNLINK_FILE)

/* Rights (and flags) of host descriptor `number` 0, 1 or 2. */
void pal_wasi_grant_stdio(struct pal_wasi_file *, int number);
/* Rights of a preopened directory; read_only is set before. */
void pal_wasi_grant_preopen(struct pal_wasi_file *);
/* Rights of a file opened below `directory`: what was asked for, so far as the directory passes it on and the kind of
 * file has it. */
void pal_wasi_grant_opened(struct pal_wasi_file *, const struct pal_wasi_file *directory, uint64_t base,
                           uint64_t inheriting);
/* Rights of a connection. */
void pal_wasi_grant_socket(struct pal_wasi_file *);
#endif
