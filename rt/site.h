/* The compiled modules of this process, and what lies at an address of their code. */
#ifndef PAL_SITE_H
#define PAL_SITE_H
#include "context.h"
#include <stdbool.h>

#pragma GCC visibility push(hidden)

/* One module that has instances. Entries are never freed, so that fault handlers can walk them without a lock. */
struct pal_code {
	const struct pal_module *module;
	const uint8_t *text;
	_Atomic uint64_t text_size; /* 0 while no instance lives: a shared library with the code may be unloaded then */
	uint32_t *types;            /* interned types */
	uint64_t instances;
	struct pal_code *next;
};
/* Adds an instance to the module's entry, making the entry and interning the types with the first. NULL: no memory. */
struct pal_code *pal_code_acquire(const struct pal_module *);
void pal_code_release(struct pal_code *);

/* The module whose text contains pc, or NULL; *offset gets pc's distance from the text's start. Safe in handlers. */
const struct pal_module *pal_code_find(uintptr_t pc, uint32_t *offset);
/* The site at this offset, or -1. A call's return address and a trapping instruction may share an offset: `call` says
 * which is meant. */
int64_t pal_site_find(const struct pal_module *, uint32_t offset, bool call);
/* The call inside a `try` with this return address: its number among the module's handlers, or -1. */
int64_t pal_handler_find(const struct pal_module *, uint32_t offset);
/* What the frame of the code at this offset has saved: a place in module->saved_registers. */
uint32_t pal_frame_find(const struct pal_module *, uint32_t offset);
/* The defined function that contains this offset, or -1. */
int64_t pal_function_find(const struct pal_module *, uint32_t offset);

#pragma GCC visibility pop
#endif
