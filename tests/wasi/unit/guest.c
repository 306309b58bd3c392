/* See guest.h. */
#define _GNU_SOURCE
#include "guest.h"
#include <stdio.h>
#include <unistd.h>

int failures;
const char *variant = "";
pal_wasi *wasi;
struct wasi_snapshot_preview1 *view;
uint8_t *memory;

int32_t text_at;

/* ---- Checks ---- */

void check(bool fine, const char *what, const char *file, int line)
{
	if (fine)
		return;
	failures++;
	fprintf(stderr, "%s:%d: %snot so: %s\n", file, line, variant, what);
}

void equal(int64_t actual, int64_t expected, const char *what, const char *file, int line)
{
	if (actual == expected)
		return;
	failures++;
	fprintf(stderr, "%s:%d: %s%s is %lld, not %lld\n", file, line, variant, what, (long long)actual, (long long)expected);
}

void give_up(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: %sneeded: %s\n", file, line, variant, what);
	perror("errno");
	_exit(2);
}

/* ---- Memory ---- */

int32_t put_text(const char *text)
{
	size_t size = strlen(text) + 1;
	MUST(size < MEMORY_SIZE / 4);
	if (text_at + (int32_t)size > MEMORY_SIZE)
		text_at = TEXT;
	int32_t at = text_at;
	memcpy(memory + at, text, size);
	text_at += (int32_t)size;
	return at;
}

uint16_t get_u16(int32_t at) { return wasi_u16(memory + at); }
uint32_t get_u32(int32_t at) { return wasi_u32(memory + at); }
uint64_t get_u64(int32_t at) { return wasi_u64(memory + at); }
void put_u32(int32_t at, uint32_t value) { wasi_set_u32(memory + at, value); }
void put_u64(int32_t at, uint64_t value) { wasi_set_u64(memory + at, value); }

int32_t put_iovec(int32_t buffer, int32_t length)
{
	put_u32(IOVS, (uint32_t)buffer);
	put_u32(IOVS + 4, (uint32_t)length);
	return IOVS;
}

/* ---- Calls ---- */

static int32_t length_of(const char *text)
{
	return (int32_t)strlen(text);
}

int32_t open_flags(int32_t fd, const char *path, int32_t lookup, int32_t oflags, int64_t rights, int32_t fdflags,
                   int32_t *out)
{
	int32_t error = wasi_snapshot_preview1_path_open(view, fd, lookup, put_text(path), length_of(path), oflags, rights,
	                                                 ALL_RIGHTS,
	                                                 fdflags, RESULT);
	*out = error ? -1 : (int32_t)get_u32(RESULT);
	return error;
}

int32_t open_(int32_t fd, const char *path, int32_t lookup, int32_t oflags, int64_t rights, int32_t *out)
{
	return open_flags(fd, path, lookup, oflags, rights, 0, out);
}

int32_t close_(int32_t fd)
{
	return wasi_snapshot_preview1_fd_close(view, fd);
}

int32_t try_open(const char *path, int32_t lookup)
{
	int32_t fd, error = open_(3, path, lookup, 0, (int64_t)WASI_RIGHT_FD_READ, &fd);
	if (!error)
		close_(fd);
	return error;
}

int32_t mkdir_(int32_t fd, const char *path)
{
	return wasi_snapshot_preview1_path_create_directory(view, fd, put_text(path), length_of(path));
}

int32_t rmdir_(int32_t fd, const char *path)
{
	return wasi_snapshot_preview1_path_remove_directory(view, fd, put_text(path), length_of(path));
}

int32_t unlink_(int32_t fd, const char *path)
{
	return wasi_snapshot_preview1_path_unlink_file(view, fd, put_text(path), length_of(path));
}

int32_t rename_(int32_t old_fd, const char *old, int32_t new_fd, const char *new)
{
	return wasi_snapshot_preview1_path_rename(view, old_fd, put_text(old), length_of(old), new_fd, put_text(new),
	                                          length_of(new));
}

int32_t link_(int32_t old_fd, const char *old, int32_t new_fd, const char *new)
{
	return wasi_snapshot_preview1_path_link(view, old_fd, 0, put_text(old), length_of(old), new_fd, put_text(new),
	                                        length_of(new));
}

int32_t symlink_(const char *target, int32_t fd, const char *path)
{
	return wasi_snapshot_preview1_path_symlink(view, put_text(target), length_of(target), fd, put_text(path),
	                                           length_of(path));
}

int32_t readlink_(int32_t fd, const char *path, char *out, size_t size)
{
	int32_t error = wasi_snapshot_preview1_path_readlink(view, fd, put_text(path), length_of(path), BUFFER,
	                                                     (int32_t)size - 1, RESULT);
	if (!error) {
		memcpy(out, memory + BUFFER, get_u32(RESULT));
		out[get_u32(RESULT)] = 0;
	}
	return error;
}

int32_t stat_(int32_t fd, const char *path, int32_t lookup)
{
	int32_t error = wasi_snapshot_preview1_path_filestat_get(view, fd, lookup, put_text(path), length_of(path), RESULT);
	return error ? -error : memory[RESULT + WASI_FILESTAT_TYPE];
}

int32_t set_times_(int32_t fd, const char *path, int32_t lookup)
{
	return wasi_snapshot_preview1_path_filestat_set_times(view, fd, lookup, put_text(path), length_of(path), 0, 1000000007,
	                                                      WASI_FST_MTIM);
}

int32_t write_(int32_t fd, const char *text)
{
	return wasi_snapshot_preview1_fd_write(view, fd, put_iovec(put_text(text), length_of(text)), 1, RESULT);
}

int32_t read_(int32_t fd, char *out, size_t size)
{
	int32_t error = wasi_snapshot_preview1_fd_read(view, fd, put_iovec(BUFFER, (int32_t)size - 1), 1, RESULT);
	*out = 0;
	if (!error) {
		memcpy(out, memory + BUFFER, get_u32(RESULT));
		out[get_u32(RESULT)] = 0;
	}
	return error;
}
