/* Between driver.c, which reads a script and prints what happened, and the two sides that make it happen:
 * palisade.c with the modules linked into its executable, wasmtime.c with their files. */
#ifndef DRIVER_H
#define DRIVER_H
#include "linked.h"

#include <stdbool.h>
#include <stddef.h>

enum { MAX_VALUES = 1024, NO_TRAP = 0, OTHER_ERROR = 1000 };

/* The two instances that a step can be about. */
enum { HOST, GUEST };

/* An export as both sides find it. */
struct name {
	int number;       /* in listed_exports */
	const char *text; /* in the module */
	size_t length;
};

/* How calls and instantiations end: NO_TRAP, a pal_trap, or OTHER_ERROR with `error` set. */
extern char error[256];

/* In memory and in C. */
static inline size_t bytes_of(char type) { return type == 'v' ? 16 : type == 'i' || type == 'f' ? 4 : 8; }

/* References to hosts' objects: externref N is the address of byte N. */
extern char host_objects[1 << 16];

/* Of functions and exceptions, only whether they are null can be compared: */
#define SOME_REFERENCE ((void *)-1)

void side_begin(int argc, char **argv);
/* Drops the instances there are, makes a host instance if the module imports from it, and the module's. */
int side_instantiate(int module, const char *path, bool with_host);
int side_call(int instance, struct name, const char *parameters, const value *, const char *results, value *);
void side_global(int instance, struct name, char type, value *);
void side_set_i32(int instance, struct name, int32_t);
const uint8_t *side_memory(int instance, struct name, uint64_t *size);
uint64_t side_table_size(int instance, struct name);
void *side_table_get(int instance, struct name, uint64_t index, char type);
#endif
