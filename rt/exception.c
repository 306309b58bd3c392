/* See exception.h. */
#include "exception.h"
#include "port.h"
#include "sanitize.h"
#include "table.h"
#include "thread.h"
#include "trap.h"
#include "type.h"
#include <stdlib.h>

#ifdef PAL_BOARD
enum { SLAB_OBJECTS = 16, SLABS_MAX = 64 };
#else
enum { SLAB_OBJECTS = 128, SLABS_MAX = 32768 };
#endif
/* Bytes of stack that a collection may look through for each object there is: keeps deep stacks from making it slow. */
enum { STACK_PER_OBJECT = 1024 };

struct slab {
	struct pal_thread *_Atomic owner; /* NULL: its thread has ended */
	struct slab *next;                /* of the same owner, or of none */
	uint32_t number;
	struct pal_exception objects[SLAB_OBJECTS];
};

/* Slabs are never given back: an object's place outlives it, so that old handles can be looked up at any time. */
static struct slab *_Atomic slabs[SLABS_MAX];
static _Atomic uint32_t slab_count;
/* For all below, and for whatever ends a kept object. */
static struct pal_lock lock = PAL_LOCK_INIT;
static struct slab *orphans;
static struct pal_instance *watched;
static uint64_t collections;

void pal_exception_lock(void)
{
	pal_lock(&lock);
}

void pal_exception_unlock(void)
{
	pal_unlock(&lock);
}

/* ---- Handles: generation in the upper half, number + 1 in the lower ---- */

static struct pal_exception *object_at(uint64_t exnref, struct slab **slab)
{
	uint32_t number = (uint32_t)exnref - 1; /* wraps to a huge number for null */
	if (number / SLAB_OBJECTS >= slab_count)
		return NULL;
	*slab = slabs[number / SLAB_OBJECTS];
	return &(*slab)->objects[number % SLAB_OBJECTS];
}

/* The living object of this handle. That of another thread may be asked under the lock only. */
static struct pal_exception *living(uint64_t exnref, struct slab **slab)
{
	struct pal_exception *object = object_at(exnref, slab);
	bool alive = object && object->in_use && object->kept && object->values->exnref == exnref;
	return alive ? object : NULL;
}

/* ---- Marking ---- */

struct marking {
	struct pal_exception *found; /* not looked through yet */
	uint64_t collection;
};

static void mark(struct marking *marking, uint64_t word)
{
	struct slab *slab;
	struct pal_exception *object = living(word, &slab);
	if (object == NULL || object->marked == marking->collection)
		return;
	object->marked = marking->collection;
	object->next = marking->found;
	marking->found = object;
}

/* Whatever looks like a handle is one. The stack's dead parts are looked at, too. */
PAL_NO_SANITIZE static void mark_words(struct marking *marking, uintptr_t from, uintptr_t to)
{
	for (uintptr_t at = from; at < to; at += sizeof(uint64_t))
		mark(marking, *(const volatile uint64_t *)at);
}

static void mark_instance(struct marking *marking, const struct pal_instance *instance)
{
	const struct pal_module *module = instance->module;
	for (uint32_t i = 0; i < module->exn_global_count; i++) {
		const uint64_t *global = pal_instance_global(instance, module->exn_globals[i]);
		if (global) /* not linked yet */
			mark(marking, __atomic_load_n(global, __ATOMIC_RELAXED));
	}
	for (uint32_t i = 0; i < module->table_count; i++) {
		const struct pal_table *table = instance->tables[i].owner;
		if (table && pal_value_type_is_exn(table->type))
			mark_words(marking, (uintptr_t)table->elements, (uintptr_t)(table->elements + table->size));
	}
}

/* What exceptions carry may be exceptions. */
static void mark_carried(struct marking *marking)
{
	while (marking->found) {
		const struct pal_exception *object = marking->found;
		marking->found = object->next;
		uintptr_t bytes = (uintptr_t)object->values->bytes;
		mark_words(marking, bytes, bytes + object->size);
	}
}

