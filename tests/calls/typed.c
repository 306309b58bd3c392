/* Code calls what has the right type on paper without looking; so nothing of another type may get there from C. */
#include "source.h"
#include "typed.h"
#include "funcrefs.h"
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ADD, SPECIAL, OTHER, NOTHING };

struct env {
	pal_funcref start, variable;
	pal_table *table;
	struct typed *typed;
};

const pal_funcref *env_start(struct env *env) { return &env->start; }
pal_funcref *env_variable(struct env *env) { return &env->variable; }
pal_table *env_table(struct env *env) { return env->table; }
pal_funcref env_choose(struct env *env, int32_t which) { return typed_give(env->typed, which); }

static struct typed *typed;
static int32_t which;

static void call(void *result) { *(int32_t *)result = typed_call(typed, 6, 7, typed_give(typed, which)); }
static void call_maybe(void *result) { *(int32_t *)result = typed_call_maybe(typed, 6, 7, typed_give(typed, which)); }
static void call_kept(void *result) { *(int32_t *)result = typed_call_kept(typed, 6, 7); }
static void call_variable(void *result) { *(int32_t *)result = typed_call_variable(typed, 6, 7); }
static void at_given(void *result) { *(int32_t *)result = typed_at_given(typed, 6, 7, which); }
static void call_chosen(void *result) { *(int32_t *)result = typed_call_chosen(typed, 6, 7, which); }
static void at(void *result) { *(int32_t *)result = typed_at(typed, 6, 7, which); }
static void at_special(void *result) { *(int32_t *)result = typed_at_special(typed, 6, 7, which); }
static void at_any(void *result) { *(int32_t *)result = typed_at_any(typed, 6, 7, which); }

/* The result, or the trap as a negative number. */
static int32_t attempt(void (*function)(void *), int32_t argument)
{
	int32_t result;
	which = argument;
	pal_trap trap = pal_try(function, &result);
	return trap == PAL_TRAP_NONE ? result : -(int32_t)trap;
}

