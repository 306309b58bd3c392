/* The MMU as an optional part of the port: RAM and devices where they were, as normal and as device memory, and room for
 * memories with guard pages from 512 GiB on, in which pages are mapped as memories grow. 4 KiB pages, 48 bits. */
#include "board.h"

enum { PAGE = 4096, ENTRIES = 512 };
typedef uint64_t table[ENTRIES];

/* Arm Architecture Reference Manual, D8.3: bits of table entries. */
#define VALID 1ull
#define TABLE 2ull /* at the last level: a page */
#define NORMAL (0ull << 2)
#define DEVICE (1ull << 2) /* number in MAIR_EL1 */
#define SHAREABLE (3ull << 8)
#define ACCESSED (1ull << 10)
#define NEVER_EXECUTED (3ull << 53)
#define ADDRESS 0x0000fffffffff000ull

static _Alignas(PAGE) table top, flat;

/* ---- Pages and tables come from RAM that the arena does not have ---- */

static char *next_page;
static uint64_t *free_pages; /* each begins with the address of the next */

static uint64_t *take_page(void)
{
	uint64_t *page = free_pages;
	if (page)
		free_pages = (uint64_t *)(uintptr_t)*page;
	else if (next_page < free_high)
		page = (uint64_t *)next_page, next_page += PAGE;
	else
		return NULL;
	for (int i = 0; i < ENTRIES; i++)
		page[i] = 0;
	return page;
}

static void give_page(uint64_t *page)
{
	*page = (uint64_t)(uintptr_t)free_pages;
	free_pages = page;
}

static uint64_t *table_of(uint64_t entry)
{
	return (uint64_t *)(uintptr_t)(entry & ADDRESS);
}

/* The last level's entry for an address; NULL: it has none, and with `make` there is no page for one. */
static uint64_t *entry_of(uintptr_t at, bool make)
{
	uint64_t *level = top;
	for (int shift = 39; shift > 12; shift -= 9) {
		uint64_t *entry = &level[at >> shift & (ENTRIES - 1)];
		if (!(*entry & VALID)) {
			uint64_t *page = make ? take_page() : NULL;
			if (page == NULL)
				return NULL;
			*entry = (uint64_t)(uintptr_t)page | TABLE | VALID;
		}
		level = table_of(*entry);
	}
	return &level[at >> 12 & (ENTRIES - 1)];
}

/* ---- What the port gets ---- */

/* Each reservation has 8 GiB, of which no more than 4 GiB and its guard is asked for. */
enum { PLACES = 32 };
static const uintptr_t places = (uintptr_t)1 << 39, place_bytes = (uintptr_t)8 << 30;
static bool taken[PLACES];

static void *reserve(size_t bytes)
{
	for (int i = 0; i < PLACES && bytes <= place_bytes; i++)
		if (!taken[i]) {
			taken[i] = true;
			return (void *)(places + (uintptr_t)i * place_bytes);
		}
	return NULL;
}

static void flush(void)
{
	__asm__ volatile("dsb ishst\n\ttlbi vmalle1\n\tdsb ish\n\tisb" : : : "memory");
}

/* Pages that are mapped in [from, to) are free again. */
static void unmap(uintptr_t from, uintptr_t to)
{
	while (from < to) {
		uint64_t *entry = entry_of(from, false);
		uintptr_t step = entry ? PAGE : (uintptr_t)PAGE * ENTRIES; /* without a table, nothing is there up to its end */
		if (entry && *entry & VALID) {
			give_page(table_of(*entry));
			*entry = 0;
		}
		from = (from & ~(step - 1)) + step;
	}
	flush();
}

static bool commit(void *at, size_t bytes)
{
	uintptr_t from = (uintptr_t)at, to = from + bytes;
	for (uintptr_t next = from; next < to; next += PAGE) {
		uint64_t *entry = entry_of(next, true), *page = entry ? take_page() : NULL;
		if (page == NULL) {
			unmap(from, next);
			return false;
		}
		*entry = (uint64_t)(uintptr_t)page | NEVER_EXECUTED | ACCESSED | SHAREABLE | NORMAL | TABLE | VALID;
	}
	flush();
	return true;
}

static void release(void *at, size_t bytes)
{
	unmap((uintptr_t)at, (uintptr_t)at + bytes);
	taken[((uintptr_t)at - places) / place_bytes] = false;
}

/* ---- Turning it on ---- */

void mmu_begin(char *pages)
{
	next_page = pages;
	top[0] = (uint64_t)(uintptr_t)flat | TABLE | VALID;
	flat[0] = 0ull << 30 | NEVER_EXECUTED | ACCESSED | DEVICE | VALID;      /* 0 to 1 GiB: devices */
	flat[1] = 1ull << 30 | ACCESSED | SHAREABLE | NORMAL | VALID;           /* from 1 GiB on: RAM */
	uint64_t control;
	__asm__ volatile("msr mair_el1, %0" : : "r"(0x00ffull));                /* 0: write-back, 1: device */
	/* T0SZ 16: 48 bits; walks are cacheable; nothing in the upper half (EPD1); 40 bits of physical addresses */
	__asm__ volatile("msr tcr_el1, %0" : : "r"(16ull | 1 << 8 | 1 << 10 | 3 << 12 | 1 << 23 | 2ull << 32));
	__asm__ volatile("msr ttbr0_el1, %0\n\tdsb sy\n\ttlbi vmalle1\n\tdsb sy\n\tisb" : : "r"(top) : "memory");
	__asm__ volatile("mrs %0, sctlr_el1" : "=r"(control));
	control |= 1 << 0 | 1 << 2 | 1 << 12; /* MMU, data and instruction caches */
	__asm__ volatile("msr sctlr_el1, %0\n\tisb" : : "r"(control) : "memory");
	port.page = PAGE;
	port.reserve = reserve;
	port.commit = commit;
	port.release = release;
}
