/* What the tests of the runtime use of POSIX, for Windows: protection of pages. */
#ifndef SYS_MMAN_H
#define SYS_MMAN_H
#include <unistd.h>
/* Without windows.h, whose names would be in the way. */
__declspec(dllimport) int __stdcall VirtualProtect(void *, size_t, unsigned long, unsigned long *);
#define PROT_NONE 1 /* PAGE_… */
#define PROT_READ 2
#define PROT_WRITE 4
#define _SC_PAGESIZE 0
static inline long sysconf(int name)
{
	(void)name;
	return 4096;
}
static inline int mprotect(void *at, size_t bytes, unsigned protection)
{
	unsigned long old;
	return !VirtualProtect(at, bytes, protection & PROT_WRITE ? PROT_WRITE : protection, &old);
}
#endif
