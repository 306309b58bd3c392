/* `wasi_unstable`: where it differs. */
#include "guest.h"
#include <stdio.h>
#include <sys/stat.h>

void unstable_layouts(void)
{
	int32_t fd;
	struct stat host;
	begin_world();
	host_file("inside/file", "12345");
	MUST(stat("inside/file", &host) == 0);
	EQUAL(open_(3, "file", 0, 0, ALL_RIGHTS, &fd), WASI_OK);
	/* The order of whence. */
	EQUAL(wasi_unstable_fd_seek(view, fd, 4, 2, RESULT), WASI_OK); /* from the start */
	EQUAL(get_u64(RESULT), 4);
	EQUAL(wasi_unstable_fd_seek(view, fd, -1, 0, RESULT), WASI_OK); /* from here */
	EQUAL(get_u64(RESULT), 3);
	EQUAL(wasi_unstable_fd_seek(view, fd, 2, 1, RESULT), WASI_OK); /* from the end */
	EQUAL(get_u64(RESULT), 7);
	EQUAL(wasi_unstable_fd_seek(view, fd, 0, 3, RESULT), WASI_INVAL);
	/* 56 bytes of attributes. */
	for (int path = 0; path < 2; path++) {
		memset(memory + BUFFER, 0xaa, 64);
		if (path)
			EQUAL(wasi_unstable_path_filestat_get(view, 3, 0, put_text("file"), 4, BUFFER), WASI_OK);
		else
			EQUAL(wasi_unstable_fd_filestat_get(view, fd, BUFFER), WASI_OK);
		EQUAL(get_u64(BUFFER), host.st_dev);
		EQUAL(get_u64(BUFFER + 8), host.st_ino);
		EQUAL(memory[BUFFER + 16], WASI_TYPE_REGULAR_FILE);
		EQUAL(get_u32(BUFFER + 20), 1);
		EQUAL(get_u64(BUFFER + 24), 5);
		CHECK(get_u64(BUFFER + 40) / 1000000000 == (uint64_t)host.st_mtime);
		EQUAL(memory[BUFFER + 56], 0xaa);
	}
	/* Subscriptions of 56 bytes, the clock behind an identifier. */
	memset(memory + BUFFER, 0, 2 * WASI0_SUBSCRIPTION_SIZE);
	put_u64(BUFFER, 11);
	put_u64(BUFFER + 16, 0x7777);
	put_u32(BUFFER + 24, WASI_CLOCK_MONOTONIC);
	put_u64(BUFFER + 32, 1000000);
	put_u64(BUFFER + 56, 12);
	memory[BUFFER + 56 + 8] = WASI_EVENT_FD_READ;
	put_u32(BUFFER + 56 + 16, 99);
	EQUAL(wasi_unstable_poll_oneoff(view, BUFFER, BUFFER + 0x1000, 1, RESULT), WASI_OK);
	EQUAL(get_u64(BUFFER + 0x1000), 11);
	EQUAL(get_u16(BUFFER + 0x1000 + WASI_EVENT_ERROR), 0);
	EQUAL(wasi_unstable_poll_oneoff(view, BUFFER, BUFFER + 0x1000, 2, RESULT), WASI_OK);
	EQUAL(get_u32(RESULT), 1);
	EQUAL(get_u64(BUFFER + 0x1000), 12);
	EQUAL(get_u16(BUFFER + 0x1000 + WASI_EVENT_ERROR), WASI_BADF);
	/* The others are the same. */
	EQUAL(wasi_unstable_fd_write(view, fd, put_iovec(put_text("x"), 1), 1, RESULT), WASI_OK);
	EQUAL(wasi_unstable_fd_close(view, fd), WASI_OK);
	end_world();
}
