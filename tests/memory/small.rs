//! Copies and fills of few bytes, which don't leave compiled code, beside those of C.

use crate::support::{check_c, machines, scratch};
use crate::{CHECKS, compile};

const MODULE: &str = r#"(module (memory (export "memory") 1 2)
  (func (export "copy") (param i32 i32 i32) (memory.copy (local.get 0) (local.get 1) (local.get 2)))
  (func (export "fill") (param i32 i32 i32) (memory.fill (local.get 0) (local.get 1) (local.get 2))))"#;

/// MOD is the module. Sizes on both sides of each power of two, and beyond what is small; all ways to overlap.
const TEST: &str = r#"
struct MOD_case { struct MOD *instance; int32_t a, b, size; };
static void MOD_do_copy(void *p) { struct MOD_case *c = p; MOD_copy(c->instance, c->a, c->b, c->size); }
static void MOD_do_fill(void *p) { struct MOD_case *c = p; MOD_fill(c->instance, c->a, c->b, c->size); }
static void MOD_test(void)
{
	enum { SIZE = 65536, MIDDLE = 30000, REACH = 512 };
	static uint8_t expected[SIZE];
	struct MOD *m;
	CHECK(pal_MOD_instantiate(&m) == PAL_TRAP_NONE);
	uint8_t *memory = pal_memory_data(MOD_memory(m));
	for (int i = 0; i < SIZE; i++)
		expected[i] = memory[i] = (uint8_t)(i * 7 + (i >> 8));
	for (int size = 0; size <= 150; size++) {
		for (int distance = -size - 1; distance <= size + 1; distance += 1 + size / 16) {
			memmove(expected + MIDDLE, expected + MIDDLE + distance, size);
			MOD_copy(m, MIDDLE, MIDDLE + distance, size);
			CHECK(memcmp(memory + MIDDLE - REACH, expected + MIDDLE - REACH, 2 * REACH) == 0);
		}
		memset(expected + MIDDLE - size, size * 3 + 1, size);
		MOD_fill(m, MIDDLE - size, 0x7700 + size * 3 + 1, size);
		/* Up to the end is fine; one more traps and does nothing. */
		memmove(expected + SIZE - size, expected + MIDDLE, size);
		MOD_copy(m, SIZE - size, MIDDLE, size);
		struct MOD_case over[] = { { m, SIZE - size + 1, MIDDLE, size }, { m, MIDDLE, SIZE - size + 1, size }, { m, -1, MIDDLE, size }, { m, MIDDLE, -size, size } };
		for (int i = 0; i < 4; i++) {
			pal_trap wanted = size == 0 && i == 3 ? PAL_TRAP_NONE : PAL_TRAP_MEMORY_OUT_OF_BOUNDS;
			if (i == 3)
				over[i].b = size == 0 ? 0 : -size;
			CHECK(pal_try(MOD_do_copy, &over[i]) == wanted);
		}
		over[0].b = 99;
		CHECK(pal_try(MOD_do_fill, &over[0]) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
		CHECK(memcmp(memory, expected, SIZE) == 0);
	}
	pal_MOD_free(m);
}
"#;

#[test]
fn small_copies_and_fills_are_those_of_c() {
    let kinds: [(&str, &[&str]); 3] = [("guarded", &[]), ("checked", &["*:mode=checked"]), ("both", &["*:mode=auto"])];
    for machine in machines() {
        let dir = scratch();
        let mut objects = Vec::new();
        let (mut c, mut calls) = (CHECKS.to_owned(), String::new());
        for (name, spec) in kinds {
            objects.push(compile(&machine, dir.path(), name, MODULE, spec));
            c += &format!("#include \"{name}.h\"\n{}", TEST.replace("MOD", name));
            calls += &format!("{name}_test();\n");
        }
        let c = format!("{c}int main(void)\n{{\n{calls}puts(\"all good\");\nreturn 0;\n}}\n");
        check_c(&machine, dir.path(), &c, &objects, &[]);
    }
}
