/* All the runtime asks of an operating system. One implementation per platform: port_posix.c (Linux, macOS),
 * port_windows.c, board/port.c (PAL_BOARD: no operating system). Where they have a descriptor, it is Windows' HANDLE there, which fits an int. Beside this the runtime uses malloc, calloc, realloc, free, abort and the mem… and str… functions of the C library. */
#ifndef PAL_PORT_H
#define PAL_PORT_H
#if !defined(_WIN32) && !defined(PAL_BOARD)
#include <pthread.h>
#endif
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/* ---- Address space ---- */

/* The host's page size, a power of two, asked at run time (aarch64 hosts have 4, 16 or 64 KiB). */
size_t pal_port_page(void);
/* Inaccessible address space, not counted as memory. `bytes`: a multiple of the page size. NULL: none to be had. */
void *pal_port_reserve(size_t bytes);
/* Makes pages of a reservation readable and writable; fresh ones read as zero. False: the OS gave no memory. */
bool pal_port_commit(void *at, size_t bytes);
/* Resizes a mapping that is readable and writable throughout, moving it if need be. NULL: nothing has changed. */
void *pal_port_resize(void *at, size_t old_bytes, size_t new_bytes);
/* Gives back a whole reservation. */
void pal_port_release(void *at, size_t bytes);
/* Reservations are address space alone, and what is not committed of them is inaccessible. */
#ifdef PAL_BOARD
bool pal_port_guards(void); /* only if there is an MMU, and somebody to manage it */
#define PAL_PORT_PROTECTS false /* and nobody changes what may be done with single pages */
#else
#define pal_port_guards() true
#define PAL_PORT_PROTECTS true
#endif
/* What follows works on pages that are the caller's; `access` is a pal_prot. False: errno says why. */
bool pal_port_protect(void *at, size_t bytes, unsigned access);
/* Fresh pages, zero, in place of what was there, in one step: no other mapping can come in between. */
bool pal_port_fresh(void *at, size_t bytes, unsigned access);
/* Accessible, private, anonymous pages read as zero from now on, and are the OS's again. False: that takes writing zeros
 * to them; so it is where `shared`, since other threads are at work in them, and the OS can't do it in one step. */
bool pal_port_discard(void *at, size_t bytes, bool shared);
/* Shows a file or object in place of what was there, also in one step. Where the OS has no such call, private pages are
 * a copy, and shared ones are refused (ENOTSUP). */
bool pal_port_map(void *at, size_t bytes, int fd, uint64_t offset, unsigned access, bool shared);

/* ---- Objects: memory with a descriptor, which can be mapped at several addresses ---- */

int pal_port_object(void); /* empty; -1: errno says why */
void pal_port_object_close(int object);
bool pal_port_object_size(int object, uint64_t bytes);
/* The range reads as zero, and its memory is the OS's again. False: it can't be done without writing zeros. */
bool pal_port_object_clear(int object, uint64_t offset, size_t bytes);
/* Writes them all. */
bool pal_port_object_put(int object, uint64_t offset, const void *from, size_t bytes);
bool pal_port_object_read(int object, uint64_t offset, void *to, size_t bytes);
/* Private pages of an object show what the object holds again. False: nothing has changed. */
bool pal_port_forget(void *at, size_t bytes);

/* A range of pages, counted from where the search began. */
struct pal_extent {
	uint64_t from, to;
	uint64_t clean_before; /* pages between the one before and this one that the CPU knows, but that were not written */
};
/* Finds pages that were written in private mappings, of objects or of nothing, in order; of the latter perhaps also some
 * that were read. Fills at most `room` of `found` and says in *done how many of the bytes it has looked at: go on from
 * there. -1: the OS can't tell. */
int pal_port_written(const void *at, size_t bytes, struct pal_extent *found, int room, size_t *done);

/* ---- The program's own files ---- */

/* Is the open file, from `offset` on, what was loaded at some address? */
typedef bool pal_is_loaded(int file, uint64_t offset, const void *data);
/* Opens the file that `at`, in the program or in one of its libraries, was loaded from, and says where in it that is. -1:
 * the OS does not tell, or there is another file now in its place, or `is` does not know it. */
int pal_port_loaded_file(const void *at, uint64_t *offset, pal_is_loaded *is, const void *data);

/* ---- Stacks ---- */

struct pal_stack {
	uintptr_t low, high; /* [low, high); high 0: unknown */
	uintptr_t guard;     /* bytes from low upwards that may be inaccessible */
};
/* The calling thread's stack as the OS made it; all zero if it can't tell. */
struct pal_stack pal_port_stack(void);
/* Gives the calling thread a stack for its signal handlers if it has none that is large enough, or has the OS keep room
 * for them on its own. False: no memory. */
