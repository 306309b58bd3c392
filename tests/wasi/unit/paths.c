/* What paths may look like inside the sandbox, and what the calls on them answer. */
#define _GNU_SOURCE
#include "guest.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void paths_slashes(void)
{
	int32_t fd;
	char text[16];
	begin_world();
	MUST(mkdir("inside/dir", 0755) == 0 && symlink("dir", "inside/link") == 0 && symlink("file", "inside/leaf") == 0);
	host_file("inside/file", "file");
	/* Behind a file. */
	EQUAL(try_open("file/", NOFOLLOW), WASI_NOTDIR);
	EQUAL(try_open("file///", FOLLOW), WASI_NOTDIR);
	EQUAL(stat_(3, "file/", NOFOLLOW), -WASI_NOTDIR);
	EQUAL(unlink_(3, "file/"), WASI_NOTDIR);
	EQUAL(rmdir_(3, "file/"), WASI_NOTDIR);
	EQUAL(readlink_(3, "file/", text, sizeof text), WASI_NOTDIR);
	EQUAL(link_(3, "file/", 3, "new"), WASI_NOTDIR);
	EQUAL(link_(3, "file", 3, "new/"), WASI_NOENT);
	EQUAL(link_(3, "file", 3, "dir/"), WASI_EXIST);
	EQUAL(rename_(3, "file/", 3, "new"), WASI_NOTDIR);
	EQUAL(rename_(3, "file", 3, "new/"), WASI_NOTDIR);
	EQUAL(rename_(3, "file", 3, "dir/"), WASI_NOTDIR);
	EQUAL(open_(3, "new/", NOFOLLOW, WASI_O_CREAT, ALL_RIGHTS, &fd), WASI_ISDIR);
	EQUAL(symlink_("x", 3, "new/"), WASI_NOENT);
	EQUAL(symlink_("x", 3, "dir/"), WASI_EXIST);
	EQUAL(symlink_("x", 3, "file/"), WASI_NOTDIR);
	/* Behind a directory. */
	EQUAL(stat_(3, "dir/", NOFOLLOW), WASI_TYPE_DIRECTORY);
	EQUAL(try_open("dir///", NOFOLLOW), WASI_OK);
	EQUAL(unlink_(3, "dir/"), WASI_ISDIR);
	EQUAL(mkdir_(3, "made/"), WASI_OK);
	EQUAL(mkdir_(3, "made//"), WASI_EXIST);
	EQUAL(rename_(3, "made/", 3, "moved/"), WASI_OK);
	EQUAL(rmdir_(3, "moved//"), WASI_OK);
	EQUAL(set_times_(3, "dir/", NOFOLLOW), WASI_OK);
	/* Behind a link to a directory: that directory. */
	EQUAL(stat_(3, "link/", NOFOLLOW), WASI_TYPE_DIRECTORY);
	EQUAL(try_open("link/", NOFOLLOW), WASI_OK);
	EQUAL(readlink_(3, "link/", text, sizeof text), WASI_INVAL);
	EQUAL(rmdir_(3, "link/"), WASI_NOTDIR);
	EQUAL(stat_(3, "leaf/", NOFOLLOW), -WASI_NOTDIR);
	EQUAL(stat_(3, "none/", NOFOLLOW), -WASI_NOENT);
	/* Inside. */
	EQUAL(try_open("dir//.//..///file", NOFOLLOW), WASI_OK);
	end_world();
}

void paths_dots(void)
{
	int32_t fd;
	begin_world();
	MUST(mkdir("inside/dir", 0755) == 0 && mkdir("inside/dir/sub", 0755) == 0);
	EQUAL(try_open(".", NOFOLLOW), WASI_OK);
	EQUAL(try_open("./", NOFOLLOW), WASI_OK);
	EQUAL(try_open("dir/.", NOFOLLOW), WASI_OK);
	EQUAL(try_open("dir/sub/..", NOFOLLOW), WASI_OK);
	EQUAL(stat_(3, ".", NOFOLLOW), WASI_TYPE_DIRECTORY);
	EQUAL(stat_(3, "dir/..", NOFOLLOW), WASI_TYPE_DIRECTORY);
	EQUAL(set_times_(3, ".", NOFOLLOW), WASI_OK);
	EQUAL(mkdir_(3, "."), WASI_EXIST);
	EQUAL(mkdir_(3, "dir/.."), WASI_EXIST);
	EQUAL(rmdir_(3, "."), WASI_INVAL);
	EQUAL(rmdir_(3, "dir/sub/.."), WASI_INVAL);
	EQUAL(unlink_(3, "."), WASI_ISDIR);
	EQUAL(rename_(3, ".", 3, "new"), WASI_BUSY);
	EQUAL(rename_(3, "dir", 3, "dir/sub/.."), WASI_BUSY);
	EQUAL(rename_(3, "dir", 3, "dir/sub/new"), WASI_INVAL); /* into itself */
	EQUAL(link_(3, ".", 3, "new"), WASI_PERM);
	EQUAL(symlink_("x", 3, "."), WASI_EXIST);
	EQUAL(open_(3, ".", NOFOLLOW, WASI_O_DIRECTORY, (int64_t)(WASI_RIGHT_FD_READ | WASI_RIGHT_FD_WRITE), &fd), WASI_ISDIR);
	end_world();
}

