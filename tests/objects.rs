//! Objects are good citizens: position-independent without text relocations, no executable stack, and every linker and
//! way of linking makes a program of them that runs.

mod support;

use std::path::Path;
use std::process::Command;
use support::{AARCH64, Machine, PALISADE, compile_wat, machines, need, run, scratch, write};

/// Something of everything that objects hold: several memories, a table, globals, segments, imports, exports.
const MODULE: &str = r#"(module
    (import "env" "twice" (func $twice (param i32) (result i32)))
    (memory (export "memory") 1)
    (memory $second 1 10)
    (data (i32.const 8) "\05\00\00\00")
    (data $passive "passive")
    (table (export "table") 8 funcref)
    (table $inner 4 funcref)
    (elem (i32.const 0) $twice $square)
    (elem (table $inner) (i32.const 1) func $square)
    (type $unary (func (param i32) (result i32)))
    (global $count (export "count") (mut i64) (i64.const 0))
    (global $pi f64 (f64.const 3.14159))
    (func $square (param i32) (result i32) (i32.mul (local.get 0) (local.get 0)))
    (func (export "run") (param i32) (result i32)
      (global.set $count (i64.add (global.get $count) (i64.const 1)))
      (memory.init $second $passive (i32.const 0) (i32.const 0) (i32.const 7))
      (i32.add
        (i32.add
          (call_indirect 0 (type $unary) (i32.load (i32.const 8)) (i32.const 0))
          (call_indirect $inner (type $unary) (i32.load (i32.const 8)) (i32.const 1)))
        (i32.add (local.get 0) (i32.load8_u $second (i32.const 0)))))
    (func (export "divide") (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0))))"#;

/// 5 * 2 + 5 * 5 + 1000 + 'p', and a trap that must be found in this way of linking too.
const HOST: &str = r#"
#include "lib.h"
#include <stdio.h>
struct env { int32_t factor; };
int32_t env_twice(struct env *env, int32_t x) { return env->factor * x; }
static void divide(void *lib) { lib_divide(lib, 0); }
int main(void)
{
	struct env env = {2};
	struct lib *lib;
	if (pal_lib_instantiate(&lib, &env) != PAL_TRAP_NONE)
		return 1;
	printf("%d\n", lib_run(lib, 1000));
	if (pal_try(divide, lib) != PAL_TRAP_INTEGER_DIVIDE_BY_ZERO || *lib_count(lib) != 1)
		return 2;
	pal_lib_free(lib);
	return 0;
}
"#;
const PRINTS: &str = "1147\n";

fn text_of(program: &str, args: &[&str], file: &Path) -> String {
    run(Command::new(program).args(args).arg(file)).expect(0).stdout()
}

#[test]
fn objects_have_no_text_relocations_and_no_executable_stack() {
    if !need("looking into objects", &["readelf"]) {
        return;
    }
    for machine in machines() {
        let dir = scratch();
        let object = compile_wat(&machine, dir.path(), "lib", MODULE);
        let sections = text_of("readelf", &["-SW"], &object);
        let note = sections.lines().find(|l| l.contains(".note.GNU-stack")).expect("a note about the stack");
        let flags = note.split("PROGBITS").nth(1).expect("its type");
        assert!(!flags.contains('X'), "an executable stack: {note}");
        let executable = sections.lines().filter(|l| l.contains(" AX ")).count();
        assert!(executable >= 1, "{sections}");
        assert!(!sections.contains(" WAX "), "writable code: {sections}");
        assert_only_relative(&text_of("readelf", &["-rW"], &object), &machine.triple);
        // The names of everything global are ours.
        let symbols = text_of("nm", &["-g", "--defined-only"], &object);
        for name in symbols.lines().filter_map(|l| l.split_whitespace().last()) {
            let ours = ["wasm.lib.", "pal_export.lib.", "pal_lib_"].iter().any(|p| name.starts_with(p));
            assert!(ours || name == "pal_module.lib" || name.starts_with("pal_"), "a global symbol {name}");
        }
    }
}

