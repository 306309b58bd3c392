/* Arithmetic whose results are the same everywhere, to the bit. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static uint64_t bits(double d)
{
	uint64_t b;
	memcpy(&b, &d, 8);
	return b;
}

static const double values[] = {0.0, -0.0, 0.5, -0.5, 1.5, 2.5, -3.5, 1e15 + 0.5, 4503599627370497.5, 1e300, -1e-310, INFINITY};
enum { COUNT = sizeof values / sizeof *values };

int main(void)
{
	for (int i = 0; i < COUNT; i++) {
		volatile double v = values[i];
		printf("%016llx %016llx %016llx %016llx %016llx\n", (unsigned long long)bits(floor(v)), (unsigned long long)bits(ceil(v)),
		       (unsigned long long)bits(trunc(v)), (unsigned long long)bits(rint(v)), (unsigned long long)bits(sqrt(fabs(v))));
		for (int j = 0; j < COUNT; j++) {
			volatile double w = values[j];
			if (!isnan(v * w) && !isnan(v / w) && !isnan(v - w))
				printf("%016llx %016llx %016llx %d ", (unsigned long long)bits(v * w), (unsigned long long)bits(v / w),
				       (unsigned long long)bits(v - w), (v < w) + 2 * (v == w) + 4 * (v >= w));
			printf("%016llx\n", (unsigned long long)bits(copysign(v, w)));
		}
	}
	float sum = 0;
	for (int i = 1; i < 1000; i++)
		sum += 1.0f / (float)i;
	double x = 1;
	for (int i = 0; i < 50; i++)
		x = 0.5 * (x + 2 / x);
	printf("%a %a %d %lld %u %.6f %.6f %.6f\n", sum, x, (int)-7.9, (long long)1e18, (unsigned)4e9, sin(1), exp(1), pow(2, 0.5));
	return 0;
}
