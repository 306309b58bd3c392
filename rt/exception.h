/* Exception objects: what is in flight, and what exnrefs refer to.
 *
 * An exnref is a handle: the number of an object and its generation, so that any 64 bits either name a living object or
 * are found not to. An object that a handler caught without its exnref is free again at once. The others are found by
 * marking, when a thread has used up its objects: they live as long as something that looks like their handle lies on
 * this thread's stack, in a global or table for exnrefs of any instance, or in an exception that lives. What only the
 * host's heap or another thread's stack knows may go; its handle is refused then. Objects belong to the thread that
 * threw first, or to one that inherits them when it ends. */
#ifndef PAL_EXCEPTION_H
#define PAL_EXCEPTION_H
#include "instance.h"

#pragma GCC visibility push(hidden)

/* What handlers read: see PAL_SCOPE in context.h. */
struct pal_values {
	uint64_t reserved;
	uint64_t exnref;
	_Alignas(16) uint8_t bytes[];
};

struct pal_exception {
	uint64_t tag;                 /* pal_tag.id */
	uint32_t size;                /* bytes of values */
	uint32_t room;                /* bytes that fit */
	struct pal_values *values;    /* here, or on the heap if they are many */
	struct pal_exception *next;   /* in the list of free ones, or of those to be marked through */
	uint64_t marked;              /* number of the last collection that found it */
	_Atomic uint8_t in_use, kept; /* kept: a handler has its exnref */
	uint32_t place;               /* in its slab */
	uint64_t generation;
	_Alignas(16) uint8_t here[16 + 48];
};

/* A new one with room for `size` bytes, owned by this thread. Traps with PAL_TRAP_OUT_OF_MEMORY. */
struct pal_exception *pal_exception_new(uint64_t tag, uint32_t size);
/* The one that an exnref stands for, or a copy of it if it is another thread's; NULL: there is none. */
struct pal_exception *pal_exception_find(uint64_t exnref);
/* A handler has caught it: with `keep`, and the exnref; else its values stay as they are until the next
 * pal_exception_new. Unless kept before, it is free then. */
void pal_exception_caught(struct pal_exception *, bool keep);

/* This thread ends. */
void pal_exception_end_thread(void);

/* An instance that may hold exnrefs in globals or tables, from its making to its end. */
void pal_exception_watch(struct pal_instance *);
void pal_exception_unwatch(struct pal_instance *);
/* Around changes of the size of a table for exnrefs. */
void pal_exception_lock(void);
void pal_exception_unlock(void);

#pragma GCC visibility pop
#endif
