/* Random sequences of what can be done with a memory's pages, on every kind of memory, against a model; and the same
 * with every call to the OS failing once: then nothing may have changed. Linked with --wrap for the calls that fail. */
#define _GNU_SOURCE
#include "guest_copy.h"
#include "memory.h"
#include "palisade.h"
#include "port.h"
#include "trap.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#ifdef _WIN32
#include <psapi.h>
#endif

/* ---- Calls that fail ---- */

static long fail_in = -1; /* calls until one fails; -1: none does */
static int armed; /* one was to fail: it has, if fail_in is -1 now */
static long failures;

static int fails(void)
{
	if (fail_in < 0 || fail_in-- > 0)
		return 0;
	failures++;
	errno = ENOMEM;
	return 1;
}

#ifdef _WIN32
static const bool on_windows = true;
#define sched_yield SwitchToThread
#define MAP_PRIVATE_PAGES(bytes) VirtualAlloc(NULL, bytes, MEM_RESERVE | MEM_COMMIT, PAGE_READWRITE)
#define UNMAP_PAGES(at, bytes) VirtualFree(at, 0, MEM_RELEASE)
#else
static const bool on_windows = false;
#define MAP_PRIVATE_PAGES(bytes) __real_mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
#define UNMAP_PAGES(at, bytes) munmap(at, bytes)
#endif

#define FAILING(type, name, params, args, bad) \
	type __real_##name params; \
	type __wrap_##name params; \
	type __wrap_##name params { return fails() ? bad : __real_##name args; }
#ifdef _WIN32
/* Windows has memory for a page or not when the page is committed; not when its protection is changed. What has become
 * inaccessible a moment ago must be had again: the runtime gives up if not. */
extern void *(WINAPI *__real___imp_VirtualAlloc)(void *, SIZE_T, DWORD, DWORD);
extern WINBOOL (WINAPI *__real___imp_VirtualFree)(void *, SIZE_T, DWORD);
static void *gone; /* what was decommitted last */

static void *WINAPI take(void *at, SIZE_T bytes, DWORD type, DWORD protection)
{
	MEMORY_BASIC_INFORMATION region;
	bool known = at && (at == gone || (VirtualQuery(at, &region, sizeof region) && region.State == MEM_COMMIT));
	gone = NULL;
	if (!known && fails()) {
		SetLastError(ERROR_NOT_ENOUGH_MEMORY);
		return NULL;
	}
	return __real___imp_VirtualAlloc(at, bytes, type, protection);
}

static WINBOOL WINAPI give_back(void *at, SIZE_T bytes, DWORD type)
{
	gone = type == MEM_DECOMMIT ? at : NULL;
	return __real___imp_VirtualFree(at, bytes, type);
}

void *(WINAPI *__wrap___imp_VirtualAlloc)(void *, SIZE_T, DWORD, DWORD) = take;
WINBOOL (WINAPI *__wrap___imp_VirtualFree)(void *, SIZE_T, DWORD) = give_back;
#else
FAILING(void *, mmap, (void *a, size_t b, int c, int d, int e, off_t f), (a, b, c, d, e, f), MAP_FAILED)
FAILING(void *, mremap, (void *a, size_t b, size_t c, int d), (a, b, c, d), MAP_FAILED)
FAILING(int, mprotect, (void *a, size_t b, int c), (a, b, c), -1)
FAILING(int, madvise, (void *a, size_t b, int c), (a, b, c), -1)
FAILING(int, ftruncate, (int a, off_t b), (a, b), -1)
FAILING(int, fallocate, (int a, int b, off_t c, off_t d), (a, b, c, d), -1)
FAILING(ssize_t, pread, (int a, void *b, size_t c, off_t d), (a, b, c, d), -1)
FAILING(ssize_t, pwrite, (int a, const void *b, size_t c, off_t d), (a, b, c, d), -1)
FAILING(int, memfd_create, (const char *a, unsigned b), (a, b), -1)
#endif
FAILING(void *, malloc, (size_t a), (a), NULL)
FAILING(void *, calloc, (size_t a, size_t b), (a, b), NULL)
FAILING(void *, realloc, (void *a, size_t b), (a, b), NULL)

#ifndef _WIN32
/* ---- Hosts that can't tell what was written, or only as older ones can: PAGEMAP=none, PAGEMAP=read ---- */

static bool pagemap_is(const char *what)
{
	const char *asked = getenv("PAGEMAP");
	return asked && strcmp(asked, what) == 0;
}

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	return pagemap_is("none") ? -1 : __real_open(path, flags); /* the runtime opens nothing else */
}