void paths_open(void)
{
	int32_t fd, file;
	begin_world();
	host_file("inside/file", "file");
	MUST(mkdir("inside/dir", 0755) == 0 && symlink("file", "inside/link") == 0 && symlink("nowhere",
		"inside/dangling") == 0);
	MUST(symlink("dir", "inside/dirlink") == 0);
	EQUAL(try_open("none", NOFOLLOW), WASI_NOENT);
	EQUAL(try_open("none/x", NOFOLLOW), WASI_NOENT);
	EQUAL(try_open("file/x", NOFOLLOW), WASI_NOTDIR);
	EQUAL(try_open("link", NOFOLLOW), WASI_LOOP);
	EQUAL(try_open("link", FOLLOW), WASI_OK);
	EQUAL(try_open("dangling", FOLLOW), WASI_NOENT);
	EQUAL(try_open("dangling", NOFOLLOW), WASI_LOOP);
	EQUAL(open_(3, "dirlink", NOFOLLOW, WASI_O_DIRECTORY, READ_RIGHTS, &fd), WASI_NOTDIR);
	EQUAL(open_(3, "link", FOLLOW, WASI_O_DIRECTORY, READ_RIGHTS, &fd), WASI_NOTDIR);
	EQUAL(open_(3, "file", NOFOLLOW, WASI_O_DIRECTORY, READ_RIGHTS, &fd), WASI_NOTDIR);
	/* On descriptors that are no directories, or none at all. */
	EQUAL(open_(3, "file", NOFOLLOW, 0, READ_RIGHTS, &file), WASI_OK);
	EQUAL(open_(file, "x", NOFOLLOW, 0, READ_RIGHTS, &fd), WASI_NOTDIR);
	EQUAL(mkdir_(file, "x"), WASI_NOTDIR);
	EQUAL(stat_(file, "x", FOLLOW), -WASI_NOTDIR);
	EQUAL(open_(99, "x", NOFOLLOW, 0, READ_RIGHTS, &fd), WASI_BADF);
	EQUAL(open_(-1, "x", NOFOLLOW, 0, READ_RIGHTS, &fd), WASI_BADF);
	EQUAL(open_(INT32_MIN, "x", NOFOLLOW, 0, READ_RIGHTS, &fd), WASI_BADF);
	/* Flags that mean nothing, or nothing together. */
	EQUAL(open_(3, "dir", NOFOLLOW, WASI_O_DIRECTORY | WASI_O_CREAT, READ_RIGHTS, &fd), WASI_INVAL);
	EQUAL(open_(3, "file", 2, 0, READ_RIGHTS, &fd), WASI_INVAL);
	EQUAL(open_(3, "file", NOFOLLOW, 16, READ_RIGHTS, &fd), WASI_INVAL);
	EQUAL(open_flags(3, "file", NOFOLLOW, 0, READ_RIGHTS, 32, &fd), WASI_INVAL);
	EQUAL(open_(3, "file", NOFOLLOW, 0, -1, &fd), WASI_OK); /* rights nobody defined are left out */
	EQUAL(close_(fd), WASI_OK);
	/* Truncation needs no right to write, and gives none. */
	EQUAL(open_(3, "file", NOFOLLOW, WASI_O_TRUNC, 0, &fd), WASI_OK);
	EQUAL(write_(fd, "x"), WASI_BADF);
	CHECK(host_holds("inside/file", ""));
	EQUAL(open_(3, "dir", NOFOLLOW, WASI_O_TRUNC, 0, &fd), WASI_ISDIR);
	end_world();
}

