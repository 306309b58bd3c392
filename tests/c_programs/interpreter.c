/* A small stack machine: a big switch in a loop, dense and sparse cases. */
#include <stdint.h>
#include <stdio.h>

enum op { PUSH, ADD, SUB, MUL, DUP, SWAP, JNZ, DROP, OVER, MOD, HALT };

static int64_t run(const int32_t *code)
{
	int64_t stack[32];
	int top = 0, at = 0;
	for (;;)
		switch ((enum op)code[at++]) {
		case PUSH: stack[top++] = code[at++]; break;
		case ADD: top--, stack[top - 1] += stack[top]; break;
		case SUB: top--, stack[top - 1] -= stack[top]; break;
		case MUL: top--, stack[top - 1] = (int64_t)((uint64_t)stack[top - 1] * (uint64_t)stack[top]); break;
		case DUP: stack[top] = stack[top - 1], top++; break;
		case SWAP: { int64_t t = stack[top - 1]; stack[top - 1] = stack[top - 2]; stack[top - 2] = t; break; }
		case JNZ: top--, at = stack[top] ? code[at] : at + 1; break;
		case DROP: top--; break;
		case OVER: stack[top] = stack[top - 2], top++; break;
		case MOD: top--, stack[top - 1] %= stack[top]; break;
		case HALT: return stack[top - 1];
		default: return -1;
		}
}

static const char *sparse(int n)
{
	switch (n) {
	case -2000000000: return "low";
	case -1: return "minus one";
	case 0: return "zero";
	case 17: return "seventeen";
	case 1000: case 1001: case 1002: return "a thousand or so";
	case 2147483647: return "high";
	default: return "other";
	}
}

int main(void)
{
	/* acc = (acc * 31 + n) % 1000003 for n = 200000 … 1 */
	static const int32_t code[] = {PUSH, 7, PUSH, 200000, SWAP, PUSH, 31, MUL, OVER, ADD, PUSH, 1000003, MOD, SWAP, PUSH, 1,
	                               SUB, DUP, JNZ, 4, DROP, HALT};
	printf("%lld\n", (long long)run(code));
	static const int numbers[] = {-2000000000, -1, 0, 1, 16, 17, 18, 999, 1001, 1003, 2147483647, -2147483647 - 1};
	for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++)
		printf("%s, ", sparse(numbers[i]));
	puts("");
	return 0;
}
