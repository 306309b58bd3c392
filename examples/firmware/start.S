/* From reset to main, and the exceptions: for EL1, as QEMU's virt begins. */
	.section .text.start, "ax"
	.globl _start
_start:
	mov x0, #3 << 20        /* CPACR_EL1.FPEN: compiled code uses floating-point registers */
	msr cpacr_el1, x0
	adrp x0, vectors
	add x0, x0, :lo12:vectors
	msr vbar_el1, x0
	isb
	adrp x0, stack_high
	add x0, x0, :lo12:stack_high
	mov sp, x0
	adrp x0, bss_low
	add x0, x0, :lo12:bss_low
	adrp x1, bss_high
	add x1, x1, :lo12:bss_high
1:	cmp x0, x1
	b.hs 2f
	stp xzr, xzr, [x0], #16
	b 1b
2:	mov x29, xzr            /* backtraces end here */
	mov x30, xzr
	bl main
3:	wfi
	b 3b

	.text
	.p2align 11
vectors:
	.rept 4                 /* on SP_EL0: not used */
	b unexpected
	.p2align 7
	.endr
	b synchronous
	.p2align 7
	.rept 11                /* interrupts, and what comes from below EL1: none here */
	b unexpected
	.p2align 7
	.endr

/* A pal_board_frame (palisade/board.h) on the stack, where compiled code has left room for it. Floating-point registers
 * stay as they are: the runtime uses none. */
synchronous:
	sub sp, sp, #288
	stp x0, x1, [sp]
	stp x2, x3, [sp, #16]
	stp x4, x5, [sp, #32]
	stp x6, x7, [sp, #48]
	stp x8, x9, [sp, #64]
	stp x10, x11, [sp, #80]
	stp x12, x13, [sp, #96]
	stp x14, x15, [sp, #112]
	stp x16, x17, [sp, #128]
	stp x18, x19, [sp, #144]
	stp x20, x21, [sp, #160]
	stp x22, x23, [sp, #176]
	stp x24, x25, [sp, #192]
	stp x26, x27, [sp, #208]
	stp x28, x29, [sp, #224]
	add x0, sp, #288
	stp x30, x0, [sp, #240]
	mrs x0, elr_el1
	mrs x1, esr_el1
	stp x0, x1, [sp, #256]
	mrs x0, far_el1
	str x0, [sp, #272]
	mov x0, sp
	bl pal_board_exception
	cbz w0, unexpected
	ldr x0, [sp, #256]
	msr elr_el1, x0
	/* x0 and x1 go to just below the new stack pointer, which is not below the old one; that is found at [sp]. */
	ldr x0, [sp, #248]
	ldp x2, x3, [sp]
	stp x2, x3, [x0, #-16]!
	str x0, [sp]
	ldp x2, x3, [sp, #16]
	ldp x4, x5, [sp, #32]
	ldp x6, x7, [sp, #48]
	ldp x8, x9, [sp, #64]
	ldp x10, x11, [sp, #80]
	ldp x12, x13, [sp, #96]
	ldp x14, x15, [sp, #112]
	ldp x16, x17, [sp, #128]
	ldp x18, x19, [sp, #144]
	ldp x20, x21, [sp, #160]
	ldp x22, x23, [sp, #176]
	ldp x24, x25, [sp, #192]
	ldp x26, x27, [sp, #208]
	ldp x28, x29, [sp, #224]
	ldr x30, [sp, #240]
	ldr x0, [sp]
	mov sp, x0
	ldp x0, x1, [sp], #16
	eret

unexpected:
	mrs x0, esr_el1
	mrs x1, elr_el1
	mrs x2, far_el1
	bl unexpected_exception
	b .
