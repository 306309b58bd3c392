//! What exceptions cost: instructions of C++ programs that could throw and never do, beside the same programs without
//! exceptions (counted by callgrind, so exact); and the time of throwing.

use crate::measure::{count, measure, median};
use crate::table::{Cell, Table};
use crate::{Bench, PALISADE, here, installed, python_has};
use std::path::{Path, PathBuf};
use std::process::Command;

/// How wasm says exceptions, and clang's options for it.
const GENERATIONS: [(&str, &[&str]); 3] = [
    ("none", &["-fno-exceptions"]),
    ("legacy", &["-mllvm", "-wasm-enable-eh", "-mllvm", "-wasm-use-legacy-eh=true"]),
    ("standard", &["-mllvm", "-wasm-enable-eh", "-mllvm", "-wasm-use-legacy-eh=false"]),
];
const WASM_EXCEPTIONS: &[&str] = &[
    "-fexceptions",
    "-fwasm-exceptions",
    "-Xclang",
    "-exception-model=wasm",
    "-Xclang",
    "-target-feature",
    "-Xclang",
    "+exception-handling",
];

pub fn bench(bench: &Bench) -> Vec<Table> {
    let mut tables = vec![throwing(bench)];
    if !installed("valgrind") || !python_has("ziglang") {
        println!("left out: exceptions not thrown: valgrind or python3's package `ziglang` is not installed");
        return tables;
    }
    let title = "Exceptions that are never thrown: instructions, and ratios of those without exceptions";
    let columns = ["instructions", "legacy", "standard", "worst function (of those with 1% or more)"];
    let mut table = Table::new(title, "program", columns);
    for program in ["formula", "index", "scene"] {
        table.row(program, not_thrown(bench, program));
    }
    tables.push(table);
    tables
}

fn not_thrown(bench: &Bench, program: &str) -> Vec<Cell> {
    let counts = GENERATIONS.map(|(name, options)| {
        let wasm = compile(bench, program, name, options);
        let executable = wasm.with_extension("");
        palisade(&wasm, &executable);
        count(&executable)
    });
    let totals = counts.each_ref().map(|c| c.values().sum::<u64>() as f64);
    let worst = counts[0]
        .iter()
        .filter(|&(_, &without)| without as f64 >= totals[0] / 100.0)
        .filter_map(|(name, &without)| Some((*counts[2].get(name)? as f64 / without as f64, name)))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map_or_else(String::new, |(ratio, name)| format!("{name} {ratio:.3}"));
    let [none, legacy, standard] = totals;
    vec![Cell::Amount(none, 0, ""), Cell::Ratio(legacy / none, 3), Cell::Ratio(standard / none, 3), Cell::Text(worst)]
}

fn zig(arguments: &[&str]) -> Command {
    let mut command = Command::new("python3");
    command.args(["-m", "ziglang", "c++", "-target", "wasm32-wasi", "-std=c++20", "-O2"]).args(arguments);
    command
}

fn compile(bench: &Bench, program: &str, name: &str, options: &[&str]) -> PathBuf {
    let folder = here("exceptions");
    let wasm = bench.folder.join(format!("{program}-{name}.wasm"));
    let objects = [(program, options), ("never_thrown", &[][..])].map(|(source, options)| {
        let object = bench.folder.join(format!("{source}-{name}.o"));
        let with = source == "never_thrown" || name != "none";
        let mut clang = zig(if with { WASM_EXCEPTIONS } else { &[] });
        measure(clang.args(options).arg("-c").arg(folder.join(source).with_extension("cpp")).arg("-o").arg(&object));
        object
    });
    measure(zig(&[]).args(objects).arg("-o").arg(&wasm));
    wasm
}

fn palisade(module: &Path, executable: &Path) {
    measure(Command::new(PALISADE).arg(module).arg("-o").arg(executable));
}

/// A million exceptions through five frames: nanoseconds each.
fn throwing(bench: &Bench) -> Table {
    let source = here("exceptions/throwing.wat");
    let ours = bench.folder.join("throwing");
    palisade(&source, &ours);
    let native = bench.folder.join("throwing-native");
    let has_native = installed("c++");
    if has_native {
        measure(Command::new("c++").arg("-O2").arg(here("exceptions/throwing.cpp")).arg("-o").arg(&native));
    }
    let nanoseconds =
        |command: &dyn Fn() -> Command| median((0..bench.rounds).map(|_| measure(&mut command()).user)) * 1000.0;
    let mut table = Table::new("Throwing through five frames to a handler", "", ["time per exception"]);
    let mut row =
        |name, command: &dyn Fn() -> Command| table.row(name, vec![Cell::Amount(nanoseconds(command), 0, "ns")]);
    row("palisade", &|| Command::new(&ours));
    if has_native {
        row("native C++", &|| Command::new(&native));
    }
    if bench.wasmtime {
        let compiled = bench.folder.join("throwing.cwasm");
        let python = |what| {
            let mut command = Command::new("python3");
            command.arg(here("run_wasmtime.py")).arg(what);
            command
        };
        measure(python("compile").arg(&source).arg(&compiled));
        let wasmtime = || {
            let mut command = python("run");
            command.arg(&compiled);
            command
        };
        row("Wasmtime", &wasmtime);
    }
    table
}
