/* Building short texts without the C library's printf: usable in signal handlers and on boards. */
#ifndef PAL_TEXT_H
#define PAL_TEXT_H
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/* A buffer being filled; what does not fit is cut off, and it always ends with a zero byte. */
struct pal_text {
	char *start, *at, *end; /* end: the last byte, kept for the zero */
};
/* `size` at least 1. */
struct pal_text pal_text_in(char *buffer, size_t size);
void pal_text_add(struct pal_text *, const char *);
/* Names come from wasm files: control characters, which could command a terminal, become '?', and at most 200 bytes
 * are taken. */
void pal_text_name(struct pal_text *, const char *);
void pal_text_decimal(struct pal_text *, uint64_t);
void pal_text_hex(struct pal_text *, uint64_t); /* with 0x */

#pragma GCC visibility pop
#endif
