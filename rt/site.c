/* See site.h. */
#include "site.h"
#include "port.h"
#include "type.h"
#include <stdlib.h>

static struct pal_code *_Atomic codes; /* all entries, latest first */
static struct pal_lock codes_lock = PAL_LOCK_INIT;

static struct pal_code *find_entry(const struct pal_module *module)
{
	struct pal_code *code = codes;
	while (code && code->module != module)
		code = code->next;
	return code;
}

static struct pal_code *add_entry(const struct pal_module *module)
{
	struct pal_code *code = calloc(1, sizeof *code);
	if (code == NULL)
		return NULL;
	code->module = module;
	code->next = codes;
	codes = code;
	return code;
}

static bool intern_types(struct pal_code *code)
{
	const struct pal_module *module = code->module;
	/* a count of at most 2^32 - 1 types, each at least 3 bytes of a file in memory */
	code->types = malloc(((size_t)module->type_count + 1) * sizeof *code->types);
	if (code->types == NULL)
		return false;
	if (pal_types_intern(module->types_data, module->type_start, module->type_count, code->types))
		return true;
	free(code->types);
	code->types = NULL;
	return false;
}

struct pal_code *pal_code_acquire(const struct pal_module *module)
{
	pal_lock(&codes_lock);
	struct pal_code *code = find_entry(module);
	if (code == NULL)
		code = add_entry(module);
	if (code && code->instances == 0 && !intern_types(code))
		code = NULL;
	if (code && code->instances++ == 0) {
		code->text = module->text;
		code->text_size = module->text_size; /* last: handlers look at it first */
	}
	pal_unlock(&codes_lock);
	return code;
}

void pal_code_release(struct pal_code *code)
{
	pal_lock(&codes_lock);
	if (--code->instances == 0) {
		code->text_size = 0;
		free(code->types);
		code->types = NULL;
	}
	pal_unlock(&codes_lock);
}

const struct pal_module *pal_code_find(uintptr_t pc, uint32_t *offset)
{
	for (const struct pal_code *code = codes; code; code = code->next) {
		uint64_t size = code->text_size;
		uintptr_t distance = pc - (uintptr_t)code->text; /* wraps to a huge number for a pc below the text */
		if (distance < size && distance <= UINT32_MAX) {
			*offset = (uint32_t)distance;
			return code->module;
		}
	}
	return NULL;
}

/* The number of leading elements of an ascending array that are below `value`. */
static uint32_t count_below(const uint32_t *array, uint32_t length, uint32_t value)
{
	uint32_t low = 0, high = length;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (array[middle] < value)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int64_t pal_site_find(const struct pal_module *module, uint32_t offset, bool call)
{
	uint32_t i = count_below(module->site_code, module->sites, offset);
	for (; i < module->sites && module->site_code[i] == offset; i++)
		if ((module->site_kind[i] == PAL_SITE_CALL) == call && module->site_kind[i] < PAL_SITE_INLINED)
			return i;
	return -1;
}

int64_t pal_handler_find(const struct pal_module *module, uint32_t offset)
{
	uint32_t i = count_below(module->handler_code, module->handler_count, offset);
	return i < module->handler_count && module->handler_code[i] == offset ? (int64_t)i : -1;
}

uint32_t pal_frame_find(const struct pal_module *module, uint32_t offset)
{
	/* offset + 1 does not wrap: texts are smaller than 2 GiB; the first entry begins with the text's first code */
	return module->frame_first[count_below(module->frame_start, module->frames, offset + 1) - 1];
}

int64_t pal_function_find(const struct pal_module *module, uint32_t offset)
{
	uint32_t count = module->functions;
	if (count == 0 || offset < module->function_start[0] || offset >= module->function_start[count])
		return -1;
	/* the last function that starts at or before the offset: offset + 1 does not wrap, it is below some start */
	return (int64_t)count_below(module->function_start, count, offset + 1) - 1;
}
