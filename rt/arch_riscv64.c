/* riscv64, lp64d; see arch.h. As in C's frames, s0 points above the saved ra and s0. */
#include "arch.h"
#if defined(__riscv) && __riscv_xlen == 64

__asm__(
".text\n"
".p2align 2\n"
/* pal_trap pal_try_frame(void (*fn)(void *), void *arg)
 * All callee-saved registers go into the frame: wasm code and the frames a trap skips may have changed any of them. */
PAL_GLOBAL(pal_try_frame)
"	.cfi_startproc\n"
"	addi sp, sp, -208\n"
"	.cfi_def_cfa_offset 208\n"
"	sd ra, 200(sp)\n"
"	sd s0, 192(sp)\n"
"	.cfi_offset ra, -8\n"
"	.cfi_offset s0, -16\n"
"	addi s0, sp, 208\n"
"	.cfi_def_cfa s0, 0\n"
"	sd s1, -24(s0)\n"
"	sd s2, -32(s0)\n"
"	sd s3, -40(s0)\n"
"	sd s4, -48(s0)\n"
"	sd s5, -56(s0)\n"
"	sd s6, -64(s0)\n"
"	sd s7, -72(s0)\n"
"	sd s8, -80(s0)\n"
"	sd s9, -88(s0)\n"
"	sd s10, -96(s0)\n"
"	sd s11, -104(s0)\n"
"	fsd fs0, -112(s0)\n"
"	fsd fs1, -120(s0)\n"
"	fsd fs2, -128(s0)\n"
"	fsd fs3, -136(s0)\n"
"	fsd fs4, -144(s0)\n"
"	fsd fs5, -152(s0)\n"
"	fsd fs6, -160(s0)\n"
"	fsd fs7, -168(s0)\n"
"	fsd fs8, -176(s0)\n"
"	fsd fs9, -184(s0)\n"
"	fsd fs10, -192(s0)\n"
"	fsd fs11, -200(s0)\n"          /* the cookie at -208 */
"	.cfi_offset s1, -24\n"
"	.cfi_offset s2, -32\n"
"	.cfi_offset s3, -40\n"
"	.cfi_offset s4, -48\n"
"	.cfi_offset s5, -56\n"
"	.cfi_offset s6, -64\n"
"	.cfi_offset s7, -72\n"
"	.cfi_offset s8, -80\n"
"	.cfi_offset s9, -88\n"
"	.cfi_offset s10, -96\n"
"	.cfi_offset s11, -104\n"
"	.cfi_offset fs0, -112\n"
"	.cfi_offset fs1, -120\n"
"	.cfi_offset fs2, -128\n"
"	.cfi_offset fs3, -136\n"
"	.cfi_offset fs4, -144\n"
"	.cfi_offset fs5, -152\n"
"	.cfi_offset fs6, -160\n"
"	.cfi_offset fs7, -168\n"
"	.cfi_offset fs8, -176\n"
"	.cfi_offset fs9, -184\n"
"	.cfi_offset fs10, -192\n"
"	.cfi_offset fs11, -200\n"
"	mv a2, s0\n"
"	call " PAL_SYMBOL(pal_try_run) "\n"
PAL_INNER(pal_try_land)
"	addi sp, s0, -208\n"
"	ld s1, -24(s0)\n"
"	ld s2, -32(s0)\n"
"	ld s3, -40(s0)\n"
"	ld s4, -48(s0)\n"
"	ld s5, -56(s0)\n"
"	ld s6, -64(s0)\n"
"	ld s7, -72(s0)\n"
"	ld s8, -80(s0)\n"
"	ld s9, -88(s0)\n"
"	ld s10, -96(s0)\n"
"	ld s11, -104(s0)\n"
"	fld fs0, -112(s0)\n"
"	fld fs1, -120(s0)\n"
"	fld fs2, -128(s0)\n"
"	fld fs3, -136(s0)\n"
"	fld fs4, -144(s0)\n"
"	fld fs5, -152(s0)\n"
"	fld fs6, -160(s0)\n"
"	fld fs7, -168(s0)\n"
"	fld fs8, -176(s0)\n"
"	fld fs9, -184(s0)\n"
"	fld fs10, -192(s0)\n"
"	fld fs11, -200(s0)\n"
"	ld ra, 200(sp)\n"
"	ld s0, 192(sp)\n"
"	.cfi_def_cfa sp, 208\n"
"	addi sp, sp, 208\n"
"	.cfi_def_cfa_offset 0\n"
"	ret\n"
"	.cfi_endproc\n"

/* void pal_try_resume(void *frame, pal_trap kind) */
PAL_GLOBAL(pal_try_resume)
"	mv s0, a0\n"
"	mv a0, a1\n"
"	j " PAL_SYMBOL(pal_try_land) "\n"

/* void pal_switch_stack(void *top, void (*fn)(void *), void *arg) */
PAL_GLOBAL(pal_switch_stack)
"	.cfi_startproc\n"
"	addi sp, sp, -16\n"
"	.cfi_def_cfa_offset 16\n"
"	sd ra, 8(sp)\n"
"	sd s0, 0(sp)\n"
"	.cfi_offset ra, -8\n"
"	.cfi_offset s0, -16\n"
"	addi s0, sp, 16\n"
"	.cfi_def_cfa s0, 0\n"
"	mv sp, a0\n"
"	mv a0, a2\n"
"	jalr a1\n"
"	addi sp, s0, -16\n"
"	ld ra, 8(sp)\n"
"	ld s0, 0(sp)\n"
"	.cfi_def_cfa sp, 16\n"
"	addi sp, sp, 16\n"
"	.cfi_def_cfa_offset 0\n"
"	ret\n"
"	.cfi_endproc\n"

/* void pal_rt_throw(void *pinned, uint32_t tag, const void *values), pal_rt_throw_ref(void *pinned, uint64_t exnref):
 * the same in throw.c, with the record of their frame and the registers to be unwound in a3, a4. */
#define THROW(name, throw) \
PAL_PUBLIC(name) \
"	.cfi_startproc\n" \
"	addi sp, sp, -208\n" \
"	.cfi_def_cfa_offset 208\n" \
"	sd ra, 200(sp)\n" \
"	sd s0, 192(sp)\n" \
"	.cfi_offset ra, -8\n" \
"	.cfi_offset s0, -16\n" \
"	addi s0, sp, 208\n" \
"	.cfi_def_cfa s0, 0\n" \
"	sd s1, 0(sp)\n" \
"	sd s2, 8(sp)\n" \
"	sd s3, 16(sp)\n" \
"	sd s4, 24(sp)\n" \
"	sd s5, 32(sp)\n" \
"	sd s6, 40(sp)\n" \
"	sd s7, 48(sp)\n" \
"	sd s8, 56(sp)\n" \
"	sd s9, 64(sp)\n" \
"	sd s10, 72(sp)\n" \
"	sd s11, 80(sp)\n" \
"	fsd fs0, 88(sp)\n" \
"	fsd fs2, 96(sp)\n" \
"	fsd fs3, 104(sp)\n" \
"	fsd fs4, 112(sp)\n" \
"	fsd fs5, 120(sp)\n" \
"	fsd fs6, 128(sp)\n" \
"	fsd fs7, 136(sp)\n" \
"	fsd fs8, 144(sp)\n" \
"	fsd fs9, 152(sp)\n" \
"	fsd fs10, 160(sp)\n" \
"	fsd fs11, 168(sp)\n" \
"	sd zero, 176(sp)\n" \
"	addi a3, s0, -16\n" \
"	mv a4, sp\n" \
"	call " PAL_SYMBOL(throw) "\n" \
"	.cfi_endproc\n"
THROW(pal_rt_throw, pal_throw)
THROW(pal_rt_throw_ref, pal_throw_ref)

/* void pal_land(const struct pal_landing *) */
PAL_GLOBAL(pal_land)
"	ld s1, 48(a0)\n"
"	ld s2, 56(a0)\n"
"	ld s3, 64(a0)\n"
"	ld s4, 72(a0)\n"
"	ld s5, 80(a0)\n"
"	ld s6, 88(a0)\n"
"	ld s7, 96(a0)\n"
"	ld s8, 104(a0)\n"
"	ld s9, 112(a0)\n"
"	ld s10, 120(a0)\n"
"	ld s11, 128(a0)\n"
"	fld fs0, 136(a0)\n"
"	fld fs2, 144(a0)\n"
"	fld fs3, 152(a0)\n"
"	fld fs4, 160(a0)\n"
"	fld fs5, 168(a0)\n"
"	fld fs6, 176(a0)\n"
"	fld fs7, 184(a0)\n"
"	fld fs8, 192(a0)\n"
"	fld fs9, 200(a0)\n"
"	fld fs10, 208(a0)\n"
"	fld fs11, 216(a0)\n"
"	ld t0, 0(a0)\n"
"	ld t1, 8(a0)\n"
"	ld s0, 16(a0)\n"
"	ld a1, 40(a0)\n"
"	ld a0, 32(a0)\n"
"	mv sp, t1\n"
"	jr t0\n"

/* Guarded copies: (a0 to, a1 from, a2 size, a3 base, a4 bytes); a3 and a4 stay as they are: port_registers.c reads them.
 * Words where both are aligned, so that no access of ours is emulated; bytes otherwise. Overlap is fine in the right
 * direction: what a step overwrites, it or a step before has read. */
PAL_GLOBAL(pal_copy_begin)
PAL_INNER(pal_copy_forward)
"	.cfi_startproc\n"
"	li t2, 8\n"
"	xor t0, a0, a1\n"
"	andi t0, t0, 7\n"
"	bnez t0, 3f\n"
"1:	andi t0, a0, 7\n"              /* bytes up to the first word */
"	beqz t0, 2f\n"
"	beqz a2, 4f\n"
"	lbu t1, 0(a1)\n"
"	sb t1, 0(a0)\n"
"	addi a0, a0, 1\n"
"	addi a1, a1, 1\n"
"	addi a2, a2, -1\n"
"	j 1b\n"
"2:	bltu a2, t2, 3f\n"
"	ld t1, 0(a1)\n"
"	sd t1, 0(a0)\n"
"	addi a0, a0, 8\n"
"	addi a1, a1, 8\n"
"	addi a2, a2, -8\n"
"	j 2b\n"
"3:	beqz a2, 4f\n"
"	lbu t1, 0(a1)\n"
"	sb t1, 0(a0)\n"
"	addi a0, a0, 1\n"
"	addi a1, a1, 1\n"
"	addi a2, a2, -1\n"
"	j 3b\n"
"4:	li a0, 0\n"
"	ret\n"
PAL_INNER(pal_copy_backward)
"	li t2, 8\n"
"	add a0, a0, a2\n"
"	add a1, a1, a2\n"
"	xor t0, a0, a1\n"
"	andi t0, t0, 7\n"
"	bnez t0, 3f\n"
"1:	andi t0, a0, 7\n"
"	beqz t0, 2f\n"
"	beqz a2, 4f\n"
"	lbu t1, -1(a1)\n"
"	sb t1, -1(a0)\n"
"	addi a0, a0, -1\n"
"	addi a1, a1, -1\n"
"	addi a2, a2, -1\n"
"	j 1b\n"
"2:	bltu a2, t2, 3f\n"
"	ld t1, -8(a1)\n"
"	sd t1, -8(a0)\n"
"	addi a0, a0, -8\n"
"	addi a1, a1, -8\n"
"	addi a2, a2, -8\n"
"	j 2b\n"
"3:	beqz a2, 4f\n"
"	lbu t1, -1(a1)\n"
"	sb t1, -1(a0)\n"
"	addi a0, a0, -1\n"
"	addi a1, a1, -1\n"
"	addi a2, a2, -1\n"
"	j 3b\n"
"4:	li a0, 0\n"
"	ret\n"
PAL_INNER(pal_copy_word)
"	li t2, 8\n"
"	beq a2, t2, 1f\n"
"	lw t1, 0(a1)\n"
"	fence r, rw\n"
"	sw t1, 0(a0)\n"
"	li a0, 0\n"
"	ret\n"
"1:	ld t1, 0(a1)\n"
"	fence r, rw\n"
"	sd t1, 0(a0)\n"
"	li a0, 0\n"
"	ret\n"
PAL_INNER(pal_copy_fill)
"	li t2, 8\n"
"	andi a1, a1, 0xff\n"
"	slli t1, a1, 8\n"              /* the byte eight times */
"	or a1, a1, t1\n"
"	slli t1, a1, 16\n"
"	or a1, a1, t1\n"
"	slli t1, a1, 32\n"
"	or a1, a1, t1\n"
"1:	andi t0, a0, 7\n"
"	beqz t0, 2f\n"
"	beqz a2, 4f\n"
"	sb a1, 0(a0)\n"
"	addi a0, a0, 1\n"
"	addi a2, a2, -1\n"
"	j 1b\n"
"2:	bltu a2, t2, 3f\n"
"	sd a1, 0(a0)\n"
"	addi a0, a0, 8\n"
"	addi a2, a2, -8\n"
"	j 2b\n"
"3:	beqz a2, 4f\n"
"	sb a1, 0(a0)\n"
"	addi a0, a0, 1\n"
"	addi a2, a2, -1\n"
"	j 3b\n"
"4:	li a0, 0\n"
PAL_INNER(pal_copy_fault)
"	ret\n"
"	.cfi_endproc\n"
PAL_INNER(pal_copy_end)

/* int pal_probe_vectors(void): reads vlenb (csrr t0, 0xc22, which an older assembler does not know). */
PAL_GLOBAL(pal_probe_vectors)
"	.cfi_startproc\n"
"	li a0, 1\n"
PAL_INNER(pal_probe_site)
"	.word 0xc22022f3\n"
PAL_INNER(pal_probe_end)
"	ret\n"
"	.cfi_endproc\n"
);

#endif
typedef int pal_arch_riscv64_is_not_empty; /* ISO C wants a declaration in every file */
