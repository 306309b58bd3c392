//! Modules linked together: in one command or separately, static libraries, shared ones, side modules; what does not fit
//! is an error that names both sides.

#[path = "../support/mod.rs"]
mod support;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{GOOD, Machine, compile_wat, expect_good, link_c, machines, need, root, run, scratch, write};

/// The two modules and their host, the store under a name that is no C identifier.
fn inputs(dir: &Path) {
    write(dir, "the-store.wat", include_str!("store.wat"));
    write(dir, "user.wat", include_str!("user.wat"));
    write(dir, "main.c", include_str!("main.c"));
}

#[test]
fn one_command_compiles_and_joins_them() {
    for machine in machines() {
        let dir = scratch();
        inputs(dir.path());
        // C sources find the headers of the modules beside them.
        for order in [["the-store.wat", "user.wat", "main.c"], ["main.c", "user.wat", "the-store.wat"]] {
            run(machine.palisade().args(order).args(["-o", "app"]).current_dir(dir.path())).expect(0);
            expect_good(&machine, &dir.path().join("app"));
        }
    }
}

/// Objects with headers, then the user's own compiler.
#[test]
fn separately_compiled_objects_join() {
    for machine in machines() {
        let dir = scratch();
        inputs(dir.path());
        let rename = ["--import", "the-store=the_x2D_store"];
        for (module, header) in [("the-store", "the_x2D_store.h"), ("user", "user.h")] {
            let mut palisade = machine.palisade();
            palisade.args(["-c", &format!("{module}.wat"), "--header", header]).args(rename);
            run(palisade.current_dir(dir.path())).expect(0);
        }
        let objects = ["the-store.o", "user.o"].map(|o| dir.path().join(o));
        expect_good(&machine, &link_c(&machine, dir.path(), include_str!("main.c"), &objects, &[]));
    }
}

/// A static library and a shared one, each with the runtime inside: nothing else is needed.
#[test]
fn libraries_have_everything_inside() {
    for machine in machines() {
        let dir = scratch();
        inputs(dir.path());
        let palisade = |args: &[&str]| {
            run(machine.palisade().args(args).args(["the-store.wat", "user.wat"]).current_dir(dir.path())).expect(0);
        };
        for (module, header) in [("the-store", "the_x2D_store.h"), ("user", "user.h")] {
            let file = format!("{module}.wat");
            let rename = ["--import", "the-store=the_x2D_store"];
            let mut palisade = machine.palisade();
            run(palisade.args(["-c", &file, "--header", header]).args(rename).current_dir(dir.path())).expect(0);
        }
        let compile = |args: &[&str]| {
            let mut cc = machine.compiler();
            cc.args(["main.c", "-I."]).args(args).args(["-o", "app"]);
            run(cc.current_dir(dir.path())).expect(0);
            expect_good(&machine, &dir.path().join("app"));
        };
        palisade(&["-o", "libboth.a"]);
        compile(&["libboth.a", "-pthread"]);
        if machine.is_host() {
            palisade(&["--shared", "-Wl,-z,relro,-z,now", "-o", "libboth.so"]);
            compile(&["-L.", &format!("-Wl,-rpath,{}", dir.path().display()), "-l:libboth.so"]);
        }
    }
    let dir = scratch();
    inputs(dir.path());
    let mut palisade = Machine::host().palisade();
    let ran = run(palisade.args(["user.wat", "main.c", "-o", "lib.a"]).current_dir(dir.path())).expect(1);
    assert!(ran.stderr().contains("main.c: only modules"), "{}", ran.stderr());
}

