//! Traps, exceptions and threads under pressure: every order of wasm, C and C++ frames, many threads with the runtime
//! built for sanitizers, debuggers that look at it all.

#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use support::sanitized::{SANITIZERS, Sanitized};
use support::{Machine, compile_wat, link_c, machines, need, root, run, scratch};

const GOOD: &str = "all good\n";

fn library(machine: &Machine, dir: &Path) -> PathBuf {
    compile_wat(machine, dir, "lib", include_str!("lib.wat"))
}

/// host.cpp as a program.
fn cxx(machine: &Machine, dir: &Path, compiler: &str, flags: &[&str]) -> PathBuf {
    let object = library(machine, dir);
    let program = dir.join("program");
    let mut command = Command::new(compiler);
    command.args(["-std=c++17", "-Wall", "-Wextra", "-Werror", "-I"]).arg(root().join("include")).arg("-I").arg(dir);
    command.args(flags).arg(root().join("tests/pressure/host.cpp")).arg(object).arg(machine.runtime());
    run(command.args(["-pthread", "-lm", "-o"]).arg(&program)).expect(0);
    program
}

#[test]
fn exceptions_and_traps_in_every_order_of_frames() {
    for machine in machines() {
        let cross = machine.cxx();
        let compilers: &[(&str, &[&str])] = if machine.is_host() {
            &[("g++", &["-O0"]), ("g++", &["-O2"]), ("clang++", &["-O2"]), ("g++", &["-O1", "-static"])]
        } else {
            &[(&cross, &["-O2", "-static"])]
        };
        for (compiler, flags) in compilers {
            if need("C++ hosts", &[compiler]) {
                let dir = scratch();
                let program = cxx(&machine, dir.path(), compiler, flags);
                let ran = run(&mut machine.command(&program)).expect(0);
                assert_eq!(ran.stdout(), GOOD, "{} {compiler} {flags:?}", machine.triple);
            }
        }
    }
}

/// Exceptions through two wasm frames; valgrind unwinds nothing itself, but sees every byte that is read.
#[test]
fn exceptions_through_wasm_are_clean_under_valgrind() {
    let machine = Machine::host();
    if !need("valgrind", &["valgrind", "g++"]) {
        return;
    }
    let dir = scratch();
    let program = cxx(&machine, dir.path(), "g++", &["-O1", "-g"]);
    let mut valgrind = Command::new("valgrind");
    let ran = run(valgrind.args(["-q", "--error-exitcode=9", "--leak-check=full"]).arg(program).arg("short")).expect(0);
    assert_eq!((ran.stdout().as_str(), ran.stderr().as_str()), (GOOD, ""));
}

#[test]
fn sixty_four_threads_under_sanitizers() {
    let machine = Machine::host();
    if !need("sanitizers", &["clang"]) {
        return;
    }
    for sanitizer in SANITIZERS {
        let dir = scratch();
        let object = library(&machine, dir.path());
        Sanitized::new(dir.path(), sanitizer).expect("tests/pressure/threads.c", &[object], GOOD);
    }
}

/// Natively: an emulator takes many times the memory and time for 64 stacks and as many reservations.
#[test]
fn sixty_four_threads() {
    let machine = Machine::host();
    let dir = scratch();
    let object = library(&machine, dir.path());
    let program = link_c(&machine, dir.path(), include_str!("threads.c"), &[object], &[]);
    assert_eq!(run(&mut Command::new(program)).expect(0).stdout(), GOOD);
}

#[test]
fn backtraces_and_debuggers_walk_through_wasm() {
    let machine = Machine::host();
    let dir = scratch();
    let object = library(&machine, dir.path());
    let program = link_c(&machine, dir.path(), include_str!("names.c"), &[object], &["-rdynamic"]);
    let lines = run(&mut Command::new(&program)).expect(0).stdout();
    assert!(lines.lines().count() >= 6 && lines.contains("(main+"), "backtrace() ends inside of wasm:\n{lines}");
    if !need("names in gdb", &["gdb"]) {
        return;
    }
    let mut gdb = Command::new("gdb");
    gdb.args(["-q", "-batch", "-ex", "break backtrace", "-ex", "run", "-ex", "bt"]).arg(&program);
    let trace = run(&mut gdb).stdout();
    for name in [" wasm.env.callback ", " inner ", " outer ", " main "] {
        assert!(trace.contains(name), "no {name} in {trace}");
    }
}

/// Frame pointers and unwind tables are not needed in host code.
#[test]
fn hosts_without_frame_pointers() {
    let machine = Machine::host();
    let dir = scratch();
    let object = library(&machine, dir.path());
    let flags = ["-O3", "-fomit-frame-pointer", "-fno-asynchronous-unwind-tables"];
    let program = link_c(&machine, dir.path(), include_str!("threads.c"), &[object], &flags);
    assert_eq!(run(Command::new(program).arg("5")).expect(0).stdout(), GOOD);
}
