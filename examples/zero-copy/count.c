/* Counts the lines of a file without reading it: its pages are mapped into a memory of their own. */
#include <fcntl.h>
#include <palisade/guest.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

PAL_VIRTUAL_MEMORY(file, "palisade:memory/file", uint64_t)

int main(int argc, char **argv)
{
	struct stat status;
	int fd = argc == 2 ? open(argv[1], O_RDONLY) : -1;
	if (fd < 0 || fstat(fd, &status)) {
		fputs("usage: count FILE\n", stderr);
		return 2;
	}
	uint64_t page = (uint64_t)pal_page_size(), size = (uint64_t)status.st_size, lines = 0;
	int error = file_map_file(0, (size + page - 1) & ~(page - 1), fd, 0, PAL_PROT_READ, 0);
	if (error) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(error));
		return 1;
	}
	for (uint64_t at = 0; at < size; at++)
		lines += file_load_u8(at) == '\n';
	printf("%llu lines, %llu bytes\n", (unsigned long long)lines, (unsigned long long)size);
	return 0;
}
