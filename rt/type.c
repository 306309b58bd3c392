/* See type.h. */
#include "type.h"
#include "context.h"
#include "port.h"
#include <stdlib.h>
#include <string.h>

/* In a group's bytes an index is an interned number, or PAL_OWN plus a place in the group itself: so groups of equal
 * bytes are equal. */
#define OWN ((uint32_t)1 << 31)

struct type {
	const uint8_t *bytes, *end;
	uint32_t first; /* number of the first type in its group */
	uint32_t super; /* PAL_TYPE_NONE: none */
};
struct group {
	const uint8_t *bytes;
	size_t length;
	uint64_t hash;
	uint32_t first;
};

/* Type number n is number n - 1 here. Chunks stay where they are, so types can be read while others are added. */
#ifdef PAL_BOARD
enum { CHUNK = 32, CHUNKS = 64, GROUPS = 16 };
#else
enum { CHUNK = 1024, CHUNKS = 2048, GROUPS = 128 };
#endif
static struct type *chunks[CHUNKS];
static uint32_t type_count;

static struct group *groups;
static uint32_t group_count, group_room;
static uint32_t *slots;     /* hash table of groups, open addressing: index + 1, 0 where empty */
static uint32_t slot_count; /* a power of two, at least twice group_count */
static struct pal_lock lock = PAL_LOCK_INIT;

static const struct type *type_of(uint32_t number)
{
	return &chunks[(number - 1) / CHUNK][(number - 1) % CHUNK];
}

/* ---- Reading types ---- */

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

static uint32_t read_index(const uint8_t **at)
{
	uint32_t index;
	memcpy(&index, *at, sizeof index);
	*at += sizeof index;
	return index;
}

/* A value type as a number, its index as it stands there. */
static uint64_t read_value_type(const uint8_t **at)
{
	uint8_t byte = *(*at)++;
	if (byte != PAL_TYPE_REF && byte != PAL_TYPE_REF_NULL)
		return byte;
	uint64_t type = byte == PAL_TYPE_REF ? PAL_TYPE_NON_NULL : 0;
	byte = *(*at)++;
	if (byte != PAL_TYPE_INDEX)
		return type | byte;
	return type | PAL_TYPE_CONCRETE | (uint64_t)read_index(at) << PAL_TYPE_SHIFT;
}

/* Skips all before the parameters; the place of the supertype's index, or NULL. */
static const uint8_t *read_head(const uint8_t **at)
{
	const uint8_t *super = NULL;
	*at += **at == PAL_TYPE_CONTINUES;
	if (*(*at)++ == PAL_TYPE_FUNC)
		return NULL;
	if (*(*at)++) {
		super = *at;
		*at += sizeof(uint32_t);
	}
	*at += 1; /* PAL_TYPE_FUNC */
	return super;
}

/* The number of the type that an index in an interned type means. */
static uint32_t number_of(const struct type *type, uint32_t index)
{
	return index & OWN ? type->first + (index & ~OWN) : index;
}

/* ---- Interning ---- */

/* A module's index becomes what groups hold. */
static void resolve_index(uint8_t *at, const uint32_t *numbers, uint32_t first)
{
	uint32_t index;
	memcpy(&index, at, sizeof index);
	index = index < first ? numbers[index] : OWN | (index - first);
	memcpy(at, &index, sizeof index);
}

static void resolve(uint8_t *bytes, const uint8_t *end, const uint32_t *numbers, uint32_t first)
{
	const uint8_t *at = bytes, *super = read_head(&at);
	if (super)
		resolve_index(bytes + (super - bytes), numbers, first);
	for (int list = 0; list < 2; list++)
		for (uint64_t i = read_count(&at, end); i > 0; i--)
			if (read_value_type(&at) & PAL_TYPE_CONCRETE)
				resolve_index(bytes + (at - bytes) - sizeof(uint32_t), numbers, first);
}

static uint64_t hash_of(const uint8_t *bytes, size_t length)
{
	uint64_t hash = 0xcbf29ce484222325; /* FNV-1a, then mixed so that low bits depend on all */
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3;
	return hash ^ hash >> 29;
}

/* The slot with this group, or the empty one where it belongs. */
static uint32_t *find_slot(const struct group *wanted)
{
	uint32_t at = (uint32_t)wanted->hash & (slot_count - 1);
	for (;; at = (at + 1) & (slot_count - 1)) {
		if (slots[at] == 0)
			return &slots[at];
		const struct group *group = &groups[slots[at] - 1];
		if (group->hash == wanted->hash && group->length == wanted->length &&
		    memcmp(group->bytes, wanted->bytes, wanted->length) == 0)
			return &slots[at];
	}
}

