/* Guest pointers and lengths that lie. */
#define _GNU_SOURCE
#include "guest.h"
#include <stdio.h>
#include <unistd.h>

enum { SHORT = 1024 }; /* PAL_WASI_IOVECS */

/* The calls, by the pointers they take; no call may have an effect. */
static void all_fault(int32_t bad)
{
	int32_t name = put_text("new"), clock = WASI_CLOCK_MONOTONIC;
	EQUAL(wasi_snapshot_preview1_args_get(view, bad, BUFFER), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_args_get(view, BUFFER, bad), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_args_sizes_get(view, bad, RESULT), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_args_sizes_get(view, RESULT, bad), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_environ_get(view, bad, BUFFER), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_environ_sizes_get(view, bad, RESULT), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_clock_res_get(view, clock, bad), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_clock_time_get(view, clock, 0, bad), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_fd_fdstat_get(view, 3, bad), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_fd_filestat_get(view, 3, bad), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_fd_prestat_get(view, 3, bad), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_fd_prestat_dir_name(view, 3, bad, 100), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_fd_readdir(view, 3, bad, 100, 0, RESULT), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_fd_readdir(view, 3, BUFFER, 100, 0, bad), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_path_open(view, 3, 0, bad, 3, WASI_O_CREAT, 0, 0, 0, RESULT), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_path_open(view, 3, 0, name, 3, WASI_O_CREAT, 0, 0, 0, bad), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_path_create_directory(view, 3, bad, 3), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_path_filestat_get(view, 3, 0, bad, 3, RESULT), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_path_filestat_get(view, 3, 0, put_text("."), 1, bad), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_path_symlink(view, bad, 3, 3, name, 3), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_path_symlink(view, name, 3, 3, bad, 3), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_path_rename(view, 3, bad, 3, 3, name, 3), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_path_link(view, 3, 0, bad, 3, 3, name, 3), WASI_FAULT);
#ifndef _WIN32 /* where there are no links */
	EQUAL(wasi_snapshot_preview1_path_readlink(view, 3, put_text("link"), 4, bad, 10, RESULT), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_path_readlink(view, 3, put_text("link"), 4, BUFFER, 10, bad), WASI_FAULT);
#endif
	EQUAL(wasi_snapshot_preview1_poll_oneoff(view, bad, BUFFER, 1, RESULT), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_poll_oneoff(view, IOVS, bad, 1, RESULT), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_poll_oneoff(view, IOVS, BUFFER, 1, bad), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_random_get(view, bad, 10), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_fd_seek(view, 4, 0, WASI_WHENCE_SET, bad), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_fd_tell(view, 4, bad), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_fd_read(view, 4, bad, 1, RESULT), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_fd_read(view, 4, put_iovec(BUFFER, 4), 1, bad), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_fd_read(view, 4, put_iovec(bad, 4), 1, RESULT), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_fd_write(view, 4, put_iovec(bad, 4), 1, RESULT), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_fd_write(view, 4, put_iovec(BUFFER, 4), 1, bad), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_fd_pread(view, 4, put_iovec(bad, 4), 1, 0, RESULT), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_fd_pwrite(view, 4, put_iovec(bad, 4), 1, 0, RESULT), WASI_FAULT);
	CHECK(access("inside/new", F_OK) != 0);
	CHECK(host_holds("inside/file", "file"));
}

static const char *const arguments[] = { "program", "one", NULL };

static void begin(void)
{
	static const char *const environment[] = { "A=B", NULL };
	static const pal_wasi_dir dirs[] = { { "inside", "/guest", 0 } };
	pal_wasi_options options = { .argc = 2, .argv = arguments, .env = environment, .dirs = dirs, .dir_count = 1 };
	int32_t fd;
	begin_world_with(&options);
	host_file("inside/file", "file");
#ifndef _WIN32
	MUST(symlink("target", "inside/link") == 0);
#endif
	EQUAL(open_(3, "file", 0, 0, ALL_RIGHTS, &fd), WASI_OK);
	EQUAL(fd, 4);
}

void pointers_ranges(void)
{
	begin();
	all_fault(MEMORY_SIZE);
	all_fault(MEMORY_SIZE - 1); /* begins inside */
	all_fault(-1);
	all_fault(-2);
	all_fault(INT32_MIN);
	all_fault(INT32_MAX);
	/* Lengths of 2^32 - 1 and the like. */
	EQUAL(wasi_snapshot_preview1_path_create_directory(view, 3, 0, -1), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_path_create_directory(view, 3, 0, MEMORY_SIZE), WASI_NAMETOOLONG);
	EQUAL(wasi_snapshot_preview1_random_get(view, 16, -1), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_random_get(view, 0, -16), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_fd_readdir(view, 3, BUFFER, -1, 0, RESULT), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_poll_oneoff(view, IOVS, BUFFER, -1, RESULT), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_poll_oneoff(view, IOVS, BUFFER, 0x10000000, RESULT), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_fd_prestat_dir_name(view, 3, BUFFER, -1), WASI_OK);
	/* Nothing at the very end is still inside. */
	EQUAL(wasi_snapshot_preview1_random_get(view, MEMORY_SIZE, 0), WASI_OK);
	EQUAL(wasi_snapshot_preview1_random_get(view, MEMORY_SIZE + 1, 0), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_random_get(view, 0, 0), WASI_OK);
	memset(memory + BUFFER, 0, 0x20000);
	EQUAL(wasi_snapshot_preview1_random_get(view, BUFFER, 0x20000), WASI_OK);
	int zeros = 0;
	for (int i = 0; i < 0x20000; i++)
		zeros += memory[BUFFER + i] == 0;
	CHECK(zeros > 300 && zeros < 800); /* 512 expected */
	end_world();
}