int __real_ioctl(int file, unsigned long request, ...);
int __wrap_ioctl(int file, unsigned long request, ...);
int __wrap_ioctl(int file, unsigned long request, ...)
{
	va_list arguments;
	va_start(arguments, request);
	void *argument = va_arg(arguments, void *);
	va_end(arguments);
	return pagemap_is("read") ? -1 : __real_ioctl(file, request, argument);
}
#endif

/* ---- The model ---- */

enum { PAGES = 160, CELLS = 1 << 14, FILE_PAGES = 16 };
struct page {
	uint8_t mapped, access;
	uint8_t is_file; /* 1: shared; 2: private; 3: it was, but that may be over */
	uint8_t touched; /* since the last snapshot was taken or restored */
	int cell;
};
static struct page pages[PAGES];
static uint8_t (*cells)[65536]; /* the largest host pages there are */
static int cell_count, file_cells;
static size_t page; /* bytes of a host page */
static size_t count; /* pages of the memory */
static pal_memory *memory;
static int file;
static uint64_t seed;
static const char *kind_name;

#define CHECK(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: failed: %s (%s, seed %llu)\n", __FILE__, __LINE__, #condition, kind_name, \
			        (unsigned long long)first_seed); \
			exit(1); \
		} \
	} while (0)
static uint64_t first_seed;

static uint64_t random_below(uint64_t limit)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (seed * 0x2545f4914f6cdd1d >> 33) % limit;
}

static int new_cell(void)
{
	if (cell_count == CELLS)
		abort();
	memset(cells[cell_count], 0, page);
	return cell_count++;
}

static void add_pages(size_t to, int mapped)
{
	for (; count < to; count++)
		pages[count] = (struct page){ (uint8_t)mapped, mapped ? PAL_READ_WRITE : PAL_NONE, 0, 1, mapped ? new_cell() : 0 };
}

/* Page i is what the model says. */
static void check_page(size_t i)
{
	static uint8_t found[65536];
	uint64_t at = i * page;
	bool readable = pages[i].access != PAL_NONE;
	CHECK(pal_guest_read(memory, found, at, page) == readable);
	if (readable)
		CHECK(memcmp(found, cells[pages[i].cell], page) == 0);
	uint8_t byte = cells[pages[i].cell][7];
	CHECK(pal_guest_write(memory, at + 7, &byte, 1) == (pages[i].access == PAL_READ_WRITE));
	pages[i].touched = 1;
}

static int all(size_t from, size_t to, int (*is)(const struct page *))
{
	for (size_t i = from; i < to; i++)
		if (!is(&pages[i]))
			return 0;
	return 1;
}
static int is_mapped(const struct page *p) { return p->mapped; }
static int is_free(const struct page *p) { return !p->mapped; }
static int is_writable(const struct page *p) { return p->access == PAL_READ_WRITE; }
static int is_own(const struct page *p) { return p->mapped && !p->is_file; }

/* ---- Operations ---- */

struct kind {
	const char *name;
	pal_memory_options options;
};

/* What is done, with the model's view of it: what must come out. */
struct step {
	size_t from, to; /* pages */
	uint64_t addr, size;
};

static struct step random_range(void)
{
	struct step step;
	step.from = random_below(count + 1);
	step.to = step.from + random_below(count - step.from + 1);
	if (random_below(4) && step.to > step.from + 8)
		step.to = step.from + 8;
	step.addr = step.from * page;
	step.size = (step.to - step.from) * page;
	return step;
}

static pal_prot random_access(void)
{
	static const pal_prot all_of_them[] = { PAL_NONE, PAL_READ, PAL_READ_WRITE, PAL_READ_WRITE };
	return all_of_them[random_below(4)];
}

/* The expected status, or a failure that was asked for; true if the model must follow. */
static bool went(pal_status status, pal_status expected)
{
	if (status == expected)
		return status == PAL_OK;
	bool possible = expected == PAL_OK || expected == PAL_E_UNSUPPORTED;
	CHECK(possible && (status == PAL_E_NOMEM || status == PAL_E_OS) && armed && fail_in == -1);
	return false;
}

static void do_write(void)
{
	static uint8_t bytes[65536];
	size_t i = random_below(count), from = random_below(page), size = 1 + random_below(page - from);
	memset(bytes, (int)random_below(256), size);
	if (!is_writable(&pages[i]))
		return;
	CHECK(pal_guest_write(memory, i * page + from, bytes, size));
	memcpy(cells[pages[i].cell] + from, bytes, size);
	pages[i].touched = 1;
}