/// Nothing but `wasm.…` and `pal_…` is visible, and a process may hold several such libraries: the first one's runtime
/// serves the traps of all.
#[test]
fn shared_libraries_share_one_runtime() {
    let dir = scratch();
    let text = r#"(module (memory (export "memory") 1)
        (func (export "load") (param i32) (result i32) (i32.load (local.get 0))))"#;
    let palisade = |args: &[&str]| run(Machine::host().palisade().args(args).current_dir(dir.path())).expect(0);
    for name in ["one", "two"] {
        write(dir.path(), &format!("{name}.wat"), text);
        palisade(&["--shared", &format!("{name}.wat"), "-o", &format!("lib{name}.so")]);
        palisade(&["-c", &format!("{name}.wat"), "--header", &format!("{name}.h")]);
    }
    let host = r#"
#include "one.h"
#include "two.h"
static void one(void *m) { one_load(m, 65536); }
static void two(void *m) { two_load(m, 65533); }
int main(void)
{
	struct one *a;
	struct two *b;
	if (pal_one_instantiate(&a) || pal_two_instantiate(&b))
		return 1;
	for (int i = 0; i < 10; i++)
		if (pal_try(one, a) != PAL_TRAP_MEMORY_OUT_OF_BOUNDS || pal_try(two, b) != PAL_TRAP_MEMORY_OUT_OF_BOUNDS)
			return 2;
	pal_one_free(a);
	pal_two_free(b);
	return 0;
}
"#;
    write(dir.path(), "host.c", host);
    let rpath = format!("-Wl,-rpath,{}", dir.path().display());
    let mut cc = Machine::host().compiler();
    cc.args(["host.c", "-I.", "-L.", &rpath, "-l:libone.so", "-l:libtwo.so", "-o", "app"]);
    run(cc.current_dir(dir.path())).expect(0);
    run(&mut Command::new(dir.path().join("app"))).expect(0);
    if need("symbols of shared libraries", &["nm"]) {
        let symbols = run(Command::new("nm").args(["-D", "--defined-only", "libone.so"]).current_dir(dir.path()));
        for name in symbols.expect(0).stdout().lines().filter_map(|l| l.split_whitespace().last()) {
            assert!(name.starts_with("wasm.") || name.starts_with("pal_"), "{name} is visible");
        }
    }
}

/// A library with a runtime of its own, loaded by a program that has one, too.
#[test]
fn two_runtimes_pass_faults_on_and_refuse_the_others_things() {
    let theirs = r#"(module (memory (export "memory") 1) (table (export "table") 1 funcref) (tag (export "tag"))
        (func $load (export "load") (param i32) (result i32) (i32.load (local.get 0)))
        (elem declare func $load)
        (func (export "give") (result funcref) (ref.func $load)))"#;
    let own = r#"(module (memory (export "memory") 1) (table (export "table") 1 funcref)
        (func $load (export "load") (param i32) (result i32) (i32.load (local.get 0)))
        (func $deep (export "deep") (call $deep) (call $deep))
        (elem declare func $load)
        (func (export "give") (result funcref) (ref.func $load)))"#;
    let wants = ["memory (memory 1)", "table (table 1 funcref)", "tag (tag)", "global (global funcref)"];
    let machine = Machine::host();
    let dir = scratch();
    write(dir.path(), "theirs.wat", theirs);
    let shared = ["--shared", "theirs.wat", "-o", "libtheirs.so"];
    run(machine.palisade().args(shared).current_dir(dir.path())).expect(0);
    let mut objects = vec![compile_wat(&machine, dir.path(), "own", own)];
    objects.extend(wants.map(|want| {
        let (field, ty) = want.split_once(' ').expect("two words");
        let text = format!("(module (import \"env\" \"{field}\" {ty}))");
        compile_wat(&machine, dir.path(), &format!("wants_{field}"), &text)
    }));
    let program = link_c(&machine, dir.path(), include_str!("runtimes.c"), &objects, &["-ldl"]);
    for order in ["0", "1"] {
        let ran = run(Command::new(&program).arg(dir.path().join("libtheirs.so")).arg(order)).expect(0);
        assert_eq!(ran.stdout(), GOOD, "{}", ran.stderr());
        assert!(ran.stderr().contains("out of bounds"), "the report: {}", ran.stderr());
    }
}

