//! What the tests share: the machines that programs run on, running things, and saying what was left out.
//!
//! A test needs tools beside Rust and a C compiler only for a part of what it shows; that part is left out where they
//! are missing, which is printed with the reason. With `CI=true` leaving anything out is a failure.
#![allow(dead_code)] // every test file uses another part of this

pub mod linked;
pub mod random;
pub mod sanitized;
pub mod twins;

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, Once};

pub const PALISADE: &str = env!("CARGO_BIN_EXE_palisade");
pub const AARCH64: &str = "aarch64-unknown-linux-gnu";
pub const RISCV64: &str = "riscv64gc-unknown-linux-gnu";
pub const WINDOWS: &str = "x86_64-pc-windows-gnu";

/// The top of the checkout.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Prints a line past the capture of test output, so that it is seen when all tests pass.
pub fn say(line: impl AsRef<str>) {
    let _ = writeln!(std::io::stderr(), "{}", line.as_ref());
}

/// Notes that a part of the tests does not run here. In CI that is a failure.
pub fn left_out(what: &str, why: &str) {
    assert!(!in_ci(), "left out in CI: {what}: {why}");
    static SAID: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let line = format!("left out: {what}: {why}");
    let mut said = SAID.lock().unwrap();
    if !said.contains(&line) {
        say(&line);
        said.push(line);
    }
}

pub fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|v| v == "true")
}

/// True if `program` can be found on the path.
pub fn installed(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

/// True if all programs are there; otherwise says that `what` is left out.
pub fn need(what: &str, programs: &[&str]) -> bool {
    let missing: Vec<_> = programs.iter().filter(|p| !installed(p)).copied().collect();
    if !missing.is_empty() {
        left_out(what, &format!("{} is not installed", missing.join(" and ")));
    }
    missing.is_empty()
}

/// True if python3 has the package; otherwise says that `what` is left out.
pub fn need_python(what: &str, package: &str) -> bool {
    let found = installed("python3") && run(Command::new("python3").args(["-c", &format!("import {package}")])).ok();
    if !found {
        left_out(what, &format!("python3 with the package `{package}` is not installed"));
    }
    found
}

/// A target with what links and runs its programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    pub triple: String,
    /// C compiler, with arguments.
    pub cc: Vec<String>,
    /// What a program is run with: nothing, or an emulator.
    pub runner: Vec<String>,
    /// What `--cpu` says.
    pub cpu: String,
    /// What `--harden` says.
    pub harden: palisade::Harden,
    /// What `-O` says.
    pub level: &'static str,
}

impl Machine {
    pub fn host() -> Machine {
        let cc = std::env::var("CC").unwrap_or_else(|_| "cc".into());
        Machine {
            triple: palisade::Target::host().triple.to_string(),
            cc: words(&cc),
            runner: Vec::new(),
            cpu: "baseline".into(),
            harden: palisade::Harden::default(),
            level: "2",
        }
    }

    fn aarch64() -> Machine {
        Machine {
            triple: AARCH64.into(),
            cc: words("aarch64-linux-gnu-gcc -static"),
            runner: words("qemu-aarch64"),
            cpu: "baseline".into(),
            harden: palisade::Harden::default(),
            level: "2",
        }
    }

    /// With vectors, which all code may use.
    fn riscv64() -> Machine {
        Machine {
            triple: RISCV64.into(),
            cc: words("riscv64-linux-gnu-gcc -static"),
            runner: words("qemu-riscv64 -cpu rv64,v=true"),
            cpu: "rv64gcv".into(),
            harden: palisade::Harden::default(),
            level: "2",
        }
    }

    /// Its C++ compiler.
    pub fn cxx(&self) -> String {
        if self.is_host() { "c++".into() } else { self.cc[0].replace("gcc", "g++") }
    }

    fn windows() -> Machine {
        Machine {
            triple: WINDOWS.into(),
            cc: words("x86_64-w64-mingw32-gcc"),
            runner: words("wine"),
            cpu: "baseline".into(),
            harden: palisade::Harden::default(),
            level: "2",
        }
    }

    pub fn is_host(&self) -> bool {
        self.runner.is_empty()
    }

