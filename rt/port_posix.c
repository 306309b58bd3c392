/* The port for Linux and macOS; see port.h. */
#ifndef _WIN32
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* pthread_getattr_np, mremap */
#endif
#include "arch.h"
#include "fault.h"
#include "port.h"
#include "port_registers.h"
#include "sanitize.h"
#include "thread.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

/* ---- Address space ---- */

size_t pal_port_page(void)
{
	static _Atomic size_t page; /* sysconf is not cheap everywhere */
	size_t known = page;
	if (known == 0)
		page = known = (size_t)sysconf(_SC_PAGESIZE);
	return known;
}

static void *map(size_t bytes, int protection)
{
	void *at = mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return at == MAP_FAILED ? NULL : at;
}

void *pal_port_reserve(size_t bytes)
{
	return map(bytes, PROT_NONE);
}

bool pal_port_commit(void *at, size_t bytes)
{
	return bytes == 0 || mprotect(at, bytes, PROT_READ | PROT_WRITE) == 0;
}

void *pal_port_resize(void *at, size_t old_bytes, size_t new_bytes)
{
#ifdef __linux__
	void *moved = mremap(at, old_bytes, new_bytes, MREMAP_MAYMOVE);
	return moved == MAP_FAILED ? NULL : moved;
#else
	void *moved = map(new_bytes, PROT_READ | PROT_WRITE);
	if (moved == NULL)
		return NULL;
	memcpy(moved, at, old_bytes < new_bytes ? old_bytes : new_bytes);
	munmap(at, old_bytes);
	return moved;
#endif
}

void pal_port_release(void *at, size_t bytes)
{
	munmap(at, bytes);
}

static int protection(unsigned access)
{
	return (access & 1 ? PROT_READ : 0) | (access & 2 ? PROT_WRITE : 0);
}

bool pal_port_protect(void *at, size_t bytes, unsigned access)
{
	return mprotect(at, bytes, protection(access)) == 0;
}

bool pal_port_fresh(void *at, size_t bytes, unsigned access)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
	return mmap(at, bytes, protection(access), flags, -1, 0) != MAP_FAILED;
}

bool pal_port_discard(void *at, size_t bytes, bool shared)
{
	(void)shared; /* always in one step */
#ifdef __linux__
	return madvise(at, bytes, MADV_DONTNEED) == 0;
#else
	return pal_port_fresh(at, bytes, 3); /* elsewhere MADV_DONTNEED is advice: the old bytes may stay */
#endif
}

bool pal_port_map(void *at, size_t bytes, int fd, uint64_t offset, unsigned access, bool shared)
{
	int flags = (shared ? MAP_SHARED : MAP_PRIVATE | MAP_NORESERVE) | MAP_FIXED;
	return mmap(at, bytes, protection(access), flags, fd, (off_t)offset) != MAP_FAILED;
}

/* ---- Objects ---- */

int pal_port_object(void)
{
#ifdef __linux__
	return memfd_create("palisade", MFD_CLOEXEC);
#else
	static _Atomic unsigned number;
	char name[32]; /* macOS allows 31 characters */
	snprintf(name, sizeof name, "/palisade.%ld.%u", (long)getpid(), number++);
	int object = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (object >= 0)
		shm_unlink(name);
	return object;
#endif
}

void pal_port_object_close(int object)
{
	close(object);
}

bool pal_port_object_size(int object, uint64_t bytes)
{
	return ftruncate(object, (off_t)bytes) == 0;
}

bool pal_port_object_clear(int object, uint64_t offset, size_t bytes)
{
#ifdef __linux__
	return fallocate(object, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)bytes) == 0;
#else
	(void)object, (void)offset, (void)bytes;
	return false;
#endif
}

