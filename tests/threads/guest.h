/* What a C library has for threads, as little of it as the tests need: zig's C library for WASI has none. Threads, a
 * mutex, a condition variable; output; the end. Made for modules with an imported shared memory. */
#ifndef GUEST_H
#define GUEST_H
#include <stddef.h>
#include <stdint.h>

#define IMPORT(module, name) __attribute__((import_module(module), import_name(name)))
#define EXPORT(name) __attribute__((export_name(name)))

IMPORT("wasi", "thread-spawn") int32_t thread_spawn(void *start);
IMPORT("wasi_snapshot_preview1", "proc_exit") _Noreturn void proc_exit(int32_t status);
IMPORT("wasi_snapshot_preview1", "fd_write") int32_t fd_write(int32_t fd, const void *iovs, int32_t count, int32_t *size);

void print(const char *text);
void print_number(const char *name, uint64_t value); /* NAME VALUE, on a line */

#define CHECK(condition) ((condition) ? (void)0 : fail(__LINE__))
_Noreturn void fail(int line);

/* Memory that is never given back; safe from all threads. */
void *allocate(size_t size);

struct thread {
	/* where wasi_thread_start (guest.c) finds them */
	void *stack_top, *tls;
	void (*run)(void *);
	void *arg;
	_Atomic int32_t ended;
	int32_t tid;
};
void thread_start(struct thread *, void (*run)(void *), void *arg);
void thread_join(struct thread *);

struct mutex {
	_Atomic int32_t state; /* 0 free, 1 held, 2 held and others wait */
};
void mutex_lock(struct mutex *);
void mutex_unlock(struct mutex *);

struct condition {
	_Atomic int32_t changes;
};
/* False: `timeout` nanoseconds have passed; negative: never. */
_Bool condition_wait(struct condition *, struct mutex *, int64_t timeout);
void condition_signal(struct condition *);
void condition_broadcast(struct condition *);

#endif
