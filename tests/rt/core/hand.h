/* What the tests share: checks, and a module made by hand, whose code is ../guest.c. */
#ifndef HAND_H
#define HAND_H
#include "../guest.h"
#include "context.h"
#include "memory.h"
#include "palisade.h"
#include "table.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

extern _Atomic int checks;
extern int rounds; /* fewer where FEW is set: qemu 7 never frees what it notes about 4 GiB of address space */
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

enum { /* distances in the context */
	AT_MEMORIES = 128, AT_TABLES = 192, AT_TYPES = 208, AT_FUNCS = 304, AT_DATA_DROPPED = 312, AT_ELEM_DROPPED = 320,
	AT_IMPORT_MODULE = 328, AT_GLOBAL = 336, CONTEXT_SIZE = 352,
};
enum { NAME_A = 57, NAME_F = 59 }; /* in its strings */
extern struct pal_module module;
extern struct pal_memory_desc memory_desc;
extern struct pal_table_desc table_desc;
extern const uint8_t types_data[7]; /* (i32) -> (), () -> () */
extern uint64_t computed_offset; /* of its first data segment */
void make_module(void);

extern void *no_imports[1];
void *new_instance(const struct pal_module *of);
struct pal_memory *memory_of(void *pinned);
struct pal_table *table_of(void *pinned);
/* Calls code of guest.c: do_call without a pal_try. */
struct call {
	void *pinned;
	uint64_t argument;
	const void *code;
	int32_t result;
};
void do_call(void *arg);
pal_trap call(void *pinned, const void *code, uint64_t argument);

/* Runs fn in a child process: its wait status, and what it wrote to stderr. */
int in_child(void (*fn)(void *), void *arg);
extern char child_output[4096];
void be_child(char **arguments); /* on Windows, if main is told so */
int begins_with(const char *text, const char *beginning); /* emulators add a line of theirs */

/* Another module, which imports one thing: an_import from "a"; `give` gives it `given`. */
extern void *given;
extern struct pal_import an_import;
struct pal_module importing(void);
void check_refused(const struct pal_module *importer, void *env, const char *message);

/* From one test's file for another's. */
uint32_t interned(const uint8_t *bytes, uint32_t length);
void raise_host(void *message);
void trap_from_c(void *pinned);
void host_handler(int signal);
void run_with_host_handler(void *p);

/* The tests, by file. */
void test_round(void), test_types(void), test_try(void), test_memory(void), test_memory_moves(void), test_guest_copy(void), test_table(void), test_instance(void), test_instance_alone(void), test_bulk(void), test_bulk_protected(void), test_traps(void), test_registers(void), test_strays(void), test_link_memory(void), test_link_provider(void), test_link_global(void), test_failed_start(void), test_groups(void), test_threads(void), test_shared_growth(void), test_grants(void), test_overflow(void);
#endif
