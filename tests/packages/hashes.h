/* The hash modules of npm's hash-wasm, each a wasm module of its own: X(module, arguments of init, arguments of final,
 * bytes of the result). */
#define HASHES(X) \
	X(adler32, (m), (m), 4) \
	X(blake2b, (m, 512), (m), 64) \
	X(blake2s, (m, 256), (m), 32) \
	X(blake3, (m, 0), (m, 32), 32) \
	X(crc32, (m, (int32_t)0xedb88320), (m), 4) \
	X(md4, (m), (m), 16) \
	X(md5, (m), (m), 16) \
	X(ripemd160, (m), (m), 20) \
	X(sha1, (m), (m), 20) \
	X(sha256, (m, 256), (m), 32) \
	X(sha3, (m, 512), (m, 6), 64) \
	X(sha512, (m, 512), (m), 64) \
	X(sm3, (m), (m), 32) \
	X(whirlpool, (m), (m), 64) \
	X(xxhash32, (m, 7), (m), 4) \
	/* these take their seed or polynomial through the buffer */ \
	X(crc64, (m), (m), 8) \
	X(xxhash3, (m), (m), 8) \
	X(xxhash64, (m), (m), 8) \
	X(xxhash128, (m), (m), 16)
