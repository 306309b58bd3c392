/* palisade/mman.h: mmap and its family for C programs whose memory 0 is virtual (palisade … --memory 0:virtual): anonymous
 * memory, and files by WASI descriptors. Pages to map must be free: the heap's and the stack's are not, so reserve a
 * range first (malloc, then munmap), or link with a maximum above what is used and grow. */
#ifndef PALISADE_MMAN_H
#define PALISADE_MMAN_H
#include "guest.h"
#include <errno.h>
#include <sys/types.h>

#define PROT_NONE 0
#define PROT_READ 1
#define PROT_WRITE 2
#define PROT_EXEC 4
#define MAP_SHARED 1
#define MAP_PRIVATE 2
#define MAP_FIXED 16
#define MAP_ANONYMOUS 32
#define MAP_ANON MAP_ANONYMOUS
#define MAP_FAILED ((void *)-1)
#define MADV_NORMAL 0
#define MADV_DONTNEED 4

static inline size_t pal_mman_round(size_t size)
{
	size_t page = (size_t)pal_page_size();
	return (size + page - 1) & ~(page - 1);
}

static inline int pal_mman_result(int32_t error)
{
	if (error == 0)
		return 0;
	errno = error;
	return -1;
}

static inline int32_t pal_mman_prot(int prot)
{
	return prot & PROT_WRITE ? PAL_PROT_READ_WRITE : prot & PROT_READ ? PAL_PROT_READ : PAL_PROT_NONE;
}

/* The pages at `at` become the file's. */
static inline void *pal_mman_file(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	int32_t error = pal_unmap(at, size);
	if (error == 0)
		error = pal_map_file(at, size, fd, (uint64_t)offset, pal_mman_prot(prot), flags & MAP_SHARED ? 1 : 0);
	return pal_mman_result(error) == 0 ? at : MAP_FAILED;
}

static inline void *mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	if (prot & PROT_EXEC) {
		errno = ENOTSUP;
		return MAP_FAILED;
	}
	size_t rounded = pal_mman_round(size);
	if (rounded == 0 || rounded < size || offset < 0 || offset & (pal_page_size() - 1)) {
		errno = EINVAL;
		return MAP_FAILED;
	}
	if (!(flags & MAP_ANONYMOUS)) {
		void *room = flags & MAP_FIXED ? at : pal_map_any(rounded, PAL_PROT_NONE);
		if (room != MAP_FAILED)
			return pal_mman_file(room, rounded, prot, flags, fd, offset);
		errno = ENOMEM;
		return MAP_FAILED;
	}
	if (!(flags & MAP_FIXED)) {
		void *found = pal_map_any(rounded, pal_mman_prot(prot));
		if (found == MAP_FAILED)
			errno = ENOMEM;
		return found;
	}
	int32_t error = pal_unmap(at, rounded);
	if (error == 0)
		error = pal_map(at, rounded, pal_mman_prot(prot));
	return pal_mman_result(error) == 0 ? at : MAP_FAILED;
}

static inline int munmap(void *at, size_t size)
{
	return pal_mman_result(pal_unmap(at, pal_mman_round(size)));
}

static inline int mprotect(void *at, size_t size, int prot)
{
	return pal_mman_result(pal_protect(at, pal_mman_round(size), pal_mman_prot(prot)));
}

/* MADV_DONTNEED: zeros, and the memory goes back. Others are hints without effect. */
static inline int madvise(void *at, size_t size, int advice)
{
	if (advice == MADV_DONTNEED)
		pal_discard(at, pal_mman_round(size));
	return 0;
}
#endif
