/* main() of an executable made of wasm modules: gives the guest its arguments and grants, makes the instances on a
 * stack of the size that was asked for, and runs `_start`. In a file of its own, so that programs with a main of their
 * own don't get this one from the archive. */
#include "context.h"
#include "grants.h"
#include "memory.h"
#include "palisade.h"
#include "port.h"
#include "report.h"
#include "text.h"
#include "wasi/os.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

extern const struct pal_program pal_program; /* written by the compiler */

enum { STATUS_ERROR = 1, STATUS_TRAP = 134 };

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

/* The value of a variable, or NULL. */
static const char *variable(char **environment, const char *name)
{
	size_t length = strlen(name);
	for (; *environment; environment++)
		if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
			return *environment + length + 1;
	return NULL;
}

static void collect_grants(struct pal_grants *grants, char **environment)
{
	for (const char *const *dir = pal_program.dirs; dir && *dir; dir++)
		if (!pal_grants_dir(grants, *dir))
			fail("not of the form HOST[::GUEST][:ro]: --dir", *dir, NULL);
	const char *dirs = variable(environment, "PALISADE_DIR");
	if (dirs && !pal_grants_dir_list(grants, dirs))
		fail("not of the form HOST[::GUEST][:ro],…: PALISADE_DIR", dirs, NULL);
	for (const char *const *env = pal_program.envs; env && *env; env++)
		if (!pal_grants_env(grants, *env, environment))
			fail("not of the form NAME[=VALUE]: --env", *env, NULL);
	const char *envs = variable(environment, "PALISADE_ENV");
	if (envs && !pal_grants_env_list(grants, envs, environment))
		fail("not a list of names: PALISADE_ENV", envs, NULL);
}

