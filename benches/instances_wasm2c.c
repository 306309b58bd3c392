/* The same as instances_palisade.c with what wasm2c makes of the module, called prog. */
#include "prog.h"
#include "wasm-rt-impl.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* 1.0.32 reserves 8 GiB for each instance and gives back only what it used of them: address space for 16,000 in all. */
#define ROUNDS 4000
#define LIVE 10000

#ifdef wasm2c_prog_instantiate /* by wasm2c/names.h: 1.0.32, whose function types are set up apart, once */
#undef wasm2c_prog_instantiate
#define wasm2c_prog_instantiate Z_prog_instantiate
#define SET_UP Z_prog_init_module()
#else
#define SET_UP (void)0
#endif

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static w2c_prog *make(void)
{
	w2c_prog *instance = malloc(sizeof *instance);
	if (instance == NULL)
		exit(1);
	wasm2c_prog_instantiate(instance);
	if (w2c_prog_next(instance) != 1)
		exit(1);
	return instance;
}

static void end(w2c_prog *instance)
{
	wasm2c_prog_free(instance);
	free(instance);
}

int main(void)
{
	static w2c_prog *live[LIVE];
	wasm_rt_init();
	SET_UP;
	double start = now();
	for (int i = 0; i < ROUNDS; i++)
		end(make());
	double each = (now() - start) / ROUNDS;
	start = now();
	for (int i = 0; i < LIVE; i++)
		live[i] = make();
	double held = (now() - start) / LIVE;
	for (int i = 0; i < LIVE; i++)
		if (w2c_prog_next(live[i]) != 2)
			return 1;
	for (int i = 0; i < LIVE; i++)
		end(live[i]);
	start = now();
	w2c_prog *one = make();
	for (int i = 0; i < ROUNDS * 500; i++)
		w2c_prog_next(one);
	printf("%.0f %.0f %.2f\n", each, held, (now() - start) / (ROUNDS * 500));
	return 0;
}
