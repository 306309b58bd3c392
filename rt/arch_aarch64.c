/* aarch64, AAPCS64; see arch.h. `hint #34` is `bti c`. */
#include "arch.h"
#ifdef __aarch64__

__asm__(
#ifdef PAL_BOARD /* whose C does without these registers */
".arch_extension fp\n"
#endif
".text\n"
".p2align 4\n"
/* pal_trap pal_try_frame(void (*fn)(void *), void *arg)
 * All callee-saved registers go into the frame: wasm code and the frames a trap skips may have changed any of them. */
PAL_GLOBAL(pal_try_frame)
"	.cfi_startproc\n"
"	hint #34\n"
"	stp x29, x30, [sp, #-176]!\n"
"	.cfi_def_cfa_offset 176\n"
"	.cfi_offset 29, -176\n"
"	.cfi_offset 30, -168\n"
"	mov x29, sp\n"
"	.cfi_def_cfa_register 29\n"
"	stp x19, x20, [x29, #16]\n"
"	stp x21, x22, [x29, #32]\n"
"	stp x23, x24, [x29, #48]\n"
"	stp x25, x26, [x29, #64]\n"
"	stp x27, x28, [x29, #80]\n"
"	stp d8, d9, [x29, #96]\n"
"	stp d10, d11, [x29, #112]\n"
"	stp d12, d13, [x29, #128]\n"
"	stp d14, d15, [x29, #144]\n"
"	.cfi_offset 19, -160\n"
"	.cfi_offset 20, -152\n"
"	.cfi_offset 21, -144\n"
"	.cfi_offset 22, -136\n"
"	.cfi_offset 23, -128\n"
"	.cfi_offset 24, -120\n"
"	.cfi_offset 25, -112\n"
"	.cfi_offset 26, -104\n"
"	.cfi_offset 27, -96\n"
"	.cfi_offset 28, -88\n"
"	.cfi_offset 72, -80\n"         /* d8 … d15 */
"	.cfi_offset 73, -72\n"
"	.cfi_offset 74, -64\n"
"	.cfi_offset 75, -56\n"
"	.cfi_offset 76, -48\n"
"	.cfi_offset 77, -40\n"
"	.cfi_offset 78, -32\n"
"	.cfi_offset 79, -24\n"
"	mov x2, x29\n"                 /* the cookie at 160 */
"	bl " PAL_SYMBOL(pal_try_run) "\n"
PAL_INNER(pal_try_land)
"	mov sp, x29\n"
"	ldp x19, x20, [x29, #16]\n"
"	ldp x21, x22, [x29, #32]\n"
"	ldp x23, x24, [x29, #48]\n"
"	ldp x25, x26, [x29, #64]\n"
"	ldp x27, x28, [x29, #80]\n"
"	ldp d8, d9, [x29, #96]\n"
"	ldp d10, d11, [x29, #112]\n"
"	ldp d12, d13, [x29, #128]\n"
"	ldp d14, d15, [x29, #144]\n"
"	ldp x29, x30, [sp], #176\n"
"	.cfi_def_cfa 31, 0\n"
"	ret\n"
"	.cfi_endproc\n"

/* void pal_try_resume(void *frame, pal_trap kind) */
PAL_GLOBAL(pal_try_resume)
"	hint #34\n"
"	mov x29, x0\n"
"	mov w0, w1\n"
"	b " PAL_SYMBOL(pal_try_land) "\n"

/* void pal_switch_stack(void *top, void (*fn)(void *), void *arg) */
PAL_GLOBAL(pal_switch_stack)
"	.cfi_startproc\n"
"	hint #34\n"
"	stp x29, x30, [sp, #-16]!\n"
"	.cfi_def_cfa_offset 16\n"
"	.cfi_offset 29, -16\n"
"	.cfi_offset 30, -8\n"
"	mov x29, sp\n"
"	.cfi_def_cfa_register 29\n"
"	mov sp, x0\n"
"	mov x0, x2\n"
"	blr x1\n"
"	mov sp, x29\n"
"	ldp x29, x30, [sp], #16\n"
"	.cfi_def_cfa 31, 0\n"
"	ret\n"
"	.cfi_endproc\n"

/* void pal_rt_throw(void *pinned, uint32_t tag, const void *values), pal_rt_throw_ref(void *pinned, uint64_t exnref):
 * the same in throw.c, with the frame pointer and the registers to be unwound in x3, x4. */
#define THROW(name, throw) \
PAL_PUBLIC(name) \
"	.cfi_startproc\n" \
"	hint #34\n" \
"	stp x29, x30, [sp, #-160]!\n" \
"	.cfi_def_cfa_offset 160\n" \
"	.cfi_offset 29, -160\n" \
"	.cfi_offset 30, -152\n" \
"	mov x29, sp\n" \
"	.cfi_def_cfa_register 29\n" \
"	stp x19, x20, [sp, #16]\n" \
"	stp x21, x22, [sp, #32]\n" \
"	stp x23, x24, [sp, #48]\n" \
"	stp x25, x26, [sp, #64]\n" \
"	stp x27, x28, [sp, #80]\n" \
"	stp d8, d9, [sp, #96]\n" \
"	stp d10, d11, [sp, #112]\n" \
"	stp d12, d13, [sp, #128]\n" \
"	stp d14, d15, [sp, #144]\n" \
"	mov x3, x29\n" \
"	add x4, sp, #16\n" \
"	bl " PAL_SYMBOL(throw) "\n" \
"	.cfi_endproc\n"
THROW(pal_rt_throw, pal_throw)
THROW(pal_rt_throw_ref, pal_throw_ref)

/* void pal_land(const struct pal_landing *); x21 is the pinned register. */
PAL_GLOBAL(pal_land)
"	hint #34\n"
"	ldp x19, x20, [x0, #48]\n"
"	ldr x22, [x0, #72]\n"
"	ldp x23, x24, [x0, #80]\n"
"	ldp x25, x26, [x0, #96]\n"
"	ldp x27, x28, [x0, #112]\n"
"	ldp d8, d9, [x0, #128]\n"
"	ldp d10, d11, [x0, #144]\n"
"	ldp d12, d13, [x0, #160]\n"
"	ldp d14, d15, [x0, #176]\n"
"	ldp x16, x2, [x0]\n"
"	ldp x29, x21, [x0, #16]\n"
"	ldp x0, x1, [x0, #32]\n"
"	mov sp, x2\n"
"	br x16\n"

/* Guarded copies: (x0 to, x1 from, x2 size, x3 base, x4 bytes); x3 and x4 stay as they are: port_registers.c reads them.
 * Overlap is fine in the right direction: what a step overwrites, it or a step before has read. */
#ifdef PAL_BOARD /* where memory may be mapped as a device's, which knows no unaligned accesses */
#define WIDE "1:	b 2f\n"
#else
#define WIDE "1:	cmp x2, #16\n	b.lo 2f\n"
#endif
PAL_GLOBAL(pal_copy_begin)
PAL_INNER(pal_copy_forward)
"	.cfi_startproc\n"
"	hint #34\n"
WIDE
"	ldp x5, x6, [x1], #16\n"
"	stp x5, x6, [x0], #16\n"
"	sub x2, x2, #16\n"
"	b 1b\n"
"2:	cbz x2, 3f\n"
"	ldrb w5, [x1], #1\n"
"	strb w5, [x0], #1\n"
"	sub x2, x2, #1\n"
"	b 2b\n"
"3:	mov x0, #0\n"
"	ret\n"
PAL_INNER(pal_copy_backward)
"	hint #34\n"
"	add x0, x0, x2\n"
"	add x1, x1, x2\n"
WIDE
"	ldp x5, x6, [x1, #-16]!\n"
"	stp x5, x6, [x0, #-16]!\n"
"	sub x2, x2, #16\n"
"	b 1b\n"
"2:	cbz x2, 3f\n"
"	ldrb w5, [x1, #-1]!\n"
"	strb w5, [x0, #-1]!\n"
"	sub x2, x2, #1\n"
"	b 2b\n"
"3:	mov x0, #0\n"
"	ret\n"
PAL_INNER(pal_copy_word)
"	hint #34\n"
"	cmp x2, #8\n"
"	b.eq 4f\n"
"	ldar w5, [x1]\n"
"	str w5, [x0]\n"
"	mov x0, #0\n"
"	ret\n"
"4:	ldar x5, [x1]\n"
"	str x5, [x0]\n"
"	mov x0, #0\n"
"	ret\n"
PAL_INNER(pal_copy_fill)
"	hint #34\n"
"	and x5, x1, #0xff\n"
"	mov x6, #0x0101010101010101\n"
"	mul x5, x5, x6\n"
WIDE
"	stp x5, x5, [x0], #16\n"
"	sub x2, x2, #16\n"
"	b 1b\n"
"2:	cbz x2, 3f\n"
"	strb w5, [x0], #1\n"
"	sub x2, x2, #1\n"
"	b 2b\n"
"3:	mov x0, #0\n"
PAL_INNER(pal_copy_fault)
"	ret\n"
"	.cfi_endproc\n"
PAL_INNER(pal_copy_end)
);

#endif
typedef int pal_arch_aarch64_is_not_empty; /* ISO C wants a declaration in every file */
