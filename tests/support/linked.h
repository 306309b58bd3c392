/* Between a driver and the generated list of the modules and exports in its executable (linked.rs). */
#ifndef LINKED_H
#define LINKED_H
#include <palisade.h>

enum { MAX_IMPORTS = 8 };

typedef union value {
	_Alignas(16) uint8_t bytes[16];
	int32_t i;
	int64_t l;
	float f;
	double d;
	void *ref;
	uint32_t u32;
	uint64_t u64;
} value;

struct module {
	pal_trap (*instantiate)(void **out, void *const *imports);
	void (*free)(void *);
};

struct export { /* of a memory or table, only the address counts */
	/* Calls `address` with the C types of its signature; for a global, reads what its accessor points to. */
	void (*call)(void (*address)(void), void *instance, const value *arguments, value *results);
	void (*address)(void);
	const char *results; /* a letter each: i l f d v r */
};

struct linked_call {
	const struct export *export;
	void *instance;
	const value *arguments;
	value *results;
};
/* For pal_try. */
static inline void linked_call(void *call)
{
	const struct linked_call *c = call;
	c->export->call(c->export->address, c->instance, c->arguments, c->results);
}

extern const struct module linked_modules[];
extern const struct export linked_exports[];
#endif
