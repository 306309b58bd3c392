/* fd_readdir's view of a directory. */
#ifndef PAL_WASI_DIRECTORY_H
#define PAL_WASI_DIRECTORY_H

struct pal_wasi_listing;

/* NULL is fine. */
void pal_wasi_listing_drop(struct pal_wasi_listing *);
#endif
