/* Recursion, mutual, deep and wide. */
#include <stdio.h>

static unsigned ackermann(unsigned m, unsigned n)
{
	return m == 0 ? n + 1 : n == 0 ? ackermann(m - 1, 1) : ackermann(m - 1, ackermann(m, n - 1));
}

static int odd(int n);
static int even(int n) { return n == 0 ? 1 : odd(n - 1); }
static int odd(int n) { return n == 0 ? 0 : even(n - 1); }

static int solutions;
static void queens(int row, unsigned columns, unsigned left, unsigned right)
{
	if (row == 9) {
		solutions++;
		return;
	}
	for (int c = 0; c < 9; c++)
		if (!(columns >> c & 1) && !(left >> (row + c) & 1) && !(right >> (row - c + 9) & 1))
			queens(row + 1, columns | 1u << c, left | 1u << (row + c), right | 1u << (row - c + 9));
}

/* Not a loop for the compiler: it needs each frame's own variable. */
static long deep(int n, volatile long *above)
{
	volatile long here = *above + n;
	return n == 0 ? here : deep(n - 1, &here) + (here & 1);
}

int main(void)
{
	volatile long start = 1;
	queens(0, 0, 0, 0);
	printf("%u %d %d %d\n", ackermann(2, 300), even(100000), odd(7), solutions);
	printf("%ld\n", deep(20000, &start));
	return 0;
}