/* Over many pages at once. Where one of them can't be written, those before may have been: then nothing is tried. */
static void do_fill(void)
{
	struct step step = random_range();
	if (step.size == 0 || !all(step.from, step.to, is_writable))
		return;
	static uint8_t bytes[65536];
	uint64_t addr = step.addr + random_below(page), end = step.addr + step.size;
	memset(bytes, (int)random_below(256), page);
	while (addr < end) {
		uint64_t rest = page - addr % page, size = end - addr < rest ? end - addr : rest;
		CHECK(pal_guest_write(memory, addr, bytes, size));
		memcpy(cells[pages[addr / page].cell] + addr % page, bytes, size);
		pages[addr / page].touched = 1;
		addr += size;
	}
}

static void do_discard(void)
{
	struct step step = random_range();
	uint64_t addr = step.addr, size = step.size;
	if (random_below(3) && size > 0) { /* any alignment */
		addr += random_below(page);
		size = random_below(step.to * page - addr + 1);
	}
	size_t first = addr / page, last = size ? (addr + size - 1) / page + 1 : first;
	pal_status expected = all(first, last, is_writable) ? PAL_OK : PAL_E_STATE;
	pal_status status = pal_memory_discard(memory, addr, size);
	CHECK(status == expected); /* can't fail otherwise */
	for (uint64_t at = addr; status == PAL_OK && at < addr + size; at++) {
		cells[pages[at / page].cell][at % page] = 0;
		pages[at / page].touched = 1;
	}
}

static void do_protect(void)
{
	struct step step = random_range();
	pal_prot access = random_access();
	pal_status expected = all(step.from, step.to, is_mapped) ? PAL_OK : PAL_E_STATE;
	if (went(pal_memory_protect(memory, step.addr, step.size, access), expected))
		for (size_t i = step.from; i < step.to; i++)
			pages[i].access = (uint8_t)access;
}

static void note_map(size_t from, size_t to, pal_prot access)
{
	for (size_t i = from; i < to; i++)
		pages[i] = (struct page){ 1, (uint8_t)access, 0, 1, new_cell() };
}

static pal_status expected_map(const struct kind *kind, struct step step)
{
	return kind->options.is_virtual && all(step.from, step.to, is_free) ? PAL_OK : PAL_E_STATE;
}

static void do_map(const struct kind *kind)
{
	struct step step = random_range();
	pal_prot access = random_access();
	if (went(pal_memory_map(memory, step.addr, step.size, access), expected_map(kind, step)))
		note_map(step.from, step.to, access);
}

static void do_map_any(const struct kind *kind)
{
	size_t wanted = 1 + random_below(6), run = 0, found = 0;
	for (size_t i = 1; i < count && !found; i++) {
		run = pages[i].mapped ? 0 : run + 1;
		if (run == wanted)
			found = i + 1 - wanted;
	}
	uint64_t addr = 0;
	pal_status status = pal_memory_map_any(memory, wanted * page, PAL_READ_WRITE, &addr);
	pal_status expected = !kind->options.is_virtual ? PAL_E_STATE : found ? PAL_OK : PAL_E_NOMEM;
	if (went(status, expected)) {
		CHECK(addr == found * page);
		note_map(found, found + wanted, PAL_READ_WRITE);
	}
}

static void do_map_file(const struct kind *kind)
{
	struct step step = random_range();
	size_t at = random_below(FILE_PAGES), most = FILE_PAGES - at;
	if (step.to - step.from > most)
		step.to = step.from + most;
	step.size = (step.to - step.from) * page;
	pal_map_flags flags = random_below(2) ? PAL_MAP_SHARED : PAL_MAP_PRIVATE;
	pal_prot access = random_access();
	pal_status status = pal_memory_map_file(memory, step.addr, step.size, file, at * page, access, flags);
	pal_status expected = expected_map(kind, step);
	if (on_windows && expected == PAL_OK && flags == PAL_MAP_SHARED && step.size > 0)
		expected = PAL_E_UNSUPPORTED;
	if (!went(status, expected))
		return;
	for (size_t i = step.from; i < step.to; i++, at++) {
		int cell = file_cells + (int)at;
		if (flags == PAL_MAP_PRIVATE) {
			/* Private pages show the file until they are written; the model copies at once, so write at once. */
			int copy = new_cell();
			memcpy(cells[copy], cells[cell], page);
			cell = copy;
		}
		pages[i] = (struct page){ 1, (uint8_t)access, flags == PAL_MAP_PRIVATE ? 2 : 1, 1, cell };
	}
	if (flags == PAL_MAP_PRIVATE && step.size > 0) {
		fail_in = -1;
		CHECK(pal_memory_protect(memory, step.addr, step.size, PAL_READ_WRITE) == PAL_OK);
		for (size_t i = step.from; i < step.to; i++)
			CHECK(pal_guest_write(memory, i * page, cells[pages[i].cell], 1));
		CHECK(pal_memory_protect(memory, step.addr, step.size, access) == PAL_OK);
	}
}

