/* The side of Wasmtime: the modules' files, run by the library of its Python package. Its C interface is declared here
 * as far as it is used (wasm.h, wasmtime.h). Arguments: script, wasm of the host module, `relaxed` where relaxed SIMD
 * is to be deterministic, else `-`. */
#include "driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct { size_t size; char *data; } name_t;
typedef struct { uint64_t store; size_t private_; } instance_t;
typedef struct { uint64_t store; void *private_; } func_t;
typedef struct { uint64_t store; uint32_t private_[4]; } object_t; /* a global, table or memory */
typedef struct { uint64_t store; uint32_t private_[2]; void *more; } anyref_t;
typedef struct { uint8_t kind; union { func_t func; object_t object; void *shared; } of; } extern_t;
typedef struct {
	uint8_t kind;
	union { int32_t i; int64_t l; float f; double d; uint8_t bytes[16]; func_t func; anyref_t externref; } of;
} val_t;
enum { I32, I64, F32, F64, V128, FUNCREF, EXTERNREF, ANYREF, EXNREF };
enum { EXTERN_FUNC, EXTERN_GLOBAL, EXTERN_TABLE, EXTERN_MEMORY, EXTERN_SHARED };
enum { STRATEGY_CRANELIFT = 1, OPT_LEVEL_NONE = 0 };

void *wasm_config_new(void);
void *wasm_engine_new_with_config(void *config);
#define SWITCHES(X) \
	X(wasm_threads) X(shared_memory) X(wasm_tail_call) X(wasm_reference_types) X(wasm_function_references) X(wasm_gc) \
	X(wasm_simd) X(wasm_relaxed_simd) X(wasm_bulk_memory) X(wasm_multi_value) X(wasm_multi_memory) X(wasm_memory64) \
	X(wasm_wide_arithmetic) X(wasm_exceptions) X(wasm_custom_page_sizes) X(wasm_compact_imports) \
	X(cranelift_nan_canonicalization)
#define DECLARE(name) void wasmtime_config_##name##_set(void *config, bool);
SWITCHES(DECLARE)
DECLARE(wasm_relaxed_simd_deterministic)
DECLARE(parallel_compilation)
void wasmtime_config_memory_init_cow_set(void *config, bool);
void wasmtime_config_max_wasm_stack_set(void *config, size_t);
void wasmtime_config_async_stack_size_set(void *config, size_t);
void wasmtime_config_cranelift_opt_level_set(void *config, uint8_t);
void *wasmtime_module_new(void *engine, const uint8_t *wasm, size_t size, void **module);
void wasmtime_module_delete(void *module);
void *wasmtime_store_new(void *engine, void *data, void (*finalizer)(void *));
void *wasmtime_store_context(void *store);
void wasmtime_store_delete(void *store);
void *wasmtime_linker_new(void *engine);
void wasmtime_linker_delete(void *linker);
void *wasmtime_linker_define_instance(void *linker, void *context, const char *name, size_t, const instance_t *);
void *wasmtime_linker_instantiate(void *linker, void *context, void *module, instance_t *, void **trap);
bool wasmtime_instance_export_get(void *context, const instance_t *, const char *name, size_t, extern_t *);
void *wasmtime_func_call(void *context, const func_t *, const val_t *, size_t, val_t *, size_t, void **trap);
bool wasmtime_trap_code(const void *trap, uint8_t *code);
void wasm_trap_delete(void *trap);
void wasm_trap_message(const void *trap, name_t *);
void wasmtime_error_message(const void *error, name_t *);
void wasmtime_error_delete(void *error);
void wasmtime_global_get(void *context, const object_t *, val_t *);
void *wasmtime_global_set(void *context, const object_t *, const val_t *);
uint8_t *wasmtime_memory_data(void *context, const object_t *);
size_t wasmtime_memory_data_size(void *context, const object_t *);
uint8_t *wasmtime_sharedmemory_data(void *shared);
size_t wasmtime_sharedmemory_data_size(void *shared);
uint64_t wasmtime_table_size(void *context, const object_t *);
bool wasmtime_table_get(void *context, const object_t *, uint64_t index, val_t *);
bool wasmtime_externref_new(void *context, void *data, void (*finalizer)(void *), anyref_t *);
void *wasmtime_externref_data(void *context, const anyref_t *);
void wasmtime_val_unroot(val_t *);
bool wasmtime_context_take_exception(void *context, anyref_t *);
void wasmtime_exnref_unroot(anyref_t *);

