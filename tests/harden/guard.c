/* Has the CPU look for marks where the modules' code is jumped to indirectly, as linkers ask for it where all of a
 * program is marked. MODULES: guard(NAME) for each. What else is on their pages is marked, too: the runtime, the host. */
#include "context.h"
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef PROT_BTI
#define PROT_BTI 0x10
#endif

static void protect(const struct pal_module *module)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = (uintptr_t)module->text & -page;
	uintptr_t to = ((uintptr_t)module->text + module->text_size + page - 1) & -page;
	if (mprotect((void *)from, to - from, PROT_READ | PROT_EXEC | PROT_BTI))
		abort();
}

#define guard(name) \
	extern const struct pal_module pal_##name##_module; \
	__attribute__((constructor)) static void guard_##name(void) \
	{ \
		protect(&pal_##name##_module); \
	}
MODULES
