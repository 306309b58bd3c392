/* What the runtime wants of the C library's. Compilers call the first four on their own: see bytes.c. */
#ifndef PAL_BOARD_STRING_H
#define PAL_BOARD_STRING_H
#include <stddef.h>

void *memcpy(void *, const void *, size_t);
void *memmove(void *, const void *, size_t);
void *memset(void *, int, size_t);
int memcmp(const void *, const void *, size_t);

static inline size_t pal_board_strlen(const char *text)
{
	size_t length = 0;
	while (text[length])
		length++;
	return length;
}

static inline int pal_board_strncmp(const char *a, const char *b, size_t length)
{
	for (; length > 0; a++, b++, length--)
		if (*a != *b || *a == 0)
			return (unsigned char)*a - (unsigned char)*b;
	return 0;
}

#define strlen pal_board_strlen
#define strncmp pal_board_strncmp
#define strcmp(a, b) pal_board_strncmp(a, b, (size_t)-1)
#endif
