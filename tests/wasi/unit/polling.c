/* Clocks and poll_oneoff. */
#include "guest.h"
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { SUBS = BUFFER, EVENTS = BUFFER + 0x8000 };

static void clear_sub(int i, uint64_t userdata, uint8_t tag)
{
	int32_t at = SUBS + i * WASI_SUBSCRIPTION_SIZE;
	memset(memory + at, 0, WASI_SUBSCRIPTION_SIZE);
	put_u64(at, userdata);
	memory[at + WASI_SUBSCRIPTION_TAG] = tag;
}

static void clock_sub(int i, uint32_t id, uint64_t timeout, uint16_t flags)
{
	int32_t at = SUBS + i * WASI_SUBSCRIPTION_SIZE + WASI_SUBSCRIPTION_UNION;
	clear_sub(i, (uint64_t)i + 100, WASI_EVENT_CLOCK);
	put_u32(at + WASI_CLOCK_ID, id);
	put_u64(at + WASI_CLOCK_TIMEOUT, timeout);
	wasi_set_u16(memory + at + WASI_CLOCK_FLAGS, flags);
}

#ifndef _WIN32
static void fd_sub(int i, uint8_t tag, int32_t fd)
{
	clear_sub(i, (uint64_t)i + 100, tag);
	put_u32(SUBS + i * WASI_SUBSCRIPTION_SIZE + WASI_SUBSCRIPTION_UNION, (uint32_t)fd);
}
#endif

/* The number of events. */
static uint32_t poll_subs(int count)
{
	EQUAL(wasi_snapshot_preview1_poll_oneoff(view, SUBS, EVENTS, count, RESULT), WASI_OK);
	return get_u32(RESULT);
}

static void event_is(int i, uint64_t userdata, uint16_t error, uint8_t type, uint64_t bytes, uint16_t flags)
{
	int32_t at = EVENTS + i * WASI_EVENT_SIZE;
	EQUAL(get_u64(at + WASI_EVENT_USERDATA), userdata);
	EQUAL(get_u16(at + WASI_EVENT_ERROR), error);
	EQUAL(memory[at + WASI_EVENT_TYPE], type);
	EQUAL(get_u64(at + WASI_EVENT_NBYTES), bytes);
	EQUAL(get_u16(at + WASI_EVENT_FLAGS), flags);
}

static uint64_t now(uint32_t clock)
{
	EQUAL(wasi_snapshot_preview1_clock_time_get(view, (int32_t)clock, 0, RESULT), WASI_OK);
	return get_u64(RESULT);
}

void poll_clocks(void)
{
	enum { MS = 1000000 };
	pal_wasi_options options = { .no_stdio = 1 };
	begin_world_with(&options);
	for (int32_t clock = 0; clock < 4; clock++) {
		EQUAL(wasi_snapshot_preview1_clock_res_get(view, clock, RESULT), WASI_OK);
		CHECK(get_u64(RESULT) > 0);
		CHECK(now((uint32_t)clock) > 0);
	}
	EQUAL(wasi_snapshot_preview1_clock_res_get(view, 4, RESULT), WASI_INVAL);
	EQUAL(wasi_snapshot_preview1_clock_time_get(view, -1, 0, RESULT), WASI_INVAL);
	CHECK(now(0) / 1000000000 - (uint64_t)time(NULL) + 2 < 4);
	/* Relative and absolute, by both clocks; the earlier of two. */
	for (uint32_t clock = 0; clock < 2; clock++) {
		uint64_t start = now(1);
		clock_sub(0, clock, 20 * MS, 0);
		EQUAL(poll_subs(1), 1);
		event_is(0, 100, 0, WASI_EVENT_CLOCK, 0, 0);
		uint64_t passed = now(1) - start;
		CHECK(passed >= 20 * MS && passed < 2000 * (uint64_t)MS);
		start = now(1);
		clock_sub(0, clock, 3600 * UINT64_C(1000000000), 0);
		clock_sub(1, clock, now(clock) + 20 * MS, WASI_SUBCLOCK_ABSTIME);
		EQUAL(poll_subs(2), 1);
		event_is(0, 101, 0, WASI_EVENT_CLOCK, 0, 0);
		passed = now(1) - start;
		CHECK(passed >= 15 * MS && passed < 2000 * (uint64_t)MS);
	}
	/* Long past, and two at once. */
	clock_sub(0, 1, 1, WASI_SUBCLOCK_ABSTIME);
	clock_sub(1, 0, 0, 0);
	clock_sub(2, 1, UINT64_MAX, 0);
	clock_sub(3, 0, UINT64_MAX, WASI_SUBCLOCK_ABSTIME);
	EQUAL(poll_subs(4), 2);
	event_is(0, 100, 0, WASI_EVENT_CLOCK, 0, 0);
	event_is(1, 101, 0, WASI_EVENT_CLOCK, 0, 0);
	end_world();
}

