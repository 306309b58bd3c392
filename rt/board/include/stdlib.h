/* What the runtime wants of the C library's, by symbols of its own: the firmware's library may be another one. */
#ifndef PAL_BOARD_STDLIB_H
#define PAL_BOARD_STDLIB_H
#include <stddef.h>

#pragma GCC visibility push(hidden)
void *malloc(size_t) __asm__("pal_board_malloc");
void *calloc(size_t, size_t) __asm__("pal_board_calloc");
void *realloc(void *, size_t) __asm__("pal_board_realloc");
void free(void *) __asm__("pal_board_free");
_Noreturn void abort(void) __asm__("pal_board_abort");
_Noreturn void exit(int) __asm__("pal_board_exit");
#pragma GCC visibility pop
#endif
