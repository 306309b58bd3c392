/* What the program is given: arguments, environment, standard input; and what it gives back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void at_exit(void) { puts("at exit"); }

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		printf("%d: <%s>\n", i, argv[i]);
	printf("GREETING=%s HIDDEN=%s\n", getenv("GREETING"), getenv("HIDDEN") ? "seen" : "not seen");
	char line[200];
	int lines = 0, bytes = 0;
	while (fgets(line, sizeof line, stdin)) {
		lines++;
		bytes += (int)strlen(line);
	}
	printf("%d lines, %d bytes, end of file %d\n", lines, bytes, feof(stdin) != 0);
	fprintf(stderr, "to standard error\n");
	atexit(at_exit);
	exit(argc > 1 ? atoi(argv[1]) : 0);
}
