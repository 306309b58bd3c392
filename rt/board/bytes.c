/* What compilers call on their own, for firmware that has no C library: weak. The empty assembly keeps them from seeing
 * in these loops the very functions that they are. */
#include <stdint.h>
#include <string.h>

#define WEAK __attribute__((weak, visibility("default")))
#define OPAQUE(value) __asm__("" : "+r"(value))

/* All are multiples of eight: words can be moved, whatever the memory is mapped as. */
static int are_aligned(const void *a, const void *b)
{
	return (((uintptr_t)a | (uintptr_t)b) & 7) == 0;
}

WEAK void *memcpy(void *to, const void *from, size_t size)
{
	uint8_t *t = to;
	const uint8_t *f = from;
	if (are_aligned(to, from)) {
		for (; size >= 8; size -= 8, t += 8, f += 8) {
			*(uint64_t *)t = *(const uint64_t *)f;
			OPAQUE(size);
		}
	}
	for (; size > 0; size--) {
		*t++ = *f++;
		OPAQUE(size);
	}
	return to;
}

WEAK void *memmove(void *to, const void *from, size_t size)
{
	uint8_t *t = to;
	const uint8_t *f = from;
	if ((uintptr_t)to - (uintptr_t)from >= size) /* wraps where `to` lies below: then forward is right, too */
		return memcpy(to, from, size);
	for (; size > 0 && !are_aligned(t + size, f + size); size--) {
		t[size - 1] = f[size - 1];
		OPAQUE(size);
	}
	for (; size >= 8; size -= 8) {
		*(uint64_t *)(t + size - 8) = *(const uint64_t *)(f + size - 8);
		OPAQUE(size);
	}
	for (; size > 0; size--) {
		t[size - 1] = f[size - 1];
		OPAQUE(size);
	}
	return to;
}

WEAK void *memset(void *to, int value, size_t size)
{
	uint8_t *t = to;
	uint64_t word = (uint8_t)value * UINT64_C(0x0101010101010101);
	for (; size > 0 && (uintptr_t)t % 8; size--) {
		*t++ = (uint8_t)value;
		OPAQUE(size);
	}
	for (; size >= 8; size -= 8, t += 8) {
		*(uint64_t *)t = word;
		OPAQUE(size);
	}
	for (; size > 0; size--) {
		*t++ = (uint8_t)value;
		OPAQUE(size);
	}
	return to;
}

WEAK int memcmp(const void *a, const void *b, size_t size)
{
	const uint8_t *x = a, *y = b;
	for (; size > 0; size--, x++, y++) {
		if (*x != *y)
			return *x - *y;
		OPAQUE(size);
	}
	return 0;
}
