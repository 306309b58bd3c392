/* See type.h. */
#include "type.h"
#include "context.h"
#include "port.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct type {
	uint8_t *bytes;
	size_t length;
	uint64_t hash;
};
static struct type *types; /* number i at [i - 1] */
static uint32_t type_count, type_room;
static uint32_t *slots;     /* hash table, open addressing: numbers, PAL_TYPE_NONE where empty */
static uint32_t slot_count; /* a power of two, at least twice type_count */
static struct pal_lock lock = PAL_LOCK_INIT;

static uint64_t hash_of(const uint8_t *bytes, size_t length)
{
	uint64_t hash = 0xcbf29ce484222325; /* FNV-1a, then mixed so that low bits depend on all */
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3;
	return hash ^ hash >> 29;
}

/* The slot with this type, or the empty one where it belongs. */
static uint32_t *find_slot(uint64_t hash, const uint8_t *bytes, size_t length)
{
	uint32_t at = (uint32_t)hash & (slot_count - 1);
	for (;; at = (at + 1) & (slot_count - 1)) {
		if (slots[at] == PAL_TYPE_NONE)
			return &slots[at];
		const struct type *type = &types[slots[at] - 1];
		if (type->hash == hash && type->length == length && memcmp(type->bytes, bytes, length) == 0)
			return &slots[at];
	}
}

/* Doubles both arrays. */
static bool grow(void)
{
	if (type_room > UINT32_MAX / 8)
		return false; /* the numbers below stay 32-bit */
	uint32_t room = type_room ? type_room * 2 : 128, count = room * 2;
	struct type *more = realloc(types, room * sizeof *types);
	if (more == NULL)
		return false;
	types = more;
	uint32_t *fresh = calloc(count, sizeof *fresh);
	if (fresh == NULL)
		return false; /* `types` has room to spare, nothing else changed */
	free(slots);
	slots = fresh;
	slot_count = count;
	type_room = room;
	for (uint32_t i = 0; i < type_count; i++)
		*find_slot(types[i].hash, types[i].bytes, types[i].length) = i + 1;
	return true;
}

static uint32_t intern(const uint8_t *bytes, size_t length)
{
	if (type_count == type_room && !grow())
		return PAL_TYPE_NONE;
	uint64_t hash = hash_of(bytes, length);
	uint32_t *slot = find_slot(hash, bytes, length);
	if (*slot != PAL_TYPE_NONE)
		return *slot;
	uint8_t *copy = malloc(length ? length : 1);
	if (copy == NULL)
		return PAL_TYPE_NONE;
	if (length)
		memcpy(copy, bytes, length);
	types[type_count++] = (struct type){ copy, length, hash };
	return *slot = type_count;
}

uint32_t pal_type_intern(const uint8_t *bytes, size_t length)
{
	pal_lock(&lock);
	uint32_t number = intern(bytes, length);
	pal_unlock(&lock);
	return number;
}

const char *pal_value_type_text(uint32_t type)
{
	switch (type) {
	case PAL_TYPE_I32: return "i32";
	case PAL_TYPE_I64: return "i64";
	case PAL_TYPE_F32: return "f32";
	case PAL_TYPE_F64: return "f64";
	case PAL_TYPE_V128: return "v128";
	case PAL_TYPE_FUNCREF: return "funcref";
	case PAL_TYPE_EXTERNREF: return "externref";
	case PAL_TYPE_EXNREF: return "exnref";
	default: return "?";
	}
}

/* An unsigned LEB128 number; moves *at, never past `end`. */
static uint64_t read_count(const uint8_t **at, const uint8_t *end)
{
	uint64_t value = 0;
	for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
		uint8_t byte = *(*at)++;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			break;
	}
	return value;
}

static void list_text(struct pal_text *text, const uint8_t **at, const uint8_t *end, bool bare_single)
{
	uint64_t count = read_count(at, end);
	bool bare = bare_single && count == 1;
	pal_text_add(text, bare ? "" : "(");
	for (uint64_t i = 0; i < count && *at < end; i++) {
		pal_text_add(text, i ? ", " : "");
		pal_text_add(text, pal_value_type_text(*(*at)++));
	}
	pal_text_add(text, bare ? "" : ")");
}

void pal_type_text(struct pal_text *text, const uint8_t *bytes, size_t length)
{
	const uint8_t *at = bytes + (length > 0), *end = bytes + length; /* behind the 0x60 */
	list_text(text, &at, end, false);
	pal_text_add(text, " -> ");
	list_text(text, &at, end, true);
}

void pal_type_number_text(struct pal_text *text, uint32_t number)
{
	pal_lock(&lock);
	if (number != PAL_TYPE_NONE && number <= type_count)
		pal_type_text(text, types[number - 1].bytes, types[number - 1].length);
	pal_unlock(&lock);
}
