/* Writes through a pointer that nobody set. Natively that is a crash; in wasm, address 0 is memory as any other. */
#include <stdio.h>

struct account {
	int id, balance;
};

static struct account *volatile current; /* null */

int main(void)
{
	puts("paying in 100");
	fflush(stdout);
	current->balance += 100;
	printf("the balance is %d\n", current->balance);
	return 0;
}
