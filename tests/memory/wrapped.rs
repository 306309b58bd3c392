//! The host's own bytes under bindable memories of all index types and page sizes.

use crate::CHECKS;
use crate::support::{check_c, compile_memories as compile, machines, scratch};

/// Name, index type, what follows the limits, bytes of a page.
const KINDS: &[(&str, &str, &str, u32)] = &[
    ("plain", "i32", "", 65536),
    ("wide", "i64", "", 65536),
    ("small", "i32", "(pagesize 1)", 1),
    ("wide_small", "i64", "(pagesize 1)", 1),
];

const WAT: &str = r#"(module (memory $own 1) (memory $b (export "b") INDEX 1 SIZE)
  (func (export "load") (param INDEX) (result i32) (i32.load $b (local.get 0)))
  (func (export "store") (param INDEX i32) (i32.store $b (local.get 0) (local.get 1)))
  (func (export "fill") (param INDEX) (memory.fill $b (local.get 0) (i32.const 3) (INDEX.const 4)))
  (func (export "discard") (param INDEX) (memory.discard $b (local.get 0) (INDEX.const 4)))
  (func (export "size") (result INDEX) (memory.size $b))
  (func (export "grow") (param INDEX) (result INDEX) (memory.grow $b (local.get 0))))"#;

/// Of one module.
const TEST: &str = r#"
static struct MOD *MOD;
static INDEX_t MOD_at;
static void MOD_try_load(void *p) { (void)p; MOD_load(MOD, MOD_at); }
static void MOD_try_store(void *p) { (void)p; MOD_store(MOD, MOD_at, 7); }
static void MOD_try_fill(void *p) { (void)p; MOD_fill(MOD, MOD_at); }
static void MOD_try_discard(void *p) { (void)p; MOD_discard(MOD, MOD_at); }
static void MOD_expect(void (*what)(void *), INDEX_t at, pal_trap expected)
{
	MOD_at = at;
	CHECK(pal_try(what, NULL) == expected);
	CHECK(expected == PAL_TRAP_NONE || (pal_last_trap()->memory == 1 && pal_last_trap()->address == (uINDEX_t)at));
}
static void MOD_test(void)
{
	enum { BYTES = 70001 };
	static uint8_t bytes[BYTES];
	void (*const writes[])(void *) = { MOD_try_store, MOD_try_fill, MOD_try_discard };
	pal_memory *wrapped, *constant, *other;
	CHECK(pal_MOD_instantiate(&MOD) == PAL_TRAP_NONE);
	CHECK(pal_memory_wrap_as(&wrapped, bytes, BYTES, PAL_READ_WRITE, WIDE, PAGE) == PAL_OK);
	CHECK(pal_memory_wrap_as(&constant, bytes, BYTES, PAL_READ, WIDE, PAGE) == PAL_OK);
	/* the other three kinds */
	for (int i = 0; i < 4; i++) {
		int index64 = i & 1;
		uint32_t page = i & 2 ? 1 : 65536;
		CHECK(pal_memory_wrap_as(&other, bytes, BYTES, PAL_READ_WRITE, index64, page) == PAL_OK);
		bool same = index64 == WIDE && page == PAGE;
		CHECK(pal_MOD_bind_memory(MOD, 1, other) == (same ? PAL_OK : PAL_E_TYPE));
		pal_memory_free(other);
	}
	CHECK(pal_MOD_bind_memory(MOD, 1, wrapped) == PAL_OK && MOD_b(MOD) == wrapped);
	CHECK(MOD_size(MOD) == BYTES / PAGE && MOD_grow(MOD, 1) == -1 && MOD_grow(MOD, 0) == BYTES / PAGE);
	memset(bytes, 1, BYTES);
	for (int i = 0; i < 3; i++) {
		MOD_expect(writes[i], BYTES - 4, PAL_TRAP_NONE);
		MOD_expect(writes[i], BYTES - 3, PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
		MOD_expect(writes[i], -4, PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
		CHECK(bytes[BYTES - 5] == 1 && bytes[BYTES - 1] == (i == 1 ? 3 : 0));
	}
	MOD_expect(MOD_try_load, BYTES - 3, PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	MOD_expect(MOD_try_load, -2, PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	CHECK(MOD_load(MOD, 5) == 0x01010101);
	CHECK(pal_MOD_bind_memory(MOD, 1, constant) == PAL_OK && MOD_load(MOD, BYTES - 4) == 0);
	for (int i = 0; i < 3; i++)
		MOD_expect(writes[i], 100, PAL_TRAP_MEMORY_PROTECTED);
	CHECK(bytes[100] == 1);
	pal_MOD_free(MOD);
	pal_memory_free(wrapped);
	pal_memory_free(constant);
}
"#;

const MISUSE: &str = r#"
static void misuse(void)
{
	uint8_t byte[1];
	pal_memory *none = (pal_memory *)byte;
	const uint32_t no_pages[] = { 0, 3, 65537, 131072, 1u << 31 };
	for (int i = 0; i < 5; i++)
		CHECK(pal_memory_wrap_as(&none, byte, 1, PAL_READ, 0, no_pages[i]) == PAL_E_ARGUMENT && none == NULL);
	CHECK(pal_memory_wrap_as(&none, byte, 1, PAL_READ, 2, 1) == PAL_E_ARGUMENT);
	CHECK(pal_memory_wrap_as(&none, byte, 1, PAL_NONE, 1, 1) == PAL_E_ARGUMENT);
	/* more than 32 bits of addresses, or of pages; more than there is */
	CHECK(pal_memory_wrap(&none, byte, (1ull << 32) + 1, PAL_READ) == PAL_E_RANGE && none == NULL);
	CHECK(pal_memory_wrap_as(&none, byte, 1ull << 32, PAL_READ, 0, 1) == PAL_E_RANGE);
	CHECK(pal_memory_wrap_as(&none, byte, UINT64_MAX, PAL_READ, 1, 1) == PAL_E_RANGE);
	CHECK(pal_memory_wrap_as(&none, byte, 1ull << 57, PAL_READ, 1, 65536) == PAL_E_RANGE);
}
"#;

#[test]
fn wrapped_bytes_have_any_index_type_and_page_size() {
    for machine in machines() {
        let dir = scratch();
        let mut c = format!("{CHECKS}#include <stdbool.h>\n{MISUSE}");
        let (mut objects, mut calls) = (Vec::new(), String::new());
        for (name, index, size, page) in KINDS {
            let wat = WAT.replace("INDEX", index).replace("SIZE", size);
            objects.push(compile(&machine, dir.path(), name, &wat, &["b:bind"]));
            c += &format!("#include \"{name}.h\"\n");
            c += &TEST
                .replace("INDEX", &index.replace('i', "int"))
                .replace("WIDE", if *index == "i64" { "1" } else { "0" })
                .replace("PAGE", &page.to_string())
                .replace("MOD", name);
            calls += &format!("\t{name}_test();\n");
        }
        c += &format!("int main(void)\n{{\n\tmisuse();\n{calls}\tputs(\"all good\");\n\treturn 0;\n}}\n");
        check_c(&machine, dir.path(), &c, &objects, &[]);
    }
}
