// A C++ exception of the host passes through wasm frames; the instance is as good as before.
#include "lib.h"
#include <cstdio>
#include <stdexcept>

struct env {
	int caught;
	lib *instance;
};

extern "C" int32_t env_callback(env *, int32_t x)
{
	if (x < 0)
		throw std::runtime_error("from the host");
	return x;
}

static void call(void *arg) { lib_through_host(static_cast<env *>(arg)->instance, -1); }

int main()
{
	env e = {};
	if (pal_lib_instantiate(&e.instance, &e) != PAL_TRAP_NONE)
		return 1;
	for (int i = 0; i < 1000; i++) {
		try {
			if (i % 2)
				pal_try(call, &e); // it leaves this too
			else
				call(&e);
			return 2;
		} catch (const std::runtime_error &error) {
			e.caught++;
		}
		if (lib_through_host(e.instance, 5) != 5)
			return 3;
		if (i % 100 == 0 && pal_try([](void *arg) { lib_div(static_cast<env *>(arg)->instance, 1, 0); }, &e) != PAL_TRAP_INTEGER_DIVIDE_BY_ZERO)
			return 4;
	}
	pal_lib_free(e.instance);
	std::puts(e.caught == 1000 ? "all good" : "not all were caught");
	return 0;
}
