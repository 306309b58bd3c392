/* See port_registers.h: each OS has names of its own for each architecture's registers. */
#ifndef _WIN32
#if !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* register names of ucontext_t */
#endif
#include "port_registers.h"
#include <signal.h>
#ifdef __APPLE__
#include <sys/ucontext.h> /* <ucontext.h> is about makecontext there */
#else
#include <ucontext.h>
#endif

#if defined(__linux__) && defined(__x86_64__)
struct pal_machine pal_port_read_registers(const void *context)
{
	const greg_t *r = ((const ucontext_t *)context)->uc_mcontext.gregs; /* signed, of the registers' width */
	return (struct pal_machine){
		.pc = (uintptr_t)r[REG_RIP], .sp = (uintptr_t)r[REG_RSP], .fp = (uintptr_t)r[REG_RBP],
		.pinned = (uintptr_t)r[REG_R15], .copy_base = (uintptr_t)r[REG_R9], .copy_bytes = (uintptr_t)r[REG_R8],
		.result = (uintptr_t)r[REG_RAX],
	};
}

void pal_port_write_registers(void *context, const struct pal_machine *machine)
{
	greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
	r[REG_RIP] = (greg_t)machine->pc;
	r[REG_RSP] = (greg_t)machine->sp;
	r[REG_RBP] = (greg_t)machine->fp;
	r[REG_RAX] = (greg_t)machine->result;
	r[REG_EFL] &= ~(greg_t)0x400; /* the ABI wants the direction flag clear */
}
#elif defined(__linux__) && defined(__aarch64__)
struct pal_machine pal_port_read_registers(const void *context)
{
	const mcontext_t *m = &((const ucontext_t *)context)->uc_mcontext;
	return (struct pal_machine){
		.pc = m->pc, .sp = m->sp, .fp = m->regs[29],
		.pinned = m->regs[21], .copy_base = m->regs[3], .copy_bytes = m->regs[4], .result = m->regs[0],
	};
}

void pal_port_write_registers(void *context, const struct pal_machine *machine)
{
	mcontext_t *m = &((ucontext_t *)context)->uc_mcontext;
	m->pc = machine->pc;
	m->sp = machine->sp;
	m->regs[29] = machine->fp;
	m->regs[0] = machine->result;
}
#elif defined(__linux__) && defined(__riscv)
struct pal_machine pal_port_read_registers(const void *context)
{
	const unsigned long *r = ((const ucontext_t *)context)->uc_mcontext.__gregs; /* pc, then x1 to x31 */
	return (struct pal_machine){
		.pc = r[0], .sp = r[2], .fp = r[8], .copy_base = r[13], .copy_bytes = r[14], .result = r[10],
	};
}

void pal_port_write_registers(void *context, const struct pal_machine *machine)
{
	unsigned long *r = ((ucontext_t *)context)->uc_mcontext.__gregs;
	r[0] = machine->pc;
	r[2] = machine->sp;
	r[8] = machine->fp;
	r[10] = machine->result;
}
#elif defined(__APPLE__) && defined(__x86_64__)
struct pal_machine pal_port_read_registers(const void *context)
{
	const _STRUCT_X86_THREAD_STATE64 *s = &((const ucontext_t *)context)->uc_mcontext->__ss;
	return (struct pal_machine){
		.pc = s->__rip, .sp = s->__rsp, .fp = s->__rbp,
		.pinned = s->__r15, .copy_base = s->__r9, .copy_bytes = s->__r8, .result = s->__rax,
	};
}

void pal_port_write_registers(void *context, const struct pal_machine *machine)
{
	_STRUCT_X86_THREAD_STATE64 *s = &((ucontext_t *)context)->uc_mcontext->__ss;
	s->__rip = machine->pc;
	s->__rsp = machine->sp;
	s->__rbp = machine->fp;
	s->__rax = machine->result;
	s->__rflags &= ~(uint64_t)0x400; /* the ABI wants the direction flag clear */
}
#elif defined(__APPLE__) && defined(__aarch64__)
struct pal_machine pal_port_read_registers(const void *context)
{
	const _STRUCT_ARM_THREAD_STATE64 *s = &((const ucontext_t *)context)->uc_mcontext->__ss;
	return (struct pal_machine){
		.pc = s->__pc, .sp = s->__sp, .fp = s->__fp,
		.pinned = s->__x[21], .copy_base = s->__x[3], .copy_bytes = s->__x[4], .result = s->__x[0],
	};
}

void pal_port_write_registers(void *context, const struct pal_machine *machine)
{
	_STRUCT_ARM_THREAD_STATE64 *s = &((ucontext_t *)context)->uc_mcontext->__ss;
	s->__pc = machine->pc;
	s->__sp = machine->sp;
	s->__fp = machine->fp;
	s->__x[0] = machine->result;
}
#else
#error "port_registers.c does not know this target's ucontext_t yet"
#endif
#else
typedef int pal_port_registers_is_not_empty; /* ISO C wants a declaration in every file */
#endif
