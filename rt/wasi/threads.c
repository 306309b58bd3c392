/* See threads.h and palisade.h: starts threads and knows which of their tids are in use. */
#include "threads.h"
#include "abi.h"
#include "budget.h"
#include "port.h"
#include <stdlib.h>

enum { TID_MAX = 0x1fffffff }; /* the proposal keeps the bits above it for guests' C libraries */

struct thread {
	struct wasi *threads;
	struct thread *next; /* of those that run */
	int32_t tid, start_arg;
};

struct wasi {
	pal_thread_main *run;
	void *data;
	size_t stack_size;
	pal_budget *budget; /* of the thread that made this; its threads use it, too */
	struct pal_lock lock; /* of all below */
	struct thread *running;
	int32_t last_tid;
	bool wrapped; /* all tids have been given out once: older threads may still have the next ones */
	bool draining;
	struct pal_signal none_left;
};

struct wasi *pal_wasi_threads(pal_thread_main *run, void *data, size_t stack_size)
{
	struct wasi *threads = calloc(1, sizeof *threads);
	if (threads == NULL)
		return NULL;
	threads->run = run;
	threads->data = data;
	threads->stack_size = stack_size;
	threads->budget = pal_budget_retain_used();
	threads->lock = (struct pal_lock)PAL_LOCK_INIT;
	pal_signal_init(&threads->none_left);
	return threads;
}

void pal_wasi_threads_join(struct wasi *threads)
{
	if (threads == NULL)
		return;
	pal_lock(&threads->lock);
	threads->draining = true;
	while (threads->running)
		pal_signal_await(&threads->none_left, &threads->lock, PAL_NEVER);
	pal_unlock(&threads->lock);
	pal_signal_drop(&threads->none_left);
	pal_budget_free(threads->budget);
	free(threads);
}

static bool is_in_use(const struct wasi *threads, int32_t tid)
{
	const struct thread *thread = threads->running;
	while (thread && thread->tid != tid)
		thread = thread->next;
	return thread != NULL;
}

/* There are fewer threads than tids: a process has not memory enough. */
static int32_t next_tid(struct wasi *threads)
{
	do {
		threads->wrapped = threads->wrapped || threads->last_tid == TID_MAX;
		threads->last_tid = threads->last_tid == TID_MAX ? 1 : threads->last_tid + 1;
	} while (threads->wrapped && is_in_use(threads, threads->last_tid));
	return threads->last_tid;
}

static void enter(struct thread *thread)
{
	struct wasi *threads = thread->threads;
	pal_lock(&threads->lock);
	thread->tid = next_tid(threads);
	thread->next = threads->running;
	threads->running = thread;
	pal_unlock(&threads->lock);
}

/* The last access to `threads`: pal_wasi_threads_join may be waiting for it. */
static void leave(struct thread *thread)
{
	struct wasi *threads = thread->threads;
	pal_lock(&threads->lock);
	struct thread **link = &threads->running;
	while (*link != thread)
		link = &(*link)->next;
	*link = thread->next;
	if (threads->running == NULL && threads->draining)
		pal_signal_send(&threads->none_left);
	pal_unlock(&threads->lock);
	free(thread);
}

static void *run(void *arg)
{
	struct thread *thread = arg;
	pal_budget_use(thread->threads->budget);
	thread->threads->run(thread->threads->data, thread->tid, thread->start_arg);
	leave(thread);
	return NULL;
}

int32_t wasi_thread_spawn(struct wasi *threads, int32_t start_arg)
{
	struct thread *thread = calloc(1, sizeof *thread);
	if (thread == NULL)
		return -WASI_AGAIN;
	thread->threads = threads;
	thread->start_arg = start_arg;
	enter(thread);
	int32_t tid = thread->tid; /* the thread may have ended when this one goes on */
	if (pal_port_start_thread(run, thread, threads->stack_size))
		return tid;
	leave(thread);
	return -WASI_AGAIN;
}
