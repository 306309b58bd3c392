/* An interpreter: a switch in a loop, and the same operations through a table of functions. */
#include <stdint.h>
#include <stdio.h>

enum { PUSH, ADD, MUL, XOR, SHIFT, DUP, DROP, OPS };

struct machine {
	uint32_t stack[64];
	int top;
};

static uint32_t pop(struct machine *m) { return m->stack[m->top-- & 63]; }
static void push(struct machine *m, uint32_t v) { m->stack[++m->top & 63] = v; }

static void op_push(struct machine *m) { push(m, 12345); }
static void op_add(struct machine *m) { uint32_t b = pop(m); push(m, pop(m) + b); }
static void op_mul(struct machine *m) { uint32_t b = pop(m); push(m, pop(m) * b); }
static void op_xor(struct machine *m) { uint32_t b = pop(m); push(m, pop(m) ^ b); }
static void op_shift(struct machine *m) { push(m, pop(m) >> 3); }
static void op_dup(struct machine *m) { uint32_t v = pop(m); push(m, v); push(m, v); }
static void op_drop(struct machine *m) { pop(m); }

static void (*const volatile table[OPS])(struct machine *) = {op_push, op_add, op_mul, op_xor, op_shift, op_dup, op_drop};

static void step(struct machine *m, unsigned op)
{
	switch (op) {
	case PUSH: op_push(m); break;
	case ADD: op_add(m); break;
	case MUL: op_mul(m); break;
	case XOR: op_xor(m); break;
	case SHIFT: op_shift(m); break;
	case DUP: op_dup(m); break;
	case DROP: op_drop(m); break;
	}
}

int main(void)
{
	static uint8_t code[4096];
	uint32_t state = 88172645u;
	for (unsigned i = 0; i < sizeof code; i++) {
		state = state * 1664525u + 1013904223u;
		code[i] = (state >> 24) % OPS;
	}
	struct machine m = {{1}, 0};
	uint32_t sum = 0;
	for (int round = 0; round < 12000; round++) {
		for (unsigned i = 0; i < sizeof code; i++)
			if (round & 1)
				step(&m, code[i]);
			else
				table[code[i]](&m);
		sum = sum * 31 + m.stack[m.top & 63];
		m.stack[round & 63] = sum;
	}
	printf("%u\n", sum);
	return 0;
}