static void *engine, *store, *context, *host_module;
static instance_t instances[2];

static void fail(const char *what)
{
	fprintf(stderr, "%s failed: %s\n", what, error);
	exit(1);
}

/* ---- How things end ---- */

static int ended(void *failure, void *trap)
{
	static const int kinds[] = {
		/* in the order of wasmtime_trap_code_enum */
		PAL_TRAP_STACK_OVERFLOW, PAL_TRAP_MEMORY_OUT_OF_BOUNDS, PAL_TRAP_UNALIGNED_ATOMIC, PAL_TRAP_TABLE_OUT_OF_BOUNDS,
		PAL_TRAP_INDIRECT_CALL_NULL, PAL_TRAP_INDIRECT_CALL_TYPE, PAL_TRAP_INTEGER_OVERFLOW,
		PAL_TRAP_INTEGER_DIVIDE_BY_ZERO, PAL_TRAP_INVALID_CONVERSION, PAL_TRAP_UNREACHABLE, OTHER_ERROR, OTHER_ERROR,
		PAL_TRAP_EXPECTED_SHARED, PAL_TRAP_NULL_REFERENCE, OTHER_ERROR, OTHER_ERROR, PAL_TRAP_CAST_FAILURE,
	};
	uint8_t code;
	anyref_t exception;
	name_t message = { 0, NULL };
	int kind = OTHER_ERROR;
	if (!failure && !trap)
		return NO_TRAP;
	if (failure) {
		wasmtime_error_message(failure, &message);
		wasmtime_error_delete(failure);
	} else {
		if (wasmtime_trap_code(trap, &code) && code < sizeof kinds / sizeof *kinds)
			kind = kinds[code];
		wasm_trap_message(trap, &message);
		wasm_trap_delete(trap);
	}
	if (context && wasmtime_context_take_exception(context, &exception)) {
		wasmtime_exnref_unroot(&exception);
		kind = PAL_TRAP_UNCAUGHT_EXCEPTION;
	}
	size_t length = message.size < sizeof error ? message.size : sizeof error - 1;
	memcpy(error, message.data, length);
	error[length] = 0;
	error[strcspn(error, "\n")] = 0;
	free(message.data);
	return kind;
}

/* ---- Values ---- */

/* Only externrefs have a number. */
static value from_val(val_t *v)
{
	value out;
	memset(&out, 0, sizeof out);
	if (v->kind == FUNCREF)
		out.ref = v->of.func.store ? SOME_REFERENCE : NULL;
	else if (v->kind == EXNREF)
		out.ref = v->of.externref.store ? SOME_REFERENCE : NULL;
	else if (v->kind == EXTERNREF)
		out.ref = v->of.externref.store ? wasmtime_externref_data(context, &v->of.externref) : NULL;
	else
		memcpy(out.bytes, v->of.bytes, 16);
	wasmtime_val_unroot(v);
	return out;
}

/* `e` is an externref; `r`, `n`, `x` are null: a function, an externref, an exception. */
static val_t to_val(char type, const value *v)
{
	static const char letters[] = "ilfdvre-x"; /* in the order of kinds */
	val_t out;
	memset(&out, 0, sizeof out);
	out.kind = (uint8_t)(type == 'n' ? EXTERNREF : strchr(letters, type) - letters);
	if (type == 'e' && v->ref)
		wasmtime_externref_new(context, v->ref, NULL, &out.of.externref);
	else if (!strchr("renx", type))
		memcpy(out.of.bytes, v->bytes, 16);
	return out;
}

/* ---- The side ---- */

static void *load(const char *path)
{
	FILE *file = fopen(path, "rb");
	static uint8_t *bytes;
	void *module = NULL;
	if (!file || fseek(file, 0, SEEK_END))
		fail(path);
	size_t size = (size_t)ftell(file);
	rewind(file);
	bytes = realloc(bytes, size);
	if (fread(bytes, 1, size, file) != size)
		fail(path);
	fclose(file);
	return ended(wasmtime_module_new(engine, bytes, size, &module), NULL) == NO_TRAP ? module : NULL;
}

