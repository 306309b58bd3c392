// Errors as exceptions, where there are some; without them, the end.
#pragma once
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

[[noreturn, gnu::noinline]] inline void fail(const char *what)
{
#ifdef __cpp_exceptions
	throw std::runtime_error(what);
#else
	std::puts(what);
	std::abort();
#endif
}

// Runs `body`; its errors are reported and passed over.
template <class Body> void guarded(Body body)
{
#ifdef __cpp_exceptions
	try {
		body();
	} catch (const std::exception &error) {
		std::puts(error.what());
	}
#else
	body();
#endif
}
