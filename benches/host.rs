//! Benchmarks that a C host runs: NAME_palisade.c with the modules inside, NAME_wasmtime.c with their files as
//! arguments. Both print numbers.

use crate::measure::{measure, median};
use crate::{Bench, PALISADE, here};
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
        let wasm = bench.folder.join(format!("{module}.wasm"));
        let binary = wat::parse_file(here(&format!("{module}.wat"))).expect("it is well-formed");
        std::fs::write(&wasm, binary).expect("it can be written");
        run.arg(wasm);
    }
    run
}
