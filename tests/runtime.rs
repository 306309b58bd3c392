//! The C runtime's own tests (`rt/`, `wasi/`), without compiled modules: plainly, with AddressSanitizer and
//! UndefinedBehaviorSanitizer, and for aarch64.

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Machine, left_out, machines, need, need_python, root, run, say, scratch, wine};

/// Their script tries every compiler it finds, and says what it leaves out.
#[test]
fn the_core_of_the_runtime() {
    let ran = run(Command::new("sh").arg(root().join("tests/rt/run.sh")));
    assert!(ran.ok(), "{}\n{}", ran.stdout(), ran.stderr());
    for line in ran.stdout().lines() {
        if let Some(what) = line.strip_prefix("left out: ") {
            left_out("tests of the runtime", what);
        }
    }
}

const SANITIZERS: &[&str] = &["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"];

#[test]
fn wasi() {
    for machine in machines() {
        check_wasi(&machine, &["-O2"]);
    }
    check_wasi(&Machine { cc: vec!["gcc".into()], ..Machine::host() }, SANITIZERS);
    if need("WASI's tests with clang's sanitizers", &["clang"]) {
        check_wasi(&Machine { cc: vec!["clang".into()], ..Machine::host() }, SANITIZERS);
    }
}

fn check_wasi(machine: &Machine, flags: &[&str]) {
    let dir = scratch();
    let program = dir.path().join("wasi");
    let mut cc = machine.compiler();
    cc.args(flags).args(["-g", "-fexceptions", "-fno-omit-frame-pointer", "-I"]).arg(root().join("rt"));
    let runtime = runtime_files().into_iter().filter(|f| f != &root().join("rt/main.c"));
    cc.args(runtime).args(c_files(&root().join("tests/wasi/unit")));
    run(cc.args(["-pthread", "-lm", "-o"]).arg(&program)).expect(0);
    let mut command = machine.command(&program);
    // The sanitizers would take the signals that become traps.
    command.env("ASAN_OPTIONS", "handle_segv=0:handle_sigbus=0:handle_sigill=0:handle_sigfpe=0:handle_abort=0");
    let ran = run(command.env("PALISADE_RACE_SECONDS", "1").current_dir(dir.path()));
    let what = format!("{} {} for {}", machine.cc.join(" "), flags.join(" "), machine.triple);
    assert!(ran.ok(), "{what}: {}\n{}", ran.stdout(), ran.stderr());
    ran.stderr().lines().for_each(|line| say(format!("{what}: {line}")));
}

/// No machine here runs them; but with zig's headers all of the runtime compiles for macOS, without a warning.
#[test]
fn compiles_for_macos() {
    if !need_python("the runtime for macOS", "ziglang") {
        return;
    }
    let dir = scratch();
    let all = runtime_files();
    for target in ["aarch64-macos", "x86_64-macos"] {
        let mut zig = Command::new("python3");
        zig.current_dir(dir.path()).args(["-m", "ziglang", "cc", "-target", target, "-c", "-Werror", "-O0"]);
        zig.args(
            include_str!("../rt/cflags.txt")
                .split_whitespace()
                .filter(|flag| !matches!(*flag, "-O2" | "-fstack-clash-protection")),
        );
        // Of many files it keeps one object, but looks at all of them.
        let ran = run(zig.arg("-I").arg(root().join("rt")).arg("-I").arg(root().join("include")).args(&all));
        assert!(ran.ok() && ran.stderr().is_empty(), "{target}:\n{}", ran.stderr());
    }
}

/// The core's tests and WASI's, as far as they are not about POSIX, with the MinGW compiler under wine.
#[test]
fn windows() {
    if !need("tests of the runtime for Windows", &["x86_64-w64-mingw32-gcc", "x86_64-w64-mingw32-ar", "wine"]) {
        return;
    }
    let dir = scratch();
    let runtime = runtime_files().into_iter().filter(|f| f != &root().join("rt/main.c"));
    let library = dir.path().join("libruntime.a");
    let objects: Vec<PathBuf> = runtime.map(|file| windows_object(&file, dir.path())).collect();
    run(Command::new("x86_64-w64-mingw32-ar").arg("rcs").arg(&library).args(objects)).expect(0);
    let unit = ["main", "guest", "world", "windows", "pointers", "files", "polling"];
    let wasi = unit.map(|name| root().join(format!("tests/wasi/unit/{name}.c"))).to_vec();
    let mut core = c_files(&root().join("tests/rt/core"));
    core.push(root().join("tests/rt/guest.c"));
    // The calls that fail at times in the test of pages, as run.sh has them for Linux.
    let failing = ["__imp_VirtualAlloc", "__imp_VirtualFree", "malloc", "calloc", "realloc"];
    let failing = failing.map(|name| format!("-Wl,--wrap={name}")).to_vec();
    let sequences = std::env::var("PALISADE_PAGE_SEQUENCES").unwrap_or_else(|_| "10".into());
    let pages = vec![root().join("tests/rt/pages_test.c")];
    for (name, sources, flags, arguments) in
        [("core", core, vec![], vec![]), ("wasi", wasi, vec![], vec![]), ("pages", pages, failing, vec![sequences])]
    {
        let program = dir.path().join(format!("{name}.exe"));
        run(windows_compiler().args(sources).arg(&library).args(flags).arg("-o").arg(&program)).expect(0);
        let ran = run(wine(&program).args(arguments).current_dir(dir.path()));
        assert!(ran.ok(), "{name}: {}\n{}", ran.stdout(), ran.stderr());
        ran.stdout().lines().for_each(|line| say(format!("{name} for Windows: {line}")));
    }
}

fn windows_compiler() -> Command {
    let mut cc = Command::new("x86_64-w64-mingw32-gcc");
    cc.args(["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-fexceptions", "-fno-omit-frame-pointer"]);
    cc.arg("-I").arg(root().join("rt")).arg("-I").arg(root().join("include"));
    cc.arg("-I").arg(root().join("tests/rt/windows"));
    cc
}

fn windows_object(source: &Path, dir: &Path) -> PathBuf {
    let name = source.strip_prefix(root()).expect("a source of ours").to_string_lossy().replace('/', "_");
    let object = dir.join(name).with_extension("o");
    run(windows_compiler().arg("-c").arg(source).arg("-o").arg(&object)).expect(0);
    object
}

/// The runtime for systems: what boards have in their place is for other headers.
fn runtime_files() -> Vec<PathBuf> {
    let mut files = c_files(&root().join("rt"));
    files.retain(|file| !file.starts_with(root().join("rt/board")));
    files
}

/// All C sources below a folder.
fn c_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(c_files(&path));
        } else if path.extension().is_some_and(|e| e == "c") {
            found.push(path);
        }
    }
    found.sort();
    found
}
