/* 24 modules of three npm packages in one program: hashes of hash-wasm, a formatter for JSON, gofmt. What the packages
 * do in JavaScript around their modules is done here in C. */
#include "hashes.h"
#include "adler32.h"
#include "argon2.h"
#include "bcrypt.h"
#include "blake2b.h"
#include "blake2s.h"
#include "blake3.h"
#include "crc32.h"
#include "crc64.h"
#include "gofmt.h"
#include "json.h"
#include "md4.h"
#include "md5.h"
#include "ripemd160.h"
#include "scrypt.h"
#include "sha1.h"
#include "sha256.h"
#include "sha3.h"
#include "sha512.h"
#include "sm3.h"
#include "whirlpool.h"
#include "xxhash128.h"
#include "xxhash3.h"
#include "xxhash32.h"
#include "xxhash64.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(pal_trap trap)
{
	if (trap == PAL_TRAP_NONE)
		return;
	fprintf(stderr, "%s\n", pal_last_trap()->message);
	exit(1);
}

/* Bytes of a guest; ends the program if the guest has no such bytes. */
static uint8_t *at(pal_memory *memory, int32_t address, size_t size)
{
	if ((uint32_t)address + (uint64_t)size > pal_memory_size(memory)) {
		fprintf(stderr, "the guest has no %zu bytes at %d\n", size, (int)address);
		exit(1);
	}
	return (uint8_t *)pal_memory_data(memory) + (uint32_t)address;
}

static void print(const char *name, const uint8_t *bytes, size_t size)
{
	printf("%s ", name);
	for (size_t i = 0; i < size; i++)
		printf("%02x", bytes[i]);
	puts("");
}

/* A byte range as hash functions take it. */
struct span {
	const void *bytes;
	size_t size;
};

/* NAME(out, count, spans): the hash of the spans, one behind the other. Some modules read a seed of 8 bytes from their
 * buffer first. */
enum { BUFFER = 16384 };
static const uint8_t seed[8];
static const uint8_t polynomial[8] = { 0x42, 0x0f, 0x87, 0xd7, 0x95, 0x57, 0x6c, 0xc9 };

