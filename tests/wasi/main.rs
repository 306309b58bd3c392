//! The public WebAssembly/wasi-testsuite (branch prod/testsuite-all), compiled and run on every machine there is. It
//! can't be part of this repository: `PALISADE_WASI_TESTSUITE` says where a checkout is. It runs once more with a
//! runtime that clang's sanitizers watch.

mod json;
mod load;
#[path = "../support/mod.rs"]
mod support;

use json::Json;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::{Machine, machines, need, run, say, scratch};

/// One test program, with what its specification (`NAME.json` beside it) says.
#[derive(Debug, Default)]
struct Case {
    wasm: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    /// Folders beside the program, and what the guest calls them.
    folders: Vec<(String, String)>,
    status: i32,
    stdout: Option<String>,
}

impl Case {
    fn name(&self) -> String {
        let suite = self.wasm.components().rev().nth(3).expect("below tests/SUITE/testsuite/VERSION");
        let stem = self.wasm.file_stem().expect("a name");
        format!("{}/{}", suite.as_os_str().to_string_lossy(), stem.to_string_lossy())
    }

    fn read(wasm: PathBuf) -> Case {
        let text = std::fs::read_to_string(wasm.with_extension("json")).unwrap_or_else(|_| "{}".into());
        let mut case = Case { wasm, ..Case::default() };
        for (key, value) in Json::parse(&text).map() {
            match (key.as_str(), value) {
                ("args", list) => case.arguments = list.list().iter().map(Json::text).collect(),
                ("env", map) => {
                    let pairs = map.map().iter();
                    case.environment.extend(pairs.map(|(name, value)| (name.clone(), value.text())));
                }
                ("dirs", list) => case.folders.extend(list.list().iter().map(|f| (f.text(), f.text()))),
                ("root", Json::Null) => {}
                ("root", folder) => case.folders.push((folder.text(), "/".into())),
                ("exit_code", Json::Number(status)) => case.status = *status as i32,
                ("stdout", text) => case.stdout = Some(text.text()),
                ("stderr", _) => {}
                other => panic!("{}: unknown to this runner: {other:?}", case.name()),
            }
        }
        // Programs of the Rust suite accept several errors unless they are told which system they run on.
        if case.name().starts_with("rust/") {
            case.environment.push(("ERRNO_MODE_UNIX".into(), "1".into()));
        }
        case
    }

    /// Compiles and runs the program in a fresh copy of its folders.
    fn run(&self, machine: &Machine, sanitized: bool) -> Result<(), String> {
        let dir = scratch();
        let program = dir.path().join("program");
        let cc: &[&str] = if sanitized { &["--cc", SANITIZED_CC] } else { &[] };
        let compiled = run(machine.palisade().args(cc).arg(&self.wasm).arg("-o").arg(&program));
        if !compiled.ok() {
            return Err(format!("does not compile: {}", compiled.stderr()));
        }
        let mut grants = Vec::new();
        for (folder, guest) in &self.folders {
            let copy = dir.path().join(folder);
            copy_folder(&self.wasm.with_file_name(folder), &copy);
            grants.push(format!("{}::{guest}", copy.display()));
        }
        let names: Vec<_> = self.environment.iter().map(|(name, _)| name.as_str()).collect();
        let mut command = machine.command(&program);
        command.args(&self.arguments).env_clear().envs(self.environment.iter().cloned());
        command.env("ASAN_OPTIONS", ASAN_OPTIONS);
        let ran = run(command.env("PALISADE_DIR", grants.join(",")).env("PALISADE_ENV", names.join(",")));
        if ran.status != self.status {
            return Err(format!("exit status {}: {}{}", ran.status, ran.stdout(), ran.stderr()));
        }
        if sanitized && (ran.stderr().contains("Sanitizer") || ran.stderr().contains("runtime error:")) {
            return Err(ran.stderr());
        }
        match &self.stdout {
            Some(expected) if *expected != ran.stdout() => Err(format!("printed {:?}", ran.stdout())),
            _ => Ok(()),
        }
    }
}

/// The C compiler that makes the runtime of sanitized programs, and links them.
const SANITIZED_CC: &str = "clang -g -fsanitize=address,undefined -fno-sanitize-recover=undefined";

/// The signals are the runtime's: they become traps. Instances go with the process, so leaks are not asked for here, but
/// in the unit tests (runtime.rs) and in load.rs. A report's exit status is one that no program expects.
const ASAN_OPTIONS: &str =
    "handle_segv=0:handle_sigbus=0:handle_sigill=0:handle_sigfpe=0:handle_abort=0:detect_leaks=0:exitcode=99";

fn copy_folder(from: &Path, to: &Path) {
    let copied = run(Command::new("cp").arg("-R").arg(from).arg(to));
    assert!(copied.ok(), "{}", copied.stderr());
}

/// All programs of preview 1 in a checkout.
fn cases(checkout: &Path) -> Vec<Case> {
    let mut found = Vec::new();
    for suite in ["assemblyscript", "c", "rust"] {
        let folder = checkout.join("tests").join(suite).join("testsuite/wasm32-wasip1");
        let entries = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        let paths = entries.map(|entry| entry.expect("an entry").path());
        found.extend(paths.filter(|p| p.extension().is_some_and(|e| e == "wasm")).map(Case::read));
    }
    found.sort_by_key(Case::name);
    found
}

/// Runs all cases, as many at once as there are processors; returns what failed.
fn run_all(machine: &Machine, sanitized: bool, cases: &[Case]) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        let mut failed = Vec::new();
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(why) = case.run(machine, sanitized) {
                failed.push(format!("{}: {why}", case.name()));
            }
        }
        failed
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|t| t.join().expect("no case panics")).collect()
    })
}

#[test]
fn the_public_testsuite() {
    let Some(checkout) = std::env::var_os("PALISADE_WASI_TESTSUITE") else {
        // No package has it, so CI can't fetch it: said, but no failure there. The unit tests cover the same ground.
        return say("left out: the public WASI testsuite: PALISADE_WASI_TESTSUITE does not name a checkout");
    };
    let cases = cases(Path::new(&checkout));
    assert!(!cases.is_empty(), "no test programs below {}", checkout.to_string_lossy());
    for machine in machines() {
        check(&machine, false, &cases);
    }
    if need("the public WASI testsuite with sanitizers", &["clang"]) {
        check(&Machine::host(), true, &cases);
    }
}

fn check(machine: &Machine, sanitized: bool, cases: &[Case]) {
    let failed = run_all(machine, sanitized, cases);
    let how = if sanitized { ", sanitized" } else { "" };
    let passed = cases.len() - failed.len();
    say(format!("WASI testsuite, {}{how}: {passed} of {} passed", machine.triple, cases.len()));
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn reads_specifications() {
    let spec =
        Json::parse(r#" { "args": ["a", "the \"second\" \n\u00e4"], "exit_code": -33, "x": [null, true, {}] } "#);
    assert_eq!(spec.map()["args"].list()[1].text(), "the \"second\" \nä");
    assert_eq!(spec.map()["exit_code"], Json::Number(-33));
    assert_eq!(spec.map()["x"].list().len(), 3);
}
