/* Descriptors: bytes, positions, flags, rights, listings, numbers. */
#define _GNU_SOURCE
#include "guest.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#ifndef _WIN32
#include <sys/resource.h>
#endif
#include <sys/stat.h>
#include <unistd.h>

static uint64_t seek(int32_t fd, int64_t offset, int32_t whence)
{
	EQUAL(wasi_snapshot_preview1_fd_seek(view, fd, offset, whence, RESULT), WASI_OK);
	return get_u64(RESULT);
}

static int32_t pwrite_(int32_t fd, const char *text, int64_t offset)
{
	return wasi_snapshot_preview1_fd_pwrite(view, fd, put_iovec(put_text(text), (int32_t)strlen(text)), 1, offset, RESULT);
}

static int32_t pread_(int32_t fd, int32_t size, int64_t offset)
{
	return wasi_snapshot_preview1_fd_pread(view, fd, put_iovec(BUFFER, size), 1, offset, RESULT);
}

static uint64_t rights(int32_t fd)
{
	EQUAL(wasi_snapshot_preview1_fd_fdstat_get(view, fd, RESULT), WASI_OK);
	return get_u64(RESULT + WASI_FDSTAT_BASE);
}

static uint16_t flags_of(int32_t fd)
{
	EQUAL(wasi_snapshot_preview1_fd_fdstat_get(view, fd, RESULT), WASI_OK);
	return get_u16(RESULT + WASI_FDSTAT_FLAGS);
}

void files_io(void)
{
	int32_t fd;
	char text[32];
	begin_world();
	EQUAL(open_(3, "file", 0, WASI_O_CREAT, ALL_RIGHTS, &fd), WASI_OK);
	EQUAL(write_(fd, "hello"), WASI_OK);
	EQUAL(get_u32(RESULT), 5);
	EQUAL(pwrite_(fd, "J", 0), WASI_OK);
	EQUAL(read_(fd, text, sizeof text), WASI_OK);
	EQUAL(get_u32(RESULT), 0); /* at the end; pwrite left the position alone */
	EQUAL(pread_(fd, 10, 1), WASI_OK);
	EQUAL(get_u32(RESULT), 4);
	CHECK(memcmp(memory + BUFFER, "ello", 4) == 0);
	EQUAL(pread_(fd, 10, INT64_MAX), WASI_INVAL);
	EQUAL(pread_(fd, 10, -1), WASI_INVAL);
	EQUAL(pread_(fd, 10, INT64_MIN), WASI_INVAL);
	EQUAL(pwrite_(fd, "x", -1), WASI_INVAL);
	EQUAL(wasi_snapshot_preview1_fd_sync(view, fd), WASI_OK);
	EQUAL(wasi_snapshot_preview1_fd_datasync(view, fd), WASI_OK);
	CHECK(host_holds("inside/file", "Jello"));
	/* Directories have no bytes. */
	EQUAL(read_(3, text, sizeof text), WASI_ISDIR);
	EQUAL(pread_(3, 10, 0), WASI_ISDIR);
	EQUAL(write_(3, "x"), WASI_BADF);
	EQUAL(pwrite_(3, "x", 0), WASI_BADF);
	EQUAL(wasi_snapshot_preview1_fd_seek(view, 3, 0, WASI_WHENCE_SET, RESULT), WASI_BADF);
	EQUAL(wasi_snapshot_preview1_fd_tell(view, 3, RESULT), WASI_BADF);
	EQUAL(wasi_snapshot_preview1_fd_allocate(view, 3, 0, 1), WASI_BADF);
	EQUAL(wasi_snapshot_preview1_fd_filestat_set_size(view, 3, 0), WASI_BADF);
	EQUAL(wasi_snapshot_preview1_fd_advise(view, 3, 0, 0, 0), WASI_BADF);
	EQUAL(wasi_snapshot_preview1_fd_sync(view, 3), WASI_OK);
	EQUAL(close_(fd), WASI_OK);
	/* Closed and never opened ones. */
	EQUAL(close_(fd), WASI_BADF);
	EQUAL(write_(fd, "x"), WASI_BADF);
	EQUAL(read_(-31337, text, sizeof text), WASI_BADF);
	EQUAL(wasi_snapshot_preview1_fd_tell(view, fd, RESULT), WASI_BADF);
	EQUAL(wasi_snapshot_preview1_fd_sync(view, 1000000), WASI_BADF);
	end_world();
}

