/* A program with modules and the runtime, and a library with its own of both, loaded later: they know nothing of each
 * other but that faults are passed on, and what comes from the other side is refused. */
#include "own.h"
#include "wants_memory.h"
#include "wants_table.h"
#include "wants_tag.h"
#include "wants_global.h"
#include "check.h"

#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What is given to the modules that want something. */
struct env {
	pal_memory *memory;
	pal_table *table;
	pal_tag *tag;
	pal_funcref global;
};
pal_memory *env_memory(struct env *env) { return env->memory; }
pal_table *env_table(struct env *env) { return env->table; }
pal_tag *env_tag(struct env *env) { return env->tag; }
const pal_funcref *env_global(struct env *env) { return &env->global; }

static struct theirs {
	void *library;
	pal_trap (*instantiate)(void **out);
	void (*free)(void *);
	int32_t (*load)(void *, int32_t);
	pal_memory *(*memory)(void *);
	pal_table *(*table)(void *);
	pal_tag *(*tag)(void *);
	pal_funcref (*give)(void *);
	pal_trap (*try)(void (*)(void *), void *);
	const pal_trap_info *(*last_trap)(void);
} theirs;

#define FIND(field, symbol) \
	do { \
		void *found = dlsym(theirs.library, symbol); \
		CHECK(found); \
		memcpy(&theirs.field, &found, sizeof found); \
	} while (0)

static void load_library(const char *path)
{
	theirs.library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	CHECK(theirs.library);
	FIND(instantiate, "pal_theirs_instantiate");
	FIND(free, "pal_theirs_free");
	FIND(load, "wasm.theirs.load");
	FIND(memory, "wasm.theirs.memory");
	FIND(table, "wasm.theirs.table");
	FIND(tag, "wasm.theirs.tag");
	FIND(give, "wasm.theirs.give");
	FIND(try, "pal_try");
	FIND(last_trap, "pal_last_trap");
	CHECK(theirs.try != pal_try);
}

struct pair {
	struct own *own;
	void *other;
	int caught;
};

static void own_fault(void *pair) { own_load(((struct pair *)pair)->own, 65536); }
static void other_fault(void *pair) { theirs.load(((struct pair *)pair)->other, 70000); }
static void deep(void *instance) { own_deep(instance); }

/* Each catches its own, below the other's. */
static void both(void *arg)
{
	struct pair *pair = arg;
	CHECK(theirs.try(other_fault, pair) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS && theirs.last_trap()->address == 70000);
	CHECK(pal_try(own_fault, pair) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS && pal_last_trap()->address == 65536);
	pair->caught++;
}

static void *rounds(void *unused)
{
	(void)unused;
	struct pair pair = { NULL, NULL, 0 };
	CHECK(pal_own_instantiate(&pair.own) == PAL_TRAP_NONE && theirs.instantiate(&pair.other) == PAL_TRAP_NONE);
	for (int i = 0; i < 20; i++) {
		CHECK(pal_try(both, &pair) == PAL_TRAP_NONE && theirs.try(both, &pair) == PAL_TRAP_NONE);
		CHECK(pal_try(deep, pair.own) == PAL_TRAP_STACK_OVERFLOW);
	}
	CHECK(pair.caught == 40);
	pal_own_free(pair.own);
	theirs.free(pair.other);
	return NULL;
}

static sigjmp_buf back;
static void on_fault(int signal)
{
	(void)signal;
	siglongjmp(back, 1);
}

static void hosts_own_fault(void *unused)
{
	(void)unused;
	*(volatile int *)(uintptr_t)8 = 1;
}

#define REFUSED(module, field) \
	do { \
		struct module *none; \
		CHECK(pal_##module##_instantiate(&none, &env) == PAL_TRAP_LINK && none == NULL); \
		CHECK(strstr(pal_last_trap()->message, "module \"" #module "\": import \"env\" \"" #field \
		             "\": it belongs to another copy of Palisade's runtime in this process")); \
	} while (0)

int main(int argc, char **argv)
{
	struct sigaction handler = { .sa_handler = on_fault, .sa_flags = SA_NODEFER };
	sigaction(SIGSEGV, &handler, NULL);
	struct pair pair = { NULL, NULL, 0 };
	CHECK(argc == 3);
	bool late = argv[2][0] == '1'; /* which one's handler is asked first */
	if (late)
		CHECK(pal_own_instantiate(&pair.own) == PAL_TRAP_NONE);
	load_library(argv[1]);
	CHECK(theirs.instantiate(&pair.other) == PAL_TRAP_NONE);
	if (!late)
		CHECK(pal_own_instantiate(&pair.own) == PAL_TRAP_NONE);

	rounds(NULL);
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, rounds, NULL) == 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);

	/* What is nobody's goes on to the host's handler. */
	if (sigsetjmp(back, 1) == 0) {
		hosts_own_fault(NULL);
		return 1;
	}

	/* Nothing goes from one side to the other. */
	struct env env = { theirs.memory(pair.other), theirs.table(pair.other), theirs.tag(pair.other),
	                   theirs.give(pair.other) };
	REFUSED(wants_memory, memory);
	REFUSED(wants_table, table);
	REFUSED(wants_tag, tag);
	REFUSED(wants_global, global);
	CHECK(pal_table_set(own_table(pair.own), 0, env.global.ref) == PAL_E_TYPE);
	CHECK(pal_table_set(own_table(pair.own), 0, own_give(pair.own).ref) == PAL_OK);

	/* A trap on one side doesn't see the pal_try of the other: it is the end. */
	pid_t child = fork();
	if (child == 0) {
		pal_try(other_fault, &pair);
		_exit(0);
	}
	int status;
	CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);

	/* The library's handler stays. */
	theirs.free(pair.other);
	dlclose(theirs.library);
	CHECK(pal_try(own_fault, &pair) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	if (sigsetjmp(back, 1) == 0) {
		hosts_own_fault(NULL);
		return 1;
	}
	pal_own_free(pair.own);
	puts("all good");
	return 0;
}
