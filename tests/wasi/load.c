/* A guest under load, run by load.rs: `load WHAT NUMBER`. Directory 3 is `/`, empty and writable; 4 is `/proc`, where
 * the host's own account of this process stands (its descriptors, its memory), so that leaks show. Every call's answer
 * is checked. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <wasi/api.h>

#define MUST(condition) do { if (!(condition)) give_up(#condition, __LINE__); } while (0)
#define OK(call) MUST((call) == 0)

static _Noreturn void give_up(const char *what, int line)
{
	fprintf(stderr, "load.c:%d: %s: errno %d\n", line, what, errno);
	exit(1);
}

/* ---- Leaks ---- */

struct held {
	int descriptors;
	long kib; /* resident */
};

static struct held held(void)
{
	struct held held = { 0, 0 };
	char text[64] = "";
	DIR *dir = opendir("/proc/fd");
	MUST(dir);
	while (readdir(dir))
		held.descriptors++;
	closedir(dir);
	int fd = open("/proc/statm", O_RDONLY);
	MUST(fd >= 0 && read(fd, text, sizeof text - 1) > 0);
	close(fd);
	held.kib = strtol(strchr(text, ' '), NULL, 10) * 4;
	return held;
}

/* Does `round` `count` times. What the first tenth (one round at least) leaves is the process's own (tables, buffers), so
 * what is held must not grow from there on; 256 KiB are the host allocator's. */
static void repeat(const char *what, void (*round)(long), long count)
{
	struct held before = { 0, 0 };
	for (long i = 0; i < count; i++) {
		if (i == (count + 9) / 10)
			before = held();
		round(i);
	}
	struct held after = held();
	printf("%s: %ld rounds, descriptors %d to %d, memory %ld to %ld KiB\n", what, count, before.descriptors,
	       after.descriptors, before.kib, after.kib);
	MUST(after.descriptors == before.descriptors && after.kib <= before.kib + 256);
}

/* ---- Small operations on files: ten in a round ---- */

static void small_files(long i)
{
	char name[32], other[32], text[32], back[32];
	struct stat status;
	snprintf(name, sizeof name, "/d%ld/f%ld", i % 7, i % 101);
	snprintf(other, sizeof other, "/d%ld/g%ld", (i + 3) % 7, i % 103);
	int length = snprintf(text, sizeof text, "number %ld", i);
	int fd = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	MUST(fd >= 0);
	MUST(write(fd, text, length) == length);
	MUST(pread(fd, back, sizeof back, 0) == length && memcmp(text, back, length) == 0);
	OK(close(fd));
	MUST(stat(name, &status) == 0 && status.st_size == length);
	OK(rename(name, other));
	MUST(stat(name, &status) == -1 && errno == ENOENT);
	MUST((fd = open(other, O_RDONLY)) >= 0);
	OK(close(fd));
	OK(unlink(other));
}

static void files(long operations)
{
	char name[32];
	for (int i = 0; i < 7; i++) {
		snprintf(name, sizeof name, "/d%d", i);
		OK(mkdir(name, 0700));
	}
	repeat("files", small_files, operations / 10);
	for (int i = 0; i < 7; i++) {
		snprintf(name, sizeof name, "/d%d", i);
		OK(rmdir(name)); /* empty again */
	}
}

/* ---- As many open files as the host allows ---- */

enum { MOST = 100000 };
static int open_files[MOST];
static int least; /* files that must be open at the limit */

static int open_numbered(int i)
{
	char name[32];
	snprintf(name, sizeof name, "/n%d", i);
	return open(name, O_RDWR | O_CREAT, 0600);
}

