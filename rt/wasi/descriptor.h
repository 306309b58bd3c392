/* What guest descriptors stand for, and the table that numbers them.
 *
 * A call pins the file it works on; closing or renumbering a descriptor takes the file out of the table at once, while
 * the host descriptor is closed by whoever drops the last reference. So a close during another thread's blocking read
 * never lets that read touch a host descriptor that meanwhile means something else. */
#ifndef PAL_WASI_DESCRIPTOR_H
#define PAL_WASI_DESCRIPTOR_H
#include "abi.h"
#include "wasi.h"
#include <stdbool.h>

struct pal_wasi_listing;

struct pal_wasi_file {
	atomic_uint references; /* one for its slot, one per call at work */
	int host;               /* owned */
	uint8_t type;           /* WASI_TYPE_… */
	bool read_only;         /* nothing below may change (a `:ro` preopen, or opened below one) */
	bool shared;            /* the host's own open file (stdio): its flags are not the guest's to set */
	bool pipe;              /* a FIFO or pipe */
	bool seekable;          /* has a position: not a pipe, socket or terminal */
	_Atomic uint16_t flags; /* $fdflags as the guest sees them */
	_Atomic uint64_t base, inheriting; /* $rights; they only shrink */
	char *preopen;          /* name the guest sees; NULL if not a preopen */
	struct pal_lock listing_lock;
	struct pal_wasi_listing *listing; /* fd_readdir's, see directory.c */
};

/* A file for a host descriptor, with one reference, no rights, no flags; type, pipe and seekable are found out. The
 * descriptor is owned from here on, also on failure (NULL, no memory or no such descriptor): then it is closed. */
struct pal_wasi_file *pal_wasi_file_new(int host);

static inline bool pal_wasi_is_socket(const struct pal_wasi_file *file)
{
	return file->type == WASI_TYPE_SOCKET_STREAM || file->type == WASI_TYPE_SOCKET_DGRAM;
}

/* Drops a reference. errno is kept. */
void pal_wasi_unpin(struct pal_wasi_file *);

/* Finds and pins the file of guest descriptor `fd`: BADF. */
int32_t pal_wasi_pin(pal_wasi *, int32_t fd, struct pal_wasi_file **out);
/* As pal_wasi_pin, and the file must have all of `rights`. Without FD_READ or FD_WRITE: BADF, as a POSIX file opened
 * the other way; without another right: NOTCAPABLE. */
int32_t pal_wasi_use(pal_wasi *, int32_t fd, uint64_t rights, struct pal_wasi_file **out);
/* As pal_wasi_use for a directory (else NOTDIR). With `change`, something below it is about to change: ROFS if that
 * is not granted. */
int32_t pal_wasi_use_directory(pal_wasi *, int32_t fd, uint64_t rights, bool change, struct pal_wasi_file **out);
/* Whether a pinned file has the rights, as pal_wasi_use says it. */
int32_t pal_wasi_check(struct pal_wasi_file *, uint64_t rights);

/* Gives the file the lowest free number. Takes over the caller's reference, also on failure: NOMEM, MFILE. */
int32_t pal_wasi_insert(pal_wasi *, struct pal_wasi_file *, uint32_t *fd);
/* Puts the file at a free number while the table is made. Takes over the reference: NOMEM. */
int32_t pal_wasi_place_at(pal_wasi *, uint32_t fd, struct pal_wasi_file *);
/* Frees the number: BADF. */
int32_t pal_wasi_close(pal_wasi *, int32_t fd);
/* Moves `fd` to the number `to`, whose file is closed: BADF if either is not open. */
int32_t pal_wasi_renumber(pal_wasi *, int32_t fd, int32_t to);
/* Replaces the rights by subsets of themselves: NOTCAPABLE. */
int32_t pal_wasi_shrink_rights(pal_wasi *, struct pal_wasi_file *, uint64_t base, uint64_t inheriting);
/* Closes everything, and frees the table. */
void pal_wasi_close_all(pal_wasi *);
#endif
