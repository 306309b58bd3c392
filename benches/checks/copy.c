/* Copies byte by byte, upwards, downwards and with one changed into another. */
#include "heap.h"

static void copy_up(uint32_t to, uint32_t from, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		heap_store_i8(to + i, heap_load_i8(from + i));
}

static void copy_down(uint32_t to, uint32_t from, uint32_t size)
{
	while (size--)
		heap_store_i8(to + size, heap_load_i8(from + size));
}

static uint32_t translate(uint32_t to, uint32_t from, uint32_t end)
{
	uint32_t changed = 0;
	for (; from != end; from++, to++) {
		uint32_t byte = heap_load_u8(from);
		if (byte == '\n') {
			byte = ' ';
			changed++;
		}
		heap_store_i8(to, (int32_t)byte);
	}
	return changed;
}

RUN(size)
{
	uint32_t n = size ? size : 1 << 20, a = 1000, b = a + n + 3, sum = 0;
	for (uint32_t i = 0; i < n; i++)
		heap_store_i8(a + i, (int32_t)(i * i >> 3));
	for (int round = 0; round < 60; round++) {
		copy_up(b, a, n);
		copy_down(a + 1, b, n - 1);
		sum = sum * 31 + translate(b, a, a + n) + heap_load_u8(b + n / 2);
	}
	return sum;
}
