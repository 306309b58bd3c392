/* The side of the modules linked into this executable. Module 0 is host.wat. */
#include "driver.h"

static void *instances[2];
static const struct module *modules[2];

static void (*address(struct name name))(void) { return linked_exports[name.number].address; }

void side_begin(int argc, char **argv) { (void)argc, (void)argv; }

static void drop(int instance)
{
	if (instances[instance])
		modules[instance]->free(instances[instance]);
	instances[instance] = NULL;
}

static int make(int instance, int module, void *const *imports)
{
	modules[instance] = &linked_modules[module];
	return (int)modules[instance]->instantiate(&instances[instance], imports);
}

int side_instantiate(int module, const char *path, bool with_host)
{
	(void)path;
	drop(GUEST);
	drop(HOST);
	int trap = with_host ? make(HOST, 0, NULL) : NO_TRAP;
	return trap != NO_TRAP ? trap : make(GUEST, module, &instances[HOST]);
}

int side_call(int instance, struct name name, const char *parameters, const value *arguments, const char *types,
              value *results)
{
	(void)parameters, (void)types;
	struct linked_call c = { &linked_exports[name.number], instances[instance], arguments, results };
	return (int)pal_try(linked_call, &c);
}

void side_global(int instance, struct name name, char type, value *out)
{
	(void)type;
	linked_exports[name.number].call(address(name), instances[instance], NULL, out);
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
