/* Tests rt/main.c: a program without wasm modules' code, whose parts are C functions here. main() runs in child
 * processes, started by a constructor that then checks what they did. */
#define _GNU_SOURCE
#include "context.h"
#include "palisade.h"
#include "trap.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv);

static const char *behaviour; /* what the guest does */
static uint8_t *context;

/* ---- The program ---- */

static int32_t instantiate(void **out, void *const *imports)
{
	if (imports[0] == NULL)
		return PAL_TRAP_HOST;
	*out = context;
	if (strcmp(behaviour, "link") == 0) {
		static const struct pal_module old = { .abi = 0 };
		return pal_rt_instantiate(&old, out, imports);
	}
	return PAL_TRAP_NONE;
}

static int initialized;
static void initialize(void *pinned)
{
	initialized = pinned == context;
}

/* Uses most of its stack of 1 MiB, which is less than a thread would have. */
__attribute__((noinline)) static int use_stack(int depth)
{
	volatile char room[1024];
	memset((char *)room, depth, sizeof room);
	return depth == 0 ? room[5] : use_stack(depth - 1) + room[7] * 0;
}

static void start(void *pinned)
{
	if (pinned != context || !initialized)
		_exit(99);
	use_stack(500);
	uint64_t limit, room, here = (uint64_t)(uintptr_t)__builtin_frame_address(0);
	pal_rt_stack_enter(pinned);
	memcpy(&limit, context - PAL_CONTEXT_STACK_LIMIT, 8);
	memcpy(&room, context - PAL_CONTEXT_STACK_ROOM, 8);
	if (here - limit >= room || here - limit > (1 << 20) - PAL_STACK_RESERVE)
		_exit(98);
	if (strcmp(behaviour, "exit") == 0)
		pal_rt_exit(42);
	if (strcmp(behaviour, "trap") == 0)
		pal_raise(PAL_TRAP_UNREACHABLE, NULL);
}

static const struct pal_import_module import_module = { NULL, 0, 0 };
static const struct pal_module module = { .import_module_count = 1, .import_modules = &import_module };
static const int32_t sources[] = { PAL_SOURCE_WASI };
static const struct pal_program_module modules[] = { { instantiate, &module, sources } };
static const char *const dirs[] = { "/::/root:ro", NULL };
static const char *const envs[] = { "A=1", NULL };
extern const struct pal_program pal_program;
const struct pal_program pal_program = {
	.modules = modules, .start = start, .initialize = initialize, .dirs = dirs, .envs = envs, .module_count = 1, .stack_size = 1 << 20,
};

/* ---- WASI, in name only ---- */

struct pal_wasi { int unused; };
struct wasi_snapshot_preview1 { int unused; };
static struct pal_wasi the_wasi;
static struct wasi_snapshot_preview1 the_view;

pal_status pal_wasi_new(pal_wasi **out, const pal_wasi_options *options)
{
	*out = NULL;
	for (size_t i = 0; i < options->dir_count; i++)
		if (access(options->dirs[i].host, F_OK) != 0)
			return PAL_E_OS;
	int fine = options->argc == 2 && !strcmp(options->argv[1], "argument") && !strcmp(options->env[0], "A=1");
	fine = fine && !strcmp(options->dirs[0].guest, "/root") && options->dirs[0].read_only == 1;
	if (getenv("PALISADE_DIR"))
		fine = fine && options->dir_count == 2 && !strcmp(options->dirs[1].host, "/tmp") && !strcmp(options->env[1], "B=2");
	if (!fine)
		_exit(97);
	*out = &the_wasi;
	return PAL_OK;
}

struct wasi_snapshot_preview1 *pal_wasi_view(pal_wasi *wasi)
{
	return wasi == &the_wasi ? &the_view : NULL;
}

void pal_wasi_view_free(struct wasi_snapshot_preview1 *view) { (void)view; }

struct wasi *pal_wasi_threads(pal_thread_main *run, void *data, size_t stack_size)
{
	static int any;
	return run && data && stack_size == 1 << 20 ? (struct wasi *)&any : NULL;
}

/* ---- Checks ---- */

static void check(const char *what, int expected, const char *output)
{
	int ends[2];
	if (pipe(ends) != 0)
		exit(1);
	pid_t child = fork();
	if (child == 0) {
		dup2(ends[1], 2);
		close(ends[0]);
		behaviour = what;
		exit(main(2, (char *[]){ "program", "argument", NULL }));
	}
	close(ends[1]);
	char text[1024];
	size_t length = 0;
	ssize_t got;
	while ((got = read(ends[0], text + length, sizeof text - 1 - length)) > 0)
		length += (size_t)got;
	text[length] = 0;
	close(ends[0]);
	int status;
	waitpid(child, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == expected && strcmp(text, output) == 0)
		return;
	fprintf(stderr, "main_test: %s: status %#x, output: %s\n", what, status, text);
	exit(1);
}

__attribute__((constructor)) static void check_all(void)
{
	context = (uint8_t *)calloc(2, 64) + 64;
	unsetenv("PALISADE_DIR");
	unsetenv("PALISADE_ENV");
	check("return", 0, "");
	check("exit", 42, "");
	check("trap", 134, "palisade: trap: unreachable\n");
	check("link", 1, "palisade: error: the module was compiled for another version of the runtime\n");
	setenv("B", "2", 1);
	setenv("PALISADE_DIR", "/tmp", 1);
	setenv("PALISADE_ENV", "B", 1);
	check("return", 0, "");
	setenv("PALISADE_DIR", "/tmp,/no/such", 1);
	check("unopenable", 1, "palisade: error: cannot open directory \"/no/such\": No such file or directory\n");
	setenv("PALISADE_DIR", "::", 1);
	check("malformed", 1, "palisade: error: not of the form HOST[::GUEST][:ro],…: PALISADE_DIR \"::\"\n");
	puts("main_test: passed");
	exit(0);
}
