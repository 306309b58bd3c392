/* The conventions of x86-64 (System V), aarch64 and riscv64 have in common that the first integers and the first floats
 * are in registers, and everything else, in its order, in words on the stack. So one type of function, with all these
 * registers and some words, fits every call: what a function does not ask for, it does not look at. */
#include "call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __x86_64__
#define INTEGERS 6
#define INTEGER_TYPES uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t
#define INTEGER_VALUES(a) (a)[0], (a)[1], (a)[2], (a)[3], (a)[4], (a)[5]
#else
#define INTEGERS 8
#define INTEGER_TYPES EIGHT(uint64_t)
#define INTEGER_VALUES(a) EIGHT_OF(a, 0)
#endif
#define EIGHT(type) type, type, type, type, type, type, type, type
#define EIGHT_OF(a, i) (a)[i], (a)[i + 1], (a)[i + 2], (a)[i + 3], (a)[i + 4], (a)[i + 5], (a)[i + 6], (a)[i + 7]
enum { FLOATS = 8, WORDS = 32 };

#define TYPES INTEGER_TYPES, EIGHT(double), EIGHT(uint64_t), EIGHT(uint64_t), EIGHT(uint64_t), EIGHT(uint64_t)
#define VALUES(c) \
	INTEGER_VALUES((c)->integers), EIGHT_OF((c)->floats, 0), EIGHT_OF((c)->words, 0), EIGHT_OF((c)->words, 8), \
		EIGHT_OF((c)->words, 16), EIGHT_OF((c)->words, 24)

struct call {
	uint64_t integers[INTEGERS], words[WORDS];
	double floats[FLOATS];
	int integer_count, float_count, word_count;
};

static void add_integer(struct call *call, uint64_t integer)
{
	if (call->integer_count < INTEGERS) {
		call->integers[call->integer_count++] = integer;
	} else if (call->word_count < WORDS) {
		call->words[call->word_count++] = integer;
	} else {
		fprintf(stderr, "a function has too many parameters for call.c\n");
		exit(1);
	}
}

/* riscv64 has integer registers for floats beyond the eighth. */
static void add_float(struct call *call, uint64_t bits)
{
	if (call->float_count < FLOATS)
		memcpy(&call->floats[call->float_count++], &bits, sizeof bits);
#ifndef __riscv
	else if (call->word_count < WORDS)
		call->words[call->word_count++] = bits;
#endif
	else
		add_integer(call, bits);
}

static void add_argument(struct call *call, char type, const value *argument)
{
	if (type == 'v')
		add_integer(call, (uintptr_t)argument->bytes);
	else if (type == 'i') /* riscv64 wants the sign; the others must not look at the upper half */
		add_integer(call, (uint64_t)(int64_t)argument->i);
	else if (type == 'f') /* a float in the form that riscv64 wants */
		add_float(call, UINT64_C(0xffffffff00000000) | argument->u32);
	else if (type == 'd')
		add_float(call, argument->u64);
	else
		add_integer(call, argument->u64);
}

/* From the struct that C has for several results. */
static void take_results(const uint8_t *area, const char *types, value *results)
{
	size_t at = 0;
	for (int i = 0; types[i]; i++) {
		size_t size = bytes_of(types[i]);
		at = (at + size - 1) / size * size;
		memcpy(results[i].bytes, area + at, size);
		at += size;
	}
}

void call_c(void (*function)(void), void *instance, const char *parameters, const value *arguments,
            const char *types, value *results)
{
	_Alignas(16) static uint8_t area[16 * MAX_VALUES];
	struct call call;
	bool in_memory = strlen(types) > 1 || *types == 'v';
	memset(&call, 0, sizeof call);
	add_integer(&call, (uintptr_t)instance);
	for (int i = 0; parameters[i]; i++)
		add_argument(&call, strchr("enx", parameters[i]) ? 'r' : parameters[i], &arguments[i]);
	if (in_memory)
		add_integer(&call, (uintptr_t)area);
	if (*types == 'f' || *types == 'd') {
		double result = ((double (*)(TYPES))function)(VALUES(&call));
		memcpy(results[0].bytes, &result, bytes_of(*types)); /* the lower half, where it is a float */
	} else {
		uint64_t result = ((uint64_t (*)(TYPES))function)(VALUES(&call));
		if (*types)
			memcpy(results[0].bytes, &result, sizeof result);
	}
	if (in_memory)
		take_results(area, types, results);
}
