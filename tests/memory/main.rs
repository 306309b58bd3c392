//! Memory control: modes, protection, what hosts and guests do with memories.

#[path = "../support/mod.rs"]
mod support;

mod bindable;
mod exact;
mod protection;
mod sanitized;
mod small;
mod stores;
mod wrapped;

use palisade::plan::MemorySpec;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{
    GOOD, Machine, check_c, compile_memories as compile, compile_wasm, expect_good, link_c, machines, run, scratch,
    write,
};

/// Of all C programs here; `check.h` is in tests/support.
const CHECKS: &str = "#include \"check.h\"\n#include <string.h>\n";

/// One way to have a memory, with what the common test (modes.c) must know of it.
struct Variant {
    name: &'static str,
    memory: &'static str,
    spec: &'static [&'static str],
    bytes: u64,
    grows: u32,
    /// Other memories come before it.
    index: u32,
    imported: bool,
}

const fn variant(name: &'static str, memory: &'static str, spec: &'static [&'static str]) -> Variant {
    Variant { name, memory, spec, bytes: 65536, grows: 3, index: 0, imported: false }
}

const VARIANTS: &[Variant] = &[
    variant("guard", "(memory $m 1 4)", &[]),
    variant("checked", "(memory $m 1 4)", &["m:mode=checked"]),
    variant("exported", r#"(memory $m (export "memory") 1 4)"#, &["memory:mode=checked"]),
    Variant { grows: 0, ..variant("fixed", "(memory $m 1 1)", &["0:mode=fixed"]) },
    Variant { grows: 0, bytes: 0, ..variant("nothing", "(memory $m 0 0)", &["0:mode=fixed"]) },
    Variant { grows: 0, index: 1, ..variant("fixed1", "(memory $m 1 1)", &["m:mode=fixed"]) },
    Variant { grows: 0, ..variant("fixed64", "(memory $m i64 1 1)", &["m:mode=fixed"]) },
    variant("big", "(memory $m i64 1 4)", &[]),
    variant("bigger", "(memory $m i64 1 1000000000)", &["m:mode=checked"]),
    Variant { index: 2, ..variant("second", "(memory $m 1)", &[]) },
    Variant { index: 1, ..variant("guard1", "(memory $m 1)", &["m:mode=guard"]) },
    variant("automatic", "(memory $m 1 4)", &["*:mode=auto"]),
    Variant { index: 1, ..variant("auto1", "(memory $m 1)", &["m:mode=auto", "0:mode=checked"]) },
    Variant { imported: true, ..variant("auto_in", r#"(import "env" "memory" (memory $m 1 4))"#, &["0:mode=auto"]) },
    Variant { imported: true, ..variant("guard_in", r#"(import "env" "memory" (memory $m 1 4))"#, &[]) },
    Variant {
        imported: true,
        ..variant("check_in", r#"(import "env" "memory" (memory $m 1 4))"#, &["0:mode=checked"])
    },
];

impl Variant {
    fn index64(&self) -> bool {
        self.memory.contains("i64")
    }

    fn wat(&self) -> String {
        let ty = if self.index64() { "i64" } else { "i32" };
        let size = if self.index64() { "(local.get $size)" } else { "(i64.extend_i32_u (local.get $size))" };
        let (import, memory) = if self.imported { (self.memory, "") } else { ("", self.memory) };
        include_str!("modes.wat")
            .replace("IMPORT", import)
            .replace("BEFORE", &"(memory 2 5)".repeat(self.index as usize))
            .replace("MEMORY", memory)
            .replace("LOCAL64", size)
            .replace("IT", ty)
    }

    fn c(&self) -> String {
        let most = if self.index64() { "INT64_MAX" } else { "65537" };
        format!("#include \"{}.h\"\n", self.name)
            + &include_str!("modes.c")
                .replace("NUMBER", &self.index.to_string())
                .replace("ADDRESS", if self.index64() { "int64_t" } else { "int32_t" })
                .replace("IMPORTS", if self.imported { ", (struct env *)&imported" } else { "" })
                .replace("SIZE", &format!("{}u", self.bytes))
                .replace("GROWS", &self.grows.to_string())
                .replace("MOST", most)
                .replace("MOD", self.name)
    }
}

/// Memories whose pages are protected: name, declaration, spec, number of memories before it.
const CONTROLLED: &[(&str, &str, &str, u32)] = &[
    ("guarded", "(memory $m 64)", "m:mode=guard", 0),
    ("second", "(memory $m 64)", "m:mode=guard", 1),
    ("compact", "(memory $m 64 70)", "m:mode=checked", 0),
    ("moving", "(memory $m 64)", "m:mode=checked", 1),
    ("large", "(memory $m i64 64)", "m:mode=checked", 0),
    ("either", "(memory $m 64)", "m:mode=auto", 0),
    ("sparse", "(memory $m i64 64)", "m:virtual,limit=1GiB", 0),
];

#[test]
fn pages_are_protected_and_discarded() {
    for machine in machines() {
        let dir = scratch();
        let mut objects = Vec::new();
        let mut c = CHECKS.to_owned();
        let mut main = "int main(void)\n{\n".to_owned();
        for (name, memory, spec, index) in CONTROLLED {
            let ty = if memory.contains("i64") { "i64" } else { "i32" };
            let wat = include_str!("control.wat")
                .replace("BEFORE", &"(memory 1)".repeat(*index as usize))
                .replace("MEMORY", memory)
                .replace("IT", ty);
            objects.push(compile(&machine, dir.path(), name, &wat, &[spec]));
            c += &format!("#include \"{name}.h\"\n");
            c += &include_str!("control.c")
                .replace("ADDRESS", if ty == "i64" { "int64_t" } else { "int32_t" })
                .replace("NUMBER", &index.to_string())
                .replace("MOD", name);
            main += &format!("\t{name}_test();\n");
        }
        let c = format!("{c}{main}\tputs(\"all good\");\n\treturn 0;\n}}\n");
        check_c(&machine, dir.path(), &c, &objects, &[]);
    }
}

/// Static protection, `virtual=empty`, `limit`: what specs say of pages.
#[test]
fn specs_protect_pages() {
    let wat = |name: &str| {
        format!(
            r#"(module $m (memory (export "memory") 4) (data (i32.const 65540) "constant")
              (data (i32.const 262140) "end")
              (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
              (func (export "store") (param i32) (i32.store8 (local.get 0) (i32.const 1)))
              (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
              (@custom "palisade.memory" "{name}"))"#
        )
    };
    let modules = [
        ("fixed", "memory:no-access=64KiB,read-only=70000"),
        ("empty", "0:virtual=empty"),
        ("limited", "*:limit=320KiB,mode=checked"),
    ];
    let main = r#"
#include "fixed.h"
#include "empty.h"
#include "limited.h"
#define TRY(name, what, place, expected) do { \
	name##_at = place; \
	CHECK(pal_try(name##_##what##_it, NULL) == expected); \
	if (expected != PAL_TRAP_NONE) CHECK(pal_last_trap()->memory == 0 && pal_last_trap()->address == (uint64_t)(place)); \
} while (0)
#define MODULE(name) \
	static struct name *name; \
	static int32_t name##_at; \
	static void name##_load_it(void *arg) { (void)arg; name##_load(name, name##_at); } \
	static void name##_store_it(void *arg) { (void)arg; name##_store(name, name##_at); }
MODULE(fixed)
MODULE(empty)
static struct limited *limited;
int main(void)
{
	CHECK(pal_fixed_instantiate(&fixed) == PAL_TRAP_NONE && pal_empty_instantiate(&empty) == PAL_TRAP_NONE);
	CHECK(pal_limited_instantiate(&limited) == PAL_TRAP_NONE);
	/* null pointers, constants, and what is left */
	TRY(fixed, load, 0, PAL_TRAP_MEMORY_PROTECTED);
	TRY(fixed, store, 65535, PAL_TRAP_MEMORY_PROTECTED);
	TRY(fixed, load, 65540, PAL_TRAP_NONE);
	CHECK(fixed_load(fixed, 65540) == 'c' && fixed_load(fixed, 262140) == 'e');
	TRY(fixed, store, 65540, PAL_TRAP_MEMORY_PROTECTED);
	TRY(fixed, store, 65536 + 70000, PAL_TRAP_NONE);
	/* only pages with data are mapped */
	TRY(empty, load, 65540, PAL_TRAP_NONE);
	TRY(empty, store, 262143, PAL_TRAP_NONE);
	TRY(empty, load, 131072, PAL_TRAP_MEMORY_PROTECTED);
	CHECK(pal_memory_map(empty_memory(empty), 131072, 65536, PAL_READ_WRITE) == PAL_OK);
	TRY(empty, store, 131072, PAL_TRAP_NONE);
	CHECK(pal_memory_map(empty_memory(empty), 65536, 131072, PAL_READ) == PAL_E_STATE);
	CHECK(empty_grow(empty, 1) == 4);
	TRY(empty, load, 4 * 65536, PAL_TRAP_MEMORY_PROTECTED);
	CHECK(limited_grow(limited, 2) == -1 && limited_grow(limited, 1) == 4 && limited_grow(limited, 1) == -1);
	pal_fixed_free(fixed);
	pal_empty_free(empty);
	pal_limited_free(limited);
	puts("all good");
	return 0;
}
"#;
    for machine in machines() {
        let dir = scratch();
        let objects: Vec<_> =
            modules.iter().map(|(name, spec)| compile(&machine, dir.path(), name, &wat(spec), &[])).collect();
        check_c(&machine, dir.path(), &format!("{CHECKS}{main}"), &objects, &[]);
    }
}

/// The host's memory for those that import one: as `compact` says.
const IMPORTED: &str = r#"
struct env;
static pal_memory *imported;
pal_memory *env_memory(struct env *env) { (void)env; return imported; }
static void make_imported(int compact)
{
	pal_memory_free(imported);
	pal_memory_options options = { .min_pages = 1, .max_pages = 4, .has_max = 1, .compact = compact };
	CHECK(pal_memory_new(&imported, &options) == PAL_OK);
}
"#;

fn program(machine: &Machine, dir: &Path, variants: &[&Variant], main: &str) -> PathBuf {
    let objects: Vec<PathBuf> = variants.iter().map(|v| compile(machine, dir, v.name, &v.wat(), v.spec)).collect();
    let tests: String = variants.iter().map(|v| v.c()).collect();
    let flags = ["-Wno-unused-function", "-Wno-unused-variable"];
    // The accessor of the imported memory gets its link symbol from a module's header.
    let header = variants.iter().find(|v| v.imported).map_or(String::new(), |v| format!("#include \"{}.h\"\n", v.name));
    let c = format!("{CHECKS}{header}{}{tests}{main}", if header.is_empty() { "" } else { IMPORTED });
    link_c(machine, dir, &c, &objects, &flags)
}

#[test]
fn all_modes_have_the_same_edges() {
    for machine in machines() {
        let dir = scratch();
        let variants: Vec<&Variant> = VARIANTS.iter().collect();
        let calls: String = VARIANTS
            .iter()
            .map(|v| {
                let make = if v.imported { "make_imported(0);\n" } else { "" };
                // Its code for an imported memory without guard pages runs, too.
                let again = if v.name == "auto_in" || v.name == "check_in" {
                    format!("make_imported(1);\n{}_test();\n", v.name)
                } else {
                    String::new()
                };
                format!("{make}{}_test();\n{again}", v.name)
            })
            .collect();
        let main = format!("int main(void) {{\n{calls}\nputs(\"all good\");\nreturn 0; }}\n");
        let program = program(&machine, dir.path(), &variants, &main);
        expect_good(&machine, &program);
    }
}

/// Under `ulimit -v` of 1 GiB code without checks has no room for its guard, and says so; `auto` has its second version.
#[test]
fn auto_runs_where_4_gib_cannot_be_reserved() {
    let machine = Machine::host();
    let dir = scratch();
    let names = ["guard", "automatic", "auto1", "check_in", "auto_in"];
    let variants: Vec<&Variant> = VARIANTS.iter().filter(|v| names.contains(&v.name)).collect();
    let main = r#"int main(void)
{
	struct guard *none;
	CHECK(pal_guard_instantiate(&none) == PAL_TRAP_OUT_OF_MEMORY && none == NULL);
	puts(pal_last_trap()->message);
	for (int i = 0; i < 3; i++) {
		automatic_test();
		auto1_test();
		make_imported(1);
		auto_in_test();
	}
	puts("all good");
	return 0;
}
"#;
    let program = program(&machine, dir.path(), &variants, main);
    let mut shell = std::process::Command::new("sh");
    let ran = run(shell.args(["-c", "ulimit -v 1048576 && exec \"$0\""]).arg(&program)).expect(0);
    let message = "module \"guard\": no room for memory 0 (4328521728 bytes of address space)";
    assert_eq!(ran.stdout(), format!("{message}\nall good\n"));
}

/// A program whose calls to the system fail, the modules that it makes, and the linker's flags for it.
fn refusing(machine: &Machine, dir: &Path) -> (&'static str, Vec<PathBuf>, Vec<String>) {
    const WRAPPED: [&str; 8] = ["mmap", "munmap", "mprotect", "mremap", "malloc", "calloc", "realloc", "free"];
    let wat = |name: &str| {
        format!(
            r#"(module (memory (export "memory") 1 20) (memory 1) (memory i64 1 3) (table (export "t") 10 50 funcref)
              (data (i32.const 70) "{name}") (func $f (export "f") (result i32) (i32.load8_u (i32.const 70)))
              (elem (i32.const 1) $f)
              (func (export "grow") (param i32) (result i32)
                (drop (memory.grow 2 (i64.const 1))) (drop (memory.grow 1 (local.get 0))) (memory.grow (local.get 0))))"#
        )
    };
    let modules = [
        ("guard", "*:mode=checked", "0:mode=guard"),
        ("automatic", "*:mode=checked", "0:mode=auto"),
        ("checked", "*:mode=checked", "1:mode=checked"),
    ];
    let objects = modules.iter().map(|(name, a, b)| compile(machine, dir, name, &wat(name), &[a, b])).collect();
    (include_str!("refused.c"), objects, WRAPPED.iter().map(|name| format!("-Wl,--wrap={name}")).collect())
}

/// Whatever the system refuses while an instance is made and its memories grow, nothing is left behind; and under strict
/// accounting, where only bytes that may be written count, reserving is free.
#[test]
fn whatever_the_system_refuses() {
    for machine in machines() {
        let dir = scratch();
        let (c, objects, flags) = refusing(&machine, dir.path());
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let program = link_c(&machine, dir.path(), c, &objects, &flags);
        let ran = run(&mut machine.command(&program)).expect(0);
        assert!(ran.stdout().ends_with("all good\n"), "{}: {}", machine.triple, ran.stdout());
    }
}

/// The module's own section, and memories that only the compiler adds.
#[test]
fn modules_carry_specs_and_get_new_memories() {
    let section = r#"(module (memory $m 1 1) (func (export "read") (param i32) (result i32) (i32.load (local.get 0)))
        (@custom "palisade.memory" "m:mode=fixed\nnew:more:min=3,max=5,i64,export=extra\n"))"#;
    let main = r#"#include "lib.h"
static struct lib *lib;
static void read_end(void *arg) { (void)arg; lib_read(lib, 65533); }
int main(void)
{
	CHECK(pal_lib_instantiate(&lib) == PAL_TRAP_NONE);
	pal_memory *extra = lib_extra(lib);
	uint64_t old;
	CHECK(pal_memory_size(extra) == 3 * 65536 && pal_memory_grow(extra, 2, &old) == PAL_OK && old == 3);
	memset(pal_memory_data(extra), 7, 5 * 65536);
	CHECK(pal_memory_grow(extra, 1, NULL) == PAL_E_RANGE);
	CHECK(pal_try(read_end, NULL) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	pal_lib_free(lib);
	puts("all good");
	return 0;
}
"#;
    for machine in machines() {
        let dir = scratch();
        let object = compile(&machine, dir.path(), "lib", section, &[]);
        check_c(&machine, dir.path(), &format!("{CHECKS}{main}"), &[object], &[]);
    }
}

/// Each of them has its own bytes, and its own end.
#[test]
fn a_thousand_memories_are_apart() {
    let (mut memories, mut reads, mut writes) = (String::new(), String::new(), String::new());
    for i in 1..1000 {
        let (index, address) =
            if i % 3 == 2 { ("i64", "(i64.extend_i32_u (local.get 0))") } else { ("", "(local.get 0)") };
        let offset = if index.is_empty() { "i32" } else { index };
        memories += &format!("(memory {index} 1 {})\n", 1 + i % 2);
        memories += &format!("(data (memory {i}) ({offset}.const 8) \"\\{:02x}\")\n", i % 251);
        reads += &format!("(if (i32.eq (local.get 1) (i32.const {i})) (then (return (i32.load8_u {i} {address}))))\n");
        writes += &format!("(i32.store {i} offset=100 {address} (i32.const {i}))\n");
    }
    let wat = format!(
        r#"(module (import "env" "memory" (memory 1 4)) {memories} (export "last" (memory 999))
            (func (export "read") (param i32 i32) (result i32) {reads} i32.const -1)
            (func (export "write") (param i32) {writes}))"#
    );
    let main = r#"static struct lib *lib;
static void read_end(void *memory) { lib_read(lib, 65536, (int)(intptr_t)memory); }
int main(void)
{
	make_imported(0);
	CHECK(pal_lib_instantiate(&lib, (struct env *)&imported) == PAL_TRAP_NONE);
	for (int i = 1; i < 1000; i++) {
		CHECK(lib_read(lib, 8, i) == i % 251);
		CHECK(pal_try(read_end, (void *)(intptr_t)i) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	}
	lib_write(lib, 0);
	for (int i = 1; i < 1000; i++)
		CHECK(lib_read(lib, 100, i) == i % 256 && lib_read(lib, 101, i) == i / 256);
	int32_t last;
	memcpy(&last, (char *)pal_memory_data(lib_last(lib)) + 100, 4);
	CHECK(last == 999);
	pal_lib_free(lib);
	puts("all good");
	return 0;
}
"#;
    for machine in machines() {
        let dir = scratch();
        let object = compile(&machine, dir.path(), "lib", &wat, &[]);
        let program =
            link_c(&machine, dir.path(), &format!("{CHECKS}#include \"lib.h\"\n{IMPORTED}{main}"), &[object], &[]);
        expect_good(&machine, &program);
    }
}

/// A fixed memory of 4 GiB needs no check, a constant address inside needs none, either.
#[test]
fn what_is_known_is_not_checked() {
    let clif = |wat: &str, spec: &str| {
        let mut options = palisade::Options::new("lib");
        options.memories = vec![MemorySpec::parse(spec).expect(spec)];
        palisade::clif(&wat::parse_str(wat).expect("text"), &options).expect(wat)
    };
    let load =
        |memory: &str| format!("(module (memory {memory}) (func (param i32) (result i32) (i32.load (local.get 0))))");
    assert!(!clif(&load("0 65536"), "0:mode=guard").contains("trapnz"));
    assert!(clif(&load("1 1"), "0:mode=fixed").contains("trapnz"));
    let auto = clif(&load("1"), "0:mode=auto");
    assert_eq!((auto.matches("trapnz").count(), auto.matches("function u0:0").count()), (1, 2), "{auto}");
}

#[test]
fn plans_are_drawn() {
    let dir = scratch();
    let wat = r#"(module (memory (export "a\"<&b") 1) (memory $scratch 2 2) (memory i64 1)
        (memory (export "out") 1) (func (export "_start")))"#;
    let file = write(dir.path(), "app.wat", wat);
    let plan = |format: &str| {
        let specs = ["--memory", "scratch:mode=fixed", "--memory", "3:mode=auto"];
        run(Machine::host().palisade().arg(&file).arg(format).args(specs)).expect(0).stdout()
    };
    let text = plan("--plan");
    for words in
        ["scratch\": fixed", "asked for by --memory", "guard, 32 MiB", "accessible, 128 KiB", "context", "auto:"]
    {
        assert!(text.contains(words), "no {words:?} in {text}");
    }
    let json = plan("--plan=json");
    let checker = "import json,sys; p=json.load(sys.stdin); m=p['memories']; \
        print(m[0]['name'], m[0]['mode'], [s['use'] for s in m[0]['space']], m[1]['space'], m[2]['moves'], p['versions'])";
    if support::need("the plan as JSON", &["python3"]) {
        let ran = support::run_with_input(std::process::Command::new("python3").args(["-c", checker]), json.as_bytes());
        assert_eq!(
            ran.expect(0).stdout(),
            "a\"<&b guard ['context', 'accessible', 'reserved', 'guard'] \
             [{'start': 0, 'bytes': 131072, 'use': 'accessible'}] True 2\n"
        );
        let svg = plan("--plan=svg");
        let checker =
            "import sys,xml.dom.minidom as d; t=d.parse(sys.stdin); print(len(t.getElementsByTagName('rect')))";
        let ran = support::run_with_input(std::process::Command::new("python3").args(["-c", checker]), svg.as_bytes());
        assert_eq!(ran.expect(0).stdout(), "9\n");
    }
}
/// C programs reach memories beside their own, and pages of their own, through palisade/guest.h and palisade/mman.h.
#[test]
fn c_programs_use_several_memories() {
    if !support::need_python("C with palisade/guest.h", "ziglang") {
        return;
    }
    let dir = scratch();
    let module = dir.path().join("guest.wasm");
    let mut zig = std::process::Command::new("python3");
    zig.args(["-m", "ziglang", "cc", "-target", "wasm32-wasi", "-O2", "-Wall", "-Wextra", "-I"]);
    zig.arg(support::root().join("include")).arg(support::root().join("tests/memory/guest.c")).arg("-o").arg(&module);
    run(&mut zig).expect(0);
    for machine in machines() {
        let program = dir.path().join("guest");
        let specs = ["0:virtual", "new:arena:min=1,max=64", "new:sparse:min=81920,max=81920,i64,virtual=empty"];
        let mut palisade = machine.palisade();
        for spec in specs {
            palisade.args(["--memory", spec]);
        }
        let data = dir.path().join("data");
        std::fs::create_dir_all(&data).expect("a folder");
        write(&data, "file", "0123456789");
        run(palisade.arg(&module).arg("-o").arg(&program).arg("--dir").arg(format!("{}::data", data.display())))
            .expect(0);
        expect_good(&machine, &program);
        for (argument, trap) in [
            ("arena", "out of bounds memory access"),
            ("sparse", "protected memory access: address 0x8 of memory 2"),
            ("misuse", "protected memory access: memory control: not a multiple of the host's page size"),
            ("protected", "protected memory access"),
        ] {
            let ran = run(machine.command(&program).arg(argument)).expect(134);
            assert!(ran.stderr().starts_with(&format!("palisade: trap: {trap}")), "{argument}: {}", ran.stderr());
        }
    }
}

/// The vector accessors of palisade/guest.h beside clang's own, at every alignment, and where the memory ends.
#[test]
fn vector_accessors_do_what_plain_ones_do() {
    if !support::need_python("C with palisade/guest.h and -msimd128", "ziglang") {
        return;
    }
    let dir = scratch();
    let module = dir.path().join("vectors.wasm");
    let mut zig = Command::new("python3");
    zig.args(["-m", "ziglang", "cc", "-target", "wasm32-wasi", "-msimd128", "-O2", "-Wall", "-Wextra", "-I"]);
    zig.arg(support::root().join("include")).arg(support::root().join("tests/memory/vectors.c")).arg("-o").arg(&module);
    run(&mut zig).expect(0);
    // Loads of vectors, a store, and both for each lane.
    let all = format!("{} accessors\n", 13 + 1 + 2 * (2 + 4 + 8 + 16));
    for machine in machines() {
        for mode in ["guard", "checked"] {
            let program = dir.path().join("vectors");
            let mut palisade = machine.palisade();
            palisade.args(["--memory", "new:arena:min=1,max=1", "--memory", &format!("arena:mode={mode}")]);
            run(palisade.arg(&module).arg("-o").arg(&program)).expect(0);
            assert_eq!(run(&mut machine.command(&program)).expect(0).stdout(), all, "{} {mode}", machine.triple);
            for access in ["load", "store", "widening", "16-bit lane", "64-bit lane"] {
                let ran = run(machine.command(&program).arg(access)).expect(134);
                let trap = "palisade: trap: out of bounds memory access";
                assert!(ran.stderr().starts_with(trap) && ran.stdout() == all, "{mode}, {access}: {}", ran.stderr());
            }
        }
    }
}

/// What C says in a loop over a second memory are instructions in the object, not calls.
#[test]
fn loops_over_a_second_memory_call_nothing() {
    let what = "machine code of C with palisade/guest.h";
    if !support::need_python(what, "ziglang") || !support::need(what, &["objdump"]) {
        return;
    }
    let dir = scratch();
    let source = write(dir.path(), "sum.c", SUM);
    let module = dir.path().join("sum.wasm");
    let mut zig = Command::new("python3");
    zig.args([
        "-m",
        "ziglang",
        "cc",
        "-target",
        "wasm32-freestanding",
        "-msimd128",
        "-O2",
        "-nostdlib",
        "-Wl,--no-entry",
        "-I",
    ]);
    run(zig.arg(support::root().join("include")).arg(source).arg("-o").arg(&module)).expect(0);
    let wasm = std::fs::read(&module).expect("the module");
    for mode in ["guard", "checked", "auto"] {
        let mut options = palisade::Options::new("sum");
        options.target = palisade::Target::parse("x86_64-unknown-linux-gnu").expect("a target");
        options.memories = vec![
            MemorySpec::parse("new:heap:min=1").expect("a spec"),
            MemorySpec::parse(&format!("heap:mode={mode}")).expect("a spec"),
        ];
        let object = write(dir.path(), "sum.o", palisade::compile(&wasm, &options).expect("it compiles").bytes);
        let listing = run(Command::new("objdump").args(["-dr", "--no-show-raw-insn"]).arg(object)).expect(0).stdout();
        let all = listing.split("\n\n");
        let functions: Vec<&str> = all.filter(|f| f.contains("addsd") || f.contains("addpd")).collect();
        assert!(["addsd", "addpd"].iter().all(|what| functions.iter().any(|f| f.contains(what))), "{mode}: {listing}");
        for function in functions {
            let back = |line: &&str| {
                let at = |text: &str| u64::from_str_radix(text.trim(), 16).ok();
                let from = line.split(':').next().and_then(at);
                let to = line.split_whitespace().nth(2).and_then(at);
                line.contains("\tj") && from.zip(to).is_some_and(|(from, to)| to < from)
            };
            assert!(function.lines().any(|line| back(&line)), "{mode}: there is a loop: {function}");
            assert!(!function.contains("call"), "{mode}: {function}");
        }
    }
}

const SUM: &str = r#"
#include <palisade/guest.h>
PAL_MEMORY(heap, "palisade:memory/heap", uint32_t)
PAL_VECTOR_MEMORY(heap, "palisade:memory/heap", uint32_t)
__attribute__((export_name("square"))) double square(uint32_t at, uint32_t count)
{
	v128_t sum = wasm_f64x2_splat(0);
	for (uint32_t i = 0; i < count; i++) {
		v128_t pair = heap_load_v128(at + i * 16);
		sum = wasm_f64x2_add(sum, heap_load64_lane1(at + i * 8, pair));
		heap_store_v128(at + i * 16, wasm_f64x2_mul(pair, heap_load64_splat(at)));
		heap_store64_lane0(at + i * 8, sum);
	}
	return wasm_f64x2_extract_lane(sum, 0);
}
__attribute__((export_name("sum"))) double sum(uint32_t at, uint32_t count)
{
	double sum = 0;
	for (uint32_t i = 0; i < count; i++)
		sum += heap_load_f64(at + i * 8);
	return sum;
}
__attribute__((export_name("add"))) void add(uint32_t to, uint32_t at, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		heap_store_f64(to + i * 8, heap_load_f64(to + i * 8) + heap_load_f64(at + heap_load_u16(at + i * 2)));
}
"#;

const BUILTINS: &str = r#"(module
  (import "palisade:memory/1" "i32.load" (func $load (param i32) (result i32)))
  (import "palisade:memory/second" "i64.store" (func $store (param i32 i64)))
  (import "palisade:memory/second" "v128.load" (func $vector (param i32) (result v128)))
  (import "palisade:memory/second" "size" (func $size (result i32)))
  (import "palisade:memory/second" "grow" (func $grow (param i32) (result i32)))
  (import "palisade:memory" "protect" (func $protect (param i32 i32 i32) (result i32)))
  (memory $first 2) (memory $second 1 2)
  (table funcref (elem $load))
  (export "load" (func $load))
  (export "store" (func $store))
  (export "size" (func $size))
  (export "grow" (func $grow))
  (export "protect" (func $protect))
  (func (export "sum") (param $at i32) (param $end i32) (result i32) (local $sum i32)
    (loop $next
      (local.set $sum (i32.add (local.get $sum) (call $load (local.get $at))))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 4))) (local.get $end))))
    (local.get $sum))
  (func (export "lane") (param i32) (result i64) (i64x2.extract_lane 1 (call $vector (local.get 0))))
  (func (export "indirect") (param i32) (result i32)
    (call_indirect (param i32) (result i32) (local.get 0) (i32.const 0)))
  (func (export "tail") (param i32) (result i32) (return_call $load (local.get 0)))
  (func (export "first") (param i32) (result i32) (i32.load $first (local.get 0))))"#;