void side_begin(int argc, char **argv)
{
	void *config = wasm_config_new();
#define SWITCH_ON(name) wasmtime_config_##name##_set(config, true);
	SWITCHES(SWITCH_ON)
	wasmtime_config_parallel_compilation_set(config, false);
	wasmtime_config_wasm_relaxed_simd_deterministic_set(config, argc > 3 && strcmp(argv[3], "relaxed") == 0);
	wasmtime_config_memory_init_cow_set(config, false); /* a file for each module takes longer than its few bytes */
	/* Code that went through fewer of the optimizer's hands than ours. */
	wasmtime_config_cranelift_opt_level_set(config, OPT_LEVEL_NONE);
	wasmtime_config_async_stack_size_set(config, (size_t)192 << 20);
	wasmtime_config_max_wasm_stack_set(config, (size_t)128 << 20);
	engine = wasm_engine_new_with_config(config);
	if (argc < 3 || !(host_module = load(argv[2])))
		fail("the host module");
}

static int make(void *linker, int instance, void *module)
{
	void *trap = NULL;
	void *failure = wasmtime_linker_instantiate(linker, context, module, &instances[instance], &trap);
	return ended(failure, trap);
}

int side_instantiate(int module, const char *path, bool with_host)
{
	(void)module;
	if (store)
		wasmtime_store_delete(store);
	store = wasmtime_store_new(engine, NULL, NULL);
	context = wasmtime_store_context(store);
	void *linker = wasmtime_linker_new(engine), *code = load(path);
	int trap = code ? NO_TRAP : OTHER_ERROR;
	if (trap == NO_TRAP && with_host) {
		trap = make(linker, HOST, host_module);
		if (wasmtime_linker_define_instance(linker, context, "host", 4, &instances[HOST]))
			fail("defining the host's instance");
	}
	if (trap == NO_TRAP)
		trap = make(linker, GUEST, code);
	if (code)
		wasmtime_module_delete(code);
	wasmtime_linker_delete(linker);
	return trap;
}

static extern_t find(int instance, struct name name)
{
	extern_t found;
	if (!wasmtime_instance_export_get(context, &instances[instance], name.text, name.length, &found))
		fail("finding an export");
	return found;
}

int side_call(int instance, struct name name, const char *parameters, const value *arguments, const char *types,
              value *results)
{
	static val_t in[MAX_VALUES], out[MAX_VALUES];
	extern_t export = find(instance, name);
	void *trap = NULL;
	size_t count = strlen(parameters), result_count = strlen(types);
	for (size_t i = 0; i < count; i++)
		in[i] = to_val(parameters[i], &arguments[i]);
	void *failure = wasmtime_func_call(context, &export.of.func, in, count, out, result_count, &trap);
	int end = ended(failure, trap);
	for (size_t i = 0; i < count; i++)
		wasmtime_val_unroot(&in[i]);
	for (size_t i = 0; end == NO_TRAP && i < result_count; i++)
		results[i] = from_val(&out[i]);
	return end;
}

void side_global(int instance, struct name name, char type, value *out)
{
	(void)type;
	extern_t export = find(instance, name);
	val_t v;
	wasmtime_global_get(context, &export.of.object, &v);
	*out = from_val(&v);
}

void side_set_i32(int instance, struct name name, int32_t to)
{
	extern_t export = find(instance, name);
	val_t v = { I32, { .i = to } };
	if (wasmtime_global_set(context, &export.of.object, &v))
		fail("setting a global");
}

const uint8_t *side_memory(int instance, struct name name, uint64_t *size)
{
	extern_t export = find(instance, name);
	if (export.kind == EXTERN_SHARED) {
		*size = wasmtime_sharedmemory_data_size(export.of.shared);
		return wasmtime_sharedmemory_data(export.of.shared);
	}
	*size = wasmtime_memory_data_size(context, &export.of.object);
	return wasmtime_memory_data(context, &export.of.object);
}

uint64_t side_table_size(int instance, struct name name)
{
	extern_t export = find(instance, name);
	return wasmtime_table_size(context, &export.of.object);
}

void *side_table_get(int instance, struct name name, uint64_t index, char type)
{
	extern_t export = find(instance, name);
	val_t v;
	(void)type;
	if (!wasmtime_table_get(context, &export.of.object, index, &v))
		fail("reading a table");
	return from_val(&v).ref;
}