void files_seek(void)
{
	int32_t fd;
	begin_world();
	host_file("inside/file", "0123456789");
	EQUAL(open_(3, "file", 0, 0, ALL_RIGHTS, &fd), WASI_OK);
	EQUAL(seek(fd, 4, WASI_WHENCE_SET), 4);
	EQUAL(seek(fd, 2, WASI_WHENCE_CUR), 6);
	EQUAL(seek(fd, -1, WASI_WHENCE_END), 9);
	EQUAL(seek(fd, 1000, WASI_WHENCE_END), 1010);
	EQUAL(wasi_snapshot_preview1_fd_tell(view, fd, RESULT), WASI_OK);
	EQUAL(get_u64(RESULT), 1010);
	EQUAL(wasi_snapshot_preview1_fd_seek(view, fd, -2000, WASI_WHENCE_CUR, RESULT), WASI_INVAL);
	EQUAL(wasi_snapshot_preview1_fd_seek(view, fd, INT64_MIN, WASI_WHENCE_SET, RESULT), WASI_INVAL);
	EQUAL(wasi_snapshot_preview1_fd_seek(view, fd, 0, 3, RESULT), WASI_INVAL);
	EQUAL(wasi_snapshot_preview1_fd_seek(view, fd, 0, -1, RESULT), WASI_INVAL);
	EQUAL(wasi_snapshot_preview1_fd_tell(view, fd, RESULT), WASI_OK);
	EQUAL(get_u64(RESULT), 1010);
	end_world();
}

void files_flags(void)
{
	int32_t fd;
	begin_world();
	EQUAL(open_flags(3, "file", 0, WASI_O_CREAT, ALL_RIGHTS, WASI_FD_APPEND | WASI_FD_SYNC, &fd), WASI_OK);
	EQUAL(flags_of(fd), WASI_FD_APPEND | WASI_FD_SYNC);
	EQUAL(write_(fd, "one"), WASI_OK);
	seek(fd, 0, WASI_WHENCE_SET);
	EQUAL(write_(fd, "two"), WASI_OK);
	CHECK(host_holds("inside/file", "onetwo"));
	/* The synchronous modes stay; no other can be asked for. */
	EQUAL(wasi_snapshot_preview1_fd_fdstat_set_flags(view, fd, 0), WASI_OK);
	EQUAL(flags_of(fd), WASI_FD_SYNC);
	EQUAL(wasi_snapshot_preview1_fd_fdstat_set_flags(view, fd, WASI_FD_SYNC | WASI_FD_NONBLOCK), WASI_OK);
	EQUAL(wasi_snapshot_preview1_fd_fdstat_set_flags(view, fd, WASI_FD_DSYNC), WASI_INVAL);
	EQUAL(wasi_snapshot_preview1_fd_fdstat_set_flags(view, fd, 32), WASI_INVAL);
	EQUAL(flags_of(fd), WASI_FD_SYNC | WASI_FD_NONBLOCK);
	seek(fd, 0, WASI_WHENCE_SET);
	EQUAL(write_(fd, "ONE"), WASI_OK);
	CHECK(host_holds("inside/file", "ONEtwo"));
	/* On a non-blocking descriptor, too, a directory is a directory. */
	EQUAL(open_flags(3, ".", 0, 0, 0, WASI_FD_NONBLOCK, &fd), WASI_OK);
	EQUAL(flags_of(fd), WASI_FD_NONBLOCK);
	EQUAL(flags_of(3), 0);
	end_world();
}

