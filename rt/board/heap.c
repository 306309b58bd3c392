/* The arena: blocks one behind the other, each with its size in front, free ones joined with their neighbours when they
 * are freed or looked at. First fit: a board has few blocks, and the large ones are memories that live long. */
#include "heap.h"
#include "palisade/board.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 16 };

struct block {
	size_t size; /* of what comes behind this, a multiple of ALIGN */
	size_t used; /* 0 or 1 */
};
_Static_assert(sizeof(struct block) == ALIGN, "what is behind a block's head is aligned");

static struct block *first;
static uint8_t *end;
static size_t used, peak;

void pal_board_heap_begin(void *arena, size_t size)
{
	uintptr_t low = ((uintptr_t)arena + ALIGN - 1) & ~(uintptr_t)(ALIGN - 1);
	uintptr_t high = ((uintptr_t)arena + size) & ~(uintptr_t)(ALIGN - 1);
	first = NULL;
	end = NULL;
	used = peak = 0;
	if (high < low || high - low < 2 * sizeof *first)
		return;
	first = (struct block *)low;
	end = (uint8_t *)high;
	*first = (struct block){ high - low - sizeof *first, 0 };
}

static uint8_t *bytes_of(struct block *block)
{
	return (uint8_t *)(block + 1);
}

static struct block *next(struct block *block)
{
	uint8_t *behind = bytes_of(block) + block->size;
	return behind < end ? (struct block *)behind : NULL;
}

/* Takes up free blocks that come behind a block. */
static void join(struct block *block)
{
	for (struct block *other = next(block); other && !other->used; other = next(block))
		block->size += sizeof *other + other->size;
}

static void count(size_t more)
{
	used += more;
	if (used > peak)
		peak = used;
}

/* Leaves `size` bytes in a block, if its rest is worth it. */
static void split(struct block *block, size_t size)
{
	if (block->size - size < 2 * sizeof *block)
		return;
	struct block *rest = (struct block *)(bytes_of(block) + size);
	*rest = (struct block){ block->size - size - sizeof *rest, 0 };
	block->size = size;
}

/* 0: too large to be counted. */
static size_t round(size_t size)
{
	if (size > PTRDIFF_MAX)
		return 0;
	return size ? (size + ALIGN - 1) & ~(size_t)(ALIGN - 1) : ALIGN;
}

void *malloc(size_t size)
{
	size = round(size);
	for (struct block *block = size ? first : NULL; block; block = next(block)) {
		if (block->used)
			continue;
		join(block);
		if (block->size < size)
			continue;
		split(block, size);
		block->used = 1;
		count(sizeof *block + block->size);
		return bytes_of(block);
	}
	return NULL;
}

void *calloc(size_t number, size_t size)
{
	if (size && number > PTRDIFF_MAX / size)
		return NULL;
	void *made = malloc(number * size);
	return made ? memset(made, 0, number * size) : NULL;
}

void free(void *at)
{
	if (at == NULL)
		return;
	struct block *block = (struct block *)at - 1;
	used -= sizeof *block + block->size;
	block->used = 0;
	join(block);
}

void *realloc(void *at, size_t size)
{
	if (at == NULL)
		return malloc(size);
	struct block *block = (struct block *)at - 1;
	size_t wanted = round(size), old = block->size;
	if (wanted == 0)
		return NULL;
	join(block);
	bool fits = block->size >= wanted;
	split(block, fits ? wanted : old);
	if (block->size >= old)
		count(block->size - old);
	else
		used -= old - block->size;
	if (fits)
		return at;
	void *moved = malloc(size);
	if (moved) {
		memcpy(moved, at, old);
		free(at);
	}
	return moved;
}

bool pal_board_heap_has(const void *at)
{
	return first && (const uint8_t *)at >= (const uint8_t *)first && (const uint8_t *)at < end;
}

pal_board_usage pal_board_arena(void)
{
	return (pal_board_usage){ first ? (size_t)(end - (uint8_t *)first) : 0, used, peak };
}
