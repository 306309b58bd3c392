/* poll_oneoff: clocks and descriptors together.
 *
 * All subscriptions are read first, their descriptors pinned and their deadlines fixed; then the host waits, and events
 * are written. So the guest's arrays may overlap or change meanwhile, and descriptors may be closed. */
#include "os.h"
#include "clock.h"
#include "descriptor.h"
#include "guest.h"
#include "host_error.h"
#include "preview1.h"
#include <stdlib.h>

/* Above what any host polls; keeps a guest from making the host allocate without end. */
enum { MAX_SUBSCRIPTIONS = 1 << 20 };
/* Subscriptions that need no allocation. */
enum { FEW = 16 };
/* How long a wait for an absolute time of the real-time clock goes on before it is looked at again: it may be set. */
#define REALTIME_SLICE UINT64_C(1000000000)
#define FOREVER UINT64_MAX

struct subscription {
	uint64_t userdata;
	uint8_t type;               /* WASI_EVENT_… */
	bool ready;                 /* there is an event to report: an error, or something that never waits */
	int32_t error;              /* to report */
	struct pal_wasi_file *file; /* pinned; NULL for clocks and bad descriptors */
	int clock;                  /* WASI_CLOCK_MONOTONIC or WASI_CLOCK_REALTIME: what deadline is measured by */
	uint64_t deadline;
	nfds_t slot; /* in polls, if the host is asked */
};

struct waiting {
	struct subscription *subscriptions;
	struct pollfd *polls;
	uint32_t count;
	nfds_t poll_count;
	bool immediate; /* some subscription is ready already */
};