void files_rights(void)
{
	const int64_t read = (int64_t)WASI_RIGHT_FD_READ, write = (int64_t)WASI_RIGHT_FD_WRITE;
	int32_t fd, dir;
	char text[8];
	begin_world();
	host_file("inside/file", "file");
	MUST(mkdir("inside/dir", 0755) == 0);
	/* One direction. */
	EQUAL(open_(3, "file", 0, 0, read, &fd), WASI_OK);
	EQUAL(rights(fd), read);
	EQUAL(write_(fd, "x"), WASI_BADF);
	EQUAL(read_(fd, text, 3), WASI_OK);
	EQUAL(wasi_snapshot_preview1_fd_seek(view, fd, 0, WASI_WHENCE_SET, RESULT), WASI_NOTCAPABLE);
	EQUAL(wasi_snapshot_preview1_fd_tell(view, fd, RESULT), WASI_NOTCAPABLE);
	EQUAL(wasi_snapshot_preview1_fd_filestat_get(view, fd, RESULT), WASI_NOTCAPABLE);
	EQUAL(pread_(fd, 1, 0), WASI_NOTCAPABLE); /* needs FD_SEEK, too */
	EQUAL(close_(fd), WASI_OK);
	EQUAL(open_(3, "file", 0, 0, write | (int64_t)WASI_RIGHT_FD_TELL, &fd), WASI_OK);
	EQUAL(read_(fd, text, 3), WASI_BADF);
	EQUAL(wasi_snapshot_preview1_fd_tell(view, fd, RESULT), WASI_OK);
	EQUAL(wasi_snapshot_preview1_fd_seek(view, fd, 0, WASI_WHENCE_CUR, RESULT), WASI_OK);
	EQUAL(wasi_snapshot_preview1_fd_seek(view, fd, 1, WASI_WHENCE_CUR, RESULT), WASI_NOTCAPABLE);
	/* They only shrink. */
	EQUAL(wasi_snapshot_preview1_fd_fdstat_set_rights(view, fd, write | read, 0), WASI_NOTCAPABLE);
	EQUAL(wasi_snapshot_preview1_fd_fdstat_set_rights(view, fd, write, 0), WASI_OK);
	EQUAL(rights(fd), write);
	EQUAL(wasi_snapshot_preview1_fd_tell(view, fd, RESULT), WASI_NOTCAPABLE);
	EQUAL(wasi_snapshot_preview1_fd_fdstat_set_rights(view, fd, write, 1), WASI_NOTCAPABLE);
	EQUAL(wasi_snapshot_preview1_fd_fdstat_set_rights(view, 99, 0, 0), WASI_BADF);
	/* Directories have no rights of files; what they don't pass on, nothing below has. */
	EQUAL(open_(3, "dir", 0, WASI_O_DIRECTORY, (int64_t)WASI_RIGHT_FD_SEEK, &dir), WASI_OK);
	EQUAL(rights(dir), 0);
	EQUAL(mkdir_(dir, "x"), WASI_NOTCAPABLE);
	EQUAL(close_(dir), WASI_OK);
	EQUAL(open_(3, "dir", 0, WASI_O_DIRECTORY, ALL_RIGHTS & ~write, &dir), WASI_OK);
	uint64_t base = rights(dir), inheriting = get_u64(RESULT + WASI_FDSTAT_INHERITING);
	EQUAL(wasi_snapshot_preview1_fd_fdstat_set_rights(view, dir, (int64_t)base,
	                                                  (int64_t)(inheriting & ~WASI_RIGHT_FD_WRITE)), WASI_OK);
	EQUAL(open_(dir, "new", 0, WASI_O_CREAT, ALL_RIGHTS, &fd), WASI_NOTCAPABLE);
	EQUAL(open_(dir, "new", 0, WASI_O_CREAT, ALL_RIGHTS & ~write, &fd), WASI_OK);
	EQUAL(rights(fd) & WASI_RIGHT_FD_WRITE, 0);
	static const struct { uint64_t right; int32_t number; } each[] = {
		{ WASI_RIGHT_PATH_CREATE_DIRECTORY, 0 }, { WASI_RIGHT_PATH_UNLINK_FILE, 1 }, { WASI_RIGHT_PATH_REMOVE_DIRECTORY, 2 },
		{ WASI_RIGHT_PATH_FILESTAT_GET, 3 }, { WASI_RIGHT_PATH_FILESTAT_SET_TIMES, 4 }, { WASI_RIGHT_PATH_SYMLINK, 5 },
		{ WASI_RIGHT_PATH_RENAME_SOURCE, 6 }, { WASI_RIGHT_PATH_RENAME_TARGET, 7 }, { WASI_RIGHT_PATH_LINK_SOURCE, 8 },
		{ WASI_RIGHT_PATH_LINK_TARGET, 9 }, { WASI_RIGHT_PATH_READLINK, 10 }, { WASI_RIGHT_PATH_CREATE_FILE, 11 },
		{ WASI_RIGHT_PATH_FILESTAT_SET_SIZE, 12 }, { WASI_RIGHT_FD_READDIR, 13 }, { WASI_RIGHT_PATH_OPEN, 14 },
	};
	for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
		base &= ~each[i].right;
		EQUAL(wasi_snapshot_preview1_fd_fdstat_set_rights(view, dir, (int64_t)base, 0), WASI_OK);
		int32_t got = WASI_OK;
		switch (each[i].number) {
		case 0: got = mkdir_(dir, "x"); break;
		case 1: got = unlink_(dir, "new"); break;
		case 2: got = rmdir_(dir, "x"); break;
		case 3: got = -stat_(dir, "new", 0); break;
		case 4: got = set_times_(dir, "new", 0); break;
		case 5: got = symlink_("x", dir, "y"); break;
		case 6: got = rename_(dir, "new", 3, "y"); break;
		case 7: got = rename_(3, "file", dir, "y"); break;
		case 8: got = link_(dir, "new", 3, "y"); break;
		case 9: got = link_(3, "file", dir, "y"); break;
		case 10: got = readlink_(dir, "new", text, sizeof text); break;
		case 11: got = open_(dir, "z", 0, WASI_O_CREAT, 0, &fd); break;
		case 12: got = open_(dir, "new", 0, WASI_O_TRUNC, 0, &fd); break;
		case 13: got = wasi_snapshot_preview1_fd_readdir(view, dir, BUFFER, 100, 0, RESULT); break;
		case 14: got = open_(dir, "new", 0, 0, 0, &fd); break;
		}
		EQUAL(got, WASI_NOTCAPABLE);
	}
	end_world();
}