static void do_unmap(const struct kind *kind)
{
	struct step step = random_range();
	pal_status expected = kind->options.is_virtual ? PAL_OK : PAL_E_STATE;
	if (went(pal_memory_unmap(memory, step.addr, step.size), expected))
		for (size_t i = step.from; i < step.to; i++)
			pages[i] = (struct page){ 0, PAL_NONE, 0, 1, 0 };
}

static void do_alias(const struct kind *kind)
{
	struct step source = random_range();
	size_t pages_in = source.to - source.from, target = random_below(count - pages_in + 1);
	bool good = pages_in == 0 || (all(target, target + pages_in, is_free) && all(source.from, source.to, is_own));
	for (size_t i = source.from; i < source.to; i++)
		if (pages[i].is_file == 3)
			return;
	pal_status expected = !kind->options.is_virtual || !good ? PAL_E_STATE : on_windows && pages_in > 0 ? PAL_E_UNSUPPORTED : PAL_OK;
	if (went(pal_memory_alias(memory, target * page, source.addr, source.size), expected))
		for (size_t i = 0; i < pages_in; i++)
			pages[target + i] = pages[source.from + i];
}

static void do_grow(const struct kind *kind)
{
	uint64_t old, before = pal_memory_size(memory);
	pal_status expected = before >> 16 < kind->options.max_pages || !kind->options.has_max ? PAL_OK : PAL_E_RANGE;
	if ((count + 65536 / page) > PAGES)
		return;
	if (went(pal_memory_grow(memory, 1, &old), expected)) {
		CHECK(old == before >> 16 && pal_memory_size(memory) == before + 65536);
		add_pages((before + 65536) / page, !kind->options.starts_empty);
	} else {
		CHECK(pal_memory_size(memory) == before);
	}
}

/* ---- Snapshots ---- */

enum { SNAPSHOTS = 5 };
struct taken {
	pal_snapshot *snapshot; /* NULL: none */
	size_t count;
	struct page pages[PAGES];
	uint8_t *bytes;
};
static struct taken all_taken[SNAPSHOTS];

static void free_taken(struct taken *taken)
{
	pal_snapshot_free(taken->snapshot);
	free(taken->bytes);
	taken->snapshot = NULL;
	taken->bytes = NULL;
}

static bool has_shared_file(void)
{
	for (size_t i = 0; i < count; i++)
		if (pages[i].is_file == 1)
			return true;
	return false;
}

/* Private pages of files have become the memory's own, or may have. */
static void note_private(bool certain)
{
	for (size_t i = 0; i < count; i++)
		if (pages[i].is_file >= 2)
			pages[i].is_file = certain ? 0 : 3;
}

static void do_snapshot(const struct kind *kind)
{
	struct taken *taken = &all_taken[random_below(SNAPSHOTS)];
	free_taken(taken);
	pal_status expected = kind->options.shared || has_shared_file() ? PAL_E_STATE : PAL_OK;
	pal_status status = pal_memory_snapshot(memory, &taken->snapshot);
	CHECK((status == PAL_OK) == (taken->snapshot != NULL));
	if (expected != PAL_OK && status != PAL_OK && armed && fail_in == -1)
		return; /* there are two reasons to fail */
	if (!went(status, expected)) {
		note_private(false);
		return;
	}
	fail_in = -1;
	note_private(true);
	taken->count = count;
	taken->bytes = malloc(count * page + 1);
	CHECK(taken->bytes != NULL);
	for (size_t i = 0; i < count; i++) {
		pages[i].touched = 0;
		memcpy(taken->bytes + i * page, cells[pages[i].cell], page);
	}
	memcpy(taken->pages, pages, sizeof pages);
}

static struct taken *any_taken(void)
{
	struct taken *taken = &all_taken[random_below(SNAPSHOTS)];
	return taken->snapshot ? taken : NULL;
}

