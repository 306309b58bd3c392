/* The arena that the firmware gives. */
#ifndef PAL_BOARD_HEAP_H
#define PAL_BOARD_HEAP_H
#include <stdbool.h>
#include <stddef.h>

#pragma GCC visibility push(hidden)

void pal_board_heap_begin(void *arena, size_t size);
bool pal_board_heap_has(const void *at);

#pragma GCC visibility pop
#endif
