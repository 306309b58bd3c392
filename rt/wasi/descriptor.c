#include "os.h"
#include "descriptor.h"
#include "directory.h"
#include "rights.h"
#include "stat.h"
#include <stdlib.h>

struct pal_wasi_file *pal_wasi_file_new(int host)
{
	struct stat status;
	struct pal_wasi_file *file = calloc(1, sizeof *file);
	if (!file || fstat(host, &status)) {
		int saved = errno;
		free(file);
		close(host);
		errno = saved;
		return NULL;
	}
	atomic_init(&file->references, 1);
	file->listing_lock = (struct pal_lock)PAL_LOCK_INIT;
	file->host = host;
	file->type = pal_wasi_file_type(host, status.st_mode);
	file->pipe = S_ISFIFO(status.st_mode);
	/* A terminal has no position; wasi-libc's isatty looks for a character device without the rights to seek. */
	file->seekable = S_ISREG(status.st_mode) || S_ISBLK(status.st_mode) || (S_ISCHR(status.st_mode) && !isatty(host));
	return file;
}

void pal_wasi_unpin(struct pal_wasi_file *file)
{
	if (atomic_fetch_sub_explicit(&file->references, 1, memory_order_acq_rel) != 1)
		return;
	int saved = errno;
	close(file->host);
	pal_wasi_listing_drop(file->listing);
	free(file->preopen);
	free(file);
	errno = saved;
}

/* The file at `fd`, or NULL. A negative guest number is a large one, beyond any table. The lock is held. */
static struct pal_wasi_file *at(pal_wasi *wasi, int32_t fd)
{
	uint32_t number = (uint32_t)fd;
	return number < wasi->capacity ? wasi->slots[number] : NULL;
}

int32_t pal_wasi_pin(pal_wasi *wasi, int32_t fd, struct pal_wasi_file **out)
{
	pal_lock(&wasi->lock);
	struct pal_wasi_file *file = at(wasi, fd);
	if (file)
		atomic_fetch_add_explicit(&file->references, 1, memory_order_relaxed);
	pal_unlock(&wasi->lock);
	*out = file;
	return file ? WASI_OK : WASI_BADF;
}

int32_t pal_wasi_check(struct pal_wasi_file *file, uint64_t rights)
{
	uint64_t missing = rights & ~atomic_load_explicit(&file->base, memory_order_relaxed);
	if (!missing)
		return WASI_OK;
	return missing & (WASI_RIGHT_FD_READ | WASI_RIGHT_FD_WRITE) ? WASI_BADF : WASI_NOTCAPABLE;
}

int32_t pal_wasi_use(pal_wasi *wasi, int32_t fd, uint64_t rights, struct pal_wasi_file **out)
{
	int32_t error = pal_wasi_pin(wasi, fd, out);
	if (error)
		return error;
	error = pal_wasi_check(*out, rights);
	if (error)
		pal_wasi_unpin(*out);
	return error;
}

int32_t pal_wasi_use_directory(pal_wasi *wasi, int32_t fd, uint64_t rights, bool change, struct pal_wasi_file **out)
{
	int32_t error = pal_wasi_pin(wasi, fd, out);
	if (error)
		return error;
	if ((*out)->type != WASI_TYPE_DIRECTORY)
		error = WASI_NOTDIR;
	else if (change && (*out)->read_only)
		error = WASI_ROFS;
	else
		error = pal_wasi_check(*out, rights);
	if (error)
		pal_wasi_unpin(*out);
	return error;
}

/* Makes room for number `fd`. The lock is held, or nobody else knows the table yet. */
static int32_t reserve(pal_wasi *wasi, uint32_t fd)
{
	if (fd < wasi->capacity)
		return WASI_OK;
	if (fd >= INT32_MAX / 2)
		return WASI_MFILE;
	uint32_t capacity = wasi->capacity ? wasi->capacity : 16;
	while (capacity <= fd)
		capacity *= 2; /* stays below 2^31 */
	struct pal_wasi_file **slots = realloc(wasi->slots, capacity * sizeof *slots);
	if (!slots)
		return WASI_NOMEM;
	for (uint32_t i = wasi->capacity; i < capacity; i++)
		slots[i] = NULL;
	wasi->slots = slots;
	wasi->capacity = capacity;
	return WASI_OK;
}

int32_t pal_wasi_insert(pal_wasi *wasi, struct pal_wasi_file *file, uint32_t *out)
{
	pal_lock(&wasi->lock);
	uint32_t fd = wasi->lowest > wasi->floor ? wasi->lowest : wasi->floor;
	while (fd < wasi->capacity && wasi->slots[fd])
		fd++;
	int32_t error = reserve(wasi, fd);
	if (!error) {
		wasi->slots[fd] = file;
		wasi->lowest = fd + 1;
		*out = fd;
	}
	pal_unlock(&wasi->lock);
	if (error)
		pal_wasi_unpin(file);
	return error;
}

int32_t pal_wasi_place_at(pal_wasi *wasi, uint32_t fd, struct pal_wasi_file *file)
{
	int32_t error = reserve(wasi, fd);
	if (error)
		pal_wasi_unpin(file);
	else
		wasi->slots[fd] = file;
	return error;
}

/* Takes the file out of its slot. The lock is held. */
static struct pal_wasi_file *take(pal_wasi *wasi, int32_t fd)
{
	struct pal_wasi_file *file = at(wasi, fd);
	if (!file)
		return NULL;
	wasi->slots[fd] = NULL;
	if ((uint32_t)fd < wasi->lowest)
		wasi->lowest = (uint32_t)fd;
	return file;
}

int32_t pal_wasi_close(pal_wasi *wasi, int32_t fd)
{
	pal_lock(&wasi->lock);
	struct pal_wasi_file *file = take(wasi, fd);
	pal_unlock(&wasi->lock);
	if (!file)
		return WASI_BADF;
	pal_wasi_unpin(file); /* outside the lock: close may wait for a disk */
	return WASI_OK;
}

int32_t pal_wasi_renumber(pal_wasi *wasi, int32_t fd, int32_t to)
{
	pal_lock(&wasi->lock);
	struct pal_wasi_file *replaced = at(wasi, to);
	bool both = replaced && at(wasi, fd);
	if (both && fd != to)
		wasi->slots[to] = take(wasi, fd);
	pal_unlock(&wasi->lock);
	if (!both)
		return WASI_BADF;
	if (fd != to)
		pal_wasi_unpin(replaced);
	return WASI_OK;
}

int32_t pal_wasi_shrink_rights(pal_wasi *wasi, struct pal_wasi_file *file, uint64_t base, uint64_t inheriting)
{
	pal_lock(&wasi->lock); /* both change together */
	bool subset = !(base & ~file->base) && !(inheriting & ~file->inheriting);
	if (subset) {
		file->base = base;
		file->inheriting = inheriting;
	}
	pal_unlock(&wasi->lock);
	return subset ? WASI_OK : WASI_NOTCAPABLE;
}

void pal_wasi_close_all(pal_wasi *wasi)
{
	for (uint32_t i = 0; i < wasi->capacity; i++)
		if (wasi->slots[i])
			pal_wasi_unpin(wasi->slots[i]);
	free(wasi->slots);
	wasi->slots = NULL;
	wasi->capacity = 0;
}
