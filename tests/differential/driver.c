/* Runs a script of modules and calls on one side (driver.h) and prints what happens, in the same words on both.
 *
 * The script (the first argument) has one step a line; names are in hex, NUMBER is a place in listed_exports:
 *
 *   M id                               a new module, of no state
 *   X kind instance NUMBER name type   an export that belongs to the state from now on; kind: g m t (global, …)
 *   N module path host                 drops the instances before and makes the module's; host: 0 or 1
 *   F NUMBER name fuel                 sets the guest's fuel
 *   C instance NUMBER name parameters results value…   calls; types as letters (as parameters e for externref, n for its null, x for
 *                                      exnref), - for none; values in hex, an externref by its number
 *
 * Answers, each after the module's id: `made`, `returned values`, `trap N`, then the state after it. A module that ends
 * the process is answered with `crash`, and the next one begins in a new process. */
#include "driver.h"
#include "script.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_STATE = 4096, MODULE_SECONDS = 60, HASHED = 1 << 21 };
#define STACK_BYTES ((size_t)256 << 20)

char error[256];
char host_objects[1 << 16];

struct exported {
	char kind, type;
	int instance;
	struct name name;
	char text[4096];
};

static struct exported *state[MAX_STATE];
static int state_count;
static bool made;
static char id[32];

static void from_hex(const char *hex, uint8_t *out, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char digits[3] = { hex[2 * i], hex[2 * i + 1], 0 };
		out[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
}

/* Reads NUMBER name; `text` keeps the name. */
static struct name read_name(char *text, size_t room)
{
	struct name name = { number(), text, 0 };
	const char *hex = word() + 1; /* behind a letter: names may be empty */
	name.length = strlen(hex) / 2;
	if (name.length > room) {
		fprintf(stderr, "a name is too long\n");
		exit(1);
	}
	from_hex(hex, (uint8_t *)text, name.length);
	return name;
}

/* ---- Values and state ---- */

static value parse_value(char type, const char *hex)
{
	value v;
	memset(&v, 0, sizeof v);
	if (strchr("renx", type)) /* 0 is null */
		v.ref = atoi(hex) ? &host_objects[atoi(hex)] : NULL;
	else
		from_hex(hex, v.bytes, bytes_of(type));
	return v;
}

static void print_reference(const void *ref)
{
	if (host_object(ref) > 0)
		printf("e%d", host_object(ref));
	else
		printf("%s", ref ? "reference" : "null");
}

static void print_value(char type, const value *v)
{
	printf(" %c", type);
	if (type == 'r')
		print_reference(v->ref);
	else
		for (size_t i = 0; i < bytes_of(type); i++)
			printf("%02x", v->bytes[i]);
}

/* FNV over eight bytes at a time; sizes beyond HASHED are looked at in the beginning only. */
static uint64_t hash(const uint8_t *bytes, uint64_t size)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325), lane;
	size = size < HASHED ? size : HASHED;
	for (; size >= 8; size -= 8, bytes += 8) {
		memcpy(&lane, bytes, 8);
		h = (h ^ lane ^ lane >> 29) * UINT64_C(0x100000001b3);
	}
	while (size-- > 0)
		h = (h ^ *bytes++) * UINT64_C(0x100000001b3);
	return h;
}

static void print_table(const struct exported *e)
{
	uint64_t size = side_table_size(e->instance, e->name), h = 0;
	for (uint64_t i = 0; i < size && i < HASHED; i++) {
		const void *ref = side_table_get(e->instance, e->name, i, e->type);
		int object = host_object(ref);
		h = (h ^ (uint64_t)(object > 0 ? object : ref != NULL)) * UINT64_C(0x100000001b3) + 1;
	}
	printf(" %" PRIu64 "/%016" PRIx64, size, h);
}

static void print_state(void)
{
	if (!made)
		return;
	printf("%s state", id);
	for (int i = 0; i < state_count; i++) {
		struct exported *e = state[i];
		printf(" %c%d", e->kind, i);
		if (e->kind == 'g') {
			value v;
			memset(&v, 0, sizeof v);
			side_global(e->instance, e->name, e->type, &v);
			print_value(e->type, &v);
		} else if (e->kind == 'm') {
			uint64_t size;
			const uint8_t *base = side_memory(e->instance, e->name, &size);
			printf(" %" PRIu64 "/%016" PRIx64, size, hash(base, size));
		} else {
			print_table(e);
		}
	}
	putchar('\n');
}

