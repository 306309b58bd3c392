"""Files, json, re, hashlib, zlib, sorting, generators, deep recursion and, at the end, an exception nobody catches."""
import collections
import hashlib
import json
import os
import re
import struct
import sys
import zlib

FOLDER = sys.argv[1]


def write_and_read_back():
    os.makedirs(os.path.join(FOLDER, "deep", "er"))
    for i in range(20):
        with open(os.path.join(FOLDER, "deep", f"file{i:02}.txt"), "w") as f:
            f.writelines(f"line {j} of {i}: {'ä' * (j % 5)}\n" for j in range(i * 3))
    os.rename(os.path.join(FOLDER, "deep", "file03.txt"), os.path.join(FOLDER, "deep", "er", "moved.txt"))
    os.remove(os.path.join(FOLDER, "deep", "file04.txt"))
    for folder, folders, files in sorted(os.walk(FOLDER)):
        sizes = [os.stat(os.path.join(folder, name)).st_size for name in sorted(files)]
        print(folder, sorted(folders), sorted(files), sizes)
    with open(os.path.join(FOLDER, "deep", "file07.txt"), "r+b") as f:
        f.seek(-10, os.SEEK_END)
        f.write(b"0123456789")
        f.truncate(200)
        f.seek(50)
        print(f.read(60), f.tell())


def words(path):
    with open(path) as f:
        for line in f:
            yield from re.findall(r"[^\W\d_]+", line.lower())


def count_words():
    counts = collections.Counter(words(os.path.join(FOLDER, "input.txt")))
    print(counts.most_common(8))
    print(re.sub(r"(?P<a>\w+) (?P<b>\w+)", r"\g<b> \g<a>", "one two three four"))


def checksums():
    data = bytes(range(256)) * 500
    for name in ["md5", "sha1", "sha256", "sha512", "blake2b", "sha3_256"]:
        print(name, hashlib.new(name, data).hexdigest())
    packed = zlib.compress(data, 9)
    print(len(packed), zlib.crc32(data), zlib.adler32(packed), zlib.decompress(packed) == data)
    try:
        zlib.decompress(packed[:-3])
    except zlib.error as e:
        print("zlib.error:", e)


def numbers():
    print(json.dumps({"π": 3.141592653589793, "list": [1e300, -0.0, 5e-324, 1 / 3], "nested": {"a": None}}, indent=1))
    print(json.loads("[1.5, true, {\"k\": \"\\u00e9\\ud83d\\ude00\"}]"))
    print(2**521 % 1000003, 10**40 // 7, float("1e22"), round(2.675, 2), 0.1 + 0.2)
    print(struct.pack("<dfq", 1.1, 1.1, -5).hex(), sum(x * 0.1 for x in range(1000)))
    try:
        json.loads("{broken")
    except json.JSONDecodeError as e:
        print(e)


def depth(n):
    return 0 if n == 0 else 1 + depth(n - 1)


def recursion():
    sys.setrecursionlimit(5000)
    print(depth(4500))
    nested = []
    for _ in range(200):
        nested = [nested]
    print(len(json.dumps(nested)))
    try:
        depth(10**6)
    except RecursionError as e:
        print("RecursionError:", e)


class Unexpected(Exception):
    pass


def fail():
    print("to standard error", file=sys.stderr)
    raise Unexpected("nobody catches this")


print(sys.argv[1:], os.environ.get("GREETING"), sorted(os.environ))
write_and_read_back()
count_words()
checksums()
numbers()
recursion()
fail()