/// Relocations of code are relative to the code; absolute ones are for data only.
fn assert_only_relative(relocations: &str, target: &str) {
    let mut section = "";
    for line in relocations.lines() {
        if let Some(rest) = line.strip_prefix("Relocation section '") {
            section = rest.split('\'').next().expect("a name");
        }
        let absolute = ["R_X86_64_64", "R_X86_64_32", "R_AARCH64_ABS"].iter().any(|kind| line.contains(kind));
        let of_code = section.starts_with(".rela.text") || section.starts_with(".rela.eh_frame");
        let of_constants = section.starts_with(".rela.rodata");
        assert!(!(absolute && (of_code || of_constants)), "{target}: {section}: {line}");
    }
    assert!(relocations.contains(".rela.text"), "no relocations at all: {relocations}");
}

#[test]
fn every_linker_and_way_of_linking_works() {
    let host = Machine::host();
    let ways: &[(&str, &[&str], &[&str])] = &[
        ("gcc", &["-pie"], &["gcc"]),
        ("gcc", &["-no-pie"], &["gcc"]),
        ("gcc", &["-static"], &["gcc"]),
        ("gcc", &["-static-pie"], &["gcc"]),
        ("gcc", &["-pie", "-fuse-ld=bfd"], &["gcc", "ld.bfd"]),
        ("gcc", &["-pie", "-fuse-ld=gold"], &["gcc", "ld.gold"]),
        ("gcc", &["-pie", "-fuse-ld=lld", "-Wl,-z,text"], &["gcc", "ld.lld"]),
        ("clang", &["-pie"], &["clang"]),
        ("clang", &["-pie", "-fuse-ld=lld", "-Wl,--gc-sections"], &["clang", "ld.lld"]),
        ("clang", &["-static", "-fuse-ld=lld"], &["clang", "ld.lld"]),
        ("gcc", &["-pie", "-fuse-ld=mold", "-Wl,-z,relro,-z,now"], &["gcc", "mold"]),
        ("gcc", &["-static", "-fuse-ld=mold", "-Wl,--gc-sections"], &["gcc", "mold"]),
    ];
    for (cc, flags, programs) in ways {
        if need(&format!("linking with {cc} {}", flags.join(" ")), programs) {
            let machine = Machine { cc: vec![(*cc).into()], ..host.clone() };
            link_and_run(&machine, flags);
        }
    }
}

#[test]
fn aarch64_links_static_and_dynamic() {
    let Some(machine) = machines().into_iter().find(|m| m.triple == AARCH64 && !m.is_host()) else {
        return; // machines() has said why
    };
    let dynamic = Machine {
        cc: vec!["aarch64-linux-gnu-gcc".into()],
        runner: ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"].map(String::from).to_vec(),
        ..machine.clone()
    };
    link_and_run(&machine, &[]);
    link_and_run(&dynamic, &["-static-pie"]);
    link_and_run(&dynamic, &["-pie", "-Wl,-z,text"]);
    link_and_run(&dynamic, &["-no-pie"]);
    if need("linking aarch64 with clang and lld", &["clang", "ld.lld"]) {
        let clang = ["clang", "--target=aarch64-linux-gnu", "-fuse-ld=lld"].map(String::from).to_vec();
        link_and_run(&Machine { cc: clang, ..dynamic }, &["-pie"]);
    }
}

fn link_and_run(machine: &Machine, flags: &[&str]) {
    let what = format!("{} {} for {}", machine.cc[0], flags.join(" "), machine.triple);
    let dir = scratch();
    let object = compile_wat(machine, dir.path(), "lib", MODULE);
    let source = write(dir.path(), "host.c", HOST);
    let program = dir.path().join("host");
    let mut cc = machine.compiler();
    let runtime = machines().into_iter().find(|m| m.triple == machine.triple).expect("a machine").runtime();
    cc.args(flags).arg("-I").arg(dir.path()).arg(source).arg(object).arg(runtime);
    let linked = run(cc.args(["-pthread", "-lm", "-o"]).arg(&program));
    assert!(linked.ok(), "{what}: {}", linked.stderr());
    assert_eq!(linked.stderr(), "", "{what}: the linker has something to say");
    let ran = run(&mut machine.command(&program));
    assert_eq!((ran.status, ran.stdout().as_str()), (0, PRINTS), "{what}: {}", ran.stderr());
    assert_sound(&program, &what);
}

