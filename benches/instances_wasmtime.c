/* The same as instances_palisade.c with Wasmtime's C interface, declared here as far as it is used (wasm.h, wasmtime.h). */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS 20000
#define LIVE 10000

typedef struct { uint64_t store_id; size_t private_; } instance_t;
typedef struct { uint64_t store_id; void *private_; } function_t;
typedef struct { uint8_t kind; union { function_t function; uint8_t room[64]; } of; } extern_t;
typedef struct { uint8_t kind; union { int32_t i32; uint64_t room[3]; } of; } value_t;
void *wasm_engine_new(void);
void *wasmtime_module_new(void *engine, const uint8_t *wasm, size_t size, void **module);
void *wasmtime_store_new(void *engine, void *data, void (*finalizer)(void *));
void *wasmtime_store_context(void *store);
void wasmtime_store_delete(void *store);
void *wasmtime_instance_new(void *context, void *module, const void *imports, size_t count, instance_t *, void **trap);
bool wasmtime_instance_export_get(void *context, const instance_t *, const char *name, size_t length, extern_t *);
void *wasmtime_func_call(void *context, const function_t *, const value_t *args, size_t nargs, value_t *results,
			 size_t nresults, void **trap);

struct instance {
	void *store;
	function_t next;
};

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static void fail(const char *what)
{
	fprintf(stderr, "%s failed\n", what);
	exit(1);
}

static int32_t next(struct instance *instance)
{
	value_t result;
	void *trap = NULL;
	if (wasmtime_func_call(wasmtime_store_context(instance->store), &instance->next, NULL, 0, &result, 1, &trap) || trap)
		fail("a call");
	return result.of.i32;
}

static struct instance make(void *engine, void *module)
{
	struct instance made = {wasmtime_store_new(engine, NULL, NULL), {0}};
	void *context = wasmtime_store_context(made.store), *trap = NULL;
	instance_t instance;
	extern_t export;
	if (wasmtime_instance_new(context, module, NULL, 0, &instance, &trap) || trap ||
	    !wasmtime_instance_export_get(context, &instance, "next", 4, &export))
		fail("an instance");
	made.next = export.of.function;
	if (next(&made) != 1)
		fail("the first call");
	return made;
}

int main(int argc, char **argv)
{
	static uint8_t wasm[1 << 16];
	static struct instance live[LIVE];
	FILE *file = fopen(argc > 1 ? argv[1] : "", "rb");
	if (!file)
		fail("reading the module");
	size_t size = fread(wasm, 1, sizeof wasm, file);
	fclose(file);
	void *engine = wasm_engine_new(), *module = NULL;
	if (wasmtime_module_new(engine, wasm, size, &module))
		fail("the module");
	double start = now();
	for (int i = 0; i < ROUNDS; i++)
		wasmtime_store_delete(make(engine, module).store);
	double each = (now() - start) / ROUNDS;
	start = now();
	for (int i = 0; i < LIVE; i++)
		live[i] = make(engine, module);
	double held = (now() - start) / LIVE;
	for (int i = 0; i < LIVE; i++) {
		if (next(&live[i]) != 2)
			fail("a second call");
		wasmtime_store_delete(live[i].store);
	}
	struct instance one = make(engine, module);
	start = now();
	for (int i = 0; i < ROUNDS * 100; i++)
		next(&one);
	printf("%.0f %.0f %.2f\n", each, held, (now() - start) / (ROUNDS * 100));
	return 0;
}