static uint64_t add_saturated(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

/* A clock subscription. An unknown clock is an event with an error. INVAL: unknown flags. */
static int32_t read_clock(struct subscription *it, const uint8_t *bytes)
{
	uint32_t id = wasi_u32(bytes + WASI_CLOCK_ID);
	uint64_t timeout = wasi_u64(bytes + WASI_CLOCK_TIMEOUT), now;
	uint16_t flags = wasi_u16(bytes + WASI_CLOCK_FLAGS);
	if (flags & ~WASI_SUBCLOCK_ABSTIME)
		return WASI_INVAL;
	bool known = id == WASI_CLOCK_REALTIME || id == WASI_CLOCK_MONOTONIC; /* nobody can wait by CPU time */
	it->deadline = timeout;
	it->clock = known && (flags & WASI_SUBCLOCK_ABSTIME) ? (int)id : WASI_CLOCK_MONOTONIC;
	it->error = known ? WASI_OK : WASI_INVAL;
	if (known && !(flags & WASI_SUBCLOCK_ABSTIME)) {
		/* A relative time passes the same by either clock. */
		it->error = pal_wasi_clock(WASI_CLOCK_MONOTONIC, &now);
		it->deadline = it->error ? 0 : add_saturated(now, timeout);
	}
	it->ready = it->error != WASI_OK;
	return WASI_OK;
}

/* A descriptor subscription; whatever is wrong with the descriptor is told by an event. */
static void read_descriptor(pal_wasi *wasi, struct subscription *it, const uint8_t *bytes)
{
	uint64_t right = it->type == WASI_EVENT_FD_READ ? WASI_RIGHT_FD_READ : WASI_RIGHT_FD_WRITE;
	it->error = pal_wasi_use(wasi, (int32_t)wasi_u32(bytes), right | WASI_RIGHT_POLL_FD_READWRITE, &it->file);
	if (it->error)
		it->file = NULL; /* not pinned */
	/* Regular files never wait. */
	it->ready = it->error || it->file->type == WASI_TYPE_REGULAR_FILE;
}

static int32_t read_one(PAL_WASI_VIEW, struct subscription *it, uint64_t at, uint32_t size, uint32_t clock_shift)
{
	uint8_t bytes[WASI0_SUBSCRIPTION_SIZE];
	int32_t error = pal_wasi_get(view, bytes, at, size);
	if (error)
		return error;
	it->userdata = wasi_u64(bytes + WASI_SUBSCRIPTION_USERDATA);
	it->type = bytes[WASI_SUBSCRIPTION_TAG];
	if (it->type == WASI_EVENT_CLOCK)
		return read_clock(it, bytes + WASI_SUBSCRIPTION_UNION + clock_shift);
	if (it->type != WASI_EVENT_FD_READ && it->type != WASI_EVENT_FD_WRITE)
		return WASI_INVAL;
	read_descriptor(view->wasi, it, bytes + WASI_SUBSCRIPTION_UNION);
	return WASI_OK;
}

static void add_poll(struct waiting *waiting, struct subscription *it)
{
	it->slot = waiting->poll_count++;
	waiting->polls[it->slot] = (struct pollfd){
		.fd = it->file->host, .events = it->type == WASI_EVENT_FD_READ ? POLLIN : POLLOUT,
	};
}

/* Reads all; waiting->count counts those whose files must be unpinned, also on failure. */
static int32_t read_all(PAL_WASI_VIEW, struct waiting *waiting, uint32_t at, uint32_t number, uint32_t size,
                        uint32_t clock_shift)
{
	while (waiting->count < number) {
		struct subscription *it = &waiting->subscriptions[waiting->count];
		*it = (struct subscription){ 0 };
		int32_t error = read_one(view, it, at + (uint64_t)waiting->count * size, size, clock_shift);
		if (error)
			return error;
		waiting->count++;
		waiting->immediate |= it->ready;
		if (it->file && !it->ready)
			add_poll(waiting, it);
	}
	return WASI_OK;
}

/* Nanoseconds until the first deadline, FOREVER if there is none. Marks those that have passed. */
static uint64_t until_deadline(struct waiting *waiting)
{
	uint64_t now[2] = { 0, 0 }, first = FOREVER;
	bool asked[2] = { false, false };
	for (uint32_t i = 0; i < waiting->count; i++) {
		struct subscription *it = &waiting->subscriptions[i];
		if (it->type != WASI_EVENT_CLOCK || it->ready)
			continue;
		if (!asked[it->clock] && pal_wasi_clock(it->clock, &now[it->clock]))
			now[it->clock] = UINT64_MAX; /* no time to wait by: over */
		asked[it->clock] = true;
		uint64_t left = it->deadline > now[it->clock] ? it->deadline - now[it->clock] : 0;
		if (left == 0)
			it->ready = waiting->immediate = true;
		if (it->clock == WASI_CLOCK_REALTIME && left > REALTIME_SLICE)
			left = REALTIME_SLICE;
		if (left < first)
			first = left;
	}
	return first;
}

/* Lets the host wait at most `nanoseconds`. The number of ready descriptors, or -1 (errno). */
static int wait_host(struct waiting *waiting, uint64_t nanoseconds)
{
#ifndef _WIN32
	struct timespec time = { (time_t)(nanoseconds / 1000000000), (long)(nanoseconds % 1000000000) };
#endif
#ifdef __linux__
	return ppoll(waiting->polls, waiting->poll_count, nanoseconds == FOREVER ? NULL : &time, NULL);
#else
#ifndef _WIN32
	if (!waiting->poll_count && nanoseconds != FOREVER)
		return nanosleep(&time, NULL);
#endif
	uint64_t milliseconds = nanoseconds / 1000000 + (nanoseconds % 1000000 != 0);
	if (nanoseconds != FOREVER && milliseconds > INT32_MAX)
		milliseconds = INT32_MAX; /* the deadline is looked at again afterwards */
	return poll(waiting->polls, waiting->poll_count, nanoseconds == FOREVER ? -1 : (int)milliseconds);
#endif
}

/* Waits until something is ready; then some subscriptions are marked so, or polls has their results. */
static int32_t wait_for_any(struct waiting *waiting)
{
	for (;;) {
		uint64_t left = until_deadline(waiting);
		int count = wait_host(waiting, waiting->immediate ? 0 : left);
		if (count < 0 && errno != EINTR)
			return pal_wasi_errno(errno);
		if (count > 0 || waiting->immediate) {
			until_deadline(waiting); /* a clock may have come due at the same time */
			return WASI_OK;
		}
	}
}

/* Bytes that can be read without waiting, where the host knows. */
static uint64_t readable(const struct pal_wasi_file *file)
{
#ifdef _WIN32
	return pal_os_readable(file->host);
#else
	int bytes;
	return ioctl(file->host, FIONREAD, &bytes) || bytes < 0 ? 0 : (uint64_t)bytes;
#endif
}

/* What is left of a regular file. */
static uint64_t rest_of(const struct pal_wasi_file *file)
{
	int64_t position = lseek(file->host, 0, SEEK_CUR);
	struct stat status;
	if (position < 0 || fstat(file->host, &status) || (int64_t)status.st_size < position)
		return 0;
	return (uint64_t)((int64_t)status.st_size - position);
}

/* The host's answer for a subscription it was asked about. */
static void take_result(struct waiting *waiting, struct subscription *it, uint64_t *bytes, uint16_t *flags)
{
	short result = waiting->polls[it->slot].revents;
	if (!result)
		return;
	it->ready = true;
	if (result & POLLNVAL)
		it->error = WASI_BADF;
	/* A broken pipe: reading gives the end, writing PIPE, neither waits. */
	if (result & (POLLHUP | POLLERR))
		*flags = WASI_EVENT_HANGUP;
	if (it->type == WASI_EVENT_FD_READ && (result & POLLIN))
		*bytes = readable(it->file);
}

static int32_t put_event(PAL_WASI_VIEW, uint64_t at, const struct subscription *it, uint64_t bytes_ready,
                         uint16_t flags)
{
	uint8_t bytes[WASI_EVENT_SIZE] = { 0 };
	wasi_set_u64(bytes + WASI_EVENT_USERDATA, it->userdata);
	wasi_set_u16(bytes + WASI_EVENT_ERROR, (uint16_t)it->error);
	bytes[WASI_EVENT_TYPE] = it->type;
	wasi_set_u64(bytes + WASI_EVENT_NBYTES, bytes_ready);
	wasi_set_u16(bytes + WASI_EVENT_FLAGS, flags);
	return pal_wasi_put(view, at, bytes, sizeof bytes);
}

static int32_t put_events(PAL_WASI_VIEW, struct waiting *waiting, uint32_t out, int32_t result)
{
	uint32_t events = 0;
	for (uint32_t i = 0; i < waiting->count; i++) {
		struct subscription *it = &waiting->subscriptions[i];
		uint64_t bytes = 0;
		uint16_t flags = 0;
		bool regular = it->ready && it->file; /* as read_descriptor marks them */
		if (regular && it->type == WASI_EVENT_FD_READ)
			bytes = rest_of(it->file);
		else if (it->file && !it->ready)
			take_result(waiting, it, &bytes, &flags);
		if (!it->ready)
			continue;
		int32_t error = put_event(view, out + (uint64_t)events * WASI_EVENT_SIZE, it, bytes, flags);
		if (error)
			return error;
		events++;
	}
	return pal_wasi_put_u32(view, result, events);
}

static int32_t poll_with(PAL_WASI_VIEW, struct waiting *waiting, int32_t in, int32_t out, uint32_t number,
                         int32_t result, uint32_t size, uint32_t clock_shift)
{
	int32_t error = read_all(view, waiting, (uint32_t)in, number, size, clock_shift);
	if (!error)
		error = wait_for_any(waiting);
	if (!error)
		error = put_events(view, waiting, (uint32_t)out, result);
	for (uint32_t i = 0; i < waiting->count; i++)
		if (waiting->subscriptions[i].file)
			pal_wasi_unpin(waiting->subscriptions[i].file);
	return error;
}

static int32_t poll_oneoff(PAL_WASI_VIEW, int32_t in, int32_t out, int32_t count, int32_t result, uint32_t size,
                           uint32_t clock_shift)
{
	struct subscription few[FEW];
	struct pollfd few_polls[FEW];
	struct waiting waiting = { few, few_polls, 0, 0, false };
	uint32_t number = (uint32_t)count;
	if (number == 0)
		return WASI_INVAL; /* nothing to wait for, ever */
	int32_t error = pal_wasi_room(view, in, (uint64_t)number * size);
	if (!error)
		error = pal_wasi_room(view, out, (uint64_t)number * WASI_EVENT_SIZE);
	if (!error)
		error = pal_wasi_room(view, result, 4);
	if (!error && number > MAX_SUBSCRIPTIONS)
		error = WASI_INVAL;
	if (error)
		return error;
	if (number > FEW) {
		waiting.subscriptions = malloc(number * sizeof *waiting.subscriptions);
		waiting.polls = malloc(number * sizeof *waiting.polls);
	}
	if (waiting.subscriptions && waiting.polls)
		error = poll_with(view, &waiting, in, out, number, result, size, clock_shift);
	else
		error = WASI_NOMEM;
	if (number > FEW) {
		free(waiting.subscriptions);
		free(waiting.polls);
	}
	return error;
}

int32_t wasi_snapshot_preview1_poll_oneoff(PAL_WASI_VIEW, int32_t in, int32_t out, int32_t count, int32_t result)
{
	return poll_oneoff(view, in, out, count, result, WASI_SUBSCRIPTION_SIZE, 0);
}

int32_t wasi_unstable_poll_oneoff(PAL_WASI_VIEW, int32_t in, int32_t out, int32_t count, int32_t result)
{
	return poll_oneoff(view, in, out, count, result, WASI0_SUBSCRIPTION_SIZE, WASI0_CLOCK_SHIFT);
}
