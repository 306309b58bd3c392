/* Runs a script of the spec suite on the modules linked into this executable.
 *
 * The script (its path is the only argument) has one step a line:
 *
 *   S name                                a new .wast file, run in a process of its own: a crash ends this file only;
 *                                         but on Windows, which has no fork, in the same one
 *   I id slot module n import… ending     makes an instance; imports are slots
 *   C id slot export n argument… ending   calls an export, or reads a global
 *   R id slot                             passes if the slot has an instance
 *   F slot                                frees an instance
 *
 * `id` numbers the directive in the answer, `-` asks for an answer only if the step fails. Endings:
 *
 *   r n pattern…    returns these results        t kind[,kind…]   traps with one of these pal_trap kinds
 *   any             returns                      ok               makes an instance
 *
 * Values: i/l/f/d + bits in hex (i32, i64, f32, f64), v + 32 digits (v128, byte 0 first), n (null), e + number (the
 * host's reference of this number). Patterns, `|` between alternatives: values, fc/fa/dc/da (canonical and arithmetic
 * NaN), wf/wd + lanes with commas between (hex, c or a), R (not null).
 *
 * Answers: `p id`, `f id what happened`, `x name how` if a file's process ended early. */
#include "script.h"

#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef _WIN32
#include <windows.h>
#else
#include <sys/wait.h>
#include <unistd.h>
#endif

enum { MAX_SLOTS = 1024, MAX_VALUES = 64, FILE_SECONDS = 300 };

static void *slots[MAX_SLOTS];
static int slot_module[MAX_SLOTS];
char host_objects[1 << 16];

/* ---- Answers ---- */

static void pass(const char *id)
{
	if (*id != '-')
		printf("p %s\n", id);
}

static void fail(const char *id, const char *what) { printf("f %s %s\n", id, what); }

static void describe_trap(char *out, size_t room, pal_trap kind)
{
	const pal_trap_info *info = pal_last_trap();
	snprintf(out, room, "trap %d (%s: %s)", kind, pal_trap_text(kind), info->message ? info->message : "");
}

/* ---- Values ---- */

static uint64_t bits_of(const char *hex, int digits)
{
	char text[17] = {0};
	memcpy(text, hex, (size_t)digits);
	return strtoull(text, NULL, 16);
}

static value parse_value(const char *text)
{
	value v;
	memset(&v, 0, sizeof v);
	switch (text[0]) {
	case 'i': case 'f': v.u32 = (uint32_t)strtoull(text + 1, NULL, 16); break;
	case 'l': case 'd': v.u64 = strtoull(text + 1, NULL, 16); break;
	case 'v':
		for (int i = 0; i < 16; i++)
			v.bytes[i] = (uint8_t)bits_of(text + 1 + 2 * i, 2);
		break;
	case 'e': v.ref = &host_objects[atoi(text + 1)]; break;
	default: break; /* n: null */
	}
	return v;
}

static void print_value(char *out, size_t room, char type, const value *v)
{
	switch (type) {
	case 'i': case 'f': snprintf(out, room, "%c%08" PRIx32, type, v->u32); break;
	case 'l': case 'd': snprintf(out, room, "%c%016" PRIx64, type, v->u64); break;
	case 'v':
		*out++ = 'v';
		for (int i = 0; i < 16; i++)
			snprintf(out + 2 * i, 3, "%02x", v->bytes[i]);
		break;
	default:
		if (!v->ref)
			snprintf(out, room, "null");
		else if (host_object(v->ref) >= 0)
			snprintf(out, room, "e%d", host_object(v->ref));
		else
			snprintf(out, room, "reference %p", v->ref);
	}
}

static bool f32_matches(uint32_t bits, const char *pattern)
{
	if (*pattern == 'c')
		return (bits & 0x7fffffff) == 0x7fc00000;
	if (*pattern == 'a')
		return (bits & 0x7fc00000) == 0x7fc00000;
	return bits == (uint32_t)strtoull(pattern, NULL, 16);
}

static bool f64_matches(uint64_t bits, const char *pattern)
{
	const uint64_t quiet = UINT64_C(0x7ff8000000000000);
	if (*pattern == 'c')
		return (bits & INT64_MAX) == quiet;
	if (*pattern == 'a')
		return (bits & quiet) == quiet;
	return bits == strtoull(pattern, NULL, 16);
}

