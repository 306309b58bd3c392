/* What the tests of the runtime use of POSIX, for Windows: how a process has ended. abort's status is 3 there, that of an
 * exception the exception's code. */
#ifndef SYS_WAIT_H
#define SYS_WAIT_H
#include <signal.h>
#define WIFEXITED(status) (((unsigned)(status) & 0xf0000000) == 0 && (status) != 3)
#define WEXITSTATUS(status) (status)
#define WIFSIGNALED(status) (!WIFEXITED(status))
#define WTERMSIG(status) \
	((unsigned)(status) == 0xc0000005 ? SIGSEGV : (unsigned)(status) == 0xc000001d ? SIGILL : (status) == 3 ? SIGABRT : 0)
#endif
