/* Pages of a memory: see palisade.h for what hosts call. */
#ifndef PAL_MAPPING_H
#define PAL_MAPPING_H
#include "palisade.h"
#include <stdbool.h>

#pragma GCC visibility push(hidden)

/* Begins to note what each page is, unless that is done already. Under the memory's lock. False: no memory for it. */
bool pal_memory_note_pages(struct pal_memory *);
/* The pages of a new virtual memory. False: no memory. */
bool pal_memory_begin_virtual(struct pal_memory *);
/* A virtual memory becomes `size` bytes large. False: nothing has changed. */
bool pal_memory_add_pages(struct pal_memory *, uint64_t size);
/* Another memory with noted pages has become `size` bytes large: the new ones are accessible. Room was reserved. */
void pal_memory_note_growth(struct pal_memory *, uint64_t size);
/* Copies all pages with their protections to `to`, which is accessible. False: the memory is as it was. */
bool pal_memory_copy_pages(struct pal_memory *, uint8_t *to);
/* Maps what is not mapped of the pages that hold a range, as far as that lies inside the memory. False: no room. */
bool pal_memory_map_for(struct pal_memory *, uint64_t addr, uint64_t size);
/* As pal_memory_discard; where it fails, *culprit is the address that the trap names. */
pal_status pal_memory_try_discard(struct pal_memory *, uint64_t addr, uint64_t size, uint64_t *culprit);
/* Shows pages of the memory's object at [from, to) of the memory. */
bool pal_memory_show_object(struct pal_memory *, uint64_t from, uint64_t to, uint64_t offset, pal_prot);
/* Gives back pages of the object that no run shows any more. */
void pal_memory_release_object(struct pal_memory *, uint64_t offset, uint64_t pages);
/* What errno says that the OS had against it. */
pal_status pal_memory_os_error(void);
/* Shows pages of a file, privately, that are part of what the memory begins as. `addr`, `size`: whole host pages inside it.
 * False: nothing has changed. */
bool pal_memory_show_file(struct pal_memory *, uint64_t addr, uint64_t size, int file, uint64_t offset);
/* Writes zeros to a range that may be written; ends early where a file has become shorter than its mapping. */
void pal_memory_zero(struct pal_memory *, uint64_t addr, uint64_t size);

#pragma GCC visibility pop
#endif
