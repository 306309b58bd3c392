/* The sandbox: paths that can't leave the directory they start from.
 *
 * Whatever a path holds (`..`, symbolic links, slashes) and whoever moves things meanwhile, what is opened or named
 * here lies below `root`. Where the kernel has openat2, it does the resolution (RESOLVE_BENEATH); elsewhere, and where
 * a program's seccomp filter forbids it, directories are opened one by one without following links, links are expanded
 * here, and `..` goes back to the directory we came from instead of asking the file system.
 *
 * All functions return an $errno. A path that would leave is PERM. Absolute paths and absolute links leave. */
#ifndef PAL_WASI_PATH_H
#define PAL_WASI_PATH_H
#include "abi.h"
#include <sys/types.h>
#include <stdbool.h>
#include <stddef.h>

/* A name in a directory: what the *at system calls take. */
struct pal_wasi_place {
	int directory;    /* host descriptor */
	bool owned;       /* directory is ours to close */
	bool slash;       /* the path ended with a slash (PAL_WASI_ENTRY only) */
	const char *name; /* one component without slashes: never "..", "." for the directory itself */
	char *text;       /* what name points into */
};

enum pal_wasi_last {
	PAL_WASI_ENTRY,  /* the directory entry is meant, to make or remove it: a last link is not followed */
	PAL_WASI_OBJECT, /* what it names, a last link itself; with a slash behind, the directory the link leads to */
	PAL_WASI_TARGET  /* what it names, following a last link */
};

/* Opens the file at `path` below `root` with open's `flags` and `mode`; O_CLOEXEC is added. `follow`: a symbolic link
 * at the end is followed, otherwise it is LOOP (with O_DIRECTORY NOTDIR). */
int32_t pal_wasi_open_beneath(int root, const char *path, bool follow, int flags, mode_t mode, int *out);

/* Finds the directory and name of `path` below `root`. On success the caller ends with pal_wasi_leave. The name may
 * not exist, or may be something else by the time it is used: use it only in calls that don't follow it. */
int32_t pal_wasi_locate(int root, const char *path, enum pal_wasi_last, struct pal_wasi_place *out);
void pal_wasi_leave(struct pal_wasi_place *);

/* For tests: true makes this process use the walk although the kernel has openat2. Nothing a guest can reach. */
void pal_wasi_disable_openat2(bool);
/* Which of the two is in use: asks the kernel at first use. */
bool pal_wasi_uses_openat2(void);
#endif
