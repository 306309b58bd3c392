//! `memory`: giving pages back, snapshots, and data that is mapped.

use crate::measure::{measure, median};
use crate::table::{Cell, Table};
use crate::{Bench, PALISADE, here};
use std::path::{Path, PathBuf};
use std::process::Command;

pub fn bench(bench: &Bench) -> Vec<Table> {
    vec![pages(bench), start(bench)]
}

fn pages(bench: &Bench) -> Table {
    let host = bench.folder.join("pages.palisade");
    let mut palisade = Command::new(PALISADE);
    palisade.arg("--enable-memory-control").arg(here("pages.wat")).arg(here("pages_palisade.c"));
    measure(palisade.arg("-o").arg(&host).env("CC", "cc -O2"));
    let rounds: Vec<Vec<f64>> = (0..bench.rounds)
        .map(|_| {
            let output = measure(&mut Command::new(&host)).output;
            output.split_whitespace().map(|n| n.parse().expect("a number")).collect()
        })
        .collect();
    let of = |at: usize| median(rounds.iter().map(|numbers| numbers[at]));
    let mut table = Table::new("A memory of 1 GiB", "", ["time", "of C's"]);
    let discarded = vec![Cell::Amount(of(0), 0, "ms"), Cell::Ratio(of(0) / of(1), 2)];
    table.row("discarded and touched again by the guest", discarded);
    let others = [
        "the same with madvise in C",
        "the first snapshot, of all pages",
        "with 1% written: the list of these pages",
        "restored",
        "or one more snapshot",
    ];
    for (name, at) in others.into_iter().zip(1..) {
        table.row(name, vec![Cell::Amount(of(at), 2, "ms"), Cell::Empty]);
    }
    let grown = vec![Cell::Amount(of(6), 2, "ms"), Cell::Ratio(of(6) / of(7), 2)];
    table.row("grown by 64 KiB, 1,000 times, by the guest", grown);
    table.row("1,000 mprotects of 64 KiB in C", vec![Cell::Amount(of(7), 2, "ms"), Cell::Empty]);
    table
}

/// A program whose 100 MiB of data are mapped, beside one without data and one that copies them; in turns.
fn start(bench: &Bench) -> Table {
    let data = bench.folder.join("data.wasm");
    std::fs::write(&data, module(100 << 20)).expect("it can be written");
    let none = bench.folder.join("none.wasm");
    std::fs::write(&none, module(0)).expect("it can be written");
    let cases = [
        ("no data", program(bench, &none, "none", &[])),
        ("100 MiB of data, cow", program(bench, &data, "cow", &["--memory", "0:cow"])),
        ("100 MiB of data, copied", program(bench, &data, "copied", &[])),
    ];
    let mut walls = vec![Vec::new(); cases.len()];
    for _ in 0..bench.rounds * 10 {
        for ((_, program), walls) in cases.iter().zip(&mut walls) {
            walls.push(measure(&mut Command::new(program)).wall);
        }
    }
    let mut table = Table::new("Start and end of an executable with mapped data", "", ["time", "of no data's"]);
    let first = median(walls[0].iter().copied());
    for ((name, _), walls) in cases.iter().zip(walls) {
        let wall = median(walls.into_iter());
        table.row(*name, vec![Cell::Amount(wall * 1e3, 2, "ms"), Cell::Ratio(wall / first, 2)]);
    }
    table
}

fn program(bench: &Bench, wasm: &Path, name: &str, options: &[&str]) -> PathBuf {
    let program = bench.folder.join(name);
    measure(Command::new(PALISADE).args(options).arg(wasm).arg("-o").arg(&program));
    program
}

/// A module with so many bytes of data that traps at its start if the last one is not there.
fn module(bytes: usize) -> Vec<u8> {
    let (last, value) = if bytes == 0 { (0, 0) } else { (1024 + bytes - 1, 7) };
    let text = format!(
        r#"(module (memory (export "memory") 2000) (func (export "_start")
             (if (i32.ne (i32.load8_u (i32.const {last})) (i32.const {value})) (then (unreachable)))))"#
    );
    let mut wasm = wat::parse_str(text).expect("it is well-formed");
    if bytes > 0 {
        // A section of one segment, which goes to address 1024.
        let mut section = vec![1, 0, 0x41, 0x80, 8, 0x0b];
        leb(bytes, &mut section);
        section.resize(section.len() + bytes, value);
        wasm.push(11);
        leb(section.len(), &mut wasm);
        wasm.extend(section);
    }
    wasm
}

fn leb(mut number: usize, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}