/// No text relocations, no executable stack, nothing both writable and executable.
fn assert_sound(program: &Path, what: &str) {
    if !need("looking into executables", &["readelf"]) {
        return;
    }
    let dynamic = text_of("readelf", &["-dW"], program);
    assert!(!dynamic.contains("TEXTREL"), "{what}: {dynamic}");
    let headers = text_of("readelf", &["-lW"], program);
    assert!(!headers.contains("RWE"), "{what}: {headers}");
    assert!(headers.contains("GNU_STACK"), "{what}: {headers}");
}

#[test]
fn shared_libraries_are_loaded_at_run_time() {
    let loader = r#"
#include <dlfcn.h>
#include <stdio.h>
#include <palisade.h>
int main(int argc, char **argv)
{
	void *library = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
	if (!library)
		return fprintf(stderr, "%s\n", dlerror()), 1;
	pal_trap (*instantiate)(void **) = (pal_trap (*)(void **))dlsym(library, "pal_lib_instantiate");
	int32_t (*divide)(void *, int32_t) = (int32_t (*)(void *, int32_t))dlsym(library, "wasm.lib.divide");
	void *lib;
	if (!instantiate || !divide || instantiate(&lib))
		return 2;
	return divide(lib, 84);
}
"#;
    let dir = scratch();
    let module =
        r#"(module (func (export "divide") (param i32) (result i32) (i32.div_u (local.get 0) (i32.const 2))))"#;
    let module = write(dir.path(), "lib.wat", module);
    let library = dir.path().join("lib.so");
    run(Command::new(support::PALISADE).arg("--shared").arg(module).arg("-o").arg(&library)).expect(0);
    let host = Machine::host();
    let source = write(dir.path(), "loader.c", loader);
    let program = dir.path().join("loader");
    run(host.compiler().arg(source).args(["-ldl", "-o"]).arg(&program)).expect(0);
    run(Command::new(&program).arg(&library)).expect(42);
    assert_sound(&library, "--shared");
}

/// The symbols of all exports follow one rule, whatever bytes their names hold.
#[test]
fn link_symbols_follow_the_rule() {
    if !need("reading symbols", &["nm"]) {
        return;
    }
    let dir = scratch();
    let module = r#"(module
        (import "odd one" "x y" (func))
        (func (export "")) (func (export "a.b-c")) (func (export "π")) (global (export "$") i32 (i32.const 1)))"#;
    let object = compile_wat(&Machine::host(), dir.path(), "lib", module);
    let symbols = text_of("nm", &["-g"], &object);
    let has = |symbol: &str| symbols.lines().any(|l| l.split_whitespace().last() == Some(symbol));
    for symbol in ["wasm.lib.", "wasm.lib.a$2eb$2dc", "wasm.lib.$cf$80", "wasm.lib.$24"] {
        assert!(has(symbol), "no {symbol} in {symbols}");
    }
    assert!(has("wasm.odd$20one.x$20y"), "{symbols}");
}

/// An object and a runtime of different versions do not link.
#[test]
fn objects_name_the_version_of_their_runtime() {
    if !need("reading symbols", &["nm"]) {
        return;
    }
    let dir = scratch();
    let object = compile_wat(&Machine::host(), dir.path(), "lib", "(module)");
    let abi = format!("pal_abi_{}", palisade::context::ABI);
    let undefined = text_of("nm", &["-u"], &object);
    assert!(undefined.lines().any(|l| l.split_whitespace().last() == Some(&abi)), "no {abi} in {undefined}");
    let defined = text_of("nm", &["-g", "--defined-only"], &Machine::host().runtime());
    assert!(defined.lines().any(|l| l.split_whitespace().last() == Some(&abi)), "no {abi} in the runtime");
}

