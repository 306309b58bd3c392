/* Protects, unmaps and maps pages of the size that the variable PAGE says the system has. */
#include "pages.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int page;
static struct pages *pages;

long __real_sysconf(int name);
long __wrap_sysconf(int name);
long __wrap_sysconf(int name)
{
	return name == _SC_PAGESIZE ? atoi(getenv("PAGE")) : __real_sysconf(name);
}

static void load(void *at)
{
	pages_load(pages, (int32_t)(intptr_t)at);
}

static void protect_half(void *none)
{
	(void)none;
	pages_protect(pages, page / 2, page, 0);
}

int main(void)
{
	if (pal_pages_instantiate(&pages))
		return puts(pal_last_trap()->message), 1;
	page = pages_page_size(pages);
	printf("%d:", page);
	pages_store(pages, page, 7);
	printf(" %d", pages_protect(pages, page, page, 0));
	printf(" %s,", pal_trap_text(pal_try(load, (void *)(intptr_t)page)));
	printf(" %d", pages_protect(pages, page, page, 1));
	printf(" %d", pages_load(pages, page));
	printf(" %d", pages_unmap(pages, 0, page));
	printf(" %d", pages_map(pages, 0, page, 3));
	printf(" %d", pages_load(pages, 0));
	printf(" %s,", pal_trap_text(pal_try(protect_half, NULL)));
	printf(" %d", pages_grow(pages, 2));
	printf(" %s\n", pal_trap_text(pal_try(load, (void *)(intptr_t)(6 * 65536))));
	pal_pages_free(pages);
	return 0;
}
