/* fd_readdir.
 *
 * A cookie must stay meaningful between calls, whatever happens to the directory and whichever cookies the guest comes
 * back with; hosts' telldir/seekdir don't promise that. So reading from cookie 0 takes a listing of the directory, and
 * cookies are positions in it: entries made since are not seen, entries removed since are. The listing lives until
 * the next cookie 0 or until the descriptor is closed. */
#include "os.h"
#include "directory.h"
#include "descriptor.h"
#include "guest.h"
#include "host_error.h"
#include "preview1.h"
#include "stat.h"
#ifndef _WIN32
#include <dirent.h>
#endif
#include <stdlib.h>
#include <string.h>

struct entry {
	uint64_t inode;
	size_t name; /* offset in names */
	uint32_t length;
	uint8_t type;
};

struct pal_wasi_listing {
	struct entry *entries;
	char *names;
	size_t count, room, names_used, names_room;
};

void pal_wasi_listing_drop(struct pal_wasi_listing *listing)
{
	if (!listing)
		return;
	free(listing->entries);
	free(listing->names);
	free(listing);
}

/* Makes room for `more` further items of `size` bytes; false without memory. */
static bool grow(void **items, size_t *room, size_t used, size_t more, size_t size)
{
	if (used + more <= *room)
		return true;
	size_t wanted = (used + more) * 2;
	void *moved = realloc(*items, wanted * size);
	if (!moved)
		return false;
	*items = moved;
	*room = wanted;
	return true;
}

static int32_t add(struct pal_wasi_listing *listing, const char *name, uint64_t inode, uint8_t type)
{
	size_t length = strlen(name);
	void *entries = listing->entries, *names = listing->names;
	bool fits = grow(&entries, &listing->room, listing->count, 1, sizeof(struct entry));
	listing->entries = entries;
	fits = fits && grow(&names, &listing->names_room, listing->names_used, length, 1);
	listing->names = names;
	if (!fits)
		return WASI_NOMEM;
	listing->entries[listing->count++] = (struct entry){ inode, listing->names_used, (uint32_t)length, type };
	memcpy(listing->names + listing->names_used, name, length);
	listing->names_used += length;
	return WASI_OK;
}

/* `.` and `..` come first. `..` gets the directory's own number: the parent's may be outside the sandbox. */
static int32_t add_dots(struct pal_wasi_listing *listing, int directory)
{
	struct stat status;
	if (fstat(directory, &status))
		return pal_wasi_errno(errno);
	int32_t error = add(listing, ".", (uint64_t)status.st_ino, WASI_TYPE_DIRECTORY);
	return error ? error : add(listing, "..", (uint64_t)status.st_ino, WASI_TYPE_DIRECTORY);
}

#ifdef _WIN32
static int add_entry(void *listing, const char *name, uint64_t inode, unsigned mode)
{
	if (!strcmp(name, ".") || !strcmp(name, ".."))
		return 0;
	return add(listing, name, inode, pal_wasi_file_type(-1, (mode_t)mode));
}

static int32_t add_all(struct pal_wasi_listing *listing, int directory)
{
	int32_t error = add_dots(listing, directory);
	int result = error ? error : pal_os_list(directory, add_entry, listing);
	return result == -1 ? pal_wasi_errno(errno) : result;
}
#else
static uint8_t entry_type(int directory, const struct dirent *entry)
{
	switch (entry->d_type) {
	case DT_REG: return WASI_TYPE_REGULAR_FILE;
	case DT_DIR: return WASI_TYPE_DIRECTORY;
	case DT_LNK: return WASI_TYPE_SYMBOLIC_LINK;
	case DT_CHR: return WASI_TYPE_CHARACTER_DEVICE;
	case DT_BLK: return WASI_TYPE_BLOCK_DEVICE;
	case DT_SOCK: return WASI_TYPE_SOCKET_STREAM;
	case DT_FIFO: return WASI_TYPE_UNKNOWN;
	}
	struct stat status; /* the file system does not say */
	if (fstatat(directory, entry->d_name, &status, AT_SYMLINK_NOFOLLOW))
		return WASI_TYPE_UNKNOWN;
	return pal_wasi_file_type(-1, status.st_mode);
}

