/* clock_res_get, clock_time_get. */
#include "os.h"
#include "clock.h"
#include "guest.h"
#include "host_error.h"
#include "preview1.h"

static int32_t host_clock(int32_t clock, clockid_t *out)
{
	switch (clock) {
	case WASI_CLOCK_REALTIME: *out = CLOCK_REALTIME; return WASI_OK;
	case WASI_CLOCK_MONOTONIC: *out = CLOCK_MONOTONIC; return WASI_OK;
	case WASI_CLOCK_PROCESS_CPU: *out = CLOCK_PROCESS_CPUTIME_ID; return WASI_OK;
	case WASI_CLOCK_THREAD_CPU: *out = CLOCK_THREAD_CPUTIME_ID; return WASI_OK;
	}
	return WASI_INVAL;
}

/* Nanoseconds; OVERFLOW before 1970 and after 2554. */
static int32_t nanoseconds(struct timespec time, uint64_t *out)
{
	if (time.tv_sec < 0 || (uint64_t)time.tv_sec >= UINT64_MAX / 1000000000)
		return WASI_OVERFLOW;
	*out = (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
	return WASI_OK;
}

int32_t pal_wasi_clock(int32_t clock, uint64_t *now)
{
	clockid_t host;
	struct timespec time;
	int32_t error = host_clock(clock, &host);
	if (error)
		return error;
	return clock_gettime(host, &time) ? pal_wasi_errno(errno) : nanoseconds(time, now);
}

int32_t wasi_snapshot_preview1_clock_res_get(PAL_WASI_VIEW, int32_t clock, int32_t result)
{
	clockid_t host;
	struct timespec time;
	uint64_t resolution = 0;
	int32_t error = host_clock(clock, &host);
	if (!error)
		error = clock_getres(host, &time) ? pal_wasi_errno(errno) : nanoseconds(time, &resolution);
	return error ? error : pal_wasi_put_u64(view, result, resolution ? resolution : 1);
}

int32_t wasi_snapshot_preview1_clock_time_get(PAL_WASI_VIEW, int32_t clock, int64_t precision, int32_t result)
{
	(void)precision; /* the clocks are as precise as they are */
	uint64_t now;
	int32_t error = pal_wasi_clock(clock, &now);
	return error ? error : pal_wasi_put_u64(view, result, now);
}