static void do_restore(void)
{
	struct taken *taken = any_taken();
	if (taken == NULL)
		return;
	uint64_t size = pal_memory_size(memory);
	if (!went(pal_memory_restore(memory, taken->snapshot), PAL_OK)) {
		CHECK(pal_memory_size(memory) == size);
		note_private(false);
		return;
	}
	count = taken->count;
	memcpy(pages, taken->pages, sizeof pages);
	for (size_t i = 0; i < count; i++)
		memcpy(cells[pages[i].cell], taken->bytes + i * page, page);
	CHECK(pal_memory_size(memory) / page == count);
}

/* What is listed has changed or was written; what has changed is listed. */
static void do_dirty(void)
{
	static uint64_t found[PAGES];
	static const uint8_t zeros[65536];
	struct taken *taken = any_taken();
	if (taken == NULL)
		return;
	uint64_t room = random_below(4) ? PAGES : random_below(20), n = room, next = 0;
	memset(found, 0xff, sizeof found);
	pal_status status = pal_memory_dirty(memory, taken->snapshot, found, &n);
	if (status == PAL_E_ROOM) {
		CHECK(n > room && found[0] == UINT64_MAX);
		return;
	}
	if (!went(status, PAL_OK))
		return;
	CHECK(n <= room);
	for (size_t i = 0; i < PAGES; i++) {
		const uint8_t *now = i < count ? cells[pages[i].cell] : zeros;
		const uint8_t *then = i < taken->count ? taken->bytes + i * page : zeros;
		bool differs = memcmp(now, then, page) != 0, listed = next < n && found[next] == i * page;
		CHECK(listed || !differs);
		CHECK(!listed || differs || (i < count && pages[i].touched));
		next += listed;
	}
	CHECK(next == n);
}

static void check_misuse(const struct kind *kind)
{
	uint64_t whole = count * page, any;
	pal_status mapping = kind->options.is_virtual ? PAL_E_ALIGN : PAL_E_STATE;
	CHECK(pal_memory_protect(memory, 1, page, PAL_READ) == PAL_E_ALIGN);
	CHECK(pal_memory_protect(memory, whole, page, PAL_READ) == PAL_E_RANGE);
	CHECK(pal_memory_protect(memory, page, UINT64_MAX, PAL_READ) == PAL_E_RANGE);
	CHECK(pal_memory_protect(memory, 0, page, (pal_prot)2) == PAL_E_ARGUMENT);
	CHECK(pal_memory_discard(memory, whole + 1, 0) == PAL_E_RANGE && pal_memory_discard(memory, 1, UINT64_MAX) == PAL_E_RANGE);
	CHECK(pal_memory_unmap(memory, 5, page) == mapping && pal_memory_map(memory, 0, page + 1, PAL_READ) == mapping);
	CHECK(pal_memory_map(memory, 0, 0, (pal_prot)7) == PAL_E_ARGUMENT);
	CHECK(pal_memory_map_any(memory, 0, PAL_READ, &any) == PAL_E_ARGUMENT);
	CHECK(pal_memory_map_any(memory, 100, PAL_READ, &any) == PAL_E_ALIGN);
	if (kind->options.is_virtual)
		CHECK(pal_memory_alias(memory, 0, whole, page) == PAL_E_RANGE && pal_memory_alias(memory, whole, 0, page) == PAL_E_RANGE);
}

static void step_once(const struct kind *kind)
{
	switch (random_below(20)) {
	case 0: do_grow(kind); break;
	case 1: do_discard(); break;
	case 2: do_protect(); break;
	case 3: do_map(kind); break;
	case 4: do_map_any(kind); break;
	case 5: do_map_file(kind); break;
	case 6: do_unmap(kind); break;
	case 7: case 8: do_alias(kind); break;
	case 9: case 10: do_snapshot(kind); break;
	case 11: case 12: do_restore(); break;
	case 13: do_dirty(); break;
	case 14: case 15: do_fill(); break;
	default: do_write(); break;
	}
}

static void reset_file(void)
{
	static uint8_t bytes[65536];
	file_cells = cell_count;
	for (int i = 0; i < FILE_PAGES; i++) {
		memset(bytes, 100 + i, page);
		memcpy(cells[new_cell()], bytes, page);
		CHECK(pal_port_object_put(file, (uint64_t)i * page, bytes, page));
	}
}