/* A hex lane that begins with `a` or `c` would read as a NaN: lanes carry a leading 0 (written by script.rs). */
static bool lanes_match(const value *v, const char *pattern)
{
	bool wide = pattern[1] == 'd';
	const char *lane = pattern + 2;
	for (int i = 0; i < (wide ? 2 : 4); i++) {
		uint32_t narrow_bits;
		uint64_t wide_bits;
		memcpy(&narrow_bits, v->bytes + 4 * i, 4);
		memcpy(&wide_bits, v->bytes + (wide ? 8 * i : 0), 8);
		if (!(wide ? f64_matches(wide_bits, lane) : f32_matches(narrow_bits, lane)))
			return false;
		lane = strchr(lane, ',');
		if (!lane)
			return i == (wide ? 1 : 3);
		lane++;
	}
	return false;
}

static bool is_nan_pattern(const char *p) { return (p[1] == 'c' || p[1] == 'a') && !p[2]; }

static bool matches_one(char type, const value *v, const char *pattern)
{
	switch (pattern[0]) {
	case 'f':
		return type == 'f' && (is_nan_pattern(pattern) ? f32_matches(v->u32, pattern + 1)
		                                               : v->u32 == parse_value(pattern).u32);
	case 'd':
		return type == 'd' && (is_nan_pattern(pattern) ? f64_matches(v->u64, pattern + 1)
		                                               : v->u64 == parse_value(pattern).u64);
	case 'i': return type == 'i' && v->u32 == parse_value(pattern).u32;
	case 'l': return type == 'l' && v->u64 == parse_value(pattern).u64;
	case 'v': {
		value wanted = parse_value(pattern);
		return type == 'v' && memcmp(v->bytes, wanted.bytes, 16) == 0;
	}
	case 'w': return type == 'v' && lanes_match(v, pattern);
	case 'n': return type == 'r' && !v->ref;
	case 'R': return type == 'r' && v->ref;
	case 'e': return type == 'r' && v->ref == parse_value(pattern).ref;
	default: return false;
	}
}

static bool matches(char type, const value *v, char *pattern)
{
	for (char *one = pattern; one;) {
		char *next = strchr(one, '|');
		if (next)
			*next++ = 0;
		if (matches_one(type, v, one))
			return true;
		one = next;
	}
	return false;
}

/* ---- Steps ---- */

/* Of a step that trapped. */
static void judge_trap(const char *id, const char *ending, pal_trap kind)
{
	char text[512];
	if (*ending == 't')
		for (char *one = strtok(word(), ","); one; one = strtok(NULL, ","))
			if ((pal_trap)atoi(one) == kind) {
				pass(id);
				return;
			}
	describe_trap(text, sizeof text, kind);
	fail(id, text);
}

static void judge_results(const char *id, const char *types, const value *results)
{
	bool good = number() == (int)strlen(types);
	char text[64 * MAX_VALUES] = "";
	size_t length = 0;
	for (int i = 0; types[i]; i++) {
		if (i)
			text[length++] = ' ';
		print_value(text + length, 64, types[i], &results[i]);
		length += strlen(text + length);
		good = good && matches(types[i], &results[i], word());
	}
	good ? pass(id) : fail(id, *text ? text : "nothing");
}

static void step_call(void)
{
	static value arguments[MAX_VALUES], results[MAX_VALUES];
	struct linked_call c = { .arguments = arguments, .results = results };
	const char *id = word();
	c.instance = slots[number()];
	c.export = &linked_exports[number()];
	int count = number();
	for (int i = 0; i < count; i++)
		arguments[i] = parse_value(word());
	const char *ending = word();
	memset(results, 0xa5, sizeof results);
	if (!c.instance) {
		fail(id, "its module has no instance");
		return;
	}
	pal_trap kind = pal_try(linked_call, &c);
	if (kind != PAL_TRAP_NONE)
		judge_trap(id, ending, kind);
	else if (*ending == 'r')
		judge_results(id, c.export->results, results);
	else if (*ending == 'a')
		pass(id);
	else
		fail(id, "it returned");
}

struct making {
	const struct module *module;
	void **out;
	void *imports[MAX_IMPORTS];
	pal_trap trap;
};

static void do_instantiate(void *arg)
{
	struct making *m = arg;
	m->trap = m->module->instantiate(m->out, m->imports);
}

