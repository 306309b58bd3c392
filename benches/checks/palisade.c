/* Runs a kernel. */
#include "kernel.h"
#include <stdio.h>

int main(void)
{
	struct kernel *kernel;
	if (pal_kernel_instantiate(&kernel) != PAL_TRAP_NONE)
		return 1;
	printf("%llu\n", (unsigned long long)kernel_run(kernel, 0));
	return 0;
}
