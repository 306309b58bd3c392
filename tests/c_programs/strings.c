/* The string functions, overlapping moves, and text in UTF-8. */
#include <ctype.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <wchar.h>

static unsigned hash(const char *s)
{
	unsigned h = 2166136261u;
	while (*s)
		h = (h ^ (unsigned char)*s++) * 16777619u;
	return h;
}

int main(void)
{
	char buffer[64] = "the quick brown fox";
	memmove(buffer + 4, buffer, 20);
	printf("%s %zu %u\n", buffer, strlen(buffer), hash(buffer));
	memmove(buffer, buffer + 4, 20);
	printf("%s %s %s %s\n", buffer, strchr(buffer, 'q'), strrchr(buffer, 'o'), strstr(buffer, "brown"));
	for (char *word = strtok(buffer, " "); word; word = strtok(NULL, " "))
		printf("<%s>", word);
	printf(" %zu %zu\n", strspn("abcde", "cab"), strcspn("hello", "lo"));
	printf("%d %d %d %d\n", strcmp("a", "b") < 0, strncmp("abc", "abd", 2), memcmp("\x80", "\x7f", 1) > 0, strcasecmp("ABC", "abc"));
	char big[3000];
	for (int size = 0; size < 3000; size += 37) {
		memset(big, 'a' + size % 26, sizeof big);
		memset(big + 1, 0, (size_t)size);
		memcpy(big + size / 2, "mark", 4);
		unsigned sum = 0;
		for (int i = 0; i < 3000; i++)
			sum = sum * 31 + (unsigned char)big[i];
		printf("%u ", sum);
	}
	puts("");
	for (int c = 0; c < 128; c++)
		putchar(isalpha(c) ? toupper(c) : ispunct(c) ? c : isdigit(c) ? 'd' : '.');
	puts("");
	setlocale(LC_ALL, "C.UTF-8");
	wchar_t wide[32];
	size_t count = mbstowcs(wide, "naïve 世界", 32);
	printf("%zu %ld\n", count, count < 32 ? (long)wide[2] : -1L);
	char *copy = strdup("duplicate");
	printf("%s %.3s\n", copy, strncpy(buffer, copy, 4));
	free(copy);
	return 0;
}
