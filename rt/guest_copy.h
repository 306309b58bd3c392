/* The runtime's only way to guest bytes. Guest addresses and lengths come as 64-bit numbers and are checked here
 * against the memory's size at this moment; faults on protected pages end the copy, not the host. */
#ifndef PAL_GUEST_COPY_H
#define PAL_GUEST_COPY_H
#include "palisade.h"
#include <stdbool.h>

/* Copies [from, from + size) of the memory to `to`. False if the range is not inside the memory or a page forbids
 * reading; `to` may then be partly written. Size 0 inside or at the end of the memory is fine. */
bool pal_guest_read(const pal_memory *, void *to, uint64_t from, uint64_t size);
/* Copies to [to, to + size) of the memory. False if out of range or protected; part may have been written. */
bool pal_guest_write(pal_memory *, uint64_t to, const void *from, uint64_t size);
/* For buffers given to system calls, which report forbidden pages as EFAULT themselves: the host address of
 * [addr, addr + size), or NULL if that is not inside the memory or protected to the byte, as far as `write` matters. Never dereference it in user space. */
void *pal_guest_range(const pal_memory *, uint64_t addr, uint64_t size, bool write);
#endif