static void fill_up(long round)
{
	int count = 0, extra;
	struct stat status;
	char text[16];
	while (count < MOST && (open_files[count] = open_numbered(count)) >= 0)
		count++;
	MUST(errno == EMFILE); /* not another error, and nothing broke */
	MUST(count >= least);
	if (round == 0)
		printf("limit: %d files open, then EMFILE\n", count);
	/* At the limit: what is open works, and so does every call that needs no descriptor. */
	for (int i = 0; i < count; i++) {
		int length = snprintf(text, sizeof text, "%d", i);
		MUST(pwrite(open_files[i], text, length, 0) == length);
	}
	MUST(stat("/n0", &status) == 0 && status.st_size == 1);
	MUST(open_numbered(0) == -1 && errno == EMFILE);
	MUST(opendir("/") == NULL && errno == EMFILE);
	/* Every close makes room for one. */
	for (int i = 0; i < count; i += 3)
		OK(close(open_files[i]));
	for (int i = 0; i < count; i += 3)
		MUST((open_files[i] = open_numbered(i)) >= 0);
	MUST((extra = open_numbered(count)) == -1 && errno == EMFILE);
	for (int i = 0; i < count; i++) {
		char back[16];
		int length = snprintf(text, sizeof text, "%d", i);
		MUST(pread(open_files[i], back, sizeof back, 0) == length && memcmp(text, back, length) == 0);
		OK(close(open_files[i]));
	}
	if (round % 2) /* one round finds the files of the round before */
		for (int i = 0; i < count; i++) {
			char name[32];
			snprintf(name, sizeof name, "/n%d", i);
			OK(unlink(name));
		}
}

/* ---- Pipes: a stream of counted words, in pieces of all sizes ---- */

enum { PIECE = 1 << 17 };
static uint64_t words[PIECE / 8];

static size_t piece(uint64_t at, uint64_t bytes)
{
	size_t size = (size_t)(at * 2654435761u >> 7) % PIECE + 1;
	return size < bytes - at ? size : (size_t)(bytes - at);
}

static void give_all(const char *from, size_t size)
{
	while (size) {
		ssize_t moved = write(STDOUT_FILENO, from, size);
		MUST(moved > 0);
		from += moved;
		size -= moved;
	}
}

static void produce(uint64_t bytes)
{
	for (uint64_t at = 0; at < bytes;) {
		size_t size = piece(at, bytes), skip = at % 8;
		if (size > PIECE - 8)
			size = PIECE - 8;
		for (size_t i = 0; i <= (skip + size) / 8 && i < PIECE / 8; i++)
			words[i] = at / 8 + i;
		give_all((char *)words + skip, size);
		at += size;
	}
}

static void copy(void)
{
	struct held before = { 0, 0 };
	ssize_t size;
	for (uint64_t total = 0; (size = read(STDIN_FILENO, words, piece(total, UINT64_MAX))) > 0; total += size) {
		give_all((char *)words, size);
		if (!before.kib && total > 1 << 20)
			before = held();
	}
	MUST(size == 0);
	struct held after = held();
	fprintf(stderr, "copy: descriptors %d to %d, memory %ld to %ld KiB\n", before.descriptors, after.descriptors,
	        before.kib, after.kib);
	MUST(after.descriptors == before.descriptors && after.kib <= before.kib + 256);
}

static void consume(uint64_t bytes)
{
	uint64_t at = 0;
	for (;;) {
		size_t skip = at % 8;
		ssize_t size = read(STDIN_FILENO, (char *)words + skip, PIECE - 8);
		MUST(size >= 0);
		if (size == 0)
			break;
		size_t whole = (skip + size) / 8;
		for (size_t i = 0; i < whole; i++)
			MUST(words[i] == at / 8 + i);
		words[0] = words[whole]; /* the part of a word that the next piece completes */
		at += size;
	}
	MUST(at == bytes);
	printf("pipes: %llu bytes\n", (unsigned long long)at);
}

/* ---- All functions that CPython imports; descriptor 0 is a socket that listens ---- */

static uint8_t block[4096];

static void about_the_process(void)
{
	__wasi_size_t count, size;
	static uint8_t *pointers[64];
	__wasi_timestamp_t time;
	__wasi_prestat_t prestat;
	OK(__wasi_args_sizes_get(&count, &size));
	MUST(count == 3 && size < sizeof block);
	OK(__wasi_args_get(pointers, block));
	MUST(strcmp((char *)pointers[1], "all") == 0);
	OK(__wasi_environ_sizes_get(&count, &size));
	MUST(count < 64 && size < sizeof block);
	OK(__wasi_environ_get(pointers, block));
	OK(__wasi_clock_res_get(__WASI_CLOCKID_MONOTONIC, &time));
	OK(__wasi_clock_time_get(__WASI_CLOCKID_REALTIME, 1, &time));
	OK(__wasi_random_get(block, 16));
	OK(__wasi_sched_yield());
	OK(__wasi_fd_prestat_get(3, &prestat));
	OK(__wasi_fd_prestat_dir_name(3, block, prestat.u.dir.pr_name_len));
}