/// Functions that nothing can call: below, `lost…`. The others are what an export, the start function, a segment, a
/// table or a global leads to, also by `ref.func`.
const PARTLY_LOST: &str = r#"(module
    (type $none (func))
    (table 2 funcref)
    (table $own 1 1 (ref null $none) (ref.func $of_table))
    (elem (i32.const 0) $of_segment)
    (elem declare func $named $lost_by_name)
    (global funcref (ref.func $of_global))
    (global $some (mut funcref) (ref.null func))
    (func $lost_first (call $lost_twin))
    (func $of_segment (call $deeper))
    (func $lost_twin (call $lost_first) (call $shared))
    (func $deeper (call $shared))
    (func $shared)
    (func $of_table)
    (func $of_global)
    (func $named)
    (func $lost_by_name)
    (func $begins (global.set $some (ref.func $named)))
    (start $begins)
    (func $lost_last (global.set $some (ref.func $lost_by_name)) (return_call $lost_by_name))
    (func $exported (export "f")))"#;

#[test]
fn functions_that_cannot_run_are_left_out() {
    if !need("reading symbols", &["nm"]) {
        return;
    }
    for machine in machines() {
        let dir = scratch();
        let symbols = text_of("nm", &[], &compile_wat(&machine, dir.path(), "lib", PARTLY_LOST));
        let has = |symbol: &str| symbols.lines().any(|l| l.split_whitespace().last() == Some(symbol));
        for kept in ["of_segment", "deeper", "shared", "of_table", "of_global", "named", "begins", "exported"] {
            assert!(has(kept), "no {kept} in {symbols}");
        }
        assert!(!symbols.contains("lost"), "{symbols}");
    }
}

/// They are validated, and may not use what is not compiled.
#[test]
fn functions_that_cannot_run_are_looked_at() {
    let options = palisade::Options::new("lib");
    let error = |wasm: &[u8]| palisade::compile(wasm, &options).map(|_| ()).expect_err("it is refused").to_string();
    let invalid = wat::parse_str("(module (func $lost (result i32)))").expect("text");
    assert!(error(&invalid).contains("type mismatch"), "{}", error(&invalid));
    let unsupported = wat::parse_str("(module (func $lost (drop (ref.i31 (i32.const 1)))))").expect("text");
    assert!(error(&unsupported).contains("gc"), "{}", error(&unsupported));
}

/// Nobody calls an executable's exports but its modules and the runtime; C sources may.
#[test]
fn executables_have_what_their_modules_call() {
    if !need("reading symbols", &["nm"]) {
        return;
    }
    let app = r#"(module
        (import "math" "twice" (func $twice (param i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (func $lost (export "lost"))
        (func (export "_start") (call $exit (call $twice (i32.const 21)))))"#;
    let math = r#"(module
        (func $lost_part (param i32) (result i32) (i32.mul (local.get 0) (i32.const 3)))
        (func $lost_too (export "thrice") (param i32) (result i32) (call $lost_part (local.get 0)))
        (func $double (export "twice") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2))))"#;
    let dir = scratch();
    for (name, text) in [("app.wat", app), ("math.wat", math), ("more.c", "int more;")] {
        write(dir.path(), name, text);
    }
    for (inputs, all) in [(&["app.wat", "math.wat"][..], false), (&["math.wat", "app.wat", "more.c"], true)] {
        let palisade = |more: &[&str]| {
            let mut command = Command::new(PALISADE);
            run(command.current_dir(dir.path()).args(inputs).args(more)).expect(0)
        };
        let said = palisade(&["-v", "-o", "app"]).stderr();
        run(&mut Command::new(dir.path().join("app"))).expect(42);
        let symbols = text_of("nm", &[], &dir.path().join("app"));
        assert!(symbols.contains(" double") && symbols.contains("wasm.math.twice"), "{symbols}");
        for lost in [" lost", "lost_too", "lost_part", "wasm.math.thrice", "wasm.app.lost"] {
            assert_eq!(symbols.contains(lost), all, "{lost} in {symbols}");
        }
        assert_eq!(said.contains("3 functions (2 of them can't run and are left out)"), !all, "{said}");
    }
}
