/* What an instance holds beside its memories: globals, tables, which segments are dropped. What it imports belongs to
 * others. */
#ifndef PAL_STATE_H
#define PAL_STATE_H
#include "instance.h"

#pragma GCC visibility push(hidden)

struct pal_state;

/* Copies it; NULL: no memory. */
struct pal_state *pal_state_take(const struct pal_instance *);
void pal_state_drop(struct pal_state *);
/* Is it this instance's? Not another's that happens to lie at the same place. */
bool pal_state_is_of(const struct pal_state *, const struct pal_instance *);
/* Sees to it that pal_state_load can't fail. False: no memory, and nothing has changed. */
bool pal_state_make_room(const struct pal_state *);
void pal_state_load(const struct pal_state *, struct pal_instance *);

#pragma GCC visibility pop
#endif