/* Which of the directories can't be opened? */
static _Noreturn void fail_dirs(const struct pal_grants *grants, int error)
{
	for (size_t i = 0; i < grants->dir_count; i++) {
		int descriptor = open(grants->dirs[i].host, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (descriptor == -1)
			fail("cannot open directory", grants->dirs[i].host, strerror(errno));
		close(descriptor);
	}
	fail("cannot open the granted directories", NULL, strerror(error));
}

static pal_wasi *make_wasi(int argc, char **argv, char **environment)
{
	struct pal_grants grants = { 0 };
	collect_grants(&grants, environment);
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

/* What the threads of the program have in common. */
struct common {
	pal_wasi *wasi;
	struct wasi *threads;
	pal_memory **memories;
	struct pal_lock ending;
};

/* One thread, with instances of its own. */
struct run {
	struct common *common;
	void **instances;
	struct wasi_snapshot_preview1 **views; /* one per instance that asks for WASI */
	pal_trap trap;
	bool linking; /* still making instances */
};

/* Ends the process as the calling thread did. The lock is never given back: the first thread to end decides. */
static _Noreturn void end(struct run *run)
{
	pal_lock(&run->common->ending);
	const pal_trap_info *trap = pal_last_trap();
	if (run->trap == PAL_TRAP_NONE)
		exit(0);
	if (run->trap == PAL_TRAP_EXIT)
		exit(trap->exit_code);
	if (run->trap == PAL_TRAP_LINK && run->linking)
		fail(trap->message, NULL, NULL);
	pal_report();
	_exit(STATUS_TRAP);
}

static struct wasi_snapshot_preview1 *view_of(struct run *run, uint64_t module)
{
	if (run->views[module] == NULL)
		run->views[module] = pal_wasi_view(run->common->wasi);
	if (run->views[module] == NULL)
		fail("out of memory", NULL, NULL);
	return run->views[module];
}

static void *source(struct run *run, uint64_t module, int32_t source)
{
	if (source == PAL_SOURCE_THREADS)
		return run->common->threads;
	if (source == PAL_SOURCE_WASI)
		return view_of(run, module);
	return source < PAL_SOURCE_MEMORY ? run->instances[source] : run->common->memories[source - PAL_SOURCE_MEMORY];
}

static void *zeros(uint64_t count)
{
	void *array = calloc((size_t)count + 1, sizeof(void *)); /* of what the program has: it is in memory */
	if (array == NULL)
		fail("out of memory", NULL, NULL);
	return array;
}

static struct run new_run(struct common *common)
{
	uint64_t count = pal_program.module_count;
	return (struct run){ .common = common, .instances = zeros(count), .views = zeros(count) };
}

static void drop_run(struct run *run)
{
	for (uint64_t i = pal_program.module_count; i-- > 0;) {
		pal_rt_free(run->instances[i]);
		pal_wasi_view_free(run->views[i]);
	}
	free(run->instances);
	free(run->views);
}

static void make_instance(struct run *run, uint64_t index)
{
	const struct pal_program_module *module = &pal_program.modules[index];
	uint32_t count = module->module->import_module_count;
	void **imports = zeros(count);
	for (uint32_t i = 0; i < count; i++)
		imports[i] = source(run, index, module->sources[i]);
	run->trap = (pal_trap)module->instantiate(&run->instances[index], imports);
	free(imports);
}

static void make_instances(struct run *run)
{
	run->linking = true;
	for (uint64_t i = 0; i < pal_program.module_count && run->trap == PAL_TRAP_NONE; i++)
		make_instance(run, i);
	run->linking = run->trap != PAL_TRAP_NONE;
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
	make_instances(run);
	if (run->trap == PAL_TRAP_NONE && pal_program.module_count > 0)
		run->trap = pal_try(run_exports, &run->instances[pal_program.module_count - 1]);
}

static void run_program(void *arg)
{
	struct run *run = arg;
	run_modules(run);
	if (PAL_PORT_STACK_IS_THREAD)
		end(run); /* what it ended with is this thread's to tell */
}

static void on_own_stack(struct run *run)
{
	if (pal_program.stack_size > SIZE_MAX / 2)
		fail("the stack is too large", NULL, NULL);
	if (!pal_port_on_stack((size_t)pal_program.stack_size, run_program, run))
		fail("no memory for the stack", NULL, NULL);
}

/* ---- Threads ---- */

struct thread_start {
	void *instance;
	int32_t tid, start_arg;
};

static void start_thread(void *arg)
{
	const struct thread_start *start = arg;
	pal_program.thread_start(start->instance, start->tid, start->start_arg);
}

/* A pal_thread_main. When it returns the others go on; a trap or an exit ends them all. */
static void run_thread(void *common, int32_t tid, int32_t start_arg)
{
	struct run run = new_run(common);
	make_instances(&run);
	struct thread_start start = { run.instances[pal_program.module_count - 1], tid, start_arg };
	if (run.trap == PAL_TRAP_NONE)
		run.trap = pal_try(start_thread, &start);
	if (run.trap != PAL_TRAP_NONE)
		end(&run);
	drop_run(&run);
}

/* ---- All of it ---- */

static pal_memory *make_memory(const struct pal_memory_desc *desc)
{
	struct pal_memory_spec spec = {
		.minimum = desc->minimum,
		.maximum = desc->maximum,
		.page_log2 = (uint8_t)desc->page_log2, /* at most 16 */
		.index64 = desc->index64,
		.shared = desc->shared,
		.guard = 1,
	};
	struct pal_memory *memory;
	if (pal_memory_make(&memory, &spec) != PAL_OK)
		fail("no room for the memory that the program imports", NULL, NULL);
	return memory;
}

static void make_common(struct common *common, int argc, char **argv)
{
	char **environment;
	if (!pal_port_begin_program(&argc, &argv, &environment))
		fail("out of memory", NULL, NULL);
	common->wasi = make_wasi(argc, argv, environment);
	common->ending = (struct pal_lock)PAL_LOCK_INIT;
	common->memories = zeros(pal_program.memory_count);
	for (uint64_t i = 0; i < pal_program.memory_count; i++)
		common->memories[i] = make_memory(&pal_program.memories[i]);
	if (pal_program.thread_start == NULL)
		return;
	common->threads = pal_wasi_threads(run_thread, common, (size_t)pal_program.stack_size);
	if (common->threads == NULL)
		fail("out of memory", NULL, NULL);
}

/* All goes with the process: other threads may still be using it. */
int main(int argc, char **argv)
{
	struct common common = { 0 };
	make_common(&common, argc, argv);
	struct run run = new_run(&common);
	on_own_stack(&run);
	end(&run);
}
