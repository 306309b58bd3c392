/* What is Windows' own: names that mean something to Win32, entries of directories by NT's rules. */
#include "guest.h"
#ifdef _WIN32
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <windows.h>

/* No call gets anywhere with such a path. */
static void refused(const char *path)
{
	int32_t fd;
	CHECK(open_(3, path, FOLLOW, 0, READ_RIGHTS, &fd) != WASI_OK);
	CHECK(open_(3, path, NOFOLLOW, 0, READ_RIGHTS, &fd) != WASI_OK);
	CHECK(open_(3, path, FOLLOW, WASI_O_CREAT, ALL_RIGHTS, &fd) != WASI_OK);
	CHECK(open_(3, path, FOLLOW, WASI_O_DIRECTORY, READ_RIGHTS, &fd) != WASI_OK);
	CHECK(stat_(3, path, FOLLOW) < 0);
	CHECK(set_times_(3, path, NOFOLLOW) != WASI_OK);
	CHECK(mkdir_(3, path) != WASI_OK);
	CHECK(rmdir_(3, path) != WASI_OK);
	CHECK(unlink_(3, path) != WASI_OK);
	CHECK(rename_(3, path, 3, "new") != WASI_OK);
	CHECK(rename_(3, "file", 3, path) != WASI_OK);
	CHECK(link_(3, "file", 3, path) != WASI_OK);
	CHECK(link_(3, path, 3, "new") != WASI_OK);
	CHECK(host_holds("outside/secret", "secret") && host_holds("inside/file", "file") && host_holds("inside/dir/x", "x"));
	CHECK(access("inside/new", F_OK) != 0 && access("outside/new", F_OK) != 0 && access("new", F_OK) != 0);
}

void windows_names(void)
{
	static const char *const paths[] = {
		"..", "../outside/secret", "dir/../../outside/secret", "dir/..\\..\\outside\\secret", "..\\outside\\secret",
		"dir\\x", "\\", "\\new", "\\\\?\\C:\\new", "\\??\\C:\\new", "/new", "C:", "C:\\new", "C:new", "c:/new", "file:stream",
		"file::$DATA", "dir::$INDEX_ALLOCATION", "dir:x/new", ":", "CON", "con", "nul", "NUL.txt", "nul .txt", "aux", "prn",
		"COM1", "com9.log", "LPT1", "COM\xc2\xb9", "CONIN$", "conout$", "dir/nul",
		"COM0", "lpt9.a.b", "NUL  .x", "dir/Con.txt", "clock$", "$MFT", "$mft/x", "$Extend/$UsnJrnl", "dir/$Bitmap", "\\\\server\\share\\x",
		"//server/share/x", "\\\\.\\PhysicalDrive0", "//./C:/new", "//?/C:/new", "\\Device\\Null", "GLOBALROOT\\Device", "dir/../..", "dir/x:s",
		"dir/:s:$DATA", "dir:$I30:$INDEX_ALLOCATION/x", "../inside/file", "./../outside/secret", "../OUTSIDE/SECRET", "file.", "file ", "dir./x", "dir /x", "...",
		". .", "new\x01", "new*", "ne?", "<new", "new>", "\"new\"", "a|b", "",
		"\xff", "new\xc0\xae",
	};
	begin_world();
	host_file("inside/file", "file");
	MUST(mkdir("inside/dir", 0755) == 0);
	host_file("inside/dir/x", "x");
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		int before = failures;
		refused(paths[i]);
		if (failures != before)
			fprintf(stderr, "path: %s\n", paths[i]);
	}
	/* These are names like any other. */
	static const char *const fine[] = { "COM", "COM10", "CONSOLE", "nulls", ".x", "a.b.c", "with space.x", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "~1" };
	for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
		int32_t fd;
		EQUAL(open_(3, fine[i], 0, WASI_O_CREAT | WASI_O_EXCL, ALL_RIGHTS, &fd), WASI_OK);
		EQUAL(write_(fd, "fine"), WASI_OK);
		EQUAL(close_(fd), WASI_OK);
		EQUAL(try_open(fine[i], 0), WASI_OK);
		EQUAL(unlink_(3, fine[i]), WASI_OK);
		EQUAL(try_open(fine[i], 0), WASI_NOENT);
	}
	EQUAL(try_open("dir/./../dir/x", 0), WASI_OK);
	EQUAL(try_open("dir/../file", 0), WASI_OK);
	end_world();
}

