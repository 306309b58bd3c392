/* C finds its arguments where its rules have them, also behind the last register of floats, and what it keeps in
 * registers during a call is there afterwards. */
#include "check.h"
#include "registers.h"
struct env {
	int32_t more;
};
/* Different weights, so that none may take another's place. */
double env_sum(struct env *env, double a, double b, double c, double d, double e, double f, double g, double h, double i,
               float j, int32_t k, float l)
{
	return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * (double)j + 11 * k + 12 * (double)l +
	       env->more;
}
static volatile double numbers[12] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };
int main(void)
{
	struct env env = { 1000 };
	struct registers *registers;
	CHECK(pal_registers_instantiate(&registers, &env) == PAL_TRAP_NONE);
	double expected = env_sum(&env, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, -11, 12);
	CHECK(registers_sum(registers, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, -11, 12) == expected);
	CHECK(registers_negative(registers) == -5);
	struct registers_two_results two;
	registers_two(registers, -3, &two);
	CHECK(two.r0 == -3 && two.r1 == 7);
	const volatile double *n = numbers;
	double a = n[0], b = n[1], c = n[2], d = n[3], e = n[4], f = n[5], g = n[6], h = n[7], i = n[8], j = n[9], k = n[10],
	       l = n[11];
	CHECK(registers_busy(registers) == 0);
	CHECK(a == n[0] && b == n[1] && c == n[2] && d == n[3] && e == n[4] && f == n[5]);
	CHECK(g == n[6] && h == n[7] && i == n[8] && j == n[9] && k == n[10] && l == n[11]);
	pal_registers_free(registers);
	puts("all good");
	return 0;
}
