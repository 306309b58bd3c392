/* Protected pages and memory.discard in module MOD, whose memory has 64 pages and grows; the index type is ADDRESS. */
static struct MOD *MOD_instance;
static ADDRESS MOD_a, MOD_b, MOD_c;

static void MOD_do_load(void *arg) { *(int64_t *)arg = MOD_load(MOD_instance, MOD_a); }
static void MOD_do_load16(void *arg) { *(int64_t *)arg = MOD_load16(MOD_instance, MOD_a); }
static void MOD_do_store(void *arg) { (void)arg; MOD_store(MOD_instance, MOD_a, 5); }
static void MOD_do_store8(void *arg) { (void)arg; MOD_store8(MOD_instance, MOD_a, -1); }
static void MOD_do_fill(void *arg) { (void)arg; MOD_fill(MOD_instance, MOD_a, 5, MOD_b); }
static void MOD_do_copy(void *arg) { (void)arg; MOD_copy(MOD_instance, MOD_a, MOD_b, MOD_c); }
static void MOD_do_discard(void *arg) { (void)arg; MOD_discard(MOD_instance, MOD_a, MOD_b); }

static pal_trap MOD_try(void (*what)(void *), ADDRESS a, ADDRESS b, ADDRESS c)
{
	int64_t result;
	MOD_a = a, MOD_b = b, MOD_c = c;
	return pal_try(what, &result);
}

/* A trap that names the memory, and the page of the address. */
static void MOD_forbidden(void (*what)(void *), ADDRESS a, ADDRESS b, ADDRESS c, uint64_t address)
{
	CHECK(MOD_try(what, a, b, c) == PAL_TRAP_MEMORY_PROTECTED);
	CHECK(pal_last_trap()->memory == NUMBER);
	CHECK(pal_last_trap()->address == address);
}

static int MOD_get(ADDRESS at) { return MOD_load(MOD_instance, at); }

static void MOD_test(void)
{
	CHECK(pal_MOD_instantiate(&MOD_instance) == PAL_TRAP_NONE);
	struct MOD *i = MOD_instance;
	pal_memory *memory = MOD_m(i);
	ADDRESS size = 64 << 16, at = 1 << 20, page = 65536; /* the largest host pages */
	CHECK(MOD_get(65530) == 'n');

	/* discard: any alignment, exactly the range */
	MOD_fill(i, at - 100, 7, page * 3 + 200);
	MOD_discard(i, at - 3, page * 2 + 50);
	CHECK(MOD_get(at - 4) == 7 && MOD_get(at - 3) == 0 && MOD_get(at) == 0 && MOD_get(at + page) == 0);
	CHECK(MOD_get(at + page * 2 + 46) == 0 && MOD_get(at + page * 2 + 47) == 7);
	MOD_discard(i, size, 0);
	MOD_discard(i, at + page * 2 + 47, 0);
	CHECK(MOD_get(at + page * 2 + 47) == 7);
	CHECK(MOD_try(MOD_do_discard, size, 1, 0) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS && pal_last_trap()->memory == NUMBER);
	CHECK(MOD_try(MOD_do_discard, at, (ADDRESS)-1, 0) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	CHECK(MOD_try(MOD_do_discard, (ADDRESS)-1, 2, 0) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	CHECK(MOD_get(at + page * 2 + 47) == 7);

	/* read-only */
	CHECK(pal_memory_protect(memory, (uint64_t)at, (uint64_t)page, PAL_READ) == PAL_OK);
	CHECK(MOD_get(at) == 0);
	MOD_forbidden(MOD_do_store, at + 9, 0, 0, (uint64_t)at + 9);
	MOD_forbidden(MOD_do_fill, at - 10, 20, 0, (uint64_t)at);
	MOD_forbidden(MOD_do_fill, at - 200, 400, 0, (uint64_t)at);
	MOD_forbidden(MOD_do_copy, at + 5, at + page, 8, (uint64_t)at + 5);
	MOD_forbidden(MOD_do_copy, at + 5, at + page, 8000, (uint64_t)at + 5);
	MOD_forbidden(MOD_do_discard, at - 10, 20, 0, (uint64_t)at);
	CHECK(MOD_get(at - 5) == 5); /* a large fill had come so far; discard does all or nothing */
	MOD_copy(i, at + page, at, 100);

	/* no access */
	CHECK(pal_memory_protect(memory, (uint64_t)at, (uint64_t)page, PAL_NONE) == PAL_OK);
	MOD_forbidden(MOD_do_load, at + 1, 0, 0, (uint64_t)at + 1);
	MOD_forbidden(MOD_do_copy, at + page, at + 3, 1, (uint64_t)at + 3);
	CHECK(MOD_try(MOD_do_copy, at + page, at + 3, 500) == PAL_TRAP_MEMORY_PROTECTED); /* from the end on */
	CHECK(MOD_try(MOD_do_load16, at - 8, 0, 0) == PAL_TRAP_MEMORY_PROTECTED && pal_last_trap()->memory == NUMBER);
	CHECK(MOD_try(MOD_do_store8, at - 4, 0, 0) == PAL_TRAP_MEMORY_PROTECTED);
#if !defined(__aarch64__) /* there a store may leave the part that may be written */
	CHECK(MOD_get(at - 1) == 5);
#endif
	/* what lies beyond the memory is still out of bounds */
	CHECK(MOD_try(MOD_do_load, size, 0, 0) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS && pal_last_trap()->memory == NUMBER);
	/* growing keeps all of it */
	MOD_store(i, size - 1, 77);
	CHECK(MOD_grow(i, 3) == 64 && MOD_get(size - 1) == 77 && MOD_get(size) == 0 && MOD_get(size + 3 * page - 1) == 0);
	MOD_forbidden(MOD_do_load, at + 1, 0, 0, (uint64_t)at + 1);
	CHECK(MOD_get(65530) == 'n' && MOD_get(at - 5) == 5);
	CHECK(pal_memory_protect(memory, 0, pal_memory_size(memory), PAL_READ_WRITE) == PAL_OK);
	CHECK(MOD_get(at) == 0 && MOD_get(at + page * 2 + 47) == 7);
	pal_MOD_free(i);
}
