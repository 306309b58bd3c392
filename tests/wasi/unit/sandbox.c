/* Attempts to get out of a preopened directory, by every kind of name. */
#define _GNU_SOURCE
#include "guest.h"
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Every call that takes a path, on a path that leads to the outside: all must be refused in the same way. What acts on
 * the entry itself is not asked to follow a link at the end, so `parent` says that the path leaves before its end. */
static void refused(const char *path, int32_t error, bool parent)
{
	int32_t fd;
	char text[64];
	EQUAL(open_(3, path, FOLLOW, 0, READ_RIGHTS, &fd), error);
	EQUAL(open_(3, path, FOLLOW, WASI_O_DIRECTORY, READ_RIGHTS, &fd), error);
	if (!*path || path[strlen(path) - 1] != '/') /* that would be ISDIR first */
		EQUAL(open_(3, path, FOLLOW, WASI_O_CREAT, ALL_RIGHTS, &fd), error);
	EQUAL(open_(3, path, FOLLOW, WASI_O_TRUNC, ALL_RIGHTS, &fd), error);
	EQUAL(stat_(3, path, FOLLOW), -error);
	EQUAL(set_times_(3, path, FOLLOW), error);
	if (!parent)
		return;
	EQUAL(open_(3, path, FOLLOW, WASI_O_CREAT | WASI_O_EXCL, ALL_RIGHTS, &fd), error);
	EQUAL(open_(3, path, NOFOLLOW, 0, READ_RIGHTS, &fd), error);
	EQUAL(stat_(3, path, NOFOLLOW), -error);
	EQUAL(set_times_(3, path, NOFOLLOW), error);
	EQUAL(readlink_(3, path, text, sizeof text), error);
	EQUAL(mkdir_(3, path), error);
	EQUAL(rmdir_(3, path), error);
	EQUAL(unlink_(3, path), error);
	EQUAL(symlink_("x", 3, path), error);
	EQUAL(link_(3, path, 3, "new"), error);
	EQUAL(link_(3, "file", 3, path), error);
	EQUAL(rename_(3, path, 3, "new"), error);
	EQUAL(rename_(3, "file", 3, path), error);
}

static void nothing_happened(void)
{
	CHECK(host_holds("outside/secret", "secret"));
	CHECK(host_holds("inside/file", "file"));
	CHECK(access("outside/new", F_OK) != 0);
	CHECK(access("inside/new", F_OK) != 0);
	CHECK(access("new", F_OK) != 0);
}

void sandbox_links(void)
{
	char absolute[256], text[64];
	begin_world();
	host_file("inside/file", "file");
	MUST(getcwd(absolute, sizeof absolute - 32));
	strcat(absolute, "/outside");
	MUST(symlink(absolute, "inside/absolute") == 0 && symlink("../outside", "inside/relative") == 0);
	MUST(symlink("../outside/new", "inside/dangling") == 0 && symlink("/etc/passwd", "inside/passwd") == 0);
	MUST(symlink("relative", "inside/twice") == 0 && symlink("/", "inside/root") == 0);
	MUST(symlink("../outside/secret", "inside/secret") == 0 && mkdir("inside/dir", 0755) == 0);
	MUST(symlink("../../outside", "inside/dir/up") == 0 && symlink("..", "inside/dir/parent") == 0);
	MUST(symlink("dir/parent/..", "inside/zigzag") == 0);
	refused("absolute", WASI_PERM, false);
	refused("absolute/secret", WASI_PERM, true);
	refused("absolute/", WASI_PERM, false);
	refused("relative", WASI_PERM, false);
	refused("relative/secret", WASI_PERM, true);
	refused("relative/new", WASI_PERM, true);
	refused("dangling", WASI_PERM, false);
	refused("passwd", WASI_PERM, false);
	refused("secret", WASI_PERM, false);
	refused("twice", WASI_PERM, false);
	refused("twice/secret", WASI_PERM, true);
	refused("root/etc/passwd", WASI_PERM, true);
	refused("dir/up/secret", WASI_PERM, true);
	refused("zigzag", WASI_PERM, false);
	refused("zigzag/outside/secret", WASI_PERM, true);
	nothing_happened();
	/* What stays inside works, also by links. */
	EQUAL(try_open("dir/parent/file", NOFOLLOW), WASI_OK);
	EQUAL(stat_(3, "dir/parent/dir/parent/file", NOFOLLOW), WASI_TYPE_REGULAR_FILE);
	/* Links as such can be examined; where an absolute one leads is the host's affair. */
	EQUAL(stat_(3, "absolute", NOFOLLOW), WASI_TYPE_SYMBOLIC_LINK);
	EQUAL(readlink_(3, "relative", text, sizeof text), WASI_OK);
	CHECK(strcmp(text, "../outside") == 0);
	EQUAL(readlink_(3, "absolute", text, sizeof text), WASI_PERM);
	/* A slash behind a link would make the host follow it. */
	EQUAL(stat_(3, "relative/", NOFOLLOW), -WASI_PERM);
	EQUAL(readlink_(3, "relative/", text, sizeof text), WASI_PERM);
	EQUAL(link_(3, "relative/", 3, "new"), WASI_PERM);
	EQUAL(rmdir_(3, "relative/"), WASI_NOTDIR);
	EQUAL(unlink_(3, "relative/"), WASI_NOTDIR);
	EQUAL(rename_(3, "relative/", 3, "new"), WASI_NOTDIR);
	/* What guests may not make, and what comes of what they may. */
	EQUAL(symlink_("/etc", 3, "new"), WASI_PERM);
	EQUAL(symlink_("../outside", 3, "mine"), WASI_OK);
	refused("mine/secret", WASI_PERM, true);
	nothing_happened();
	end_world();
}