#[test]
fn cycles_are_an_error_that_shows_them() {
    let dir = scratch();
    write(dir.path(), "a.wat", r#"(module (import "b" "f" (func)) (func (export "f")))"#);
    write(dir.path(), "b.wat", r#"(module (import "c" "f" (func)) (func (export "f")))"#);
    write(dir.path(), "c.wat", r#"(module (import "a" "f" (func)) (func (export "f")))"#);
    write(dir.path(), "main.c", "int main(void) { return 0; }");
    let ran = run(Machine::host().palisade().args(["a.wat", "b.wat", "c.wat", "main.c"]).current_dir(dir.path()));
    let error = ran.expect(1).stderr();
    assert!(error.contains("imports form a cycle, a.wat → b.wat → c.wat → a.wat"), "{error}");
}

/// What the importer declares, and what the error says; the provider is store.wat.
const MISFITS: &[(&str, &str)] = &[
    (r#""peek" (func (param i64) (result i32))"#, "expected function (i64) -> i32, but it is function (i32) -> i32"),
    (r#""peek" (global i32)"#, "expected global i32, but it is function (i32) -> i32"),
    (r#""count" (global i32)"#, "expected global i32, but it is mutable global i32"),
    (r#""limit" (global i32)"#, "expected global i32, but it is global i64"),
    (r#""memory" (memory 3)"#, "expected a memory of at least 3 pages, but it has 2"),
    (r#""memory" (memory 1 4)"#, "expected a memory with a maximum of at most 4 pages, but it has 5"),
    (r#""memory" (memory i64 1)"#, "expected a 64-bit memory, but it is a 32-bit one"),
    (r#""table" (table 5 funcref)"#, "expected a table of at least 5 elements, but it has 4"),
    (r#""table" (table 1 7 funcref)"#, "expected a table with a maximum of at most 7 elements, but it has 8"),
    (r#""table" (table 1 externref)"#, "expected a table of externref, but it is one of funcref"),
    (r#""table" (memory 1)"#, "expected memory, but it is table"),
];

#[test]
fn what_does_not_fit_is_refused_with_both_sides_named() {
    let mut includes = String::from("#include \"store.h\"\n#include <stdio.h>\n");
    let mut calls = String::new();
    let mut expected = String::new();
    for (i, (import, message)) in MISFITS.iter().enumerate() {
        writeln!(includes, "#include \"misfit{i}.h\"").unwrap();
        writeln!(calls, "\tstruct misfit{i} *m{i}; puts(pal_misfit{i}_instantiate(&m{i}, s) == PAL_TRAP_LINK && !m{i} ? pal_last_trap()->message : \"it fits\");").unwrap();
        let name = import.split('"').nth(1).unwrap();
        writeln!(expected, "module \"misfit{i}\": import \"store\" \"{name}\": {message}").unwrap();
    }
    let c = format!(
        "{includes}int main(void)\n{{\n\tstruct store *s;\n\tif (pal_store_instantiate(&s))\n\t\treturn 1;\n{calls}\tpal_store_free(s);\n\treturn 0;\n}}\n"
    );
    let machine = &machines()[0];
    let dir = scratch();
    let mut objects = vec![compile_wat(machine, dir.path(), "store", include_str!("store.wat"))];
    for (i, (import, _)) in MISFITS.iter().enumerate() {
        let text = format!("(module (import \"store\" {import}))");
        objects.push(compile_wat(machine, dir.path(), &format!("misfit{i}"), &text));
    }
    // Each misfit would declare the store's parts in its own way: the hosts of the real world see one of them only.
    for i in 0..MISFITS.len() {
        let header = dir.path().join(format!("misfit{i}.h"));
        let text = std::fs::read_to_string(&header).expect("a header");
        let kept: Vec<_> = text.lines().filter(|l| !l.contains("wasm.store.")).collect();
        std::fs::write(header, kept.join("\n") + "\n").expect("a header");
    }
    let program = link_c(machine, dir.path(), &c, &objects, &[]);
    let ran = run(&mut machine.command(&program)).expect(0);
    assert_eq!(ran.stdout(), expected);
}

/// A module whose start function fails leaves nothing behind, not even where it wrote itself into another's table.
#[test]
fn failed_instances_leave_nothing_dangling() {
    let failing = r#"(module
        (import "store" "table" (table 1 funcref)) (import "store" "count" (global $count (mut i32)))
        (func $late (param i32) (result i32) (global.set $count (i32.const 77)) (i32.const 5))
        (func $start unreachable) (start $start) (elem (i32.const 3) $late))"#;
    let host = r#"
#include "failing.h"
#include "store.h"
#include <stdio.h>
int main(void)
{
	for (int i = 0; i < 50; i++) {
		struct store *s;
		struct failing *f = (struct failing *)&s;
		if (pal_store_instantiate(&s) || pal_failing_instantiate(&f, s) != PAL_TRAP_UNREACHABLE || f)
			return 1;
		/* Segments were applied before: the entry stays, and its instance with it. */
		if (store_call(s, 3, 0) != 5 || *store_count(s) != 77)
			return 2;
		pal_store_free(s);
	}
	puts("all good");
	return 0;
}
"#;
    for machine in machines() {
        let dir = scratch();
        let objects = [("store", include_str!("store.wat")), ("failing", failing)]
            .map(|(n, t)| compile_wat(&machine, dir.path(), n, t));
        expect_good(&machine, &link_c(&machine, dir.path(), host, &objects, &[]));
    }
}

#[test]
fn side_modules_are_linked_statically() {
    for machine in machines() {
        let dir = scratch();
        let side = include_str!("side.wat");
        let modules = [("side_main", include_str!("side_main.wat")), ("one", side), ("two", side)];
        let objects: Vec<PathBuf> = modules.iter().map(|(n, t)| compile_wat(&machine, dir.path(), n, t)).collect();
        expect_good(&machine, &link_c(&machine, dir.path(), include_str!("side.c"), &objects, &[]));
    }
}

/// Hosts compiled for link-time optimization, and hidden by default.
#[test]
fn hosts_may_be_optimized_at_link_time() {
    let dir = scratch();
    inputs(dir.path());
    for (cc, flags, tools) in [
        ("gcc", "-flto -O2 -fvisibility=hidden", &["gcc"][..]),
        ("gcc", "-flto -fuse-linker-plugin -O3 -static", &["gcc"]),
        ("clang", "-flto=thin -O2 -fuse-ld=lld", &["clang", "ld.lld"]),
        ("gcc", "-O2 -fuse-ld=mold -Wl,-z,relro,-z,now", &["gcc", "mold"]),
    ] {
        if !need(&format!("linking with {cc} {flags}"), tools) {
            continue;
        }
        for (module, header) in [("the-store", "the_x2D_store.h"), ("user", "user.h")] {
            let mut palisade = Machine::host().palisade();
            palisade.args(["-c", &format!("{module}.wat"), "--header", header, "--import", "the-store=the_x2D_store"]);
            run(palisade.current_dir(dir.path())).expect(0);
        }
        let mut command = Command::new(cc);
        command.args(flags.split(' ')).args(["-Wall", "-Wextra", "-Werror", "main.c", "the-store.o", "user.o", "-I."]);
        command.arg("-I").arg(root().join("include")).arg(Machine::host().runtime());
        let linked = run(command.args(["-pthread", "-lm", "-o", "app"]).current_dir(dir.path()));
        assert!(linked.ok() && linked.stderr().is_empty(), "{cc} {flags}: {}", linked.stderr());
        expect_good(&Machine::host(), &dir.path().join("app"));
    }
}
