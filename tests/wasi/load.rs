//! WASI under load, end to end: `load.c` compiled with Zig's C compiler and run as executables, and its throughput beside
//! Wasmtime's (the Python package, with the module compiled beforehand). Short by default; `PALISADE_WASI_LOAD=full` does
//! a million operations on files and streams 1 GiB, on the host.

use crate::support::{Machine, PALISADE, left_out, machines, need, need_python, root, run, say, scratch, write};
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the wasm builds of CPython 3.12 import: all but `fd_fdstat_set_rights`, `fd_renumber` and `proc_raise`.
const IMPORTS_OF_PYTHON: &[&str] = &[
    "args_get",
    "args_sizes_get",
    "environ_get",
    "environ_sizes_get",
    "clock_res_get",
    "clock_time_get",
    "fd_advise",
    "fd_allocate",
    "fd_close",
    "fd_datasync",
    "fd_fdstat_get",
    "fd_fdstat_set_flags",
    "fd_filestat_get",
    "fd_filestat_set_size",
    "fd_filestat_set_times",
    "fd_pread",
    "fd_prestat_get",
    "fd_prestat_dir_name",
    "fd_pwrite",
    "fd_read",
    "fd_readdir",
    "fd_seek",
    "fd_sync",
    "fd_tell",
    "fd_write",
    "path_create_directory",
    "path_filestat_get",
    "path_filestat_set_times",
    "path_link",
    "path_open",
    "path_readlink",
    "path_remove_directory",
    "path_rename",
    "path_symlink",
    "path_unlink_file",
    "poll_oneoff",
    "proc_exit",
    "sched_yield",
    "random_get",
    "sock_accept",
    "sock_recv",
    "sock_send",
    "sock_shutdown",
];

/// The open files that the load must reach, and the limit that the host process gets for it.
const OPEN_FILES: u32 = 10_000;
const LIMIT: u32 = 10_050;

fn full() -> bool {
    std::env::var("PALISADE_WASI_LOAD").is_ok_and(|v| v == "full")
}

/// The guest as wasm; None (and said so) where it can't be made or its leaks can't be seen.
fn guest(dir: &Path, what: &str) -> Option<PathBuf> {
    if !cfg!(target_os = "linux") {
        left_out(what, "leaks are seen by /proc");
        return None;
    }
    if !need_python(what, "ziglang") {
        return None;
    }
    let wasm = dir.join("load.wasm");
    let mut zig = Command::new("python3");
    zig.args(["-m", "ziglang", "cc", "-target", "wasm32-wasi", "-O2", "-Wall", "-Wextra", "-Werror"]);
    run(zig.arg("-Wno-sign-compare").arg(root().join("tests/wasi/load.c")).arg("-o").arg(&wasm)).expect(0);
    Some(wasm)
}

/// Runs shell code, where LOAD is the program, in a fresh directory.
fn shell(machine: &Machine, program: &Path, code: &str) -> Command {
    let files = program.with_extension("files");
    let _ = std::fs::remove_dir_all(&files);
    std::fs::create_dir(&files).expect("a folder");
    let runner = machine.runner.join(" ");
    let mut command = Command::new("sh");
    command.arg("-c").arg(code.replace("LOAD", &format!("{runner} \"$0\""))).arg(program);
    command.env("PALISADE_DIR", format!("{}::/,/proc/self::/proc:ro", files.display()));
    command
}

#[test]
fn load() {
    let dir = scratch();
    let Some(wasm) = guest(dir.path(), "WASI under load") else { return };
    imports_of_python(&wasm);
    for machine in machines() {
        let program = dir.path().join(&machine.triple);
        run(machine.palisade().arg(&wasm).arg("-o").arg(&program)).expect(0);
        // An emulator is ten times slower; nothing of WASI changes with the amount.
        let full = full() && machine.is_host();
        let (operations, rounds, mib) = if full { (1_000_000, 20, 1024) } else { (20_000, 2, 32) };
        let bytes = mib << 20;
        let tell = |code: String| {
            let ran = run(&mut shell(&machine, &program, &code)).expect(0);
            for line in ran.stdout().lines().chain(ran.stderr().lines()) {
                say(format!("WASI load, {}: {line}", machine.triple));
            }
        };
        tell(format!("LOAD files {operations}"));
        tell(format!("LOAD produce {bytes} | LOAD copy 0 | LOAD consume {bytes}"));
        if run(Command::new("sh").args(["-c", &format!("ulimit -n {LIMIT}")])).ok() {
            tell(format!("ulimit -n {LIMIT} && LOAD limit {rounds} {OPEN_FILES}"));
        } else {
            left_out("WASI with 10,000 open files", "the system does not allow them");
        }
        all_functions(&machine, &program, if full { 5_000 } else { 100 });
    }
}

