/* The host of program.cpp in wasm: it provides the tags that the compiler imports. */
#include "cpp.h"
#include <stdio.h>

struct env {
	pal_tag *cpp_exception, *c_longjmp;
};

pal_tag *env___cpp_exception(struct env *env) { return env->cpp_exception; }
pal_tag *env___c_longjmp(struct env *env) { return env->c_longjmp; }
void env_note(struct env *env, int32_t number)
{
	(void)env;
	printf("%d\n", number);
}

int main(void)
{
	struct cpp *cpp;
	struct env env;
	const pal_value_type address = PAL_I32;
	if (pal_tag_new(&env.cpp_exception, &address, 1) != PAL_OK || pal_tag_new(&env.c_longjmp, &address, 1) != PAL_OK)
		return 1;
	if (pal_cpp_instantiate(&cpp, &env) != PAL_TRAP_NONE) {
		fprintf(stderr, "%s\n", pal_last_trap()->message);
		return 1;
	}
	pal_tag_free(env.cpp_exception); /* the instance has what it needs of them */
	pal_tag_free(env.c_longjmp);
	cpp_run(cpp);
	pal_cpp_free(cpp);
	return 0;
}
