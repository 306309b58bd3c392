/* x86-64, System V calling convention (on Windows, too: PAL_ASSEMBLY); see arch.h. */
#include "arch.h"
#ifdef __x86_64__

/* What unwinders are told: by CFI, or by Windows' SEH directives, which describe the same pushes in order. There, the
 * caller of a function of this convention has saved what else C wants kept: rsi, rdi, xmm6 to xmm15. */
#ifdef _WIN32
#define BEGIN(name) "\t.seh_proc " PAL_SYMBOL(name) "\n"
#define PUSH_FRAME "\tpush %rbp\n\t.seh_pushreg %rbp\n\tmov %rsp, %rbp\n\t.seh_setframe %rbp, 0\n"
#define PUSH(register, offset) "\tpush " register "\n\t.seh_pushreg " register "\n"
#define ROOM(bytes) "\tsub $" bytes ", %rsp\n\t.seh_stackalloc " bytes "\n"
#define BODY "\t.seh_endprologue\n"
#define AT_RETURN
#define END "\t.seh_endproc\n"
/* To C: the fourth argument is in r9, the fifth on the stack above 32 bytes of the callee's. */
#define TRY_ROOM "56"
#define TRY_ARGUMENTS "\tmov %rdi, %rcx\n\tmov %rsi, %rdx\n\tmov %rbp, %r8\n"
#define THROW_ARGUMENTS ROOM("48") BODY "\tmov %rbp, %r9\n\tlea 48(%rsp), %rax\n\tmov %rax, 32(%rsp)\n"
#define LEAF /* what has no entry is a leaf */
#define LEAF_END
#else
#define BEGIN(name) "\t.cfi_startproc\n\tendbr64\n"
#define PUSH_FRAME \
	"\tpush %rbp\n\t.cfi_def_cfa_offset 16\n\t.cfi_offset %rbp, -16\n\tmov %rsp, %rbp\n\t.cfi_def_cfa_register %rbp\n"
#define PUSH(register, offset) "\tpush " register "\n\t.cfi_offset " register ", " offset "\n"
#define ROOM(bytes) "\tsub $" bytes ", %rsp\n"
#define BODY
#define AT_RETURN "\t.cfi_def_cfa %rsp, 8\n"
#define END "\t.cfi_endproc\n"
#define TRY_ROOM "24"
#define TRY_ARGUMENTS "\tmov %rbp, %rdx\n"
#define THROW_ARGUMENTS "\tmov %rbp, %rcx\n\tmov %rsp, %r8\n"
#define LEAF BEGIN(leaf)
#define LEAF_END END
#endif

__asm__(
".text\n"
".p2align 4\n"
/* pal_trap pal_try_frame(void (*fn)(void *), void *arg)
 * All callee-saved registers go into the frame: wasm code and the frames a trap skips may have changed any of them. */
PAL_GLOBAL(pal_try_frame)
BEGIN(pal_try_frame)
PUSH_FRAME
PUSH("%rbx", "-24")
PUSH("%r12", "-32")
PUSH("%r13", "-40")
PUSH("%r14", "-48")
PUSH("%r15", "-56")
ROOM(TRY_ROOM)                    /* the cookie at -48; sp is a multiple of 16 */
BODY
TRY_ARGUMENTS
"	call " PAL_SYMBOL(pal_try_run) "\n"
PAL_INNER(pal_try_land)
"	lea -40(%rbp), %rsp\n"
"	pop %r15\n"
"	pop %r14\n"
"	pop %r13\n"
"	pop %r12\n"
"	pop %rbx\n"
"	pop %rbp\n"
AT_RETURN
"	ret\n"
END

/* void pal_try_resume(void *frame, pal_trap kind) */
PAL_GLOBAL(pal_try_resume)
"	endbr64\n"
"	mov %rdi, %rbp\n"
"	mov %esi, %eax\n"
"	jmp " PAL_SYMBOL(pal_try_land) "\n"

#ifndef _WIN32
/* void pal_switch_stack(void *top, void (*fn)(void *), void *arg) */
PAL_GLOBAL(pal_switch_stack)
BEGIN(pal_switch_stack)
PUSH_FRAME
"	mov %rdi, %rsp\n"
"	mov %rdx, %rdi\n"
"	call *%rsi\n"
"	mov %rbp, %rsp\n"
"	pop %rbp\n"
AT_RETURN
"	ret\n"
END
#endif

/* void pal_rt_throw(void *pinned, uint32_t tag, const void *values), pal_rt_throw_ref(void *pinned, uint64_t exnref):
 * the same in throw.c, with two more arguments: the frame pointer, and the registers to be unwound. */
#define THROW(name, throw) \
PAL_PUBLIC(name) \
BEGIN(name) \
PUSH_FRAME \
PUSH("%r14", "-24") \
PUSH("%r13", "-32") \
PUSH("%r12", "-40") \
PUSH("%rbx", "-48") /* sp is a multiple of 16 */ \
THROW_ARGUMENTS \
"	call " PAL_SYMBOL(throw) "\n" \
"	ud2\n" /* Windows looks return addresses up as they are: this one must lie in this function */ \
END
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
 * the port reads them there. */
PAL_GLOBAL(pal_copy_begin)
PAL_INNER(pal_copy_forward)
LEAF
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
/* Word by word, where they are aligned: a fault ends rep stosb at any byte, and other threads would see halves. */
PAL_INNER(pal_copy_fill)
"	endbr64\n"
"	mov %rcx, %r9\n"
"	movzbl %sil, %eax\n"
"	movabs $0x0101010101010101, %rcx\n"
"	imul %rcx, %rax\n"
"5:	test $7, %edi\n"              /* bytes up to the first word */
"	jz 6f\n"
"	test %rdx, %rdx\n"
"	jz 8f\n"
"	mov %al, (%rdi)\n"
"	add $1, %rdi\n"
"	sub $1, %rdx\n"
"	jmp 5b\n"
"6:	mov %rdx, %rcx\n"
"	shr $3, %rcx\n"
"	rep stosq\n"
"7:	test $7, %edx\n"              /* and behind the last one */
"	jz 8f\n"
"	mov %al, (%rdi)\n"
"	add $1, %rdi\n"
"	sub $1, %rdx\n"
"	jmp 7b\n"
"8:	xor %eax, %eax\n"
PAL_INNER(pal_copy_fault)
"	ret\n"
LEAF_END
PAL_INNER(pal_copy_end)
);

#endif
typedef int pal_arch_x86_64_is_not_empty; /* ISO C wants a declaration in every file */
