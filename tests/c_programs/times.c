/* Clocks: they advance, sleeping sleeps, and dates are right. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static double now(clockid_t id)
{
	struct timespec t;
	if (clock_gettime(id, &t))
		return -1;
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(void)
{
	double start = now(CLOCK_MONOTONIC);
	struct timespec wait = {0, 60 * 1000 * 1000};
	int slept = nanosleep(&wait, NULL);
	double passed = now(CLOCK_MONOTONIC) - start;
	printf("%d %d %d\n", slept, passed >= 0.06, passed < 30);
	usleep(1000);
	printf("%d\n", now(CLOCK_REALTIME) > 1.7e9 && now(CLOCK_REALTIME) < 5e9);
	struct timespec resolution;
	printf("%d\n", clock_getres(CLOCK_MONOTONIC, &resolution) == 0 && resolution.tv_sec == 0 && resolution.tv_nsec > 0);
	time_t moment = 951825600;
	char text[64];
	strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %j %a", gmtime(&moment));
	puts(text);
	struct tm date = {.tm_year = 124, .tm_mon = 1, .tm_mday = 29, .tm_hour = 12};
	printf("%lld\n", (long long)timegm(&date));
	return 0;
}
