"""The hashes that Python's own library has, as `name hex` lines."""
import hashlib, zlib

data = bytes((i * 7 + i // 256) & 255 for i in range(100000))
for name, length in [("md5", None), ("sha1", None), ("sha256", None), ("sha512", None), ("blake2b", None),
                     ("blake2s", None), ("sha3_512", None)]:
    print(name.split("_")[0], hashlib.new(name, data).hexdigest())
print("adler32 %08x" % zlib.adler32(data))
print("crc32 %08x" % zlib.crc32(data))
print("scrypt", hashlib.scrypt(b"correct horse", salt=b"battery staple 1", n=256, r=4, p=2, dklen=32).hex())
