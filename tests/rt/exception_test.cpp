// C++ exceptions leave pal_try: it ends, what it saved comes back, and the next trap finds the try around it.
#include "palisade.h"
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

static void check(bool fine, const char *what)
{
	if (fine)
		return;
	std::fprintf(stderr, "exception_test: failed: %s\n", what);
	std::exit(1);
}

static void throw_it(void *depth)
{
	if (long(depth) > 0)
		pal_try(throw_it, reinterpret_cast<void *>(long(depth) - 1));
	throw std::runtime_error("through");
}

static void catch_inside(void *)
{
	for (long i = 0; i < 1000; i++) {
		bool caught = false;
		try {
			pal_try(throw_it, reinterpret_cast<void *>(i % 5));
		} catch (const std::runtime_error &) {
			caught = true;
		}
		check(caught, "the exception arrives");
	}
	volatile char room[10000]; // where the dead frames were
	for (char volatile &byte : room)
		byte = 1;
	pal_raise(PAL_TRAP_HOST, "after");
}

int main()
{
	check(pal_try(catch_inside, nullptr) == PAL_TRAP_HOST, "the trap ends the outer try");
	check(pal_try([](void *) {}, nullptr) == PAL_TRAP_NONE, "pal_try works after all that");
	std::puts("exception_test: passed");
}
