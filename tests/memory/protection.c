/* One module's operations: MOD, its addresses' type ADDRESS. What is expected is computed byte by byte. */
static struct MOD *MOD;
#define RUN(name) static void MOD_run_##name(void *p) { MOD_##name(MOD, (ADDRESS)*(uint64_t *)p); }
OPERATIONS(RUN)
#undef RUN
static void MOD_test(void)
{
#define ROW(name) MOD_run_##name,
	static void (*const run[])(void *) = { OPERATIONS(ROW) };
#undef ROW
	CHECK(pal_MOD_instantiate(&MOD) == PAL_TRAP_NONE);
	memory = MOD_memory(MOD);
	model = (struct model){ .name = "MOD", .index = NUMBER, .hidden = HIDDEN, .constant = CONSTANT, .exact = EXACT };
	test_all(run);
	if (VIRTUAL) {
		CHECK(pal_memory_unmap(memory, PAGE, PAGES) == PAL_OK);
		model.closed = 2;
		test_all(run);
		CHECK(pal_memory_map(memory, PAGE, PAGES, PAL_READ_WRITE) == PAL_OK);
	}
	for (model.closed = 2; model.closed >= 0; model.closed--) {
		pal_prot access = model.closed == 2 ? PAL_NONE : model.closed == 1 ? PAL_READ : PAL_READ_WRITE;
		CHECK(pal_memory_protect(memory, PAGE, PAGES, access) == PAL_OK);
		test_all(run);
	}
	pal_MOD_free(MOD);
}