void sandbox_dots(void)
{
	begin_world();
	host_file("inside/file", "file");
	MUST(mkdir("inside/dir", 0755) == 0 && mkdir("inside/dir/sub", 0755) == 0);
	refused("..", WASI_PERM, false);
	refused("../", WASI_PERM, false);
	refused("../outside/secret", WASI_PERM, true);
	refused("../inside/file", WASI_PERM, true);
	refused("dir/../../outside/secret", WASI_PERM, true);
	refused("dir/sub/../../../outside/secret", WASI_PERM, true);
	refused("./.././outside/secret", WASI_PERM, true);
	refused("dir//..//..//outside//secret", WASI_PERM, true);
	refused("/", WASI_PERM, false);
	refused("//", WASI_PERM, false);
	refused("/etc/passwd", WASI_PERM, true);
	refused("//etc/passwd", WASI_PERM, true);
	EQUAL(rmdir_(3, ".."), WASI_PERM);
	EQUAL(rename_(3, "..", 3, "new"), WASI_PERM);
	EQUAL(mkdir_(3, "../new"), WASI_PERM);
	EQUAL(unlink_(3, "../outside/secret"), WASI_PERM);
	nothing_happened();
	/* `..` within the directory is fine, as often as one likes; below an opened directory it ends there. */
	EQUAL(try_open("dir/sub/../../file", NOFOLLOW), WASI_OK);
	EQUAL(try_open("dir/../dir/../dir/.././file", NOFOLLOW), WASI_OK);
	int32_t dir;
	EQUAL(open_(3, "dir", NOFOLLOW, WASI_O_DIRECTORY, READ_RIGHTS, &dir), WASI_OK);
	EQUAL(stat_(dir, "..", FOLLOW), -WASI_PERM);
	EQUAL(stat_(dir, "../file", FOLLOW), -WASI_PERM);
	EQUAL(stat_(dir, "sub/..", FOLLOW), WASI_TYPE_DIRECTORY);
	end_world();
}

/* A directory the guest has open leaves the preopen: it is still the guest's, its new parent is not. */
void sandbox_moved(void)
{
	int32_t dir;
	char text[16];
	begin_world();
	MUST(mkdir("inside/dir", 0755) == 0 && mkdir("inside/dir/sub", 0755) == 0);
	host_file("inside/dir/file", "mine");
	EQUAL(open_(3, "dir", NOFOLLOW, WASI_O_DIRECTORY, READ_RIGHTS, &dir), WASI_OK);
	MUST(rename("inside/dir", "outside/dir") == 0);
	EQUAL(stat_(dir, "..", FOLLOW), -WASI_PERM);
	EQUAL(stat_(dir, "../secret", FOLLOW), -WASI_PERM);
	EQUAL(stat_(dir, "sub/../../secret", FOLLOW), -WASI_PERM);
	EQUAL(stat_(dir, "file", FOLLOW), WASI_TYPE_REGULAR_FILE);
	EQUAL(stat_(3, "dir", FOLLOW), -WASI_NOENT);
	/* Removed altogether. */
	MUST(unlink("outside/dir/file") == 0 && rmdir("outside/dir/sub") == 0 && rmdir("outside/dir") == 0);
	EQUAL(stat_(dir, "file", FOLLOW), -WASI_NOENT);
	EQUAL(mkdir_(dir, "new"), WASI_NOENT);
	EQUAL(readlink_(dir, "file", text, sizeof text), WASI_NOENT);
	/* The preopen itself replaced: descriptor 3 goes on meaning the old one. */
	MUST(rename("inside", "old") == 0 && symlink("outside", "inside") == 0);
	EQUAL(stat_(3, "secret", FOLLOW), -WASI_NOENT);
	MUST(unlink("inside") == 0);
	end_world();
}

