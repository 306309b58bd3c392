/* Compiled to wasm by zig: memories beside C's own, and pages of its own. */
#include <palisade/guest.h>
#include <palisade/mman.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

PAL_MEMORY(arena, "palisade:memory/arena", uint32_t)
PAL_ATOMIC_MEMORY(arena, "palisade:memory/arena", uint32_t)
PAL_ANY_MEMORY(any, uint64_t)
PAL_VIRTUAL_MEMORY(sparse, "palisade:memory/sparse", uint64_t)

#define CHECK(condition) do { if (!(condition)) { printf("line %d: %s\n", __LINE__, #condition); exit(1); } } while (0)

static void use_arena(void)
{
	CHECK(arena_size() == 1 && arena_grow(2) == 1 && arena_size() == 3 && arena_grow(100) == (uint32_t)-1);
	for (uint32_t i = 0; i < 1000; i++)
		arena_store_f64(i * 8, i * 0.5);
	double sum = 0;
	for (uint32_t i = 0; i < 1000; i++)
		sum += arena_load_f64(i * 8);
	CHECK(sum == 999 * 1000 / 4.0);
	char text[16] = "";
	arena_copy_in(100000, "hello, arena", 13);
	arena_copy_out(text, 100000, 13);
	CHECK(strcmp(text, "hello, arena") == 0 && arena_load_u8(100001) == 'e');
	arena_store_i8(5, -1);
	CHECK(arena_load_i8(5) == -1 && arena_load_u8(5) == 255);
	arena_discard(3, 8);
	CHECK(arena_load_u8(5) == 0 && arena_load_f64(16) == 1.0);
}

static void use_sparse(void)
{
	uint64_t page = (uint64_t)pal_page_size(), at = ((uint64_t)4 << 30) + 65536; /* far away, and nothing else is there */
	CHECK(sparse_map(at, page * 2, PAL_PROT_READ_WRITE) == 0);
	sparse_store_i64(at + 8, 42);
	CHECK(sparse_alias(at + page * 2, at, page) == 0 && sparse_load_i64(at + page * 2 + 8) == 42);
	sparse_store_i64(at + page * 2 + 8, 43);
	CHECK(sparse_load_i64(at + 8) == 43);
	CHECK(sparse_unmap(at, page * 3) == 0);
	CHECK(sparse_map_any(page, PAL_PROT_READ) != (uint64_t)-1);
}

static void use_own(void)
{
	size_t page = (size_t)pal_page_size();
	char *room = aligned_alloc(65536, 65536 * 4);
	memset(room, 1, 65536 * 4);
	CHECK(madvise(room, page, MADV_DONTNEED) == 0 && room[0] == 0 && room[page] == 1);
	CHECK(munmap(room, 65536 * 4) == 0);
	char *map = mmap(NULL, 100, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(map == room && map[99] == 0);
	CHECK(mmap(map, page * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == map);
	strcpy(map, "kept");
	CHECK(mprotect(map, page, PROT_READ) == 0 && strcmp(map, "kept") == 0);
	CHECK(mmap(NULL, page, PROT_READ, MAP_PRIVATE, 99, 0) == MAP_FAILED && errno == EBADF);
}

/* The file at the first preopen: both kinds of mapping, and what rights allow. */
static void use_files(void)
{
	size_t page = (size_t)pal_page_size();
	char *room = aligned_alloc(65536, 65536 * 4);
	CHECK(munmap(room, 65536 * 4) == 0);
	int fd = open("data/file", O_RDWR), reading = open("data/file", O_RDONLY), directory = open("data", O_RDONLY);
	CHECK(fd >= 0 && reading >= 0 && directory >= 0);
	char *shared = mmap(NULL, 10, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *private = mmap(NULL, 10, PROT_READ | PROT_WRITE, MAP_PRIVATE, reading, 0);
	CHECK(shared != MAP_FAILED && private != MAP_FAILED && memcmp(shared, "0123456789", 10) == 0);
	shared[3] = 'x';
	char bytes[10];
	CHECK(pread(fd, bytes, 10, 0) == 10 && memcmp(bytes, "012x456789", 10) == 0);
	private[4] = 'y';
	CHECK(pread(fd, bytes, 10, 0) == 10 && memcmp(bytes, "012x456789", 10) == 0 && shared[4] == '4');
	CHECK(mmap(NULL, 10, PROT_READ | PROT_WRITE, MAP_SHARED, reading, 0) == MAP_FAILED && errno == EBADF);
	CHECK(mmap(NULL, 10, PROT_READ, MAP_PRIVATE, directory, 0) == MAP_FAILED);
	CHECK(mmap(NULL, 10, PROT_READ, MAP_PRIVATE, fd, 1) == MAP_FAILED && errno == EINVAL);
	/* without the right to write, what is written after mprotect stays here */
	char *seen = mmap(NULL, 10, PROT_READ, MAP_SHARED, reading, 0);
	CHECK(seen != MAP_FAILED && mprotect(seen, page, PROT_READ | PROT_WRITE) == 0);
	seen[5] = 'z';
	CHECK(shared[5] == '5');
	shared[3] = '3';
	CHECK(munmap(shared, 10) == 0 && munmap(private, 10) == 0 && munmap(seen, 10) == 0);
	close(fd), close(reading), close(directory);
}

static void use_any(void)
{
	arena_store_i32(40, 4711);
	volatile uint32_t memory = 1; /* the arena: its index is not known to the compiler */
	CHECK(any_load_i32(memory, 40) == 4711 && any_size(memory) == 3);
	any_store_i32(memory, 44, 4712);
	CHECK(arena_load_i32(44) == 4712 && arena_atomic_add_u8(44, 1) == (4712 & 255) && arena_load_i32(44) == 4713);
	CHECK(arena_atomic_cas_i64(150000, 0, 5) == 0 && arena_atomic_load_i64(150000) == 5 && arena_notify(150000, 1) == 0);
}

static char *forbidden;

int main(int argc, char **argv)
{
	use_arena();
	use_sparse();
	use_own();
	use_files();
	use_any();
	puts("all good");
	fflush(stdout);
	if (argc < 2)
		return 0;
	switch (argv[1][0]) {
	case 'a': arena_store_i32(3 * 65536 - 3, 1); break;
	case 's': return sparse_load_i32(8); /* aligned: of other accesses, QEMU 8 and later tell only the word if there are threads */
	case 'm': pal_unmap((void *)8, 65536); break;
	case 'p':
		forbidden = mmap(NULL, 1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		forbidden[7] = 1;
	}
	return 0;
}
