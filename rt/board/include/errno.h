/* Why the system refused something: there is none, so it is always for want of memory. */
#ifndef PAL_BOARD_ERRNO_H
#define PAL_BOARD_ERRNO_H

enum { ENOMEM = 12, ENOTSUP = 95 };
extern int pal_board_errno __attribute__((visibility("hidden")));
#define errno pal_board_errno
#endif
