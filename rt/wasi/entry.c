/* Making, removing, renaming and linking directory entries. Each finds its place in the sandbox first, then acts on one
 * component of one directory, which no symbolic link can redirect. Trailing slashes are judged here: behind a name
 * they would make the host follow it. */
#include "os.h"
#include "descriptor.h"
#include "guest.h"
#include "host_error.h"
#include "path.h"
#include "preview1.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A guest's directory and path, resolved. */
struct spot {
	struct pal_wasi_file *file;
	struct pal_wasi_place place;
};

/* Reads a path and finds its place below descriptor `fd`, which must have `right`. On success the caller ends with
 * leave. */
static int32_t find(PAL_WASI_VIEW, int32_t fd, uint64_t right, bool change, int32_t path, int32_t length,
                    enum pal_wasi_last last, struct spot *out)
{
	struct pal_wasi_text text;
	int32_t error = pal_wasi_use_directory(view->wasi, fd, right, change, &out->file);
	if (error)
		return error;
	error = pal_wasi_get_path(view, &text, path, length);
	if (!error) {
		error = pal_wasi_locate(out->file->host, text.text, last, &out->place);
		pal_wasi_drop_path(&text);
	}
	if (error)
		pal_wasi_unpin(out->file);
	return error;
}

static void leave(struct spot *spot)
{
	pal_wasi_leave(&spot->place);
	pal_wasi_unpin(spot->file);
}

/* 0, or what errno says of a host call's result. */
static int32_t result_of(int result)
{
	return result ? pal_wasi_errno(errno) : WASI_OK;
}

/* OK for a directory, NOTDIR for another entry, NOENT for none. Links are not followed. */
static int32_t is_directory(const struct pal_wasi_place *place)
{
	struct stat status;
	if (fstatat(place->directory, place->name, &status, AT_SYMLINK_NOFOLLOW))
		return pal_wasi_errno(errno);
	return S_ISDIR(status.st_mode) ? WASI_OK : WASI_NOTDIR;
}

/* What making something that is no directory under a name with a slash behind comes to: EXIST for a directory, else
 * NOTDIR or NOENT. */
static int32_t no_slash(const struct pal_wasi_place *place)
{
	if (!place->slash)
		return WASI_OK;
	int32_t error = is_directory(place);
	return error ? error : WASI_EXIST;
}

int32_t wasi_snapshot_preview1_path_create_directory(PAL_WASI_VIEW, int32_t fd, int32_t path, int32_t length)
{
	struct spot spot;
	int32_t error = find(view, fd, WASI_RIGHT_PATH_CREATE_DIRECTORY, true, path, length, PAL_WASI_ENTRY, &spot);
	if (error)
		return error;
	error = result_of(mkdirat(spot.place.directory, spot.place.name, 0777));
	leave(&spot);
	return error;
}

int32_t wasi_snapshot_preview1_path_remove_directory(PAL_WASI_VIEW, int32_t fd, int32_t path, int32_t length)
{
	struct spot spot;
	int32_t error = find(view, fd, WASI_RIGHT_PATH_REMOVE_DIRECTORY, true, path, length, PAL_WASI_ENTRY, &spot);
	if (error)
		return error;
	error = result_of(unlinkat(spot.place.directory, spot.place.name, AT_REMOVEDIR));
	leave(&spot);
	return error;
}

int32_t wasi_snapshot_preview1_path_unlink_file(PAL_WASI_VIEW, int32_t fd, int32_t path, int32_t length)
{
	struct spot spot;
	int32_t error = find(view, fd, WASI_RIGHT_PATH_UNLINK_FILE, true, path, length, PAL_WASI_ENTRY, &spot);
	if (error)
		return error;
	if (spot.place.slash)
		error = is_directory(&spot.place); /* NOTDIR or NOENT; for a directory the host says what is wrong with it */
	if (!error)
		error = result_of(unlinkat(spot.place.directory, spot.place.name, 0));
	leave(&spot);
	return error;
}

