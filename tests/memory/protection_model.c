enum { LENGTH = 262144, PAGE = 131072, PAGES = 65536 };
#define OPERATIONS(X) \
	X(load1) X(load2) X(load4) X(load8) X(load16) X(load_lane4) X(load_wide8) \
	X(store1) X(store2) X(store4) X(store8) X(store16) X(store_lane2) \
	X(atomic_load4) X(atomic_store8) X(atomic_add4) X(atomic_swap2) \
	X(fill9) X(copy_to9) X(copy_from9) X(init8) X(discard9)
#define NAME(name) #name,
static const char *const names[] = { OPERATIONS(NAME) };

/* What the memory's bytes allow. */
static struct model {
	const char *name;
	int index;
	uint64_t hidden, constant; /* [0, hidden): nothing; [hidden, constant): reading */
	int exact;                 /* checks see to that, not the MMU */
	int closed;                /* the page at PAGE: 0 open, 1 can't be written, 2 can't be touched */
} model;
static pal_memory *memory;
static unsigned long done, trapped;

static int allows(uint64_t at, int write)
{
	if (at < model.hidden || (at >= PAGE && at < PAGE + PAGES && model.closed == 2))
		return 0;
	return !write || !(at < model.constant || (at >= PAGE && at < PAGE + PAGES && model.closed == 1));
}

static unsigned size_of(const char *name)
{
	return (unsigned)atoi(name + strcspn(name, "0123456789"));
}

static void copy_near(uint8_t *copy, uint64_t at)
{
	for (uint64_t i = 0; i < 48; i++) {
		uint64_t byte = at - 16 + i; /* may wrap, to what is outside */
		copy[i] = byte < LENGTH && allows(byte, 0) ? ((uint8_t *)pal_memory_data(memory))[byte] : 0;
	}
}

/* May a trap of this operation leave a part done? Bulk instructions on pages may, and CPUs' stores across pages. */
static int may_be_partial(const char *name, uint64_t at, pal_trap expected)
{
	int bulk = strncmp(name, "fill", 4) == 0 || strncmp(name, "copy", 4) == 0 || strncmp(name, "init", 4) == 0;
	if (expected != PAL_TRAP_MEMORY_PROTECTED)
		return STORES_TEAR && !bulk; /* the end of a memory without checks is the MMU's, too */
	return (bulk && !(model.exact && at < model.constant)) || (STORES_TEAR && strncmp(name, "discard", 7) != 0);
}

static void fail(const char *what, const char *name, uint64_t at)
{
	const pal_trap_info *trap = pal_last_trap();
	fprintf(stderr, "%s: %s at %llu (closed: %d): %s; last trap: %s, memory %d, address %llu\n", model.name, name,
	        (unsigned long long)at, model.closed, what, trap->message, (int)trap->memory, (unsigned long long)trap->address);
	exit(1);
}

static void test_one(const char *name, void (*run)(void *), uint64_t at)
{
	unsigned size = size_of(name);
	int write = strncmp(name, "load", 4) != 0 && strncmp(name, "atomic_load", 11) != 0 && strncmp(name, "copy_from", 9) != 0;
	pal_trap expected = PAL_TRAP_NONE;
	if (strncmp(name, "atomic", 6) == 0 && at % size)
		expected = PAL_TRAP_UNALIGNED_ATOMIC;
	else if (at + size > LENGTH || at + size < at)
		expected = PAL_TRAP_MEMORY_OUT_OF_BOUNDS;
	else
		for (uint64_t i = 0; i < size; i++)
			if (!allows(at + i, write))
				expected = PAL_TRAP_MEMORY_PROTECTED;
	uint8_t before[48], after[48];
	copy_near(before, at);
	pal_trap trap = pal_try(run, &at);
	copy_near(after, at);
	if (trap != expected)
		fail("another trap was expected", name, at);
	done += trap == PAL_TRAP_NONE;
	trapped += trap != PAL_TRAP_NONE;
	if (trap == PAL_TRAP_NONE || trap == PAL_TRAP_UNALIGNED_ATOMIC)
		return;
	const pal_trap_info *info = pal_last_trap();
	if (info->kind != trap || info->memory != model.index)
		fail("kind or memory are wrong", name, at);
	/* CPUs without small atomics have those of words. */
	uint64_t lowest = SMALL_ATOMICS || strncmp(name, "atomic", 6) != 0 ? at : at & ~(uint64_t)3;
	if (info->address < lowest || info->address >= at + size)
		fail("the address is not in the access", name, at);
	char words[64];
	snprintf(words, sizeof words, "address 0x%llx of memory %d", (unsigned long long)info->address, model.index);
	if (strstr(info->message, words) == NULL)
		fail("the message lacks the address", name, at);
	if (memcmp(before, after, sizeof before) != 0 && !may_be_partial(name, at, expected))
		fail("a part was done", name, at);
}

static void test_all(void (*const run[])(void *))
{
	const uint64_t edges[] = { 20, model.hidden, model.constant, PAGE, PAGE + PAGES, LENGTH };
	for (unsigned e = 0; e < sizeof edges / sizeof *edges; e++)
		for (uint64_t at = edges[e] < 18 ? 0 : edges[e] - 18; at <= edges[e] + 18; at++)
			for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
				test_one(names[i], run[i], at);
}
