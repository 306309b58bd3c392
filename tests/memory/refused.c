/* Calls to the system that fail, one after the other, while instances of three modules are made, used and freed: each
 * either works or says what is short, and everything that was taken is given back. Linked with --wrap for those calls. */
#define _GNU_SOURCE
#include "automatic.h"
#include "checked.h"
#include "guard.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define CHECK(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "line %d: failed: %s (%s, call %ld; last trap: %s)\n", __LINE__, #condition, what, call, \
			        pal_last_trap()->message); \
			exit(1); \
		} \
	} while (0)

static const char *what;
static long call = -1; /* which call fails */
static long fail_in = -1; /* calls until then; -1: none fails */
static long failures;
static long blocks, bytes; /* that are allocated or mapped */
static long writable, limit = -1; /* bytes that strict accounting counts, and how many it allows; -1: any number */

static int fails(void)
{
	if (fail_in < 0 || fail_in-- > 0)
		return 0;
	failures++;
	errno = ENOMEM;
	return 1;
}

/* As the kernel does with vm.overcommit_memory=2: private pages that may be written, reserved or not. */
static int too_many(size_t size, int prot)
{
	if (limit < 0 || !(prot & PROT_WRITE))
		return 0;
	errno = ENOMEM;
	return writable + (long)size > limit;
}

void *__real_mmap(void *, size_t, int, int, int, off_t);
void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	if (fails() || too_many(size, prot))
		return MAP_FAILED;
	void *found = __real_mmap(at, size, prot, flags, fd, offset);
	if (found != MAP_FAILED && !(flags & MAP_FIXED))
		bytes += (long)size;
	if (found != MAP_FAILED && prot & PROT_WRITE)
		writable += (long)size;
	return found;
}

int __real_munmap(void *, size_t);
int __wrap_munmap(void *at, size_t size);
int __wrap_munmap(void *at, size_t size)
{
	bytes -= (long)size;
	return __real_munmap(at, size);
}

int __real_mprotect(void *, size_t, int);
int __wrap_mprotect(void *at, size_t size, int prot);
int __wrap_mprotect(void *at, size_t size, int prot)
{
	if (fails() || too_many(size, prot))
		return -1;
	if (prot & PROT_WRITE)
		writable += (long)size;
	return __real_mprotect(at, size, prot);
}

void *__real_mremap(void *, size_t, size_t, int, ...);
void *__wrap_mremap(void *at, size_t size, size_t wanted, int flags, void *to);
void *__wrap_mremap(void *at, size_t size, size_t wanted, int flags, void *to)
{
	if (fails())
		return MAP_FAILED;
	void *found = __real_mremap(at, size, wanted, flags, to);
	if (found != MAP_FAILED && !(flags & MREMAP_FIXED))
		bytes += (long)wanted - (long)size;
	return found;
}

void *__real_malloc(size_t);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
	void *found = fails() ? NULL : __real_malloc(size);
	blocks += found != NULL;
	return found;
}

void *__real_calloc(size_t, size_t);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
	void *found = fails() ? NULL : __real_calloc(count, size);
	blocks += found != NULL;
	return found;
}

void *__real_realloc(void *, size_t);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size)
{
	void *found = fails() ? NULL : __real_realloc(old, size);
	blocks += found != NULL && old == NULL;
	return found;
}

void __real_free(void *);
void __wrap_free(void *block);
void __wrap_free(void *block)
{
	blocks -= block != NULL;
	__real_free(block);
}

static int in_use; /* instances were made */

/* An instance: made, called, grown and freed. Growing may fail, by wasm's own -1. */
#define USE(name, first) \
	static void name##_use(void *arg) \
	{ \
		struct name *made = arg; \
		CHECK(name##_f(made) == first); \
		int32_t pages = name##_grow(made, 2); \
		CHECK(pages == 1 || pages == -1); \
		CHECK(pal_memory_size(name##_memory(made)) == (pages == 1 ? 3 * 65536 : 65536)); \
		CHECK(name##_f(made) == first); \
	} \
	static void name##_try(void) \
	{ \
		struct name *made = (struct name *)&in_use; \
		pal_trap trap = pal_##name##_instantiate(&made); \
		if (trap != PAL_TRAP_NONE) { \
			CHECK(trap == PAL_TRAP_OUT_OF_MEMORY && made == NULL && strlen(pal_last_trap()->message) > 0); \
			return; \
		} \
		in_use++; \
		CHECK(pal_try(name##_use, made) == PAL_TRAP_NONE); \
		pal_##name##_free(made); \
	}
USE(guard, 'g')
USE(automatic, 'a')
USE(checked, 'c')

static void (*const tries[])(void) = { guard_try, automatic_try, checked_try };
static const char *const names[] = { "guard", "automatic", "checked" };

int main(void)
{
	/* What is made once for the process is there then. */
	for (int k = 0; k < 3; k++)
		what = names[k], tries[k]();
	CHECK(in_use == 3);
	for (int k = 0; k < 3; k++) {
		what = names[k];
		for (call = 0;; call++) {
			long before = failures, blocks_before = blocks, bytes_before = bytes;
			fail_in = call;
			tries[k]();
			fail_in = -1;
			CHECK(blocks == blocks_before && bytes == bytes_before);
			if (failures == before)
				break; /* there are no more calls */
		}
		printf("%s: %ld calls\n", what, call);
		CHECK(call > 3);
	}
	call = -1;
	/* 4 GiB are no problem if nobody counts them. */
	for (int k = 0; k < 3; k++) {
		int before = in_use;
		what = names[k];
		writable = 0;
		limit = 8 << 20;
		tries[k]();
		CHECK(in_use == before + 1);
		/* Nor is it if nothing can be had at all. */
		limit = 0;
		tries[k]();
		CHECK(in_use == before + 1);
		limit = -1;
	}
	puts("all good");
	return 0;
}
