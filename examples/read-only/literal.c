/* Changes a string literal, which C forbids and wasm does not notice. */
#include <stdio.h>

static void shout(char *text)
{
	for (; *text; text++)
		if (*text >= 'a' && *text <= 'z')
			*text -= 'a' - 'A';
}

int main(int argc, char **argv)
{
	char copy[] = "a copy may be changed";
	(void)argv;
	shout(copy);
	puts(copy);
	fflush(stdout);
	shout(argc > 100 ? copy : (char *)"a literal may not");
	puts("nobody noticed");
	return 0;
}
