/* Allocation and pointers: binary search trees, built, searched and freed. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct node {
	struct node *left, *right;
	uint32_t key;
};

static uint32_t next(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void insert(struct node **at, uint32_t key)
{
	while (*at) {
		if ((*at)->key == key)
			return;
		at = key < (*at)->key ? &(*at)->left : &(*at)->right;
	}
	*at = calloc(1, sizeof **at);
	if (*at)
		(*at)->key = key;
}

static uint32_t drop(struct node *tree)
{
	if (!tree)
		return 0;
	uint32_t count = 1 + drop(tree->left) + drop(tree->right);
	free(tree);
	return count;
}

int main(void)
{
	uint32_t state = 2463534242u, total = 0;
	for (int round = 0; round < 40; round++) {
		struct node *tree = NULL;
		for (int i = 0; i < 20000; i++)
			insert(&tree, next(&state));
		total += drop(tree);
	}
	printf("%u\n", total);
	return 0;
}