void windows_entries(void)
{
	int32_t fd, dir;
	char text[16];
	begin_world();
	EQUAL(mkdir_(3, "dir"), WASI_OK);
	EQUAL(mkdir_(3, "dir"), WASI_EXIST);
	EQUAL(mkdir_(3, "dir/sub/"), WASI_OK);
	EQUAL(mkdir_(3, "none/sub"), WASI_NOENT);
	EQUAL(open_(3, "dir/file", 0, WASI_O_CREAT | WASI_O_EXCL, ALL_RIGHTS, &fd), WASI_OK);
	EQUAL(write_(fd, "text"), WASI_OK);
	EQUAL(open_(3, "dir/file", 0, WASI_O_CREAT | WASI_O_EXCL, ALL_RIGHTS, &dir), WASI_EXIST);
	EQUAL(open_(3, "dir", 0, 0, ALL_RIGHTS, &dir), WASI_ISDIR);
	EQUAL(open_(3, "dir/file", 0, WASI_O_DIRECTORY, READ_RIGHTS, &dir), WASI_NOTDIR);
	EQUAL(try_open("dir/file/", 0), WASI_NOTDIR);
	EQUAL(try_open("dir/file/x", 0), WASI_NOTDIR);
	EQUAL(stat_(3, "dir", 0), WASI_TYPE_DIRECTORY);
	EQUAL(stat_(3, "dir/file", 0), WASI_TYPE_REGULAR_FILE);
	EQUAL(get_u64(RESULT + WASI_FILESTAT_BYTES), 4);
	EQUAL(set_times_(3, "dir/file", 0), WASI_OK);
	EQUAL(stat_(3, "dir/file", 0), WASI_TYPE_REGULAR_FILE);
	EQUAL(get_u64(RESULT + WASI_FILESTAT_BYTES + 16), 1000000000); /* in steps of 100 ns */
	/* Removing and renaming, with the file open. */
	EQUAL(rmdir_(3, "dir"), WASI_NOTEMPTY);
	EQUAL(unlink_(3, "dir/sub"), WASI_ISDIR);
	EQUAL(rmdir_(3, "dir/file"), WASI_NOTDIR);
	EQUAL(rename_(3, "dir/file", 3, "moved"), WASI_OK);
	EQUAL(rename_(3, "moved", 3, "dir/sub"), WASI_ISDIR);
	EQUAL(rename_(3, "dir/sub", 3, "moved"), WASI_NOTDIR);
	EQUAL(wasi_snapshot_preview1_fd_seek(view, fd, 0, WASI_WHENCE_SET, RESULT), WASI_OK);
	EQUAL(read_(fd, text, sizeof text), WASI_OK);
	CHECK(strcmp(text, "text") == 0);
	EQUAL(close_(fd), WASI_OK); /* wine, and Windows before 10, can't replace what is open */
	host_file("inside/other", "other");
	EQUAL(rename_(3, "other", 3, "moved"), WASI_OK);
	CHECK(host_holds("inside/moved", "other"));
	EQUAL(mkdir_(3, "empty"), WASI_OK);
	EQUAL(rename_(3, "dir", 3, "empty"), WASI_OK);
	EQUAL(stat_(3, "empty/sub", 0), WASI_TYPE_DIRECTORY);
	EQUAL(link_(3, "moved", 3, "empty/linked"), WASI_OK);
	EQUAL(link_(3, "moved", 3, "empty/linked"), WASI_EXIST);
	CHECK(host_holds("inside/empty/linked", "other"));
	EQUAL(open_(3, "empty", 0, WASI_O_DIRECTORY, ALL_RIGHTS & ~(int64_t)WASI_RIGHT_FD_WRITE, &dir), WASI_OK);
	EQUAL(unlink_(dir, "linked"), WASI_OK);
	EQUAL(unlink_(dir, "linked"), WASI_NOENT);
	EQUAL(try_open("../outside/secret", 0), WASI_PERM);
	EQUAL(open_(dir, "../moved", 0, 0, READ_RIGHTS, &fd), WASI_PERM);
	EQUAL(close_(dir), WASI_OK);
	/* No links. */
	EQUAL(symlink_("moved", 3, "link"), WASI_NOTSUP);
	EQUAL(symlink_("moved", 3, "moved"), WASI_EXIST);
	EQUAL(readlink_(3, "moved", text, sizeof text), WASI_INVAL);
	EQUAL(rmdir_(3, "empty/sub"), WASI_OK);
	EQUAL(rmdir_(3, "empty"), WASI_OK);
	end_world();
}