#ifndef _WIN32
/* Reads the whole directory with a buffer of `size`; counts names that begin with `prefix`. */
static int count_names(int32_t fd, int32_t size, const char *prefix)
{
	uint64_t cookie = 0;
	int count = 0;
	for (int calls = 0;; calls++) {
		MUST(calls < 10000);
		EQUAL(wasi_snapshot_preview1_fd_readdir(view, fd, BUFFER, size, (int64_t)cookie, RESULT), WASI_OK);
		uint32_t used = get_u32(RESULT), at = 0;
		while (used - at >= WASI_DIRENT_SIZE) {
			int32_t entry = BUFFER + (int32_t)at;
			uint32_t length = get_u32(entry + WASI_DIRENT_NAMLEN);
			if (used - at - WASI_DIRENT_SIZE < length)
				break;
			cookie = get_u64(entry + WASI_DIRENT_NEXT);
			count += length >= strlen(prefix) && memcmp(memory + entry + WASI_DIRENT_SIZE, prefix, strlen(prefix)) == 0;
			at += WASI_DIRENT_SIZE + length;
		}
		if ((int32_t)used < size)
			return count;
	}
}

void files_listing(void)
{
	char name[32];
	int32_t dir;
	begin_world();
	MUST(mkdir("inside/dir", 0755) == 0 && mkdir("inside/dir/sub", 0755) == 0 && symlink("x", "inside/dir/link") == 0);
	host_file("inside/dir/file", "");
	EQUAL(open_(3, "dir", 0, WASI_O_DIRECTORY, READ_RIGHTS, &dir), WASI_OK);
	EQUAL(count_names(dir, BUFFER_SIZE, ""), 5);
	/* `.` is first and has the directory's number. */
	struct stat host;
	MUST(stat("inside/dir", &host) == 0);
	EQUAL(get_u64(BUFFER + WASI_DIRENT_INO), host.st_ino);
	EQUAL(get_u64(BUFFER + WASI_DIRENT_NEXT), 1);
	EQUAL(memory[BUFFER + WASI_DIRENT_TYPE], WASI_TYPE_DIRECTORY);
	EQUAL(memory[BUFFER + WASI_DIRENT_SIZE], '.');
	/* The buffer is filled to its last byte, wherever that falls. */
	for (int32_t size = 0; size < 100; size++) {
		memset(memory + BUFFER, 0xaa, 200);
		EQUAL(wasi_snapshot_preview1_fd_readdir(view, dir, BUFFER, size, 0, RESULT), WASI_OK);
		EQUAL(get_u32(RESULT), size);
		EQUAL(memory[BUFFER + size], 0xaa);
	}
	EQUAL(wasi_snapshot_preview1_fd_readdir(view, dir, BUFFER, 100, 5, RESULT), WASI_OK);
	EQUAL(get_u32(RESULT), 0);
	EQUAL(wasi_snapshot_preview1_fd_readdir(view, dir, BUFFER, 100, -1, RESULT), WASI_OK);
	EQUAL(get_u32(RESULT), 0);
	/* Many, in small pieces, with others removing and adding meanwhile: each of those that stay is seen once. */
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof name, "inside/dir/stay%d", i);
		host_file(name, "");
	}
	EQUAL(count_names(dir, 64, "stay"), 1000);
	EQUAL(wasi_snapshot_preview1_fd_readdir(view, dir, BUFFER, 4096, 0, RESULT), WASI_OK);
	int32_t second = BUFFER + WASI_DIRENT_SIZE + 1;
	uint64_t cookie = get_u64(second + WASI_DIRENT_NEXT);
	MUST(unlink("inside/dir/stay500") == 0);
	EQUAL(wasi_snapshot_preview1_fd_readdir(view, dir, BUFFER, BUFFER_SIZE, (int64_t)cookie, RESULT), WASI_OK);
	EQUAL(count_names(dir, 64, "stay"), 999);
	/* Not a directory; removed. */
	int32_t file;
	EQUAL(open_(3, "dir/file", 0, 0, ALL_RIGHTS, &file), WASI_OK);
	EQUAL(wasi_snapshot_preview1_fd_readdir(view, file, BUFFER, 100, 0, RESULT), WASI_NOTDIR);
	EQUAL(mkdir_(3, "gone"), WASI_OK);
	EQUAL(open_(3, "gone", 0, WASI_O_DIRECTORY, READ_RIGHTS, &dir), WASI_OK);
	EQUAL(rmdir_(3, "gone"), WASI_OK);
	EQUAL(wasi_snapshot_preview1_fd_readdir(view, dir, BUFFER, 100, 0, RESULT), WASI_OK);
	EQUAL(get_u32(RESULT), 2 * WASI_DIRENT_SIZE + 3); /* `.` and `..`, as POSIX wants it */
	end_world();
}
#endif

