/* One thread ends the process, the way its first argument says, while others wait for ever, sleep or run. */
#include "guest.h"
#include <stdatomic.h>

IMPORT("wasi_snapshot_preview1", "args_sizes_get") int32_t args_sizes_get(int32_t *count, int32_t *size);
IMPORT("wasi_snapshot_preview1", "args_get") int32_t args_get(char **argv, char *text);

static int32_t never;
static _Atomic uint32_t ready;

static void wait(void *arg)
{
	(void)arg;
	ready++;
	__builtin_wasm_memory_atomic_wait32(&never, 0, -1);
}

static void spin(void *arg)
{
	(void)arg;
	ready++;
	while (!atomic_load((_Atomic int32_t *)&never))
		;
}

static int recurse(volatile int *above)
{
	volatile int here = *above + 1;
	return recurse(&here) + here;
}

static void end(void *arg)
{
	int zero = 0;
	while (ready < 3)
		;
	switch (*(char *)arg) {
	case 't': __builtin_trap();
	case 'e': proc_exit(42);
	case 'z': proc_exit(0);
	case 'o': *(volatile int *)0xfffffff0 = 1; break;
	case 's': recurse(&zero); break;
	case 'u': __builtin_wasm_memory_atomic_wait32((int32_t *)((char *)&never + 1), 0, -1); break;
	default: break;
	}
}

EXPORT("_start") void start(void)
{
	static struct thread threads[4];
	static char *argv[8], text[256];
	int32_t count, size;
	CHECK(args_sizes_get(&count, &size) == 0 && count == 2 && size < 256 && args_get(argv, text) == 0);
	thread_start(&threads[0], wait, 0);
	thread_start(&threads[1], spin, 0);
	thread_start(&threads[2], wait, 0);
	thread_start(&threads[3], end, argv[1]);
	if (argv[1][0] == 'r') { /* the first thread's return ends them all */
		thread_join(&threads[3]);
		return;
	}
	wait(0);
}
