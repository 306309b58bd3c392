/* The symbol that every object refers to, so that objects and runtimes of different versions do not link. */
#include "context.h"

#define NAME_(abi) pal_abi_##abi
#define NAME(abi) NAME_(abi)

extern const char NAME(PAL_ABI) __attribute__((visibility("default")));
const char NAME(PAL_ABI) = PAL_ABI;

/* What imports of COFF objects that no module provides have as their provider. */
extern const struct pal_export pal_no_export __attribute__((visibility("default")));
const struct pal_export pal_no_export = { .module = NULL };
