/* One pal_wasi used by several views on several threads. The helpers of guest.h share one memory, so threads use only
 * calls whose places in it they don't share. */
#include "guest.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { THREADS = 4 };
static int ends[2];
static atomic_int stop;

static void *read_forever(void *arg)
{
	int32_t at = (int32_t)(intptr_t)arg;
	put_u32(at, (uint32_t)at + 64);
	put_u32(at + 4, 1);
	return (void *)(intptr_t)wasi_snapshot_preview1_fd_read(view, 0, at, 1, at + 16);
}

/* Descriptors closed and numbers reused while other threads read them: the reads end with what they began with. */
void threads_close(void)
{
	pthread_t threads[THREADS];
	void *results[THREADS];
	MUST(pipe(ends) == 0);
	pal_wasi_options options = { .use_stdio = 1, .stdio = { ends[0], -1, -1 } };
	begin_world_with(&options);
	for (int i = 0; i < THREADS; i++)
		MUST(pthread_create(&threads[i], NULL, read_forever, (void *)(intptr_t)(0x2000 + i * 0x100)) == 0);
	usleep(50000);
	EQUAL(close_(0), WASI_OK);
	EQUAL(close_(0), WASI_BADF);
	/* Host descriptors are reused at once by others; the readers must not read those. */
	int32_t fd;
	host_file("inside/file", "wrong");
	for (int i = 0; i < 10; i++)
		EQUAL(open_(3, "file", 0, 0, ALL_RIGHTS, &fd), WASI_OK);
	MUST(write(ends[1], "right", 5) == 5);
	for (int i = 0; i < THREADS; i++) {
		MUST(pthread_join(threads[i], &results[i]) == 0);
		EQUAL((intptr_t)results[i], WASI_OK);
		CHECK(memchr("right", memory[0x2000 + i * 0x100 + 64], 5) != NULL);
	}
	end_world();
	close(ends[0]), close(ends[1]);
}

/* Opens, renumbers and closes at random; nothing may be lost. */
static void *churn(void *arg)
{
	int32_t result = (int32_t)(intptr_t)arg, name = result + 64;
	unsigned seed = (unsigned)result;
	while (!atomic_load(&stop)) {
		seed = seed * 1103515245 + 12345;
		int32_t fd = 4 + (int32_t)(seed >> 16) % 8;
		switch (seed >> 28) {
		case 0: case 1: case 2: case 3: case 4: case 5:
			wasi_snapshot_preview1_path_open(view, 3, 0, name, 4, WASI_O_CREAT, ALL_RIGHTS, 0, 0, result);
			break;
		case 6: case 7: case 8: wasi_snapshot_preview1_fd_close(view, fd); break;
		case 9: wasi_snapshot_preview1_fd_renumber(view, fd, 4 + (int32_t)(seed >> 20) % 8); break;
		case 10: wasi_snapshot_preview1_fd_readdir(view, 3, result + 128, 64, (int64_t)(seed >> 20) % 3, result); break;
		case 11: wasi_snapshot_preview1_fd_fdstat_set_rights(view, fd, 0, 0); break;
		case 12: wasi_snapshot_preview1_fd_fdstat_set_flags(view, fd, seed >> 20 & 1); break;
		default: wasi_snapshot_preview1_fd_filestat_get(view, fd, result); break;
		}
	}
	return NULL;
}

void threads_table(void)
{
	pthread_t threads[THREADS];
	begin_world();
	atomic_store(&stop, 0);
	for (int i = 0; i < THREADS; i++) {
		memcpy(memory + 0x2000 + i * 0x200 + 64, "file", 4);
		MUST(pthread_create(&threads[i], NULL, churn, (void *)(intptr_t)(0x2000 + i * 0x200)) == 0);
	}
	usleep(500000);
	atomic_store(&stop, 1);
	for (int i = 0; i < THREADS; i++)
		MUST(pthread_join(threads[i], NULL) == 0);
	end_world(); /* counts the host's descriptors */
}

/* Bytes through a pipe by two threads: none is lost or changed. */
enum { TOTAL = 64000000, CHUNK = 60000 };

static void *feed(void *arg)
{
	(void)arg;
	int32_t at = 0x3000, buffer = 0x80000;
	for (uint32_t sent = 0; sent < TOTAL;) {
		uint32_t size = TOTAL - sent < CHUNK ? TOTAL - sent : CHUNK;
		for (uint32_t i = 0; i < size; i += 1000)
			memory[buffer + (int32_t)i] = (uint8_t)((sent + i) / 1000);
		put_u32(at, (uint32_t)buffer);
		put_u32(at + 4, size);
		if (wasi_snapshot_preview1_fd_write(view, 1, at, 1, at + 8))
			return (void *)1;
		sent += get_u32(at + 8) / 1000 * 1000;
		if (get_u32(at + 8) % 1000)
			return (void *)2; /* a blocking write to a pipe writes all */
	}
	wasi_snapshot_preview1_fd_close(view, 1);
	return NULL;
}

void threads_pipe(void)
{
	pthread_t thread;
	void *result;
	MUST(pipe(ends) == 0);
	pal_wasi_options options = { .use_stdio = 1, .stdio = { ends[0], ends[1], -1 } };
	begin_world_with(&options);
	host_close(ends[1]); /* the guest's is the last */
	MUST(pthread_create(&thread, NULL, feed, NULL) == 0);
	uint64_t received = 0;
	int wrong = 0;
	for (;;) {
		EQUAL(wasi_snapshot_preview1_fd_read(view, 0, put_iovec(BUFFER, BUFFER_SIZE), 1, RESULT), WASI_OK);
		uint32_t size = get_u32(RESULT);
		if (!size)
			break;
		for (uint64_t at = (received + 999) / 1000 * 1000; at < received + size; at += 1000)
			wrong += memory[BUFFER + (int32_t)(at - received)] != (uint8_t)(at / 1000);
		received += size;
	}
	MUST(pthread_join(thread, &result) == 0);
	CHECK(result == NULL);
	EQUAL(received, TOTAL);
	EQUAL(wrong, 0);
	end_world();
	close(ends[0]);
}

static void *open_late(void *arg)
{
	(void)arg;
	usleep(50000);
	int fifo = open("inside/fifo", O_WRONLY);
	usleep(50000);
	bool fine = write(fifo, "late", 4) == 4;
	close(fifo);
	return (void *)(intptr_t)fine;
}

/* Opening a FIFO does not wait for a writer; reading does, and then for bytes. */
void threads_fifo(void)
{
	pthread_t thread;
	void *fine;
	int32_t fd;
	char text[8];
	begin_world();
	MUST(mkfifo("inside/fifo", 0600) == 0);
	EQUAL(open_(3, "fifo", 0, 0, READ_RIGHTS, &fd), WASI_OK);
	MUST(pthread_create(&thread, NULL, open_late, NULL) == 0);
	EQUAL(read_(fd, text, sizeof text), WASI_OK);
	CHECK(strcmp(text, "late") == 0);
	EQUAL(read_(fd, text, sizeof text), WASI_OK);
	CHECK(strcmp(text, "") == 0);
	MUST(pthread_join(thread, &fine) == 0);
	CHECK(fine != NULL);
	end_world();
}
