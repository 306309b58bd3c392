/* A sparse matrix in compressed rows times a vector, again and again. */
#include "heap.h"

struct matrix {
	uint32_t rows, starts, columns, values;
};

static void multiply(const struct matrix *m, uint32_t to, uint32_t vector)
{
	uint32_t start = (uint32_t)heap_load_i32(m->starts);
	for (uint32_t row = 0; row < m->rows; row++) {
		uint32_t end = (uint32_t)heap_load_i32(m->starts + (row + 1) * 4);
		double sum = 0;
		for (uint32_t i = start; i < end; i++) {
			uint32_t column = (uint32_t)heap_load_i32(m->columns + i * 4);
			sum += heap_load_f64(m->values + i * 8) * heap_load_f64(vector + column * 8);
		}
		heap_store_f64(to + row * 8, sum);
		start = end;
	}
}

RUN(rows)
{
	struct matrix m = { .rows = rows ? rows : 20000, .starts = 4096 };
	uint32_t most = 24, count = 0, state = 1;
	m.columns = m.starts + (m.rows + 1) * 4;
	m.values = m.columns + m.rows * most * 4 + 4 & ~7u;
	uint32_t x = m.values + m.rows * most * 8, y = x + m.rows * 8;
	for (uint32_t row = 0; row < m.rows; row++) {
		heap_store_i32(m.starts + row * 4, (int32_t)count);
		heap_store_f64(x + row * 8, 1.0 + (double)(row % 7));
		state = state * 1664525 + 1013904223;
		for (uint32_t i = state >> 28; i < most; i++, count++) {
			state = state * 1664525 + 1013904223;
			heap_store_i32(m.columns + count * 4, (int32_t)((state >> 8) % m.rows));
			heap_store_f64(m.values + count * 8, (double)(state >> 28) / 256);
		}
	}
	heap_store_i32(m.starts + m.rows * 4, (int32_t)count);
	double sum = 0;
	for (int round = 0; round < 240; round++) {
		multiply(&m, y, x);
		multiply(&m, x, y);
		sum += heap_load_f64(x + (uint32_t)round * 8);
		for (uint32_t i = 0; i < m.rows; i++)
			heap_store_f64(x + i * 8, heap_load_f64(x + i * 8) * 0.25 + 1);
	}
	return (uint64_t)(int64_t)(sum * 16);
}