    pub fn target(&self) -> palisade::Target {
        palisade::Target {
            cpu: self.cpu.clone(),
            harden: self.harden,
            ..palisade::Target::parse(&self.triple).expect("a target")
        }
    }

    /// The same with CPU features beyond the least ones, which are tested by default.
    pub fn newer_cpus(&self) -> Vec<Machine> {
        let cpus: &[&str] = if self.target().is_x86_64() && self.is_host() { &["x86-64-v2", "auto"] } else { &[] };
        cpus.iter().map(|cpu| Machine { cpu: (*cpu).into(), ..self.clone() }).collect()
    }

    /// For messages: the target, and the CPU, hardening and level where they are not the usual ones.
    pub fn name(&self) -> String {
        let hardened = if self.harden == palisade::Harden::default() { "" } else { " hardened" };
        let cpu = if self.cpu == "baseline" { String::new() } else { format!(" --cpu {}", self.cpu) };
        let level = if self.level == "2" { String::new() } else { format!(" -O{}", self.level) };
        format!("{}{cpu}{hardened}{level}", self.triple)
    }

    /// The C compiler, warnings as errors.
    pub fn compiler(&self) -> Command {
        let mut command = Command::new(&self.cc[0]);
        command
            .args(&self.cc[1..])
            .args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-I"])
            .arg(root().join("include"));
        command
    }

    /// `palisade` for this target.
    pub fn palisade(&self) -> Command {
        let mut command = Command::new(PALISADE);
        if !self.is_host() {
            command.args(["--target", &self.triple, "--cpu", &self.cpu, "--cc", &self.cc.join(" ")]);
        }
        let palisade::Harden { spectre, branch, returns } = self.harden;
        for (name, on) in [("spectre", spectre), ("branch", branch), ("return", returns)] {
            command.args(on.then(|| format!("--harden={name}")));
        }
        if self.level != "2" {
            command.arg(format!("-O{}", self.level));
        }
        command
    }

    /// A command that runs `program` here.
    pub fn command(&self, program: &Path) -> Command {
        match self.runner.split_first() {
            _ if self.triple == WINDOWS => wine(program),
            None => Command::new(program),
            Some((runner, args)) => {
                let mut command = Command::new(runner);
                command.args(args).arg(program);
                command
            }
        }
    }

    /// The runtime's static library for this target.
    pub fn runtime(&self) -> PathBuf {
        let cc = (!self.is_host()).then(|| self.cc.join(" "));
        palisade::runtime::archive(&self.target(), cc.as_deref()).expect("the runtime compiles")
    }
}