void files_renumber(void)
{
	int32_t a, b;
	begin_world();
	EQUAL(open_(3, "a", 0, WASI_O_CREAT, ALL_RIGHTS, &a), WASI_OK);
	EQUAL(open_(3, "b", 0, WASI_O_CREAT, ALL_RIGHTS, &b), WASI_OK);
	EQUAL(wasi_snapshot_preview1_fd_renumber(view, a, a), WASI_OK);
	EQUAL(wasi_snapshot_preview1_fd_renumber(view, a, b), WASI_OK);
	EQUAL(close_(a), WASI_BADF);
	EQUAL(write_(b, "to a"), WASI_OK);
	CHECK(host_holds("inside/a", "to a") && host_holds("inside/b", ""));
	EQUAL(wasi_snapshot_preview1_fd_renumber(view, b, a), WASI_BADF);
	EQUAL(wasi_snapshot_preview1_fd_renumber(view, b, -1), WASI_BADF);
	EQUAL(wasi_snapshot_preview1_fd_renumber(view, 99, b), WASI_BADF);
	/* Over a preopen: it takes its name along, or loses it. */
	EQUAL(wasi_snapshot_preview1_fd_prestat_get(view, 3, RESULT), WASI_OK);
	EQUAL(memory[RESULT], WASI_PREOPEN_DIR);
	EQUAL(get_u32(RESULT + 4), 1);
	EQUAL(wasi_snapshot_preview1_fd_prestat_dir_name(view, 3, BUFFER, 0), WASI_NAMETOOLONG);
	EQUAL(wasi_snapshot_preview1_fd_prestat_dir_name(view, 3, BUFFER, 1), WASI_OK);
	EQUAL(memory[BUFFER], '/');
	EQUAL(wasi_snapshot_preview1_fd_prestat_get(view, b, RESULT), WASI_BADF);
	EQUAL(wasi_snapshot_preview1_fd_prestat_dir_name(view, b, BUFFER, 10), WASI_NOTDIR);
	EQUAL(wasi_snapshot_preview1_fd_renumber(view, 3, b), WASI_OK);
	EQUAL(wasi_snapshot_preview1_fd_prestat_get(view, b, RESULT), WASI_OK);
	EQUAL(wasi_snapshot_preview1_fd_prestat_get(view, 3, RESULT), WASI_BADF);
	EQUAL(stat_(b, "a", 0), WASI_TYPE_REGULAR_FILE);
	/* The lowest free number is used next. */
	EQUAL(open_(b, "a", 0, 0, ALL_RIGHTS, &a), WASI_OK);
	EQUAL(a, 3);
	end_world();
}

