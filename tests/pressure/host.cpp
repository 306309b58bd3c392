// Exceptions and traps in every order of frames. With an argument, only what valgrind can run: it has no idea of
// reservations as large as guarded memories have, but of exceptions.
#include "lib.h"
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <csetjmp>
#include <csignal>
#include <functional>
#include <stdexcept>

#define CHECK(condition) \
	do { \
		if (!(condition)) { \
			std::fprintf(stderr, "line %d: not true: %s (%s)\n", __LINE__, #condition, pal_last_trap()->message); \
			std::exit(1); \
		} \
	} while (0)

struct env {
	lib *instance;
	std::function<int32_t(int32_t)> callback;
};

extern "C" int32_t env_callback(env *self, int32_t x) { return self->callback(x); }

static pal_trap attempt(std::function<void()> work)
{
	return pal_try([](void *f) { (*static_cast<std::function<void()> *>(f))(); }, &work);
}

// Whether the callee-saved registers survive is seen by values that the compiler keeps in them.
static int through_two_frames(env &e, int rounds)
{
	int caught = 0;
	e.callback = [](int32_t x) -> int32_t { throw std::runtime_error(std::to_string(x)); };
	for (int i = 0; i < rounds; i++) {
		volatile int marker = i;
		int a = i * 3, b = i * 5, c = i * 7, d = i * 11;
		try {
			lib_outer(e.instance, i);
			return -1;
		} catch (const std::runtime_error &error) {
			caught += error.what() == std::to_string(marker) && a == marker * 3 && b == marker * 5 && c == marker * 7 && d == marker * 11;
		}
	}
	return caught;
}

static void trap_inside_callback_inside_try(env &e)
{
	int inner = 0;
	e.callback = [&](int32_t x) -> int32_t {
		inner += attempt([&] { lib_trap(e.instance, x); }) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS;
		return 5;
	};
	for (int i = 0; i < 1000; i++)
		CHECK(attempt([&] { CHECK(lib_outer(e.instance, i) == 1005 + i); }) == PAL_TRAP_NONE);
	CHECK(inner == 1000);
	// Not caught inside: the outer one gets it, whole frames away.
	e.callback = [&](int32_t x) { return lib_trap(e.instance, x); };
	for (int i = 0; i < 1000; i++)
		CHECK(attempt([&] { lib_outer(e.instance, i); }) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
}

// A try whose owner an exception left must not catch what comes later, wherever the stack is then.
static void trap_after_a_try_was_left(env &e)
{
	for (int i = 0; i < 1000; i++) {
		e.callback = [&](int32_t x) -> int32_t {
			try {
				attempt([&] { throw x; });
			} catch (int thrown) {
				CHECK(thrown == x);
			}
			char *room = static_cast<char *>(__builtin_alloca(64 + 512 * (i % 40))); // not written: old frames stay as they were
			__asm__ volatile("" : : "r"(room) : "memory");
			return lib_trap(e.instance, x);
		};
		int after = 0;
		CHECK(attempt([&] { lib_outer(e.instance, 7); after++; }) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
		CHECK(after == 0);
		// The same where the exception crosses wasm and several tries at once.
		e.callback = [&](int32_t x) -> int32_t {
			if (x > 0)
				attempt([&] { lib_outer(e.instance, x - 1); });
			throw x;
		};
		try {
			attempt([&] { lib_outer(e.instance, 5); });
			CHECK(!"an exception was lost");
		} catch (int thrown) {
			CHECK(thrown == 0);
		}
		CHECK(attempt([&] { lib_trap(e.instance, 1); }) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	}
}

static int depth;

static void overflow_through_the_host(env &e)
{
	e.callback = [&](int32_t x) -> int32_t {
		depth++;
		char buffer[512];
		std::snprintf(buffer, sizeof buffer, "%d %g", depth, depth / 3.0); // libc needs stack too
		return lib_sink(e.instance, x) + static_cast<int>(std::strlen(buffer));
	};
	for (int i = 0; i < 5; i++) {
		depth = 0;
		CHECK(attempt([&] { lib_sink(e.instance, 0); }) == PAL_TRAP_STACK_OVERFLOW);
		CHECK(depth > 100);
		CHECK(attempt([&] { lib_recurse(e.instance, 0); }) == PAL_TRAP_STACK_OVERFLOW);
		CHECK(lib_add(e.instance, 2, 3) == 5);
	}
}

static sigjmp_buf from_handler;
static volatile int handled;

static void on_fault(int) { handled++; siglongjmp(from_handler, 1); }

// The host's own mistakes reach the host's own handler, also deep inside of tries and wasm.
static void faults_of_the_host(env &e)
{
	e.callback = [](int32_t x) -> int32_t {
		if (sigsetjmp(from_handler, 1) == 0)
			*reinterpret_cast<volatile int *>(static_cast<uintptr_t>(x)) = 1;
		return 1;
	};
	for (int i = 0; i < 100; i++)
		CHECK(attempt([&] { CHECK(lib_outer(e.instance, 16) == 1017); }) == PAL_TRAP_NONE);
	CHECK(handled == 100);
	// A guest's address, touched by the host itself: not the guest's trap.
	e.callback = [&](int32_t) -> int32_t {
		volatile char *beyond = static_cast<volatile char *>(pal_memory_data(lib_memory(e.instance))) + 70000;
		if (sigsetjmp(from_handler, 1) == 0)
			*beyond = 1;
		return 1;
	};
	CHECK(attempt([&] { lib_outer(e.instance, 16); }) == PAL_TRAP_NONE && handled == 101);
}

int main(int argc, char **)
{
	struct sigaction action = {};
	action.sa_handler = on_fault;
	action.sa_flags = SA_NODEFER | SA_ONSTACK;
	sigaction(SIGSEGV, &action, nullptr);
	env e = {};
	CHECK(pal_lib_instantiate(&e.instance, &e) == PAL_TRAP_NONE);
	int rounds = argc > 1 ? 50 : 5000;
	CHECK(through_two_frames(e, rounds) == rounds);
	if (argc == 1) {
		trap_inside_callback_inside_try(e);
		trap_after_a_try_was_left(e);
		overflow_through_the_host(e);
		faults_of_the_host(e);
	}
	pal_lib_free(e.instance);
	std::puts("all good");
	return 0;
}