#[test]
fn builtins_are_instructions() {
    let main = r#"
#define TEST(name) \
	static struct name *name; \
	static int32_t name##_at; \
	static void name##_do_load(void *arg) { *(int32_t *)arg = name##_load(name, name##_at); } \
	static void name##_do_sum(void *arg) { *(int32_t *)arg = name##_sum(name, name##_at, name##_at + 8); } \
	static void name##_do_indirect(void *arg) { *(int32_t *)arg = name##_indirect(name, name##_at); } \
	static void name##_do_tail(void *arg) { *(int32_t *)arg = name##_tail(name, name##_at); } \
	static void name##_do_first(void *arg) { *(int32_t *)arg = name##_first(name, name##_at); } \
	static void name##_do_protect(void *arg) { *(int32_t *)arg = name##_protect(name, name##_at, 65536, 3); } \
	static int32_t name##_try(void (*what)(void *), int32_t at, pal_trap expected, int memory) \
	{ \
		int32_t result = -1; \
		name##_at = at; \
		CHECK(pal_try(what, &result) == expected); \
		CHECK(expected == PAL_TRAP_NONE || pal_last_trap()->memory == memory); \
		return result; \
	} \
	static void name##_test(void) \
	{ \
		CHECK(pal_##name##_instantiate(&name) == PAL_TRAP_NONE); \
		name##_store(name, 65528, 0x0000000500000007); \
		void (*all[])(void *) = { name##_do_load, name##_do_indirect, name##_do_tail }; \
		for (int i = 0; i < 3; i++) { \
			CHECK(name##_try(all[i], 65528, PAL_TRAP_NONE, 1) == 7); \
			name##_try(all[i], 65533, PAL_TRAP_MEMORY_OUT_OF_BOUNDS, 1); \
		} \
		CHECK(name##_try(name##_do_sum, 65528, PAL_TRAP_NONE, 1) == 12); \
		name##_try(name##_do_sum, 65532, PAL_TRAP_MEMORY_OUT_OF_BOUNDS, 1); \
		CHECK(name##_lane(name, 65520) == 0x0000000500000007); \
		CHECK(name##_size(name) == 1 && name##_grow(name, 1) == 1 && name##_size(name) == 2 && name##_grow(name, 1) == -1); \
		CHECK(name##_protect(name, 65536, 65536, 0) == 0); \
		name##_try(name##_do_first, 65536, PAL_TRAP_MEMORY_PROTECTED, 0); \
		name##_try(name##_do_protect, 3, PAL_TRAP_MEMORY_PROTECTED, 0); \
		name##_try(name##_do_protect, 131072, PAL_TRAP_MEMORY_OUT_OF_BOUNDS, 0); \
		name##_try(name##_do_protect, 65536, PAL_TRAP_NONE, 0); \
		CHECK(name##_try(name##_do_first, 65536, PAL_TRAP_NONE, 0) == 0); \
		pal_##name##_free(name); \
	}
TEST(plain)
TEST(automatic)
int main(void) { plain_test(); automatic_test(); puts("all good"); return 0; }
"#;
    for machine in machines() {
        let dir = scratch();
        let plain = compile(&machine, dir.path(), "plain", BUILTINS, &[]);
        let automatic = compile(&machine, dir.path(), "automatic", BUILTINS, &["*:mode=auto"]);
        let c = format!("{CHECKS}#include \"plain.h\"\n#include \"automatic.h\"\n{main}");
        let program = link_c(&machine, dir.path(), &c, &[plain, automatic], &[]);
        expect_good(&machine, &program);
        if machine.is_host() {
            // The version with checks has them in the thunks, too.
            let mut shell = std::process::Command::new("sh");
            let text = c.replace("plain_test();", "");
            let (plain, automatic) = (dir.path().join("plain.o"), dir.path().join("automatic.o"));
            let program = link_c(&machine, dir.path(), &text, &[plain, automatic], &["-Wno-unused-function"]);
            let ran = run(shell.args(["-c", "ulimit -v 1048576 && exec \"$0\""]).arg(&program)).expect(0);
            assert_eq!(ran.stdout(), GOOD);
        }
        // In the loop there is no call.
        let mut options = palisade::Options::new("lib");
        options.target = machine.target();
        let assembly = palisade::assembly(&wat::parse_str(BUILTINS).expect("text"), &options).expect("compiles");
        let sum = assembly.split("; function ").find(|f| f.contains("\"sum\"") || f.starts_with("6 ")).expect("sum");
        assert!(!sum.contains("  call") && !sum.contains("  bl "), "{sum}");
    }
}

#[test]
fn builtins_that_do_not_fit_are_refused() {
    for (import, words) in [
        (r#"(import "palisade:memory" "size" (func (result i64))) (memory 1)"#, "not () -> (i64)"),
        (r#"(import "palisade:memory" "sizes" (func)) (memory 1)"#, "no such function"),
        (r#"(import "palisade:memory/7" "size" (func (result i32))) (memory 1)"#, "no memory \"7\""),
        (r#"(import "palisade:memory" "size" (func (result i32)))"#, "has no memory"),
        (r#"(import "palisade:memory/any" "size" (func (result i32))) (memory 1)"#, "not () -> (i32)"),
        (
            r#"(import "palisade:memory/any" "size" (func (param i32) (result i32))) (memory i64 1)"#,
            "is (i32) -> (i64)",
        ),
        (r#"(import "palisade:memory/any" "size" (func (param i32) (result i32)))"#, "has no memory"),
        (r#"(import "palisade:memory" "bind" (func (param i32) (result i32))) (memory 1)"#, "not bindable"),
        (
            r#"(import "palisade:memory" "v128.load8_lane 16" (func (param i32 v128) (result v128))) (memory 1)"#,
            "16 lanes",
        ),
        (
            r#"(import "palisade:memory" "v128.load8_lane" (func (param i32 v128) (result v128))) (memory 1)"#,
            "no such function",
        ),
        (r#"(import "palisade:memory" "page_size" (global i32))"#, "functions only"),
    ] {
        let wasm = wat::parse_str(format!("(module {import})")).expect(import);
        let error = palisade::compile(&wasm, &palisade::Options::new("lib")).err().expect(import).to_string();
        assert!(error.contains(words), "{import}: {error}");
    }
}

/// A C program for wasm64 uses its memory beyond 4 GiB, and not beyond its end.
#[test]
fn wasm64_programs_use_memory_beyond_4_gib() {
    if !support::need_python("C for wasm64", "ziglang") {
        return;
    }
    let dir = scratch();
    let zig = || {
        let mut command = Command::new("python3");
        command.args(["-m", "ziglang"]);
        command
    };
    let (object, wasm) = (dir.path().join("large-wasm.o"), dir.path().join("large.wasm"));
    let mut clang = zig();
    clang.args(["clang", "--target=wasm64-unknown-unknown", "-O2", "-nostdinc", "-ffreestanding", "-mbulk-memory"]);
    run(clang.arg("-c").arg(support::root().join("tests/memory/wasm64.c")).arg("-o").arg(&object)).expect(0);
    let mut link = zig();
    link.args(["wasm-ld", "-mwasm64", "--no-entry"]).arg(&object).arg("-o").arg(&wasm);
    run(&mut link).expect(0);
    let wasm = std::fs::read(wasm).expect("a module");
    for machine in machines() {
        let object = compile_wasm(&machine, dir.path(), "large", &wasm);
        let host = format!("{CHECKS}{}", include_str!("wasm64_host.c"));
        check_c(&machine, dir.path(), &host, &[object], &[]);
    }
}
