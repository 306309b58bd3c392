/* A threaded interpreter: each instruction ends with a tail call of the next one's code. Built with -mtail-call, it
 * runs a hundred million instructions on a stack of 64 KiB. */
#include <stdint.h>
#include <stdio.h>

struct machine;
typedef uint64_t handler(struct machine *, const uint8_t *at, uint64_t *stack, uint64_t top, uint64_t steps);
struct machine {
	handler *const *handlers;
	uint64_t calls;
};

#define NEXT() __attribute__((musttail)) return m->handlers[*at](m, at, stack, top, steps + 1)
enum { PUSH, DUP, ADD, DECREMENT, SWAP, ADD_OVER, LOOP, CALL, HALT };

static uint64_t push(struct machine *m, const uint8_t *at, uint64_t *stack, uint64_t top, uint64_t steps)
{
	*stack++ = top;
	top = at[1];
	at += 2;
	NEXT();
}
static uint64_t dup(struct machine *m, const uint8_t *at, uint64_t *stack, uint64_t top, uint64_t steps)
{
	*stack++ = top;
	at++;
	NEXT();
}
static uint64_t add(struct machine *m, const uint8_t *at, uint64_t *stack, uint64_t top, uint64_t steps)
{
	top += *--stack;
	at++;
	NEXT();
}
static uint64_t decrement(struct machine *m, const uint8_t *at, uint64_t *stack, uint64_t top, uint64_t steps)
{
	top--;
	at++;
	NEXT();
}
static uint64_t swap(struct machine *m, const uint8_t *at, uint64_t *stack, uint64_t top, uint64_t steps)
{
	uint64_t other = stack[-1];
	stack[-1] = top;
	top = other;
	at++;
	NEXT();
}
static uint64_t add_over(struct machine *m, const uint8_t *at, uint64_t *stack, uint64_t top, uint64_t steps)
{
	stack[-1] += top;
	at++;
	NEXT();
}
static uint64_t loop(struct machine *m, const uint8_t *at, uint64_t *stack, uint64_t top, uint64_t steps)
{
	at = top ? at - at[1] : at + 2;
	NEXT();
}
/* An ordinary call in between: the registers come back. */
__attribute__((noinline)) static void count(struct machine *m) { m->calls++; }
static uint64_t call(struct machine *m, const uint8_t *at, uint64_t *stack, uint64_t top, uint64_t steps)
{
	count(m);
	at++;
	NEXT();
}
static uint64_t halt(struct machine *m, const uint8_t *at, uint64_t *stack, uint64_t top, uint64_t steps)
{
	(void)m;
	(void)at;
	printf("%llu steps, %llu on top, %llu below\n", (unsigned long long)steps, (unsigned long long)top,
	       (unsigned long long)stack[-1]);
	return steps;
}

int main(void)
{
	static handler *const handlers[] = { push, dup, add, decrement, swap, add_over, loop, call, halt };
	struct machine machine = { handlers, 0 };
	/* sum = 0; n = 200; n is doubled 17 times; then: sum += n; n--; call; until n is 0 */
	uint8_t code[64] = { PUSH, 0, PUSH, 191 }, *end = code + 4;
	for (int i = 0; i < 17; i++) {
		*end++ = DUP;
		*end++ = ADD;
	}
	*end++ = ADD_OVER; /* the loop: four instructions */
	*end++ = DECREMENT;
	*end++ = CALL;
	*end++ = LOOP;
	*end++ = 3;
	*end++ = HALT;
	uint64_t stack[16], steps = handlers[*code](&machine, code, stack, 0, 0);
	printf("%llu calls\n", (unsigned long long)machine.calls);
	return steps > 100000000 ? 0 : 1;
}
