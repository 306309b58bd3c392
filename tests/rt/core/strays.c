/* Faults that are not ours: the host keeps its handlers. */
#define _GNU_SOURCE
#include "hand.h"
#include <setjmp.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void run_stray(void *p)
{
	call(p, guest_stray, 0);
}
static void run_wild(void *p)
{
	call(p, guest_null, (uint64_t)-1 << 20); /* a null reference's site, but not near address 0 */
}
#ifdef __x86_64__
static void run_escape(void *p)
{
	call(p, guest_load_site, (uint64_t)-1 << 40); /* an access to memory that leaves the memory */
}
#endif
static volatile uintptr_t nowhere = 16;
static void wild_try(void *arg)
{
	(void)arg;
	*(volatile int *)nowhere = 1;
}
static void run_host_bug(void *p)
{
	(void)p;
	pal_try(wild_try, NULL);
}
#ifndef _WIN32
static void run_kill(void *p)
{
	call(p, guest_load, 0);
	kill(getpid(), SIGFPE);
	pause();
}
#endif
static void run_uncaught(void *p)
{
	guest_enter(p, (uint64_t)(uintptr_t)trap_from_c, guest_c);
}
static void run_uncaught_fault(void *p)
{
	guest_enter(p, 0, guest_call);
}

static void check_killed(void (*fn)(void *), void *p, int signal)
{
	int status = in_child(fn, p);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != signal)
		fprintf(stderr, "status 0x%x, not signal %d\n", (unsigned)status, signal);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == signal);
}

#ifndef _WIN32
static sigjmp_buf back;
static volatile sig_atomic_t seen;
void host_handler(int signal)
{
	seen = signal;
	siglongjmp(back, 1);
}

void run_with_host_handler(void *p)
{
	/* in a fresh process the host's handler comes first, then the runtime's: see main */
	for (volatile int i = 0; i < 3; i++) {
		seen = 0;
		if (sigsetjmp(back, 1) == 0)
			run_host_bug(p);
		CHECK(seen == SIGSEGV);
		CHECK(call(p, guest_load, 1 << 20) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	}
	_exit(0);
}
#endif

void test_strays(void)
{
	void *p = new_instance(&module);
	check_killed(run_stray, p, SIGILL);
	check_killed(run_wild, p, SIGSEGV);
#ifdef __x86_64__
	check_killed(run_escape, p, SIGSEGV);
#endif
	check_killed(run_host_bug, p, SIGSEGV);
#ifndef _WIN32
	check_killed(run_kill, p, SIGFPE);
#endif
	check_killed(run_uncaught, p, SIGABRT);
	CHECK(begins_with(child_output, "palisade: trap: out of bounds memory access: address 0x40000000 of memory 0\n"
	                           "    0: hand!func[10] at 0x108\n"));
	check_killed(run_uncaught_fault, p, SIGABRT);
	CHECK(begins_with(child_output, "palisade: trap: unreachable\n    0: hand!unreachable at 0x101\n"
	                           "    1: hand!call at 0x102\n"));
	pal_rt_free(p);
}
