//! Benchmarks that a C host runs: NAME_palisade.c with the modules inside, NAME_wasmtime.c with their files as
//! arguments, NAME_wasm2c.c, if it is there, with the only module inside. All print numbers.

use crate::measure::{measure, median};
use crate::run::wasm2c_runtime;
use crate::{Bench, PALISADE, here, installed};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a host printed in each round.
pub struct Numbers {
    pub name: &'static str,
    rounds: Vec<Vec<f64>>,
}

impl Numbers {
    pub fn median(&self, at: usize) -> f64 {
        median(self.rounds.iter().map(|numbers| numbers[at]))
    }
}

/// Builds the hosts and runs them in turn; Palisade's is the first.
pub fn run(bench: &Bench, name: &str, modules: &[&str]) -> Vec<Numbers> {
    let mut contenders = vec![("palisade", palisade(bench, name, modules))];
    if bench.wasmtime {
        contenders.push(("wasmtime", wasmtime(bench, name, modules)));
    }
    contenders.extend(wasm2c(bench, name, modules).map(|command| ("wasm2c + clang -O2", command)));
    let mut all: Vec<_> = contenders.iter().map(|(name, _)| Numbers { name, rounds: Vec::new() }).collect();
    for _ in 0..bench.rounds {
        for ((_, command), numbers) in contenders.iter_mut().zip(&mut all) {
            let output = measure(command).output;
            numbers.rounds.push(output.split_whitespace().map(|n| n.parse().expect("a number")).collect());
        }
    }
    all
}

fn palisade(bench: &Bench, name: &str, modules: &[&str]) -> Command {
    let host = bench.folder.join(format!("{name}.palisade"));
    let mut palisade = Command::new(PALISADE);
    palisade.args(modules.iter().map(|m| here(&format!("{m}.wat")))).arg(here(&format!("{name}_palisade.c")));
    measure(palisade.arg("-o").arg(&host).env("CC", "cc -O2"));
    Command::new(host)
}

/// With the module as C.
fn wasm2c(bench: &Bench, name: &str, modules: &[&str]) -> Option<Command> {
    let (host, &[module]) = (here(&format!("{name}_wasm2c.c")), modules) else { return None };
    if !host.is_file() {
        return None;
    }
    let Some(runtime) = wasm2c_runtime().filter(|_| installed("clang")) else {
        println!("left out: wasm2c: it, its runtime (WASM2C_RT) or clang is not there");
        return None;
    };
    let folder = bench.folder.join(format!("{name}.c.d"));
    std::fs::create_dir_all(&folder).expect("a folder");
    let (wasm, c) = (write_wasm(&folder, module), folder.join("prog.c"));
    measure(Command::new("wasm2c").arg(wasm).args(["-n", "prog", "-o"]).arg(&c));
    let program = folder.join("program");
    let mut clang = Command::new(here("wasm2c/cc"));
    clang.args(["-O2", "-w", "-I"]).arg(&runtime).arg("-I").arg(&folder).arg(c).arg(host);
    clang.args(["wasm-rt-impl.c", "wasm-rt-mem-impl.c"].map(|file| runtime.join(file)));
    measure(clang.arg("-o").arg(&program).arg("-lm"));
    Some(Command::new(program))
}

/// A module of ours as a binary file.
fn write_wasm(folder: &Path, module: &str) -> PathBuf {
    let wasm = folder.join(format!("{module}.wasm"));
    let binary = wat::parse_file(here(&format!("{module}.wat"))).expect("it is well-formed");
    std::fs::write(&wasm, binary).expect("it can be written");
    wasm
}

/// With the library inside the Python package.
fn wasmtime(bench: &Bench, name: &str, modules: &[&str]) -> Command {
    const FIND: &str = "import glob, os, wasmtime; \
        print(glob.glob(os.path.dirname(wasmtime.__file__) + '/linux-*/_libwasmtime.so')[0])";
    let library = measure(Command::new("python3").args(["-c", FIND])).output.trim().to_owned();
    let folder = library.rsplit_once('/').expect("a path").0;
    let host = bench.folder.join(format!("{name}.wasmtime"));
    let mut cc = Command::new("cc");
    cc.arg("-O2").arg(here(&format!("{name}_wasmtime.c"))).arg(&library).arg(format!("-Wl,-rpath,{folder}"));
    measure(cc.arg("-o").arg(&host));
    let mut run = Command::new(host);
    for module in modules {
        run.arg(write_wasm(&bench.folder, module));
    }
    run
}
