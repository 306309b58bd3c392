/* The board's port, as the firmware gave it. */
#ifndef PAL_BOARD_BOARD_H
#define PAL_BOARD_BOARD_H
#include "palisade/board.h"

#pragma GCC visibility push(hidden)

const pal_board_port *pal_board_port_now(void);
/* Gives a trap that nobody catches to the firmware. False: it has no handler. */
bool pal_board_trapped(const pal_trap_info *);

#pragma GCC visibility pop
#endif
