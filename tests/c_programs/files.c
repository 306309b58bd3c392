/* Files and what can be done with them, errors too. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void check(const char *what, int result)
{
	printf("%s: %d", what, result);
	if (result < 0)
		printf(" %s%s%s%s%s%s", errno == ENOENT ? "ENOENT" : "", errno == EEXIST ? "EEXIST" : "",
		       errno == ENOTDIR ? "ENOTDIR" : "", errno == EISDIR ? "EISDIR" : "", errno == EBADF ? "EBADF" : "",
		       errno == ENOTEMPTY ? "ENOTEMPTY" : "");
	puts("");
}

int main(int argc, char **argv)
{
	char text[64];
	struct stat st;
	if (argc != 2 || chdir(argv[1]))
		return 2;
	FILE *f = fopen("a.txt", "w+");
	if (!f)
		return 3;
	for (int i = 0; i < 1000; i++)
		fprintf(f, "line %d\n", i);
	fseek(f, 50, SEEK_SET);
	if (fgets(text, sizeof text, f))
		printf("read %.3s, at %ld\n", text, ftell(f));
	fclose(f);
	check("stat", stat("a.txt", &st));
	printf("%lld bytes, regular %d\n", (long long)st.st_size, S_ISREG(st.st_mode));
	int fd = open("a.txt", O_RDWR | O_APPEND);
	check("append", (int)write(fd, "appended", 8));
	check("lseek", (int)lseek(fd, -8, SEEK_END));
	check("read", (int)read(fd, text, sizeof text));
	printf("%.8s\n", text);
	check("pwrite", (int)pwrite(fd, "X", 1, 0));
	check("pread", (int)pread(fd, text, 6, 0));
	check("truncate", ftruncate(fd, 10));
	check("fstat", fstat(fd, &st));
	printf("%lld\n", (long long)st.st_size);
	close(fd);
	check("closed", (int)read(fd, text, 1));
	check("exclusive", open("a.txt", O_CREAT | O_EXCL | O_WRONLY, 0600));
	check("missing", open("none.txt", O_RDONLY));
	check("below a file", open("a.txt/x", O_RDONLY));
	check("folder as file", open(".", O_WRONLY));
	check("mkdir", mkdir("dir", 0777));
	check("mkdir again", mkdir("dir", 0777));
	check("rename", rename("a.txt", "dir/b.txt"));
	check("rmdir", rmdir("dir"));
	check("link", link("dir/b.txt", "c.txt"));
	check("symlink", symlink("dir/b.txt", "s.txt"));
	check("readlink", (int)readlink("s.txt", text, sizeof text));
	check("lstat", lstat("s.txt", &st));
	printf("link %d\n", S_ISLNK(st.st_mode));
	check("through the link", open("s.txt", O_RDONLY) >= 0 ? 0 : -1);
	check("unlink", unlink("c.txt"));
	check("unlink again", unlink("c.txt"));
	return 0;
}