/* `fail`: in how many calls one fails, again and again; -1: none. */
static void run_sequence(const struct kind *kind, uint64_t number, long fail)
{
	kind_name = kind->name;
	first_seed = number;
	seed = number * 0x9e3779b97f4a7c15 + 1;
	cell_count = 0;
	count = 0;
	new_cell(); /* of pages that are not mapped */
	reset_file();
	CHECK(pal_memory_new(&memory, &kind->options) == PAL_OK);
	add_pages(kind->options.min_pages * 65536 / page, !kind->options.starts_empty);
	for (int i = 0; i < 40; i++) {
		fail_in = fail;
		armed = fail >= 0;
		step_once(kind);
		fail_in = -1;
		check_page(random_below(count));
		check_page(random_below(count));
	}
	check_misuse(kind);
	for (size_t i = 0; i < count; i++)
		check_page(i);
	/* the memory lives as long as its last snapshot */
	size_t last = random_below(SNAPSHOTS + 1);
	for (size_t i = 0; i < last; i++)
		free_taken(&all_taken[i]);
	pal_memory_free(memory);
	for (size_t i = last; i < SNAPSHOTS; i++)
		free_taken(&all_taken[i]);
}

static struct kind kinds[] = {
	{ "guard", { .min_pages = 2, .max_pages = 5, .has_max = 1 } },
	{ "fixed", { .min_pages = 2, .max_pages = 5, .has_max = 1, .compact = 1 } },
	{ "movable", { .min_pages = 2, .compact = 1 } },
	{ "movable, 64-bit", { .min_pages = 2, .index64 = 1 } },
	{ "fixed, 64-bit", { .min_pages = 2, .max_pages = 2, .has_max = 1, .index64 = 1 } },
	{ "limited, 64-bit", { .min_pages = 2, .max_pages = 5, .has_max = 1, .index64 = 1, .compact = 1 } },
	{ "shared", { .min_pages = 2, .max_pages = 5, .has_max = 1, .shared = 1 } },
	{ "shared, compact", { .min_pages = 2, .max_pages = 5, .has_max = 1, .shared = 1, .compact = 1 } },
	{ "shared, 64-bit", { .min_pages = 2, .max_pages = 5, .has_max = 1, .shared = 1, .index64 = 1 } },
	{ "virtual", { .min_pages = 4, .is_virtual = 1 } },
	{ "virtual, compact", { .min_pages = 4, .max_pages = 6, .has_max = 1, .compact = 1, .is_virtual = 1 } },
	{ "virtual, empty", { .min_pages = 4, .max_pages = 6, .has_max = 1, .is_virtual = 1, .starts_empty = 1 } },
	{ "virtual, 64-bit", { .min_pages = 4, .max_pages = 1 << 22, .has_max = 1, .index64 = 1, .is_virtual = 1 } },
	{ "virtual, empty, 64-bit", { .min_pages = 4, .max_pages = 6, .has_max = 1, .index64 = 1, .is_virtual = 1, .starts_empty = 1 } },
	{ "virtual, shared, 64-bit", { .min_pages = 4, .max_pages = 6, .has_max = 1, .shared = 1, .index64 = 1, .is_virtual = 1 } },
	{ "virtual, shared, empty", { .min_pages = 4, .max_pages = 6, .has_max = 1, .shared = 1, .is_virtual = 1, .starts_empty = 1 } },
	{ "virtual, shared", { .min_pages = 4, .max_pages = 6, .has_max = 1, .shared = 1, .is_virtual = 1 } },
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* ---- The host's own bytes ---- */

static void check_wrapped(void)
{
	static uint8_t bytes[10000];
	kind_name = "wrapped";
	memset(bytes, 1, sizeof bytes);
	pal_memory *constant;
	CHECK(pal_memory_wrap(&memory, bytes, sizeof bytes, PAL_READ_WRITE) == PAL_OK);
	CHECK(pal_memory_wrap(&constant, bytes, sizeof bytes, PAL_READ) == PAL_OK);
	uint64_t pages_before = 9;
	CHECK(pal_memory_size(memory) == sizeof bytes && pal_memory_data(memory) == bytes);
	CHECK(pal_memory_grow(memory, 1, NULL) == PAL_E_RANGE);
	CHECK(pal_memory_grow(memory, 0, &pages_before) == PAL_OK && pages_before == 0 && pal_memory_size(memory) == sizeof bytes);
	CHECK(pal_memory_protect(memory, 0, 0, PAL_READ) == PAL_E_STATE);
	CHECK(pal_memory_discard(constant, 0, 1) == PAL_E_STATE && pal_memory_discard(memory, 100, 9800) == PAL_OK);
	CHECK(bytes[99] == 1 && bytes[100] == 0 && bytes[9899] == 0 && bytes[9900] == 1);
	CHECK(pal_memory_discard(memory, 1, sizeof bytes) == PAL_E_RANGE);
	pal_snapshot *snapshot;
	CHECK(pal_memory_snapshot(memory, &snapshot) == PAL_E_STATE && snapshot == NULL);
	pal_memory_free(memory);
	pal_memory_free(constant);
}

/* ---- Going back where a file that others may write is shown now ---- */

/* Each call fails once: either all is as it was when the snapshot was taken, or the file is still there. */
static void check_file_stays(void)
{
	kind_name = "a file in the way";
	pal_memory_options options = { .min_pages = 1, .is_virtual = 1 };
	reset_file();
	uint8_t byte = 0;
	long failed = 0;
	for (long call = 0; call == failed; call++) {
		pal_snapshot *snapshot;
		CHECK(pal_memory_new(&memory, &options) == PAL_OK);
		CHECK(pal_guest_write(memory, 0, &(uint8_t){ 1 }, 1) && pal_guest_write(memory, 2 * page, &(uint8_t){ 2 }, 1));
		CHECK(pal_memory_unmap(memory, page, page) == PAL_OK && pal_memory_alias(memory, page, 2 * page, page) == PAL_OK);
		CHECK(pal_memory_snapshot(memory, &snapshot) == PAL_OK && pal_memory_unmap(memory, 0, 2 * page) == PAL_OK);
		CHECK(pal_guest_write(memory, 2 * page, &(uint8_t){ 3 }, 1));
		CHECK(pal_memory_map_file(memory, 0, 2 * page, file, 0, PAL_READ_WRITE, PAL_MAP_SHARED) == PAL_OK);
		fail_in = call;
		pal_status status = pal_memory_restore(memory, snapshot);
		bool unlucky = fail_in == -1;
		fail_in = -1;
		failed += unlucky;
		CHECK(status == PAL_OK || unlucky);
		bool back = status == PAL_OK;
		CHECK(pal_guest_read(memory, &byte, 0, 1) && byte == (back ? 1 : 100));
		CHECK(pal_guest_read(memory, &byte, page, 1) && byte == (back ? 2 : 101));
		CHECK(pal_guest_read(memory, &byte, 2 * page, 1) && byte == (back ? 2 : 3));
		pal_snapshot_free(snapshot);
		pal_memory_free(memory);
	}
	CHECK(failed > 5);
}

/* ---- Memory really goes back to the OS ---- */

#ifdef _WIN32
static long resident_pages(void)
{
	PROCESS_MEMORY_COUNTERS usage;
	CHECK(K32GetProcessMemoryInfo(GetCurrentProcess(), &usage, sizeof usage));
	return (long)(usage.WorkingSetSize / page);
}
#else
static long resident_pages(void)
{
	long size, resident = -1;
	FILE *statm = fopen("/proc/self/statm", "r");
	if (statm) {
		if (fscanf(statm, "%ld %ld", &size, &resident) != 2)
			resident = -1;
		fclose(statm);
	}
	return resident;
}
#endif

static void check_resident(const struct kind *kind)
{
	enum { TOUCHED = 64 << 20 };
	kind_name = kind->name;
	pal_memory_options options = kind->options;
	options.min_pages = TOUCHED >> 16;
	options.max_pages = options.has_max && options.max_pages < options.min_pages ? options.min_pages : options.max_pages;
	CHECK(pal_memory_new(&memory, &options) == PAL_OK);
	if (options.starts_empty)
		CHECK(pal_memory_map(memory, 0, TOUCHED, PAL_READ_WRITE) == PAL_OK);
	long before = resident_pages();
	memset(pal_memory_data(memory), 1, TOUCHED);
	CHECK(resident_pages() - before > (long)(TOUCHED / page / 2));
	CHECK(pal_memory_discard(memory, 3, TOUCHED - 6) == PAL_OK);
	CHECK(resident_pages() - before < (long)(TOUCHED / page / 100) + 2);
	const uint8_t *bytes = pal_memory_data(memory);
	CHECK(bytes[2] == 1 && bytes[3] == 0 && bytes[TOUCHED - 4] == 0 && bytes[TOUCHED - 3] == 1);
	pal_memory_free(memory);
}

/* ---- Threads ---- */

enum { THREADS = 8, RACE_PAGES = 16 };
static _Atomic int racing;

static uint64_t word_of(uint64_t at)
{
	return at / page * 0x0101010101 + 1;
}

/* Each thread does everything: words are what some thread wrote there, or zero, and nothing else is ever touched. */
static void *race(void *arg)
{
	uint64_t state = (uint64_t)(uintptr_t)arg * 0x9e3779b97f4a7c15 + 1;
	while (racing) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		uint64_t first = state % RACE_PAGES, at = first * page, size = (state >> 8) % (RACE_PAGES - first) * page;
		uint64_t place = at + (state >> 16) % (page / 8) * 8, word = word_of(place);
		switch ((state >> 40) % 9) {
		case 0: pal_memory_map(memory, at, size, PAL_READ_WRITE); break;
		case 1: pal_memory_unmap(memory, at, size); break;
		case 2: pal_memory_protect(memory, at, size, state >> 60 & 1 ? PAL_READ : PAL_NONE); break;
		case 3: pal_memory_protect(memory, at, size, PAL_READ_WRITE); break;
		case 4: pal_memory_discard(memory, place, size); break;
		case 5: pal_memory_grow(memory, state >> 62, NULL); break;
		case 6: { /* a mapping of the host's, which may come to lie where something was unmapped a moment ago */
			uint64_t *own = MAP_PRIVATE_PAGES(4 * page);
			own[9] = state;
			sched_yield();
			CHECK(own[8] == 0 && own[9] == state && own[page / 8] == 0);
			UNMAP_PAGES(own, 4 * page);
			break;
		}
		case 7: pal_guest_write(memory, place, &word, 8); break;
		default:
			word = 0;
			if (pal_guest_read(memory, &word, place, 8))
				CHECK(word == 0 || word == word_of(place));
		}
	}
	return NULL;
}

