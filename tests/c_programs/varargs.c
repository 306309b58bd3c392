/* Variable arguments, structures by value, unions, bit fields, aliases through char. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct pair { double x; int32_t n; };
struct large { int64_t v[20]; char tail[3]; };
union word { uint32_t u; float f; unsigned char b[4]; };
struct bits { unsigned a : 3, b : 11, c : 18; int d : 5; };

static double sum(const char *types, ...)
{
	double total = 0;
	va_list list, again;
	va_start(list, types);
	va_copy(again, list);
	for (; *types; types++)
		switch (*types) {
		case 'i': total += va_arg(list, int); break;
		case 'l': total += (double)va_arg(list, long long); break;
		case 'd': total += va_arg(list, double); break;
		case 's': total += (double)strlen(va_arg(list, const char *)); break;
		case 'p': { struct pair p = va_arg(list, struct pair); total += p.x * p.n; break; }
		}
	total += va_arg(again, int);
	va_end(again);
	va_end(list);
	return total;
}

static struct large turn(struct large in, int by)
{
	struct large out = in;
	for (int i = 0; i < 20; i++)
		out.v[(i + by) % 20] = in.v[i];
	out.tail[0] = in.tail[2];
	return out;
}

int main(void)
{
	struct pair p = {1.5, 4};
	printf("%g\n", sum("ildsp", 1, 1LL << 40, 0.25, "four", p));
	struct large l = {{0}, "ab"};
	for (int i = 0; i < 20; i++)
		l.v[i] = i * i;
	l = turn(turn(l, 3), 5);
	printf("%lld %lld %d\n", (long long)l.v[0], (long long)l.v[19], l.tail[0]);
	union word w = {.f = 1.0f};
	printf("%08x %d\n", (unsigned)w.u, w.b[3]);
	struct bits b = {5, 1234, 200000, -7};
	b.a += 6, b.b *= 3, b.d -= 10;
	printf("%u %u %u %d\n", b.a, b.b, b.c, b.d);
	return 0;
}
