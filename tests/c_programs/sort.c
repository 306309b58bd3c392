/* Calls through pointers: comparison functions, tables of functions, callbacks with state. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct shape {
	double (*area)(const struct shape *);
	const char *(*name)(void);
	double a, b;
};
static double rectangle(const struct shape *s) { return s->a * s->b; }
static double ellipse(const struct shape *s) { return 3.0 * s->a * s->b; }
static const char *rectangle_name(void) { return "rectangle"; }
static const char *ellipse_name(void) { return "ellipse"; }

static int calls;
static int by_value(const void *a, const void *b)
{
	calls++;
	return (*(const int *)a > *(const int *)b) - (*(const int *)a < *(const int *)b);
}
static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }
static int by_area(const void *a, const void *b)
{
	const struct shape *x = a, *y = b;
	return (x->area(x) > y->area(y)) - (x->area(x) < y->area(y));
}

static long apply(long (*f)(long, void *), long x, void *state, int times)
{
	return times ? apply(f, f(x, state), state, times - 1) : x;
}
static long add(long x, void *state) { return x + *(long *)state; }
static long twice(long x, void *state) { return (*(long *)state)++, 2 * x % 1000003; }

int main(void)
{
	static int numbers[5000];
	unsigned state = 7;
	for (int i = 0; i < 5000; i++)
		numbers[i] = (int)((state = state * 1103515245 + 12345) >> 8) % 10000;
	qsort(numbers, 5000, sizeof *numbers, by_value);
	for (int i = 1; i < 5000; i++)
		if (numbers[i - 1] > numbers[i])
			return 1;
	int *found = bsearch(&numbers[777], numbers, 5000, sizeof *numbers, by_value);
	printf("%d %d %d %d\n", numbers[0], numbers[4999], *found, calls > 5000);
	const char *words[] = {"pear", "apple", "fig", "banana", "cherry"};
	qsort(words, 5, sizeof *words, by_text);
	for (int i = 0; i < 5; i++)
		printf("%s ", words[i]);
	struct shape shapes[] = {{rectangle, rectangle_name, 3, 4}, {ellipse, ellipse_name, 1, 2}, {rectangle, rectangle_name, 1, 1}};
	qsort(shapes, 3, sizeof *shapes, by_area);
	for (int i = 0; i < 3; i++)
		printf("%s %g ", shapes[i].name(), shapes[i].area(&shapes[i]));
	long by = 3;
	printf("%ld ", apply(add, 1, &by, 100));
	printf("%ld ", apply(twice, 1, &by, 500));
	printf("%ld\n", by);
	return 0;
}