/* /proc holds links that lead anywhere without saying so. */
void sandbox_magic(void)
{
#ifdef __linux__
	static const pal_wasi_dir dirs[] = { { "inside", "/", 0 }, { "/proc/self", "/proc", 0 } };
	pal_wasi_options options = { .dirs = dirs, .dir_count = 2 };
	char name[32];
	int32_t fd;
	begin_world_with(&options);
	int host = open("outside", O_RDONLY | O_DIRECTORY);
	MUST(host >= 0);
	/* By a link inside the preopen. */
	MUST(symlink("/proc/self/fd", "inside/fds") == 0 && symlink("/proc/self/cwd", "inside/cwd") == 0);
	refused("fds/0", WASI_PERM, true);
	refused("cwd/outside/secret", WASI_PERM, true);
	/* With /proc itself granted: the directories of files are readable, but where their links lead is not. openat2
	 * knows the links and says LOOP; the walk reads them as absolute ones. */
	int32_t error = pal_wasi_uses_openat2() ? WASI_LOOP : WASI_PERM;
	snprintf(name, sizeof name, "fd/%d/secret", host);
	EQUAL(open_(4, name, FOLLOW, 0, READ_RIGHTS, &fd), error);
	EQUAL(open_(4, "cwd/outside/secret", FOLLOW, 0, READ_RIGHTS, &fd), error);
	EQUAL(open_(4, "root/etc/passwd", FOLLOW, 0, READ_RIGHTS, &fd), error);
	EQUAL(open_(4, "exe", FOLLOW, 0, READ_RIGHTS, &fd), error);
	EQUAL(open_(4, "exe", NOFOLLOW, 0, READ_RIGHTS, &fd), WASI_LOOP);
	EQUAL(stat_(4, "cwd/outside", FOLLOW), -error);
	EQUAL(stat_(4, "cwd", FOLLOW), -WASI_PERM); /* a last link is always the walk's */
	EQUAL(stat_(4, "root/etc", FOLLOW), -error);
	EQUAL(stat_(4, "status", FOLLOW), WASI_TYPE_REGULAR_FILE);
	close(host);
	end_world();
#endif
}

/* A hard link is the file itself: what is inside is the guest's. It can't make one to the outside. */
void sandbox_hard_links(void)
{
	begin_world();
	host_file("inside/file", "file");
	MUST(link("outside/secret", "inside/shared") == 0);
	EQUAL(try_open("shared", NOFOLLOW), WASI_OK); /* the host put it there */
	EQUAL(link_(3, "../outside/secret", 3, "new"), WASI_PERM);
	EQUAL(link_(3, "file", 3, "../outside/new"), WASI_PERM);
	MUST(symlink("../outside/secret", "inside/leak") == 0);
	EQUAL(link_(3, "leak", 3, "copy"), WASI_OK); /* of the link, not of what it leads to */
	EQUAL(stat_(3, "copy", NOFOLLOW), WASI_TYPE_SYMBOLIC_LINK);
	EQUAL(try_open("copy", FOLLOW), WASI_PERM);
	EQUAL(wasi_snapshot_preview1_path_link(view, 3, FOLLOW, put_text("leak"), 4, 3, put_text("new"), 3), WASI_INVAL);
	CHECK(access("inside/new", F_OK) != 0 && access("outside/new", F_OK) != 0);
	end_world();
}