/* Doubles both arrays. */
static bool grow(void)
{
	if (group_room > UINT32_MAX / 8)
		return false; /* the numbers below stay 32-bit */
	uint32_t room = group_room ? group_room * 2 : GROUPS, count = room * 2;
	struct group *more = realloc(groups, room * sizeof *groups);
	if (more == NULL)
		return false;
	groups = more;
	uint32_t *fresh = calloc(count, sizeof *fresh);
	if (fresh == NULL)
		return false; /* `groups` has room to spare, nothing else changed */
	free(slots);
	slots = fresh;
	slot_count = count;
	group_room = room;
	for (uint32_t i = 0; i < group_count; i++)
		*find_slot(&groups[i]) = i + 1;
	return true;
}

/* Makes room for `count` types more. */
static bool reserve_types(uint32_t count)
{
	if (count > (uint32_t)CHUNK * CHUNKS - 1 - type_count)
		return false;
	for (uint32_t i = type_count / CHUNK; i <= (type_count + count) / CHUNK; i++)
		if (chunks[i] == NULL && (chunks[i] = calloc(CHUNK, sizeof **chunks)) == NULL)
			return false;
	return true;
}

/* The types of a new group; their bytes are `bytes`, divided as the module's were. */
static void add_types(const uint8_t *bytes, const uint32_t *start, uint32_t count)
{
	uint32_t first = type_count + 1;
	for (uint32_t i = 0; i < count; i++) {
		struct type *type = &chunks[type_count / CHUNK][type_count % CHUNK];
		*type = (struct type){ bytes + (start[i] - start[0]), bytes + (start[i + 1] - start[0]), first, PAL_TYPE_NONE };
		const uint8_t *at = type->bytes, *super = read_head(&at);
		if (super)
			type->super = number_of(type, read_index(&super));
		type_count++;
	}
}

/* The number of the first type of a group of `count` types, the first of them the module's number `index`. */
static uint32_t intern_group(const uint8_t *data, const uint32_t *start, uint32_t count, uint32_t index,
                             const uint32_t *numbers)
{
	if (!reserve_types(count) || (group_count == group_room && !grow()))
		return PAL_TYPE_NONE;
	size_t length = start[count] - start[0];
	uint8_t *bytes = malloc(length);
	if (bytes == NULL)
		return PAL_TYPE_NONE;
	memcpy(bytes, data + start[0], length);
	for (uint32_t i = 0; i < count; i++)
		resolve(bytes + (start[i] - start[0]), bytes + (start[i + 1] - start[0]), numbers, index);
	struct group group = { bytes, length, hash_of(bytes, length), type_count + 1 };
	uint32_t *slot = find_slot(&group);
	if (*slot) {
		free(bytes);
		return groups[*slot - 1].first;
	}
	add_types(bytes, start, count);
	groups[group_count++] = group;
	*slot = group_count;
	return group.first;
}

static bool intern_all(const uint8_t *data, const uint32_t *start, uint32_t count, uint32_t *numbers)
{
	for (uint32_t i = 0, next; i < count; i = next) {
		for (next = i + 1; next < count && data[start[next]] == PAL_TYPE_CONTINUES;)
			next++;
		uint32_t first = intern_group(data, start + i, next - i, i, numbers);
		if (first == PAL_TYPE_NONE)
			return false;
		for (uint32_t j = i; j < next; j++)
			numbers[j] = first + (j - i);
	}
	return true;
}

bool pal_types_intern(const uint8_t *data, const uint32_t *start, uint32_t count, uint32_t *numbers)
{
	pal_lock(&lock);
	bool done = intern_all(data, start, count, numbers);
	pal_unlock(&lock);
	return done;
}

/* ---- Subtypes ---- */

bool pal_type_is_subtype(uint32_t type, uint32_t of)
{
	while (type != of && type != PAL_TYPE_NONE) /* a supertype is older: this ends */
		type = type_of(type)->super;
	return type == of;
}

uint32_t pal_rt_is_subtype(void *pinned, uint32_t type, uint32_t of)
{
	(void)pinned; /* as all helpers */
	return pal_type_is_subtype(type, of);
}

uint32_t pal_interned_value_type(uint32_t module_type, const uint32_t *numbers)
{
	if (!(module_type & PAL_TYPE_CONCRETE))
		return module_type;
	uint32_t flags = module_type & (((uint32_t)1 << PAL_TYPE_SHIFT) - 1);
	return flags | numbers[module_type >> PAL_TYPE_SHIFT] << PAL_TYPE_SHIFT; /* below 2^21, see CHUNKS */
}

static uint32_t heap_of(uint32_t type)
{
	return type & ~(uint32_t)(PAL_TYPE_NON_NULL | PAL_GLOBAL_MUTABLE);
}

