/* Stands in for compiled code: a few functions as the compiler would make them, P in the pinned register. */
#ifndef GUEST_H
#define GUEST_H
#include <stdint.h>

extern const uint8_t guest_text[], guest_text_end[];
/* the functions in order, and behind the last */
extern const uint8_t guest_load[], guest_unreachable[], guest_call[], guest_recurse[], guest_divide[], guest_null[],
	guest_stray[], guest_check[], guest_c[], guest_functions_end[];
/* sites */
extern const uint8_t guest_load_site[], guest_unreachable_site[], guest_call_site[], guest_recurse_site[],
	guest_divide_site[], guest_null_site[], guest_check_site[], guest_c_site[];
/* An entry stub: runs the function at `code` with P = pinned and one argument. Not a wasm function. */
int32_t guest_enter(void *pinned, uint64_t argument, const void *code);

#endif
