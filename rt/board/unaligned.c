/* Without an MMU all memory is a device's, which knows no unaligned accesses; guests may make them. Here they are made
 * byte by byte: the loads and stores that Cranelift makes of a guest's, by their encodings (Arm Architecture Reference
 * Manual, C4.1.94, "Load/store register"). Slow, so that firmware with an MMU maps its RAM as normal memory. */
#include "unaligned.h"
#include <string.h>

/* Vector registers: 32 functions of two instructions each, since no register's number can be a variable. */
void pal_board_get_vector(void *to, unsigned number);
void pal_board_set_vector(const void *from, unsigned number);
__asm__(
".arch_extension fp\n"
".section .text.pal_board_vectors, \"ax\"\n"
".macro pal_board_each instruction\n"
"	adr x2, 1f\n"
"	add x2, x2, w1, uxtw #3\n"
"	br x2\n"
"1:\n"
".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
"	\\instruction q\\n, [x0]\n"
"	ret\n"
".endr\n"
".endm\n"
".hidden pal_board_get_vector\n.globl pal_board_get_vector\npal_board_get_vector:\n	pal_board_each str\n"
".hidden pal_board_set_vector\n.globl pal_board_set_vector\npal_board_set_vector:\n	pal_board_each ldr\n"
".text\n");

static uint64_t bits(uint32_t code, int from, int count)
{
	return code >> from & ((1u << count) - 1);
}

static int64_t sign_extended(uint64_t value, int count)
{
	return (int64_t)(value << (64 - count)) >> (64 - count);
}

/* Register 31 is the stack pointer as a base, and zero as a value. */
static uint64_t base(const pal_board_frame *frame, uint64_t number)
{
	return number == 31 ? frame->sp : frame->x[number];
}

static uint64_t value(const pal_board_frame *frame, uint64_t number)
{
	return number == 31 ? 0 : frame->x[number];
}

/* The register behind the base, extended and shifted. */
static uint64_t index_of(const pal_board_frame *frame, uint32_t code, int log2)
{
	uint64_t index = value(frame, bits(code, 16, 5));
	switch (bits(code, 13, 3)) {
	case 2: index = (uint32_t)index; break;
	case 6: index = (uint64_t)(int64_t)(int32_t)index; break;
	}
	return index << (bits(code, 12, 1) ? log2 : 0);
}

/* Only loads and stores of one register, without write-back. */
static bool address_of(const pal_board_frame *frame, uint32_t code, int log2, uint64_t *address)
{
	*address = base(frame, bits(code, 5, 5));
	if (bits(code, 24, 2) == 1)
		*address += bits(code, 10, 12) << log2;
	else if (bits(code, 21, 1) == 0 && bits(code, 10, 2) == 0)
		*address += (uint64_t)sign_extended(bits(code, 12, 9), 9);
	else if (bits(code, 21, 1) == 1 && bits(code, 10, 2) == 2)
		*address += index_of(frame, code, log2);
	else
		return false;
	return true;
}

/* Byte by byte, and never as anything else. */
static void copy(volatile uint8_t *to, const volatile uint8_t *from, int size)
{
	for (int i = 0; i < size; i++)
		to[i] = from[i];
}

static void access_vector(uint32_t code, uint8_t *at, int size, bool load)
{
	_Alignas(16) uint8_t bytes[16] = { 0 };
	if (load) {
		copy(bytes, at, size);
		pal_board_set_vector(bytes, (unsigned)bits(code, 0, 5));
	} else {
		pal_board_get_vector(bytes, (unsigned)bits(code, 0, 5));
		copy(at, bytes, size);
	}
}

static void access_general(pal_board_frame *frame, uint32_t code, uint8_t *at, int size)
{
	uint64_t number = bits(code, 0, 5), opc = bits(code, 22, 2), loaded = 0;
	if (opc == 0) {
		loaded = value(frame, number);
		copy(at, (const uint8_t *)&loaded, size);
		return;
	}
	copy((uint8_t *)&loaded, at, size);
	if (opc >= 2)
		loaded = (uint64_t)sign_extended(loaded, size * 8);
	if (opc == 3)
		loaded = (uint32_t)loaded;
	if (number != 31)
		frame->x[number] = loaded;
}

/* ld1r: all lanes of a vector become what is loaded. */
static void replicate(const pal_board_frame *frame, uint32_t code)
{
	_Alignas(16) uint8_t bytes[16] = { 0 };
	int size = 1 << bits(code, 10, 2), whole = bits(code, 30, 1) ? 16 : 8;
	for (int i = 0; i < whole; i += size)
		copy(bytes + i, (const uint8_t *)(uintptr_t)base(frame, bits(code, 5, 5)), size);
	pal_board_set_vector(bytes, (unsigned)bits(code, 0, 5));
}

bool pal_board_unaligned(pal_board_frame *frame)
{
	uint32_t code;
	memcpy(&code, (const void *)(uintptr_t)frame->pc, sizeof code);
	if ((code & 0xbffff000) == 0x0d40c000) {
		replicate(frame, code);
		frame->pc += 4;
		return true;
	}
	if (bits(code, 27, 3) != 7 || bits(code, 25, 1) != 0)
		return false;
	bool vector = bits(code, 26, 1);
	int log2 = (int)bits(code, 30, 2);
	if (vector && bits(code, 23, 1))
		log2 = 4;
	uint64_t address;
	if ((!vector && log2 == 3 && bits(code, 22, 2) > 1) || !address_of(frame, code, log2, &address))
		return false;
	uint8_t *at = (uint8_t *)(uintptr_t)address;
	if (vector)
		access_vector(code, at, 1 << log2, bits(code, 22, 1));
	else
		access_general(frame, code, at, 1 << log2);
	frame->pc += 4;
	return true;
}