void windows_listing(void)
{
	int32_t count = 0;
	uint64_t cookie = 0;
	char name[32];
	begin_world();
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof name, "inside/entry%d", i);
		host_file(name, "");
	}
	MUST(mkdir("inside/sub", 0755) == 0);
	for (uint32_t used = 4096; used == 4096;) {
		EQUAL(wasi_snapshot_preview1_fd_readdir(view, 3, BUFFER, 4096, (int64_t)cookie, RESULT), WASI_OK);
		used = get_u32(RESULT);
		for (uint32_t at = 0; used - at >= WASI_DIRENT_SIZE;) {
			int32_t entry = BUFFER + (int32_t)at;
			uint32_t length = get_u32(entry + WASI_DIRENT_NAMLEN);
			if (used - at - WASI_DIRENT_SIZE < length)
				break;
			bool directory = length <= 3;
			EQUAL(memory[entry + WASI_DIRENT_TYPE], directory ? WASI_TYPE_DIRECTORY : WASI_TYPE_REGULAR_FILE);
			cookie = get_u64(entry + WASI_DIRENT_NEXT);
			count++;
			at += WASI_DIRENT_SIZE + length;
		}
	}
	EQUAL(count, 303);
	end_world();
}

void windows_stdio(void)
{
	HANDLE in[2], out[2];
	char text[16];
	DWORD moved;
	MUST(CreatePipe(&in[0], &in[1], NULL, 0) && CreatePipe(&out[0], &out[1], NULL, 0));
	pal_wasi_options options = { .use_stdio = 1, .stdio = { (int)(intptr_t)in[0], (int)(intptr_t)out[1], -1 } };
	begin_world_with(&options);
	EQUAL(write_(1, "out"), WASI_OK);
	MUST(ReadFile(out[0], text, sizeof text, &moved, NULL) && moved == 3 && memcmp(text, "out", 3) == 0);
	MUST(WriteFile(in[1], "in", 2, &moved, NULL));
	EQUAL(read_(0, text, sizeof text), WASI_OK);
	CHECK(strcmp(text, "in") == 0);
	EQUAL(write_(2, "x"), WASI_BADF);
	EQUAL(wasi_snapshot_preview1_fd_fdstat_set_flags(view, 0, WASI_FD_NONBLOCK), WASI_OK);
	EQUAL(read_(0, text, sizeof text), WASI_AGAIN);
	EQUAL(wasi_snapshot_preview1_fd_seek(view, 0, 0, WASI_WHENCE_CUR, RESULT), WASI_SPIPE);
	EQUAL(wasi_snapshot_preview1_sock_shutdown(view, 0, WASI_SHUT_RD), WASI_NOTSOCK);
	host_close((int)(intptr_t)in[1]);
	EQUAL(read_(0, text, sizeof text), WASI_OK);
	EQUAL(get_u32(RESULT), 0); /* the end */
	host_close((int)(intptr_t)out[0]);
	EQUAL(write_(1, "out"), WASI_PIPE);
	end_world();
	CloseHandle(in[0]);
	CloseHandle(out[1]);
}