/// A command that runs a program for Windows, to whose name the compiler may have added `.exe`. Wine's own folder is
/// among the build's: nothing of the user's is touched.
pub fn wine(program: &Path) -> Command {
    let mut command = Command::new("wine");
    let mut longer = program.as_os_str().to_owned();
    longer.push(".exe");
    command
        .arg(if Path::new(&longer).is_file() { longer.as_os_str() } else { program.as_os_str() })
        .env("WINEPREFIX", Path::new(env!("CARGO_TARGET_TMPDIR")).join("wine"))
        .env("WINEDEBUG", "-all");
    command
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// The machines that this one can be and every test runs on: itself, and aarch64 under an emulator.
/// `PALISADE_TEST_TARGETS` (triples with commas between) narrows them down, or adds riscv64; `PALISADE_TEST_HARDEN` (names
/// with commas between) hardens all code.
pub fn machines() -> Vec<Machine> {
    if std::env::var("PALISADE_TEST_TARGETS").is_ok_and(|wanted| wanted.split(',').any(|w| w == RISCV64)) {
        return every_machine();
    }
    static SAID: Once = Once::new();
    SAID.call_once(|| say(format!("not on {RISCV64} unless PALISADE_TEST_TARGETS names it")));
    select(Vec::new())
}

/// With riscv64, under an emulator: for the tests that show most of a target. The others run there if it is named.
pub fn every_machine() -> Vec<Machine> {
    let other = Machine::host().triple != RISCV64
        && is_wanted(RISCV64)
        && need(RISCV64, &["qemu-riscv64", "riscv64-linux-gnu-gcc"]);
    select(Vec::from_iter(other.then(Machine::riscv64)))
}

fn select(others: Vec<Machine>) -> Vec<Machine> {
    let mut all = vec![Machine::host()];
    if all[0].triple != AARCH64 && need(AARCH64, &["qemu-aarch64", "aarch64-linux-gnu-gcc"]) {
        all.push(Machine::aarch64());
    }
    all.retain(|machine| is_wanted(&machine.triple));
    all.extend(others);
    assert!(!all.is_empty() || is_wanted(WINDOWS), "no target to test");
    if let Ok(names) = std::env::var("PALISADE_TEST_HARDEN") {
        let names: Vec<String> = names.split(',').map(str::to_owned).collect();
        for machine in &mut all {
            machine.harden = palisade::Harden::parse(&names, &machine.target()).unwrap_or_else(|e| panic!("{e}"));
        }
    }
    all
}

/// By `PALISADE_TEST_TARGETS`.
fn is_wanted(triple: &str) -> bool {
    let wanted = std::env::var("PALISADE_TEST_TARGETS").map_or(true, |wanted| wanted.split(',').any(|w| w == triple));
    if !wanted {
        left_out(triple, "not in PALISADE_TEST_TARGETS");
    }
    wanted
}

/// What wine runs; `None`, and `what` is said to be left out, where it is not installed. Not among `machines`: much of
/// what the tests do in C is POSIX.
pub fn windows(what: &str) -> Option<Machine> {
    let machine = Machine::windows();
    (is_wanted(WINDOWS) && need(&format!("{what} for Windows"), &[machine.cc[0].as_str(), "wine"])).then_some(machine)
}

/// The package's archive, in `PALISADE_PROGRAMS` or the user's cache; `.ci/run` says how it gets there.
pub fn fetched(package: &str) -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    let cache = || variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    let dir = variable("PALISADE_PROGRAMS").or_else(|| Some(cache()?.join("palisade-tests")))?;
    let archive = dir.join(package);
    if !archive.is_file() {
        left_out("real programs", &format!("{} is not there (see .ci/run)", archive.display()));
        return None;
    }
    Some(archive)
}

/// How a process ended, and what it wrote.
#[derive(Debug, Clone)]
pub struct Ran {
    /// What was run, for messages.
    pub command: String,
    /// Exit status; 128 + N for signal N, as shells have it.
    pub status: i32,
    pub out: Vec<u8>,
    pub err: Vec<u8>,
}

/// Two are equal if they did the same, whatever they were.
impl PartialEq for Ran {
    fn eq(&self, other: &Ran) -> bool {
        (self.status, &self.out, &self.err) == (other.status, &other.out, &other.err)
    }
}

impl Eq for Ran {}

impl Ran {
    pub fn ok(&self) -> bool {
        self.status == 0
    }

    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.err).into_owned()
    }

    /// Fails the test, showing everything, unless the exit status is `status`.
    #[track_caller]
    pub fn expect(self, status: i32) -> Ran {
        let Ran { command, .. } = &self;
        assert_eq!(
            self.status,
            status,
            "exit status of {command}\nstdout: {}\nstderr: {}",
            self.stdout(),
            self.stderr()
        );
        self
    }
}

/// Runs a command to its end, without standard input.
#[track_caller]
pub fn run(command: &mut Command) -> Ran {
    run_with_input(command, b"")
}

#[track_caller]
pub fn run_with_input(command: &mut Command, input: &[u8]) -> Ran {
    use std::os::unix::process::ExitStatusExt as _;
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let mut stdin = child.stdin.take().expect("it is piped");
    let input = input.to_vec();
    // A program that ends without reading all is fine.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("a child to wait for");
    writer.join().expect("the writer does not panic");
    let status = output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0));
    Ran { command: format!("{command:?}"), status, out: output.stdout, err: output.stderr }
}

/// Standard output; C libraries for Windows end lines in their own way.
pub fn lines(ran: &Ran) -> String {
    ran.stdout().replace("\r\n", "\n")
}

/// A folder that goes away with the test.
pub fn scratch() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("test").tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a scratch folder")
}

/// Writes `text` to `dir/name` and gives the path.
pub fn write(dir: &Path, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().expect("below dir")).expect("a folder");
    std::fs::write(&path, text).expect("a scratch file");
    path
}

