/* 32-bit arithmetic and bytes: a table-driven checksum and a mixing hash over a buffer. */
#include <stdint.h>
#include <stdio.h>

static uint8_t buffer[1 << 20];

static uint32_t rotate(uint32_t v, int by) { return v << by | v >> (32 - by); }

int main(void)
{
	uint32_t table[256], crc = ~0u, mix[4] = {1, 2, 3, 4};
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t v = i;
		for (int bit = 0; bit < 8; bit++)
			v = v & 1 ? 0xedb88320u ^ v >> 1 : v >> 1;
		table[i] = v;
	}
	for (unsigned i = 0; i < sizeof buffer; i++)
		buffer[i] = i * 31 + (i >> 8);
	for (int round = 0; round < 60; round++) {
		for (unsigned i = 0; i < sizeof buffer; i++)
			crc = table[(crc ^ buffer[i]) & 255] ^ crc >> 8;
		for (unsigned i = 0; i < sizeof buffer; i += 16)
			for (int lane = 0; lane < 4; lane++) {
				const uint8_t *p = buffer + i + lane * 4;
				uint32_t word = p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
				mix[lane] = rotate(mix[lane] + word * 0x85ebca77u, 13) * 0x9e3779b1u;
			}
	}
	printf("%08x %08x\n", crc, mix[0] ^ mix[1] ^ mix[2] ^ mix[3]);
	return 0;
}
