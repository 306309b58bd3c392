/* What must be written in assembly, one file per architecture: arch_x86_64.c, arch_aarch64.c, arch_riscv64.c. */
#ifndef PAL_ARCH_H
#define PAL_ARCH_H
#include "palisade.h"

#pragma GCC visibility push(hidden)

/* The calling convention of what is assembly: on x86-64 the same everywhere, whatever C uses. */
#if defined(__x86_64__) && defined(_WIN32)
#define PAL_ASSEMBLY __attribute__((sysv_abi))
#else
#define PAL_ASSEMBLY
#endif

/* Where frames of C, and those made here, have their record of {the caller's frame pointer, return address}, from their
 * frame pointer on. In compiled code it is at the frame pointer on every architecture.
 * pal_try_frame's frame is named by its frame pointer; at PAL_TRY_COOKIE a number that try.c puts there to know the frame
 * again; PAL_TRY_SP is its low end. */
#if defined(__x86_64__)
#define PAL_FRAME_RECORD 0
#define PAL_TRY_COOKIE (-48)
#ifdef _WIN32
#define PAL_TRY_SP (-96) /* C wants 32 bytes for its arguments below */
#else
#define PAL_TRY_SP (-64)
#endif
#elif defined(__aarch64__)
#define PAL_FRAME_RECORD 0
#define PAL_TRY_COOKIE 160
#define PAL_TRY_SP 0
#elif defined(__riscv) && __riscv_xlen == 64
#define PAL_FRAME_RECORD (-16)
#define PAL_TRY_COOKIE (-208)
#define PAL_TRY_SP (-208)
#else
#error "no arch_….c for this target"
#endif
/* pal_try; calls pal_try_run (try.h) with its frame. */
PAL_ASSEMBLY pal_trap pal_try_frame(void (*fn)(void *), void *arg);
/* Where a trap resumes: inside pal_try_frame, fp = its frame, sp at or below its low end, result = the pal_trap. */
extern const char pal_try_land[];
/* Goes there from C. */
PAL_ASSEMBLY _Noreturn void pal_try_resume(void *frame, pal_trap kind);

#ifndef _WIN32
/* Calls fn(arg) with the stack pointer at `top`, a multiple of 16. The frames stay linked: debuggers, backtraces and
 * exceptions pass from one stack to the other. */
void pal_switch_stack(void *top, void (*fn)(void *), void *arg);
#endif

/* Copies that may fault on [base, base + bytes), the guest's memory: 0, or the address of the byte they could not
 * reach, with some bytes done. Forward is right for `to` below `from`, backward for `to` above it. */
PAL_ASSEMBLY uintptr_t pal_copy_forward(void *to, const void *from, size_t size, const void *base, size_t bytes);
PAL_ASSEMBLY uintptr_t pal_copy_backward(void *to, const void *from, size_t size, const void *base, size_t bytes);
PAL_ASSEMBLY uintptr_t pal_copy_fill(void *to, uint32_t value, size_t size, const void *base, size_t bytes);
/* Reads 4 or 8 bytes, aligned, at once; every write of other threads is before or after it. */
PAL_ASSEMBLY uintptr_t pal_copy_word(void *to, const void *from, size_t size, const void *base, size_t bytes);
/* The code of these, and where a fault in it resumes, with the address as result. */
extern const char pal_copy_begin[], pal_copy_end[], pal_copy_fault[];

#ifdef __riscv
/* Is there the V extension? The kernel's answer came late, so this tries: at pal_probe_site the CPU may trap; then the
 * answer is 0, at pal_probe_end. */
int pal_probe_vectors(void);
extern const char pal_probe_site[], pal_probe_end[];
#endif

/* The registers that a wasm function leaves as they were, but for the frame pointer and the pinned register: rbx, r12 to
 * r14; x19 to x28, the lower halves of v8 to v15; s1 to s11, fs0, fs2 to fs11 (Cranelift 0.135 takes fs1 for another
 * kind), and PAL_REGISTER_INSTANCE. */
#if defined(__x86_64__)
#define PAL_REGISTERS 4
#elif defined(__aarch64__)
#define PAL_REGISTERS 18
#elif defined(__riscv)
#define PAL_REGISTERS 23
#endif
struct pal_registers {
	uint64_t values[PAL_REGISTERS];
};

/* Goes on where a handler has caught an exception (context.h, "Handlers"). */
struct pal_landing {
	uintptr_t pc, sp, fp, pinned, values;
	uint64_t number;
	struct pal_registers registers;
};
PAL_ASSEMBLY _Noreturn void pal_land(const struct pal_landing *);
/* pal_rt_throw and pal_rt_throw_ref, which are assembly, go on here (throw.c): with the record of their own frame,
 * whose caller is compiled code, and what the registers hold there. */
_Noreturn void pal_throw(void *pinned, uint32_t tag, const void *values, uintptr_t fp, const struct pal_registers *);
_Noreturn void pal_throw_ref(void *pinned, uint64_t exnref, const void *unused, uintptr_t fp,
                             const struct pal_registers *);

#pragma GCC visibility pop

/* For the assembly: a global symbol as the linker sees it. PAL_INNER: one inside a function, that execution runs past or
 * that must stay in its place behind it; elsewhere linkers may move what begins with a symbol. */
#define PAL_SYMBOL(name) PAL_STRING(__USER_LABEL_PREFIX__) #name
#ifdef __ELF__
#define PAL_GLOBAL(name) \
	".globl " PAL_SYMBOL(name) "\n.hidden " PAL_SYMBOL(name) "\n" PAL_SYMBOL(name) ":\n"
#define PAL_INNER(name) PAL_GLOBAL(name)
#define PAL_PUBLIC(name) \
	".globl " PAL_SYMBOL(name) "\n.type " PAL_SYMBOL(name) ", %function\n" PAL_SYMBOL(name) ":\n"
#elif defined(_WIN32)
#define PAL_GLOBAL(name) ".globl " PAL_SYMBOL(name) "\n" PAL_SYMBOL(name) ":\n"
#define PAL_INNER(name) PAL_GLOBAL(name)
#define PAL_PUBLIC(name) ".globl " PAL_SYMBOL(name) "\n.def " PAL_SYMBOL(name) "; .scl 2; .type 32; .endef\n" PAL_SYMBOL(name) ":\n"
#else
#define PAL_PUBLIC(name) ".globl " PAL_SYMBOL(name) "\n" PAL_SYMBOL(name) ":\n"
#define PAL_GLOBAL(name) \
	".globl " PAL_SYMBOL(name) "\n.private_extern " PAL_SYMBOL(name) "\n" PAL_SYMBOL(name) ":\n"
#define PAL_INNER(name) ".alt_entry " PAL_SYMBOL(name) "\n" PAL_GLOBAL(name)
#endif
#endif
