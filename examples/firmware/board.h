/* What the firmware has of QEMU's virt machine. */
#ifndef BOARD_H
#define BOARD_H
#include <palisade/board.h>

void print(const char *text);
void print_number(uint64_t number);
_Noreturn void power_off(void);

/* What the linker script says. */
extern char text_low[], text_high[], data_low[], bss_high[], stack_low[], stack_high[], free_low[], free_high[];

/* The functions that guests and the runtime get. */
extern pal_board_port port;
/* Turns the MMU on, and adds to the port what memories with guard pages want; pages come from `pages` on. */
void mmu_begin(char *pages);
#endif
