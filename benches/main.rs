//! Palisade beside its peers: `cargo bench` prints tables, one group after the other; `cargo bench -- GROUP…` only
//! those named.
//!
//! | group | what |
//! | --- | --- |
//! | `run` | user time of programs: palisade, Wasmtime, wasm2c + clang, native; those that are installed |
//! | `compile` | user time, peak memory, `-j` scaling and size of the code: palisade beside Wasmtime |
//! | `instances` | making, holding and calling instances: palisade beside Wasmtime |
//! | `checks` | memories with bounds checks beside the same with guard pages, and beside wasm2c + clang's |
//! | `exceptions` | instructions of programs that could throw, beside the same without exceptions; the time of throwing |
//! | `calls` | a call from C, to C and between modules: palisade beside Wasmtime and a C pointer |
//! | `start` | starting and ending an executable, whatever its tables and segments hold |
//! | `scale` | time and memory for compiling huge generated modules, in three sizes each |
//! | `memory` | giving pages back beside madvise in C; snapshots; growing; starting with mapped data (`cow`) |
//!
//! Contenders take turns within a round; what is printed are medians, and ratios of them. On a busy machine only the
//! ratios mean something. `--rounds N` (default 5), `--json FILE`, `--svg FILE` (the ratios as bars). `PALISADE_BENCH_PROGRAMS` names a folder with more `.wasm` programs
//! for `run`, `WASM2C_RT` one with wasm2c's runtime, `PALISADE_PROGRAMS` one with the archives of real programs (as for
//! the tests) for `compile`. `wasm2c/cc` is a C compiler for what any version of wasm2c writes, also for other harnesses.

mod calls;
mod checks;
mod compile;
mod exceptions;
mod host;
mod instances;
mod json;
mod machine;
mod measure;
mod memory;
mod run;
mod scale;
mod start;
mod svg;
mod table;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use table::Table;

/// What all groups use.
pub struct Bench {
    /// Where things are built.
    pub folder: PathBuf,
    /// How often each thing is measured.
    pub rounds: usize,
    /// python3 has the package `wasmtime`.
    pub wasmtime: bool,
}

/// The compiler under test, built with the profile of the benchmarks.
pub const PALISADE: &str = env!("CARGO_BIN_EXE_palisade");

/// A file beside this one.
pub fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches").join(name)
}

/// True if `program` can be found on the path.
pub fn installed(program: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

/// Python has the package.
pub fn python_has(package: &str) -> bool {
    let mut python = Command::new("python3");
    python.args(["-c", &format!("import {package}")]).output().is_ok_and(|o| o.status.success())
}

/// What is measured, and where it goes to.
struct Options {
    rounds: usize,
    json: Option<PathBuf>,
    svg: Option<PathBuf>,
    groups: Vec<String>,
}

type Group = (&'static str, fn(&Bench) -> Vec<Table>);
const GROUPS: [Group; 9] = [
    ("run", run::bench),
    ("compile", compile::bench),
    ("instances", instances::bench),
    ("calls", calls::bench),
    ("checks", checks::bench),
    ("exceptions", exceptions::bench),
    ("start", start::bench),
    ("scale", scale::bench),
    ("memory", memory::bench),
];

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options { rounds: 5, json: None, svg: None, groups: Vec::new() };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--rounds" => {
                options.rounds = value()?.parse().ok().filter(|n| *n > 0).ok_or("--rounds needs a number above 0")?;
            }
            "--json" => options.json = Some(value()?.into()),
            "--svg" => options.svg = Some(value()?.into()),
            name if GROUPS.iter().any(|(group, _)| *group == name) => options.groups.push(argument),
            _ => return Err(format!("there is no group {argument:?}: {}", GROUPS.map(|(name, _)| name).join(", "))),
        }
    }
    Ok(options)
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).filter(|a| a != "--bench").peekable();
    if arguments.next_if(|a| a == scale::WRITE).is_some() {
        scale::write(&arguments.collect::<Vec<_>>());
        return ExitCode::SUCCESS;
    }
    match options(arguments) {
        Ok(options) => bench(&options),
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}

fn bench(options: &Options) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let wasmtime = python_has("wasmtime");
    if !wasmtime {
        println!("left out: Wasmtime: python3 with the package `wasmtime` is not installed");
    }
    let bench = Bench { folder: folder.path().to_owned(), rounds: options.rounds, wasmtime };
    let machine = machine::describe();
    let mut tables = Vec::new();
    for (name, group) in GROUPS {
        if options.groups.is_empty() || options.groups.iter().any(|g| g == name) {
            tables.extend(group(&bench));
            // After each group, so that little is lost when a long run is cut short.
            write(&options.json, || json::document(&machine, options.rounds, &tables));
            write(&options.svg, || svg::picture(&tables));
        }
    }
}

fn write(file: &Option<PathBuf>, text: impl FnOnce() -> String) {
    if let Some(file) = file {
        std::fs::write(file, text()).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    }
}