#define HASH(name, init_arguments, final_arguments, length) \
	static void name(uint8_t *out, int count, const struct span *spans) \
	{ \
		struct name *m; \
		check(pal_##name##_instantiate(&m)); \
		int32_t buffer = name##_Hash_GetBuffer(m); \
		memcpy(at(name##_memory(m), buffer, 8), strcmp(#name, "crc64") ? seed : polynomial, 8); \
		name##_Hash_Init init_arguments; \
		for (int i = 0; i < count; i++) \
			for (size_t from = 0; from < spans[i].size; from += BUFFER) { \
				size_t size = spans[i].size - from < BUFFER ? spans[i].size - from : BUFFER; \
				memcpy(at(name##_memory(m), buffer, size), (const uint8_t *)spans[i].bytes + from, size); \
				name##_Hash_Update(m, (int32_t)size); \
			} \
		name##_Hash_Final final_arguments; \
		memcpy(out, at(name##_memory(m), buffer, length), length); \
		pal_##name##_free(m); \
	}
HASHES(HASH)

static uint8_t input[100000];

static void all_hashes(void)
{
	uint8_t out[64];
	const struct span all = { input, sizeof input };
#define PRINT(name, init_arguments, final_arguments, length) name(out, 1, &all), print(#name, out, length);
	HASHES(PRINT)
}

/* ---- Password hashes: a module each, around modules of simple hashes ---- */

static const char password[] = "correct horse", salt[] = "battery staple 1";

static void hmac(uint8_t *out, const uint8_t *key, size_t key_size, int count, const struct span *spans)
{
	uint8_t inner_key[64] = { 0 }, outer_key[64], inner[32];
	memcpy(inner_key, key, key_size);
	for (int i = 0; i < 64; i++)
		outer_key[i] = inner_key[i] ^ 0x5c, inner_key[i] ^= 0x36;
	struct span all[4] = { { inner_key, 64 } };
	memcpy(all + 1, spans, (size_t)count * sizeof *spans);
	sha256(inner, count + 1, all);
	const struct span outer[2] = { { outer_key, 64 }, { inner, 32 } };
	sha256(out, 2, outer);
}

/* PBKDF2 with one iteration. */
static void pbkdf2(uint8_t *out, size_t size, const uint8_t *with, size_t with_size)
{
	for (uint8_t block = 1; size > 0; block++, out += 32, size -= 32) {
		uint8_t number[4] = { 0, 0, 0, block };
		const struct span spans[2] = { { with, with_size }, { number, 4 } };
		hmac(out, (const uint8_t *)password, sizeof password - 1, 2, spans);
	}
}

static void password_scrypt(void)
{
	enum { COST = 256, BLOCK = 4, PARALLEL = 2, SIZE = 128 * BLOCK * PARALLEL };
	struct scrypt *m;
	check(pal_scrypt_instantiate(&m));
	uint8_t mixed[SIZE], out[32];
	pbkdf2(mixed, SIZE, (const uint8_t *)salt, sizeof salt - 1);
	scrypt_Hash_SetMemorySize(m, SIZE + 128 * BLOCK * COST + 256 * BLOCK);
	int32_t buffer = scrypt_Hash_GetBuffer(m);
	memcpy(at(scrypt_memory(m), buffer, SIZE), mixed, SIZE);
	scrypt_scrypt(m, BLOCK, COST, PARALLEL);
	pbkdf2(out, 32, at(scrypt_memory(m), buffer, SIZE), SIZE);
	print("scrypt", out, 32);
	pal_scrypt_free(m);
}

static void password_bcrypt(void)
{
	struct bcrypt *m;
	check(pal_bcrypt_instantiate(&m));
	int32_t buffer = bcrypt_Hash_GetBuffer(m);
	memcpy(at(bcrypt_memory(m), buffer, 16), salt, 16);
	memcpy(at(bcrypt_memory(m), buffer + 16, sizeof password), password, sizeof password - 1);
	bcrypt_bcrypt(m, sizeof password - 1, 5, 0);
	print("bcrypt", at(bcrypt_memory(m), buffer, 24), 24);
	pal_bcrypt_free(m);
}

/* A hash of 1024 bytes (Argon2's H'). */
static void long_hash(uint8_t *out, const void *bytes, size_t size)
{
	static const uint8_t length[4] = { 0, 4, 0, 0 };
	const struct span first[2] = { { length, 4 }, { bytes, size } };
	uint8_t hash[64];
	blake2b(hash, 2, first);
	for (int i = 0; i < 31; i++) {
		memcpy(out + 32 * i, hash, 64);
		const struct span last = { hash, 64 };
		uint8_t next[64];
		blake2b(next, 1, &last);
		memcpy(hash, next, 64);
	}
}

static void password_argon2(void)
{
	enum { KIB = 64, ITERATIONS = 2, LENGTH = 64, ARGON2ID = 2 };
	struct argon2 *m;
	check(pal_argon2_instantiate(&m));
	argon2_Hash_SetMemorySize(m, KIB * 1024 + 1024);
	int32_t buffer = argon2_Hash_GetBuffer(m);
	const uint32_t parameters[6] = { 1, LENGTH, KIB, ITERATIONS, 0x13, ARGON2ID };
	const uint32_t sizes[3] = { sizeof password - 1, sizeof salt - 1, 0 };
	memcpy(at(argon2_memory(m), buffer + KIB * 1024, 24), parameters, 24);
	const struct span spans[7] = { { parameters, 24 }, { sizes, 4 }, { password, sizeof password - 1 }, { sizes + 1, 4 },
		                           { salt, sizeof salt - 1 }, { sizes + 2, 4 }, { sizes + 2, 4 } };
	uint8_t seeds[72] = { 0 };
	blake2b(seeds, 7, spans);
	for (uint8_t block = 0; block < 2; block++) {
		seeds[64] = block;
		long_hash(at(argon2_memory(m), buffer + 1024 * block, 1024), seeds, 72);
	}
	argon2_Hash_Calculate(m, 0, KIB);
	uint8_t out[64];
	const uint32_t length = LENGTH;
	const struct span result[2] = { { &length, 4 }, { at(argon2_memory(m), buffer, 1024), 1024 } };
	blake2b(out, 2, result);
	print("argon2", out, 64);
	pal_argon2_free(m);
}

/* ---- Formatters ---- */

static void give_json(struct json *m, const char *text)
{
	size_t size = strlen(text);
	json_clear_shared_bytes(m, (int32_t)size);
	memcpy(at(json_memory(m), json_get_shared_bytes_ptr(m), size), text, size);
}

static void format_json(const char *text)
{
	struct json *m;
	check(pal_json_instantiate(&m));
	give_json(m, "{\"global\":{\"lineWidth\":40},\"plugin\":{}}");
	json_register_config(m, 1);
	give_json(m, "file.json");
	json_set_file_path(m);
	give_json(m, text);
	int32_t changed = json_format(m, 1);
	int32_t size = changed == 1 ? json_get_formatted_text(m) : changed == 2 ? json_get_error_text(m) : 0;
	printf("json %d\n%.*s\n", (int)changed, (int)size, (char *)at(json_memory(m), json_get_shared_bytes_ptr(m), (size_t)size));
	pal_json_free(m);
}

static void format_go(const char *text)
{
	struct gofmt *m;
	check(pal_gofmt_instantiate(&m));
	gofmt__initialize(m);
	size_t size = strlen(text);
	int32_t address = gofmt_alloc(m, (int32_t)size);
	memcpy(at(gofmt_memory(m), address, size), text, size);
	int32_t changed = gofmt_format(m);
	size = (size_t)gofmt_output_len(m);
	printf("go %d\n%.*s\n", (int)changed, (int)size, (char *)at(gofmt_memory(m), gofmt_output_ptr(m), size));
	gofmt_dispose(m);
	pal_gofmt_free(m);
}

int main(void)
{
	for (size_t i = 0; i < sizeof input; i++)
		input[i] = (uint8_t)(i * 7 + i / 256);
	all_hashes();
	password_scrypt();
	password_bcrypt();
	password_argon2();
	format_json("{\"b\":[1,2,\n3], \"long\": [100000000,200000000,300000000,400000000],// note\n\"c\":{}}");
	format_json("{\"broken\": ");
	format_go("package main\nimport \"fmt\"\nfunc  main( ) {\nfor i:=0;i<3;i++ { fmt.Println( i,\"x\" ) }}\n");
	format_go("package main\nfunc {");
	return 0;
}
