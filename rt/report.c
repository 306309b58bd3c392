/* See report.h. The first line begins with "palisade: trap: " and the kind's text; then one line a frame:
 *     0: app!parse at 0x1f3
 * with the module, the function and the instruction's offset in the wasm file. */
#include "report.h"
#include "last_trap.h"
#include "port.h"
#ifdef PAL_BOARD
#include "board/board.h"
#endif
#include "text.h"
#include "thread.h"
#include <string.h>

static void print_reason(const struct pal_trap_info *trap)
{
	char line[sizeof pal_self.message + 128];
	struct pal_text text = pal_text_in(line, sizeof line);
	const char *kind = pal_trap_text(trap->kind), *message = trap->message;
	pal_text_add(&text, "palisade: trap: ");
	if (strncmp(message, kind, strlen(kind)) != 0) {
		pal_text_add(&text, kind);
		pal_text_add(&text, ": ");
	}
	pal_text_add(&text, message);
	pal_port_print(line, (size_t)(text.at - line));
	pal_port_print("\n", 1);
}

static void print_frame(const struct pal_frame *frame, int number)
{
	char line[512];
	struct pal_text text = pal_text_in(line, sizeof line);
	pal_text_add(&text, number < 10 ? "    " : "   ");
	pal_text_decimal(&text, (uint64_t)number);
	pal_text_add(&text, ": ");
	pal_text_name(&text, frame->module);
	pal_text_add(&text, "!");
	if (frame->function[0]) {
		pal_text_name(&text, frame->function);
	} else {
		pal_text_add(&text, "func[");
		pal_text_decimal(&text, frame->index);
		pal_text_add(&text, "]");
	}
	if (frame->offset) {
		pal_text_add(&text, " at ");
		pal_text_hex(&text, frame->offset);
	}
	pal_text_add(&text, "\n");
	pal_port_print(line, (size_t)(text.at - line));
}

void pal_report(void)
{
#ifdef PAL_BOARD
	if (pal_board_trapped(&pal_self.trap))
		return;
#endif
	const struct pal_thread *thread = &pal_self;
	print_reason(&thread->trap);
	for (int i = 0; i < thread->frame_count; i++)
		print_frame(&thread->frames[i], i);
	if (thread->frames_cut)
		pal_port_print("    ...\n", 8);
}
