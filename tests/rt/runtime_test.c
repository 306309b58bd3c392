/* Tests of the runtime's core without the compiler: guest.c stands in for compiled code. tests/rt/run.sh builds and
 * runs them in every way that matters. */
#define _GNU_SOURCE
#include "context.h"
#include "grants.h"
#include "guest.h"
#include "guest_copy.h"
#include "memory.h"
#include "palisade.h"
#include "table.h"
#include "thread.h"
#include "trap.h"
#include "type.h"
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static _Atomic int checks;
static int rounds = 50; /* fewer where FEW is set: qemu 7 never frees what it notes about 4 GiB of address space */
#define CHECK(condition) \
	do { \
		checks++; \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: failed: %s (last trap: %s)\n", __FILE__, __LINE__, #condition, pal_last_trap()->message); \
			exit(1); \
		} \
	} while (0)

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#define WITH_ASAN __has_feature(address_sanitizer)
#else
#define WITH_ASAN 0
#endif

/* ---- A module made by hand ---- */

enum { /* distances in the context */
	AT_MEMORIES = 128, AT_TABLES = 192, AT_TYPES = 208, AT_FUNCS = 304, AT_DATA_DROPPED = 312, AT_ELEM_DROPPED = 320,
	AT_IMPORT_MODULE = 328, AT_GLOBAL = 336, CONTEXT_SIZE = 352,
};
static const char strings[] = "\0load\0unreachable\0call\0recurse\0divide\0null\0stray\0check\0c\0a\0f\0wasi";
enum { NAME_A = 57, NAME_F = 59 };

enum { FUNCTIONS = 9, SITES = 10 };
static uint32_t function_start[FUNCTIONS + 1], site_code[SITES], site_wasm[SITES];
static uint32_t function_name[FUNCTIONS] = { 1, 6, 18, 23, 31, 38, 43, 49, 0 /* no name */ };
static uint8_t site_kind[SITES];
static const uint32_t globals[] = { AT_GLOBAL };
static const uint32_t type_start[] = { 0, 4, 7 };
static const uint8_t types_data[] = { 0x60, 1, 0x7f, 0, 0x60, 0, 0 }; /* (i32) -> (), () -> () */
static const struct pal_func_desc funcs[] = { { 0, 0, 0 }, { 0, 1, 1 } };
static const uint32_t items[] = { PAL_ITEM_FUNC | 1, PAL_ITEM_NULL, PAL_ITEM_GLOBAL | 0, PAL_ITEM_FUNC };
static const uint8_t data[] = "hello, world";

static struct pal_memory_desc memory_desc = { 1, 3, 16, 0, 0, PAL_MODE_GUARD, 1, -1, 0, 0, 0, 0, 0 };
static struct pal_table_desc table_desc = { 4, 8, 0, 0, { 0 }, PAL_TYPE_FUNCREF, -1, PAL_ITEM_NULL };
static const struct pal_elem_segment elem_segments[] = {
	{ 1, 0, 3, 0, PAL_SEGMENT_ACTIVE }, { 0, 1, 2, 0, PAL_SEGMENT_PASSIVE }, { 0, 0, 4, 0, PAL_SEGMENT_DECLARED },
};
static const struct pal_data_segment data_segments[] = {
	{ 0, 0, 5, 0, PAL_SEGMENT_COMPUTED }, { 0, 7, 5, 0, PAL_SEGMENT_PASSIVE },
};

static uint64_t computed_offset = 100;
static void init(void *pinned, uint64_t *computed)
{
	computed[0] = computed_offset;
	void *ref = (uint8_t *)pinned - AT_FUNCS;
	memcpy((uint8_t *)pinned - AT_GLOBAL, &ref, sizeof ref);
}

static struct pal_module module = {
	.abi = PAL_ABI, .size = PAL_MODULE_SIZE, .name = "hand", .strings = strings,
	.function_start = function_start, .function_name = function_name,
	.site_code = site_code, .site_wasm = site_wasm, .site_kind = site_kind,
	.init = init, .memories = &memory_desc, .tables = &table_desc, .globals = globals,
	.type_start = type_start, .types_data = types_data, .funcs = funcs,
	.data_segments = data_segments, .data = data, .elem_segments = elem_segments, .items = items,
	.functions = FUNCTIONS, .imported_functions = 2, .sites = SITES,
	.memory_count = 1, .table_count = 1, .global_count = 1, .type_count = 2, .func_count = 2,
	.data_segment_count = 2, .elem_segment_count = 3, .computed_count = 1,
	.context_size = CONTEXT_SIZE, .memories_at = AT_MEMORIES, .tables_at = AT_TABLES, .types_at = AT_TYPES,
	.funcs_at = AT_FUNCS, .data_dropped_at = AT_DATA_DROPPED, .elem_dropped_at = AT_ELEM_DROPPED,
	.flags = PAL_MODULE_BASE_PINNED,
};

static void set_site(int i, const uint8_t *at, uint8_t kind)
{
	site_code[i] = (uint32_t)(at - guest_text);
	site_wasm[i] = 0x100 + (uint32_t)i;
	site_kind[i] = kind;
}

static void make_module(void)
{
	const uint8_t *starts[] = { guest_load, guest_unreachable, guest_call, guest_recurse, guest_divide, guest_null,
	                            guest_stray, guest_check, guest_c, guest_functions_end };
	for (int i = 0; i <= FUNCTIONS; i++)
		function_start[i] = (uint32_t)(starts[i] - guest_text);
	set_site(0, guest_load_site, PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	set_site(1, guest_unreachable_site, PAL_TRAP_UNREACHABLE);
	set_site(2, guest_call_site, PAL_SITE_CALL);
	set_site(3, guest_recurse_site, PAL_SITE_CALL);
	set_site(4, guest_recurse_site, PAL_TRAP_UNREACHABLE);
	set_site(5, guest_divide_site, PAL_TRAP_INTEGER_DIVIDE_BY_ZERO);
	set_site(6, guest_null_site, PAL_TRAP_NULL_REFERENCE);
	set_site(7, guest_check_site, PAL_SITE_MEMORY + 3);
	set_site(8, guest_c_site, PAL_SITE_CALL);
	set_site(9, guest_functions_end, PAL_SITE_CALL);
	module.text = guest_text;
	module.text_size = (uint64_t)(guest_text_end - guest_text);
}

static void *no_imports[1];

static void *new_instance(const struct pal_module *of)
{
	void *instance;
	CHECK(pal_rt_instantiate(of, &instance, no_imports) == PAL_TRAP_NONE);
	return instance;
}

static struct pal_memory *memory_of(void *pinned)
{
	return ((struct pal_view *)((uint8_t *)pinned - AT_MEMORIES))->owner;
}

static struct pal_table *table_of(void *pinned)
{
	return ((struct pal_view *)((uint8_t *)pinned - AT_TABLES))->owner;
}

struct call {
	void *pinned;
	uint64_t argument;
	const void *code;
	int32_t result;
};
static void do_call(void *arg)
{
	struct call *call = arg;
	call->result = guest_enter(call->pinned, call->argument, call->code);
}
static pal_trap call(void *pinned, const void *code, uint64_t argument)
{
	struct call call = { pinned, argument, code, 0 };
	return pal_try(do_call, &call);
}

/* Runs fn in a child process: its wait status, and what it wrote to stderr. */
static char child_output[4096];
static int in_child(void (*fn)(void *), void *arg)
{
	int ends[2];
	CHECK(pipe(ends) == 0);
	fflush(NULL);
	pid_t child = fork();
	CHECK(child >= 0);
	if (child == 0) {
		dup2(ends[1], 2);
		close(ends[0]);
		struct rlimit none = { 0, 0 };
		setrlimit(RLIMIT_CORE, &none);
		fn(arg);
		_exit(77);
	}
	close(ends[1]);
	size_t length = 0;
	ssize_t got;
	while ((got = read(ends[0], child_output + length, sizeof child_output - 1 - length)) > 0)
		length += (size_t)got;
	child_output[length] = 0;
	close(ends[0]);
	int status;
	CHECK(waitpid(child, &status, 0) == child);
	return status;
}

static int begins_with(const char *text, const char *beginning) /* emulators add a line of theirs */
{
	return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* ---- Rounding, types, texts ---- */

static void test_round(void)
{
	CHECK(pal_rt_nearest_f64(2.5) == 2 && pal_rt_nearest_f64(3.5) == 4 && pal_rt_nearest_f32(-0.5f) == 0);
	CHECK(signbit(pal_rt_nearest_f32(-0.5f)) && signbit(pal_rt_ceil_f64(-0.9)) && signbit(pal_rt_trunc_f32(-0.0f)));
	CHECK(isnan(pal_rt_floor_f64(NAN)) && isinf(pal_rt_ceil_f32(INFINITY)));
	for (double x = -9; x <= 9; x += 0.125) {
		CHECK(pal_rt_floor_f64(x) == __builtin_floor(x) && pal_rt_ceil_f64(x) == __builtin_ceil(x));
		CHECK(pal_rt_trunc_f32((float)x) == __builtin_truncf((float)x));
		CHECK(pal_rt_nearest_f32((float)x) == __builtin_rintf((float)x));
	}
	CHECK(pal_rt_floor_f64(-4503599627370495.5) == -4503599627370496.0);
	CHECK(pal_rt_nearest_f32(8388607.5f) == 8388608.0f && pal_rt_trunc_f64(1e300) == 1e300);
}

/* The number of a type that stands alone. */
static uint32_t interned(const uint8_t *bytes, uint32_t length)
{
	uint32_t start[] = { 0, length }, number;
	return pal_types_intern(bytes, start, 1, &number) ? number : PAL_TYPE_NONE;
}

static void test_plain_types(void)
{
	uint32_t first = interned(types_data, 4);
	CHECK(first != PAL_TYPE_NONE && interned(types_data, 4) == first && interned(types_data + 4, 3) != first);
	uint32_t numbers[1000];
	for (unsigned i = 0; i < 1000; i++) { /* more than one chunk, and the hash table grows */
		uint8_t bytes[] = { 0x60, 2, 0x7f - i % 5, 0x7f - i / 5 % 5, 4, 0x7f - i / 25 % 5, 0x7f - i / 125 % 5,
		                    0x7f - i / 625, 0x7e };
		numbers[i] = interned(bytes, sizeof bytes);
		CHECK(interned(bytes, sizeof bytes) == numbers[i] && (i == 0 || numbers[i] != numbers[i - 1]));
	}
	CHECK(interned(types_data, 4) == first);
	CHECK(pal_type_is_subtype(first, first) && !pal_type_is_subtype(first, numbers[0]));
}

/* (rec (type $a (sub (func (param (ref null $b))))) (type $b (func (param (ref $a))))), then (type $c (sub final $a
 * (func (param (ref null $b))))), at any place among a module's types */
static void test_recursive_types(void)
{
	static const uint8_t data[] = {
		0x60, 0, 0,
		PAL_TYPE_SUB, 0, 0x60, 1, PAL_TYPE_REF_NULL, PAL_TYPE_INDEX, 2, 0, 0, 0, 0,
		PAL_TYPE_CONTINUES, 0x60, 1, PAL_TYPE_REF, PAL_TYPE_INDEX, 1, 0, 0, 0, 0,
		PAL_TYPE_SUB_FINAL, 1, 1, 0, 0, 0, 0x60, 1, PAL_TYPE_REF_NULL, PAL_TYPE_INDEX, 2, 0, 0, 0, 0,
	};
	static const uint8_t same[] = {
		PAL_TYPE_SUB, 0, 0x60, 1, PAL_TYPE_REF_NULL, PAL_TYPE_INDEX, 1, 0, 0, 0, 0,
		PAL_TYPE_CONTINUES, 0x60, 1, PAL_TYPE_REF, PAL_TYPE_INDEX, 0, 0, 0, 0, 0,
		0x60, 1, PAL_TYPE_REF, PAL_TYPE_INDEX, 0, 0, 0, 0, 0, /* as $b, but alone */
	};
	uint32_t start[] = { 0, 3, 14, 24, 39 }, same_start[] = { 0, 11, 21, 30 }, types[4], again[3];
	_Static_assert(sizeof data == 39 && sizeof same == 30, "as the starts say");
	CHECK(pal_types_intern(data, start, 4, types) && pal_types_intern(same, same_start, 3, again));
	CHECK(again[0] == types[1] && again[1] == types[2] && again[2] != types[2]);
	CHECK(pal_type_is_subtype(types[3], types[1]) && !pal_type_is_subtype(types[1], types[3]));

	struct pal_func func = { .type = types[3] };
	uint32_t a = pal_interned_value_type(PAL_TYPE_CONCRETE | PAL_TYPE_NON_NULL | 1 << PAL_TYPE_SHIFT, types);
	uint32_t c = pal_interned_value_type(PAL_TYPE_CONCRETE | 3 << PAL_TYPE_SHIFT, types);
	CHECK(pal_reference_matches(&func, a) && !pal_reference_matches(NULL, a) && pal_reference_matches(NULL, c));
	CHECK(!pal_value_type_matches(c, a) && pal_value_type_matches(c | PAL_TYPE_NON_NULL, a));
	CHECK(pal_value_type_matches(a, PAL_TYPE_FUNCREF) && !pal_value_type_matches(PAL_TYPE_FUNCREF, c));
	CHECK(pal_value_type_matches(PAL_TYPE_NOFUNC, c) && !pal_value_type_matches(PAL_TYPE_NOFUNC, a));
	CHECK(!pal_value_type_matches(PAL_TYPE_EXTERNREF, PAL_TYPE_FUNCREF) && !pal_reference_matches(&func, PAL_TYPE_NOFUNC));
	char buffer[64];
	struct pal_text text = pal_text_in(buffer, sizeof buffer);
	pal_value_type_text(&text, a);
	CHECK(strcmp(buffer, "(ref ((ref null …)) -> ())") == 0);
}

static void test_types(void)
{
	test_plain_types();
	test_recursive_types();
	static const uint8_t bytes[] = { 0x60, 2, 0x7f, 0x7e, 1, 0x7d };
	char buffer[64];
	struct pal_text text = pal_text_in(buffer, sizeof buffer);
	pal_type_text(&text, interned(bytes, sizeof bytes));
	CHECK(strcmp(buffer, "(i32, i64) -> f32") == 0);
	text = pal_text_in(buffer, 5);
	pal_text_decimal(&text, UINT64_MAX);
	CHECK(strcmp(buffer, "1844") == 0);
	text = pal_text_in(buffer, sizeof buffer);
	pal_text_name(&text, "a\x1b[2J");
	CHECK(strcmp(buffer, "a?[2J") == 0);
}

/* ---- Memories ---- */

static void test_memory(void)
{
	pal_memory *memory;
	pal_memory_options options = { .min_pages = 1, .max_pages = 3, .has_max = 1 };
	CHECK(pal_memory_new(&memory, &options) == PAL_OK && pal_memory_size(memory) == 65536);
	CHECK(pal_memory_is_guarded(memory));
	uint8_t *base = pal_memory_data(memory);
	base[65535] = 1;
	struct pal_view view = { 0 };
	pal_memory_attach(memory, &view);
	uint64_t old = 99;
	CHECK(pal_memory_grow(memory, 2, &old) == PAL_OK && old == 1 && view.size == 3 * 65536 && view.base == base);
	CHECK(pal_memory_grow(memory, 1, &old) == PAL_E_RANGE && old == 1 && pal_memory_size(memory) == 3 * 65536);
	CHECK(pal_memory_grow(memory, UINT64_MAX, &old) == PAL_E_RANGE);
	CHECK(base[65536] == 0 && base[3 * 65536 - 1] == 0);
	pal_memory_detach(memory, &view);
	CHECK(pal_memory_grow(memory, 0, &old) == PAL_OK && old == 3);
	pal_memory_free(memory);

	options = (pal_memory_options){ .min_pages = 2, .max_pages = 1, .has_max = 1 };
	CHECK(pal_memory_new(&memory, &options) == PAL_E_RANGE && memory == NULL);
	options = (pal_memory_options){ .min_pages = 65537 };
	CHECK(pal_memory_new(&memory, &options) == PAL_E_RANGE);
	options = (pal_memory_options){ .min_pages = (uint64_t)1 << 47, .index64 = 1 };
	CHECK(pal_memory_new(&memory, &options) == PAL_E_NOMEM);
	options = (pal_memory_options){ .min_pages = ((uint64_t)1 << 48) + 1, .index64 = 1 };
	CHECK(pal_memory_new(&memory, &options) == PAL_E_RANGE);
	options = (pal_memory_options){ .shared = 1 };
	CHECK(pal_memory_new(&memory, &options) == PAL_E_ARGUMENT);

	options = (pal_memory_options){ .min_pages = 0, .max_pages = 70000, .has_max = 1 };
	CHECK(pal_memory_new(&memory, &options) == PAL_OK && pal_memory_grow(memory, 65537, &old) == PAL_E_RANGE);
	pal_memory_free(memory);
}

/* Compact memories without a maximum move; views follow, bytes stay, fresh ones are zero. */
static void test_memory_moves(void)
{
	pal_memory *memory;
	pal_memory_options options = { .compact = 1 };
	CHECK(pal_memory_new(&memory, &options) == PAL_OK && pal_memory_size(memory) == 0);
	CHECK(!pal_memory_is_guarded(memory) && pal_memory_data(memory) != NULL);
	struct pal_view view = { 0 };
	pal_memory_attach(memory, &view);
	for (uint64_t i = 0; i < 200; i++) {
		uint64_t old;
		CHECK(pal_memory_grow(memory, 1, &old) == PAL_OK && old == i);
		CHECK(view.size == (i + 1) * 65536 && view.base == pal_memory_data(memory));
		CHECK(view.base[i * 65536] == 0 && view.base[i * 65536 + 65535] == 0 && (i == 0 || view.base[i * 65536 - 65536] == i));
		view.base[i * 65536] = (uint8_t)(i + 1);
	}
	CHECK(pal_memory_grow(memory, (uint64_t)1 << 40, NULL) == PAL_E_RANGE);
	pal_memory_free(memory);

	/* one-byte pages */
	struct pal_memory_spec spec = { .minimum = 10, .maximum = UINT64_MAX, .page_log2 = 0 };
	CHECK(pal_memory_make(&memory, &spec) == PAL_OK && memory->size == 10);
	CHECK(pal_memory_grow(memory, UINT32_MAX - 9, NULL) == PAL_E_RANGE && pal_memory_grow(memory, 100000, NULL) == PAL_OK);
	CHECK(memory->size == 100010);
	memset(memory->base, 1, 100010);
	uint8_t byte;
	CHECK(pal_guest_read(memory, &byte, 100009, 1) && !pal_guest_read(memory, &byte, 100010, 1));
	pal_memory_free(memory);
	/* a maximum small enough to reserve: stays in place */
	spec = (struct pal_memory_spec){ .minimum = 1, .maximum = 100, .page_log2 = 16, .index64 = 1 };
	CHECK(pal_memory_make(&memory, &spec) == PAL_OK);
	uint8_t *base = memory->base;
	CHECK(pal_memory_grow(memory, 99, NULL) == PAL_OK && memory->base == base);
	memset(base, 7, 100 * 65536);
	pal_memory_free(memory);
}

static void test_guest_copy(void)
{
	pal_memory *memory;
	pal_memory_options options = { .min_pages = 2, .max_pages = 2, .has_max = 1, .shared = 1 };
	CHECK(pal_memory_new(&memory, &options) == PAL_OK && memory->may_fault);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *base = pal_memory_data(memory), buffer[300];
	for (int i = 0; i < 300; i++)
		buffer[i] = (uint8_t)(i * 7);
	for (uint64_t size = 0; size < 300; size += 13) {
		memset(base, 0, 400);
		CHECK(pal_guest_write(memory, 3, buffer, size) && memcmp(base + 3, buffer, size) == 0 && base[3 + size] == 0);
	}
	CHECK(pal_guest_write(memory, 131072, NULL, 0) && !pal_guest_write(memory, 131073, buffer, 0));
	CHECK(!pal_guest_read(memory, buffer, 131072 - 299, 300) && !pal_guest_read(memory, buffer, UINT64_MAX, 2));
	CHECK(!pal_guest_read(memory, buffer, 1, UINT64_MAX));
	CHECK(mprotect(base + page, page, PROT_NONE) == 0);
	CHECK(pal_guest_read(memory, buffer, page - 300, 300));
	CHECK(!pal_guest_read(memory, buffer, page - 299, 300));
	CHECK(!pal_guest_write(memory, page - 100, buffer, 300));
	CHECK(!pal_guest_write(memory, 2 * page - 1, buffer, 1) && pal_guest_write(memory, 2 * page, buffer, 1));
	CHECK(mprotect(base + page, page, PROT_READ | PROT_WRITE) == 0);
	CHECK(base[page - 100] == buffer[0] && base[page - 1] == buffer[99] && base[page] == 0); /* as far as it went */
	CHECK(pal_guest_range(memory, 131072, 0, true) == base + 131072 && pal_guest_range(memory, 131072, 1, false) == NULL);
	pal_memory_free(memory);
}

/* ---- Tables ---- */

static void test_table(void)
{
	pal_table *table;
	int a, b;
	void *ref;
	CHECK(pal_table_new(&table, PAL_TABLE_EXTERNREF, 2, 5) == PAL_OK && pal_table_size(table) == 2);
	CHECK(pal_table_get(table, 1, &ref) == PAL_OK && ref == NULL && pal_table_get(table, 2, &ref) == PAL_E_RANGE);
	CHECK(pal_table_set(table, 1, &a) == PAL_OK && pal_table_get(table, 1, &ref) == PAL_OK && ref == &a);
	CHECK(pal_table_set(table, 2, &a) == PAL_E_RANGE);
	struct pal_view view = { 0 };
	pal_table_attach(table, &view);
	uint64_t old;
	CHECK(pal_table_grow(table, 3, &b, &old) && old == 2 && view.size == 5 && view.base == (uint8_t *)table->elements);
	CHECK(table->elements[1] == &a && table->elements[2] == &b && table->elements[4] == &b);
	CHECK(!pal_table_grow(table, 1, &b, &old) && !pal_table_grow(table, UINT64_MAX, &b, &old) && table->size == 5);
	pal_table_detach(table, &view);
	pal_table_free(table);
	CHECK(pal_table_new(&table, PAL_TABLE_FUNCREF, 0, UINT64_MAX) == PAL_OK);
	for (int i = 0; i < 1000; i++)
		CHECK(pal_table_grow(table, 1, NULL, &old));
	CHECK(pal_table_grow(table, 9999000, NULL, &old) && !pal_table_grow(table, 1, NULL, &old));
	pal_table_free(table);
	CHECK(pal_table_new(&table, PAL_TABLE_FUNCREF, 3, 2) == PAL_E_RANGE && table == NULL);
	CHECK(pal_table_new(&table, (pal_table_type)1, 0, 2) == PAL_E_ARGUMENT);
}

/* ---- pal_try ---- */

static void raise_host(void *message)
{
	pal_raise(PAL_TRAP_HOST, message);
}

static void nothing(void *arg)
{
	*(int *)arg += 1;
}

static void nest(void *arg)
{
	int *order = arg;
	CHECK(pal_try(raise_host, "inner") == PAL_TRAP_HOST && strcmp(pal_last_trap()->message, "inner") == 0);
	CHECK(pal_try(nothing, order) == PAL_TRAP_NONE && *order == 1);
	pal_rt_trap(PAL_TRAP_UNREACHABLE, NULL, -1, 0);
}

static jmp_buf away;
static void jump_away(void *arg)
{
	(void)arg;
	longjmp(away, 1);
}

/* Raises with the stack pointer far below dead frames, over whose place other bytes lie. */
__attribute__((noinline)) static void raise_deep(void *arg)
{
	volatile char room[20000];
	for (size_t i = 0; i < sizeof room; i++)
		room[i] = (char)i;
	raise_host(arg);
}

/* Leaves a dead frame far below its caller's, where nothing will have been written over it. */
__attribute__((noinline)) static void jump_from_deep(void)
{
	volatile char room[20000];
	room[0] = room[19999] = 1;
	pal_try(jump_away, NULL);
}

static void leave_dead_entries(void *arg)
{
	for (volatile int i = 0; i < 100; i++) /* they must not pile up either */
		if (setjmp(away) == 0)
			pal_try(jump_away, NULL);
	CHECK(pal_try(raise_host, "alive") == PAL_TRAP_HOST);
	if (setjmp(away) == 0)
		jump_from_deep();
	static int passes;
	CHECK(++passes <= (arg ? 2 : 1)); /* a trap that lands in the dead frame would come by again */
	if (arg)
		raise_deep("deep");
	raise_host("shallow");
}

static void exit_five(void *arg)
{
	(void)arg;
	pal_rt_exit(5);
}

static void uncaught(void *arg)
{
	pal_raise(PAL_TRAP_HOST, arg);
}

static void test_try(void)
{
	CHECK(pal_last_trap()->kind == PAL_TRAP_NONE && pal_last_trap()->message != NULL);
	int order = 0;
	CHECK(pal_try(nest, &order) == PAL_TRAP_UNREACHABLE && strcmp(pal_last_trap()->message, "unreachable") == 0);
	CHECK(pal_try(leave_dead_entries, NULL) == PAL_TRAP_HOST && strcmp(pal_last_trap()->message, "shallow") == 0);
	CHECK(pal_try(leave_dead_entries, "") == PAL_TRAP_HOST && strcmp(pal_last_trap()->message, "deep") == 0);
	CHECK(pal_try(exit_five, NULL) == PAL_TRAP_EXIT && pal_last_trap()->exit_code == 5);
	CHECK(pal_thread.try_count == 0);
	CHECK(pal_try(nothing, &order) == PAL_TRAP_NONE && pal_thread.try_count == 0);
	int status = in_child(exit_five, NULL);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 5);
	status = in_child(uncaught, "no reason");
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	CHECK(begins_with(child_output, "palisade: trap: host trap: no reason\n"));
}

/* ---- Instances ---- */

static void test_instance(void)
{
	uint8_t *p = new_instance(&module);
	struct pal_view *view = (struct pal_view *)(p - AT_MEMORIES);
	CHECK(view->base == p && view->size == 65536 && memcmp(p + 100, "hello", 6) == 0);
	CHECK((p - AT_DATA_DROPPED)[0] == 1 && (p - AT_DATA_DROPPED)[1] == 0);
	CHECK((p - AT_ELEM_DROPPED)[0] == 1 && (p - AT_ELEM_DROPPED)[1] == 0 && (p - AT_ELEM_DROPPED)[2] == 1);
	struct pal_func *func = (struct pal_func *)(p - AT_FUNCS);
	CHECK(func[1].pinned == p && func[1].index == 1 && func[1].type != func[0].type && func[0].code == guest_text);
	uint32_t types[2];
	memcpy(types, p - AT_TYPES, sizeof types);
	CHECK(types[0] == func[0].type && types[1] == func[1].type && types[0] == interned(types_data, 4));
	void **elements = table_of(p)->elements;
	CHECK(elements[0] == NULL && elements[1] == func + 1 && elements[2] == NULL && elements[3] == func);

	/* growing, by the helpers */
	CHECK(pal_rt_memory_grow(p, 0, 1) == 1 && view->size == 131072 && pal_rt_memory_grow(p, 0, 2) == UINT64_MAX);
	CHECK(pal_rt_table_grow(p, 0, func, 4) == 4 && table_of(p)->elements[7] == func);
	CHECK(pal_rt_table_grow(p, 0, func, 1) == UINT64_MAX);
	CHECK(((struct pal_view *)(p - AT_TABLES))->base == (uint8_t *)table_of(p)->elements);

	/* the stack */
	pal_rt_stack_enter(p);
	uint64_t low, size, limit;
	memcpy(&low, p - PAL_CONTEXT_STACK_LOW, 8);
	memcpy(&size, p - PAL_CONTEXT_STACK_SIZE, 8);
	memcpy(&limit, p - PAL_CONTEXT_STACK_LIMIT, 8);
	uint64_t here = (uint64_t)(uintptr_t)__builtin_frame_address(0);
	CHECK(here - low < size && limit >= low + PAL_STACK_RESERVE && limit < here);

	/* the memory outlives the instance, the table, too */
	pal_memory *memory = memory_of(p);
	pal_memory_retain(memory);
	pal_rt_free(p);
	CHECK(memcmp((char *)pal_memory_data(memory) + 100, "hello", 6) == 0 && pal_memory_grow(memory, 1, NULL) == PAL_OK);
	pal_memory_free(memory);
	pal_rt_free(NULL);
	for (int i = 0; i < 20 * rounds; i++)
		pal_rt_free(new_instance(&module));
}

/* Without PAL_MODULE_BASE_PINNED: P is just past the context. */
static void test_instance_alone(void)
{
	struct pal_module alone = module;
	struct pal_memory_desc checked = memory_desc;
	checked.mode = PAL_MODE_CHECKED;
	checked.exported = 0;
	alone.flags = 0;
	alone.memories = &checked;
	uint8_t *p = new_instance(&alone);
	CHECK(memory_of(p)->layout == PAL_LAYOUT_FIXED);
	CHECK(memcmp(memory_of(p)->base + 100, "hello", 5) == 0);
	pal_rt_free(p);
	checked.exported = 1;
	p = new_instance(&alone);
	CHECK(pal_memory_is_guarded(memory_of(p)));
	pal_rt_free(p);
}

struct bulk {
	void *p;
	int which;
};
static void do_bulk(void *arg)
{
	struct bulk *bulk = arg;
	void *p = bulk->p;
	switch (bulk->which) {
	case 0: pal_rt_memory_fill(p, 0, 65536, 1, 0); break;
	case 1: pal_rt_memory_fill(p, 0, 65530, 0x1ff, 6); break;
	case 2: pal_rt_memory_copy(p, 0, 65530, 0, 100, 5); break;
	case 3: pal_rt_memory_init(p, 0, 1, 200, 1, 4); break;
	case 4: pal_rt_memory_init(p, 0, 0, 0, 0, 0); break; /* dropped: of length 0 */
	case 5: pal_rt_table_init(p, 0, 1, 0, 0, 2); break;
	case 6: pal_rt_table_copy(p, 0, 1, 0, 0, 3); break;
	case 7: pal_rt_table_fill(p, 0, 4, NULL, 0); break;
	/* and those that trap */
	case 100: pal_rt_memory_fill(p, 0, 65537, 1, 0); break;
	case 101: pal_rt_memory_fill(p, 0, 65530, 9, 7); break;
	case 102: pal_rt_memory_fill(p, 0, 1, 9, UINT64_MAX); break;
	case 103: pal_rt_memory_copy(p, 0, 0, 0, 65530, 7); break;
	case 104: pal_rt_memory_copy(p, 0, 65530, 0, 0, 7); break;
	case 105: pal_rt_memory_init(p, 0, 1, 0, 1, 5); break;
	case 106: pal_rt_memory_init(p, 0, 0, 0, 0, 1); break;
	case 200: pal_rt_table_init(p, 0, 1, 3, 0, 2); break;
	case 201: pal_rt_table_init(p, 0, 1, 0, 1, 2); break;
	case 202: pal_rt_table_copy(p, 0, 0, 0, 1, 4); break;
	case 203: pal_rt_table_copy(p, 0, 1, 0, 0, UINT64_MAX); break;
	case 204: pal_rt_table_fill(p, 0, 5, NULL, 0); break;
	case 206: pal_rt_table_fill(p, 0, 1, NULL, UINT64_MAX); break;
	case 205: pal_rt_table_init(p, 0, 2, 0, 0, 1); break; /* declared: dropped */
	}
}

static void test_bulk(void)
{
	uint8_t *p = new_instance(&module);
	struct pal_func *func = (struct pal_func *)(p - AT_FUNCS);
	struct bulk bulk = { p, 0 };
	for (; bulk.which <= 7; bulk.which++)
		CHECK(pal_try(do_bulk, &bulk) == PAL_TRAP_NONE);
	CHECK(memcmp(p + 65530, "hello\xff", 6) == 0 && memcmp(p + 200, "orld", 4) == 0 && p[204] == 0);
	void **elements = table_of(p)->elements; /* null, global (func 0), func 1 … moved up by one */
	CHECK(elements[0] == NULL && elements[1] == NULL && elements[2] == func && elements[3] == NULL);
	for (bulk.which = 100; bulk.which <= 106; bulk.which++) {
		CHECK(pal_try(do_bulk, &bulk) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
		CHECK(pal_last_trap()->memory == 0);
	}
	for (bulk.which = 200; bulk.which <= 206; bulk.which++)
		CHECK(pal_try(do_bulk, &bulk) == PAL_TRAP_TABLE_OUT_OF_BOUNDS);
	CHECK(memcmp(p + 65530, "hello\xff", 6) == 0 && p[1] == 0 && p[0] == 0); /* no effect */
	pal_rt_data_drop(p, 1);
	bulk.which = 3;
	CHECK(pal_try(do_bulk, &bulk) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	pal_rt_free(p);
}

/* Bulk instructions on pages that the host has protected: traps, with the address. */
static void test_bulk_protected(void)
{
	uint8_t *p = new_instance(&module);
	struct pal_memory *memory = memory_of(p);
	memory->may_fault = 1;
	for (int i = 0; i < 1000; i++)
		p[1000 + i] = (uint8_t)(i * 3);
	uint8_t expected[2200];
	for (int shift = -40; shift <= 40; shift++) { /* overlapping copies in both directions */
		memcpy(expected, p, sizeof expected);
		memmove(expected + 1000 + shift, expected + 1000, 777);
		pal_rt_memory_copy(p, 0, (uint64_t)(1000 + shift), 0, 1000, 777);
		CHECK(memcmp(expected, p, sizeof expected) == 0);
	}
	pal_rt_memory_fill(p, 0, 1001, 0x1ab, 37);
	CHECK(p[1001] == 0xab && p[1037] == 0xab && p[1038] == expected[1038] && p[1000] == expected[1000]);
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	CHECK(mprotect(p + 65536 - page, page, PROT_NONE) == 0);
	struct bulk bulk = { p, 1 };
	CHECK(pal_try(do_bulk, &bulk) == PAL_TRAP_MEMORY_PROTECTED && pal_last_trap()->address == 65530);
	bulk.which = 2;
	CHECK(pal_try(do_bulk, &bulk) == PAL_TRAP_MEMORY_PROTECTED && pal_last_trap()->memory == 0);
	CHECK(call(p, guest_load, 65536 - page) == PAL_TRAP_MEMORY_PROTECTED);
	pal_rt_free(p);
}

/* ---- Faults of compiled code ---- */

static void test_traps(void)
{
	uint8_t *p = new_instance(&module);
	const pal_trap_info *trap = pal_last_trap();
	struct call good = { p, 100, guest_load, 0 };
	CHECK(pal_try(do_call, &good) == PAL_TRAP_NONE && good.result == 'h');
	CHECK(call(p, guest_load, 65536) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	CHECK(trap->memory == 0 && trap->address == 65536 && trap->offset == 0x100 && strcmp(trap->function, "load") == 0);
	CHECK(strcmp(trap->message, "out of bounds memory access: address 0x10000 of memory 0") == 0);
	CHECK(call(p, guest_load, UINT32_MAX) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS && trap->address == UINT32_MAX);
	CHECK(pal_rt_memory_grow(p, 0, 1) == 1 && call(p, guest_load, 65536) == PAL_TRAP_NONE);
	CHECK(call(p, guest_unreachable, 0) == PAL_TRAP_UNREACHABLE && trap->memory == -1);
	CHECK(call(p, guest_call, 0) == PAL_TRAP_UNREACHABLE && strcmp(trap->function, "unreachable") == 0);
	CHECK(call(p, guest_recurse_site, 0) == PAL_TRAP_UNREACHABLE && trap->offset == 0x104);
	CHECK(call(p, guest_divide, 0) == PAL_TRAP_INTEGER_DIVIDE_BY_ZERO && call(p, guest_divide, 1) == PAL_TRAP_NONE);
	CHECK(call(p, guest_null, 0) == PAL_TRAP_NULL_REFERENCE);
	CHECK(call(p, guest_check, 0) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS && trap->memory == 3);
	for (int i = 0; i < 1000; i++)
		CHECK(call(p, guest_load, 1 << 20) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	pal_rt_free(p);
}

/* A trap in C below wasm below C, with all registers changed on the way. */
static void trap_from_c(void *pinned)
{
	pal_rt_memory_fill(pinned, 0, 1 << 30, 0, 1);
}

static void test_registers(void)
{
	void *p = new_instance(&module);
	register uint64_t *values = calloc(8, 8); /* live over the calls, so the compiler keeps some in saved registers */
	uint64_t a = (uint64_t)getpid(), b = a * 3, c = a * 5, d = a * 7, e = a * 11;
	double x = (double)a * 0.5;
	for (int i = 0; i < 3; i++) {
		CHECK(call(p, guest_c, (uint64_t)(uintptr_t)trap_from_c) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
		CHECK(a == (uint64_t)getpid() && b == a * 3 && c == a * 5 && d == a * 7 && e == a * 11 && values[i] == 0);
		CHECK(x == (double)a * 0.5);
	}
	CHECK(pal_last_trap()->address == 1 << 30 && pal_last_trap()->offset == 0x108);
	CHECK(pal_last_trap()->function == NULL);
	free(values);
	pal_rt_free(p);
}

static void overflow(void *p)
{
	CHECK(call(p, guest_recurse, 0) == PAL_TRAP_STACK_OVERFLOW);
	CHECK(strcmp(pal_last_trap()->function, "recurse") == 0);
	CHECK(call(p, guest_recurse, 0) == PAL_TRAP_STACK_OVERFLOW);
	CHECK(call(p, guest_unreachable, 0) == PAL_TRAP_UNREACHABLE);
}

static void *overflow_thread(void *arg)
{
	(void)arg;
	void *p = new_instance(&module);
	overflow(p);
	pal_rt_free(p);
	return NULL;
}

static void test_overflow(void)
{
	overflow_thread(NULL); /* on the main thread's growing stack */
	for (int i = 0; i < 20; i++) {
		pthread_attr_t attributes;
		pthread_attr_init(&attributes);
		pthread_attr_setstacksize(&attributes, 256 * 1024 + 4096 * (size_t)i * 16);
		pthread_t thread;
		CHECK(pthread_create(&thread, &attributes, overflow_thread, NULL) == 0 && pthread_join(thread, NULL) == 0);
		pthread_attr_destroy(&attributes);
	}
}

/* ---- Faults that are not ours ---- */

static void run_stray(void *p)
{
	call(p, guest_stray, 0);
}
static void run_wild(void *p)
{
	call(p, guest_null, 1 << 20); /* a null reference's site, but not near address 0 */
}
#ifdef __x86_64__
static void run_escape(void *p)
{
	call(p, guest_load_site, (uint64_t)-1 << 40); /* an access to memory that leaves the memory */
}
#endif
static volatile uintptr_t nowhere = 16;
static void wild_try(void *arg)
{
	(void)arg;
	*(volatile int *)nowhere = 1;
}
static void run_host_bug(void *p)
{
	(void)p;
	pal_try(wild_try, NULL);
}
static void run_kill(void *p)
{
	call(p, guest_load, 0);
	kill(getpid(), SIGFPE);
	pause();
}
static void run_uncaught(void *p)
{
	guest_enter(p, (uint64_t)(uintptr_t)trap_from_c, guest_c);
}
static void run_uncaught_fault(void *p)
{
	guest_enter(p, 0, guest_call);
}

static void check_killed(void (*fn)(void *), void *p, int signal)
{
	int status = in_child(fn, p);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == signal);
}

static sigjmp_buf back;
static volatile sig_atomic_t seen;
static void host_handler(int signal)
{
	seen = signal;
	siglongjmp(back, 1);
}

static void run_with_host_handler(void *p)
{
	/* in a fresh process the host's handler comes first, then the runtime's: see main */
	for (volatile int i = 0; i < 3; i++) {
		seen = 0;
		if (sigsetjmp(back, 1) == 0)
			run_host_bug(p);
		CHECK(seen == SIGSEGV);
		CHECK(call(p, guest_load, 1 << 20) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	}
	_exit(0);
}

static void test_strays(void)
{
	void *p = new_instance(&module);
	check_killed(run_stray, p, SIGILL);
	check_killed(run_wild, p, SIGSEGV);
#ifdef __x86_64__
	check_killed(run_escape, p, SIGSEGV);
#endif
	check_killed(run_host_bug, p, SIGSEGV);
	check_killed(run_kill, p, SIGFPE);
	check_killed(run_uncaught, p, SIGABRT);
	CHECK(begins_with(child_output, "palisade: trap: out of bounds memory access: address 0x40000000 of memory 0\n"
	                           "    0: hand!func[10] at 0x108\n"));
	check_killed(run_uncaught_fault, p, SIGABRT);
	CHECK(begins_with(child_output, "palisade: trap: unreachable\n    0: hand!unreachable at 0x101\n"
	                           "    1: hand!call at 0x102\n"));
	pal_rt_free(p);
}

/* ---- Linking ---- */

static void *given;
static void *give(void *env)
{
	(void)env;
	return given;
}

static struct pal_import an_import = { .accessor = (const void *)give, .kind = PAL_KIND_MEMORY, .name = NAME_F };
static const struct pal_import_module import_module = { NULL, NAME_A, AT_IMPORT_MODULE };

static struct pal_module importing(void)
{
	struct pal_module importer = module;
	importer.name = "b";
	importer.imports = &an_import;
	importer.import_modules = &import_module;
	importer.import_count = importer.import_module_count = 1;
	return importer;
}

static void check_refused(const struct pal_module *importer, void *env, const char *message)
{
	void *instance = &instance, *imports[] = { env };
	CHECK(pal_rt_instantiate(importer, &instance, imports) == PAL_TRAP_LINK && instance == NULL);
	if (strcmp(pal_last_trap()->message, message) != 0)
		fprintf(stderr, "%s\n", pal_last_trap()->message);
	CHECK(strcmp(pal_last_trap()->message, message) == 0);
}

static void test_link_memory(void)
{
	struct pal_module importer = importing();
	struct pal_memory_desc desc = memory_desc;
	desc.import = 0;
	importer.memories = &desc;
	importer.flags = 0;
	int env;
	given = NULL;
	check_refused(&importer, &env, "module \"b\": import \"a\" \"f\": it was not given");
	pal_memory *memory;
	pal_memory_options options = { .min_pages = 1 };
	CHECK(pal_memory_new(&memory, &options) == PAL_OK);
	given = memory;
	check_refused(&importer, &env, "module \"b\": import \"a\" \"f\": expected a memory with a maximum of at most 3 pages, but it has none");
	desc.maximum = UINT64_MAX;
	desc.minimum = 2;
	check_refused(&importer, &env, "module \"b\": import \"a\" \"f\": expected a memory of at least 2 pages, but it has 1");
	CHECK(pal_memory_grow(memory, 1, NULL) == PAL_OK);
	void *p, *imports[] = { &env };
	CHECK(pal_rt_instantiate(&importer, &p, imports) == PAL_TRAP_NONE && memory_of(p) == memory);
	void *slot;
	memcpy(&slot, (uint8_t *)p - AT_IMPORT_MODULE, sizeof slot);
	CHECK(slot == &env && memcmp(memory->base + 100, "hello", 5) == 0);
	CHECK(pal_memory_grow(memory, 1, NULL) == PAL_OK && ((struct pal_view *)((uint8_t *)p - AT_MEMORIES))->size == 3 * 65536);
	pal_memory_free(memory); /* the instance still holds it */
	memory->base[5] = 5;
	pal_rt_free(p);
	options.compact = 1;
	options.min_pages = 2;
	CHECK(pal_memory_new(&memory, &options) == PAL_OK);
	given = memory;
	check_refused(&importer, &env, "module \"b\": import \"a\" \"f\": the module's code for it relies on guard pages (mode=guard), "
	              "but the memory was made without them (compact, or mode=checked in its own module)");
	desc.mode = PAL_MODE_CHECKED;
	CHECK(pal_rt_instantiate(&importer, &p, imports) == PAL_TRAP_NONE);
	pal_rt_free(p);
	desc.index64 = 1;
	check_refused(&importer, &env, "module \"b\": import \"a\" \"f\": expected a 64-bit memory, but it is a 32-bit one");
	pal_memory_free(memory);
}

static void test_link_provider(void)
{
	void *a = new_instance(&module);
	struct pal_module importer = importing();
	struct pal_module other = module;
	struct pal_export export = { &module, PAL_KIND_FUNC, 0, 1, 0 };
	an_import.provider = &export;
	an_import.kind = PAL_KIND_FUNC;
	an_import.type = 0;
	check_refused(&importer, NULL, "module \"b\": import \"a\" \"f\": its instance is NULL");
	check_refused(&importer, a, "module \"b\": import \"a\" \"f\": expected function (i32) -> (), but it is function () -> ()");
	export.kind = PAL_KIND_MEMORY;
	check_refused(&importer, a, "module \"b\": import \"a\" \"f\": expected function (i32) -> (), but it is memory");
	export = (struct pal_export){ &other, PAL_KIND_FUNC, 0, 0, 0 };
	check_refused(&importer, a, "module \"b\": import \"a\" \"f\": its instance is one of another module");
	export = (struct pal_export){ &module, PAL_KIND_GLOBAL, 0, PAL_TYPE_I32, 0 };
	an_import.kind = PAL_KIND_GLOBAL;
	an_import.type = PAL_TYPE_I32 | PAL_GLOBAL_MUTABLE;
	check_refused(&importer, a, "module \"b\": import \"a\" \"f\": expected mutable global i32, but it is global i32");
	an_import.provider = NULL;
	an_import.kind = PAL_KIND_MEMORY;
	pal_rt_free(a);
	other.abi++;
	void *p, *imports[1];
	CHECK(pal_rt_instantiate(&other, &p, imports) == PAL_TRAP_LINK);
}

/* An imported global that a segment refers to: through its pointer. */
static void no_init(void *pinned, uint64_t *computed)
{
	(void)pinned;
	computed[0] = 0;
}
static void test_link_global(void)
{
	struct pal_module importer = importing();
	importer.init = no_init;
	an_import.kind = PAL_KIND_GLOBAL;
	int target;
	void *value = &target;
	given = &value;
	void *p, *imports[1] = { NULL };
	CHECK(pal_rt_instantiate(&importer, &p, imports) == PAL_TRAP_NONE && table_of(p)->elements[3] == &target);
	an_import.kind = PAL_KIND_MEMORY;
	pal_rt_free(p);
}

/* ---- Failed starts and groups ---- */

static int starts;
static void bad_start(void *pinned)
{
	starts++;
	guest_enter(pinned, 0, guest_unreachable);
}

static void test_failed_start(void)
{
	struct pal_module bad = module;
	void *p = &p;
	bad.start = bad_start;
	CHECK(pal_rt_instantiate(&bad, &p, no_imports) == PAL_TRAP_UNREACHABLE && p == NULL && starts == 1);
	computed_offset = 65532;
	CHECK(pal_rt_instantiate(&module, &p, no_imports) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS && p == NULL);
	CHECK(pal_last_trap()->memory == 0 && pal_last_trap()->address == 65532);
	computed_offset = UINT64_MAX;
	CHECK(pal_rt_instantiate(&module, &p, no_imports) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	computed_offset = 100;
	struct pal_table_desc small = table_desc;
	small.minimum = 3;
	bad = module;
	bad.tables = &small;
	CHECK(pal_rt_instantiate(&bad, &p, no_imports) == PAL_TRAP_TABLE_OUT_OF_BOUNDS && p == NULL);

	/* what it wrote to a host's table stays callable */
	struct pal_module importer = importing();
	struct pal_table_desc desc = table_desc;
	desc.import = 0;
	importer.tables = &desc;
	importer.start = bad_start;
	an_import.kind = PAL_KIND_TABLE;
	pal_table *table;
	CHECK(pal_table_new(&table, PAL_TABLE_FUNCREF, 4, 8) == PAL_OK);
	given = table;
	CHECK(pal_rt_instantiate(&importer, &p, no_imports) == PAL_TRAP_UNREACHABLE && p == NULL);
	struct pal_func *func = table->elements[1];
	CHECK(func->index == 1 && memcmp((char *)func->pinned + 100, "hello", 5) == 0);
	CHECK(call(func->pinned, guest_load, 1 << 20) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	pal_table_free(table); /* the instance goes with it: ASan would tell */

	desc.type = PAL_TYPE_EXTERNREF;
	CHECK(pal_table_new(&table, PAL_TABLE_FUNCREF, 4, 8) == PAL_OK);
	given = table;
	check_refused(&importer, NULL, "module \"b\": import \"a\" \"f\": expected a table of externref, but it is one of funcref");
	desc = table_desc;
	desc.import = 0;
	desc.maximum = 7;
	check_refused(&importer, NULL, "module \"b\": import \"a\" \"f\": expected a table with a maximum of at most 7 elements, but it has 8");
	pal_table_free(table);
	an_import.kind = PAL_KIND_MEMORY;
}

static void test_groups(void)
{
	struct pal_module importer = importing();
	struct pal_table_desc desc = table_desc;
	desc.import = 0;
	importer.tables = &desc;
	struct pal_export export = { &module, PAL_KIND_TABLE, 0, 0, 0 };
	an_import.provider = &export;
	an_import.kind = PAL_KIND_TABLE;
	uint8_t *a = new_instance(&module), *b;
	given = table_of(a);
	void *imports[] = { a };
	CHECK(pal_rt_instantiate(&importer, (void **)&b, imports) == PAL_TRAP_NONE && table_of(b) == table_of(a));
	pal_rt_free(a);
	CHECK(memcmp(a + 100, "hello", 5) == 0 && call(a, guest_load, 100) == PAL_TRAP_NONE); /* b can still call it */
	CHECK(((struct pal_func *)table_of(b)->elements[1])->pinned == b);
	pal_rt_free(b);

	/* a function only */
	export.kind = an_import.kind = PAL_KIND_FUNC;
	an_import.type = 0;
	struct pal_module caller = importing();
	a = new_instance(&module);
	imports[0] = a;
	CHECK(pal_rt_instantiate(&caller, (void **)&b, imports) == PAL_TRAP_NONE);
	pal_rt_free(a);
	CHECK(memcmp(a + 100, "hello", 5) == 0 && call(a, guest_load, 100) == PAL_TRAP_NONE);
	pal_rt_free(b);

	/* through a host's table, by pal_table_set */
	pal_table *table;
	CHECK(pal_table_new(&table, PAL_TABLE_FUNCREF, 2, 2) == PAL_OK);
	a = new_instance(&module);
	b = new_instance(&module);
	CHECK(pal_table_set(table, 0, a - AT_FUNCS) == PAL_OK && pal_table_set(table, 1, b - AT_FUNCS) == PAL_OK);
	pal_rt_free(a);
	pal_rt_free(b);
	CHECK(memcmp(a + 100, "hello", 5) == 0 && memcmp(b + 100, "hello", 5) == 0);
	pal_table_free(table);
	an_import.provider = NULL;
	an_import.kind = PAL_KIND_MEMORY;
}

/* ---- Threads ---- */

static void *thread_main(void *arg)
{
	(void)arg;
	for (int i = 0; i < rounds; i++) {
		void *p = new_instance(&module);
		CHECK(call(p, guest_load, 1 << 20) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS && pal_last_trap()->address == 1 << 20);
		CHECK(call(p, guest_divide, 0) == PAL_TRAP_INTEGER_DIVIDE_BY_ZERO);
		CHECK(pal_try(raise_host, "mine") == PAL_TRAP_HOST);
		pal_rt_free(p);
	}
	return NULL;
}

static void leave_thread(void *arg)
{
	if (arg)
		pthread_exit(arg); /* unwinds through pal_try, as a C++ exception does */
}
static void in_between(void *p)
{
	guest_enter(p, (uint64_t)(uintptr_t)leave_thread, guest_c);
}
static void *exiting_thread(void *p)
{
	pal_try(in_between, p);
	return NULL;
}

static void test_threads(void)
{
	pthread_t threads[8];
	for (int i = 0; i < 8; i++)
		CHECK(pthread_create(&threads[i], NULL, thread_main, NULL) == 0);
	for (int i = 0; i < 8; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	void *p = new_instance(&module), *result;
	CHECK(pthread_create(&threads[0], NULL, exiting_thread, p) == 0);
	CHECK(pthread_join(threads[0], &result) == 0 && result == p);
	pal_rt_free(p);
}

/* Several threads grow one shared memory: every page is given out once. */
static pal_memory *common;
static _Atomic uint64_t page_sum;
static void *grow_thread(void *arg)
{
	(void)arg;
	uint64_t old;
	while (pal_memory_grow(common, 1, &old) == PAL_OK) {
		page_sum += old;
		((uint8_t *)pal_memory_data(common))[old << 16] = 1;
	}
	return NULL;
}
static void test_shared_growth(void)
{
	pal_memory_options options = { .max_pages = 1000, .has_max = 1, .shared = 1 };
	CHECK(pal_memory_new(&common, &options) == PAL_OK);
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, grow_thread, NULL) == 0);
	for (int i = 0; i < 4; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	CHECK(page_sum == 999 * 1000 / 2 && pal_memory_size(common) == 1000 << 16);
	pal_memory_free(common);
}

/* ---- Grants ---- */

static bool dir_is(const struct pal_grants *grants, size_t i, const char *host, const char *guest, int read_only)
{
	const pal_wasi_dir *dir = &grants->dirs[i];
	return i < grants->dir_count && !strcmp(dir->host, host) && !strcmp(dir->guest, guest) && dir->read_only == read_only;
}

static void test_grants(void)
{
	struct pal_grants grants = { 0 };
	CHECK(pal_grants_dir(&grants, ".") && dir_is(&grants, 0, ".", ".", 0));
	CHECK(pal_grants_dir(&grants, "/srv:ro") && dir_is(&grants, 1, "/srv", "/srv", 1));
	CHECK(pal_grants_dir(&grants, "/srv::/:ro") && dir_is(&grants, 2, "/srv", "/", 1));
	CHECK(pal_grants_dir(&grants, "a::b") && dir_is(&grants, 3, "a", "b", 0));
	CHECK(!pal_grants_dir(&grants, "") && !pal_grants_dir(&grants, "::x") && !pal_grants_dir(&grants, "x::"));
	CHECK(!pal_grants_dir(&grants, ":ro") && !pal_grants_dir(&grants, "x:::ro") && grants.dir_count == 4);
	CHECK(pal_grants_dir(&grants, "x::ro") && dir_is(&grants, 4, "x:", "x:", 1));
	CHECK(pal_grants_dir_list(&grants, "p\\,q,r::s:ro,") && dir_is(&grants, 5, "p,q", "p,q", 0) && dir_is(&grants, 6, "r", "s", 1));
	CHECK(pal_grants_dir_list(&grants, "") && grants.dir_count == 7 && !pal_grants_dir_list(&grants, "a,::"));
	char *host[] = { "HOME=/root", "LANG=C", "HOMER=x", NULL };
	CHECK(pal_grants_env(&grants, "A=1=2", host) && pal_grants_env(&grants, "HOME", host) && grants.env_count == 2);
	CHECK(!strcmp(grants.envs[0], "A=1=2") && !strcmp(grants.envs[1], "HOME=/root") && grants.envs[2] == NULL);
	CHECK(pal_grants_env(&grants, "NONE", host) && grants.env_count == 2 && !pal_grants_env(&grants, "=x", host));
	CHECK(pal_grants_env(&grants, "A=3", host) && !strcmp(grants.envs[0], "A=3") && grants.env_count == 2);
	CHECK(pal_grants_env_list(&grants, "LANG,NONE", host) && grants.env_count == 3);
	CHECK(!pal_grants_env_list(&grants, "X=1", host) && pal_grants_env_list(&grants, "*", host) && grants.env_count == 4);
	pal_grants_drop(&grants);
}

int main(int argc, char **argv)
{
	make_module();
	if (getenv("FEW"))
		rounds = 1;
	if (argc > 1 && strcmp(argv[1], "host-handler") == 0) {
		signal(SIGSEGV, host_handler);
		run_with_host_handler(new_instance(&module));
	}
	test_round();
	test_types();
	test_try();
	test_memory();
	test_memory_moves();
	test_guest_copy();
	test_table();
	test_instance();
	test_instance_alone();
	test_bulk();
	test_bulk_protected();
	test_traps();
	test_registers();
	test_strays();
	test_link_memory();
	test_link_provider();
	test_link_global();
	test_failed_start();
	test_groups();
	test_threads();
	test_shared_growth();
	test_grants();
	if (!WITH_ASAN) /* which allocates stacks of its own making */
		test_overflow();
	printf("runtime_test: %d checks passed\n", checks);
	fflush(NULL);
	if (argc == 1) { /* once more, as a host that had a handler before; where exec can find this program */
		execv("/proc/self/exe", (char *[]){ argv[0], "host-handler", NULL });
		return errno == ENOENT || errno == ENOEXEC ? 0 : 1;
	}
	return 0;
}
