/* See saved.h. */
#include "saved.h"
#include "port.h"
#include <stdlib.h>
#include <string.h>

bool pal_page_is_zero(const uint8_t *bytes)
{
	return bytes[0] == 0 && memcmp(bytes, bytes + 1, pal_port_page() - 1) == 0;
}

struct pal_saved *pal_saved_new(uint64_t page, const uint8_t *bytes)
{
	bool zero = pal_page_is_zero(bytes);
	size_t size = zero ? 0 : pal_port_page();
	struct pal_saved *saved = malloc(sizeof *saved + size);
	if (saved == NULL)
		return NULL;
	saved->next = NULL;
	saved->page = page;
	saved->zero = zero;
	memcpy(saved->bytes, bytes, size);
	return saved;
}

void pal_saved_drop(struct pal_saved *saved)
{
	while (saved) {
		struct pal_saved *next = saved->next;
		free(saved);
		saved = next;
	}
}

struct pal_saved **pal_saved_find(struct pal_saved **list, uint64_t page)
{
	while (*list && (*list)->page < page)
		list = &(*list)->next;
	return list;
}

void pal_saved_join(struct pal_saved **list, struct pal_saved *other)
{
	while (other) {
		struct pal_saved *next = other->next;
		list = pal_saved_find(list, other->page);
		if (*list && (*list)->page == other->page) {
			free(other);
		} else {
			other->next = *list;
			*list = other;
		}
		other = next;
	}
}
