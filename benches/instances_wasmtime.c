/* Instances of Wasmtime's, by its C interface, declared here as far as it is used (wasm.h, wasmtime.h); see
 * instances_measure.h. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

typedef struct {
	void *store;
	function_t next;
} handle;

static void *engine, *module;

static void fail(const char *what)
{
	fprintf(stderr, "%s failed\n", what);
	exit(1);
}

static int next(const handle *instance)
{
	value_t result;
	void *trap = NULL;
	if (wasmtime_func_call(wasmtime_store_context(instance->store), &instance->next, NULL, 0, &result, 1, &trap) || trap)
		fail("a call");
	return result.of.i32;
}

static handle make(void)
{
	handle made = { wasmtime_store_new(engine, NULL, NULL), { 0 } };
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

static void end(handle instance)
{
	wasmtime_store_delete(instance.store);
}

#include "instances_measure.h"

int main(int argc, char **argv)
{
	static uint8_t wasm[1 << 16];
	FILE *file = fopen(argc > 1 ? argv[1] : "", "rb");
	if (!file)
		fail("reading the module");
	size_t size = fread(wasm, 1, sizeof wasm, file);
	fclose(file);
	engine = wasm_engine_new();
	if (wasmtime_module_new(engine, wasm, size, &module))
		fail("the module");
	return measure(20000, 2000000);
}
