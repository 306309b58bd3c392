//! Threads: programs that start them by `wasi.thread-spawn`, and hosts with an instance per thread on one memory.

#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Machine, compile_wat, lines, link_c, machines, need, root, run, scratch, windows};

/// A C program with `guest.c`, compiled to a module that imports a shared memory of at most 64 MiB.
fn module(dir: &Path, name: &str) -> PathBuf {
    let module = dir.join(format!("{name}.wasm"));
    let sources = root().join("tests/threads");
    let mut zig = Command::new("python3");
    zig.args(["-m", "ziglang", "cc", "-target", "wasm32-freestanding", "-mcpu=generic+atomics+bulk_memory"]);
    zig.args(["-O2", "-nostdlib", "-Wl,--no-entry", "-Wl,--import-memory", "-Wl,--shared-memory"]);
    zig.args(["-Wl,--max-memory=67108864", "-Wl,--export=wasi_thread_start", "-o"]).arg(&module);
    run(zig.arg(sources.join(format!("{name}.c"))).arg(sources.join("guest.c"))).expect(0);
    module
}

/// Compiles the program and calls `check` with each machine's executable.
fn with_program(name: &str, check: impl Fn(&Machine, &Path)) {
    if !support::need_python("C programs with threads", "ziglang") {
        return;
    }
    let dir = scratch();
    let module = module(dir.path(), name);
    for machine in machines().into_iter().chain(windows("programs with threads")) {
        let program = dir.path().join(format!("{name}-{}", machine.triple));
        run(machine.palisade().arg(&module).arg("-o").arg(&program)).expect(0);
        check(&machine, &program);
    }
}

fn prints(name: &str, expected: &str) {
    with_program(name, |machine, program| {
        let ran = run(&mut machine.command(program)).expect(0);
        assert_eq!(ran.stdout(), expected, "{name} on {}", machine.triple);
    });
}

#[test]
fn mutexes_atomics_and_thread_local_data_of_64_threads() {
    prints("mutex", "counted 19200\n");
}

#[test]
fn condition_variables() {
    prints("queue", "sum 31996000\n");
}

#[test]
fn memory_grows_while_others_read_it() {
    prints("grow", "grown\n");
}

/// However one thread ends, the process ends so, whatever the others do.
#[test]
fn a_trap_or_exit_of_one_thread_ends_the_process() {
    let endings = [
        ("trap", 134, "palisade: trap: unreachable"),
        ("exit", 42, ""),
        ("zero", 0, ""),
        ("outside", 134, "palisade: trap: out of bounds memory access"),
        ("stack", 134, "palisade: trap: "),
        ("unaligned", 134, "palisade: trap: unaligned atomic"),
        ("return of the first", 0, ""),
    ];
    with_program("ends", |machine, program| {
        for (how, status, message) in endings {
            let ran = run(machine.command(program).arg(how)).expect(status);
            assert!(ran.stderr().starts_with(message), "{how} on {}: {}", machine.triple, ran.stderr());
            assert_eq!(ran.stderr().is_empty(), message.is_empty(), "{how} on {}: {}", machine.triple, ran.stderr());
        }
    });
}

const HOST: &str = include_str!("host.c");
const MODULES: [(&str, &str); 2] = [("worker", include_str!("worker.wat")), ("spawner", include_str!("spawner.wat"))];

fn objects(machine: &Machine, dir: &Path) -> Vec<PathBuf> {
    MODULES.iter().map(|(name, text)| compile_wat(machine, dir, name, text)).collect()
}

#[test]
fn a_host_with_an_instance_per_thread() {
    for machine in machines().into_iter().chain(windows("hosts with threads")) {
        let dir = scratch();
        let program = link_c(&machine, dir.path(), HOST, &objects(&machine, dir.path()), &[]);
        let ran = run(&mut machine.command(&program)).expect(0);
        assert_eq!(lines(&ran), "all good\n", "{}", machine.triple);
    }
}

/// The same under ThreadSanitizer, which knows all of the runtime but not the compiled code.
#[test]
fn the_runtime_has_no_data_races() {
    if !need("the runtime under ThreadSanitizer", &["clang"]) {
        return;
    }
    let dir = scratch();
    let machine = Machine { cc: vec!["clang".into()], ..Machine::host() };
    let program = dir.path().join("program");
    let source = support::write(dir.path(), "program.c", HOST);
    let mut cc = machine.compiler();
    cc.args(["-g", "-O1", "-fsanitize=thread", "-fexceptions", "-fno-omit-frame-pointer", "-I"]).arg(dir.path());
    cc.args(objects(&machine, dir.path())).arg("-I").arg(root().join("rt")).arg(source);
    for folder in ["rt", "rt/wasi"] {
        let files = std::fs::read_dir(root().join(folder)).expect("a folder").map(|e| e.expect("an entry").path());
        let main = root().join("rt/main.c");
        cc.args(files.filter(|f| f.extension().is_some_and(|e| e == "c") && *f != main));
    }
    run(cc.args(["-pthread", "-lm", "-o"]).arg(&program)).expect(0);
    // Faults are ours; what is not instrumented runs between them.
    let options = "handle_segv=0 handle_sigbus=0 handle_sigill=0 handle_sigfpe=0 halt_on_error=1";
    let ran = run(Command::new(&program).env("TSAN_OPTIONS", options)).expect(0);
    assert_eq!(ran.stdout(), "all good\n", "{}", ran.stderr());
}

/// A second or two; PALISADE_RACE_SECONDS=60 in the environment for a minute.
#[test]
fn threads_race_on_the_pages_of_a_shared_memory() {
    let seconds = std::env::var("PALISADE_RACE_SECONDS").ok().map_or(2, |s| s.parse::<u32>().expect("a number"));
    for machine in machines() {
        let dir = scratch();
        let objects = [("guard", "0:mode=guard"), ("check", "0:mode=checked")].map(|(name, spec)| {
            let mut options = palisade::Options::new(name);
            options.target = machine.target();
            options.memories = vec![palisade::plan::MemorySpec::parse(spec).expect("a spec")];
            let object = palisade::compile(include_bytes!("race.wat"), &options).expect("it compiles");
            support::write(dir.path(), &format!("{name}.h"), object.header.as_ref().expect("a header"));
            support::write(dir.path(), &format!("{name}.o"), &object.bytes)
        });
        let program = link_c(&machine, dir.path(), include_str!("race.c"), &objects, &["-pthread"]);
        let ran = run(machine.command(&program).arg((seconds * 1000).to_string())).expect(0);
        assert_eq!(ran.stdout(), "all good\n", "{}", machine.triple);
        support::say(format!("threads on {}, {seconds} s: {}", machine.triple, ran.stderr().trim()));
    }
}

/// A program's modules must say with what their threads begin.
#[test]
fn thread_spawn_needs_a_function_to_begin_with() {
    let dir = scratch();
    let text = r#"(module (import "wasi" "thread-spawn" (func (param i32) (result i32))) (func (export "_start")))"#;
    let source = support::write(dir.path(), "app.wat", text);
    let ran = run(Command::new(support::PALISADE).arg(&source).arg("-o").arg(dir.path().join("app"))).expect(1);
    assert!(ran.stderr().contains("no function wasi_thread_start (i32, i32) is exported"), "{}", ran.stderr());
}