static int32_t add_stream(struct pal_wasi_listing *listing, DIR *stream)
{
	int directory = dirfd(stream);
	int32_t error = add_dots(listing, directory);
	while (!error) {
		errno = 0;
		const struct dirent *entry = readdir(stream);
		if (!entry)
			return errno ? pal_wasi_errno(errno) : WASI_OK;
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			error = add(listing, entry->d_name, (uint64_t)entry->d_ino, entry_type(directory, entry));
	}
	return error;
}

/* Lists the directory through an open file of our own: the position of `host` is nobody's business. */
static int32_t add_all(struct pal_wasi_listing *listing, int directory)
{
	int own = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (own < 0)
		return pal_wasi_errno(errno);
	DIR *stream = fdopendir(own);
	if (!stream) {
		int32_t error = pal_wasi_errno(errno);
		close(own);
		return error;
	}
	int32_t error = add_stream(listing, stream);
	closedir(stream);
	return error;
}
#endif

static int32_t list(int host, struct pal_wasi_listing **out)
{
	struct pal_wasi_listing *listing = calloc(1, sizeof *listing);
	int32_t error = listing ? add_all(listing, host) : WASI_NOMEM;
	if (error)
		pal_wasi_listing_drop(listing);
	else
		*out = listing;
	return error;
}

/* Writes entries from `cookie` on until the buffer is full, the last one cut off where it ends: a guest recognizes the
 * end of the directory by a buffer that is not full. */
static int32_t put_entries(PAL_WASI_VIEW, const struct pal_wasi_listing *listing, uint64_t cookie,
                           uint32_t buffer, uint32_t size, uint32_t *used)
{
	*used = 0;
	for (uint64_t i = cookie; i < listing->count && *used < size; i++) {
		const struct entry *entry = &listing->entries[i];
		uint8_t head[WASI_DIRENT_SIZE] = { 0 };
		wasi_set_u64(head + WASI_DIRENT_NEXT, i + 1);
		wasi_set_u64(head + WASI_DIRENT_INO, entry->inode);
		wasi_set_u32(head + WASI_DIRENT_NAMLEN, entry->length);
		head[WASI_DIRENT_TYPE] = entry->type;
		uint32_t left = size - *used;
		uint32_t first = left < sizeof head ? left : (uint32_t)sizeof head;
		left -= first;
		uint32_t second = left < entry->length ? left : entry->length;
		int32_t error = pal_wasi_put(view, (uint64_t)buffer + *used, head, first);
		if (!error)
			error = pal_wasi_put(view, (uint64_t)buffer + *used + first, listing->names + entry->name, second);
		if (error)
			return error;
		*used += first + second;
	}
	return WASI_OK;
}

/* The listing is locked: two threads may read one descriptor. */
static int32_t read_locked(PAL_WASI_VIEW, struct pal_wasi_file *file, int32_t buffer, int32_t length,
                           uint64_t cookie, int32_t result)
{
	if (cookie == 0 || !file->listing) {
		struct pal_wasi_listing *fresh = NULL;
		int32_t error = list(file->host, &fresh);
		if (error)
			return error;
		pal_wasi_listing_drop(file->listing);
		file->listing = fresh;
	}
	uint32_t used;
	int32_t error = put_entries(view, file->listing, cookie, (uint32_t)buffer, (uint32_t)length, &used);
	return error ? error : pal_wasi_put_u32(view, result, used);
}

int32_t wasi_snapshot_preview1_fd_readdir(PAL_WASI_VIEW, int32_t fd, int32_t buffer, int32_t length,
                                          int64_t cookie, int32_t result)
{
	struct pal_wasi_file *file;
	int32_t error = pal_wasi_use_directory(view->wasi, fd, WASI_RIGHT_FD_READDIR, false, &file);
	if (error)
		return error;
	error = pal_wasi_room(view, buffer, (uint32_t)length);
	if (!error)
		error = pal_wasi_room(view, result, 4);
	if (!error) {
		pal_lock(&file->listing_lock);
		error = read_locked(view, file, buffer, length, (uint64_t)cookie, result);
		pal_unlock(&file->listing_lock);
	}
	pal_wasi_unpin(file);
	return error;
}