/* `:ro`: nothing below changes, by whatever call. */
void windows_read_only(void)
{
	static const pal_wasi_dir dirs[] = { { "inside", "/", 1 }, { "outside", "/out", 0 } };
	pal_wasi_options options = { .dirs = dirs, .dir_count = 2 };
	int32_t fd;
	begin_world_with(&options);
	host_file("inside/file", "file");
	MUST(mkdir("inside/dir", 0755) == 0);
	static const char *const names[] = { "file", "FILE", "./file", "dir/../file" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		const char *name = names[i];
		EQUAL(open_(3, name, 0, 0, ALL_RIGHTS, &fd), WASI_ROFS);
		EQUAL(open_(3, name, 0, WASI_O_TRUNC, READ_RIGHTS, &fd), WASI_ROFS);
		EQUAL(open_(3, name, 0, WASI_O_CREAT | WASI_O_EXCL, READ_RIGHTS, &fd), WASI_EXIST);
		EQUAL(unlink_(3, name), WASI_ROFS);
		EQUAL(rename_(3, name, 3, "new"), WASI_ROFS);
		EQUAL(rename_(3, name, 4, "new"), WASI_ROFS);
		EQUAL(rename_(4, "secret", 3, name), WASI_ROFS);
		EQUAL(link_(3, name, 4, "new"), WASI_ROFS); /* or the file could be written through the new name */
		EQUAL(set_times_(3, name, FOLLOW), WASI_ROFS);
		EQUAL(open_(3, name, 0, 0, READ_RIGHTS, &fd), WASI_OK);
		EQUAL(write_(fd, "x"), WASI_BADF);
		EQUAL(wasi_snapshot_preview1_fd_filestat_set_size(view, fd, 0), WASI_ROFS);
		EQUAL(wasi_snapshot_preview1_fd_filestat_set_times(view, fd, 0, 0, WASI_FST_MTIM), WASI_ROFS);
		EQUAL(wasi_snapshot_preview1_fd_allocate(view, fd, 0, 100), WASI_ROFS);
		EQUAL(close_(fd), WASI_OK);
	}
	EQUAL(open_(3, "new", 0, WASI_O_CREAT, READ_RIGHTS, &fd), WASI_ROFS);
	EQUAL(mkdir_(3, "new"), WASI_ROFS);
	EQUAL(rmdir_(3, "dir"), WASI_ROFS);
	EQUAL(link_(4, "secret", 3, "new"), WASI_ROFS);
	CHECK(host_holds("inside/file", "file") && host_holds("outside/secret", "secret") && access("inside/dir", F_OK) == 0);
	CHECK(access("inside/new", F_OK) != 0 && access("outside/new", F_OK) != 0);
	end_world();
}

/* What was opened stays what it is, wherever it is moved; its parent is nobody's. */
void windows_moved(void)
{
	int32_t dir, fd;
	begin_world();
	MUST(mkdir("inside/dir", 0755) == 0 && mkdir("inside/dir/sub", 0755) == 0);
	host_file("inside/dir/file", "mine");
	EQUAL(open_(3, "dir", 0, WASI_O_DIRECTORY, READ_RIGHTS, &dir), WASI_OK);
	EQUAL(stat_(dir, "SUB/..", FOLLOW), WASI_TYPE_DIRECTORY);
	EQUAL(stat_(dir, "sub/../../secret", FOLLOW), -WASI_PERM);
	if (rename("inside/dir", "outside/dir") == 0) { /* Windows refuses it while something below is open */
		EQUAL(stat_(dir, "file", FOLLOW), WASI_TYPE_REGULAR_FILE);
		EQUAL(stat_(3, "dir", FOLLOW), -WASI_NOENT);
	}
	EQUAL(stat_(dir, "..", FOLLOW), -WASI_PERM);
	EQUAL(stat_(dir, "../secret", FOLLOW), -WASI_PERM);
	CHECK(stat_(dir, "sub/../../secret", FOLLOW) < 0); /* wine no longer finds `sub` */
	EQUAL(open_(dir, "..", FOLLOW, WASI_O_DIRECTORY, READ_RIGHTS, &fd), WASI_PERM);
	EQUAL(close_(dir), WASI_OK);
	end_world();
}

