/* The functions compiled modules import: `wasi_snapshot_preview1` and its predecessor `wasi_unstable`.
 *
 * Every function takes the instance's view, then the wasm parameters in order; pointers and sizes are 32-bit guest
 * numbers whose sign means nothing. The result is an $errno (abi.h). Values are returned through guest pointers, which
 * are checked before anything is done: a call that answers FAULT for its result pointer had no effect. */
#ifndef PAL_WASI_PREVIEW1_H
#define PAL_WASI_PREVIEW1_H
#include "palisade.h"

#define PAL_WASI_VIEW struct wasi_snapshot_preview1 *view

/* Functions with the same meaning and layouts in both versions: F(name, parameters, arguments). */
#define PAL_WASI_COMMON(F) \
	F(args_get, (PAL_WASI_VIEW, int32_t argv, int32_t text), (view, argv, text)) \
	F(args_sizes_get, (PAL_WASI_VIEW, int32_t count, int32_t size), (view, count, size)) \
	F(environ_get, (PAL_WASI_VIEW, int32_t environ_, int32_t text), (view, environ_, text)) \
	F(environ_sizes_get, (PAL_WASI_VIEW, int32_t count, int32_t size), (view, count, size)) \
	F(clock_res_get, (PAL_WASI_VIEW, int32_t clock, int32_t result), (view, clock, result)) \
	F(clock_time_get, (PAL_WASI_VIEW, int32_t clock, int64_t precision, int32_t result), \
	  (view, clock, precision, result)) \
	F(fd_advise, (PAL_WASI_VIEW, int32_t fd, int64_t offset, int64_t length, int32_t advice), \
	  (view, fd, offset, length, advice)) \
	F(fd_allocate, (PAL_WASI_VIEW, int32_t fd, int64_t offset, int64_t length), (view, fd, offset, length)) \
	F(fd_close, (PAL_WASI_VIEW, int32_t fd), (view, fd)) \
	F(fd_datasync, (PAL_WASI_VIEW, int32_t fd), (view, fd)) \
	F(fd_fdstat_get, (PAL_WASI_VIEW, int32_t fd, int32_t result), (view, fd, result)) \
	F(fd_fdstat_set_flags, (PAL_WASI_VIEW, int32_t fd, int32_t flags), (view, fd, flags)) \
	F(fd_fdstat_set_rights, (PAL_WASI_VIEW, int32_t fd, int64_t base, int64_t inheriting), \
	  (view, fd, base, inheriting)) \
	F(fd_filestat_set_size, (PAL_WASI_VIEW, int32_t fd, int64_t size), (view, fd, size)) \
	F(fd_filestat_set_times, (PAL_WASI_VIEW, int32_t fd, int64_t atim, int64_t mtim, int32_t flags), \
	  (view, fd, atim, mtim, flags)) \
	F(fd_pread, (PAL_WASI_VIEW, int32_t fd, int32_t iovs, int32_t count, int64_t offset, int32_t result), \
	  (view, fd, iovs, count, offset, result)) \
	F(fd_prestat_get, (PAL_WASI_VIEW, int32_t fd, int32_t result), (view, fd, result)) \
	F(fd_prestat_dir_name, (PAL_WASI_VIEW, int32_t fd, int32_t path, int32_t length), (view, fd, path, length)) \
	F(fd_pwrite, (PAL_WASI_VIEW, int32_t fd, int32_t iovs, int32_t count, int64_t offset, int32_t result), \
	  (view, fd, iovs, count, offset, result)) \
	F(fd_read, (PAL_WASI_VIEW, int32_t fd, int32_t iovs, int32_t count, int32_t result), \
	  (view, fd, iovs, count, result)) \
	F(fd_readdir, (PAL_WASI_VIEW, int32_t fd, int32_t buffer, int32_t length, int64_t cookie, int32_t result), \
	  (view, fd, buffer, length, cookie, result)) \
	F(fd_renumber, (PAL_WASI_VIEW, int32_t fd, int32_t to), (view, fd, to)) \
	F(fd_sync, (PAL_WASI_VIEW, int32_t fd), (view, fd)) \
	F(fd_tell, (PAL_WASI_VIEW, int32_t fd, int32_t result), (view, fd, result)) \
	F(fd_write, (PAL_WASI_VIEW, int32_t fd, int32_t iovs, int32_t count, int32_t result), \
	  (view, fd, iovs, count, result)) \
	F(path_create_directory, (PAL_WASI_VIEW, int32_t fd, int32_t path, int32_t length), (view, fd, path, length)) \
	F(path_filestat_set_times, (PAL_WASI_VIEW, int32_t fd, int32_t lookup, int32_t path, int32_t length, \
	   int64_t atim, int64_t mtim, int32_t flags), \
	  (view, fd, lookup, path, length, atim, mtim, flags)) \
	F(path_link, (PAL_WASI_VIEW, int32_t old_fd, int32_t lookup, int32_t old_path, int32_t old_length, \
	   int32_t new_fd, int32_t new_path, int32_t new_length), \
	  (view, old_fd, lookup, old_path, old_length, new_fd, new_path, new_length)) \
	F(path_open, (PAL_WASI_VIEW, int32_t fd, int32_t lookup, int32_t path, int32_t length, int32_t oflags, \
	   int64_t base, int64_t inheriting, int32_t fdflags, int32_t result), \
	  (view, fd, lookup, path, length, oflags, base, inheriting, fdflags, result)) \
	F(path_readlink, (PAL_WASI_VIEW, int32_t fd, int32_t path, int32_t length, int32_t buffer, int32_t size, \
	   int32_t result), \
	  (view, fd, path, length, buffer, size, result)) \
	F(path_remove_directory, (PAL_WASI_VIEW, int32_t fd, int32_t path, int32_t length), (view, fd, path, length)) \
	F(path_rename, (PAL_WASI_VIEW, int32_t old_fd, int32_t old_path, int32_t old_length, int32_t new_fd, \
	   int32_t new_path, int32_t new_length), \
	  (view, old_fd, old_path, old_length, new_fd, new_path, new_length)) \
	F(path_symlink, (PAL_WASI_VIEW, int32_t target, int32_t target_length, int32_t fd, int32_t path, int32_t length), \
	  (view, target, target_length, fd, path, length)) \
	F(path_unlink_file, (PAL_WASI_VIEW, int32_t fd, int32_t path, int32_t length), (view, fd, path, length)) \
	F(proc_raise, (PAL_WASI_VIEW, int32_t signal), (view, signal)) \
	F(random_get, (PAL_WASI_VIEW, int32_t buffer, int32_t length), (view, buffer, length)) \
	F(sched_yield, (PAL_WASI_VIEW), (view)) \
	F(sock_recv, (PAL_WASI_VIEW, int32_t fd, int32_t iovs, int32_t count, int32_t flags, int32_t size, int32_t oflags), \
	  (view, fd, iovs, count, flags, size, oflags)) \
	F(sock_send, (PAL_WASI_VIEW, int32_t fd, int32_t iovs, int32_t count, int32_t flags, int32_t size), \
	  (view, fd, iovs, count, flags, size)) \
	F(sock_shutdown, (PAL_WASI_VIEW, int32_t fd, int32_t how), (view, fd, how))

