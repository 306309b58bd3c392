/* proc_exit, proc_raise, sched_yield. */
#include "os.h"
#include "wasi.h"
#include "abi.h"
#include "preview1.h"
#include "trap.h"

/* Ends the guest: unwinds to the host's pal_try with PAL_TRAP_EXIT, or ends the process if there is none. Nothing is
 * pinned here, so nothing leaks. */
void wasi_snapshot_preview1_proc_exit(PAL_WASI_VIEW, int32_t code)
{
	(void)view;
	pal_rt_exit(code);
}

/* A guest has no signals: it can't handle them, and the host's process is not its to kill. NOTSUP, as in Wasmtime. */
int32_t wasi_snapshot_preview1_proc_raise(PAL_WASI_VIEW, int32_t signal)
{
	(void)view;
	return signal < 0 || signal > WASI_SIGNAL_MAX ? WASI_INVAL : WASI_NOTSUP;
}

int32_t wasi_snapshot_preview1_sched_yield(PAL_WASI_VIEW)
{
	(void)view;
	sched_yield();
	return WASI_OK;
}