int32_t wasi_snapshot_preview1_path_rename(PAL_WASI_VIEW, int32_t old_fd, int32_t old_path, int32_t old_length,
                                           int32_t new_fd, int32_t new_path, int32_t new_length)
{
	struct spot old, new;
	int32_t error = find(view, old_fd, WASI_RIGHT_PATH_RENAME_SOURCE, true, old_path, old_length, PAL_WASI_ENTRY, &old);
	if (error)
		return error;
	error = find(view, new_fd, WASI_RIGHT_PATH_RENAME_TARGET, true, new_path, new_length, PAL_WASI_ENTRY, &new);
	if (!error) {
		if (old.place.slash || new.place.slash)
			error = is_directory(&old.place);
		if (!error)
			error = result_of(renameat(old.place.directory, old.place.name, new.place.directory, new.place.name));
		leave(&new);
	}
	leave(&old);
	return error;
}

int32_t wasi_snapshot_preview1_path_link(PAL_WASI_VIEW, int32_t old_fd, int32_t lookup, int32_t old_path,
                                         int32_t old_length, int32_t new_fd, int32_t new_path, int32_t new_length)
{
	struct spot old, new;
	/* The source is checked for being changeable, too: a second name for a file below a read-only directory would let
	 * the file be written. */
	int32_t error = find(view, old_fd, WASI_RIGHT_PATH_LINK_SOURCE, true, old_path, old_length, PAL_WASI_OBJECT, &old);
	if (error)
		return error;
	error = find(view, new_fd, WASI_RIGHT_PATH_LINK_TARGET, true, new_path, new_length, PAL_WASI_ENTRY, &new);
	if (!error) {
		/* Following a last link is refused, as by Wasmtime. */
		error = lookup ? WASI_INVAL : no_slash(&new.place);
		if (!error)
			error = result_of(linkat(old.place.directory, old.place.name, new.place.directory, new.place.name, 0));
		leave(&new);
	}
	leave(&old);
	return error;
}

int32_t wasi_snapshot_preview1_path_symlink(PAL_WASI_VIEW, int32_t target, int32_t target_length, int32_t fd,
                                            int32_t path, int32_t length)
{
	struct spot spot;
	struct pal_wasi_text text;
	int32_t error = find(view, fd, WASI_RIGHT_PATH_SYMLINK, true, path, length, PAL_WASI_ENTRY, &spot);
	if (error)
		return error;
	error = pal_wasi_get_path(view, &text, target, target_length);
	if (!error) {
		/* An absolute target could mean nothing to the guest, and on the host anything. */
		error = *text.text == '/' ? WASI_PERM : no_slash(&spot.place);
		if (!error)
			error = result_of(symlinkat(text.text, spot.place.directory, spot.place.name));
		pal_wasi_drop_path(&text);
	}
	leave(&spot);
	return error;
}

/* Copies what the link holds, as much as there is room for. Absolute targets are the host's: PERM, as in Wasmtime. */
static int32_t put_target(PAL_WASI_VIEW, const struct pal_wasi_place *place, int32_t buffer, uint32_t size,
                          int32_t result)
{
	char *target = malloc(PATH_MAX);
	if (!target)
		return WASI_NOMEM;
	ssize_t length = readlinkat(place->directory, place->name, target, PATH_MAX);
	int32_t error = length < 0 ? pal_wasi_errno(errno) : length && *target == '/' ? WASI_PERM : WASI_OK;
	if (!error) {
		uint32_t used = (uint64_t)length < size ? (uint32_t)length : size; /* length is at most PATH_MAX */
		error = pal_wasi_put(view, (uint32_t)buffer, target, used);
		if (!error)
			error = pal_wasi_put_u32(view, result, used);
	}
	free(target);
	return error;
}

int32_t wasi_snapshot_preview1_path_readlink(PAL_WASI_VIEW, int32_t fd, int32_t path, int32_t length,
                                             int32_t buffer, int32_t size, int32_t result)
{
	struct spot spot;
	int32_t error = find(view, fd, WASI_RIGHT_PATH_READLINK, false, path, length, PAL_WASI_OBJECT, &spot);
	if (error)
		return error;
	error = pal_wasi_room(view, buffer, (uint32_t)size);
	if (!error)
		error = put_target(view, &spot.place, buffer, (uint32_t)size, result);
	leave(&spot);
	return error;
}
