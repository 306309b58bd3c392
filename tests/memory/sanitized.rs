//! Compiled code on a runtime with AddressSanitizer and UndefinedBehaviorSanitizer.

use crate::protection::boundaries;
use crate::support::sanitized::{GCC_FLAGS, runtime_objects};
use crate::support::{Machine, need, root, run, scratch};
use crate::{CHECKS, refusing};
use std::path::{Path, PathBuf};

fn gcc() -> std::process::Command {
    let mut gcc = std::process::Command::new("gcc");
    gcc.args(GCC_FLAGS);
    for folder in ["rt", "include", "tests/support"] {
        gcc.arg("-I").arg(root().join(folder));
    }
    gcc
}

/// `objects` lie in `dir`.
fn check(dir: &Path, c: &str, objects: &[PathBuf], flags: &[String]) {
    let source = crate::support::write(dir, "sanitized.c", c);
    let program = dir.join("sanitized");
    let mut link = gcc();
    link.arg("-I")
        .arg(dir)
        .args(["-Wno-unused-function", "-Wno-unused-variable"])
        .args(flags)
        .arg(source)
        .args(objects);
    run(link.args(runtime_objects("gcc", GCC_FLAGS)).args(["-pthread", "-lm", "-o"]).arg(&program)).expect(0);
    let mut command = Machine::host().command(&program);
    // The sanitizers would take the signals that become traps. Leaks are failures.
    command.env("ASAN_OPTIONS", "handle_segv=0:handle_sigbus=0:handle_sigill=0:handle_sigfpe=0:detect_leaks=1");
    let ran = run(&mut command).expect(0);
    assert!(ran.stdout().ends_with("all good\n") && ran.stderr().is_empty(), "{}{}", ran.stdout(), ran.stderr());
}

/// Every boundary's traps, with their addresses; and every call to the system failing once, with nothing lost.
#[test]
fn boundaries_and_refusals_under_sanitizers() {
    if !need("compiled code under sanitizers", &["gcc"]) {
        return;
    }
    let (machine, dir) = (Machine::host(), scratch());
    let (c, objects) = boundaries(&machine, dir.path());
    check(dir.path(), &format!("{CHECKS}{c}"), &objects, &[]);
    let (c, objects, flags) = refusing(&machine, dir.path());
    check(dir.path(), c, &objects, &flags);
}
