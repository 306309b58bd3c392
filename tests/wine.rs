//! Programs for Windows, linked by MinGW's compiler and run by wine.

mod support;

use std::path::Path;
use std::process::Command;
use support::{PALISADE, need, root, run, run_with_input, scratch, wine};

/// Compiles a module to an executable.
fn build(dir: &Path, name: &str, text: &str) -> Command {
    build_with(dir, name, text, &[])
}

fn build_with(dir: &Path, name: &str, text: &str, options: &[&str]) -> Command {
    let source = dir.join(format!("{name}.wat"));
    std::fs::write(&source, text).expect("a scratch file");
    let program = dir.join(format!("{name}.exe"));
    let mut palisade = Command::new(PALISADE);
    palisade.args(["--target", "x86_64-pc-windows-gnu"]).args(options).arg(source).arg("-o").arg(&program);
    run(&mut palisade).expect(0);
    let mut command = wine(&program);
    command.current_dir(dir);
    command
}

/// Each traps in its own way; the report names the function and the place.
const TRAPS: &[(&str, &str, &str)] = &[
    (
        "overflow",
        "(func $f (param i64) (result i64) (i64.add (call $f (local.get 0)) (local.get 0)))
         (func (export \"_start\") (drop (call $f (i64.const 0))))",
        "palisade: trap: call stack exhausted\n    0: overflow!f",
    ),
    (
        "outside",
        "(func (export \"_start\") (drop (i32.load (i32.const 0x7fffffff))))",
        "palisade: trap: out of bounds memory access: address 0x7fffffff of memory 0\n    0: outside!_start at 0x",
    ),
    (
        "divide",
        "(global $zero (mut i32) (i32.const 0))
         (func (export \"_start\") (drop (i32.div_s (i32.const 7) (global.get $zero))))",
        "palisade: trap: integer divide by zero\n    0: divide!_start at 0x",
    ),
    (
        "unreachable",
        "(func (export \"_start\") unreachable)",
        "palisade: trap: unreachable\n    0: unreachable!_start at 0x",
    ),
];

#[test]
fn traps_end_programs_with_a_report() {
    if !need("programs for Windows", &["x86_64-w64-mingw32-gcc", "wine"]) {
        return;
    }
    let dir = scratch();
    for (name, body, report) in TRAPS {
        let text = format!("(module (memory (export \"memory\") 1) {body})");
        let ran = run(&mut build(dir.path(), name, &text)).expect(134);
        assert!(ran.stderr().replace('\r', "").contains(report), "{name}: {}", ran.stderr());
    }
}

/// Grows its memory, fills it, throws an exception and catches it; the sum is its exit status.
const WORK: &str = r#"(module
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (tag $t (param i32))
    (func $throw (param i32) (throw $t (local.get 0)))
    (func (export "_start")
        (drop (memory.grow (i32.const 1000)))
        (i32.store (i32.const 65000000) (i32.const 7))
        (memory.fill (i32.const 100) (i32.const 3) (i32.const 1000000))
        (block $caught (result i32)
            (try_table (catch $t $caught) (call $throw (i32.const 30)))
            (i32.const 0))
        (i32.add (i32.load8_u (i32.const 500000)))
        (i32.add (i32.load (i32.const 65000000)))
        (call $exit)))"#;

#[test]
fn memories_and_exceptions_work() {
    if !need("programs for Windows", &["x86_64-w64-mingw32-gcc", "wine"]) {
        return;
    }
    let dir = scratch();
    run(&mut build(dir.path(), "work", WORK)).expect(40);
}

/// Pages can't be seen at several addresses there.
#[test]
fn shared_virtual_memories_are_refused() {
    if !need("programs for Windows", &["x86_64-w64-mingw32-gcc", "wine"]) {
        return;
    }
    let dir = scratch();
    let text = r#"(module (memory 1 4 shared) (func (export "_start")))"#;
    let ran = run(&mut build_with(dir.path(), "pages", text, &["--memory", "0:virtual"]));
    assert!(!ran.ok());
    let wanted = "module \"pages\": memory 0: this system has no virtual memories that are shared";
    assert!(ran.stderr().contains(wanted), "{}", ran.stderr());
}

/// The README's example, which reads standard input and writes to standard output.
#[test]
fn the_example_counts_words() {
    if !need("programs for Windows", &["x86_64-w64-mingw32-gcc", "wine"]) {
        return;
    }
    let dir = scratch();
    let text = std::fs::read_to_string(root().join("examples/hello/hello.wat")).expect("the example");
    let mut command = build(dir.path(), "hello", &text);
    let ran = run_with_input(&mut command, b"three words here\n").expect(0);
    assert_eq!(ran.stdout(), "Hello! You gave me 1 lines, 3 words and 17 bytes.\n");
}

#[test]
fn a_host_has_a_hundred_instances_and_threads() {
    if !need("programs for Windows", &["x86_64-w64-mingw32-gcc", "wine"]) {
        return;
    }
    let dir = scratch();
    let (sources, program) = (root().join("tests/wine"), dir.path().join("host.exe"));
    let mut palisade = Command::new(PALISADE);
    palisade.args(["--target", "x86_64-pc-windows-gnu", "--header"]).arg(dir.path().join("lib.h"));
    palisade.arg("-I").arg(dir.path()).arg(sources.join("lib.wat")).arg(sources.join("host.c"));
    run(palisade.arg("-o").arg(&program)).expect(0);
    assert_eq!(run(&mut wine(&program)).expect(0).stdout().trim(), "0 wrong");
}
