/* Runs counting.wat on a small stack. */
#include "counting.h"
#include "check.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* Half of them in each of two functions; $few adds what is left, and both what $check gives: x + sum. */
static int64_t expected(int64_t n)
{
	int64_t sum = 0;
	for (; n > 0; n--) {
		sum += n; /* in $few */
		if (--n >= 0)
			sum += n; /* in $many's $check */
		if (n == 0)
			break;
	}
	return sum;
}

static void *work(void *arg)
{
	struct counting *counting = arg;
	const int64_t n = 25000000;
	int64_t (*const kinds[])(struct counting *, int64_t, int64_t) = { counting_direct, counting_static,
		                                                          counting_dynamic_, counting_ref };
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		CHECK(kinds[i](counting, 7, 0) == expected(7));
		CHECK(kinds[i](counting, n, 0) == expected(n));
	}
	struct counting_wide_results wide;
	struct counting_tenfold_results tenfold;
	counting_wide(counting, 1000000, 5, &wide);
	CHECK(wide.r0 == 0 && wide.r4 == 4 && wide.r8 == 8 && wide.r9 == 500000500005);
	counting_tenfold(counting, 1000000, 5, &tenfold);
	CHECK(tenfold.r0 == 0 && tenfold.r4 == 4 && tenfold.r8 == 8 && tenfold.r9 == 500000500005 + 1055);
	return NULL;
}

int main(void)
{
	struct counting *counting;
	CHECK(pal_counting_instantiate(&counting) == PAL_TRAP_NONE);
	pthread_t thread;
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	CHECK(pthread_attr_setstacksize(&attributes, 256 << 10) == 0);
	CHECK(pthread_create(&thread, &attributes, work, counting) == 0 && pthread_join(thread, NULL) == 0);
	pal_counting_free(counting);
	puts("all good");
	return 0;
}
