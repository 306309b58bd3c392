/* Synchronous exceptions: what signals are elsewhere. */
#include "board.h"
#include "fault.h"
#include "last_trap.h"
#include "site.h"
#include "trap.h"
#include "unaligned.h"

/* Exception classes in ESR_ELx, and the fault status of an alignment fault: Arm Architecture Reference Manual, D17.2.37. */
enum { CLASS_UNKNOWN = 0x00, CLASS_ABORT = 0x25, CLASS_BREAKPOINT = 0x3c, STATUS = 0x3f, STATUS_ALIGNMENT = 0x21 };
enum { CLASS_SHIFT = 26, CLASS_MASK = 0x3f };
#define NO_ADDRESS ((uint64_t)1 << 10) /* FAR_ELx is not valid */

static struct pal_machine read_registers(const pal_board_frame *frame)
{
	return (struct pal_machine){
		.pc = frame->pc, .sp = frame->sp, .fp = frame->x[29],
		.pinned = frame->x[21], .copy_base = frame->x[3], .copy_bytes = frame->x[4], .result = frame->x[0],
	};
}

static void write_registers(pal_board_frame *frame, const struct pal_machine *machine)
{
	frame->pc = machine->pc;
	frame->sp = machine->sp;
	frame->x[29] = machine->fp;
	frame->x[0] = machine->result;
}

/* Compiled code has no other instructions that touch a guest's memory, but if it had. */
static _Noreturn void unaligned(void)
{
	pal_raise(PAL_TRAP_HOST, "unaligned access to memory that is mapped as a device's");
}

bool pal_board_exception(pal_board_frame *frame)
{
	uint64_t class = frame->esr >> CLASS_SHIFT & CLASS_MASK;
	bool access = class == CLASS_ABORT && !(frame->esr & NO_ADDRESS);
	if (!access && class != CLASS_UNKNOWN && class != CLASS_BREAKPOINT)
		return false;
	uint32_t offset;
	if (access && (frame->esr & STATUS) == STATUS_ALIGNMENT) {
		if (!pal_code_find(frame->pc, &offset))
			return false;
		if (!pal_board_unaligned(frame))
			frame->pc = (uint64_t)(uintptr_t)unaligned; /* on the stack of the code, whose frames stay as they are */
		return true;
	}
	struct pal_machine machine = read_registers(frame);
	if (!pal_trap_fault(access ? PAL_FAULT_ACCESS : PAL_FAULT_TRAP, access ? frame->far : 0, &machine))
		return false;
	write_registers(frame, &machine);
	return true;
}