void paths_create(void)
{
	int32_t fd;
	begin_world();
	MUST(symlink("made", "inside/dangling") == 0 && mkdir("inside/dir", 0755) == 0);
	EQUAL(open_(3, "new", NOFOLLOW, WASI_O_CREAT | WASI_O_EXCL, ALL_RIGHTS, &fd), WASI_OK);
	EQUAL(write_(fd, "text"), WASI_OK);
	EQUAL(close_(fd), WASI_OK);
	CHECK(host_holds("inside/new", "text"));
	EQUAL(open_(3, "new", NOFOLLOW, WASI_O_CREAT | WASI_O_EXCL, ALL_RIGHTS, &fd), WASI_EXIST);
	EQUAL(open_(3, "new", NOFOLLOW, WASI_O_CREAT, ALL_RIGHTS, &fd), WASI_OK);
	EQUAL(close_(fd), WASI_OK);
	CHECK(host_holds("inside/new", "text"));
	/* Through a link to nothing yet: the target is made. Exclusively: the link is there already. */
	EQUAL(open_(3, "dangling", FOLLOW, WASI_O_CREAT | WASI_O_EXCL, ALL_RIGHTS, &fd), WASI_EXIST);
	EQUAL(open_(3, "dangling", NOFOLLOW, WASI_O_CREAT, ALL_RIGHTS, &fd), WASI_LOOP);
	CHECK(access("inside/made", F_OK) != 0);
	EQUAL(open_(3, "dangling", FOLLOW, WASI_O_CREAT, ALL_RIGHTS, &fd), WASI_OK);
	CHECK(access("inside/made", F_OK) == 0);
	EQUAL(open_(3, "none/new", NOFOLLOW, WASI_O_CREAT, ALL_RIGHTS, &fd), WASI_NOENT);
	EQUAL(open_(3, "dir", NOFOLLOW, WASI_O_CREAT, ALL_RIGHTS, &fd), WASI_ISDIR);
	EQUAL(mkdir_(3, "dir"), WASI_EXIST);
	EQUAL(mkdir_(3, "dir/a/b"), WASI_NOENT);
	EQUAL(mkdir_(3, "new/b"), WASI_NOTDIR);
	EQUAL(symlink_("anything/../at all", 3, "dir/link"), WASI_OK);
	EQUAL(symlink_("x", 3, "dir/link"), WASI_EXIST);
	EQUAL(rmdir_(3, "dir"), WASI_NOTEMPTY);
	EQUAL(rmdir_(3, "new"), WASI_NOTDIR);
	EQUAL(unlink_(3, "dir"), WASI_ISDIR);
	EQUAL(unlink_(3, "dir/link"), WASI_OK);
	EQUAL(unlink_(3, "none"), WASI_NOENT);
	EQUAL(rmdir_(3, "dir"), WASI_OK);
	EQUAL(rmdir_(3, "dir"), WASI_NOENT);
	end_world();
}

void paths_rename(void)
{
	static const pal_wasi_dir dirs[] = { { "inside", "/", 0 }, { "outside", "/out", 0 } };
	pal_wasi_options options = { .dirs = dirs, .dir_count = 2 };
	int32_t dir;
	begin_world_with(&options);
	host_file("inside/file", "file");
	host_file("inside/other", "other");
	MUST(mkdir("inside/dir", 0755) == 0 && mkdir("inside/full", 0755) == 0 && symlink("file", "inside/link") == 0);
	host_file("inside/full/x", "");
	EQUAL(rename_(3, "none", 3, "new"), WASI_NOENT);
	EQUAL(rename_(3, "file", 3, "dir"), WASI_ISDIR);
	EQUAL(rename_(3, "dir", 3, "file"), WASI_NOTDIR);
	EQUAL(rename_(3, "dir", 3, "full"), WASI_NOTEMPTY);
	EQUAL(rename_(3, "file", 3, "other"), WASI_OK);
	CHECK(host_holds("inside/other", "file"));
	/* A link is renamed, not what it leads to. */
	EQUAL(rename_(3, "link", 3, "dir/moved"), WASI_OK);
	EQUAL(stat_(3, "dir/moved", NOFOLLOW), WASI_TYPE_SYMBOLIC_LINK);
	/* From one grant to another, and within an opened directory. */
	EQUAL(rename_(3, "other", 4, "taken"), WASI_OK);
	CHECK(host_holds("outside/taken", "file"));
	EQUAL(link_(4, "taken", 3, "back"), WASI_OK);
	CHECK(host_holds("inside/back", "file"));
	EQUAL(open_(3, "dir", NOFOLLOW, WASI_O_DIRECTORY, READ_RIGHTS, &dir), WASI_OK);
	EQUAL(rename_(dir, "moved", dir, "again"), WASI_OK);
	EQUAL(rename_(dir, "again", 3, "dir"), WASI_NOTEMPTY);
	end_world();
}

