/* `wasi_unstable`, preview 0: the functions that did not change. The others stand beside their preview 1 form, in
 * file.c (fd_seek), stat.c (filestat) and poll.c. */
#include "preview1.h"

#define FORWARD(name, parameters, arguments) \
	int32_t wasi_unstable_##name parameters \
	{ \
		return wasi_snapshot_preview1_##name arguments; \
	}

PAL_WASI_COMMON(FORWARD)

void wasi_unstable_proc_exit(PAL_WASI_VIEW, int32_t code)
{
	wasi_snapshot_preview1_proc_exit(view, code);
}