static void check_races(unsigned milliseconds)
{
	pal_memory_options options = { .min_pages = RACE_PAGES * page >> 16 ? RACE_PAGES * page >> 16 : 1, .max_pages = 64,
	                               .has_max = 1, .shared = 1, .is_virtual = !on_windows };
	kind_name = "race";
	CHECK(pal_memory_new(&memory, &options) == PAL_OK);
	pthread_t threads[THREADS];
	racing = 1;
	for (uintptr_t i = 0; i < THREADS; i++)
		CHECK(pthread_create(&threads[i], NULL, race, (void *)(i + 1)) == 0);
	usleep(milliseconds * 1000);
	racing = 0;
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	pal_memory_free(memory);
}

static int make_file(void)
{
#ifdef _WIN32
	return pal_port_object();
#else
	char name[] = "/tmp/palisade-pages-XXXXXX";
	int made = mkstemp(name);
	unlink(name);
	return made;
#endif
}

/* On Windows pages of shared virtual memories can't be had; which is said. */
static bool is_refused(const struct kind *kind)
{
	uint64_t addr;
	if (!on_windows || !kind->options.shared || !kind->options.is_virtual)
		return false;
	kind_name = kind->name;
	pal_status status = pal_memory_new(&memory, &kind->options);
	CHECK(status == PAL_E_UNSUPPORTED || (status == PAL_OK && kind->options.starts_empty));
	if (status == PAL_OK) {
		CHECK(pal_memory_map_any(memory, page, PAL_READ, &addr) == PAL_E_UNSUPPORTED);
		pal_memory_free(memory);
	}
	return true;
}

