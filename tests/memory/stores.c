#include "check.h"
#include "stores.h"
#include <string.h>
static struct stores *stores;
static int32_t at;
#define STORES(X) X(i16, 2) X(i32, 4) X(i64, 8) X(wrapped, 4) X(f32, 4) X(f64, 8) X(v128, 16) X(lane, 8) X(behind, 8)
#define TRY(name, size) \
static void do_##name(void *unused) \
{ \
	(void)unused; \
	stores_##name(stores, at); \
}
STORES(TRY)
enum { READ_ONLY = 65536, END = 131072 };
/* The store of `size` bytes at `where`: all of it is done, or it traps and nothing is. */
static void test(void (*store)(void *), uint64_t size, uint64_t where)
{
	static unsigned char kept[48], *bytes;
	bytes = (unsigned char *)pal_memory_data(stores_memory(stores));
	uint64_t from = where - 16, count = END - from < 48 ? END - from : 48;
	memcpy(kept, bytes + from, count);
	at = (int32_t)where;
	pal_trap trap = pal_try(store, NULL);
	uint64_t address = pal_last_trap()->address;
	if (trap != PAL_TRAP_NONE) {
		CHECK(trap == (where < READ_ONLY ? PAL_TRAP_MEMORY_PROTECTED : PAL_TRAP_MEMORY_OUT_OF_BOUNDS));
		CHECK(address >= where && address < where + size);
		CHECK(memcmp(kept, bytes + from, count) == 0);
		return;
	}
	CHECK(where >= READ_ONLY && where + size <= END);
	for (uint64_t i = 0; i < size; i++)
		CHECK(bytes[where + i] == 0xff);
	memset(bytes + where, 0, size);
	CHECK(memcmp(kept, bytes + from, count) == 0);
}
int main(void)
{
	CHECK(pal_stores_instantiate(&stores) == PAL_TRAP_NONE);
	static const uint64_t edges[] = { 4096, READ_ONLY, READ_ONLY + 4096, END };
	for (unsigned edge = 0; edge < 4; edge++)
		for (uint64_t where = edges[edge] - 18; where < edges[edge] + 3 && where <= END; where++) {
#define TEST(name, size) test(do_##name, size, where);
			STORES(TEST)
		}
	pal_stores_free(stores);
	puts("all good");
	return 0;
}