/* ---- One thread's objects ---- */

static void make_free(struct pal_exceptions *mine, struct pal_exception *object)
{
	object->in_use = object->kept = false;
	object->next = mine->free;
	mine->free = object;
	mine->free_count++;
}

static void drop_heap(struct pal_exception *object)
{
	if (object->room <= sizeof object->here - sizeof(struct pal_values))
		return;
	free(object->values);
	object->values = (struct pal_values *)object->here;
	object->room = sizeof object->here - sizeof(struct pal_values);
}

static void sweep(struct pal_exceptions *mine, uint64_t collection)
{
	for (struct slab *slab = mine->slabs; slab; slab = slab->next)
		for (int i = 0; i < SLAB_OBJECTS; i++) {
			struct pal_exception *object = &slab->objects[i];
			if (!object->in_use || object->marked == collection)
				continue;
			drop_heap(object);
			make_free(mine, object);
		}
}

/* Frees what nobody knows. Gives the bytes of stack looked through; 0: the stack is unknown, and nothing happened. */
static __attribute__((noinline)) size_t collect(struct pal_exceptions *mine)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0) & ~(uintptr_t)15;
	const struct pal_stack *stack = pal_thread_stack(here);
	if (stack == NULL)
		return 0;
	pal_lock(&lock);
	struct marking marking = { NULL, ++collections };
	mark_words(&marking, here, stack->high & ~(uintptr_t)7);
	for (const struct pal_instance *instance = watched; instance; instance = instance->watched_next)
		mark_instance(&marking, instance);
	mark_carried(&marking);
	sweep(mine, marking.collection);
	pal_unlock(&lock);
	return stack->high - here;
}

/* Callee-saved registers may hold handles: they go into this frame, above the one that looks at the stack. */
static __attribute__((noinline)) size_t collect_with_registers(struct pal_exceptions *mine)
{
	__builtin_unwind_init();
	size_t bytes = collect(mine);
	__asm__ volatile("" ::: "memory"); /* no tail call: the frame must stay */
	return bytes;
}

/* ---- Slabs ---- */

#ifndef __APPLE__ /* its malloc aligns for vectors (malloc(3)), of which this type does not know */
_Static_assert(_Alignof(max_align_t) >= 16, "malloc does not align v128");
#endif

static void init_objects(struct slab *slab)
{
	for (int i = 0; i < SLAB_OBJECTS; i++) {
		struct pal_exception *object = &slab->objects[i];
		object->place = (uint32_t)i;
		object->values = (struct pal_values *)object->here;
		object->room = sizeof object->here - sizeof(struct pal_values);
	}
}

static struct slab *make_slab(void)
{
	if (slab_count == SLABS_MAX)
		return NULL;
	struct slab *slab = malloc(sizeof *slab);
	if (slab == NULL)
		return NULL;
	memset(slab, 0, sizeof *slab);
	slab->number = slab_count;
	init_objects(slab);
	slabs[slab->number] = slab;
	slab_count = slab->number + 1; /* last: lookups begin with it */
	return slab;
}

static bool add_slab(struct pal_exceptions *mine)
{
	pal_lock(&lock);
	struct slab *slab = orphans;
	if (slab)
		orphans = slab->next;
	else
		slab = make_slab();
	pal_unlock(&lock);
	if (slab == NULL)
		return false;
	slab->owner = &pal_self;
	slab->next = mine->slabs;
	mine->slabs = slab;
	mine->count += SLAB_OBJECTS;
	for (int i = SLAB_OBJECTS - 1; i >= 0; i--)
		if (!slab->objects[i].in_use)
			make_free(mine, &slab->objects[i]);
	return true;
}