static void about_a_file(void)
{
	__wasi_fd_t fd;
	__wasi_size_t moved;
	__wasi_filesize_t at;
	__wasi_fdstat_t flags;
	__wasi_filestat_t status;
	__wasi_ciovec_t out = { (const uint8_t *)"content", 7 };
	__wasi_iovec_t in = { block, sizeof block };
	__wasi_rights_t rights = ~UINT64_C(0) >> 34;
	__wasi_fstflags_t now = __WASI_FSTFLAGS_ATIM_NOW | __WASI_FSTFLAGS_MTIM_NOW;
	OK(__wasi_path_create_directory(3, "dir"));
	OK(__wasi_path_open(3, 0, "dir/file", __WASI_OFLAGS_CREAT | __WASI_OFLAGS_EXCL, rights, 0, 0, &fd));
	OK(__wasi_fd_allocate(fd, 0, 100));
	OK(__wasi_fd_advise(fd, 0, 100, __WASI_ADVICE_SEQUENTIAL));
	OK(__wasi_fd_write(fd, &out, 1, &moved));
	OK(__wasi_fd_pwrite(fd, &out, 1, 7, &moved));
	OK(__wasi_fd_tell(fd, &at));
	MUST(at == 7);
	OK(__wasi_fd_seek(fd, -4, __WASI_WHENCE_CUR, &at));
	OK(__wasi_fd_filestat_set_size(fd, 14));
	OK(__wasi_fd_read(fd, &in, 1, &moved));
	MUST(moved == 11 && memcmp(block, "tentcontent", 11) == 0);
	OK(__wasi_fd_pread(fd, &in, 1, 12, &moved));
	MUST(moved == 2);
	OK(__wasi_fd_filestat_set_times(fd, 0, 0, now));
	OK(__wasi_fd_filestat_get(fd, &status));
	MUST(status.size == 14);
	OK(__wasi_fd_fdstat_set_flags(fd, __WASI_FDFLAGS_APPEND));
	OK(__wasi_fd_fdstat_get(fd, &flags));
	MUST(flags.fs_flags == __WASI_FDFLAGS_APPEND);
	OK(__wasi_fd_datasync(fd));
	OK(__wasi_fd_sync(fd));
	OK(__wasi_fd_close(fd));
	MUST(__wasi_fd_close(fd) == __WASI_ERRNO_BADF);
}

static void about_names(void)
{
	__wasi_fd_t fd;
	__wasi_size_t size;
	__wasi_filestat_t status;
	__wasi_fstflags_t now = __WASI_FSTFLAGS_ATIM_NOW | __WASI_FSTFLAGS_MTIM_NOW;
	OK(__wasi_path_filestat_set_times(3, 0, "dir/file", 0, 0, now));
	OK(__wasi_path_link(3, 0, "dir/file", 3, "dir/second"));
	OK(__wasi_path_symlink("second", 3, "dir/link"));
	OK(__wasi_path_readlink(3, "dir/link", block, sizeof block, &size));
	MUST(size == 6);
	OK(__wasi_path_filestat_get(3, __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW, "dir/link", &status));
	MUST(status.nlink == 2);
	OK(__wasi_path_open(3, 0, "dir", __WASI_OFLAGS_DIRECTORY, __WASI_RIGHTS_FD_READDIR, 0, 0, &fd));
	OK(__wasi_fd_readdir(fd, block, sizeof block, 0, &size));
	MUST(size == 5 * sizeof(__wasi_dirent_t) + strlen("...filesecondlink"));
	OK(__wasi_fd_close(fd));
	OK(__wasi_path_rename(3, "dir/file", 3, "dir/first"));
	OK(__wasi_path_unlink_file(3, "dir/first"));
	OK(__wasi_path_unlink_file(3, "dir/second"));
	OK(__wasi_path_unlink_file(3, "dir/link"));
	OK(__wasi_path_remove_directory(3, "dir"));
}

