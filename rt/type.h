/* Function types, interned for the whole process: equal types have equal numbers, in whatever modules they stand. */
#ifndef PAL_TYPE_H
#define PAL_TYPE_H
#include "text.h"
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

#define PAL_TYPE_NONE 0 /* no type has this number */
/* The number of the type with these bytes (0x60 params results); stable until the process ends. PAL_TYPE_NONE: no
 * memory. Thread-safe. */
uint32_t pal_type_intern(const uint8_t *bytes, size_t length);
/* "(i32, i64) -> f32" */
void pal_type_text(struct pal_text *, const uint8_t *bytes, size_t length);
/* The same of an interned type. */
void pal_type_number_text(struct pal_text *, uint32_t number);
/* "i32" */
const char *pal_value_type_text(uint32_t type);

#pragma GCC visibility pop
#endif
