/* WASI on boards: arguments, environment, the standard descriptors, clocks, random numbers, exit; the rest is NOSYS, and
 * no file exists. Each function is linked only where a module imports it. */
#include "board.h"
#include "guest_copy.h"
#include "thread.h"
#include "trap.h"
#include "wasi/preview1.h"
#include "wasi/abi.h"
#include <stdlib.h>
#include <string.h>

struct strings {
	uint32_t count, size; /* with a NUL each */
	char *text;
};

struct pal_wasi {
	uint32_t references; /* the maker's, and one per view */
	struct strings arguments, environment;
};

struct wasi_snapshot_preview1 {
	pal_wasi *wasi;
	pal_memory *memory; /* NULL until bound */
};

/* ---- Making ---- */

static bool copy_strings(struct strings *out, const char *const *strings, size_t count)
{
	size_t size = 0;
	for (size_t i = 0; i < count; i++)
		size += strlen(strings[i]) + 1; /* they are in memory, one behind the other or not: no wrap */
	out->text = malloc(size);
	if (out->text == NULL || size > UINT32_MAX)
		return false;
	out->count = (uint32_t)count;
	out->size = (uint32_t)size;
	char *to = out->text;
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(strings[i]) + 1;
		memcpy(to, strings[i], length);
		to += length;
	}
	return true;
}

static void drop(pal_wasi *wasi)
{
	if (--wasi->references > 0)
		return;
	free(wasi->arguments.text);
	free(wasi->environment.text);
	free(wasi);
}

pal_status pal_wasi_new(pal_wasi **out, const pal_wasi_options *options)
{
	static const pal_wasi_options nothing;
	*out = NULL;
	if (options == NULL)
		options = &nothing;
	if (options->dir_count || options->no_stdio || options->use_stdio)
		return PAL_E_UNSUPPORTED;
	if (options->argc < 0 || (options->argc > 0 && !options->argv))
		return PAL_E_ARGUMENT;
	pal_wasi *wasi = calloc(1, sizeof *wasi);
	if (wasi == NULL)
		return PAL_E_NOMEM;
	wasi->references = 1;
	size_t variables = 0;
	while (options->env && options->env[variables])
		variables++;
	if (!copy_strings(&wasi->arguments, options->argv, (size_t)options->argc) ||
	    !copy_strings(&wasi->environment, options->env, variables)) {
		drop(wasi);
		return PAL_E_NOMEM;
	}
	*out = wasi;
	return PAL_OK;
}

void pal_wasi_free(pal_wasi *wasi)
{
	if (wasi)
		drop(wasi);
}

struct wasi_snapshot_preview1 *pal_wasi_view(pal_wasi *wasi)
{
	struct wasi_snapshot_preview1 *view = malloc(sizeof *view);
	if (view == NULL)
		return NULL;
	wasi->references++;
	*view = (struct wasi_snapshot_preview1){ wasi, NULL };
	return view;
}

void pal_wasi_view_free(struct wasi_snapshot_preview1 *view)
{
	if (view == NULL)
		return;
	drop(view->wasi);
	free(view);
}

#pragma GCC visibility push(default)
void pal_wasi_bind(void *view, void *memory);
#pragma GCC visibility pop
void pal_wasi_bind(void *view, void *memory)
{
	if (view)
		((struct wasi_snapshot_preview1 *)view)->memory = memory;
}

/* ---- Guest memory ---- */

/* `at` is below 2^32, or a sum of such numbers: no wrap. */
static bool put(PAL_WASI_VIEW, uint64_t at, const void *from, uint64_t size)
{
	return view->memory && pal_guest_write(view->memory, at, from, size);
}

static int32_t put_u32(PAL_WASI_VIEW, int32_t at, uint32_t value)
{
	uint8_t bytes[4];
	wasi_set_u32(bytes, value);
	return put(view, (uint32_t)at, bytes, sizeof bytes) ? WASI_OK : WASI_FAULT;
}

static int32_t put_u64(PAL_WASI_VIEW, int32_t at, uint64_t value)
{
	uint8_t bytes[8];
	wasi_set_u64(bytes, value);
	return put(view, (uint32_t)at, bytes, sizeof bytes) ? WASI_OK : WASI_FAULT;
}