/// Compiles wasm text to an object and its header in `dir`: `NAME.o`, `NAME.h`.
#[track_caller]
pub fn compile_wat(machine: &Machine, dir: &Path, name: &str, wat: &str) -> PathBuf {
    let wasm = wat::parse_str(wat).unwrap_or_else(|e| panic!("{e}"));
    compile_wasm(machine, dir, name, &wasm)
}

#[track_caller]
pub fn compile_wasm(machine: &Machine, dir: &Path, name: &str, wasm: &[u8]) -> PathBuf {
    let mut options = palisade::Options::new(name);
    options.target = machine.target();
    compile_with(dir, wasm, &options)
}

/// The object of a module, its header beside it.
#[track_caller]
pub fn compile_with(dir: &Path, wasm: &[u8], options: &palisade::Options) -> PathBuf {
    let name = &options.name;
    let object = palisade::compile(wasm, options).unwrap_or_else(|e| panic!("{name}: {e}"));
    write(dir, &format!("{name}.h"), object.header.as_ref().expect("a header"));
    write(dir, &format!("{name}.o"), &object.bytes)
}

/// Compiles wasm text with `--memory` options, and what memories can have beside the standard, to `NAME.o` and `NAME.h`.
#[track_caller]
pub fn compile_memories(machine: &Machine, dir: &Path, name: &str, wat: &str, memories: &[&str]) -> PathBuf {
    let wasm = wat::parse_str(wat).unwrap_or_else(|e| panic!("{name}: {e}"));
    let mut options = palisade::Options::new(name);
    options.target = machine.target();
    for feature in ["memory-control", "custom-page-sizes"] {
        assert!(options.features.set(feature, true));
    }
    let parse = |spec: &&str| palisade::plan::MemorySpec::parse(spec).unwrap_or_else(|e| panic!("{e}"));
    options.memories = memories.iter().map(parse).collect();
    let object = palisade::compile(&wasm, &options).unwrap_or_else(|e| panic!("{name}: {e}"));
    write(dir, &format!("{name}.h"), object.header.as_ref().expect("a header"));
    write(dir, &format!("{name}.o"), &object.bytes)
}

/// Links C code (with the modules' headers in reach) and objects into `dir/program`.
#[track_caller]
pub fn link_c(machine: &Machine, dir: &Path, c: &str, objects: &[PathBuf], flags: &[&str]) -> PathBuf {
    let program = dir.join("program");
    let source = write(dir, "program.c", c);
    let mut cc = machine.compiler();
    cc.arg("-I")
        .arg(dir)
        .arg("-I")
        .arg(root().join("tests/support"))
        .args(["-g", "-O1"])
        .args(flags)
        .arg(source)
        .args(objects)
        .arg(machine.runtime());
    if machine.triple == WINDOWS {
        cc.arg("-static"); // for threads of POSIX a library would have to be beside the program
    }
    run(cc.args(["-lpthread", "-lm", "-o"]).arg(&program)).expect(0);
    program
}

/// What hosts print at their end.
pub const GOOD: &str = "all good\n";

/// Runs a program that prints this and nothing else.
#[track_caller]
pub fn expect_good(machine: &Machine, program: &Path) {
    let ran = run(&mut machine.command(program)).expect(0);
    assert_eq!(lines(&ran), GOOD, "{}: {}", machine.name(), ran.stderr());
}

/// Links such a program as [`link_c`] does, and runs it.
#[track_caller]
pub fn check_c(machine: &Machine, dir: &Path, c: &str, objects: &[PathBuf], flags: &[&str]) {
    expect_good(machine, &link_c(machine, dir, c, objects, flags));
}

/// All of the runtime but `main`.
pub fn runtime_sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["rt", "rt/wasi"] {
        let entries = std::fs::read_dir(root().join(folder)).expect("a folder").map(|e| e.expect("an entry").path());
        found.extend(entries.filter(|p| p.extension().is_some_and(|e| e == "c") && !p.ends_with("rt/main.c")));
    }
    found
}

/// A text that shows the command as a user would have typed it.
pub fn shown(program: impl AsRef<OsStr>, args: &[&str]) -> String {
    format!("{} {}", program.as_ref().to_string_lossy(), args.join(" "))
}