static void step_instantiate(void)
{
	static char not_set;
	struct making m;
	const char *id = word();
	int slot = number(), module = number(), imports = number();
	m.module = &linked_modules[module];
	m.out = &slots[slot];
	*m.out = &not_set;
	slot_module[slot] = module;
	for (int i = 0; i < imports; i++)
		if (!(m.imports[i] = slots[number()])) {
			*m.out = NULL;
			fail(id, "a module it imports from has no instance");
			return;
		}
	const char *ending = word();
	pal_trap stray = pal_try(do_instantiate, &m);
	if (stray != PAL_TRAP_NONE) {
		*m.out = NULL;
		fail(id, "a trap left pal_…_instantiate instead of being returned");
	} else if ((m.trap == PAL_TRAP_NONE) != (*m.out != NULL) || *m.out == &not_set) {
		*m.out = NULL;
		fail(id, "*out is not as the returned trap says");
	} else if (m.trap != PAL_TRAP_NONE) {
		judge_trap(id, ending, m.trap);
	} else {
		*ending == 'o' ? pass(id) : fail(id, "it was instantiated");
	}
}

static void step_register(void)
{
	const char *id = word();
	slots[number()] ? pass(id) : fail(id, "there is no instance");
}

static void step_free(void)
{
	int slot = number();
	if (slots[slot])
		linked_modules[slot_module[slot]].free(slots[slot]);
	slots[slot] = NULL;
}

struct line {
	char *text; /* without its end */
	size_t room;
};

/* False: there is none left. */
static bool next_line(FILE *script, struct line *line)
{
	size_t length = 0;
	do {
		if (line->room - length < 2 && !(line->text = realloc(line->text, line->room += 4096)))
			exit(1);
		if (!fgets(line->text + length, (int)(line->room - length), script))
			return length > 0;
		length += strlen(line->text + length);
	} while (line->text[length - 1] != '\n');
	line->text[length - 1] = 0;
	return true;
}

/* Runs the lines from the current one to the next `S`. */
static void run_file(FILE *script)
{
	static struct line line;
	while (next_line(script, &line) && line.text[0] != 'S') {
		cursor = line.text + 1;
		switch (line.text[0]) {
		case 'I': step_instantiate(); break;
		case 'C': step_call(); break;
		case 'R': step_register(); break;
		case 'F': step_free(); break;
		default: fail("-", "a line of the script is not understood");
		}
	}
}

/* A handle of its own: parent and child would share one position. */
static void run_from(const char *path, long position)
{
	FILE *script = fopen(path, "rb");
	if (!script || fseek(script, position, SEEK_SET))
		exit(1);
	run_file(script);
	fclose(script);
}

#ifdef _WIN32
static volatile ULONGLONG file_begun;

static DWORD WINAPI end_what_is_too_slow(void *unused)
{
	(void)unused;
	while (GetTickCount64() - file_begun < FILE_SECONDS * 1000)
		Sleep(1000);
	fputs("too slow\n", stderr);
	ExitProcess(1);
}

/* A crash ends all, and `end` is not said: the scripts are then tried in smaller batches. */
static void run_apart(const char *path, long position, const char *name)
{
	(void)name;
	file_begun = GetTickCount64();
	run_from(path, position);
	for (int slot = 0; slot < MAX_SLOTS; slot++) {
		if (slots[slot])
			linked_modules[slot_module[slot]].free(slots[slot]);
		slots[slot] = NULL;
	}
}

static void begin(void)
{
	file_begun = GetTickCount64();
	if (!CreateThread(NULL, 0, end_what_is_too_slow, NULL, 0, NULL))
		exit(1);
}
#else
static void run_apart(const char *path, long position, const char *name)
{
	int status;
	pid_t child = fork();
	if (child < 0) {
		perror("fork");
		exit(1);
	}
	if (child == 0) {
		alarm(FILE_SECONDS);
		run_from(path, position);
		fflush(stdout);
		_exit(0);
	}
	waitpid(child, &status, 0);
	if (WIFSIGNALED(status))
		printf("x %s signal %d%s\n", name, WTERMSIG(status), WTERMSIG(status) == SIGALRM ? " (too slow)" : "");
	else if (WEXITSTATUS(status))
		printf("x %s status %d\n", name, WEXITSTATUS(status));
}

static void begin(void)
{
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ); /* what was answered before a crash counts */
}
#endif

int main(int argc, char **argv)
{
	struct line line = {0};
	FILE *script = argc == 2 ? fopen(argv[1], "rb") : NULL;
	if (!script) {
		fprintf(stderr, "usage: %s SCRIPT\n", argv[0]);
		return 2;
	}
	begin();
	while (next_line(script, &line))
		if (line.text[0] == 'S')
			run_apart(argv[1], ftell(script), line.text + 2);
	puts("end");
	return 0;
}
