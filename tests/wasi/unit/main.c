/* Calls the functions of WASI directly, as compiled code does, and looks at what they answer and what happened to the
 * host's files. `main [NAME…]` runs the tests whose names begin so. PALISADE_RACE_SECONDS is how long each race goes
 * on (2). */
#include "guest.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct { const char *name; void (*run)(void); enum run how; } tests[] = {
#define ENTER_TEST(name, run) { #name, name, run },
	TESTS(ENTER_TEST)
};

static bool wanted(const char *name, int argc, char **argv)
{
	bool any = argc < 2;
	for (int i = 1; i < argc; i++)
		any |= strncmp(name, argv[i], strlen(argv[i])) == 0;
	return any;
}

int main(int argc, char **argv)
{
	int count = 0;
#ifndef _WIN32
	const char *race = getenv("PALISADE_RACE_SECONDS");
#endif
	bool openat2 = pal_wasi_uses_openat2();
	if (!openat2)
		fprintf(stderr, "left out: openat2: this kernel has none\n");
	for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
		if (!wanted(tests[i].name, argc, argv))
			continue;
		for (int walk = 0; walk <= (tests[i].how == BOTH && openat2); walk++) {
			int before = failures;
#ifndef _WIN32
			alarm(120 + (race ? (unsigned)atoi(race) : 0)); /* nothing here may hang */
#endif
			pal_wasi_disable_openat2(walk);
			variant = walk ? "(walk) " : "";
			tests[i].run();
			count++;
			if (failures != before)
				fprintf(stderr, "failed: %s %s\n", tests[i].name, variant);
		}
	}
	printf("%d tests, %d checks failed\n", count, failures);
	return failures != 0;
}
