/* What the tests of the runtime use of POSIX, for Windows: protection of pages. */
#ifndef SYS_MMAN_H
#define SYS_MMAN_H
#include <unistd.h>
#include <windows.h>
#define PROT_NONE PAGE_NOACCESS
#define PROT_READ 0
#define PROT_WRITE PAGE_READWRITE
#define _SC_PAGESIZE 0
static inline long sysconf(int name)
{
	(void)name;
	return 4096;
}
static inline int mprotect(void *at, size_t bytes, DWORD protection)
{
	DWORD old;
	return !VirtualProtect(at, bytes, protection, &old);
}
#endif
