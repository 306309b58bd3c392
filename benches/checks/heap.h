/* What the kernels have in common: their data lies in a second memory. RUN's parameter is 0; the compiler doesn't know. */
#include <palisade/guest.h>

PAL_MEMORY(heap, "palisade:memory/heap", uint32_t)

#define RUN(parameter) __attribute__((export_name("run"))) uint64_t run(uint32_t parameter)
