/* An allocator for large blocks that gives the memory of free ones back to the system. */
#include <palisade/guest.h>

#define EXPORT(name) __attribute__((export_name(name)))

/* Blocks lie side by side; each begins with this. */
struct block {
	size_t size; /* with this header */
	size_t in_use;
};

enum { PAGE = 65536, LARGE = 4 * PAGE };

extern char __heap_base; /* the linker says where data ends */
static char *begin, *end;

static struct block *behind(struct block *block)
{
	return (struct block *)((char *)block + block->size);
}

static int is_block(struct block *block)
{
	return (char *)block < end;
}

/* More memory at the end; NULL if there is none. */
static struct block *extend(size_t size)
{
	if (begin == NULL)
		begin = end = (char *)(((uintptr_t)&__heap_base + 15) & ~(uintptr_t)15);
	size_t there = __builtin_wasm_memory_size(0) * PAGE - (uintptr_t)end;
	if (size > there && __builtin_wasm_memory_grow(0, (size - there + PAGE - 1) / PAGE) == (size_t)-1)
		return NULL;
	struct block *block = (struct block *)end;
	end += size;
	*block = (struct block){ size, 0 };
	return block;
}

EXPORT("allocate") void *allocate(size_t size)
{
	if (size > (size_t)1 << 31)
		return NULL;
	size = (size + sizeof(struct block) + 15) & ~(size_t)15;
	struct block *block = (struct block *)begin;
	while (is_block(block) && (block->in_use || block->size < size))
		block = behind(block);
	if (!is_block(block) && (block = extend(size)) == NULL)
		return NULL;
	if (block->size - size >= LARGE) { /* the rest stays free */
		struct block *rest = (struct block *)((char *)block + size);
		*rest = (struct block){ block->size - size, 0 };
		block->size = size;
	}
	block->in_use = 1;
	return block + 1;
}

EXPORT("release") void release(void *at)
{
	struct block *block = (struct block *)at - 1;
	block->in_use = 0;
	for (struct block *next = behind(block); is_block(next) && !next->in_use; next = behind(block))
		block->size += next->size;
	if (block->size >= LARGE) /* reads as zeros, and takes no memory until it is written again */
		pal_discard(block + 1, block->size - sizeof *block);
}

EXPORT("fill") void fill(char *at, int byte, size_t size)
{
	for (size_t i = 0; i < size; i++)
		at[i] = (char)byte;
}