bool pal_port_signal_stack(void);
/* After a stack overflow that became a trap, higher up on the same stack: the next one is noticed, too. */
void pal_port_stack_recovered(void);
/* Has pal_thread_end (thread.h) called when the calling thread ends; the signal stack goes then, too. */
void pal_port_at_thread_end(void);
#ifdef _WIN32
/* The calling thread's own `bytes`, always as many; zero when it first asks. */
void *pal_port_thread_data(size_t bytes);
#endif

#ifdef _WIN32
/* Where a function is at work. C keeps no chain of frame pointers there. */
struct pal_place {
	uintptr_t pc, sp, fp;
};
/* The place of whoever calls this. */
struct pal_place pal_port_here(void);
/* From a place in C to where that function was called. False: the OS doesn't know it. */
bool pal_port_caller(struct pal_place *);
#endif

/* ---- Threads ---- */

/* Starts a thread that nobody waits for, with a stack of at least `stack_size` bytes (0: as the OS has it) and a guard
 * below it. False: the OS has no room for it. */
bool pal_port_start_thread(void *(*run)(void *), void *arg, size_t stack_size);

#ifdef PAL_BOARD /* one thread */
struct pal_lock {
	char none;
};
#define PAL_LOCK_INIT { 0 }
#elif defined(_WIN32)
struct pal_lock {
	void *os; /* SRWLOCK */
};
#define PAL_LOCK_INIT { NULL }
#else
struct pal_lock {
	pthread_mutex_t os;
};
#define PAL_LOCK_INIT { PTHREAD_MUTEX_INITIALIZER }
#endif
void pal_lock(struct pal_lock *);
void pal_unlock(struct pal_lock *);

/* What one thread sleeps on until another one, with the same lock, sends it. */
struct pal_signal {
#ifdef PAL_BOARD
	char none;
#elif defined(_WIN32)
	void *os; /* CONDITION_VARIABLE */
#else
	pthread_cond_t os;
#endif
};
void pal_signal_init(struct pal_signal *);
void pal_signal_drop(struct pal_signal *);
void pal_signal_send(struct pal_signal *);
/* Gives the lock away while it sleeps. False: the deadline, a time as of pal_port_now, has passed. True may also mean
 * nothing. */
bool pal_signal_await(struct pal_signal *, struct pal_lock *, uint64_t deadline);
#define PAL_NEVER UINT64_MAX
/* Nanoseconds since some moment in the past; never set back. */
uint64_t pal_port_now(void);

/* ---- Faults ---- */

enum pal_fault {
	PAL_FAULT_ACCESS, /* a load, store or push that the MMU refused */
	PAL_FAULT_TRAP,   /* an instruction that traps by itself: ud2, udf, brk, a division */
	PAL_FAULT_STACK,  /* the stack's end, where the OS knows it: perhaps without an address */
};
/* The registers of a fault that handlers look at. */
struct pal_machine {
	uintptr_t pc, sp, fp;
	uintptr_t pinned;     /* P, if pc is in compiled code and a register has it */
	uintptr_t copy_base;  /* where arch.h's guarded copies keep the guest range they may touch */
	uintptr_t copy_bytes;
	uintptr_t result;     /* of a function: what the handler sets is found at the place it resumes at */
};
/* Sends faults of this process to pal_trap_fault (trap.c) first, and those that it does not want to whoever had them
 * before. Does so once, however often it is called. */
void pal_port_handle_faults(void);

/* ---- Programs ---- */

/* What the program was started with, as UTF-8: replaces main's arguments where these are not, and finds the environment.
 * Has a console show and send UTF-8. False: no memory. */
bool pal_port_begin_program(int *argc, char ***argv, char ***environment);
/* Whether pal_port_on_stack runs in a thread of its own. */
#ifdef _WIN32
#define PAL_PORT_STACK_IS_THREAD 1
#else
#define PAL_PORT_STACK_IS_THREAD 0
#endif
/* Calls run(arg) on a stack of at least `size` bytes with a large guard below it, and returns when it does. False: no
 * memory for it, and nothing has run. */
bool pal_port_on_stack(size_t size, void (*run)(void *), void *arg);

/* ---- Output ---- */

/* Writes to standard error, unbuffered; usable in signal handlers. */
void pal_port_print(const char *text, size_t length);

#pragma GCC visibility pop
#endif