void windows_long_names(void)
{
	static char name[5000];
	begin_world();
	memset(name, 'x', 256);
	EQUAL(try_open(name, FOLLOW), WASI_NAMETOOLONG);
	EQUAL(mkdir_(3, name), WASI_NAMETOOLONG);
	for (int i = 0; i < 255; i++)
		memcpy(name + 3 * i, "\xe2\x82\xac", 4); /* units count, not bytes */
	EQUAL(try_open(name, FOLLOW), WASI_NOENT);
	strcat(name, "x");
	EQUAL(try_open(name, FOLLOW), WASI_NAMETOOLONG);
	for (int i = 0; i < 4500; i += 2)
		memcpy(name + i, "./", 3);
	EQUAL(try_open(name, FOLLOW), WASI_NAMETOOLONG);
	static const char *const bad[] = { "\x80", "a\xff", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		EQUAL(try_open(bad[i], FOLLOW), WASI_ILSEQ);
		EQUAL(mkdir_(3, bad[i]), WASI_ILSEQ);
	}
	/* A NUL inside would make the host see another name. */
	int32_t at = put_text("xxxxxxxx");
	memcpy(memory + at, "a\0../x", 6);
	EQUAL(wasi_snapshot_preview1_path_create_directory(view, 3, at, 6), WASI_INVAL);
	end_world();
}

/* Wine says of Unix's mounts that they are reparse points, as Windows' own mounts are: they are not entered. */
void windows_mounts(void)
{
	static const pal_wasi_dir dirs[] = { { "inside", "/", 0 }, { "Z:/", "/unix", 0 } };
	pal_wasi_options options = { .dirs = dirs, .dir_count = 2 };
	int32_t fd;
	if (access("Z:/proc/version", F_OK) != 0) {
		fprintf(stderr, "left out: mounts: none is known here\n");
		return;
	}
	begin_world_with(&options);
	EQUAL(stat_(4, "proc", NOFOLLOW), WASI_TYPE_SYMBOLIC_LINK);
	CHECK(stat_(4, "proc", FOLLOW) < 0 && stat_(4, "proc/version", FOLLOW) < 0 && stat_(4, "proc/../proc/version", NOFOLLOW) < 0);
	CHECK(open_(4, "proc/version", FOLLOW, 0, READ_RIGHTS, &fd) != WASI_OK);
	CHECK(open_(4, "proc", FOLLOW, 0, READ_RIGHTS, &fd) != WASI_OK);
	CHECK(open_(4, "proc", NOFOLLOW, WASI_O_DIRECTORY, READ_RIGHTS, &fd) != WASI_OK);
	CHECK(rmdir_(4, "proc") != WASI_OK && unlink_(4, "proc") != WASI_OK);
	EQUAL(stat_(4, "tmp/..", FOLLOW), WASI_TYPE_DIRECTORY);
	EQUAL(wasi_snapshot_preview1_fd_readdir(view, 4, BUFFER, 4096, 0, RESULT), WASI_OK); /* which is a mount itself */
	end_world();
}

/* A junction leads out: it is neither followed nor shown what it leads to. */
void windows_links(void)
{
	begin_world();
	if (system("mklink /J inside\\junction outside >NUL 2>NUL") != 0 || access("inside/junction/secret", F_OK) != 0) {
		fprintf(stderr, "left out: junctions: can't be made here\n");
		end_world();
		return;
	}
	CHECK(try_open("junction/secret", FOLLOW) != WASI_OK);
	CHECK(try_open("junction", FOLLOW) != WASI_OK);
	EQUAL(stat_(3, "junction", NOFOLLOW), WASI_TYPE_SYMBOLIC_LINK);
	end_world();
}
#endif
