/* A host on Windows: 100 instances at once, threads with instances of their own, traps and overflows of each, a snapshot.
 * Gives the number of things that went wrong. */
#include "lib.h"
#include <process.h>
#include <stdio.h>
#include <string.h>
#include <windows.h>

enum { INSTANCES = 100, THREADS = 8, ROUNDS = 20 };

static void run_deep(void *lib)
{
	lib_deep(lib, 0);
}

static void run_load(void *lib)
{
	lib_load(lib, 65536);
}

static int check_traps(struct lib *lib)
{
	return (pal_try(run_load, lib) != PAL_TRAP_MEMORY_OUT_OF_BOUNDS) + (pal_last_trap()->address != 65536) +
	       (pal_try(run_deep, lib) != PAL_TRAP_STACK_OVERFLOW);
}

static unsigned __stdcall worker(void *unused)
{
	int wrong = 0;
	(void)unused;
	for (int i = 0; i < ROUNDS; i++) {
		struct lib *lib;
		if (pal_lib_instantiate(&lib) != PAL_TRAP_NONE)
			return 1000;
		wrong += (lib_add(lib, i, 2) != i + 2) + check_traps(lib) + (lib_calls(lib) != 1);
		pal_lib_free(lib);
	}
	return (unsigned)wrong;
}

static int check_threads(void)
{
	HANDLE threads[THREADS];
	int wrong = 0;
	for (int i = 0; i < THREADS; i++)
		threads[i] = (HANDLE)_beginthreadex(NULL, 0, worker, NULL, 0, NULL);
	for (int i = 0; i < THREADS; i++) {
		DWORD result;
		WaitForSingleObject(threads[i], INFINITE);
		GetExitCodeThread(threads[i], &result);
		CloseHandle(threads[i]);
		wrong += (int)result;
	}
	return wrong;
}

static int check_snapshot(struct lib *lib)
{
	pal_snapshot *snapshot;
	uint8_t *bytes = pal_memory_data(lib_memory(lib));
	memset(bytes, 5, 65536);
	if (pal_lib_snapshot(lib, &snapshot) != PAL_OK)
		return 1;
	memset(bytes, 9, 65536);
	int wrong = pal_lib_restore(lib, snapshot) != PAL_OK;
	for (int i = 0; i < 65536; i++)
		wrong += bytes[i] != 5;
	pal_snapshot_free(snapshot);
	return wrong;
}

int main(void)
{
	struct lib *all[INSTANCES];
	int wrong = 0;
	for (int i = 0; i < INSTANCES; i++)
		if (pal_lib_instantiate(&all[i]) != PAL_TRAP_NONE)
			return 1;
	for (int i = 0; i < INSTANCES; i++)
		for (int j = 0; j <= i; j++)
			wrong += lib_add(all[i], i, j) != i + j;
	for (int i = 0; i < INSTANCES; i++)
		wrong += (lib_calls(all[i]) != i + 1) + (lib_mix(all[i], 1, 2.5, 3, 4.5f, 5, 6.0) != 22.0) + check_traps(all[i]);
	wrong += check_threads() + check_snapshot(all[0]);
	for (int i = 0; i < INSTANCES; i++)
		pal_lib_free(all[i]);
	printf("%d wrong\n", wrong);
	return wrong != 0;
}