void pointers_iovecs(void)
{
	begin();
	/* Counts beyond the memory. */
	EQUAL(wasi_snapshot_preview1_fd_read(view, 4, 0, -1, RESULT), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_fd_read(view, 4, 0, 0x20000000, RESULT), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_fd_read(view, 4, MEMORY_SIZE - 8, 2, RESULT), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_fd_write(view, 4, -8, 1, RESULT), WASI_FAULT);
	/* No buffers, or only empty ones, whatever they point to. */
	EQUAL(wasi_snapshot_preview1_fd_read(view, 4, 0, 0, RESULT), WASI_OK);
	EQUAL(get_u32(RESULT), 0);
	EQUAL(wasi_snapshot_preview1_fd_read(view, 4, put_iovec(-1, 0), 1, RESULT), WASI_OK);
	EQUAL(get_u32(RESULT), 0);
	memset(memory + BUFFER, 0, 0x80000);
	EQUAL(wasi_snapshot_preview1_fd_write(view, 4, BUFFER, 0x10000, RESULT), WASI_OK);
	EQUAL(get_u32(RESULT), 0);
	/* A buffer of 2^32 - 1, one that ends outside. */
	EQUAL(wasi_snapshot_preview1_fd_read(view, 4, put_iovec(0, -1), 1, RESULT), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_fd_read(view, 4, put_iovec(MEMORY_SIZE - 3, 4), 1, RESULT), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_fd_read(view, 4, put_iovec(MEMORY_SIZE - 4, 4), 1, RESULT), WASI_OK);
	CHECK(memcmp(memory + MEMORY_SIZE - 4, "file", 4) == 0);
	/* Overlapping ones, one over the other and over the array. */
	EQUAL(wasi_snapshot_preview1_fd_seek(view, 4, 0, WASI_WHENCE_SET, RESULT), WASI_OK);
	put_u32(IOVS, BUFFER), put_u32(IOVS + 4, 2), put_u32(IOVS + 8, BUFFER + 1), put_u32(IOVS + 12, 2);
	EQUAL(wasi_snapshot_preview1_fd_read(view, 4, IOVS, 2, RESULT), WASI_OK);
	EQUAL(get_u32(RESULT), 4);
	CHECK(memcmp(memory + BUFFER, "fle", 3) == 0);
	EQUAL(wasi_snapshot_preview1_fd_pread(view, 4, put_iovec(IOVS, 4), 1, 0, RESULT), WASI_OK);
	CHECK(memcmp(memory + IOVS, "file", 4) == 0);
	/* More than the kernel takes at once: a short transfer of the first ones. Empty ones don't count. */
	for (int i = 0; i < 4000; i++) {
		put_u32(BUFFER + i * 8, TEXT);
		put_u32(BUFFER + i * 8 + 4, i % 2);
	}
	memory[TEXT] = 'x';
	EQUAL(wasi_snapshot_preview1_fd_write(view, 4, BUFFER, 4000, RESULT), WASI_OK);
	EQUAL(get_u32(RESULT), SHORT);
	/* Every buffer the whole memory: the sum is above 2^32 and must not wrap. */
	for (int i = 0; i < 1024; i++) {
		put_u32(BUFFER + i * 8, 0);
		put_u32(BUFFER + i * 8 + 4, MEMORY_SIZE);
	}
	EQUAL(wasi_snapshot_preview1_fd_pread(view, 4, BUFFER, 1024, 0, RESULT), WASI_OK);
	EQUAL(get_u32(RESULT), 4 + SHORT);
	end_world();
}

/* A view whose module has no memory, or that is not bound yet. */
void pointers_unbound(void)
{
	begin();
	struct wasi_snapshot_preview1 *bound = view;
	view = pal_wasi_view(wasi);
	all_fault(0);
	all_fault(RESULT);
	EQUAL(wasi_snapshot_preview1_sched_yield(view), WASI_OK);
	EQUAL(wasi_snapshot_preview1_fd_read(view, 99, 0, 0, 0), WASI_BADF);
	EQUAL(wasi_snapshot_preview1_random_get(view, 0, 0), WASI_FAULT);
	EQUAL(close_(4), WASI_OK);
	pal_wasi_view_free(view);
	view = bound;
	EQUAL(wasi_snapshot_preview1_fd_fdstat_get(view, 4, RESULT), WASI_BADF); /* one table for both views */
	end_world();
}

/* Pages that forbid access: the kernel answers for buffers, guest_copy for structures. */
void pointers_protected(void)
{
	begin();
	uint64_t page = 65536; /* of every host's */
	int32_t closed = 0x80000;
	MUST(pal_memory_protect(view->memory, (uint64_t)closed, page, PAL_NONE) == PAL_OK);
	EQUAL(wasi_snapshot_preview1_fd_read(view, 4, put_iovec(closed, 4), 1, RESULT), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_fd_write(view, 4, put_iovec(closed, 4), 1, RESULT), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_random_get(view, closed, 4), WASI_FAULT);
	MUST(pal_memory_protect(view->memory, (uint64_t)closed, page, PAL_READ) == PAL_OK);
	EQUAL(wasi_snapshot_preview1_fd_pread(view, 4, put_iovec(closed, 4), 1, 0, RESULT), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_random_get(view, closed, 4), WASI_FAULT);
	MUST(pal_memory_protect(view->memory, (uint64_t)closed, page, PAL_READ_WRITE) == PAL_OK);
	CHECK(host_holds("inside/file", "file"));
	end_world();
}
