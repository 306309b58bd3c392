/* Included once for each variant of state.wat: MOD is its name. */

static struct MOD *MOD_instance;

static void MOD_use(void *data)
{
	((void (*)(struct MOD *))data)(MOD_instance);
}

/* Random changes, with snapshots taken, restored and freed in between: the digest is what it was. */
static void MOD_test(void)
{
	enum { LIVE = 6 };
	struct { pal_snapshot *snapshot; int64_t digest; int data, elem; void *kept; } live[LIVE] = { { NULL, 0, 0, 0, NULL } };
	int data = 1, elem = 1; /* not dropped */
	uint32_t seed = 12345;
	struct MOD *second;
	CHECK(pal_MOD_instantiate(&MOD_instance, (struct env *)&theirs) == PAL_TRAP_NONE);
	CHECK(pal_MOD_instantiate(&second, (struct env *)&theirs) == PAL_TRAP_NONE);
	for (int i = 0; i < STEPS; i++) {
		seed = seed * 1664525 + 1013904223;
		uint32_t random = seed >> 8, n = random / 16 % LIVE;
		switch (random % 12) {
		case 0:
			MOD_grow(MOD_instance, (int32_t)(random / 16 % 3));
			break;
		case 1:
			MOD_discard(MOD_instance, (int32_t)(random / 16 % 60000), (int32_t)(random / 64 % 60000));
			break;
		case 2:
			if (random / 16 % 8)
				break;
			data = elem = 0;
			MOD_drop_data(MOD_instance);
			MOD_drop_elem(MOD_instance);
			break;
		case 3:
			MOD_keep(MOD_instance, (pal_externref){ &live[n] });
			break;
		case 4: case 5:
			pal_snapshot_free(live[n].snapshot);
			live[n].digest = MOD_digest(MOD_instance);
			live[n].data = data;
			live[n].elem = elem;
			live[n].kept = MOD_kept(MOD_instance).ref;
			CHECK(pal_MOD_snapshot(MOD_instance, &live[n].snapshot) == PAL_OK);
			break;
		case 6: case 7:
			if (live[n].snapshot == NULL)
				break;
			CHECK(pal_MOD_restore(second, live[n].snapshot) == PAL_E_ARGUMENT);
			CHECK(pal_MOD_restore(MOD_instance, live[n].snapshot) == PAL_OK);
			CHECK(MOD_digest(MOD_instance) == live[n].digest && MOD_kept(MOD_instance).ref == live[n].kept);
			data = live[n].data;
			elem = live[n].elem;
			CHECK((pal_try(MOD_use, (void *)MOD_use_data) == PAL_TRAP_NONE) == data);
			CHECK((pal_try(MOD_use, (void *)MOD_use_elem) == PAL_TRAP_NONE) == elem);
			break;
		default:
			MOD_change(MOD_instance, (int32_t)random);
			/* what is imported is not set back */
			CHECK(theirs == (int32_t)random && (!IMPORTS || *(int32_t *)pal_memory_data(memory_in) == (int32_t)random));
		}
	}
	/* the memories of an instance's snapshot by themselves */
	pal_snapshot *all, *one;
	uint64_t pages[16], count = 16;
	pal_memory *memory = MOD_memory(MOD_instance);
	CHECK(pal_MOD_snapshot(MOD_instance, &all) == PAL_OK && pal_memory_snapshot(memory, &one) == PAL_OK);
	int64_t digest = MOD_digest(MOD_instance);
	((char *)pal_memory_data(memory))[70000]++;
	CHECK(pal_memory_dirty(memory, all, pages, &count) == PAL_OK && count == 1 && pages[0] <= 70000);
	CHECK(MOD_digest(MOD_instance) != digest && pal_memory_restore(memory, all) == PAL_OK && MOD_digest(MOD_instance) == digest);
	CHECK(pal_memory_dirty(memory, one, pages, &count) == PAL_OK && count == 0);
	CHECK(pal_memory_dirty(memory_in, one, pages, &count) == PAL_E_ARGUMENT);
	CHECK(pal_memory_restore(memory_in, all) == PAL_E_ARGUMENT && pal_MOD_restore(MOD_instance, one) == PAL_E_ARGUMENT);
	pal_MOD_free(second);
	pal_MOD_free(MOD_instance);
	pal_snapshot_free(all);
	pal_snapshot_free(one);
	for (int i = 0; i < LIVE; i++)
		pal_snapshot_free(live[i].snapshot);
}