/* More objects than half, so that the work of finding them is spread over as many exceptions as it looks at. */
static void replenish(struct pal_exceptions *mine)
{
	pal_thread_prepare(); /* has pal_exception_end_thread called in the end */
	size_t bytes = mine->count ? collect_with_registers(mine) : 0;
	while (mine->free_count <= mine->count / 2 || bytes / STACK_PER_OBJECT > mine->count)
		if (!add_slab(mine))
			break;
	if (mine->free == NULL)
		pal_rt_trap(PAL_TRAP_OUT_OF_MEMORY, "out of memory for exceptions", -1, 0);
}

void pal_exception_end_thread(void)
{
	struct pal_exceptions *mine = &pal_self.exceptions;
	pal_lock(&lock);
	while (mine->slabs) {
		struct slab *slab = mine->slabs;
		mine->slabs = slab->next;
		slab->owner = NULL;
		slab->next = orphans;
		orphans = slab;
	}
	pal_unlock(&lock);
	*mine = (struct pal_exceptions){ 0 };
}

/* ---- Objects ---- */

static void make_room(struct pal_exception *object, uint32_t size)
{
	if (size <= object->room)
		return;
	drop_heap(object);
	/* at most 1,000 values of 16 bytes: the validator's limit on parameters */
	struct pal_values *values = malloc(sizeof *values + size);
	if (values == NULL)
		pal_rt_trap(PAL_TRAP_OUT_OF_MEMORY, "out of memory for exceptions", -1, 0);
	object->values = values;
	object->room = size;
}

struct pal_exception *pal_exception_new(uint64_t tag, uint32_t size)
{
	struct pal_exceptions *mine = &pal_self.exceptions;
	if (mine->free == NULL)
		replenish(mine);
	struct pal_exception *object = mine->free;
	make_room(object, size);
	mine->free = object->next;
	mine->free_count--;
	const struct slab *slab = (struct slab *)((uint8_t *)(object - object->place) - offsetof(struct slab, objects));
	uint64_t number = (uint64_t)slab->number * SLAB_OBJECTS + object->place;
	object->values->exnref = ++object->generation << 32 | (number + 1); /* below 2^22 */
	object->tag = tag;
	object->size = size;
	object->in_use = true; /* last: lookups begin with it */
	return object;
}

/* Another thread's object: it may end at any moment, but under the lock. */
static struct pal_exception *copy_of(uint64_t exnref)
{
#ifdef PAL_BOARD
	(void)exnref; /* there is one thread */
	return NULL;
#else
	_Alignas(16) uint8_t bytes[16000]; /* see make_room */
	struct slab *slab;
	pal_lock(&lock);
	const struct pal_exception *object = living(exnref, &slab);
	uint64_t tag = object ? object->tag : 0;
	uint32_t size = object ? object->size : 0;
	if (object)
		memcpy(bytes, object->values->bytes, size);
	pal_unlock(&lock);
	if (object == NULL)
		return NULL;
	struct pal_exception *copy = pal_exception_new(tag, size);
	memcpy(copy->values->bytes, bytes, size);
	return copy;
#endif
}

struct pal_exception *pal_exception_find(uint64_t exnref)
{
	struct slab *slab;
	struct pal_exception *object = object_at(exnref, &slab);
	if (object == NULL)
		return NULL;
	return slab->owner == &pal_self ? living(exnref, &slab) : copy_of(exnref);
}

void pal_exception_caught(struct pal_exception *object, bool keep)
{
	if (keep)
		object->kept = true;
	else if (!object->kept)
		make_free(&pal_self.exceptions, object);
}

/* ---- Instances ---- */

void pal_exception_watch(struct pal_instance *instance)
{
	pal_lock(&lock);
	instance->watched_next = watched;
	watched = instance;
	pal_unlock(&lock);
}

void pal_exception_unwatch(struct pal_instance *instance)
{
	pal_lock(&lock);
	struct pal_instance **link = &watched;
	while (*link && *link != instance)
		link = &(*link)->watched_next;
	if (*link)
		*link = instance->watched_next;
	pal_unlock(&lock);
}