/* The host connects once a round, says "ping", and wants it back. */
static void about_sockets(void)
{
	__wasi_fd_t fd;
	__wasi_size_t moved, events;
	__wasi_roflags_t flags;
	__wasi_iovec_t in = { block, sizeof block };
	__wasi_ciovec_t out = { block, 4 };
	__wasi_event_t event[2];
	OK(__wasi_sock_accept(0, 0, &fd));
	__wasi_subscription_t wait[2] = { { .u.tag = __WASI_EVENTTYPE_FD_READ }, { .u.tag = __WASI_EVENTTYPE_CLOCK } };
	wait[0].u.u.fd_read.file_descriptor = fd;
	wait[1].u.u.clock.id = __WASI_CLOCKID_MONOTONIC;
	wait[1].u.u.clock.timeout = 10000000000;
	OK(__wasi_poll_oneoff(wait, event, 2, &events));
	MUST(events == 1 && event[0].type == __WASI_EVENTTYPE_FD_READ && event[0].error == 0);
	OK(__wasi_sock_recv(fd, &in, 1, 0, &moved, &flags));
	MUST(moved == 4 && memcmp(block, "ping", 4) == 0);
	OK(__wasi_sock_send(fd, &out, 1, 0, &moved));
	MUST(moved == 4);
	OK(__wasi_sock_shutdown(fd, __WASI_SDFLAGS_WR));
	OK(__wasi_fd_close(fd));
}

static void all_functions(long i)
{
	(void)i;
	about_the_process();
	about_a_file();
	about_names();
	about_sockets();
}

/* ---- Throughput: nanoseconds per operation, or per KiB, by the guest's own clock ---- */

static int written;

static void open_read_close(void)
{
	int fd = open("/dir/file", O_RDONLY);
	MUST(fd >= 0 && read(fd, block, sizeof block) == 100);
	OK(close(fd));
}

static void examine(void)
{
	struct stat status;
	OK(stat("/dir/file", &status));
}

static void write_little(void)
{
	MUST(pwrite(written, block, 32, 0) == 32);
}

static void read_pipe(void)
{
	/* A pipe holds 64 KiB; the host feeds zeros without end. */
	for (size_t moved = 0; moved < 1 << 16;) {
		ssize_t size = read(STDIN_FILENO, words, (1 << 16) - moved);
		MUST(size > 0);
		moved += size;
	}
}

static void write_pipe(void)
{
	give_all((char *)words, 1 << 16);
}

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void timed(const char *name, long count)
{
	static const struct { const char *name; void (*run)(void); } operations[] = {
		{ "open+read+close", open_read_close }, { "stat", examine }, { "write-32-bytes", write_little },
		{ "pipe-in-64-KiB", read_pipe }, { "pipe-out-64-KiB", write_pipe },
	};
	MUST(mkdir("/dir", 0700) == 0 || errno == EEXIST);
	int fd = open("/dir/file", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	MUST(fd >= 0 && write(fd, block, 100) == 100);
	OK(close(fd));
	MUST((written = open("/dir/written", O_WRONLY | O_CREAT | O_TRUNC, 0600)) >= 0);
	for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
		if (strcmp(name, operations[i].name))
			continue;
		for (long j = 0; j < count / 10; j++)
			operations[i].run(); /* caches are warm */
		double start = now();
		for (long j = 0; j < count; j++)
			operations[i].run();
		fprintf(stderr, "%.1f\n", (now() - start) / (double)count);
		return;
	}
	MUST(!"a known operation");
}

int main(int argc, char **argv)
{
	MUST(argc >= 3);
	const char *what = argv[1];
	long number = strtol(argv[2], NULL, 10);
	uint64_t bytes = strtoull(argv[2], NULL, 10);
	if (strcmp(what, "files") == 0)
		files(number);
	else if (strcmp(what, "limit") == 0 && argc == 4) {
		least = atoi(argv[3]);
		repeat("limit", fill_up, number);
	} else if (strcmp(what, "produce") == 0)
		produce(bytes);
	else if (strcmp(what, "copy") == 0)
		copy();
	else if (strcmp(what, "consume") == 0)
		consume(bytes);
	else if (strcmp(what, "all") == 0)
		repeat("all", all_functions, number);
	else if (strcmp(what, "time") == 0 && argc == 4)
		timed(argv[3], number);
	else
		MUST(!"a known load");
	exit(0); /* by proc_exit, which returning from main would not call */
}