/* ---- Arguments, environment ---- */

static int32_t put_sizes(PAL_WASI_VIEW, const struct strings *strings, int32_t count, int32_t size)
{
	int32_t error = put_u32(view, count, strings->count);
	return error ? error : put_u32(view, size, strings->size);
}

/* Writes the strings to `text` and the addresses of their beginnings to `pointers`. */
static int32_t put_strings(PAL_WASI_VIEW, const struct strings *strings, int32_t pointers, int32_t text)
{
	if (!put(view, (uint32_t)text, strings->text, strings->size))
		return WASI_FAULT;
	uint32_t at = 0;
	for (uint32_t i = 0; i < strings->count; i++) {
		uint8_t pointer[4];
		wasi_set_u32(pointer, (uint32_t)text + at); /* inside the memory, where the text was just written */
		if (!put(view, (uint32_t)pointers + (uint64_t)i * 4, pointer, sizeof pointer))
			return WASI_FAULT;
		at += (uint32_t)strlen(strings->text + at) + 1;
	}
	return WASI_OK;
}

int32_t wasi_snapshot_preview1_args_get(PAL_WASI_VIEW, int32_t argv, int32_t text)
{
	return put_strings(view, &view->wasi->arguments, argv, text);
}

int32_t wasi_snapshot_preview1_args_sizes_get(PAL_WASI_VIEW, int32_t count, int32_t size)
{
	return put_sizes(view, &view->wasi->arguments, count, size);
}

int32_t wasi_snapshot_preview1_environ_get(PAL_WASI_VIEW, int32_t environ_, int32_t text)
{
	return put_strings(view, &view->wasi->environment, environ_, text);
}

int32_t wasi_snapshot_preview1_environ_sizes_get(PAL_WASI_VIEW, int32_t count, int32_t size)
{
	return put_sizes(view, &view->wasi->environment, count, size);
}

/* ---- Clocks, random numbers ---- */

static uint64_t (*clock_of(int32_t clock))(void)
{
	const pal_board_port *port = pal_board_port_now();
	return clock == WASI_CLOCK_REALTIME ? port->wall_clock : clock == WASI_CLOCK_MONOTONIC ? port->now : NULL;
}

int32_t wasi_snapshot_preview1_clock_time_get(PAL_WASI_VIEW, int32_t clock, int64_t precision, int32_t result)
{
	(void)precision;
	uint64_t (*now)(void) = clock_of(clock);
	return now ? put_u64(view, result, now()) : WASI_INVAL;
}

/* What the firmware's clock can tell apart is not known. */
int32_t wasi_snapshot_preview1_clock_res_get(PAL_WASI_VIEW, int32_t clock, int32_t result)
{
	return clock_of(clock) ? put_u64(view, result, 1000) : WASI_INVAL;
}

int32_t wasi_snapshot_preview1_random_get(PAL_WASI_VIEW, int32_t buffer, int32_t length)
{
	bool (*random)(void *, size_t) = pal_board_port_now()->random;
	if (random == NULL)
		return WASI_NOSYS;
	uint8_t bytes[64];
	uint64_t at = (uint32_t)buffer, end = at + (uint32_t)length; /* below 2^33 */
	while (at < end) {
		size_t part = end - at < sizeof bytes ? end - at : sizeof bytes;
		if (!random(bytes, part))
			return WASI_IO;
		if (!put(view, at, bytes, part))
			return WASI_FAULT;
		at += part;
	}
	return WASI_OK;
}

/* ---- Descriptors: 0 is read, 1 and 2 are written ---- */

enum { CHUNK = 256 };

static bool get_buffer(PAL_WASI_VIEW, int32_t iovs, uint32_t number, uint64_t *at, uint64_t *size)
{
	uint8_t iov[WASI_IOVEC_SIZE];
	if (!view->memory || !pal_guest_read(view->memory, iov, (uint32_t)iovs + (uint64_t)number * sizeof iov, sizeof iov))
		return false;
	*at = wasi_u32(iov + WASI_IOVEC_BUF);
	*size = wasi_u32(iov + WASI_IOVEC_LENGTH);
	return true;
}

