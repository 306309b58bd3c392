/* memory.atomic.wait and notify, called by compiled code: threads asleep at addresses of shared memories, in the order
 * they came. Shared memories never move, so the host's address names a place for all instances. */
#include "wait.h"
#include "arch.h"
#include "instance.h"
#include "interrupt.h"
#include "memory.h"
#include "port.h"
#include "trap.h"

enum { WOKEN = 0, NOT_EQUAL = 1, TIMED_OUT = 2, INTERRUPTED = 3 }; /* results of wait; the last one is a trap */

struct waiter {
	const uint8_t *at;
	const void *pinned; /* its instance */
	struct waiter *next;
	struct pal_signal signal;
	bool queued;
};

/* The sleepers at addresses of one hash. The lock is held from the comparison until the thread sleeps: a notify after a
 * change of the value finds it. */
struct bucket {
	struct pal_lock lock;
	struct waiter *first, *last;
};
enum { BUCKET_BITS = 6, BUCKETS = 1 << BUCKET_BITS };
static struct bucket buckets[BUCKETS] = { [0 ... BUCKETS - 1] = { .lock = PAL_LOCK_INIT } };

static struct bucket *bucket_of(const uint8_t *at)
{
	return &buckets[(uint64_t)(uintptr_t)at * UINT64_C(0x9e3779b97f4a7c15) >> (64 - BUCKET_BITS)]; /* wraps, as hashes do */
}

static void enqueue(struct bucket *bucket, struct waiter *waiter)
{
	waiter->queued = true;
	if (bucket->first)
		bucket->last->next = waiter;
	else
		bucket->first = waiter;
	bucket->last = waiter;
}

/* `before`: the one in front of it, or NULL. */
static void dequeue(struct bucket *bucket, struct waiter *waiter, struct waiter *before)
{
	waiter->queued = false;
	if (before)
		before->next = waiter->next;
	else
		bucket->first = waiter->next;
	if (bucket->last == waiter)
		bucket->last = before;
}

/* Also runs when the thread is cancelled in its sleep (-fexceptions). Under the bucket's lock, which it gives back. */
static void leave(struct waiter *waiter)
{
	struct bucket *bucket = bucket_of(waiter->at);
	struct waiter *before = NULL;
	for (struct waiter *other = bucket->first; waiter->queued; other = other->next) {
		if (other == waiter)
			dequeue(bucket, waiter, before);
		before = other;
	}
	pal_unlock(&bucket->lock);
	pal_signal_drop(&waiter->signal);
}

/* Sleeps until it is woken or the deadline has passed, if the `size` bytes at `at` are `expected`. *fault: the address
 * that could not be read, or 0. */
static uint32_t sleep_at(const void *pinned, const struct pal_memory *memory, const uint8_t *at, size_t size,
                         uint64_t expected, uint64_t deadline, uintptr_t *fault)
{
	struct bucket *bucket = bucket_of(at);
	__attribute__((cleanup(leave))) struct waiter waiter = { .at = at, .pinned = pinned };
	pal_signal_init(&waiter.signal);
	pal_lock(&bucket->lock);
	uint64_t value = 0; /* little-endian, as all our targets are: the first bytes are the low ones */
	*fault = pal_copy_word(&value, at, size, memory->base, memory->size);
	if (*fault || value != expected)
		return NOT_EQUAL;
	enqueue(bucket, &waiter);
	bool in_time = true;
	while (waiter.queued && in_time && !pal_interrupt_pending(pinned))
		in_time = pal_signal_await(&waiter.signal, &bucket->lock, deadline);
	if (waiter.queued)
		return in_time ? INTERRUPTED : TIMED_OUT;
	return WOKEN;
}

/* Of an access of `size` bytes, a power of two. */
static struct pal_memory *check(void *pinned, uint32_t index, uint64_t address, size_t size)
{
	struct pal_memory *memory = pal_instance_of(pinned)->memories[index].owner;
	uint64_t whole = memory->size;
	/* A sum that the index type can't hold is outside whatever its alignment is; what a 64-bit one can't hold comes as an
	 * aligned address that no memory reaches. */
	bool holds = memory->index64 || address <= UINT32_MAX;
	if (holds && address % size)
		pal_rt_trap(PAL_TRAP_UNALIGNED_ATOMIC, NULL, (int32_t)index, address);
	if (whole < size || address > whole - size) /* no sum, so nothing wraps */
		pal_rt_trap(PAL_TRAP_MEMORY_OUT_OF_BOUNDS, NULL, (int32_t)index, address);
	if (pal_memory_forbidden(memory, address, size, false) < address + size)
		pal_rt_trap(PAL_TRAP_MEMORY_PROTECTED, NULL, (int32_t)index, address);
	return memory;
}

/* `timeout`: nanoseconds, or negative for ever. */
static uint64_t deadline_after(int64_t timeout)
{
	uint64_t now = pal_port_now();
	if (timeout < 0 || (uint64_t)timeout > PAL_NEVER - now)
		return PAL_NEVER;
	return now + (uint64_t)timeout;
}

static uint32_t wait_at(void *pinned, uint32_t index, uint64_t address, size_t size, uint64_t expected, int64_t timeout)
{
	struct pal_memory *memory = check(pinned, index, address, size);
	if (!memory->shared)
		pal_rt_trap(PAL_TRAP_EXPECTED_SHARED, NULL, (int32_t)index, address);
	uintptr_t fault;
	uint32_t result = sleep_at(pinned, memory, memory->base + address, size, expected, deadline_after(timeout), &fault);
	if (fault)
		pal_rt_trap(PAL_TRAP_MEMORY_PROTECTED, NULL, (int32_t)index, fault - (uintptr_t)memory->base);
	if (result == INTERRUPTED) {
		pal_rt_uninterrupt(pinned);
		pal_rt_trap(PAL_TRAP_INTERRUPTED, NULL, -1, 0);
	}
	return result;
}

uint32_t pal_rt_memory_wait32(void *pinned, uint32_t memory, uint64_t address, uint32_t expected, int64_t timeout)
{
	return wait_at(pinned, memory, address, sizeof expected, expected, timeout);
}

uint32_t pal_rt_memory_wait64(void *pinned, uint32_t memory, uint64_t address, uint64_t expected, int64_t timeout)
{
	return wait_at(pinned, memory, address, sizeof expected, expected, timeout);
}

/* The word is set already: who takes the lock to sleep after this sees it. */
void pal_wait_wake(const void *pinned)
{
	for (int i = 0; i < BUCKETS; i++) {
		pal_lock(&buckets[i].lock);
		for (struct waiter *waiter = buckets[i].first; waiter; waiter = waiter->next)
			if (waiter->pinned == pinned)
				pal_signal_send(&waiter->signal);
		pal_unlock(&buckets[i].lock);
	}
}

uint32_t pal_rt_memory_notify(void *pinned, uint32_t index, uint64_t address, uint32_t count)
{
	struct pal_memory *memory = check(pinned, index, address, sizeof(uint32_t));
	const uint8_t *at = memory->base + address;
	struct bucket *bucket = bucket_of(at);
	uint32_t woken = 0;
	pal_lock(&bucket->lock);
	struct waiter *before = NULL, *next;
	for (struct waiter *waiter = bucket->first; waiter && woken < count; waiter = next) {
		next = waiter->next;
		if (waiter->at != at) {
			before = waiter;
			continue;
		}
		dequeue(bucket, waiter, before);
		pal_signal_send(&waiter->signal); /* it can't end before the lock is free */
		woken++;
	}
	pal_unlock(&bucket->lock);
	return woken;
}