void paths_attributes(void)
{
	begin_world();
	host_file("inside/file", "12345");
	MUST(symlink("file", "inside/link") == 0);
	struct stat host, link_before, link_after;
	MUST(stat("inside/file", &host) == 0);
	EQUAL(stat_(3, "file", NOFOLLOW), WASI_TYPE_REGULAR_FILE);
	EQUAL(get_u64(RESULT + WASI_FILESTAT_DEV), host.st_dev);
	EQUAL(get_u64(RESULT + WASI_FILESTAT_INO), host.st_ino);
	EQUAL(get_u64(RESULT + WASI_FILESTAT_NLINK), 1);
	EQUAL(get_u64(RESULT + WASI_FILESTAT_BYTES), 5);
	CHECK(get_u64(RESULT + WASI_FILESTAT_MTIM) / 1000000000 == (uint64_t)host.st_mtime);
	EQUAL(stat_(3, "link", NOFOLLOW), WASI_TYPE_SYMBOLIC_LINK);
	EQUAL(get_u64(RESULT + WASI_FILESTAT_BYTES), 4);
	/* Times, of the link and of what it leads to. */
	MUST(lstat("inside/link", &link_before) == 0);
	EQUAL(set_times_(3, "link", FOLLOW), WASI_OK);
	MUST(stat("inside/file", &host) == 0 && lstat("inside/link", &link_after) == 0);
	CHECK(host.st_mtime == 1 && host.st_mtim.tv_nsec == 7 && link_before.st_mtime == link_after.st_mtime);
	EQUAL(set_times_(3, "link", NOFOLLOW), WASI_OK);
	MUST(lstat("inside/link", &link_after) == 0);
	CHECK(link_after.st_mtime == 1);
	EQUAL(set_times_(3, "none", FOLLOW), WASI_NOENT);
	int32_t name = put_text("file"), none = put_text("none");
	EQUAL(wasi_snapshot_preview1_path_filestat_set_times(view, 3, 0, name, 4, 0, 0, WASI_FST_ATIM | WASI_FST_ATIM_NOW),
	      WASI_INVAL);
	EQUAL(wasi_snapshot_preview1_path_filestat_set_times(view, 3, 0, name, 4, 0, 0, WASI_FST_MTIM | WASI_FST_MTIM_NOW),
	      WASI_INVAL);
	EQUAL(wasi_snapshot_preview1_path_filestat_set_times(view, 3, 0, name, 4, 0, 0, 16), WASI_INVAL);
	EQUAL(wasi_snapshot_preview1_path_filestat_set_times(view, 3, 0, name, 4, 0, 0, 0), WASI_OK);
	EQUAL(wasi_snapshot_preview1_path_filestat_set_times(view, 3, 0, none, 4, 0, 0, 0), WASI_NOENT);
	EQUAL(wasi_snapshot_preview1_path_filestat_set_times(view, 3, 0, name, 4, 0, 0, WASI_FST_MTIM_NOW), WASI_OK);
	MUST(stat("inside/file", &host) == 0);
	CHECK(host.st_mtime > 1000000);
	end_world();
}

/* FIFOs and devices must not hold up an open. */
void paths_special(void)
{
	int32_t fd, writer;
	char text[8];
	begin_world();
	MUST(mkfifo("inside/fifo", 0600) == 0);
	EQUAL(stat_(3, "fifo", NOFOLLOW), WASI_TYPE_UNKNOWN);
	EQUAL(open_(3, "fifo", NOFOLLOW, 0, (int64_t)WASI_RIGHT_FD_WRITE, &fd), WASI_NXIO); /* nobody reads */
	EQUAL(open_(3, "fifo", NOFOLLOW, 0, READ_RIGHTS, &fd), WASI_OK);
	EQUAL(open_(3, "fifo", NOFOLLOW, 0, (int64_t)WASI_RIGHT_FD_WRITE, &writer), WASI_OK);
	EQUAL(write_(writer, "hi"), WASI_OK);
	EQUAL(read_(fd, text, sizeof text), WASI_OK);
	CHECK(strcmp(text, "hi") == 0);
	EQUAL(wasi_snapshot_preview1_fd_seek(view, fd, 0, WASI_WHENCE_SET, RESULT), WASI_SPIPE);
	EQUAL(close_(writer), WASI_OK);
	EQUAL(read_(fd, text, sizeof text), WASI_OK); /* the end */
	EQUAL(get_u32(RESULT), 0);
	EQUAL(close_(fd), WASI_OK);
	/* Non-blocking: no writer yet is the end, as POSIX has it; with one, AGAIN. */
	EQUAL(open_flags(3, "fifo", NOFOLLOW, 0, READ_RIGHTS, WASI_FD_NONBLOCK, &fd), WASI_OK);
	int host = open("inside/fifo", O_WRONLY | O_NONBLOCK);
	MUST(host >= 0);
	EQUAL(read_(fd, text, sizeof text), WASI_AGAIN);
	close(host);
	end_world();
}