bool pal_value_type_is_func(uint32_t type)
{
	return type & PAL_TYPE_CONCRETE || heap_of(type) == PAL_TYPE_FUNCREF || heap_of(type) == PAL_TYPE_NOFUNC;
}

bool pal_value_type_is_exn(uint32_t type)
{
	return !(type & PAL_TYPE_CONCRETE) && (heap_of(type) == PAL_TYPE_EXNREF || heap_of(type) == PAL_TYPE_NOEXN);
}

bool pal_value_type_matches(uint32_t a, uint32_t b)
{
	if (b & PAL_TYPE_NON_NULL && !(a & PAL_TYPE_NON_NULL))
		return false;
	a = heap_of(a);
	b = heap_of(b);
	if (a & b & PAL_TYPE_CONCRETE)
		return pal_type_is_subtype(a >> PAL_TYPE_SHIFT, b >> PAL_TYPE_SHIFT);
	return a == b || (b == PAL_TYPE_FUNCREF && pal_value_type_is_func(a)) ||
	       (a == PAL_TYPE_NOFUNC && pal_value_type_is_func(b)) || (a == PAL_TYPE_NOEXTERN && b == PAL_TYPE_EXTERNREF) ||
	       (a == PAL_TYPE_NOEXN && b == PAL_TYPE_EXNREF);
}

bool pal_reference_matches(const void *reference, uint32_t type)
{
	if (reference == NULL)
		return !(type & PAL_TYPE_NON_NULL);
	if (type & PAL_TYPE_CONCRETE)
		return pal_type_is_subtype(((const struct pal_func *)reference)->type, type >> PAL_TYPE_SHIFT);
	uint32_t heap = heap_of(type);
	return heap != PAL_TYPE_NOFUNC && heap != PAL_TYPE_NOEXTERN && heap != PAL_TYPE_NOEXN;
}

/* ---- Texts ---- */

static const char *short_text(uint32_t type)
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
	case PAL_TYPE_NOFUNC: return "nullfuncref";
	case PAL_TYPE_NOEXTERN: return "nullexternref";
	case PAL_TYPE_NOEXN: return "nullexnref";
	case PAL_TYPE_NON_NULL | PAL_TYPE_FUNCREF: return "(ref func)";
	case PAL_TYPE_NON_NULL | PAL_TYPE_EXTERNREF: return "(ref extern)";
	case PAL_TYPE_NON_NULL | PAL_TYPE_EXNREF: return "(ref exn)";
	case PAL_TYPE_NON_NULL | PAL_TYPE_NOFUNC: return "(ref nofunc)";
	case PAL_TYPE_NON_NULL | PAL_TYPE_NOEXTERN: return "(ref noextern)";
	case PAL_TYPE_NON_NULL | PAL_TYPE_NOEXN: return "(ref noexn)";
	default: return "?";
	}
}

/* How deep types of types are shown: they may refer to themselves. */
enum { SHOWN = 2 };
static void function_text(struct pal_text *, uint32_t number, int depth);

/* `number`: of a concrete type. */
static void value_text(struct pal_text *text, uint32_t type, uint32_t number, int depth)
{
	if (!(type & PAL_TYPE_CONCRETE)) {
		pal_text_add(text, short_text(type & ~(uint32_t)PAL_GLOBAL_MUTABLE));
		return;
	}
	pal_text_add(text, type & PAL_TYPE_NON_NULL ? "(ref " : "(ref null ");
	function_text(text, number, depth + 1);
	pal_text_add(text, ")");
}

static void list_text(struct pal_text *text, const struct type *type, const uint8_t **at, bool bare_single, int depth)
{
	uint64_t count = read_count(at, type->end);
	bool bare = bare_single && count == 1;
	pal_text_add(text, bare ? "" : "(");
	for (uint64_t i = 0; i < count && *at < type->end; i++) {
		uint64_t one = read_value_type(at);
		pal_text_add(text, i ? ", " : "");
		value_text(text, (uint32_t)one, number_of(type, (uint32_t)(one >> PAL_TYPE_SHIFT)), depth);
	}
	pal_text_add(text, bare ? "" : ")");
}

static void function_text(struct pal_text *text, uint32_t number, int depth)
{
	if (depth >= SHOWN) {
		pal_text_add(text, "…");
		return;
	}
	const struct type *type = type_of(number);
	const uint8_t *at = type->bytes;
	read_head(&at);
	list_text(text, type, &at, false, depth);
	pal_text_add(text, " -> ");
	list_text(text, type, &at, true, depth);
}

void pal_type_text(struct pal_text *text, uint32_t type)
{
	function_text(text, type, 0);
}

void pal_value_type_text(struct pal_text *text, uint32_t type)
{
	value_text(text, type, type >> PAL_TYPE_SHIFT, 0);
}
