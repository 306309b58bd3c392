/* Integers and floating point as text, in both directions. */
#include <float.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const double values[] = {0.0, -0.0, 1.0, 0.1, 1.0 / 3, 123456.789, 1e22, 1e23, 5e-324, 2.2250738585072014e-308,
                                DBL_MAX, -DBL_MIN, 6.02214076e23, 9007199254740993.0, 0.5, 2.5, 1e-7};

int main(void)
{
	printf("%d|%5d|%-5d|%05d|%+d|%x|%#o|%u\n", -42, 42, 42, 42, 42, 0xbeef, 8, UINT_MAX);
	printf("%" PRId64 " %" PRIx64 " %hhd %hu %zu %c|%10.3s|%-6s|%%\n", INT64_MIN, UINT64_MAX, 300, 70000, sizeof(long long),
	       'x', "abcdef", "ab");
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		char text[400];
		snprintf(text, sizeof text, "%.17g", values[i]);
		printf("%f %e %g %.17g %.0f %d", values[i], values[i], values[i], values[i], values[i],
		       strtod(text, NULL) == values[i]);
		if (!values[i] || fabs(values[i]) >= DBL_MIN) /* C libraries differ on smaller ones */
			printf(" %a", values[i]);
		puts("");
	}
	printf("%f %f %f %g\n", INFINITY, -INFINITY, fabs(NAN), (double)FLT_MAX);
	int a, n;
	float f;
	char word[16];
	n = sscanf(" 17 3.25e2 word rest", "%d %f %15s", &a, &f, word);
	printf("%d %d %g %s\n", n, a, f, word);
	printf("%ld %lu %ld\n", strtol("-0x7f", NULL, 0), strtoul("777", NULL, 8), strtol("zz", NULL, 36));
	return 0;
}