fn imports_of_python(wasm: &Path) {
    let wasm = std::fs::read(wasm).expect("the guest");
    for name in IMPORTS_OF_PYTHON {
        let imported = [b"\x16wasi_snapshot_preview1", &[name.len() as u8][..], name.as_bytes()].concat();
        assert!(wasm.windows(imported.len()).any(|w| w == imported), "load.c does not use {name}");
    }
}

/// Uses every function in each round; descriptor 0 is a listening socket, to which we connect as often.
fn all_functions(machine: &Machine, program: &Path, rounds: u32) {
    let name = program.with_extension("socket");
    let listener = UnixListener::bind(&name).expect("a socket");
    let client = std::thread::spawn(move || {
        for _ in 0..rounds {
            let mut stream = UnixStream::connect(&name).expect("the guest listens");
            let mut answer = Vec::new();
            stream.write_all(b"ping").expect("the guest receives");
            stream.read_to_end(&mut answer).expect("the guest sends");
            assert_eq!(answer, b"ping");
        }
    });
    let mut command = shell(machine, program, &format!("LOAD all {rounds}"));
    command.stdin(Stdio::from(OwnedFd::from(listener))).stdout(Stdio::piped());
    let output = command.spawn().and_then(|child| child.wait_with_output()).expect("sh");
    assert!(output.status.success(), "{}", machine.triple);
    client.join().expect("all rounds were served");
    say(format!("WASI load, {}: {}", machine.triple, String::from_utf8_lossy(&output.stdout).trim()));
}

/// Compiles and runs the guest with Wasmtime: `FILES MODULE ARGUMENTS…`.
const WASMTIME: &str = r#"
import sys, os, wasmtime
files, module, *arguments = sys.argv[1:]
engine = wasmtime.Engine()
if not os.path.exists(module + ".compiled"):
    open(module + ".compiled", "wb").write(wasmtime.Module.from_file(engine, module).serialize())
if not arguments:
    sys.exit()
code = wasmtime.Module.deserialize_file(engine, module + ".compiled")
linker = wasmtime.Linker(engine)
linker.define_wasi()
store = wasmtime.Store(engine)
wasi = wasmtime.WasiConfig()
wasi.argv = ["load", *arguments]
wasi.inherit_stdin(), wasi.inherit_stdout(), wasi.inherit_stderr()
wasi.preopen_dir(files, "/")
store.set_wasi(wasi)
try:
    linker.instantiate(store, code).exports(store)["_start"](store)
except wasmtime.ExitTrap as exit:
    sys.exit(exit.code)
"#;

/// Nanoseconds per operation of load.c's `time`, measured by the guest: palisade's and Wasmtime's take turns. No claim is
/// checked here, as it would depend on the machine and on who else uses it.
#[test]
fn throughput_beside_wasmtime() {
    let what = "WASI's throughput beside Wasmtime's";
    let dir = scratch();
    if !need_python(what, "wasmtime") || !need(what, &["cat"]) {
        return;
    }
    let Some(wasm) = guest(dir.path(), what) else { return };
    let (ours, theirs, files) = (dir.path().join("ours"), dir.path().join("beside.py"), dir.path().join("files"));
    std::fs::create_dir(&files).expect("a folder");
    write(dir.path(), "beside.py", WASMTIME);
    run(Command::new(PALISADE).arg(&wasm).arg("-o").arg(&ours)).expect(0);
    run(Command::new("python3").arg(&theirs).arg(&files).arg(&wasm)).expect(0);
    let measure = |engine: &str, name: &str, count: u32| -> f64 {
        let code = match name {
            "pipe-in-64-KiB" => format!("cat /dev/zero | {engine} time {count} {name}"),
            "pipe-out-64-KiB" => format!("{engine} time {count} {name} | cat >/dev/null"),
            _ => format!("{engine} time {count} {name}"),
        };
        let mut command = Command::new("sh");
        command.arg("-c").arg(code).current_dir(dir.path()).env("PALISADE_DIR", "files::/");
        let ran = run(&mut command).expect(0);
        ran.stderr().trim().parse().unwrap_or_else(|e| panic!("{e}: {}", ran.stderr()))
    };
    let repetitions = if full() { 7 } else { 5 };
    for (name, count) in [
        ("open+read+close", 20_000),
        ("stat", 40_000),
        ("write-32-bytes", 100_000),
        ("pipe-in-64-KiB", 4_000),
        ("pipe-out-64-KiB", 4_000),
    ] {
        let count = if full() { count } else { count / 4 };
        let (mut us, mut them, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..repetitions {
            us.push(measure("./ours", name, count));
            them.push(measure("python3 beside.py files load.wasm", name, count));
            ratios.push(them[them.len() - 1] / us[us.len() - 1]);
        }
        let (us, them, ratio) = (median(us), median(them), median(ratios));
        say(format!("WASI throughput, {name}: {us:.0} ns, Wasmtime {them:.0} ns, ratio {ratio:.2}"));
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
