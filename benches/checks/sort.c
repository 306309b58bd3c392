/* Sorts numbers: quicksort with insertion sort for small ranges, then heapsort. */
#include "heap.h"

static int32_t get(uint32_t i)
{
	return heap_load_i32(4096 + i * 4);
}

static void set(uint32_t i, int32_t value)
{
	heap_store_i32(4096 + i * 4, value);
}

static void insertion_sort(uint32_t from, uint32_t to)
{
	for (uint32_t i = from + 1; i < to; i++) {
		int32_t value = get(i);
		uint32_t j = i;
		for (; j > from && get(j - 1) > value; j--)
			set(j, get(j - 1));
		set(j, value);
	}
}

static void quicksort(uint32_t from, uint32_t to)
{
	while (to - from > 16) {
		int32_t pivot = get(from + (to - from) / 2);
		uint32_t i = from, j = to - 1;
		for (;;) {
			while (get(i) < pivot)
				i++;
			while (get(j) > pivot)
				j--;
			if (i >= j)
				break;
			int32_t value = get(i);
			set(i++, get(j));
			set(j--, value);
		}
		quicksort(from, j + 1);
		from = j + 1;
	}
	insertion_sort(from, to);
}

static void sift(uint32_t root, uint32_t size)
{
	int32_t value = get(root);
	for (uint32_t child; (child = root * 2 + 1) < size; root = child) {
		if (child + 1 < size && get(child) < get(child + 1))
			child++;
		if (get(child) <= value)
			break;
		set(root, get(child));
	}
	set(root, value);
}

static void heapsort(uint32_t size)
{
	for (uint32_t i = size / 2; i > 0; i--)
		sift(i - 1, size);
	for (uint32_t end = size - 1; end > 0; end--) {
		int32_t largest = get(0);
		set(0, get(end));
		set(end, largest);
		sift(0, end);
	}
}

static void fill(uint32_t size, uint32_t state)
{
	for (uint32_t i = 0; i < size; i++) {
		state = state * 1664525 + 1013904223;
		set(i, (int32_t)(state >> 4));
	}
}

RUN(count)
{
	uint32_t n = count ? count : 400000;
	uint64_t sum = 0;
	for (uint32_t round = 0; round < 3; round++) {
		fill(n, round);
		quicksort(0, n);
		for (uint32_t i = 0; i < n; i += 1000)
			sum = sum * 31 + (uint32_t)get(i);
		fill(n, round + 9);
		heapsort(n);
		for (uint32_t i = 0; i < n; i += 1000)
			sum = sum * 31 + (uint32_t)get(i);
	}
	return sum;
}
