/* palisade/board.h: for firmware, on machines without an operating system (--target aarch64-unknown-none).
 *
 * Before anything of palisade.h the firmware calls pal_board_init once, with floating point enabled (CPACR_EL1), and its
 * exception vector hands synchronous exceptions to pal_board_exception. There is one thread: interrupt handlers may call
 * pal_<mod>_interrupt and nothing else of the runtime. */
#ifndef PALISADE_BOARD_H
#define PALISADE_BOARD_H
#include "../palisade.h"
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes above the low end of the stack that compiled code leaves alone: for C functions that it calls, interrupts and
 * exceptions. */
#define PAL_BOARD_STACK_RESERVE 16384

/* What the firmware can do. NULL: it can't, and guests are told so. */
typedef struct pal_board_port {
	/* Descriptors 1 and 2 of guests, and reports of traps (2). */
	void (*write)(int fd, const void *bytes, size_t length);
	/* Descriptor 0: how many bytes were read, 0 at the end. */
	size_t (*read)(void *bytes, size_t length);
	/* Nanoseconds since some moment; never set back. */
	uint64_t (*now)(void);
	/* Nanoseconds since 1970. */
	uint64_t (*wall_clock)(void);
	/* Fills with unpredictable bytes. False: there are none. */
	bool (*random)(void *bytes, size_t length);
	/* Handles a trap that no pal_try catches, instead of the report that is otherwise written. */
	void (*trapped)(const pal_trap_info *);
	/* The end, which must not return: the status of a guest's proc_exit without a pal_try, 134 after a trap. Without it
	 * the CPU waits for ever. */
	void (*stop)(int status);

	/* With an MMU, so that memories of mode auto do without checks (all of these, or none): */
	/* The size of its pages. */
	size_t page;
	/* Address space in which every access is a data abort: whole pages. NULL: there is no room. */
	void *(*reserve)(size_t bytes);
	/* Puts pages of zeros there. False: there are none left, and nothing has changed. */
	bool (*commit)(void *at, size_t bytes);
	/* Takes back a whole reservation. */
	void (*release)(void *at, size_t bytes);
} pal_board_port;

/* All of it belongs to the runtime from now on; the port stays where it is. */
typedef struct pal_board {
	void *arena;       /* memories, tables, instances: there is no other heap. Any alignment */
	size_t arena_size;
	void *stack_low;   /* the stack that pal_board_init is called on, and all compiled code runs on */
	void *stack_high;
	const pal_board_port *port;
} pal_board;

/* False: the stack is not the present one, or smaller than twice PAL_BOARD_STACK_RESERVE. */
bool pal_board_init(const pal_board *);

/* The arena, in bytes. */
typedef struct pal_board_usage {
	size_t size, used, peak;
} pal_board_usage;
pal_board_usage pal_board_arena(void);

/* The registers that an exception interrupted. */
typedef struct pal_board_frame {
	uint64_t x[31];
	uint64_t sp, pc; /* pc: ELR_ELx */
	uint64_t esr, far; /* of the same exception level */
} pal_board_frame;

/* For the vector of synchronous exceptions from the current exception level. True: it was a trap of a guest; the vector
 * restores all registers of the frame, which have changed, and returns from the exception. Floating-point registers are
 * left alone. False: it was none, and nothing has changed. */
bool pal_board_exception(pal_board_frame *);

#ifdef __cplusplus
}
#endif
#endif