/* What is mounted below a preopened directory belongs to it; a mount's `..` stays inside. */
void sandbox_mounts(void)
{
#ifdef __linux__
	pid_t child = fork();
	if (child == 0) {
		failures = 0;
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
			_exit(77);
		begin_world();
		MUST(mkdir("inside/mount", 0755) == 0);
		if (mount("outside", "inside/mount", NULL, MS_BIND, NULL))
			_exit(77);
		EQUAL(try_open("mount/secret", NOFOLLOW), WASI_OK);
		EQUAL(stat_(3, "mount/..", FOLLOW), WASI_TYPE_DIRECTORY);
		EQUAL(stat_(3, "mount/../mount/secret", FOLLOW), WASI_TYPE_REGULAR_FILE);
		EQUAL(stat_(3, "mount/../..", FOLLOW), -WASI_PERM);
		EQUAL(stat_(3, "mount/../../outside", FOLLOW), -WASI_PERM);
		MUST(umount("inside/mount") == 0);
		end_world();
		_exit(failures != 0);
	}
	int status;
	MUST(child > 0 && waitpid(child, &status, 0) == child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		fprintf(stderr, "left out: mounts: not permitted here\n");
	else
		EQUAL(status, 0);
#endif
}

void sandbox_names(void)
{
	static char name[70000];
	int32_t fd;
	begin_world();
	/* Empty. */
	refused("", WASI_NOENT, false);
	EQUAL(mkdir_(3, ""), WASI_NOENT);
	EQUAL(unlink_(3, ""), WASI_NOENT);
	EQUAL(symlink_("", 3, "new"), WASI_NOENT);
	/* One component too long; the whole too long, though each component is fine. */
	memset(name, 'x', 256);
	EQUAL(try_open(name, FOLLOW), WASI_NAMETOOLONG);
	EQUAL(mkdir_(3, name), WASI_NAMETOOLONG);
	name[255] = 0;
	EQUAL(mkdir_(3, name), WASI_OK);
	for (int i = 0; i < 5000; i += 2)
		memcpy(name + i, "./", 3);
	EQUAL(try_open(name, FOLLOW), WASI_NAMETOOLONG);
	memset(name, 'y', 65000);
	name[65000] = 0;
	EQUAL(try_open(name, FOLLOW), WASI_NAMETOOLONG);
	for (int i = 0; i < 4000; i += 2)
		memcpy(name + i, "./", 3);
	EQUAL(open_(3, name, NOFOLLOW, WASI_O_DIRECTORY, READ_RIGHTS, &fd), WASI_OK);
	/* As deep as a path can go, and back. */
	name[0] = 0;
	for (int i = 0; i < 300; i++) {
		strcat(name, "d/");
		EQUAL(mkdir_(3, name), WASI_OK);
	}
	for (int i = 0; i < 300; i++)
		strcat(name, "../");
	EQUAL(stat_(3, name, FOLLOW), WASI_TYPE_DIRECTORY);
	strcat(name, "..");
	EQUAL(stat_(3, name, FOLLOW), -WASI_PERM);
	/* Not UTF-8: stray, overlong, a surrogate, too high, cut off. */
	static const char *const bad[] = { "\x80", "a\xff", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
		                               "\xf0\x80\x80\xaf", "\xe2\x82", "\xf8\x88\x80\x80\x80" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		EQUAL(try_open(bad[i], FOLLOW), WASI_ILSEQ);
		EQUAL(mkdir_(3, bad[i]), WASI_ILSEQ);
		EQUAL(symlink_(bad[i], 3, "new"), WASI_ILSEQ);
	}
	EQUAL(mkdir_(3, "\xc3\xa4\xe2\x82\xac\xf0\x9f\xa6\x80"), WASI_OK);
	CHECK(access("inside/\xc3\xa4\xe2\x82\xac\xf0\x9f\xa6\x80", F_OK) == 0);
	/* A NUL inside would make the host see another name. */
	int32_t at = put_text("file");
	EQUAL(wasi_snapshot_preview1_path_create_directory(view, 3, at, 5), WASI_INVAL);
	memcpy(memory + at, "a\0../x", 6);
	EQUAL(wasi_snapshot_preview1_path_create_directory(view, 3, at, 6), WASI_INVAL);
	end_world();
}

/* `:ro`: nothing below changes, by whatever call. */
void sandbox_read_only(void)
{
	static const pal_wasi_dir dirs[] = { { "inside", "/", 1 }, { "outside", "/out", 0 } };
	pal_wasi_options options = { .dirs = dirs, .dir_count = 2 };
	int32_t fd, dir;
	char text[16];
	begin_world_with(&options);
	host_file("inside/file", "file");
	MUST(mkdir("inside/dir", 0755) == 0 && mkdir("inside/empty", 0755) == 0 && symlink("file", "inside/link") == 0);
	host_file("inside/dir/deep", "deep");
	struct stat before, after;
	MUST(stat("inside/file", &before) == 0);
	EQUAL(open_(3, "dir", NOFOLLOW, WASI_O_DIRECTORY, ALL_RIGHTS & ~(int64_t)WASI_RIGHT_FD_WRITE, &dir), WASI_OK);
	for (int i = 0; i < 2; i++) {
		int32_t root = i ? dir : 3;
		const char *file = i ? "deep" : "file";
		EQUAL(open_(root, file, NOFOLLOW, 0, ALL_RIGHTS, &fd), WASI_ROFS);
		EQUAL(open_(root, file, NOFOLLOW, WASI_O_TRUNC, READ_RIGHTS, &fd), WASI_ROFS);
		EQUAL(open_(root, "new", NOFOLLOW, WASI_O_CREAT, READ_RIGHTS, &fd), WASI_ROFS);
		EQUAL(open_(root, "new", NOFOLLOW, WASI_O_CREAT | WASI_O_EXCL, READ_RIGHTS, &fd), WASI_ROFS);
		EQUAL(open_(root, file, NOFOLLOW, WASI_O_CREAT | WASI_O_EXCL, READ_RIGHTS, &fd), WASI_EXIST);
		EQUAL(mkdir_(root, "new"), WASI_ROFS);
		EQUAL(rmdir_(root, "empty"), WASI_ROFS);
		EQUAL(unlink_(root, file), WASI_ROFS);
		EQUAL(symlink_("x", root, "new"), WASI_ROFS);
		EQUAL(rename_(root, file, root, "new"), WASI_ROFS);
		EQUAL(rename_(root, file, 4, "new"), WASI_ROFS);
		EQUAL(rename_(4, "secret", root, "new"), WASI_ROFS);
		EQUAL(link_(root, file, 4, "new"), WASI_ROFS); /* or the file could be written through the new name */
		EQUAL(link_(4, "secret", root, "new"), WASI_ROFS);
		EQUAL(set_times_(root, file, FOLLOW), WASI_ROFS);
		EQUAL(open_(root, file, NOFOLLOW, WASI_O_CREAT, READ_RIGHTS, &fd), WASI_OK); /* exists: nothing is made */
		EQUAL(write_(fd, "x"), WASI_BADF);
		EQUAL(wasi_snapshot_preview1_fd_filestat_set_size(view, fd, 0), WASI_ROFS);
		EQUAL(wasi_snapshot_preview1_fd_filestat_set_times(view, fd, 0, 0, WASI_FST_MTIM), WASI_ROFS);
		EQUAL(wasi_snapshot_preview1_fd_allocate(view, fd, 0, 100), WASI_ROFS);
		EQUAL(read_(fd, text, sizeof text), WASI_OK);
		CHECK(strcmp(text, file) == 0);
		EQUAL(close_(fd), WASI_OK);
	}
	EQUAL(wasi_snapshot_preview1_fd_filestat_set_times(view, 3, 0, 0, WASI_FST_MTIM), WASI_ROFS);
	EQUAL(stat_(3, "link", FOLLOW), WASI_TYPE_REGULAR_FILE);
	MUST(stat("inside/file", &after) == 0);
	CHECK(before.st_mtime == after.st_mtime && before.st_nlink == after.st_nlink);
	CHECK(host_holds("inside/file", "file") && host_holds("inside/dir/deep", "deep"));
	CHECK(access("inside/new", F_OK) != 0 && access("outside/new", F_OK) != 0 && access("inside/dir/new", F_OK) != 0);
	end_world();
}

void sandbox_many_links(void)
{
	char name[32], target[16];
	begin_world();
	host_file("inside/l0", "file");
	for (int i = 1; i <= 41; i++) {
		snprintf(name, sizeof name, "inside/l%d", i);
		snprintf(target, sizeof target, "l%d", i - 1);
		MUST(symlink(target, name) == 0);
	}
	EQUAL(try_open("l40", FOLLOW), WASI_OK);
	EQUAL(try_open("l41", FOLLOW), WASI_LOOP);
	EQUAL(stat_(3, "l40", FOLLOW), WASI_TYPE_REGULAR_FILE);
	EQUAL(stat_(3, "l41", FOLLOW), -WASI_LOOP);
	MUST(symlink("self", "inside/self") == 0 && symlink("pong", "inside/ping") == 0 && symlink("ping",
		"inside/pong") == 0);
	EQUAL(try_open("self", FOLLOW), WASI_LOOP);
	EQUAL(try_open("self/x", FOLLOW), WASI_LOOP);
	EQUAL(stat_(3, "ping", FOLLOW), -WASI_LOOP);
	EQUAL(mkdir_(3, "ping/x"), WASI_LOOP);
	EQUAL(unlink_(3, "self"), WASI_OK);
	end_world();
}
