/* Which copy of the runtime something belongs to. A process may have several: a program with one, and libraries loaded
 * with others. Each numbers types, counts references and delivers traps for itself, so that nothing may go from one to
 * another; what can be seen to try is refused (link.c, pal_table_set, pal_<mod>_bind_memory). Memories, tables and
 * instances begin with the address of this mark, in all versions of the runtime. */
#ifndef PAL_RUNTIME_H
#define PAL_RUNTIME_H
#include <stdbool.h>

#pragma GCC visibility push(hidden)

extern const char pal_runtime;

/* Has this copy made the memory, table or instance? */
static inline bool pal_is_ours(const void *made)
{
	return *(const char *const *)made == &pal_runtime;
}

#pragma GCC visibility pop
#endif
