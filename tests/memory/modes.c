/* What every mode does alike, for module MOD with index type ADDRESS: SIZE bytes at first, GROWS pages can be added. */
static struct MOD *MOD_instance;
static ADDRESS MOD_at, MOD_other;
static int64_t MOD_value;

static void MOD_try_read(void *arg) { *(int32_t *)arg = MOD_read(MOD_instance, MOD_at); }
static void MOD_try_far(void *arg) { *(int32_t *)arg = MOD_far(MOD_instance, MOD_at); }
static void MOD_try_farther(void *arg) { *(int32_t *)arg = MOD_farther(MOD_instance, MOD_at); }
static void MOD_try_write(void *arg) { (void)arg; MOD_write(MOD_instance, MOD_at, MOD_value); }
static void MOD_try_fill(void *arg) { (void)arg; MOD_fill(MOD_instance, MOD_at, 1, MOD_other); }
static void MOD_try_recurse(void *arg) { *(int32_t *)arg = MOD_recurse(MOD_instance, 100, MOD_at); }
static void MOD_try_indirect(void *arg) { *(int32_t *)arg = MOD_indirect(MOD_instance, MOD_at); }
static void MOD_try_dynamic(void *arg) { *(int32_t *)arg = MOD_dynamic(MOD_instance, MOD_at); }

/* Ends with a trap out of the memory's bounds, and says which memory. */
static void MOD_traps(void (*what)(void *), ADDRESS at)
{
	int32_t result;
	MOD_at = at;
	CHECK(pal_try(what, &result) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	CHECK(pal_last_trap()->memory == NUMBER);
}

static int32_t MOD_is(void (*what)(void *), ADDRESS at)
{
	int32_t result = -1;
	MOD_at = at;
	CHECK(pal_try(what, &result) == PAL_TRAP_NONE);
	return result;
}

static void MOD_edges(uint64_t size)
{
	struct MOD *i = MOD_instance;
	CHECK((uint64_t)MOD_size(i) == size >> 16);
	MOD_value = 0x0102030405060708;
	if (size > 0) {
		MOD_is(MOD_try_write, (ADDRESS)(size - 8));
		CHECK(MOD_is(MOD_try_read, (ADDRESS)(size - 4)) == 0x01020304);
		CHECK(MOD_is(MOD_try_recurse, (ADDRESS)(size - 8)) == 0x05060708);
		CHECK(MOD_is(MOD_try_indirect, (ADDRESS)(size - 8)) == 0x05060708);
		CHECK(MOD_is(MOD_try_dynamic, (ADDRESS)(size - 8)) == 0x05060708);
		CHECK(MOD_is(MOD_try_far, (ADDRESS)(size - 65536)) == 0x01020304);
		MOD_value = -1;
		MOD_traps(MOD_try_write, (ADDRESS)(size - 7));
		MOD_traps(MOD_try_write, (ADDRESS)(size - 1));
		MOD_traps(MOD_try_far, (ADDRESS)(size - 65535));
		MOD_other = 2;
		MOD_traps(MOD_try_fill, (ADDRESS)(size - 1));
#if !defined(__aarch64__) /* there a store may leave the part that is inside */
		CHECK(MOD_is(MOD_try_read, (ADDRESS)(size - 4)) == 0x01020304);
#endif
	}
	MOD_traps(MOD_try_read, (ADDRESS)(size - 3));
	MOD_traps(MOD_try_recurse, (ADDRESS)size);
	MOD_traps(MOD_try_indirect, (ADDRESS)size);
	MOD_traps(MOD_try_dynamic, (ADDRESS)(size - 1));
	MOD_traps(MOD_try_read, (ADDRESS)-1);
	MOD_traps(MOD_try_read, (ADDRESS)-4);
	MOD_traps(MOD_try_far, (ADDRESS)-65536);
	MOD_traps(MOD_try_farther, 0);
	MOD_traps(MOD_try_farther, (ADDRESS)-1);
	MOD_traps(MOD_try_farther, (ADDRESS)294967296);
}

static void MOD_test(void)
{
	pal_trap made = pal_MOD_instantiate(&MOD_instance IMPORTS);
	CHECK(made == PAL_TRAP_NONE);
	struct MOD *i = MOD_instance;
	uint64_t size = SIZE;
	MOD_edges(size);
	for (int pages = 0; pages < GROWS; pages++) {
		CHECK((uint64_t)MOD_grow(i, 1) == size >> 16);
		size += 65536;
		MOD_edges(size);
		MOD_fill(i, (ADDRESS)(size - 10), pages + 1, 10);
		CHECK(MOD_sum(i, (ADDRESS)(size - 12), (ADDRESS)size) == (pages + 1) * 10);
	}
	CHECK(MOD_grow(i, MOST) == (ADDRESS)-1);
	MOD_edges(size);
	pal_MOD_free(i);
}