/* Bytes are copied before they are written: what the firmware sees does not change under it. */
static int32_t write_buffer(PAL_WASI_VIEW, int32_t fd, uint64_t at, uint64_t size)
{
	uint8_t bytes[CHUNK];
	while (size > 0) {
		size_t part = size < sizeof bytes ? size : sizeof bytes;
		if (!pal_guest_read(view->memory, bytes, at, part))
			return WASI_FAULT;
		pal_board_port_now()->write(fd, bytes, part);
		at += part;
		size -= part;
	}
	return WASI_OK;
}

int32_t wasi_snapshot_preview1_fd_write(PAL_WASI_VIEW, int32_t fd, int32_t iovs, int32_t count, int32_t result)
{
	if ((fd != 1 && fd != 2) || pal_board_port_now()->write == NULL)
		return WASI_BADF;
	uint64_t written = 0, at, size;
	for (uint32_t i = 0; i < (uint32_t)count; i++) {
		if (!get_buffer(view, iovs, i, &at, &size))
			return WASI_FAULT;
		if (written + size > UINT32_MAX)
			break; /* fewer than asked for, as WASI allows: the result has 32 bits */
		int32_t error = write_buffer(view, fd, at, size);
		if (error)
			return error;
		written += size;
	}
	return put_u32(view, result, (uint32_t)written);
}

/* One read fills at most one chunk of the first buffer that has room. */
int32_t wasi_snapshot_preview1_fd_read(PAL_WASI_VIEW, int32_t fd, int32_t iovs, int32_t count, int32_t result)
{
	const pal_board_port *port = pal_board_port_now();
	if (fd != 0 || port->read == NULL)
		return WASI_BADF;
	uint8_t bytes[CHUNK];
	size_t done = 0;
	for (uint32_t i = 0; i < (uint32_t)count && done == 0; i++) {
		uint64_t at, size;
		if (!get_buffer(view, iovs, i, &at, &size))
			return WASI_FAULT;
		if (size == 0)
			continue;
		done = port->read(bytes, size < sizeof bytes ? size : sizeof bytes);
		if (!put(view, at, bytes, done))
			return WASI_FAULT;
		break;
	}
	return put_u32(view, result, (uint32_t)done);
}

/* Terminals, so that C libraries write line by line. */
int32_t wasi_snapshot_preview1_fd_fdstat_get(PAL_WASI_VIEW, int32_t fd, int32_t result)
{
	if ((uint32_t)fd > 2)
		return WASI_BADF;
	uint8_t stat[WASI_FDSTAT_SIZE] = { [WASI_FDSTAT_TYPE] = WASI_TYPE_CHARACTER_DEVICE };
	wasi_set_u64(stat + WASI_FDSTAT_BASE, fd == 0 ? WASI_RIGHT_FD_READ : WASI_RIGHT_FD_WRITE);
	return put(view, (uint32_t)result, stat, sizeof stat) ? WASI_OK : WASI_FAULT;
}

/* ---- The end ---- */

void wasi_snapshot_preview1_proc_exit(PAL_WASI_VIEW, int32_t code)
{
	(void)view;
	pal_rt_exit(code);
}

int32_t wasi_snapshot_preview1_sched_yield(PAL_WASI_VIEW)
{
	(void)view;
	return WASI_OK;
}

/* ---- What boards have not ---- */

#pragma GCC diagnostic ignored "-Wunused-parameter"
#define ANSWER(name, errno, ...) \
	int32_t wasi_snapshot_preview1_##name(PAL_WASI_VIEW, __VA_ARGS__) \
	{ \
		return errno; \
	}

