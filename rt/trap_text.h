/* Traps whose message must be put together: text = pal_trap_begin(); pal_text_add(&text, …); pal_trap_end(kind). */
#ifndef PAL_TRAP_TEXT_H
#define PAL_TRAP_TEXT_H
#include "palisade.h"
#include "text.h"

#pragma GCC visibility push(hidden)

struct pal_text pal_trap_begin(void);
_Noreturn void pal_trap_end(pal_trap kind);

#pragma GCC visibility pop
#endif
