/* Multiplies matrices of doubles, plainly and with the right one transposed. */
#include "heap.h"

static uint32_t at(uint32_t matrix, uint32_t size, uint32_t row, uint32_t column)
{
	return matrix + (row * size + column) * 8;
}

static void multiply(uint32_t c, uint32_t a, uint32_t b, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		for (uint32_t j = 0; j < size; j++) {
			double sum = 0;
			for (uint32_t k = 0; k < size; k++)
				sum += heap_load_f64(at(a, size, i, k)) * heap_load_f64(at(b, size, k, j));
			heap_store_f64(at(c, size, i, j), sum);
		}
}

static void multiply_by_rows(uint32_t c, uint32_t a, uint32_t b, uint32_t size)
{
	for (uint32_t i = 0; i < size; i++)
		for (uint32_t k = 0; k < size; k++) {
			double left = heap_load_f64(at(a, size, i, k));
			for (uint32_t j = 0; j < size; j++) {
				uint32_t to = at(c, size, i, j);
				heap_store_f64(to, heap_load_f64(to) + left * heap_load_f64(at(b, size, k, j)));
			}
		}
}

RUN(size)
{
	uint32_t n = size ? size : 180, a = 4096, b = a + n * n * 8, c = b + n * n * 8;
	for (uint32_t i = 0; i < n * n; i++) {
		heap_store_f64(a + i * 8, (double)(i % 17) / 16);
		heap_store_f64(b + i * 8, (double)(i % 13) / 8);
		heap_store_f64(c + i * 8, 0);
	}
	double sum = 0;
	for (int round = 0; round < 24; round++) {
		multiply(c, a, b, n);
		multiply_by_rows(a, c, b, n);
		for (uint32_t i = 0; i < n * n; i++) /* small again */
			heap_store_f64(a + i * 8, heap_load_f64(a + i * 8) * 1e-5);
		sum += heap_load_f64(at(a, n, round, n - 1)) + heap_load_f64(at(c, n, n - 1, round));
	}
	return (uint64_t)(int64_t)(sum * 1024);
}
