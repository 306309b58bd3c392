/* Types, known to the whole process by numbers: equal function types have equal numbers, in whatever modules they
 * stand. Two are equal if their recursion groups are, in all their members, and they stand at the same place there. */
#ifndef PAL_TYPE_H
#define PAL_TYPE_H
#include "text.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

#define PAL_TYPE_NONE 0 /* no type has this number */
/* Interns the `count` types of a module, type i at [start[i], start[i + 1]) of `data` (see PAL_TYPE_FUNC in context.h),
 * and gives their numbers, which are stable until the process ends. False: no memory, or two million types in all.
 * Thread-safe. */
bool pal_types_intern(const uint8_t *data, const uint32_t *start, uint32_t count, uint32_t *numbers);
/* Is an interned type another one, or declared below it? No lock: any number the caller has will do. */
bool pal_type_is_subtype(uint32_t type, uint32_t of);
/* "(i32, i64) -> f32" */
void pal_type_text(struct pal_text *, uint32_t type);

/* Value types as in context.h, but with interned numbers for indices. */
uint32_t pal_interned_value_type(uint32_t module_type, const uint32_t *numbers);
/* Is every value of type `a` also one of type `b`? */
bool pal_value_type_matches(uint32_t a, uint32_t b);
bool pal_value_type_is_func(uint32_t type);
bool pal_value_type_is_exn(uint32_t type);
/* Is this reference of the type? Of the host's references and of exceptions only null is looked at. */
bool pal_reference_matches(const void *reference, uint32_t type);
/* "i32", "(ref null (i32) -> i32)" */
void pal_value_type_text(struct pal_text *, uint32_t type);

#pragma GCC visibility pop
#endif
