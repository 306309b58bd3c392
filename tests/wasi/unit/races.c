/* Other processes change the tree all the time while the guest opens, examines and makes things by name: at no moment
 * may it get at the outside. Every file outside says "secret"; every one inside something else. */
#define _GNU_SOURCE
#include "guest.h"
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(void)
{
	const char *text = getenv("PALISADE_RACE_SECONDS");
	return text ? atof(text) : 2;
}

static double clock_now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* A process that does this until it is killed. */
static pid_t start(void (*forever)(void))
{
	pid_t child = fork();
	MUST(child >= 0);
	if (child == 0) {
		for (;;)
			forever();
	}
	return child;
}

static void stop_all(const pid_t *children, int count)
{
	for (int i = 0; i < count; i++) {
		kill(children[i], SIGKILL);
		waitpid(children[i], NULL, 0);
	}
}

static int escapes;

/* Whatever was opened must not be the outside's. */
static bool look(const char *path, int32_t lookup)
{
	int32_t fd;
	char text[16];
	if (open_(3, path, lookup, 0, READ_RIGHTS, &fd))
		return false;
	if (!read_(fd, text, sizeof text) && strcmp(text, "secret") == 0)
		escapes++;
	close_(fd);
	return true;
}

/* A file is 6 bytes long outside only. */
static void measure(const char *path, int32_t lookup)
{
	if (stat_(3, path, lookup) == WASI_TYPE_REGULAR_FILE && get_u64(RESULT + WASI_FILESTAT_BYTES) == 6)
		escapes++;
}

static void make_and_remove(const char *path)
{
	int32_t fd;
	if (open_(3, path, FOLLOW, WASI_O_CREAT, ALL_RIGHTS, &fd) == WASI_OK)
		close_(fd);
	unlink_(3, path);
	if (mkdir_(3, path) == WASI_OK)
		rmdir_(3, path);
}

static void outside_is_untouched(void)
{
	int entries = 0;
	DIR *outside = opendir("outside");
	MUST(outside);
	while (readdir(outside))
		entries++;
	closedir(outside);
	EQUAL(entries, 4); /* `.`, `..`, secret, sub */
	CHECK(host_holds("outside/secret", "secret"));
	CHECK(host_holds("outside/sub/secret", "secret"));
	EQUAL(escapes, 0);
}

/* A directory turns into a link to the outside and back; so does a file. */
static void flip_directory(void)
{
	rename("inside/dir", "inside/away");
	symlink("../outside", "inside/dir");
	unlink("inside/dir");
	rename("inside/away", "inside/dir");
}

static void flip_file(void)
{
	symlink("../outside/secret", "inside/new");
	rename("inside/new", "inside/name");
	symlink("dir/secret", "inside/new2");
	rename("inside/new2", "inside/name");
	link("inside/stays", "inside/new3");
	rename("inside/new3", "inside/name");
}

void race_links(void)
{
	int seen = 0;
	begin_world();
	MUST(mkdir("inside/dir", 0755) == 0 && mkdir("outside/sub", 0755) == 0);
	host_file("inside/dir/secret", "mine");
	host_file("inside/stays", "mine");
	host_file("outside/sub/secret", "secret");
	escapes = 0;
	pid_t children[] = { start(flip_directory), start(flip_file) };
	for (double end = clock_now() + seconds(); clock_now() < end;) {
		seen += look("dir/secret", NOFOLLOW);
		seen += look("dir/../dir/./secret", FOLLOW);
		seen += look("name", FOLLOW);
		look("name", NOFOLLOW);
		look("dir/sub/secret", FOLLOW);
		measure("dir/secret", FOLLOW);
		measure("dir/secret", NOFOLLOW);
		measure("name", FOLLOW);
		make_and_remove("dir/planted");
		make_and_remove("dir/sub/planted");
		rename_(3, "dir/secret", 3, "dir/other");
		rename_(3, "dir/other", 3, "dir/secret");
		set_times_(3, "dir/secret", FOLLOW);
	}
	stop_all(children, 2);
	CHECK(seen > 0);
	outside_is_untouched();
	end_world();
}

/* Directories on the way are moved out of the tree and back while `..` climbs up from them. */
static void move_out(void)
{
	rename("inside/a/b", "outside/sub/b");
	rename("outside/sub/b", "inside/a/b");
}

static void move_up(void)
{
	rename("inside/a/b/c", "inside/c");
	rename("inside/c", "inside/a/b/c");
}

void race_directories(void)
{
	int seen = 0;
	begin_world();
	MUST(mkdir("inside/a", 0755) == 0 && mkdir("inside/a/b", 0755) == 0 && mkdir("inside/a/b/c", 0755) == 0);
	MUST(mkdir("outside/sub", 0755) == 0);
	host_file("inside/a/b/c/secret", "mine");
	host_file("inside/secret", "mine");
	host_file("outside/sub/secret", "secret");
	escapes = 0;
	pid_t children[] = { start(move_out), start(move_up) };
	for (double end = clock_now() + seconds(); clock_now() < end;) {
		seen += look("a/b/c/../../../secret", NOFOLLOW);
		look("a/b/../secret", NOFOLLOW);
		look("a/b/../../secret", FOLLOW);
		look("a/b/c/../../secret", FOLLOW);
		look("a/b/c/../../../outside/secret", FOLLOW);
		measure("a/b/../secret", FOLLOW);
		measure("a/b/c/../../../../outside/secret", NOFOLLOW);
		make_and_remove("a/b/../planted");
		make_and_remove("a/b/c/../../planted");
	}
	stop_all(children, 2);
	/* Stopped half-way. */
	rename("outside/sub/b", "inside/a/b");
	CHECK(seen > 0);
	outside_is_untouched();
	end_world();
}