#ifndef _WIN32
void poll_descriptors(void)
{
	int in[2], out[2];
	int32_t fd;
	MUST(pipe(in) == 0 && pipe(out) == 0);
	pal_wasi_options options = { .use_stdio = 1, .stdio = { in[0], out[1], -1 } };
	begin_world_with(&options);
	host_file("inside/file", "12345");
	EQUAL(open_(3, "file", 0, 0, ALL_RIGHTS, &fd), WASI_OK);
	EQUAL(wasi_snapshot_preview1_fd_seek(view, fd, 2, WASI_WHENCE_SET, RESULT), WASI_OK);
	/* A regular file never waits. */
	fd_sub(0, WASI_EVENT_FD_READ, fd);
	fd_sub(1, WASI_EVENT_FD_WRITE, fd);
	fd_sub(2, WASI_EVENT_FD_READ, 0);
	EQUAL(poll_subs(3), 2);
	event_is(0, 100, 0, WASI_EVENT_FD_READ, 3, 0);
	event_is(1, 101, 0, WASI_EVENT_FD_WRITE, 0, 0);
	/* A pipe: empty, with bytes, at its end. */
	clock_sub(0, 1, 1000000, 0);
	fd_sub(1, WASI_EVENT_FD_READ, 0);
	EQUAL(poll_subs(2), 1);
	event_is(0, 100, 0, WASI_EVENT_CLOCK, 0, 0);
	MUST(write(in[1], "1234567", 7) == 7);
	clock_sub(0, 1, UINT64_C(1) << 40, 0);
	EQUAL(poll_subs(2), 1);
	event_is(0, 101, 0, WASI_EVENT_FD_READ, 7, 0);
	MUST(read(in[0], memory + RESULT + 64, 7) == 7);
	host_close(in[1]);
	EQUAL(poll_subs(2), 1);
	event_is(0, 101, 0, WASI_EVENT_FD_READ, 0, WASI_EVENT_HANGUP);
	fd_sub(0, WASI_EVENT_FD_WRITE, 1);
	EQUAL(poll_subs(1), 1);
	event_is(0, 100, 0, WASI_EVENT_FD_WRITE, 0, 0);
	/* Nobody reads any more: writing would not wait either. */
	host_close(out[0]);
	EQUAL(poll_subs(1), 1);
	event_is(0, 100, 0, WASI_EVENT_FD_WRITE, 0, WASI_EVENT_HANGUP);
	EQUAL(write_(1, "x"), WASI_PIPE); /* and no signal */
	end_world();
	close(in[0]), close(out[1]);
}

void poll_errors(void)
{
	int32_t fd;
	begin_world();
	EQUAL(open_(3, "file", 0, WASI_O_CREAT, (int64_t)(WASI_RIGHT_FD_READ | WASI_RIGHT_POLL_FD_READWRITE), &fd), WASI_OK);
	EQUAL(wasi_snapshot_preview1_poll_oneoff(view, SUBS, EVENTS, 0, RESULT), WASI_INVAL);
	fd_sub(0, WASI_EVENT_FD_READ, 99);
	fd_sub(1, WASI_EVENT_FD_WRITE, fd);
	fd_sub(2, WASI_EVENT_FD_READ, 3);
	clock_sub(3, WASI_CLOCK_THREAD_CPU, 1, 0);
	clock_sub(4, 77, 1, WASI_SUBCLOCK_ABSTIME);
	clock_sub(5, 1, UINT64_MAX, 0);
	EQUAL(poll_subs(6), 5);
	event_is(0, 100, WASI_BADF, WASI_EVENT_FD_READ, 0, 0);
	event_is(1, 101, WASI_BADF, WASI_EVENT_FD_WRITE, 0, 0);
	event_is(2, 102, WASI_BADF, WASI_EVENT_FD_READ, 0, 0);
	event_is(3, 103, WASI_INVAL, WASI_EVENT_CLOCK, 0, 0);
	event_is(4, 104, WASI_INVAL, WASI_EVENT_CLOCK, 0, 0);
	clear_sub(0, 1, 3);
	EQUAL(wasi_snapshot_preview1_poll_oneoff(view, SUBS, EVENTS, 1, RESULT), WASI_INVAL);
	clock_sub(0, 1, 1, 2);
	EQUAL(wasi_snapshot_preview1_poll_oneoff(view, SUBS, EVENTS, 1, RESULT), WASI_INVAL);
	/* Events written over the subscriptions. */
	for (int i = 0; i < 4; i++)
		fd_sub(i, WASI_EVENT_FD_READ, fd);
	EQUAL(wasi_snapshot_preview1_poll_oneoff(view, SUBS, SUBS, 4, RESULT), WASI_OK);
	EQUAL(get_u32(RESULT), 4);
	EQUAL(get_u64(SUBS + 3 * WASI_EVENT_SIZE), 103);
	end_world();
}

void poll_many(void)
{
	enum { COUNT = 300 };
	int32_t fd;
	begin_world();
	EQUAL(open_(3, "file", 0, WASI_O_CREAT, ALL_RIGHTS, &fd), WASI_OK);
	for (int i = 0; i < COUNT; i++)
		fd_sub(i, i % 3 ? WASI_EVENT_FD_READ : WASI_EVENT_FD_WRITE, i % 5 ? fd : 50 + i);
	EQUAL(poll_subs(COUNT), COUNT);
	for (int i = 0; i < COUNT; i++)
		event_is(i, 100 + (uint64_t)i, i % 5 ? 0 : WASI_BADF, i % 3 ? WASI_EVENT_FD_READ : WASI_EVENT_FD_WRITE, 0, 0);
	end_world();
}
#endif
