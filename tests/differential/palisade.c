/* The side of the modules linked into this executable. Module 0 is host.wat. */
#include "call.h"

#include <string.h>

struct listed_module {
	pal_trap (*instantiate)(void **out, void *import); /* that has none does not look for it */
	void (*free)(void *);
};
/* list.rs */
extern const struct listed_module listed_modules[];
extern void (*const listed_exports[])(void);

static void *instances[2];
static const struct listed_module *modules[2];

static void (*address(struct name name))(void) { return listed_exports[name.number]; }

void side_begin(int argc, char **argv) { (void)argc, (void)argv; }

static void drop(int instance)
{
	if (instances[instance])
		modules[instance]->free(instances[instance]);
	instances[instance] = NULL;
}

static int make(int instance, int module)
{
	modules[instance] = &listed_modules[module];
	return (int)modules[instance]->instantiate(&instances[instance], instances[HOST]);
}

int side_instantiate(int module, const char *path, bool with_host)
{
	(void)path;
	drop(GUEST);
	drop(HOST);
	int trap = with_host ? make(HOST, 0) : NO_TRAP;
	return trap != NO_TRAP ? trap : make(GUEST, module);
}

struct call {
	void (*function)(void);
	void *instance;
	const char *parameters, *types;
	const value *arguments;
	value *results;
};

/* For pal_try. */
static void call(void *call)
{
	const struct call *c = call;
	call_c(c->function, c->instance, c->parameters, c->arguments, c->types, c->results);
}

int side_call(int instance, struct name name, const char *parameters, const value *arguments, const char *types,
              value *results)
{
	struct call c = { address(name), instances[instance], parameters, types, arguments, results };
	return (int)pal_try(call, &c);
}

void side_global(int instance, struct name name, char type, value *out)
{
	const void *global = ((const void *(*)(void *))address(name))(instances[instance]);
	memcpy(out->bytes, global, bytes_of(type));
}

void side_set_i32(int instance, struct name name, int32_t to)
{
	*((int32_t *(*)(void *))address(name))(instances[instance]) = to;
}

const uint8_t *side_memory(int instance, struct name name, uint64_t *size)
{
	pal_memory *memory = ((pal_memory *(*)(void *))address(name))(instances[instance]);
	*size = pal_memory_size(memory);
	return pal_memory_data(memory);
}

uint64_t side_table_size(int instance, struct name name)
{
	return pal_table_size(((pal_table *(*)(void *))address(name))(instances[instance]));
}

void *side_table_get(int instance, struct name name, uint64_t index, char type)
{
	void *ref = NULL;
	(void)type;
	pal_table_get(((pal_table *(*)(void *))address(name))(instances[instance]), index, &ref);
	return ref;
}