bool pal_port_object_put(int object, uint64_t offset, const void *bytes_from, size_t bytes)
{
	const uint8_t *from = bytes_from;
	while (bytes > 0) {
		ssize_t written = pwrite(object, from, bytes, (off_t)offset);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		from += written;
		offset += (uint64_t)written;
		bytes -= (size_t)written; /* never more than was given */
	}
	return true;
}

bool pal_port_object_read(int object, uint64_t offset, void *to, size_t bytes)
{
	uint8_t *at = to;
	while (bytes > 0) {
		ssize_t got = pread(object, at, bytes, (off_t)offset);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		at += got;
		offset += (uint64_t)got;
		bytes -= (size_t)got; /* never more than was asked for */
	}
	return true;
}

bool pal_port_forget(void *at, size_t bytes)
{
#ifdef __linux__
	return madvise(at, bytes, MADV_DONTNEED) == 0;
#else
	(void)at, (void)bytes;
	return false;
#endif
}

/* ---- Stacks ---- */

struct pal_stack pal_port_stack(void)
{
	struct pal_stack stack = { 0, 0, 0 };
#ifdef __linux__
	/* For the main thread, whose stack grows on demand, glibc answers with what RLIMIT_STACK lets it become. */
	pthread_attr_t attributes;
	if (pthread_getattr_np(pthread_self(), &attributes) != 0)
		return stack;
	void *low;
	size_t size, guard;
	if (pthread_attr_getstack(&attributes, &low, &size) == 0 && pthread_attr_getguardsize(&attributes, &guard) == 0) {
		stack.low = (uintptr_t)low;
		stack.high = stack.low + size;
		stack.guard = guard < size ? guard : 0; /* some C libraries count the guard as part of the stack */
	}
	pthread_attr_destroy(&attributes);
#else
	pthread_t self = pthread_self();
	stack.high = (uintptr_t)pthread_get_stackaddr_np(self);
	stack.low = stack.high - pthread_get_stacksize_np(self);
#endif
	return stack;
}

/* The handler's frames, the kernel's frame with the widest vector state (AMX: 11 KiB), and whoever we chain to. */
enum { SIGNAL_STACK_SIZE = 128 * 1024, SIGNAL_STACK_ENOUGH = 32 * 1024 };

static pthread_once_t thread_key_once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_key;
static bool thread_key_made;
static _Thread_local char *signal_stack; /* the mapping: an inaccessible page, then the stack */

static size_t signal_stack_mapping(void)
{
	return pal_port_page() + SIGNAL_STACK_SIZE; /* 128 KiB is a multiple of every page size */
}

/* At the thread's end. Whoever put another stack in place of ours keeps it. */
static void thread_end(void *unused)
{
	(void)unused;
	pal_thread_end();
	if (signal_stack == NULL)
		return;
	stack_t now, off = { .ss_flags = SS_DISABLE };
	if (sigaltstack(NULL, &now) == 0 && now.ss_sp == signal_stack + pal_port_page())
		sigaltstack(&off, NULL);
	pal_port_release(signal_stack, signal_stack_mapping());
	signal_stack = NULL;
}

static void make_thread_key(void)
{
	thread_key_made = pthread_key_create(&thread_key, thread_end) == 0;
}

void pal_port_at_thread_end(void)
{
	static char any; /* destructors run for values that are not NULL */
	pthread_once(&thread_key_once, make_thread_key);
	if (thread_key_made)
		pthread_setspecific(thread_key, &any);
}

static bool map_signal_stack(void)
{
	char *mapping = pal_port_reserve(signal_stack_mapping());
	if (mapping == NULL)
		return false;
	if (!pal_port_commit(mapping + pal_port_page(), SIGNAL_STACK_SIZE)) {
		pal_port_release(mapping, signal_stack_mapping());
		return false;
	}
	signal_stack = mapping;
	return true;
}