int main(int argc, char **argv)
{
	/* FEW: emulators and sanitizers take their time */
	uint64_t sequences = argc > 1 ? strtoull(argv[1], NULL, 10) : getenv("FEW") ? 1 : 300;
	page = pal_port_page();
	cells = malloc((size_t)CELLS * sizeof *cells); /* touched as used */
	file = make_file();
	if (cells == NULL || file < 0)
		return 1;
	int tested = 0;
	for (int k = 0; k < KINDS; k++) {
		if (is_refused(&kinds[k]))
			continue;
		tested++;
		if (getenv("FEW") && kinds[k].options.max_pages > 1 << 16)
			kinds[k].options.max_pages = 1 << 10; /* qemu notes something about each page */
		for (uint64_t i = 1; i <= sequences; i++)
			run_sequence(&kinds[k], i, -1);
		for (uint64_t i = 1; i <= sequences; i++)
			run_sequence(&kinds[k], i, (long)(i % 9));
	}
	check_wrapped();
	if (!on_windows)
		check_file_stays();
	const char *seconds = getenv("PALISADE_RACE_SECONDS");
	check_races(seconds ? (unsigned)atoi(seconds) * 1000 : 1000);
	if (!getenv("FEW"))
		for (int k = 0; k < KINDS; k++)
			if (!is_refused(&kinds[k]) && !(on_windows && kinds[k].options.shared)) /* whose zeros are written */
				check_resident(&kinds[k]);
	if (failures == 0)
		return 1; /* then nothing was shown */
	printf("%d kinds of memories, %llu sequences each, as many with failures (%ld)\n", tested,
	       (unsigned long long)sequences, failures);
	return 0;
}