#ifndef _WIN32
void files_sizes(void)
{
	int32_t fd;
	struct stat host;
	begin_world();
	EQUAL(open_(3, "file", 0, WASI_O_CREAT, ALL_RIGHTS, &fd), WASI_OK);
	EQUAL(wasi_snapshot_preview1_fd_allocate(view, fd, 0, 100), WASI_OK);
	EQUAL(wasi_snapshot_preview1_fd_allocate(view, fd, 10, 10), WASI_OK);
	MUST(stat("inside/file", &host) == 0);
	EQUAL(host.st_size, 100);
	EQUAL(wasi_snapshot_preview1_fd_allocate(view, fd, 90, 20), WASI_OK);
	MUST(stat("inside/file", &host) == 0);
	EQUAL(host.st_size, 110);
	EQUAL(wasi_snapshot_preview1_fd_allocate(view, fd, 0, 0), WASI_INVAL);
	EQUAL(wasi_snapshot_preview1_fd_allocate(view, fd, -1, 1), WASI_INVAL);
	EQUAL(wasi_snapshot_preview1_fd_allocate(view, fd, INT64_MAX, INT64_MAX), WASI_FBIG);
	EQUAL(wasi_snapshot_preview1_fd_filestat_set_size(view, fd, 50), WASI_OK);
	EQUAL(wasi_snapshot_preview1_fd_filestat_set_size(view, fd, -1), WASI_INVAL);
	EQUAL(wasi_snapshot_preview1_fd_filestat_get(view, fd, RESULT), WASI_OK);
	EQUAL(get_u64(RESULT + WASI_FILESTAT_BYTES), 50);
	for (int32_t advice = 0; advice < 6; advice++)
		EQUAL(wasi_snapshot_preview1_fd_advise(view, fd, 10, 50, advice), WASI_OK);
	EQUAL(wasi_snapshot_preview1_fd_advise(view, fd, 0, 0, 6), WASI_INVAL);
	EQUAL(wasi_snapshot_preview1_fd_advise(view, fd, -1, 0, 0), WASI_INVAL);
	EQUAL(wasi_snapshot_preview1_fd_filestat_set_times(view, fd, 5, 6, WASI_FST_ATIM | WASI_FST_MTIM), WASI_OK);
	MUST(stat("inside/file", &host) == 0);
	CHECK(host.st_atim.tv_nsec == 5 && host.st_mtim.tv_nsec == 6 && host.st_mtime == 0);
	EQUAL(wasi_snapshot_preview1_fd_filestat_set_times(view, fd, 0, 0, WASI_FST_MTIM | WASI_FST_MTIM_NOW), WASI_INVAL);
	EQUAL(wasi_snapshot_preview1_fd_filestat_set_times(view, fd, -1, 0, WASI_FST_ATIM), WASI_OK); /* the year 2554 */
	end_world();
}

