/* The files that the program and its libraries were loaded from: part of port.h. Linux tells in /proc/self/maps; nobody
 * else is asked. */
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include "port.h"

#ifdef __linux__
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* A mapping, as a line of /proc/self/maps has it. */
struct mapping {
	uint64_t start, end, offset, inode;
	unsigned major, minor;
	char path[4096]; /* empty: longer, or none */
};

static bool read_line(const char *line, struct mapping *mapping)
{
	int path = 0;
	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %x:%x %" SCNu64 " %n", &mapping->start, &mapping->end,
	           &mapping->offset, &mapping->major, &mapping->minor, &mapping->inode, &path) != 6)
		return false;
	size_t length = path ? strcspn(line + path, "\n") : 0;
	mapping->path[0] = 0;
	if (length < sizeof mapping->path && line[path] == '/') {
		memcpy(mapping->path, line + path, length);
		mapping->path[length] = 0;
	}
	return true;
}

static bool find_mapping(uintptr_t at, struct mapping *mapping)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char *line = NULL;
	size_t room = 0;
	bool found = false;
	while (maps && !found && getline(&line, &room, maps) > 0)
		found = read_line(line, mapping) && mapping->start <= at && at < mapping->end && mapping->inode != 0;
	free(line);
	if (maps)
		fclose(maps);
	return found;
}

/* What the path names now may be another file than the one that was loaded. */
static bool is_same(int file, const struct mapping *mapping)
{
	struct stat status;
	return fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_ino == mapping->inode &&
	       major(status.st_dev) == mapping->major && minor(status.st_dev) == mapping->minor;
}

/* `mapping`: what the path must lead to; NULL: whatever it leads to. */
static int open_checked(const char *path, const struct mapping *mapping, uint64_t offset, pal_is_loaded *is, const void *data)
{
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (file < 0 || ((mapping == NULL || is_same(file, mapping)) && is(file, offset, data)))
		return file;
	close(file);
	return -1;
}

int pal_port_loaded_file(const void *at, uint64_t *offset, pal_is_loaded *is, const void *data)
{
	struct mapping *mapping = malloc(sizeof *mapping);
	int file = -1;
	if (mapping && find_mapping((uintptr_t)at, mapping)) {
		*offset = mapping->offset + ((uintptr_t)at - mapping->start);
		/* This always opens the file that runs, whatever has come in its place. */
		file = open_checked("/proc/self/exe", NULL, *offset, is, data);
		if (file < 0 && mapping->path[0])
			file = open_checked(mapping->path, mapping, *offset, is, data);
	}
	free(mapping);
	return file;
}

#else

int pal_port_loaded_file(const void *at, uint64_t *offset, pal_is_loaded *is, const void *data)
{
	(void)at, (void)offset, (void)is, (void)data;
	return -1;
}
#endif