/* Functions whose numbers or layouts differ: order of whence, width of nlink, the clock subscription's identifier. */
#define PAL_WASI_DIFFERENT(F) \
	F(fd_filestat_get, (PAL_WASI_VIEW, int32_t fd, int32_t result), (view, fd, result)) \
	F(fd_seek, (PAL_WASI_VIEW, int32_t fd, int64_t offset, int32_t whence, int32_t result), \
	  (view, fd, offset, whence, result)) \
	F(path_filestat_get, (PAL_WASI_VIEW, int32_t fd, int32_t lookup, int32_t path, int32_t length, int32_t result), \
	  (view, fd, lookup, path, length, result)) \
	F(poll_oneoff, (PAL_WASI_VIEW, int32_t in, int32_t out, int32_t count, int32_t result), \
	  (view, in, out, count, result))

#define PAL_WASI_DECLARE_1(name, parameters, arguments) \
	int32_t wasi_snapshot_preview1_##name parameters PAL_LABEL("wasm.wasi_snapshot_preview1." #name);
#define PAL_WASI_DECLARE_0(name, parameters, arguments) \
	int32_t wasi_unstable_##name parameters PAL_LABEL("wasm.wasi_unstable." #name);

#pragma GCC visibility push(default) /* as all that compiled code calls, see context.h */
PAL_WASI_COMMON(PAL_WASI_DECLARE_1)
PAL_WASI_DIFFERENT(PAL_WASI_DECLARE_1)
/* Only in preview 1. */
PAL_WASI_DECLARE_1(sock_accept, (PAL_WASI_VIEW, int32_t fd, int32_t flags, int32_t result), )
void wasi_snapshot_preview1_proc_exit(PAL_WASI_VIEW, int32_t code) PAL_LABEL("wasm.wasi_snapshot_preview1.proc_exit");

/* Preview 0's functions take the same view: what pal_wasi_view returns is also a module's `struct wasi_unstable *`. */
PAL_WASI_COMMON(PAL_WASI_DECLARE_0)
PAL_WASI_DIFFERENT(PAL_WASI_DECLARE_0)
void wasi_unstable_proc_exit(PAL_WASI_VIEW, int32_t code) PAL_LABEL("wasm.wasi_unstable.proc_exit");
#pragma GCC visibility pop
#endif
