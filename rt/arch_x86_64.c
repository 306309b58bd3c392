/* x86-64, System V calling convention; see arch.h. */
#include "arch.h"
#ifdef __x86_64__

__asm__(
".text\n"
".p2align 4\n"
/* pal_trap pal_try_frame(void (*fn)(void *), void *arg)
 * All callee-saved registers go into the frame: wasm code and the frames a trap skips may have changed any of them. */
PAL_GLOBAL(pal_try_frame)
"	.cfi_startproc\n"
"	endbr64\n"
"	push %rbp\n"
"	.cfi_def_cfa_offset 16\n"
"	.cfi_offset %rbp, -16\n"
"	mov %rsp, %rbp\n"
"	.cfi_def_cfa_register %rbp\n"
"	push %rbx\n"
"	push %r12\n"
"	push %r13\n"
"	push %r14\n"
"	push %r15\n"
"	.cfi_offset %rbx, -24\n"
"	.cfi_offset %r12, -32\n"
"	.cfi_offset %r13, -40\n"
"	.cfi_offset %r14, -48\n"
"	.cfi_offset %r15, -56\n"
"	sub $24, %rsp\n"               /* the cookie at -48; sp is a multiple of 16 */
"	mov %rbp, %rdx\n"
"	call " PAL_SYMBOL(pal_try_run) "\n"
PAL_INNER(pal_try_land)
"	lea -40(%rbp), %rsp\n"
"	pop %r15\n"
"	pop %r14\n"
"	pop %r13\n"
"	pop %r12\n"
"	pop %rbx\n"
"	pop %rbp\n"
"	.cfi_def_cfa %rsp, 8\n"
"	ret\n"
"	.cfi_endproc\n"

/* void pal_try_resume(void *frame, pal_trap kind) */
PAL_GLOBAL(pal_try_resume)
"	endbr64\n"
"	mov %rdi, %rbp\n"
"	mov %esi, %eax\n"
"	jmp " PAL_SYMBOL(pal_try_land) "\n"

/* void pal_switch_stack(void *top, void (*fn)(void *), void *arg) */
PAL_GLOBAL(pal_switch_stack)
"	.cfi_startproc\n"
"	endbr64\n"
"	push %rbp\n"
"	.cfi_def_cfa_offset 16\n"
"	.cfi_offset %rbp, -16\n"
"	mov %rsp, %rbp\n"
"	.cfi_def_cfa_register %rbp\n"
"	mov %rdi, %rsp\n"
"	mov %rdx, %rdi\n"
"	call *%rsi\n"
"	mov %rbp, %rsp\n"
"	pop %rbp\n"
"	.cfi_def_cfa %rsp, 8\n"
"	ret\n"
"	.cfi_endproc\n"

/* void pal_rt_throw(void *pinned, uint32_t tag, const void *values), pal_rt_throw_ref(void *pinned, uint64_t exnref):
 * the same in throw.c, with the frame pointer and the registers to be unwound in rcx, r8. */
#define THROW(name, throw) \
PAL_PUBLIC(name) \
"	.cfi_startproc\n" \
"	endbr64\n" \
"	push %rbp\n" \
"	.cfi_def_cfa_offset 16\n" \
"	.cfi_offset %rbp, -16\n" \
"	mov %rsp, %rbp\n" \
"	.cfi_def_cfa_register %rbp\n" \
"	push %r14\n" \
"	push %r13\n" \
"	push %r12\n" \
"	push %rbx\n" /* sp is a multiple of 16 */ \
"	mov %rbp, %rcx\n" \
"	mov %rsp, %r8\n" \
"	call " PAL_SYMBOL(throw) "\n" \
"	.cfi_endproc\n"
THROW(pal_rt_throw, pal_throw)
THROW(pal_rt_throw_ref, pal_throw_ref)

/* void pal_land(const struct pal_landing *) */
PAL_GLOBAL(pal_land)
"	endbr64\n"
"	mov 48(%rdi), %rbx\n"
"	mov 56(%rdi), %r12\n"
"	mov 64(%rdi), %r13\n"
"	mov 72(%rdi), %r14\n"
"	mov 0(%rdi), %rcx\n"
"	mov 16(%rdi), %rbp\n"
"	mov 24(%rdi), %r15\n"
"	mov 32(%rdi), %rax\n"
"	mov 40(%rdi), %rdx\n"
"	mov 8(%rdi), %rsp\n"
"	jmp *%rcx\n"

/* Guarded copies: (rdi to, rsi from, rdx size, rcx base, r8 bytes). While they touch memory, r9 = base, r8 = bytes:
 * port_registers.c reads them there. */
PAL_GLOBAL(pal_copy_begin)
PAL_INNER(pal_copy_forward)
"	.cfi_startproc\n"
"	endbr64\n"
"	mov %rcx, %r9\n"
"	mov %rdx, %rcx\n"
"	rep movsb\n"
"	xor %eax, %eax\n"
"	ret\n"
PAL_INNER(pal_copy_backward)
"	endbr64\n"
"	mov %rcx, %r9\n"
"1:	cmp $8, %rdx\n"
"	jb 2f\n"
"	sub $8, %rdx\n"
"	mov (%rsi,%rdx), %rax\n"
"	mov %rax, (%rdi,%rdx)\n"
"	jmp 1b\n"
"2:	test %rdx, %rdx\n"
"	jz 3f\n"
"	sub $1, %rdx\n"
"	movzbl (%rsi,%rdx), %eax\n"
"	mov %al, (%rdi,%rdx)\n"
"	jmp 2b\n"
"3:	xor %eax, %eax\n"
"	ret\n"
PAL_INNER(pal_copy_word)
"	endbr64\n"
"	mov %rcx, %r9\n"
"	cmp $8, %rdx\n"
"	je 4f\n"
"	mov (%rsi), %eax\n"
"	mov %eax, (%rdi)\n"
"	xor %eax, %eax\n"
"	ret\n"
"4:	mov (%rsi), %rax\n"
"	mov %rax, (%rdi)\n"
"	xor %eax, %eax\n"
"	ret\n"
PAL_INNER(pal_copy_fill)
"	endbr64\n"
"	mov %rcx, %r9\n"
"	mov %rdx, %rcx\n"
"	mov %esi, %eax\n"
"	rep stosb\n"
"	xor %eax, %eax\n"
PAL_INNER(pal_copy_fault)
"	ret\n"
"	.cfi_endproc\n"
PAL_INNER(pal_copy_end)
);

#endif
typedef int pal_arch_x86_64_is_not_empty; /* ISO C wants a declaration in every file */
