/* What the tests share: a guest's memory, its calls, and a world of files around a preopened directory. */
#ifndef GUEST_H
#define GUEST_H
#include "wasi/abi.h"
#include "wasi/path.h"
#include "wasi/preview1.h"
#include "wasi/wasi.h"
#include <stdbool.h>
#include <string.h>

/* Continues after a failure, so that one run shows all; main counts. */
#define CHECK(condition) check((condition), #condition, __FILE__, __LINE__)
#define EQUAL(actual, expected) equal((int64_t)(actual), (int64_t)(expected), #actual, __FILE__, __LINE__)
/* Ends the process: a test's preparations failed. */
#define MUST(condition) do { if (!(condition)) give_up(#condition, __FILE__, __LINE__); } while (0)
void check(bool fine, const char *what, const char *file, int line);
void equal(int64_t actual, int64_t expected, const char *what, const char *file, int line);
_Noreturn void give_up(const char *what, const char *file, int line);
extern int failures;
/* Said before a failure's line: which variant of a test runs. */
extern const char *variant;

/* The guest in whose name things are done. Its memory has 16 pages (1 MiB); `memory` is byte 0. */
extern pal_wasi *wasi;
extern struct wasi_snapshot_preview1 *view;
extern uint8_t *memory;
enum { MEMORY_SIZE = 1 << 20 };
/* Where tests put things; texts go behind TEXT, in turn. */
enum { RESULT = 0x100, IOVS = 0x1000, BUFFER = 0x10000, BUFFER_SIZE = 0x10000, TEXT = 0x40000 };

/* A fresh directory `world` holding `inside` (what is preopened) and `outside` with the file `secret`; a guest whose
 * descriptor 3 is `inside`. The current directory is `world`. */
void begin_world(void);
/* The same with these options; dirs are used if there are any. */
void begin_world_with(pal_wasi_options *options);
/* Closes a host descriptor that was open when the world began. */
void host_close(int fd);
/* Closes the guest, removes everything, and checks that no host descriptor is left open. */
void end_world(void);

/* Where put_text puts the next one. */
extern int32_t text_at;
/* Copies a text to guest memory, and says where. */
int32_t put_text(const char *text);
uint16_t get_u16(int32_t at);
uint32_t get_u32(int32_t at);
uint64_t get_u64(int32_t at);
void put_u32(int32_t at, uint32_t value);
void put_u64(int32_t at, uint64_t value);
/* One iovec at IOVS for the range; returns IOVS. */
int32_t put_iovec(int32_t buffer, int32_t length);

#define ALL_RIGHTS ((INT64_C(1) << 30) - 1)
#define READ_RIGHTS (ALL_RIGHTS & ~(int64_t)(WASI_RIGHT_FD_WRITE | WASI_RIGHT_FD_ALLOCATE | WASI_RIGHT_FD_FILESTAT_SET_SIZE))
enum { FOLLOW = WASI_LOOKUP_FOLLOW, NOFOLLOW = 0 };

/* path_… with C strings. open_ returns the errno and stores the descriptor, or -1. */
int32_t open_(int32_t fd, const char *path, int32_t lookup, int32_t oflags, int64_t rights, int32_t *out);
int32_t open_flags(int32_t fd, const char *path, int32_t lookup, int32_t oflags, int64_t rights, int32_t fdflags,
                   int32_t *out);
/* Opens for reading and closes again. */
int32_t try_open(const char *path, int32_t lookup);
int32_t close_(int32_t fd);
int32_t mkdir_(int32_t fd, const char *path);
int32_t rmdir_(int32_t fd, const char *path);
int32_t unlink_(int32_t fd, const char *path);
int32_t rename_(int32_t old_fd, const char *old, int32_t new_fd, const char *new);
int32_t link_(int32_t old_fd, const char *old, int32_t new_fd, const char *new);
int32_t symlink_(const char *target, int32_t fd, const char *path);
int32_t readlink_(int32_t fd, const char *path, char *out, size_t size);
/* The file's type, or minus the errno. */
int32_t stat_(int32_t fd, const char *path, int32_t lookup);
int32_t set_times_(int32_t fd, const char *path, int32_t lookup);
int32_t write_(int32_t fd, const char *text);
/* Reads at most size - 1 bytes and ends them with a NUL. */
int32_t read_(int32_t fd, char *out, size_t size);

/* Makes a host file with a content. */
void host_file(const char *path, const char *content);
/* Whether the host file holds exactly this. */
bool host_holds(const char *path, const char *content);

#ifdef _WIN32 /* what there is no fork, no link and no mode for has tests of its own in windows.c */
#include <io.h>
#define mkdir(path, mode) mkdir(path)
#define TESTS(F) \
	F(windows_names, ONCE) F(windows_entries, ONCE) F(windows_listing, ONCE) F(windows_stdio, ONCE) F(windows_links, ONCE) \
	F(windows_read_only, ONCE) F(windows_moved, ONCE) F(windows_long_names, ONCE) F(windows_mounts, ONCE) \
	F(pointers_ranges, ONCE) F(pointers_iovecs, ONCE) F(pointers_protected, ONCE) F(pointers_unbound, ONCE) \
	F(files_io, ONCE) F(files_seek, ONCE) F(files_flags, ONCE) F(files_rights, ONCE) F(files_renumber, ONCE) \
	F(files_arguments, ONCE) F(poll_clocks, ONCE)
#else
/* All tests; each begins and ends its own world. */
#define TESTS(F) \
	F(sandbox_links, BOTH) F(sandbox_dots, BOTH) F(sandbox_moved, BOTH) F(sandbox_magic, BOTH) F(sandbox_hard_links, \
		BOTH) \
	F(sandbox_mounts, BOTH) F(sandbox_names, BOTH) F(sandbox_read_only, BOTH) F(sandbox_many_links, BOTH) \
	F(paths_slashes, BOTH) F(paths_dots, BOTH) F(paths_open, BOTH) F(paths_create, BOTH) F(paths_rename, BOTH) \
	F(paths_attributes, BOTH) F(paths_special, BOTH) \
	F(pointers_ranges, ONCE) F(pointers_iovecs, ONCE) F(pointers_protected, ONCE) F(pointers_unbound, ONCE) \
	F(files_io, ONCE) F(files_seek, ONCE) F(files_flags, ONCE) F(files_rights, ONCE) F(files_listing, BOTH) \
	F(files_renumber, ONCE) F(files_sizes, ONCE) F(files_stdio, ONCE) F(files_many, ONCE) F(files_options, ONCE) \
	F(files_arguments, ONCE) \
	F(poll_clocks, ONCE) F(poll_descriptors, ONCE) F(poll_errors, ONCE) F(poll_many, ONCE) \
	F(socket_stream, ONCE) F(socket_accept, ONCE) F(socket_errors, ONCE) \
	F(threads_close, ONCE) F(threads_table, ONCE) F(threads_pipe, ONCE) F(threads_fifo, ONCE) \
	F(unstable_layouts, ONCE) \
	F(race_links, BOTH) F(race_directories, BOTH)
#endif

enum run { ONCE, BOTH }; /* BOTH: with openat2 and with the walk */
#define DECLARE_TEST(name, run) void name(void);
TESTS(DECLARE_TEST)
#endif

