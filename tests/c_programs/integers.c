/* 32, 64 and 128 bit arithmetic, shifts, rotations and bit counts. */
#include <stdint.h>
#include <stdio.h>

static const uint64_t values[] = {0, 1, 2, 7, 31, 63, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff, 0x123456789abcdef0};
enum { COUNT = sizeof values / sizeof *values };

static uint64_t mix(uint64_t h, uint64_t v)
{
	h ^= v;
	h = h << 13 | h >> 51;
	return h * 5 + 0xe6546b64;
}

int main(void)
{
	uint64_t h = 0;
	for (int i = 0; i < COUNT; i++)
		for (int j = 0; j < COUNT; j++) {
			uint64_t a = values[i], b = values[j];
			int64_t sa = (int64_t)a, sb = (int64_t)b;
			uint32_t c = (uint32_t)a, d = (uint32_t)b;
			int32_t sc = (int32_t)c, sd = (int32_t)d;
			h = mix(h, a + b), h = mix(h, a - b), h = mix(h, a * b);
			h = mix(h, a << (b & 63)), h = mix(h, a >> (b & 63)), h = mix(h, (uint64_t)(sa >> (b & 63)));
			h = mix(h, c << (d & 31)), h = mix(h, c >> (d & 31)), h = mix(h, (uint64_t)(sc >> (d & 31)));
			if (b)
				h = mix(h, a / b), h = mix(h, a % b);
			if (b && !(sa == INT64_MIN && sb == -1))
				h = mix(h, (uint64_t)(sa / sb)), h = mix(h, (uint64_t)(sa % sb));
			if (d && !(sc == INT32_MIN && sd == -1))
				h = mix(h, (uint64_t)(sc / sd)), h = mix(h, (uint64_t)(sc % sd)), h = mix(h, c / d);
			h = mix(h, (uint64_t)((unsigned __int128)a * b >> 64)), h = mix(h, (uint64_t)((__int128)sa * sb >> 70));
			h = mix(h, (uint64_t)(sa < sb) | (uint64_t)(a < b) << 1 | (uint64_t)(sc <= sd) << 2);
			h = mix(h, (uint64_t)(int64_t)(int8_t)a + (uint64_t)(int64_t)(int16_t)b + (uint64_t)(int64_t)sc);
			if (a && c)
				h = mix(h, (uint64_t)(__builtin_clzll(a) + __builtin_ctzll(a) + __builtin_clz(c) + __builtin_ctz(c)));
			h = mix(h, (uint64_t)(__builtin_popcountll(a) + __builtin_popcount(d)) + __builtin_bswap64(b));
			printf("%016llx\n", (unsigned long long)h);
		}
	return 0;
}
