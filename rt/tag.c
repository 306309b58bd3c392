/* See tag.h, and palisade.h for hosts. */
#include "tag.h"
#include "palisade.h"
#include "type.h"
#include <stdlib.h>

enum { TYPES_MAX = 1000 }; /* as in wasm files */

struct pal_tag pal_tag_make(uint32_t type)
{
	static _Atomic uint64_t last;
	return (struct pal_tag){ ++last, type, pal_tag_runtime() };
}

/* 0x60, a count in LEB128, the types, no results. */
static size_t encode(uint8_t *out, const pal_value_type *types, size_t count)
{
	uint8_t *at = out;
	*at++ = 0x60;
	if (count > 0x7f)
		*at++ = (uint8_t)(count & 0x7f) | 0x80;
	*at++ = (uint8_t)(count > 0x7f ? count >> 7 : count); /* at most 1,000: two bytes */
	for (size_t i = 0; i < count; i++)
		*at++ = (uint8_t)types[i];
	*at++ = 0;
	return (size_t)(at - out);
}

static bool is_value_type(pal_value_type type)
{
	switch (type) {
	case PAL_I32:
	case PAL_I64:
	case PAL_F32:
	case PAL_F64:
	case PAL_V128:
	case PAL_FUNCREF:
	case PAL_EXTERNREF:
	case PAL_EXNREF: return true;
	}
	return false;
}

pal_status pal_tag_new(pal_tag **out, const pal_value_type *types, size_t count)
{
	uint8_t bytes[TYPES_MAX + 4];
	*out = NULL;
	if (count > TYPES_MAX)
		return PAL_E_ARGUMENT;
	for (size_t i = 0; i < count; i++)
		if (!is_value_type(types[i]))
			return PAL_E_ARGUMENT;
	uint32_t start[] = { 0, (uint32_t)encode(bytes, types, count) }, type;
	struct pal_tag *tag = pal_types_intern(bytes, start, 1, &type) ? malloc(sizeof *tag) : NULL;
	if (tag == NULL)
		return PAL_E_NOMEM;
	*tag = pal_tag_make(type);
	*out = tag;
	return PAL_OK;
}

void pal_tag_free(pal_tag *tag)
{
	free(tag);
}
