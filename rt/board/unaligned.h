/* Accesses that memory mapped as a device's refuses. */
#ifndef PAL_BOARD_UNALIGNED_H
#define PAL_BOARD_UNALIGNED_H
#include "palisade/board.h"

#pragma GCC visibility push(hidden)

/* Makes the access at frame->pc, in compiled code, whose checks have passed, and goes on behind it. False: it is none that
 * is known. */
bool pal_board_unaligned(pal_board_frame *);

#pragma GCC visibility pop
#endif
