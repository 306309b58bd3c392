//! Snapshots of instances whose memories are bound to others.

use crate::CHECKS;
use crate::support::{check_c, compile_memories as compile, machines, scratch};

const WAT: &str = r#"(module
  (import "palisade:memory/b" "bind" (func $bind (param i32) (result i32)))
  (memory $own (export "own") 1) (memory $b (export "b") 1) (memory $c (export "c") 1)
  (global $g (export "g") (mut i32) (i32.const 0))
  (export "bind" (func $bind))
  (func (export "load") (param i32) (result i32) (i32.load $b (local.get 0)))
  (func (export "load_c") (param i32) (result i32) (i32.load $c (local.get 0)))
  (func (export "store") (param i32 i32) (i32.store $b (local.get 0) (local.get 1)))
  (func (export "grow") (result i32) (memory.grow $b (i32.const 1))))"#;

const HOST: &str = r#"
#include "lib.h"
static int32_t words[20000];
int main(void)
{
	struct lib *lib, *other;
	pal_memory *wrapped, *large;
	pal_snapshot *first, *second, *third, *fourth;
	int32_t handle;
	CHECK(pal_lib_instantiate(&lib) == PAL_TRAP_NONE && pal_lib_instantiate(&other) == PAL_TRAP_NONE);
	pal_memory *mine = lib_b(lib);
	lib_store(lib, 8, 1);
	lib_store(other, 8, 5);
	*lib_g(lib) = 1;
	CHECK(pal_lib_snapshot(lib, &first) == PAL_OK);
	/* the host's bytes, which stay what they are, by its own hand and the guest's */
	CHECK(pal_memory_wrap(&wrapped, words, sizeof words, PAL_READ_WRITE) == PAL_OK);
	CHECK(pal_lib_offer_memory(lib, wrapped, &handle) == PAL_OK && lib_bind(lib, handle) == 0);
	lib_store(lib, 8, 2);
	*lib_g(lib) = 2;
	CHECK(pal_lib_snapshot(lib, &second) == PAL_OK);
	CHECK(pal_lib_withdraw_memory(lib, handle) == PAL_OK);
	pal_memory_free(wrapped); /* the instance and the snapshot hold it */
	words[2] = 9;
	/* another instance's */
	CHECK(pal_lib_bind_memory(lib, 1, lib_b(other)) == PAL_OK && lib_load(lib, 8) == 5);
	CHECK(pal_lib_snapshot(lib, &third) == PAL_OK);
	lib_store(lib, 8, 6);
	*lib_g(lib) = 3;
	/* back and forth: what is bound, and the bytes of what is the instance's own */
	for (int i = 0; i < 3; i++) {
		CHECK(pal_lib_restore(lib, first) == PAL_OK && *lib_g(lib) == 1);
		CHECK(lib_b(lib) == mine && lib_load(lib, 8) == 1 && words[2] == 9);
		lib_store(lib, 8, 100 + i);
		CHECK(i == 0 ? lib_grow(lib) == 1 : lib_grow(lib) >= 0);
		CHECK(pal_lib_restore(lib, second) == PAL_OK && *lib_g(lib) == 2 && lib_load(lib, 8) == 9);
		CHECK(lib_grow(lib) == -1);
		CHECK(pal_lib_restore(lib, third) == PAL_OK && lib_b(lib) == lib_b(other) && lib_load(lib, 8) == 6);
		CHECK(pal_lib_restore(lib, first) == PAL_OK && lib_load(lib, 8) == 1 && pal_memory_size(mine) == 65536);
	}
	CHECK(pal_memory_restore(mine, second) == PAL_E_ARGUMENT && pal_memory_restore(mine, first) == PAL_OK);
	/* one memory under two names; one that was grown under another one's */
	CHECK(pal_lib_bind_memory(lib, 2, lib_own(lib)) == PAL_OK && pal_lib_bind_memory(lib, 1, lib_own(lib)) == PAL_OK);
	lib_store(lib, 16, 7);
	CHECK(pal_lib_snapshot(lib, &fourth) == PAL_OK);
	lib_store(lib, 16, 8);
	pal_memory_options options = { .min_pages = 3 };
	CHECK(pal_memory_new(&large, &options) == PAL_OK && pal_lib_bind_memory(lib, 2, large) == PAL_OK);
	CHECK(pal_memory_grow(large, 4, NULL) == PAL_OK);
	pal_memory_free(large);
	CHECK(pal_lib_restore(lib, fourth) == PAL_OK && lib_load(lib, 16) == 7 && lib_load_c(lib, 16) == 7);
	CHECK(lib_b(lib) == lib_own(lib) && lib_c(lib) == lib_own(lib));
	/* not another instance's; the instance may go first */
	CHECK(pal_lib_restore(other, first) == PAL_E_ARGUMENT);
	pal_snapshot_free(second);
	pal_lib_free(lib);
	pal_lib_free(other);
	pal_snapshot_free(fourth);
	pal_snapshot_free(third);
	pal_snapshot_free(first);
	puts("all good");
	return 0;
}
"#;

#[test]
fn what_was_bound_is_bound_again() {
    for machine in machines() {
        let dir = scratch();
        let object = compile(&machine, dir.path(), "lib", WAT, &["b:bind", "c:bind"]);
        check_c(&machine, dir.path(), &format!("{CHECKS}{HOST}"), &[object], &[]);
    }
}