int main(void)
{
	struct env env = { { NULL }, { NULL }, NULL, NULL };
	CHECK(pal_table_new(&env.table, PAL_TABLE_FUNCREF, 2, 4) == PAL_OK);
	/* The global must not be null. */
	CHECK(pal_typed_instantiate(&typed, &env) == PAL_TRAP_LINK && typed == NULL);
	CHECK(strstr(pal_last_trap()->message, "\"env\" \"start\": the host's value is not of type (ref (i32, i32) -> i32)"));

	struct source *source;
	CHECK(pal_source_instantiate(&source) == PAL_TRAP_NONE);
	env.start = source_add(source);
	/* What the host makes is a table of any functions, until a module wants a more precise one. */
	CHECK(pal_table_set(env.table, 1, source_other(source).ref) == PAL_OK);
	CHECK(pal_typed_instantiate(&typed, &env) == PAL_TRAP_LINK && typed == NULL);
	CHECK(strstr(pal_last_trap()->message, "import \"env\" \"table\": expected a table of (ref null (i32, i32) -> i32), but "
	                                       "element 1 of the host's table is not of this type"));
	CHECK(pal_table_set(env.table, 1, env.start.ref) == PAL_OK);
	CHECK(pal_typed_instantiate(&typed, &env) == PAL_TRAP_NONE);
	env.typed = typed;

	CHECK(attempt(call, ADD) == 13 && attempt(call, SPECIAL) == 42);
	CHECK(attempt(call, OTHER) == -PAL_TRAP_CAST_FAILURE && attempt(call, NOTHING) == -PAL_TRAP_CAST_FAILURE);
	CHECK(attempt(call_maybe, ADD) == 13 && attempt(call_maybe, OTHER) == -PAL_TRAP_CAST_FAILURE);
	CHECK(attempt(call_maybe, NOTHING) == -PAL_TRAP_NULL_REFERENCE);
	CHECK(attempt(call_chosen, SPECIAL) == 42 && attempt(call_chosen, OTHER) == -PAL_TRAP_CAST_FAILURE);
	CHECK(attempt(call_chosen, NOTHING) == -PAL_TRAP_CAST_FAILURE);
	CHECK(attempt(at, ADD) == 13 && attempt(at, SPECIAL) == 42 && attempt(at, 2) == -PAL_TRAP_INDIRECT_CALL_NULL);
	CHECK(attempt(at_special, SPECIAL) == 42 && attempt(at_special, ADD) == -PAL_TRAP_INDIRECT_CALL_TYPE);
	CHECK(attempt(at_any, SPECIAL) == 42 && attempt(at_any, OTHER) == -PAL_TRAP_INDIRECT_CALL_TYPE);
	CHECK(attempt(at_any, 7) == -PAL_TRAP_INDIRECT_CALL_NULL && attempt(at_any, 8) == -PAL_TRAP_TABLE_OUT_OF_BOUNDS);

	/* Tables keep what they promise, whatever the host asks. */
	pal_table *binaries = typed_binaries(typed), *never_null = typed_never_null(typed);
	CHECK(pal_table_set(binaries, 3, typed_give(typed, SPECIAL).ref) == PAL_OK && attempt(at, 3) == 42);
	CHECK(pal_table_set(binaries, 3, typed_give(typed, OTHER).ref) == PAL_E_TYPE && attempt(at, 3) == 42);
	CHECK(pal_table_set(binaries, 3, NULL) == PAL_OK && attempt(at, 3) == -PAL_TRAP_INDIRECT_CALL_NULL);
	CHECK(typed_at_never_null(typed, 6, 7, 3) == 13);
	CHECK(pal_table_set(never_null, 3, NULL) == PAL_E_TYPE);
	CHECK(pal_table_set(never_null, 3, typed_give(typed, OTHER).ref) == PAL_E_TYPE);
	CHECK(pal_table_set(never_null, 3, typed_give(typed, SPECIAL).ref) == PAL_OK);
	CHECK(typed_at_never_null(typed, 6, 7, 3) == 42 && typed_at_never_null(typed, 6, 7, 2) == 13);
	CHECK(pal_table_set(typed_any(typed), 7, typed_give(typed, OTHER).ref) == PAL_OK);

	CHECK(attempt(at_given, 1) == 13 && attempt(at_given, 0) == -PAL_TRAP_INDIRECT_CALL_NULL);
	CHECK(pal_table_set(env.table, 0, typed_give(typed, SPECIAL).ref) == PAL_OK && attempt(at_given, 0) == 42);
	CHECK(pal_table_set(env.table, 0, typed_give(typed, OTHER).ref) == PAL_E_TYPE && attempt(at_given, 0) == 42);
	/* Now it is what it is for others, too. */
	struct funcrefs *refused;
	CHECK(pal_funcrefs_instantiate(&refused, &env) == PAL_TRAP_LINK && refused == NULL);
	CHECK(strstr(pal_last_trap()->message, "expected a table of funcref, but it is one of (ref null (i32, i32) -> i32)"));

	/* Variables that C may write are looked at when they are read: the module's own, and the host's. */
	CHECK(typed_call_kept(typed, 6, 7) == 13);
	*typed_kept(typed) = typed_give(typed, SPECIAL);
	CHECK(typed_call_kept(typed, 6, 7) == 42);
	*typed_kept(typed) = typed_give(typed, OTHER);
	CHECK(attempt(call_kept, 0) == -PAL_TRAP_CAST_FAILURE);
	*typed_kept(typed) = (pal_funcref){ NULL };
	CHECK(attempt(call_kept, 0) == -PAL_TRAP_NULL_REFERENCE);
	CHECK(attempt(call_variable, 0) == -PAL_TRAP_NULL_REFERENCE);
	env.variable = typed_give(typed, SPECIAL);
	CHECK(attempt(call_variable, 0) == 42);
	env.variable = source_other(source);
	CHECK(attempt(call_variable, 0) == -PAL_TRAP_CAST_FAILURE);
	pal_table_free(env.table);
	pal_typed_free(typed);
	pal_source_free(source);
	puts("all good");
	return 0;
}