/* C libraries ask for preopened directories from 3 on until one is missing. */
ANSWER(fd_prestat_get, WASI_BADF, int32_t fd, int32_t result)
ANSWER(fd_prestat_dir_name, WASI_BADF, int32_t fd, int32_t path, int32_t length)
ANSWER(fd_close, (uint32_t)fd > 2 ? WASI_BADF : WASI_OK, int32_t fd)
ANSWER(fd_seek, (uint32_t)fd > 2 ? WASI_BADF : WASI_SPIPE, int32_t fd, int64_t offset, int32_t whence, int32_t result)
ANSWER(fd_tell, (uint32_t)fd > 2 ? WASI_BADF : WASI_SPIPE, int32_t fd, int32_t result)
ANSWER(fd_fdstat_set_flags, WASI_NOSYS, int32_t fd, int32_t flags)
ANSWER(fd_fdstat_set_rights, WASI_NOSYS, int32_t fd, int64_t base, int64_t inheriting)
ANSWER(fd_advise, WASI_NOSYS, int32_t fd, int64_t offset, int64_t length, int32_t advice)
ANSWER(fd_allocate, WASI_NOSYS, int32_t fd, int64_t offset, int64_t length)
ANSWER(fd_datasync, WASI_NOSYS, int32_t fd)
ANSWER(fd_sync, WASI_NOSYS, int32_t fd)
ANSWER(fd_filestat_get, WASI_NOSYS, int32_t fd, int32_t result)
ANSWER(fd_filestat_set_size, WASI_NOSYS, int32_t fd, int64_t size)
ANSWER(fd_filestat_set_times, WASI_NOSYS, int32_t fd, int64_t atim, int64_t mtim, int32_t flags)
ANSWER(fd_pread, WASI_NOSYS, int32_t fd, int32_t iovs, int32_t count, int64_t offset, int32_t result)
ANSWER(fd_pwrite, WASI_NOSYS, int32_t fd, int32_t iovs, int32_t count, int64_t offset, int32_t result)
ANSWER(fd_readdir, WASI_NOSYS, int32_t fd, int32_t buffer, int32_t length, int64_t cookie, int32_t result)
ANSWER(fd_renumber, WASI_NOSYS, int32_t fd, int32_t to)
ANSWER(path_create_directory, WASI_NOSYS, int32_t fd, int32_t path, int32_t length)
ANSWER(path_filestat_get, WASI_NOSYS, int32_t fd, int32_t lookup, int32_t path, int32_t length, int32_t result)
ANSWER(path_filestat_set_times, WASI_NOSYS, int32_t fd, int32_t lookup, int32_t path, int32_t length, int64_t atim,
       int64_t mtim, int32_t flags)
ANSWER(path_link, WASI_NOSYS, int32_t old_fd, int32_t lookup, int32_t old_path, int32_t old_length, int32_t new_fd,
       int32_t new_path, int32_t new_length)
ANSWER(path_open, WASI_NOSYS, int32_t fd, int32_t lookup, int32_t path, int32_t length, int32_t oflags, int64_t base,
       int64_t inheriting, int32_t fdflags, int32_t result)
ANSWER(path_readlink, WASI_NOSYS, int32_t fd, int32_t path, int32_t length, int32_t buffer, int32_t size, int32_t result)
ANSWER(path_remove_directory, WASI_NOSYS, int32_t fd, int32_t path, int32_t length)
ANSWER(path_rename, WASI_NOSYS, int32_t old_fd, int32_t old_path, int32_t old_length, int32_t new_fd, int32_t new_path,
       int32_t new_length)
ANSWER(path_symlink, WASI_NOSYS, int32_t target, int32_t target_length, int32_t fd, int32_t path, int32_t length)
ANSWER(path_unlink_file, WASI_NOSYS, int32_t fd, int32_t path, int32_t length)
ANSWER(poll_oneoff, WASI_NOSYS, int32_t in, int32_t out, int32_t count, int32_t result)
ANSWER(proc_raise, WASI_NOSYS, int32_t signal)
ANSWER(sock_accept, WASI_NOSYS, int32_t fd, int32_t flags, int32_t result)
ANSWER(sock_recv, WASI_NOSYS, int32_t fd, int32_t iovs, int32_t count, int32_t flags, int32_t size, int32_t oflags)
ANSWER(sock_send, WASI_NOSYS, int32_t fd, int32_t iovs, int32_t count, int32_t flags, int32_t size)
ANSWER(sock_shutdown, WASI_NOSYS, int32_t fd, int32_t how)

/* ---- Preview 0 ---- */

#define FORWARD(name, parameters, arguments) \
	int32_t wasi_unstable_##name parameters \
	{ \
		return wasi_snapshot_preview1_##name arguments; \
	}

PAL_WASI_COMMON(FORWARD)
PAL_WASI_DIFFERENT(FORWARD) /* those that boards have don't differ in what they answer */

void wasi_unstable_proc_exit(PAL_WASI_VIEW, int32_t code)
{
	wasi_snapshot_preview1_proc_exit(view, code);
}