/* ---- Steps ---- */

static void print_trap(int trap)
{
	if (trap == OTHER_ERROR)
		printf("%s error: %s\n", id, error);
	else
		printf("%s trap %d\n", id, trap);
}

static void step_instantiate(void)
{
	int module = number();
	const char *path = word();
	int trap = side_instantiate(module, path, number());
	made = trap == NO_TRAP;
	if (made)
		printf("%s made\n", id);
	else
		print_trap(trap);
}

static void step_export(void)
{
	struct exported *e = state[state_count];
	if (!e && !(e = state[state_count] = malloc(sizeof *e)))
		exit(1);
	state_count += state_count + 1 < MAX_STATE;
	e->kind = *word();
	e->instance = number();
	e->name = read_name(e->text, sizeof e->text);
	e->type = *word();
}

static void step_fuel(void)
{
	char text[64];
	struct name name = read_name(text, sizeof text);
	side_set_i32(GUEST, name, number());
}

static void step_call(void)
{
	static value arguments[MAX_VALUES], results[MAX_VALUES];
	static char text[4096];
	int instance = number();
	struct name name = read_name(text, sizeof text);
	char *parameters = word(), *types = word();
	if (*parameters == '-')
		*parameters = 0;
	if (*types == '-')
		*types = 0;
	for (int i = 0; parameters[i]; i++)
		arguments[i] = parse_value(parameters[i], word());
	memset(results, 0, sizeof results);
	int trap = side_call(instance, name, parameters, arguments, types, results);
	if (trap != NO_TRAP) {
		print_trap(trap);
	} else {
		printf("%s returned", id);
		for (int i = 0; types[i]; i++)
			print_value(types[i], &results[i]);
		putchar('\n');
	}
}

/* ---- The script ---- */

/* What the parent needs to know of a child that ended early. */
struct progress {
	long next; /* where the script goes on behind the module being run */
	char id[32];
};
static struct progress *progress;

/* Runs the modules from `position` on. */
static void *run(void *path_and_position)
{
	void **both = path_and_position;
	FILE *script = fopen(both[0], "r");
	if (!script || fseek(script, *(long *)both[1], SEEK_SET))
		exit(1);
	static char *line;
	static size_t room;
	for (ssize_t length; (length = getline(&line, &room, script)) > 0;) {
		line[length - 1] = 0;
		cursor = line + 1;
		if (line[0] == 'M') {
			alarm(MODULE_SECONDS);
			state_count = 0;
			made = false;
			snprintf(id, sizeof id, "%s", word());
			snprintf(progress->id, sizeof progress->id, "%s", id);
			progress->next = ftell(script);
		} else if (line[0] == 'N') {
			step_instantiate();
			print_state();
		} else if (line[0] == 'X') {
			step_export();
		} else if (line[0] == 'F' && made) {
			step_fuel();
		} else if (line[0] == 'C' && made) {
			step_call();
			print_state();
		}
	}
	fflush(stdout);
	_exit(0);
}

static void run_on_large_stack(char *path, long position, int argc, char **argv)
{
	pthread_attr_t attributes;
	pthread_t thread;
	void *both[] = { path, &position };
	side_begin(argc, argv);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	if (pthread_create(&thread, &attributes, run, both) || pthread_join(thread, NULL))
		exit(1);
}

/* The place of the next module's line. */
static long next_module(const char *path, long position)
{
	FILE *script = fopen(path, "r");
	char *line = NULL;
	size_t room = 0;
	if (!script || fseek(script, position, SEEK_SET))
		exit(1);
	for (position = ftell(script); getline(&line, &room, script) > 0; position = ftell(script))
		if (line[0] == 'M')
			break;
	free(line);
	fclose(script);
	return position;
}

int main(int argc, char **argv)
{
	progress = mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (argc < 2 || progress == MAP_FAILED)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ); /* what was answered before a crash counts */
	for (long position = 0;;) {
		int status;
		pid_t child = fork();
		if (child < 0)
			return 1;
		if (child == 0)
			run_on_large_stack(argv[1], position, argc, argv);
		waitpid(child, &status, 0);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			break;
		if (WIFEXITED(status))
			return 1; /* the driver's own fault */
		printf("%s crash: signal %d%s\n", progress->id, WTERMSIG(status),
		       WTERMSIG(status) == SIGALRM ? " (too slow)" : "");
		fflush(stdout);
		position = next_module(argv[1], progress->next);
	}
	puts("end");
	return 0;
}
