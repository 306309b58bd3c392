/* Registers of a thread that a signal has stopped: part of port_posix.c. */
#ifndef PAL_PORT_REGISTERS_H
#define PAL_PORT_REGISTERS_H
#include "port.h"

#pragma GCC visibility push(hidden)

/* `context`: what the OS has given the signal's handler. */
struct pal_machine pal_port_read_registers(const void *context);
/* Sets pc, sp, fp and result. */
void pal_port_write_registers(void *context, const struct pal_machine *);

#pragma GCC visibility pop
#endif
