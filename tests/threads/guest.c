/* See guest.h. */
#include "guest.h"
#include <stdatomic.h>

enum { STACK = 65536 };

/* What the linker provides. */
extern unsigned char __heap_base;
void __wasm_init_tls(void *);

/* A new instance's stack pointer and thread-local data are those of the first thread: before anything in C runs, they
 * are set to the new thread's. */
__asm__(
	".globaltype __stack_pointer, i32\n"
	".functype __wasm_init_tls (i32) -> ()\n"
	".functype run_thread (i32, i32) -> ()\n"
	".globl wasi_thread_start\n"
	".type wasi_thread_start,@function\n"
	".export_name wasi_thread_start, wasi_thread_start\n"
	"wasi_thread_start:\n"
	"	.functype wasi_thread_start (i32, i32) -> ()\n"
	"	local.get 1\n"
	"	i32.load 0\n"
	"	global.set __stack_pointer\n"
	"	local.get 1\n"
	"	i32.load 4\n"
	"	call __wasm_init_tls\n"
	"	local.get 0\n"
	"	local.get 1\n"
	"	call run_thread\n"
	"	end_function\n");

__attribute__((used)) void run_thread(int32_t tid, struct thread *thread)
{
	thread->tid = tid;
	thread->run(thread->arg);
	atomic_store(&thread->ended, 1);
	__builtin_wasm_memory_atomic_notify((int32_t *)&thread->ended, UINT32_MAX);
}

void *memset(void *to, int value, size_t size)
{
	for (volatile unsigned char *p = to; size > 0; size--)
		*p++ = (unsigned char)value;
	return to;
}

static size_t length_of(const char *text)
{
	size_t length = 0;
	while (text[length])
		length++;
	return length;
}

void print(const char *text)
{
	struct { const char *at; size_t size; } iov = { text, length_of(text) };
	int32_t size;
	fd_write(1, &iov, 1, &size);
}

void print_number(const char *name, uint64_t value)
{
	char line[128], *at = line + sizeof line;
	*--at = 0;
	*--at = '\n';
	do
		*--at = (char)('0' + value % 10);
	while (value /= 10);
	*--at = ' ';
	for (size_t i = length_of(name); i > 0; i--)
		*--at = name[i - 1];
	print(at);
}

_Noreturn void fail(int line)
{
	print_number("failed at line", (uint64_t)line);
	proc_exit(99);
}

/* Grows the memory when it runs out, which other threads notice only by what they are given. */
void *allocate(size_t size)
{
	static struct mutex lock;
	static uintptr_t next;
	mutex_lock(&lock);
	if (next == 0)
		next = ((uintptr_t)&__heap_base + 15) & ~(uintptr_t)15;
	uintptr_t at = next;
	next += (size + 15) & ~(size_t)15;
	while (next > (uintptr_t)__builtin_wasm_memory_size(0) << 16)
		CHECK(__builtin_wasm_memory_grow(0, 1) != SIZE_MAX);
	mutex_unlock(&lock);
	return (void *)at;
}

void thread_start(struct thread *thread, void (*run)(void *), void *arg)
{
	thread->stack_top = (char *)allocate(STACK) + STACK;
	thread->tls = allocate(__builtin_wasm_tls_size() + 1);
	thread->run = run;
	thread->arg = arg;
	thread->ended = thread->tid = 0;
	CHECK(thread_spawn(thread) > 0);
}

void thread_join(struct thread *thread)
{
	while (!atomic_load(&thread->ended))
		__builtin_wasm_memory_atomic_wait32((int32_t *)&thread->ended, 0, -1);
}

/* After Drepper, "Futexes are tricky". */
void mutex_lock(struct mutex *mutex)
{
	int32_t state = 0;
	if (atomic_compare_exchange_strong(&mutex->state, &state, 1))
		return;
	while (atomic_exchange(&mutex->state, 2) != 0)
		__builtin_wasm_memory_atomic_wait32((int32_t *)&mutex->state, 2, -1);
}

void mutex_unlock(struct mutex *mutex)
{
	if (atomic_exchange(&mutex->state, 0) == 2)
		__builtin_wasm_memory_atomic_notify((int32_t *)&mutex->state, 1);
}

_Bool condition_wait(struct condition *condition, struct mutex *mutex, int64_t timeout)
{
	int32_t changes = atomic_load(&condition->changes);
	mutex_unlock(mutex);
	int result = __builtin_wasm_memory_atomic_wait32((int32_t *)&condition->changes, changes, timeout);
	mutex_lock(mutex);
	return result != 2;
}

void condition_signal(struct condition *condition)
{
	atomic_fetch_add(&condition->changes, 1);
	__builtin_wasm_memory_atomic_notify((int32_t *)&condition->changes, 1);
}

void condition_broadcast(struct condition *condition)
{
	atomic_fetch_add(&condition->changes, 1);
	__builtin_wasm_memory_atomic_notify((int32_t *)&condition->changes, UINT32_MAX);
}
