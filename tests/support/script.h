/* For drivers that run scripts (spec/, differential/): a line's words, and hosts' references by their numbers. Each
 * driver is one file. */
#ifndef SCRIPT_H
#define SCRIPT_H
#include "linked.h"

#include <stdlib.h>

static char *cursor; /* rest of the current line */

/* References to hosts' objects: externref N is the address of byte N. */
extern char host_objects[1 << 16];

static char *word(void)
{
	while (*cursor == ' ')
		cursor++;
	char *start = cursor;
	while (*cursor && *cursor != ' ')
		cursor++;
	if (*cursor)
		*cursor++ = 0;
	return start;
}

static int number(void) { return atoi(word()); }

/* N of an externref, -1 of any other reference. */
static int host_object(const void *ref)
{
	const char *p = ref;
	return p >= host_objects && p < host_objects + sizeof host_objects ? (int)(p - host_objects) : -1;
}
#endif
