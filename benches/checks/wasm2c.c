/* Runs a kernel as wasm2c 1.0.32 translates it. */
#include "kernel.h"
#include <stdio.h>

int main(void)
{
	static Z_kernel_instance_t kernel;
	wasm_rt_init();
	Z_kernel_init_module();
	Z_kernel_instantiate(&kernel);
	printf("%llu\n", (unsigned long long)Z_kernelZ_run(&kernel, 0));
	return 0;
}
