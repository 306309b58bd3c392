/* See guest.h. */
#include "guest.h"

#if defined(__x86_64__)
/* Compiled code's own convention is the same everywhere; what C calls and what calls C is the platform's. */
#ifdef _WIN32
#define CFI(text)
#define TO_C "\tmov %r15, %rcx\n\tsub $32, %rsp\n\tcall *%rax\n"
#define FROM_C "\tmov %rcx, %r15\n\tmov %rdx, %rdi\n\tcall *%r8\n"
#define ENTER ".seh_proc guest_enter\n"
#define SAVE(register) "\tpush " register "\n\t.seh_pushreg " register "\n"
#define SAVED ".seh_endprologue\n"
#define LEFT ".seh_endproc\n"
#define OTHERS_SAVED SAVE("%rdi") SAVE("%rsi")
#define OTHERS_RESTORED "\tpop %rsi\n\tpop %rdi\n"
#else
#define CFI(text) text
#define TO_C "\tmov %r15, %rdi\n\tcall *%rax\n"
#define FROM_C "\tmov %rdi, %r15\n\tmov %rsi, %rdi\n\tcall *%rdx\n"
#define ENTER
#define SAVE(register) "\tpush " register "\n"
#define SAVED
#define LEFT
#define OTHERS_SAVED
#define OTHERS_RESTORED
#endif
#ifdef _WIN32
#define FUNCTION(name) ".seh_endproc\n.globl " #name "\n.seh_proc " #name "\n" #name ":\n" \
	SAVE("%rbp") "\tmov %rsp, %rbp\n\t.seh_setframe %rbp, 0\n" SAVED