void files_stdio(void)
{
	int in[2], out[2];
	char text[8];
	MUST(pipe(in) == 0 && pipe(out) == 0);
	pal_wasi_options options = { .use_stdio = 1, .stdio = { in[0], out[1], -1 } };
	begin_world_with(&options);
	EQUAL(write_(1, "out"), WASI_OK);
	MUST(read(out[0], text, sizeof text) == 3 && write(in[1], "in", 2) == 2);
	EQUAL(read_(0, text, sizeof text), WASI_OK);
	CHECK(strcmp(text, "in") == 0);
	EQUAL(write_(0, "x"), WASI_BADF); /* each goes one way */
	EQUAL(read_(1, text, sizeof text), WASI_BADF);
	EQUAL(write_(2, "x"), WASI_BADF); /* closed */
	EQUAL(wasi_snapshot_preview1_fd_seek(view, 1, 0, WASI_WHENCE_CUR, RESULT), WASI_SPIPE);
	EQUAL(wasi_snapshot_preview1_fd_tell(view, 0, RESULT), WASI_SPIPE);
	EQUAL(wasi_snapshot_preview1_fd_pread(view, 0, put_iovec(BUFFER, 1), 1, 0, RESULT), WASI_SPIPE);
	EQUAL(wasi_snapshot_preview1_fd_filestat_get(view, 0, RESULT), WASI_OK);
	EQUAL(memory[RESULT + WASI_FILESTAT_TYPE], WASI_TYPE_UNKNOWN);
	EQUAL(wasi_snapshot_preview1_fd_filestat_set_size(view, 1, 0), WASI_NOTCAPABLE);
	/* Non-blocking for the guest alone: the host's open file is shared with others. */
	EQUAL(wasi_snapshot_preview1_fd_fdstat_set_flags(view, 0, WASI_FD_NONBLOCK), WASI_OK);
	EQUAL(wasi_snapshot_preview1_fd_fdstat_set_flags(view, 1, WASI_FD_NONBLOCK), WASI_OK);
	EQUAL(wasi_snapshot_preview1_fd_fdstat_set_flags(view, 1, WASI_FD_APPEND), WASI_NOTSUP);
	CHECK(!(fcntl(in[0], F_GETFL) & O_NONBLOCK) && !(fcntl(out[1], F_GETFL) & O_NONBLOCK));
	EQUAL(read_(0, text, sizeof text), WASI_AGAIN);
	int32_t error = WASI_OK, written = 0;
	for (int i = 0; i < 10000 && !error; i++, written++)
		error = wasi_snapshot_preview1_fd_write(view, 1, put_iovec(BUFFER, BUFFER_SIZE), 1, RESULT);
	EQUAL(error, WASI_AGAIN);
	CHECK(written > 1);
	/* Host non-blocking, guest not: the guest waits. */
	EQUAL(wasi_snapshot_preview1_fd_fdstat_set_flags(view, 0, 0), WASI_OK);
	MUST(fcntl(in[0], F_SETFL, O_NONBLOCK) == 0 && write(in[1], "in", 2) == 2);
	EQUAL(read_(0, text, sizeof text), WASI_OK);
	/* The guest's close is not the host's. A file then doesn't become standard output. */
	EQUAL(close_(1), WASI_OK);
	CHECK(fcntl(out[1], F_GETFD) >= 0);
	int32_t fd;
	EQUAL(open_(3, "file", 0, WASI_O_CREAT, ALL_RIGHTS, &fd), WASI_OK);
	EQUAL(fd, 4);
	/* A pipe nobody reads is an error, not a signal. */
	host_close(out[0]);
	EQUAL(wasi_snapshot_preview1_fd_renumber(view, 0, fd), WASI_OK);
	end_world();
	close(in[0]), close(in[1]), close(out[1]);
}

