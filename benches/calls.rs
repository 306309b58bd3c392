//! `calls`: what one call takes, in each direction.

use crate::measure::{measure, median};
use crate::{Bench, PALISADE, here, instances};
use std::process::Command;

const MODULES: [&str; 2] = ["calls", "calls_other"];

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
    let of = |rounds: &[Vec<f64>], at: usize| median(rounds.iter().map(|numbers| numbers[at]));
    let pointer = of(&measured[0], 0);
    println!("\n## Calls of (i32, i32) -> i32; a C function through a pointer takes {pointer:.1} ns\n");
    println!("| | host to wasm | wasm to host | module to module |\n| --- | --- | --- | --- |");
    for ((name, _), rounds) in contenders.iter().zip(&measured) {
        let shown = |at: usize| format!("{:.1} ns, {:.1} ×", of(rounds, at), of(rounds, at) / pointer);
        println!("| {name} | {} | {} | {} |", shown(1), shown(2), shown(3));
    }
}

fn palisade(bench: &Bench) -> Command {
    let host = bench.folder.join("calls.palisade");
    let mut palisade = Command::new(PALISADE);
    palisade.args(MODULES.map(|m| here(&format!("{m}.wat")))).arg(here("calls_palisade.c"));
    measure(palisade.arg("-o").arg(&host).env("CC", "cc -O2"));
    Command::new(host)
}

fn wasmtime(bench: &Bench) -> Command {
    let host = bench.folder.join("calls.wasmtime");
    let library = instances::library();
    let folder = library.rsplit_once('/').expect("a path").0;
    let mut cc = Command::new("cc");
    cc.arg("-O2").arg(here("calls_wasmtime.c")).arg(&library).arg(format!("-Wl,-rpath,{folder}"));
    measure(cc.arg("-o").arg(&host));
    let mut run = Command::new(host);
    for module in MODULES {
        let wasm = bench.folder.join(format!("{module}.wasm"));
        let binary = wat::parse_file(here(&format!("{module}.wat"))).expect("it is well-formed");
        std::fs::write(&wasm, binary).expect("it can be written");
        run.arg(wasm);
    }
    run
}
