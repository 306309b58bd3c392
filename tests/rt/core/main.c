/* Tests of the runtime's core without the compiler: ../guest.c stands in for compiled code. run.sh builds and runs them
 * in every way that matters. */
#define _GNU_SOURCE
#include "hand.h"
#include "guest_copy.h"
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	make_module();
	if (getenv("FEW"))
		rounds = 1;
#ifdef _WIN32
	if (argc > 1)
		be_child(argv);
#else
	if (argc > 1 && strcmp(argv[1], "host-handler") == 0) {
		signal(SIGSEGV, host_handler);
		run_with_host_handler(new_instance(&module));
	}
#endif
	test_round();
	test_types();
	test_try();
	test_memory();
	test_memory_moves();
	test_guest_copy();
	test_table();
	test_instance();
	test_instance_alone();
	test_bulk();
	test_bulk_protected();
	test_traps();
	test_registers();
	test_strays();
	test_link_memory();
	test_link_provider();
	test_link_global();
	test_failed_start();
	test_groups();
	test_threads();
	test_shared_growth();
	test_grants();
	if (!WITH_ASAN) /* which allocates stacks of its own making */
		test_overflow();
	printf("runtime_test: %d checks passed\n", checks);
	fflush(NULL);
#ifndef _WIN32
	if (argc == 1) { /* once more, as a host that had a handler before; where exec can find this program */
		execv("/proc/self/exe", (char *[]){ argv[0], "host-handler", NULL });
		return errno == ENOENT || errno == ENOEXEC ? 0 : 1;
	}
#endif
	return 0;
}
