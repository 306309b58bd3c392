//! `start`: from exec to exit. A program's tables and data segments must not make it slower to start.

use crate::measure::{measure, median};
use crate::table::{Cell, Table};
use crate::{Bench, PALISADE};
use std::fmt::Write as _;
use std::process::Command;

pub fn bench(bench: &Bench) -> Vec<Table> {
    let cases = [
        ("nothing", module(0, 0)),
        ("a table of 1,000", module(1_000, 0)),
        ("a table of 700,000", module(700_000, 0)),
        ("1,000 data segments", module(0, 1_000)),
        ("100,000 data segments", module(0, 100_000)),
    ];
    let mut table = Table::new("Start and end of an executable", "module with", ["time", "relocations"]);
    for (name, text) in cases {
        let (source, program) = (bench.folder.join("start.wat"), bench.folder.join("start"));
        std::fs::write(&source, text).expect("it can be written");
        measure(Command::new(PALISADE).arg(&source).arg("-o").arg(&program));
        let walls: Vec<f64> = (0..bench.rounds * 40).map(|_| measure(&mut Command::new(&program)).wall).collect();
        let time = Cell::Amount(median(walls.into_iter()) * 1e3, 2, "ms");
        table.row(name, vec![time, Cell::Amount(relocations(&program) as f64, 0, "")]);
    }
    vec![table]
}

/// Entries that the dynamic linker works through.
fn relocations(program: &std::path::Path) -> usize {
    use object::Object as _;
    let bytes = std::fs::read(program).expect("it was just written");
    let object = object::File::parse(&*bytes).expect("an executable");
    object.dynamic_relocations().map_or(0, |all| all.count())
}

/// A program that calls the last entry of its table and reads its last segment.
fn module(table: usize, segments: usize) -> String {
    let mut text = String::from("(module (memory (export \"memory\") 64) (type $t (func)) (func $f)\n");
    if table > 0 {
        let _ = write!(text, "(table {table} funcref) (elem (i32.const 0) func {})", "$f ".repeat(table));
    }
    for number in 0..segments {
        let _ = writeln!(text, "(data (i32.const {}) \"\\01\\02\\03\")", number * 8);
    }
    text += "(func (export \"_start\")\n";
    if table > 0 {
        let _ = write!(text, "(call_indirect (type $t) (i32.const {}))", table - 1);
    }
    if segments > 0 {
        let last = (segments - 1) * 8;
        let _ = write!(text, "(if (i32.ne (i32.load8_u (i32.const {last})) (i32.const 1)) (then (unreachable)))");
    }
    text + "))"
}
