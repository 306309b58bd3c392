/* main() of an executable made of wasm modules: gives the guest its arguments and grants, makes the instances on a
 * stack of the size that was asked for, and runs `_start`. In a file of its own, so that programs with a main of their
 * own don't get this one from the archive. */
#include "arch.h"
#include "context.h"
#include "grants.h"
#include "palisade.h"
#include "port.h"
#include "report.h"
#include "sanitize.h"
#include "text.h"
#include "thread.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern const struct pal_program pal_program; /* written by the compiler */
extern char **environ;

enum { STATUS_ERROR = 1, STATUS_TRAP = 134 };
enum { STACK_GUARD = 1 << 20 }; /* a multiple of every page size */

static _Noreturn void fail(const char *what, const char *name, const char *why)
{
	char line[1024];
	struct pal_text text = pal_text_in(line, sizeof line - 1); /* room for the line's end */
	pal_text_add(&text, "palisade: error: ");
	pal_text_add(&text, what);
	if (name) {
		pal_text_add(&text, " \"");
		pal_text_name(&text, name);
		pal_text_add(&text, "\"");
	}
	if (why) {
		pal_text_add(&text, ": ");
		pal_text_add(&text, why);
	}
	size_t length = (size_t)(text.at - line);
	line[length++] = '\n';
	pal_port_print(line, length);
	exit(STATUS_ERROR);
}

/* ---- Grants ---- */

static void collect_grants(struct pal_grants *grants)
{
	for (const char *const *dir = pal_program.dirs; dir && *dir; dir++)
		if (!pal_grants_dir(grants, *dir))
			fail("not of the form HOST[::GUEST][:ro]: --dir", *dir, NULL);
	const char *dirs = getenv("PALISADE_DIR");
	if (dirs && !pal_grants_dir_list(grants, dirs))
		fail("not of the form HOST[::GUEST][:ro],…: PALISADE_DIR", dirs, NULL);
	for (const char *const *env = pal_program.envs; env && *env; env++)
		if (!pal_grants_env(grants, *env, environ))
			fail("not of the form NAME[=VALUE]: --env", *env, NULL);
	const char *envs = getenv("PALISADE_ENV");
	if (envs && !pal_grants_env_list(grants, envs, environ))
		fail("not a list of names: PALISADE_ENV", envs, NULL);
}

/* Which of the directories can't be opened? */
static _Noreturn void fail_dirs(const struct pal_grants *grants, int error)
{
	for (size_t i = 0; i < grants->dir_count; i++) {
		int descriptor = open(grants->dirs[i].host, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (descriptor < 0)
			fail("cannot open directory", grants->dirs[i].host, strerror(errno));
		close(descriptor);
	}
	fail("cannot open the granted directories", NULL, strerror(error));
}

static pal_wasi *make_wasi(int argc, char **argv)
{
	struct pal_grants grants = { 0 };
	collect_grants(&grants);
	pal_wasi_options options = {
		.argc = argc,
		.argv = (const char *const *)argv,
		.env = (const char *const *)grants.envs,
		.dirs = grants.dirs,
		.dir_count = grants.dir_count,
	};
	pal_wasi *wasi;
	pal_status status = pal_wasi_new(&wasi, &options);
	if (status == PAL_E_OS)
		fail_dirs(&grants, errno);
	if (status != PAL_OK)
		fail("out of memory", NULL, NULL);
	pal_grants_drop(&grants); /* everything is copied */
	return wasi;
}

/* ---- Running ---- */

struct run {
	pal_wasi *wasi;
	void **instances;
	pal_trap trap;
	bool linking; /* still making instances */
	const void *thread_stack; /* for sanitize.h */
	size_t thread_stack_size;
};

static void *source(const struct run *run, int32_t index)
{
	if (index >= 0)
		return run->instances[index];
	void *view = pal_wasi_view(run->wasi);
	if (view == NULL)
		fail("out of memory", NULL, NULL);
	return view;
}

static void make_instance(struct run *run, uint64_t index)
{
	const struct pal_program_module *module = &pal_program.modules[index];
	uint32_t count = module->module->import_module_count;
	void **imports = calloc((size_t)count + 1, sizeof *imports);
	if (imports == NULL)
		fail("out of memory", NULL, NULL);
	for (uint32_t i = 0; i < count; i++)
		imports[i] = source(run, module->sources[i]);
	run->trap = (pal_trap)module->instantiate(&run->instances[index], imports);
	free(imports);
}

static void run_exports(void *arg)
{
	void *last = *(void **)arg;
	if (pal_program.initialize)
		pal_program.initialize(last);
	if (pal_program.start)
		pal_program.start(last);
}

static void run_modules(struct run *run)
{
	run->linking = true;
	for (uint64_t i = 0; i < pal_program.module_count && run->trap == PAL_TRAP_NONE; i++)
		make_instance(run, i);
	if (run->trap != PAL_TRAP_NONE || pal_program.module_count == 0)
		return;
	run->linking = false;
	run->trap = pal_try(run_exports, &run->instances[pal_program.module_count - 1]);
}

static void run_program(void *arg)
{
	struct run *run = arg;
	__sanitizer_finish_switch_fiber(NULL, &run->thread_stack, &run->thread_stack_size);
	run_modules(run);
	__sanitizer_start_switch_fiber(NULL, run->thread_stack, run->thread_stack_size);
}

/* The stack's pages become memory as they are used. */
static void on_own_stack(struct run *run)
{
	if (pal_program.stack_size > SIZE_MAX / 2)
		fail("the stack is too large", NULL, NULL);
	size_t page = pal_port_page();
	size_t size = ((size_t)pal_program.stack_size + page - 1) & ~(page - 1); /* at most SIZE_MAX / 2 + a page */
	char *mapping = pal_port_reserve(size + STACK_GUARD);
	if (mapping == NULL || !pal_port_commit(mapping + STACK_GUARD, size))
		fail("no memory for the stack", NULL, NULL);
	uintptr_t low = (uintptr_t)mapping + STACK_GUARD;
	pal_thread.mapped = (struct pal_stack){ low, low + size, 0 };
	void *kept = NULL;
	__sanitizer_start_switch_fiber(&kept, (void *)low, size);
	pal_switch_stack((void *)(low + size), run_program, run);
	__sanitizer_finish_switch_fiber(kept, NULL, NULL);
	pal_thread.mapped = (struct pal_stack){ 0, 0, 0 };
}

int main(int argc, char **argv)
{
	struct run run = { .wasi = make_wasi(argc, argv) };
	run.instances = calloc((size_t)pal_program.module_count + 1, sizeof *run.instances);
	if (run.instances == NULL)
		fail("out of memory", NULL, NULL);
	on_own_stack(&run);
	free(run.instances); /* the instances themselves go with the process */
	const pal_trap_info *trap = pal_last_trap();
	if (run.trap == PAL_TRAP_NONE)
		return 0;
	if (run.trap == PAL_TRAP_EXIT)
		exit(trap->exit_code);
	if (run.trap == PAL_TRAP_LINK && run.linking)
		fail(trap->message, NULL, NULL);
	pal_report();
	_exit(STATUS_TRAP);
}
