/* backtrace() from a callback: the wasm functions between have names. */
#include "lib.h"
#include <execinfo.h>
#include <stdio.h>

struct env { int unused; };

int32_t env_callback(struct env *env, int32_t x)
{
	void *frames[32];
	int count = backtrace(frames, 32);
	(void)env;
	backtrace_symbols_fd(frames, count, 1);
	return x;
}

int main(void)
{
	struct env env = { 0 };
	struct lib *lib;
	if (pal_lib_instantiate(&lib, &env))
		return 1;
	lib_outer(lib, 1);
	pal_lib_free(lib);
	return 0;
}
