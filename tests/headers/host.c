/* Calls every export of corners.wat; C11 and C++17. */
#include "corners.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMPORT(name, owner, answer) \
	struct owner { int32_t value; }; \
	int32_t name(struct owner *self) { return self->value == answer ? answer : -1; } \
	static struct owner given_##owner = { answer };

IMPORT(__, _, 1)
IMPORT(main_main, main, 2)
IMPORT(strlen_size_t, strlen, 3)
IMPORT(for__int, for_, 4)
IMPORT(posix_spawn, posix, 5)
IMPORT(linux__errno, linux_, 6)
IMPORT(int32_t_, int32, 7)
IMPORT(_xCF__x80___xCE__xBB_, _xCF__x80_, 8)
IMPORT(pal_memory__grow, pal_memory_, 9)
IMPORT(corners__x, corners_, 10)
IMPORT(_7_x2D_zip__x2A__x2F__x20__x22__x5C__x3F__x3F__x2F_, _7_x2D_zip, 11)

static int failures;

static void expect(int line, int32_t found, int32_t wanted)
{
	if (found == wanted)
		return;
	fprintf(stderr, "line %d: %d, not %d\n", line, (int)found, (int)wanted);
	failures++;
}
#define EXPECT(found, wanted) expect(__LINE__, found, wanted)

static void functions(struct corners *corners)
{
	EXPECT(corners_(corners), 1001);
	EXPECT(corners_main(corners), 1002);
	EXPECT(corners_strlen(corners), 1003);
	EXPECT(corners_for(corners), 1004);
	EXPECT(corners_instantiate(corners), 1005);
	EXPECT(corners_free(corners), 1006);
	EXPECT(corners_malloc(corners), 1007);
	EXPECT(corners__xC3__xBC_n_xC3__xAF_(corners), 1008);
	EXPECT(corners_a_x2E_b(corners), 1009);
	EXPECT(corners_a_b(corners), 1010);
	EXPECT(corners__x2A__x2F__x0A__x23_error_x20__x22_x_x22__x20__x2F__x2A_(corners), 1011);
}

static void others(struct corners *corners)
{
	EXPECT((int32_t)pal_memory_size(corners__memory(corners)), 65536);
	EXPECT((int32_t)pal_table_size(corners_int(corners)), 2);
	EXPECT((*corners_NULL(corners))++, 7);
	EXPECT(*corners_NULL(corners), 8);
	EXPECT(*corners_constant(corners) == 0.5, 1);
	pal_externref here;
	here.ref = corners;
	pal_v128 vector;
	memset(&vector, 5, sizeof vector);
	struct corners_results_results results;
	corners_results(corners, 42, 1.5f, here, &vector, &results);
	EXPECT(results.r0, 42);
	EXPECT(results.r1.ref == corners && results.r2.bytes[15] == 5 && results.r3 == 1.5, 1);
}

int main(void)
{
	struct corners *corners;
	pal_trap trap = pal_corners_instantiate(
	    &corners, &given__, &given_main, &given_strlen, &given_for_, &given_posix, &given_linux_, &given_int32,
	    &given__xCF__x80_, &given_pal_memory_, &given_corners_, &given__7_x2D_zip);
	if (trap != PAL_TRAP_NONE)
		return fprintf(stderr, "%s\n", pal_last_trap()->message), 1;
	functions(corners);
	others(corners);
	/* libc's own names still mean libc's functions. */
	char *copy = (char *)malloc(16);
	if (copy == NULL)
		return 1;
	strcpy(copy, "still libc");
	EXPECT((int32_t)strlen(copy), 10);
	free(copy);
	EXPECT(system("exit 3") != -1, 1); /* libc's posix_spawn is inside */
	pal_corners_free(corners);
	if (failures == 0)
		puts("all good");
	return failures;
}
