/* Listing folders: many entries, entries made and removed between. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void list(const char *path)
{
	static char *names[2000];
	size_t count = 0;
	DIR *dir = opendir(path);
	if (!dir) {
		printf("%s can't be opened\n", path);
		return;
	}
	for (struct dirent *entry; count < 2000 && (entry = readdir(dir));)
		names[count++] = strdup(entry->d_name);
	rewinddir(dir);
	size_t again = 0;
	while (readdir(dir))
		again++;
	closedir(dir);
	qsort(names, count, sizeof *names, by_name);
	printf("%s: %zu entries, %zu again:", path, count, again);
	for (size_t i = 0; i < count; i++) {
		if (i < 5 || i + 3 > count)
			printf(" %s", names[i]);
		free(names[i]);
	}
	puts("");
}

int main(int argc, char **argv)
{
	char name[300];
	if (argc != 2 || chdir(argv[1]))
		return 2;
	list(".");
	if (mkdir("many", 0777) || mkdir("empty", 0777))
		return 3;
	for (int i = 0; i < 700; i++) {
		snprintf(name, sizeof name, "many/%0*d", 1 + i % 200, i);
		close(open(name, O_CREAT | O_WRONLY, 0666));
	}
	list("many");
	list("empty");
	list("none");
	for (int i = 0; i < 700; i += 2) {
		snprintf(name, sizeof name, "many/%0*d", 1 + i % 200, i);
		unlink(name);
	}
	list("./many/../many");
	printf("%d %d\n", rmdir("many") != 0, rmdir("empty"));
	return 0;
}