bool pal_port_signal_stack(void)
{
	stack_t now;
	if (sigaltstack(NULL, &now) == 0 && !(now.ss_flags & SS_DISABLE) && now.ss_size >= SIGNAL_STACK_ENOUGH)
		return true;
	if (signal_stack == NULL && !map_signal_stack())
		return false;
	stack_t ours = { .ss_sp = signal_stack + pal_port_page(), .ss_size = SIGNAL_STACK_SIZE };
	return sigaltstack(&ours, NULL) == 0;
}

void pal_port_stack_recovered(void)
{
}

/* What pal_port_on_stack runs there; the place it left, for sanitizers. */
struct away {
	void (*run)(void *);
	void *arg;
	const void *low;
	size_t size;
};

static void run_away(void *arg)
{
	struct away *away = arg;
	__sanitizer_finish_switch_fiber(NULL, &away->low, &away->size);
	away->run(away->arg);
	__sanitizer_start_switch_fiber(NULL, away->low, away->size);
}

enum { STACK_GUARD = 1 << 20 }; /* a multiple of every page size */

/* The stack's pages become memory as they are used. */
bool pal_port_on_stack(size_t bytes, void (*run)(void *), void *arg)
{
	size_t page = pal_port_page();
	if (bytes > SIZE_MAX / 2)
		return false;
	size_t size = (bytes + page - 1) & ~(page - 1); /* at most SIZE_MAX / 2 + a page */
	char *mapping = pal_port_reserve(size + STACK_GUARD);
	if (mapping == NULL || !pal_port_commit(mapping + STACK_GUARD, size))
		return false;
	uintptr_t low = (uintptr_t)mapping + STACK_GUARD;
	struct away away = { run, arg, NULL, 0 };
	pal_self.mapped = (struct pal_stack){ low, low + size, 0 };
	void *kept = NULL;
	__sanitizer_start_switch_fiber(&kept, (void *)low, size);
	pal_switch_stack((void *)(low + size), run_away, &away);
	__sanitizer_finish_switch_fiber(kept, NULL, NULL);
	pal_self.mapped = (struct pal_stack){ 0, 0, 0 };
	return true;
}

/* ---- Threads ---- */

/* Less would not hold what the C library, a trap's handling and compiled code's reserve need. */
enum { THREAD_STACK_LEAST = 256 * 1024 };

bool pal_port_start_thread(void *(*run)(void *), void *arg, size_t stack_size)
{
	pthread_attr_t attributes;
	pthread_t thread;
	if (pthread_attr_init(&attributes) != 0)
		return false;
	size_t page = pal_port_page(), size = stack_size < THREAD_STACK_LEAST ? THREAD_STACK_LEAST : stack_size;
	bool fine = size <= SIZE_MAX - page && pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0;
	if (fine && stack_size)
		fine = pthread_attr_setstacksize(&attributes, (size + page - 1) & ~(page - 1)) == 0;
	fine = fine && pthread_create(&thread, &attributes, run, arg) == 0;
	pthread_attr_destroy(&attributes);
	return fine;
}

void pal_lock(struct pal_lock *lock)
{
	pthread_mutex_lock(&lock->os);
}

void pal_unlock(struct pal_lock *lock)
{
	pthread_mutex_unlock(&lock->os);
}

uint64_t pal_port_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec; /* good for 584 years */
}

#ifdef __linux__
void pal_signal_init(struct pal_signal *signal)
{
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&signal->os, &attributes);
	pthread_condattr_destroy(&attributes);
}

static int await_until(struct pal_signal *signal, struct pal_lock *lock, uint64_t deadline)
{
	struct timespec at = { (time_t)(deadline / 1000000000), (long)(deadline % 1000000000) };
	return pthread_cond_timedwait(&signal->os, &lock->os, &at);
}
#else /* macOS waits for a time, not until one */
void pal_signal_init(struct pal_signal *signal)
{
	pthread_cond_init(&signal->os, NULL);
}