void files_many(void)
{
	enum { MANY = 10000 };
	static int32_t fds[MANY];
	int32_t fd, error = WASI_OK;
	struct rlimit limit, few;
	MUST(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	few = limit;
	few.rlim_cur = limit.rlim_max < MANY ? limit.rlim_max : MANY;
	begin_world();
	MUST(setrlimit(RLIMIT_NOFILE, &few) == 0);
	host_file("inside/file", "file");
	int count = 0;
	while (count < MANY && !(error = open_(3, "file", 0, 0, ALL_RIGHTS, &fds[count])))
		count++;
	EQUAL(error, WASI_MFILE);
	CHECK(count > 100);
	EQUAL(stat_(3, "file", 0), WASI_TYPE_REGULAR_FILE); /* needs none */
	EQUAL(wasi_snapshot_preview1_fd_readdir(view, 3, BUFFER, 100, 0, RESULT), WASI_MFILE);
	for (int i = 0; i < count; i += 2)
		EQUAL(close_(fds[i]), WASI_OK);
	EQUAL(open_(3, "file", 0, 0, ALL_RIGHTS, &fd), WASI_OK);
	EQUAL(fd, fds[0]);
	end_world();
	MUST(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}
#endif

#ifndef _WIN32
/* What embedders may get wrong. */
void files_options(void)
{
	pal_wasi *made = (pal_wasi *)&made;
	static const pal_wasi_dir missing[] = { { "/", "/", 0 }, { "/nowhere/at/all", "/x", 0 } };
	pal_wasi_options options = { .dirs = missing, .dir_count = 2 };
	EQUAL(pal_wasi_new(&made, &options), PAL_E_OS);
	EQUAL(errno, ENOENT);
	CHECK(made == NULL);
	options = (pal_wasi_options){ .argc = 1 };
	EQUAL(pal_wasi_new(&made, &options), PAL_E_ARGUMENT);
	options = (pal_wasi_options){ .argc = -1 };
	EQUAL(pal_wasi_new(&made, &options), PAL_E_ARGUMENT);
	options = (pal_wasi_options){ .use_stdio = 1, .stdio = { 0, 1, 987 } };
	EQUAL(pal_wasi_new(&made, &options), PAL_E_OS);
	options = (pal_wasi_options){ .no_stdio = 1 };
	begin_world_with(&options);
	EQUAL(write_(1, "x"), WASI_BADF);
	EQUAL(read_(0, (char[8]){ 0 }, 8), WASI_BADF);
	EQUAL(stat_(3, ".", 0), WASI_TYPE_DIRECTORY);
	/* The guest's things outlive the maker's reference. */
	struct wasi_snapshot_preview1 *second = pal_wasi_view(wasi);
	pal_wasi_view_free(view);
	view = second;
	EQUAL(wasi_snapshot_preview1_fd_close(view, 3), WASI_OK);
	end_world();
	pal_wasi_free(NULL);
	pal_wasi_view_free(NULL);
	pal_wasi_bind(NULL, NULL);
}
#endif

void files_arguments(void)
{
	static const char *const arguments[] = { "/usr/bin/program", "", "two words \xc3\xa4", NULL };
	static const char *const environment[] = { "A=1", "EMPTY=", NULL };
	pal_wasi_options options = { .argc = 3, .argv = arguments, .env = environment };
	begin_world_with(&options);
	EQUAL(wasi_snapshot_preview1_args_sizes_get(view, RESULT, RESULT + 4), WASI_OK);
	EQUAL(get_u32(RESULT), 3);
	EQUAL(get_u32(RESULT + 4), 17 + 1 + 13);
	memset(memory + BUFFER, 0xaa, 64);
	EQUAL(wasi_snapshot_preview1_args_get(view, RESULT, BUFFER), WASI_OK);
	for (int i = 0; i < 3; i++)
		CHECK(strcmp((char *)memory + get_u32(RESULT + 4 * i), arguments[i]) == 0);
	EQUAL(memory[BUFFER + 31], 0xaa);
	EQUAL(wasi_snapshot_preview1_environ_sizes_get(view, RESULT, RESULT + 4), WASI_OK);
	EQUAL(get_u32(RESULT), 2);
	EQUAL(get_u32(RESULT + 4), 4 + 7);
	EQUAL(wasi_snapshot_preview1_environ_get(view, RESULT, MEMORY_SIZE - 11), WASI_OK);
	EQUAL(wasi_snapshot_preview1_environ_get(view, RESULT, MEMORY_SIZE - 10), WASI_FAULT);
	CHECK(strcmp((char *)memory + get_u32(RESULT + 4), "EMPTY=") == 0);
	EQUAL(wasi_snapshot_preview1_proc_raise(view, 6), WASI_NOTSUP);
	EQUAL(wasi_snapshot_preview1_proc_raise(view, 31), WASI_INVAL);
	end_world();
}
