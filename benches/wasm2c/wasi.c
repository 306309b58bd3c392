/* As much of WASI as the benchmarks' programs need, for wasm2c: arguments, standard streams, clocks, random numbers.
 * No files: what asks for them is told that there are none. */
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include "prog.h"

enum { BADF = 8, IO = 29, NOSYS = 52, SPIPE = 70 };

struct w2c_wasi__snapshot__preview1 {
	int argc;
	char **argv;
};
typedef struct w2c_wasi__snapshot__preview1 wasi;

static w2c_prog program;

static void *at(u32 address)
{
	return w2c_prog_memory(&program)->data + address;
}

static u32 load32(u32 address)
{
	u32 value;
	memcpy(&value, at(address), sizeof value);
	return value;
}

static void store32(u32 address, u32 value)
{
	memcpy(at(address), &value, sizeof value);
}

static void store64(u32 address, u64 value)
{
	memcpy(at(address), &value, sizeof value);
}

#define WASI(name) w2c_wasi__snapshot__preview1_##name

u32 WASI(args_sizes_get)(wasi *w, u32 count, u32 bytes)
{
	u32 size = 0;
	for (int i = 0; i < w->argc; i++)
		size += strlen(w->argv[i]) + 1;
	store32(count, w->argc);
	store32(bytes, size);
	return 0;
}

u32 WASI(args_get)(wasi *w, u32 pointers, u32 text)
{
	for (int i = 0; i < w->argc; i++) {
		store32(pointers + 4 * i, text);
		strcpy(at(text), w->argv[i]);
		text += strlen(w->argv[i]) + 1;
	}
	return 0;
}

u32 WASI(environ_sizes_get)(wasi *w, u32 count, u32 bytes)
{
	store32(count, 0);
	store32(bytes, 0);
	return 0;
}

u32 WASI(environ_get)(wasi *w, u32 pointers, u32 text)
{
	return 0;
}

u32 WASI(clock_time_get)(wasi *w, u32 id, u64 precision, u32 result)
{
	const clockid_t clocks[] = { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID };
	struct timespec time;
	if (id > 3 || clock_gettime(clocks[id], &time) != 0)
		return NOSYS;
	store64(result, time.tv_sec * UINT64_C(1000000000) + time.tv_nsec);
	return 0;
}

u32 WASI(clock_res_get)(wasi *w, u32 id, u32 result)
{
	store64(result, 1);
	return 0;
}

u32 WASI(random_get)(wasi *w, u32 buffer, u32 size)
{
	return getrandom(at(buffer), size, 0) == (ssize_t)size ? 0 : IO;
}

static u32 transfer(ssize_t (*call)(int, void *, size_t), u32 fd, u32 vectors, u32 count, u32 done)
{
	u32 sum = 0;
	for (u32 i = 0; i < count; i++) {
		u32 size = load32(vectors + 8 * i + 4);
		ssize_t bytes = call(fd, at(load32(vectors + 8 * i)), size);
		if (bytes < 0)
			return BADF;
		sum += bytes;
		if (bytes < (ssize_t)size)
			break;
	}
	store32(done, sum);
	return 0;
}

static ssize_t write_bytes(int fd, void *bytes, size_t size)
{
	return write(fd, bytes, size);
}

u32 WASI(fd_write)(wasi *w, u32 fd, u32 vectors, u32 count, u32 done)
{
	return transfer(write_bytes, fd, vectors, count, done);
}

u32 WASI(fd_read)(wasi *w, u32 fd, u32 vectors, u32 count, u32 done)
{
	return transfer(read, fd, vectors, count, done);
}

u32 WASI(fd_fdstat_get)(wasi *w, u32 fd, u32 result)
{
	if (fd > 2)
		return BADF;
	const u8 character_device = 2;
	memset(at(result), 0, 24);
	memset(at(result), character_device, 1);
	store64(result + 8, UINT64_MAX);
	return 0;
}

u32 WASI(fd_seek)(wasi *w, u32 fd, u64 offset, u32 whence, u32 result)
{
	return fd <= 2 ? SPIPE : BADF;
}

u32 WASI(fd_close)(wasi *w, u32 fd)
{
	return 0;
}

u32 WASI(sched_yield)(wasi *w)
{
	return 0;
}

void WASI(proc_exit)(wasi *w, u32 status)
{
	_exit(status);
}

#define NONE(name, error, ...)                                                                                         \
	u32 WASI(name)(wasi *w, __VA_ARGS__)                                                                               \
	{                                                                                                                  \
		return error;                                                                                                  \
	}
NONE(fd_prestat_get, BADF, u32 a, u32 b)
NONE(fd_prestat_dir_name, BADF, u32 a, u32 b, u32 c)
NONE(fd_fdstat_set_flags, BADF, u32 a, u32 b)
NONE(fd_filestat_get, BADF, u32 a, u32 b)
NONE(fd_renumber, BADF, u32 a, u32 b)
NONE(path_open, NOSYS, u32 a, u32 b, u32 c, u32 d, u32 e, u64 f, u64 g, u32 h, u32 i)
NONE(path_filestat_get, NOSYS, u32 a, u32 b, u32 c, u32 d, u32 e)
NONE(poll_oneoff, NOSYS, u32 a, u32 b, u32 c, u32 d)

int main(int argc, char **argv)
{
	wasi host = { argc, argv };
	wasm_rt_init();
	wasm2c_prog_instantiate(&program, &host);
	w2c_prog_0x5Fstart(&program);
	wasm2c_prog_free(&program);
	wasm_rt_free();
	return 0;
}
