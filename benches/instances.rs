//! `instances`: many small ones, made and freed, held, called.

use crate::measure::{measure, median};
use crate::{Bench, PALISADE, here};
use std::process::Command;

pub fn bench(bench: &Bench) {
    let mut contenders = vec![("palisade", palisade(bench))];
    if bench.wasmtime {
        contenders.push(("wasmtime", wasmtime(bench)));
    }
    let mut measured = vec![Vec::new(); contenders.len()];
    for _ in 0..bench.rounds {
        for ((_, command), measured) in contenders.iter_mut().zip(&mut measured) {
            let output = measure(command).output;
            let numbers: Vec<f64> = output.split_whitespace().map(|n| n.parse().expect("a number")).collect();
            measured.push(numbers);
        }
    }
    println!("\n## Instances with a memory of 64 KiB, from C\n");
    println!("| | made, called and freed, per second | each of 10,000 live ones | a call |\n| --- | --- | --- | --- |");
    for ((name, _), rounds) in contenders.iter().zip(&measured) {
        let of = |at: usize| median(rounds.iter().map(|numbers| numbers[at]));
        println!("| {name} | {:.0} | {:.1} µs | {:.1} ns |", 1e9 / of(0), of(1) / 1e3, of(2));
    }
}

fn palisade(bench: &Bench) -> Command {
    let (object, host) = (bench.folder.join("instances.o"), bench.folder.join("instances.palisade"));
    let header = bench.folder.join("instances.h");
    measure(
        Command::new(PALISADE).arg("-c").arg(here("instances.wat")).arg("-o").arg(&object).arg("--header").arg(header),
    );
    let printed = |what: &str| measure(Command::new(PALISADE).args(["--print", what])).output;
    let mut cc = Command::new("cc");
    cc.arg("-O2").arg("-I").arg(&bench.folder).args(printed("cflags").split_whitespace());
    cc.arg(here("instances_palisade.c")).arg(&object).args(printed("libs").split_whitespace()).arg("-o").arg(&host);
    measure(&mut cc);
    Command::new(host)
}

/// With the library inside the Python package, from C.
fn wasmtime(bench: &Bench) -> Command {
    let (wasm, host) = (bench.folder.join("instances.wasm"), bench.folder.join("instances.wasmtime"));
    std::fs::write(&wasm, wat::parse_file(here("instances.wat")).expect("it is well-formed"))
        .expect("it can be written");
    let library = library();
    let folder = library.rsplit_once('/').expect("a path").0;
    let mut cc = Command::new("cc");
    cc.arg("-O2").arg(here("instances_wasmtime.c")).arg(&library).arg(format!("-Wl,-rpath,{folder}"));
    measure(cc.arg("-o").arg(&host));
    let mut run = Command::new(host);
    run.arg(wasm);
    run
}

/// Wasmtime's library inside the Python package.
pub fn library() -> String {
    let find = "import glob, os, wasmtime; print(glob.glob(os.path.dirname(wasmtime.__file__) + '/linux-*/_libwasmtime.so')[0])";
    measure(Command::new("python3").args(["-c", find])).output.trim().to_owned()
}
