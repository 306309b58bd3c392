/* Groups: instances that can call each other, through imports or shared tables, live and die together. Freeing one that
 * another can still call would leave dangling references; so the host's handles are counted per group, and the last one
 * takes all of it away. A table in the host's hands counts like a handle: the host may pass it on. */
#ifndef PAL_GROUP_H
#define PAL_GROUP_H
#include "instance.h"
#include "table.h"

#pragma GCC visibility push(hidden)

/* Gives the instance a group: its own, joined with those of its tables. False: no memory. */
bool pal_group_make(struct pal_instance *);
/* Makes one group of two instances' groups. */
void pal_group_join(struct pal_instance *, struct pal_instance *);
/* Adds an instance's reference to a table. */
void pal_group_retain_table(struct pal_table *);
/* Drops one; for pal_instance_destroy, which runs under the group lock. */
void pal_group_release_table(struct pal_table *);
/* The host puts a function into a table: joins their groups. */
void pal_group_admit(struct pal_table *, const struct pal_func *);
/* Drops a reference of the host's. */
void pal_group_drop_table(struct pal_table *);
/* The host now has the instance. */
void pal_group_hand_out(struct pal_instance *);
/* The host has it no more, or never got it; all that nobody can reach any longer goes. */
void pal_group_drop(struct pal_instance *);

#pragma GCC visibility pop
#endif
