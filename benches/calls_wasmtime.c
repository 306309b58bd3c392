/* The same as calls_palisade.c with Wasmtime's C interface, declared here as far as it is used. */
#include "calls_rounds.h"
#include <stdbool.h>
#include <string.h>

typedef struct { uint64_t store_id; size_t private_; } instance_t;
typedef struct { uint64_t store_id; void *private_; } function_t;
typedef struct { uint8_t kind; union { function_t function; uint64_t room[3]; } of; } extern_t;
typedef struct { uint8_t kind; union { int32_t i32; uint64_t room[3]; } of; } value_t;
typedef struct { size_t size; void **data; } vector_t;
typedef void *(*callback_t)(void *env, void *caller, const value_t *args, size_t nargs, value_t *results, size_t nresults);
void *wasm_engine_new(void);
void *wasm_valtype_new(uint8_t kind);
void wasm_valtype_vec_new(vector_t *, size_t, void *const *);
void *wasm_functype_new(vector_t *params, vector_t *results);
void *wasmtime_module_new(void *engine, const uint8_t *wasm, size_t size, void **module);
void *wasmtime_store_new(void *engine, void *data, void (*finalizer)(void *));
void *wasmtime_store_context(void *store);
void wasmtime_func_new(void *context, const void *type, callback_t, void *env, void (*finalizer)(void *), function_t *);
void *wasmtime_instance_new(void *context, void *module, const extern_t *imports, size_t count, instance_t *, void **trap);
bool wasmtime_instance_export_get(void *context, const instance_t *, const char *name, size_t length, extern_t *);
void *wasmtime_func_call(void *context, const function_t *, const value_t *args, size_t nargs, value_t *results,
			 size_t nresults, void **trap);

static void *context, *engine;

static void *add(void *env, void *caller, const value_t *args, size_t nargs, value_t *results, size_t nresults)
{
	(void)env, (void)caller, (void)nargs, (void)nresults;
	results[0].kind = 0;
	results[0].of.i32 = args[0].of.i32 + args[1].of.i32;
	return NULL;
}

static instance_t instantiate(const char *file, const extern_t *imports, size_t count)
{
	static uint8_t wasm[65536];
	FILE *stream = fopen(file, "rb");
	size_t size = stream ? fread(wasm, 1, sizeof wasm, stream) : 0;
	void *module, *trap = NULL;
	instance_t instance;
	if (wasmtime_module_new(engine, wasm, size, &module) ||
	    wasmtime_instance_new(context, module, imports, count, &instance, &trap) || trap)
		exit(1);
	return instance;
}

static extern_t export_of(const instance_t *instance, const char *name)
{
	extern_t found;
	if (!wasmtime_instance_export_get(context, instance, name, strlen(name), &found))
		exit(1);
	return found;
}

static int32_t call(const function_t *function, int count, int32_t a, int32_t b)
{
	value_t args[2] = { { 0, { a } }, { 0, { b } } }, result;
	void *trap = NULL;
	if (wasmtime_func_call(context, function, args, (size_t)count, &result, 1, &trap) || trap)
		exit(1);
	return result.of.i32;
}

static extern_t to_wasm, to_host, to_module;

static int32_t make_calls(int direction)
{
	int32_t sum = 0;
	for (int32_t i = 0; direction == 1 && i < CALLS; i++)
		sum = call(&to_wasm.of.function, 2, sum, i);
	if (direction >= 2)
		sum = call(direction == 2 ? &to_host.of.function : &to_module.of.function, 1, CALLS, 0);
	return sum;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 1;
	engine = wasm_engine_new();
	context = wasmtime_store_context(wasmtime_store_new(engine, NULL, NULL));
	void *types[2] = { wasm_valtype_new(0), wasm_valtype_new(0) }, *result[1] = { wasm_valtype_new(0) };
	vector_t params, results;
	wasm_valtype_vec_new(&params, 2, types);
	wasm_valtype_vec_new(&results, 1, result);
	instance_t other = instantiate(argv[2], NULL, 0);
	extern_t imports[2] = { { 0, { { 0, 0 } } }, export_of(&other, "add") };
	wasmtime_func_new(context, wasm_functype_new(&params, &results), add, NULL, NULL, &imports[0].of.function);
	instance_t calls = instantiate(argv[1], imports, 2);
	to_wasm = export_of(&calls, "add");
	to_host = export_of(&calls, "to_host");
	to_module = export_of(&calls, "to_module");
	return measure(ROUNDS / 10);
}
