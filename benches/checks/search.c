/* Searches words in a text: naively, by Horspool's skips, and counts lines. */
#include "heap.h"

enum { SKIPS = 0, WORD = 2048, TEXT = 4096 };

static uint32_t count_naively(uint32_t size, uint32_t length)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i + length <= size; i++) {
		uint32_t j = 0;
		while (j < length && heap_load_u8(TEXT + i + j) == heap_load_u8(WORD + j))
			j++;
		count += j == length;
	}
	return count;
}

static uint32_t count_with_skips(uint32_t size, uint32_t length)
{
	for (uint32_t i = 0; i < 256; i++)
		heap_store_i32(SKIPS + i * 4, (int32_t)length);
	for (uint32_t i = 0; i + 1 < length; i++)
		heap_store_i32(SKIPS + heap_load_u8(WORD + i) * 4, (int32_t)(length - 1 - i));
	uint32_t count = 0;
	for (uint32_t i = 0; i + length <= size;) {
		uint32_t j = length;
		while (j > 0 && heap_load_u8(TEXT + i + j - 1) == heap_load_u8(WORD + j - 1))
			j--;
		count += j == 0;
		i += (uint32_t)heap_load_i32(SKIPS + heap_load_u8(TEXT + i + length - 1) * 4);
	}
	return count;
}

static uint32_t count_lines(uint32_t size)
{
	uint32_t lines = 0;
	for (uint32_t i = 0; i < size; i++)
		lines += heap_load_u8(TEXT + i) == '\n';
	return lines;
}

RUN(length)
{
	uint32_t n = 1 << 20, words = length ? length : 6, state = 1, sum = 0;
	for (uint32_t i = 0; i < n; i++) {
		state = state * 1664525 + 1013904223;
		heap_store_i8(TEXT + i, "eeettaaooinnshrdl\n "[(state >> 16) % 19]);
	}
	for (int round = 0; round < 24; round++) {
		for (uint32_t i = 0; i < words; i++)
			heap_store_i8(WORD + i, (int32_t)heap_load_u8(TEXT + (uint32_t)round * 777 + i));
		sum = sum * 31 + count_naively(n, words);
		sum = sum * 31 + count_with_skips(n, words);
		sum = sum * 31 + count_lines(n);
	}
	return sum;
}
