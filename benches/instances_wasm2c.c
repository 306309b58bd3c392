/* Instances of what wasm2c makes of the module, called prog; see instances_measure.h. */
#include "prog.h"
#include "wasm-rt-impl.h"
#include <stdio.h>
#include <stdlib.h>

/* 1.0.32 reserves 8 GiB for each instance and gives back only what it used of them: address space for 16,000 in all. */
enum { ROUNDS = 4000 };

#ifdef wasm2c_prog_instantiate /* by wasm2c/names.h: 1.0.32, whose function types are set up apart, once */
#undef wasm2c_prog_instantiate
#define wasm2c_prog_instantiate Z_prog_instantiate
#define SET_UP Z_prog_init_module()
#else
#define SET_UP (void)0
#endif

typedef w2c_prog *handle;

static int next(const handle *instance)
{
	return w2c_prog_next(*instance);
}

static handle make(void)
{
	handle instance = malloc(sizeof *instance);
	if (instance == NULL)
		exit(1);
	wasm2c_prog_instantiate(instance);
	if (next(&instance) != 1)
		exit(1);
	return instance;
}

static void end(handle instance)
{
	wasm2c_prog_free(instance);
	free(instance);
}

#include "instances_measure.h"

int main(void)
{
	wasm_rt_init();
	SET_UP;
	return measure(ROUNDS, 2000000);
}
