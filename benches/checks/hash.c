/* A hash table with open addressing: counts how often numbers occur. */
#include "heap.h"

enum { LOG2 = 16, SLOTS = 1 << LOG2, TABLE = 8192 }; /* of key and count */

static uint32_t slot_of(uint32_t key)
{
	return key * 2654435769u >> (32 - LOG2);
}

static uint32_t find(uint32_t key)
{
	uint32_t slot = slot_of(key);
	for (;; slot = (slot + 1) & (SLOTS - 1)) {
		uint32_t at = TABLE + slot * 8, found = (uint32_t)heap_load_i32(at);
		if (found == key || found == 0)
			return at;
	}
}

RUN(keys)
{
	uint32_t range = keys ? keys : 40000, state = 1;
	uint64_t sum = 0;
	for (int round = 0; round < 80; round++) {
		for (uint32_t i = 0; i < SLOTS; i++)
			heap_store_i64(TABLE + i * 8, 0);
		for (uint32_t i = 0; i < 400000; i++) {
			state ^= state << 13, state ^= state >> 17, state ^= state << 5;
			uint32_t key = state % range + 1, at = find(key);
			heap_store_i32(at, (int32_t)key);
			heap_store_i32(at + 4, heap_load_i32(at + 4) + 1);
		}
		for (uint32_t key = 1; key <= range; key++)
			sum = sum * 31 + (uint32_t)heap_load_i32(find(key) + 4);
	}
	return sum;
}
