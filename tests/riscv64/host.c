#include "lib.h"
#include <stdio.h>
struct env { int x; };
double env_sum(struct env *e, double a, double b, double c, double d, double f, double g, double h, double i, double j, float k, int32_t l)
{ return a + 2 * b + 3 * c + 4 * d + 5 * f + 6 * g + 7 * h + 8 * i + 9 * j + 10 * k + 11 * l + e->x; }
static struct lib *lib;
static void oob(void *p) { (void)p; lib_peek(lib, -1); }
static void straddle(void *p) { (void)p; lib_poke(lib, 65533, -1); }
int main(void)
{
	struct env env = { 1000 };
	if (pal_lib_instantiate(&lib, &env)) return 1;
	printf("%g %g\n", lib_go(lib, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, -11), env_sum(&env, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, -11));
	pal_trap t = pal_try(oob, 0);
	printf("%s\n", pal_last_trap()->message);
	t = pal_try(straddle, 0);
	printf("%d %s, last bytes %x\n", t, pal_last_trap()->message, (unsigned)lib_peek(lib, 65532));
	printf("%d\n", lib_neg(lib));
	struct lib_two_results r; lib_two(lib, -3, &r); printf("%d %ld\n", r.r0, (long)r.r1);
	pal_lib_free(lib);
	return 0;
}
