// The catcher finds in its registers what it left there.
#include "through.h"
#include <cstdio>

struct env {};

extern "C" int32_t env_throw(env *, int32_t x)
{
	if (x < 0)
		throw x;
	return x;
}

// Values in as many registers as there are, from before the call to behind the catch.
__attribute__((noinline)) static long round(through *instance, long a, long b, long c, long d, long e, long f)
{
	long caught = 0;
	for (long i = 1; i <= 3; i++) {
		a += i; b ^= a; c += b; d ^= c; e += d; f ^= e;
		try {
			through_run(instance, int32_t(-i));
		} catch (int x) {
			caught += x;
		}
	}
	return a + 3 * b + 5 * c + 7 * d + 11 * e + 13 * f + caught;
}

__attribute__((noinline)) static long without(long a, long b, long c, long d, long e, long f)
{
	for (long i = 1; i <= 3; i++) {
		a += i; b ^= a; c += b; d ^= c; e += d; f ^= e;
	}
	return a + 3 * b + 5 * c + 7 * d + 11 * e + 13 * f - 6;
}

int main()
{
	env e;
	through *instance;
	if (pal_through_instantiate(&instance, &e) != PAL_TRAP_NONE)
		return 1;
	if (through_run(instance, 2) != 2 + 6 + 10 + 14 + 22)
		return 2;
	if (round(instance, 1, 20, 300, 4000, 50000, 600000) != without(1, 20, 300, 4000, 50000, 600000))
		return 3;
	pal_through_free(instance);
	std::puts("all good");
	return 0;
}
