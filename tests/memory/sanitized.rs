//! Compiled code on a runtime with AddressSanitizer and UndefinedBehaviorSanitizer.

use crate::protection::boundaries;
use crate::support::{Machine, need, root, run, runtime_sources, scratch};
use crate::{CHECKS, refusing};
use std::path::{Path, PathBuf};

/// Without "null": see tests/rt/run.sh.
const FLAGS: &[&str] = &["-g", "-O1", "-fexceptions", "-fno-omit-frame-pointer", "-fsanitize=address,undefined"];

fn gcc(dir: &Path) -> std::process::Command {
    let mut gcc = std::process::Command::new("gcc");
    gcc.current_dir(dir).args(FLAGS).args(["-fno-sanitize=null", "-fno-sanitize-recover=all"]);
    for folder in ["rt", "include", "tests/support"] {
        gcc.arg("-I").arg(root().join(folder));
    }
    gcc
}

/// `objects` lie in `dir`.
fn check(dir: &Path, c: &str, objects: &[PathBuf], flags: &[String]) {
    let source = crate::support::write(dir, "sanitized.c", c);
    let program = dir.join("sanitized");
    let mut link = gcc(dir);
    link.arg("-I")
        .arg(dir)
        .args(["-Wno-unused-function", "-Wno-unused-variable"])
        .args(flags)
        .arg(source)
        .args(objects);
    let runtime = std::fs::read_dir(dir.join("rt")).expect("the runtime").map(|entry| entry.expect("an entry").path());
    run(link.args(runtime).args(["-pthread", "-lm", "-o"]).arg(&program)).expect(0);
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
    std::fs::create_dir(dir.path().join("rt")).expect("a folder");
    run(gcc(&dir.path().join("rt")).arg("-c").args(runtime_sources())).expect(0);
    let (c, objects) = boundaries(&machine, dir.path());
    check(dir.path(), &format!("{CHECKS}{c}"), &objects, &[]);
    let (c, objects, flags) = refusing(&machine, dir.path());
    check(dir.path(), c, &objects, &flags);
}