static int await_until(struct pal_signal *signal, struct pal_lock *lock, uint64_t deadline)
{
	uint64_t now = pal_port_now(), left = deadline > now ? deadline - now : 0;
	struct timespec rest = { (time_t)(left / 1000000000), (long)(left % 1000000000) };
	return pthread_cond_timedwait_relative_np(&signal->os, &lock->os, &rest);
}
#endif

void pal_signal_drop(struct pal_signal *signal)
{
	pthread_cond_destroy(&signal->os);
}

void pal_signal_send(struct pal_signal *signal)
{
	pthread_cond_signal(&signal->os);
}

bool pal_signal_await(struct pal_signal *signal, struct pal_lock *lock, uint64_t deadline)
{
	if (deadline != PAL_NEVER)
		return await_until(signal, lock, deadline) != ETIMEDOUT;
	pthread_cond_wait(&signal->os, &lock->os);
	return true;
}

/* ---- Faults ---- */

static const int fault_signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP };
enum { FAULT_SIGNALS = sizeof fault_signals / sizeof *fault_signals };
static struct sigaction previous[FAULT_SIGNALS];

static void ask_previous(const struct sigaction *action, int signal, siginfo_t *info, void *context)
{
	sigset_t mask = action->sa_mask, before;
	if (!(action->sa_flags & SA_NODEFER))
		sigaddset(&mask, signal);
	pthread_sigmask(SIG_BLOCK, &mask, &before);
	if (action->sa_flags & SA_SIGINFO)
		action->sa_sigaction(signal, info, context);
	else
		action->sa_handler(signal);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* A fault that is not ours. */
static void chain(int which, int signal, siginfo_t *info, void *context)
{
	const struct sigaction *action = &previous[which];
	bool sent = info->si_code <= 0; /* by kill and the like: there is no instruction that would fault again */
	if (action->sa_handler == SIG_IGN && sent)
		return;
	if (action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN) {
		ask_previous(action, signal, info, context);
		return;
	}
	/* The default action, with the right exit status and core: take the handler away and fault once more. */
	struct sigaction standard = { .sa_handler = SIG_DFL };
	sigaction(signal, &standard, NULL);
	if (sent)
		raise(signal);
}

static void on_signal(int signal, siginfo_t *info, void *context)
{
	int saved_errno = errno;
	int which = 0;
	while (which < FAULT_SIGNALS - 1 && fault_signals[which] != signal)
		which++;
	struct pal_machine machine = pal_port_read_registers(context);
	enum pal_fault fault = signal == SIGSEGV || signal == SIGBUS ? PAL_FAULT_ACCESS : PAL_FAULT_TRAP;
	if (info->si_code > 0 && pal_trap_fault(fault, (uintptr_t)info->si_addr, &machine))
		pal_port_write_registers(context, &machine);
	else
		chain(which, signal, info, context);
	errno = saved_errno;
}

static void install(void)
{
	/* SA_NODEFER: a trap resumes elsewhere and never comes back here, so the signal must not stay blocked. */
	struct sigaction ours = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
	sigemptyset(&ours.sa_mask);
	for (int i = 0; i < FAULT_SIGNALS; i++) {
		/* Known before ours is in place: another thread may fault in between. */
		sigaction(fault_signals[i], NULL, &previous[i]);
		sigaction(fault_signals[i], &ours, NULL);
	}
}

void pal_port_handle_faults(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, install);
}

/* ---- Programs ---- */

extern char **environ;

bool pal_port_begin_program(int *argc, char ***argv, char ***environment)
{
	(void)argc, (void)argv; /* UTF-8 as far as anybody knows */
	*environment = environ;
	return true;
}

/* ---- Output ---- */

void pal_port_print(const char *text, size_t length)
{
	while (length > 0) {
		ssize_t written = write(STDERR_FILENO, text, length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return;
		text += written;
		length -= (size_t)written; /* write never reports more than it was given */
	}
}
#endif
typedef int pal_port_posix_is_not_empty; /* ISO C wants a declaration in every file */
