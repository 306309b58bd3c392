/* Assertions of C hosts. */
#ifndef CHECK_H
#define CHECK_H
#include <palisade.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "line %d: not true: %s (last trap: %s)\n", __LINE__, #condition, pal_last_trap()->message); \
			exit(1); \
		} \
	} while (0)
#endif
