/* All the runtime asks of an operating system. One implementation per platform: port_posix.c (Linux, macOS).
 * Beside this the runtime uses malloc, calloc, realloc, free, abort and the mem… and str… functions of the C library. */
#ifndef PAL_PORT_H
#define PAL_PORT_H
#include <pthread.h>
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
/* What follows works on pages that are the caller's; `access` is a pal_prot. False: errno says why. */
bool pal_port_protect(void *at, size_t bytes, unsigned access);
/* Fresh pages, zero, in place of what was there, in one step: no other mapping can come in between. */
bool pal_port_fresh(void *at, size_t bytes, unsigned access);
/* Accessible, private, anonymous pages read as zero from now on, and are the OS's again. */
bool pal_port_discard(void *at, size_t bytes);
/* Shows a file or object in place of what was there, also in one step. */
bool pal_port_map(void *at, size_t bytes, int fd, uint64_t offset, unsigned access, bool shared);

/* ---- Objects: memory with a descriptor, which can be mapped at several addresses ---- */

int pal_port_object(void); /* empty; -1: errno says why */
void pal_port_object_close(int object);
bool pal_port_object_size(int object, uint64_t bytes);
/* The range reads as zero, and its memory is the OS's again. False: it can't be done without writing zeros. */
bool pal_port_object_clear(int object, uint64_t offset, size_t bytes);
/* Writes whole pages; those of zeros take no memory if the object had none there. */
bool pal_port_object_write(int object, uint64_t offset, const void *from, size_t bytes);
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
/* Gives the calling thread a stack for its signal handlers if it has none that is large enough. False: no memory. */
bool pal_port_signal_stack(void);
/* Has pal_thread_end (thread.h) called when the calling thread ends; the signal stack goes then, too. */
void pal_port_at_thread_end(void);

/* ---- Threads ---- */

/* Starts a thread that nobody waits for, with a stack of at least `stack_size` bytes (0: as the OS has it) and a guard
 * below it. False: the OS has no room for it. */
bool pal_port_start_thread(void *(*run)(void *), void *arg, size_t stack_size);

struct pal_lock {
	pthread_mutex_t os;
};
#define PAL_LOCK_INIT { PTHREAD_MUTEX_INITIALIZER }
void pal_lock(struct pal_lock *);
void pal_unlock(struct pal_lock *);

/* What one thread sleeps on until another one, with the same lock, sends it. */
struct pal_signal {
	pthread_cond_t os;
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

/* ---- Output ---- */

/* Writes to standard error, unbuffered; usable in signal handlers. */
void pal_port_print(const char *text, size_t length);

#pragma GCC visibility pop
#endif
