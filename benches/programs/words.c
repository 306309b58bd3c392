/* Strings: words are made, sorted, counted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS 60000
static char words[WORDS][12];

static int compare(const void *a, const void *b) { return strcmp(a, b); }

int main(void)
{
	unsigned state = 1, distinct = 0;
	for (int round = 0; round < 12; round++) {
		for (int i = 0; i < WORDS; i++) {
			int length = 3 + (state >> 16) % 5;
			for (int k = 0; k < length; k++) {
				state = state * 1103515245u + 12345u;
				words[i][k] = (char)('a' + (state >> 16) % 9);
			}
			words[i][length] = 0;
		}
		qsort(words, WORDS, sizeof words[0], compare);
		for (int i = 0; i < WORDS; i++)
			distinct += i == 0 || strcmp(words[i], words[i - 1]) != 0;
	}
	printf("%u\n", distinct);
	return 0;
}