#define BEFORE ".seh_proc guest_text\n	nop\n" SAVED
#else
#define FUNCTION(name) ".globl " #name "\n" #name ":\n push %rbp\n mov %rsp, %rbp\n"
#define BEFORE
#endif
#define SITE(name) ".globl " #name "\n" #name ":\n"
__asm__(
".text\n"
".globl guest_text\nguest_text:\n"
BEFORE
CFI("	.cfi_startproc\n"
"	.cfi_def_cfa_offset 16\n"
"	.cfi_offset %rbp, -16\n"
"	.cfi_def_cfa_register %rbp\n") /* right everywhere but in prologues and epilogues */
FUNCTION(guest_load) /* i32.load8_u of the address */
"	mov %edi, %edi\n"
SITE(guest_load_site)
"	movzbl (%r15,%rdi), %eax\n"
"	pop %rbp\n	ret\n"
FUNCTION(guest_unreachable)
SITE(guest_unreachable_site)
"	ud2\n"
FUNCTION(guest_call) /* its return address is the next function's start */
"	call guest_unreachable\n"
SITE(guest_call_site)
FUNCTION(guest_recurse)
"	sub $64, %rsp\n"
"	call guest_recurse\n"
SITE(guest_recurse_site) /* a call's return address and a trap at once */
"	ud2\n"
FUNCTION(guest_divide)
"	mov $7, %eax\n"
"	cltd\n"
SITE(guest_divide_site)
"	idivl %edi\n"
"	pop %rbp\n	ret\n"
FUNCTION(guest_null)
SITE(guest_null_site)
"	mov 16(%rdi), %rax\n"
"	pop %rbp\n	ret\n"
FUNCTION(guest_stray) /* traps, but is no site */
"	ud2\n"
FUNCTION(guest_check)
SITE(guest_check_site)
"	ud2\n"
FUNCTION(guest_c) /* calls a C function with P */
"	mov %rdi, %rax\n"
"	xor %ebx, %ebx\n	xor %r12d, %r12d\n	xor %r13d, %r13d\n	xor %r14d, %r14d\n"
TO_C
SITE(guest_c_site)
"	leave\n	ret\n"
LEFT
".globl guest_functions_end\nguest_functions_end:\n"
CFI("	.cfi_endproc\n")
/* Wasm functions may change all registers, so the entry stub saves them and says so to unwinders. */
".globl guest_enter\nguest_enter:\n"
CFI("	.cfi_startproc\n"
"	.cfi_def_cfa %rbp, 16\n"
"	.cfi_offset %rbp, -16\n"
"	.cfi_offset %r15, -24\n	.cfi_offset %rbx, -32\n	.cfi_offset %r12, -40\n"
"	.cfi_offset %r13, -48\n	.cfi_offset %r14, -56\n")
ENTER
SAVE("%rbp")
"	mov %rsp, %rbp\n"
SAVE("%r15") SAVE("%rbx") SAVE("%r12") SAVE("%r13") SAVE("%r14")
OTHERS_SAVED
SAVE("%rax") /* 8 bytes, so that sp is a multiple of 16 */
SAVED
FROM_C
"	add $8, %rsp\n"
OTHERS_RESTORED
"	pop %r14\n	pop %r13\n	pop %r12\n	pop %rbx\n	pop %r15\n	pop %rbp\n	ret\n"
LEFT
CFI("	.cfi_endproc\n")
".globl guest_text_end\nguest_text_end:\n"
);
#elif defined(__aarch64__)
#define FUNCTION(name) ".globl " #name "\n" #name ":\n stp x29, x30, [sp, #-16]!\n mov x29, sp\n"
#define SITE(name) ".globl " #name "\n" #name ":\n"
#define END "	ldp x29, x30, [sp], #16\n	ret\n"
__asm__(
".text\n"
".globl guest_text\nguest_text:\n"
"	.cfi_startproc\n"
"	.cfi_def_cfa 29, 16\n"
"	.cfi_offset 29, -16\n"
"	.cfi_offset 30, -8\n"
FUNCTION(guest_load)
SITE(guest_load_site)
"	ldrb w0, [x21, w0, uxtw]\n"
END
FUNCTION(guest_unreachable)
SITE(guest_unreachable_site)
"	udf #0xc11f\n"
FUNCTION(guest_call)
"	bl guest_unreachable\n"
SITE(guest_call_site)
FUNCTION(guest_recurse)
"	sub sp, sp, #64\n"
"	bl guest_recurse\n"
SITE(guest_recurse_site)
"	udf #0xc11f\n"
FUNCTION(guest_divide)
"	cbnz w0, 1f\n"
SITE(guest_divide_site)
"	brk #1\n"
"1:	mov w1, #7\n	sdiv w0, w1, w0\n"
END
FUNCTION(guest_null)
SITE(guest_null_site)
"	ldr x0, [x0, #16]\n"
END
FUNCTION(guest_stray)
"	udf #1\n"
FUNCTION(guest_check)
SITE(guest_check_site)
"	udf #0xc11f\n"
FUNCTION(guest_c)
"	mov x9, x0\n	mov x0, x21\n"
"	mov x19, #0\n	mov x20, #0\n	mov x28, #0\n	movi d8, #0\n	movi d15, #0\n"
"	blr x9\n"
SITE(guest_c_site)
END
".globl guest_functions_end\nguest_functions_end:\n"
"	.cfi_endproc\n"
/* Wasm functions may change all registers, so the entry stub saves them and says so to unwinders. */
".globl guest_enter\nguest_enter:\n"
"	.cfi_startproc\n"
"	.cfi_def_cfa 29, 64\n"
"	.cfi_offset 29, -64\n	.cfi_offset 30, -56\n"
"	.cfi_offset 21, -48\n	.cfi_offset 19, -40\n	.cfi_offset 20, -32\n	.cfi_offset 28, -24\n"
"	.cfi_offset 72, -16\n	.cfi_offset 79, -8\n"
"	stp x29, x30, [sp, #-64]!\n	mov x29, sp\n"
"	stp x21, x19, [sp, #16]\n	stp x20, x28, [sp, #32]\n	stp d8, d15, [sp, #48]\n"
"	mov x21, x0\n	mov x0, x1\n	blr x2\n"
"	ldp x21, x19, [sp, #16]\n	ldp x20, x28, [sp, #32]\n	ldp d8, d15, [sp, #48]\n"
"	ldp x29, x30, [sp], #64\n	ret\n"
"	.cfi_endproc\n"
".globl guest_text_end\nguest_text_end:\n"
);
#endif
