/* The world of the tests, see guest.h. */
#define _GNU_SOURCE
#include "guest.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef _WIN32
#include <windows.h>
#else
#include <ftw.h>
#endif

static pal_memory *guest_memory;
static char world[64];
static int open_before;
#ifdef _WIN32
static char home[MAX_PATH];
#else
static int home = -1;
#endif

#ifdef _WIN32
static int count_open(void)
{
	DWORD count = 0;
	MUST(GetProcessHandleCount(GetCurrentProcess(), &count));
	return (int)count;
}

static void enter_world(void)
{
	static int number;
	MUST(GetCurrentDirectoryA(sizeof home, home));
	snprintf(world, sizeof world, "world.%lu.%lu.%d", GetCurrentProcessId(), GetTickCount(), number++);
	MUST(mkdir(world, 0755) == 0 && chdir(world) == 0 && mkdir("inside", 0755) == 0 && mkdir("outside", 0755) == 0);
}

static void remove_all(const char *path)
{
	char entry[1024];
	struct dirent *it;
	DIR *stream = opendir(path);
	MUST(stream);
	while ((it = readdir(stream))) {
		if (strcmp(it->d_name, ".") == 0 || strcmp(it->d_name, "..") == 0)
			continue;
		snprintf(entry, sizeof entry, "%s/%s", path, it->d_name);
		DWORD kind = GetFileAttributesA(entry);
		if (!(kind & FILE_ATTRIBUTE_DIRECTORY))
			DeleteFileA(entry);
		else if (kind & FILE_ATTRIBUTE_REPARSE_POINT)
			RemoveDirectoryA(entry);
		else
			remove_all(entry);
	}
	closedir(stream);
	RemoveDirectoryA(path);
}

static void leave_world(void)
{
	MUST(SetCurrentDirectoryA(home));
	remove_all(world);
}
#else
static int count_open(void)
{
	int count = 0;
	for (int fd = 0; fd < 4096; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void enter_world(void)
{
	const char *folder = getenv("TMPDIR");
	snprintf(world, sizeof world, "%.40s/wasi.XXXXXX", folder ? folder : "/tmp");
	home = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	MUST(home >= 0 && mkdtemp(world) && chdir(world) == 0);
	MUST(mkdir("inside", 0755) == 0 && mkdir("outside", 0755) == 0);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *at)
{
	(void)status, (void)type, (void)at;
	return remove(path);
}

static void leave_world(void)
{
	MUST(fchdir(home) == 0);
	close(home);
	nftw(world, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
#endif

void host_file(const char *path, const char *content)
{
	FILE *file = fopen(path, "wb");
	MUST(file);
	fputs(content, file);
	fclose(file);
}

bool host_holds(const char *path, const char *content)
{
	char bytes[4096] = "";
	FILE *file = fopen(path, "rb");
	if (!file)
		return false;
	size_t size = fread(bytes, 1, sizeof bytes - 1, file);
	fclose(file);
	return size == strlen(content) && memcmp(bytes, content, size) == 0;
}

void begin_world_with(pal_wasi_options *options)
{
	static const pal_wasi_dir inside = { "inside", "/", 0 };
	enter_world();
	host_file("outside/secret", "secret");
	if (!options->dirs) {
		options->dirs = &inside;
		options->dir_count = 1;
	}
	open_before = count_open();
	MUST(pal_wasi_new(&wasi, options) == PAL_OK);
	view = pal_wasi_view(wasi);
	pal_memory_options pages = { .min_pages = MEMORY_SIZE >> 16, .max_pages = MEMORY_SIZE >> 16, .has_max = 1 };
	MUST(view && pal_memory_new(&guest_memory, &pages) == PAL_OK);
	pal_wasi_bind(view, guest_memory);
	memory = pal_memory_data(guest_memory);
	text_at = TEXT;
}

void begin_world(void)
{
	pal_wasi_options options = { 0 };
	begin_world_with(&options);
}

void host_close(int fd)
{
#ifdef _WIN32
	MUST(CloseHandle((HANDLE)(intptr_t)fd));
	open_before -= open_before > 0; /* wine does not count */
#else
	MUST(close(fd) == 0);
	open_before--;
#endif
}

void end_world(void)
{
	pal_wasi_view_free(view);
	pal_wasi_free(wasi);
	pal_memory_free(guest_memory);
	EQUAL(count_open(), open_before);
	leave_world();
}
