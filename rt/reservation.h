/* A range of address space that several own: a memory outlives the instance whose context lies below it. */
#ifndef PAL_RESERVATION_H
#define PAL_RESERVATION_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

struct pal_reservation {
	uint8_t *at;
	size_t bytes;
	_Atomic uint32_t references;
};
/* Reserves inaccessible address space; `bytes` is a multiple of the page size. NULL: none to be had. */
struct pal_reservation *pal_reservation_new(size_t bytes);
void pal_reservation_retain(struct pal_reservation *);
void pal_reservation_release(struct pal_reservation *); /* NULL is fine */
/* The least multiple of the page size that is not below `bytes`, which must be at most SIZE_MAX / 2. */
size_t pal_page_round(size_t bytes);

#pragma GCC visibility pop
#endif
