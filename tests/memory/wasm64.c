// For wasm64: a sparse memory of 9 GiB, used far beyond what 32 bits can address.
typedef unsigned long u64; // 64 bits there
typedef unsigned char u8;

#define GIB ((u64)1 << 30)
#define EXPORT(name) __attribute__((export_name(#name)))

static u8 *at(u64 address) { return (u8 *)address; }

// Pages before growing to 9 GiB, or -1.
EXPORT(grow) long grow(void)
{
	u64 have = __builtin_wasm_memory_size(0);
	return (long)__builtin_wasm_memory_grow(0, 9 * GIB / 65536 - have);
}

// Writes a word every 256 MiB, then reads all of them again.
EXPORT(spread) u64 spread(void)
{
	u64 sum = 0;
	for (u64 a = GIB / 4; a < 9 * GIB; a += GIB / 4)
		*(volatile u64 *)at(a + 3) = a / 7;
	for (u64 a = GIB / 4; a < 9 * GIB; a += GIB / 4)
		sum += *(volatile u64 *)at(a + 3);
	return sum;
}

// Addresses that are equal in 32 bits are not the same bytes.
EXPORT(distinct) int distinct(void)
{
	*(volatile int *)at(GIB) = 1;
	*(volatile int *)at(5 * GIB) = 5;
	*(volatile int *)at(9 * GIB - 4) = 9;
	return *(volatile int *)at(GIB) * 100 + *(volatile int *)at(5 * GIB) * 10 + *(volatile int *)at(9 * GIB - 4);
}

// A pointer and a distance of more than 32 bits, which becomes the instruction's own offset.
EXPORT(offset) int offset(u64 p)
{
	*(volatile u8 *)(p + 6 * GIB + 1) = 77;
	return *(volatile u8 *)(p + 6 * GIB + 1) + *(volatile u8 *)(p + 1);
}

// Copies and fills across the fourth GiB.
EXPORT(bulk) int bulk(void)
{
	__builtin_memset(at(4 * GIB - 5000), 3, 10000);
	__builtin_memcpy(at(8 * GIB + 1), at(4 * GIB - 100), 200);
	int sum = 0;
	for (u64 i = 0; i < 202; i++)
		sum += *(volatile u8 *)at(8 * GIB + i);
	return sum;
}

EXPORT(load) int load(u64 address) { return *(volatile int *)at(address); }
EXPORT(store) void store(u64 address, int value) { *(volatile int *)at(address) = value; }
EXPORT(clear) void clear(u64 address, u64 size) { __builtin_memset(at(address), 0, size); }
