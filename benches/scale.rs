//! `scale`: generated modules as large as real ones get, each in three sizes: time and memory must grow linearly, and the
//! programs must run.

use crate::measure::measure;
use crate::table::{Cell, Table};
use crate::{Bench, PALISADE};
use std::fmt::Write as _;
use std::process::Command;

struct Case {
    name: &'static str,
    sizes: [usize; 3],
    /// The module's text; it exports `_start`, which traps if something is wrong.
    module: fn(usize) -> String,
}

const CASES: &[Case] = &[
    Case { name: "functions, in a table of 7/6 as many", sizes: [150_000, 300_000, 600_000], module: functions },
    Case { name: "data segments", sizes: [25_000, 50_000, 100_000], module: segments },
    Case { name: "bytes in one function", sizes: [150_000, 300_000, 600_000], module: bytes },
    Case { name: "memories", sizes: [250, 500, 1_000], module: memories },
    Case { name: "imports of the same function", sizes: [1_000, 2_000, 4_000], module: imports },
    Case { name: "targets of a br_table", sizes: [15_000, 30_000, 60_000], module: targets },
    Case { name: "locals, in a loop", sizes: [12_500, 25_000, 50_000], module: locals },
    Case { name: "nested blocks", sizes: [2_500, 5_000, 10_000], module: blocks },
    Case { name: "nested loops", sizes: [250, 500, 1_000], module: loops },
];

pub fn bench(bench: &Bench) -> Vec<Table> {
    let title = "Scale: compiling and linking with -j1, and running, in three sizes";
    let mut table = Table::new(title, "module with", ["user", "peak memory", "the program runs"]);
    for (number, case) in CASES.iter().enumerate() {
        for size in case.sizes {
            let (module, program) = (bench.folder.join("scale.wasm"), bench.folder.join("scale"));
            // By a process of its own: peak memory is counted from the largest that a parent was.
            let mut writer = Command::new(std::env::current_exe().expect("this program"));
            measure(writer.args([WRITE, &number.to_string(), &size.to_string()]).arg(&module));
            let compiling = measure(Command::new(PALISADE).arg("-j1").arg(&module).arg("-o").arg(&program));
            let run = measure(&mut Command::new(&program)).wall * 1e3;
            table.row(
                format!("{size} {}", case.name),
                vec![
                    Cell::Amount(compiling.user, 2, "s"),
                    Cell::Amount(compiling.peak, 0, "MB"),
                    Cell::Amount(run, 1, "ms"),
                ],
            );
        }
    }
    vec![table]
}

/// The argument that makes this program [`write`] a module.
pub const WRITE: &str = "--write-module";

/// Writes a case's module: its number, the size and the file are in the arguments.
pub fn write(arguments: &[String]) {
    let [number, size, file] = arguments else { panic!("{WRITE} CASE SIZE FILE") };
    let case = &CASES[number.parse::<usize>().expect("a number")];
    let wasm = wat::parse_str((case.module)(size.parse().expect("a size")));
    std::fs::write(file, wasm.unwrap_or_else(|e| panic!("{}: {e}", case.name))).expect("it can be written");
}

/// A function that traps unless `tests` are all 1.
fn start(tests: &str) -> String {
    format!("(func (export \"_start\") (if (i32.eqz {tests}) (then (unreachable))))")
}

/// Text that depends on a number, for each number below `count`.
fn each(count: usize, text: impl Fn(usize) -> String) -> String {
    (0..count).map(text).collect()
}

fn functions(count: usize) -> String {
    let entries = count / 6 * 7;
    let functions = each(count, |i| {
        format!("(func $f{i} (type $t) (i32.add (i32.mul (local.get 0) (i32.const {i})) (i32.const 1)))\n")
    });
    let table = each(entries, |i| format!(" $f{}", i % count));
    let last = (entries - 1) % count;
    let call = format!(
        "(i32.eq (call_indirect (type $t) (i32.const 3) (i32.const {})) (i32.const {}))",
        entries - 1,
        last * 3 + 1
    );
    format!(
        "(module (type $t (func (param i32) (result i32))) {functions} (table funcref (elem {table})) {})",
        start(&call)
    )
}

fn segments(count: usize) -> String {
    let segments = each(count, |i| format!("(data (i32.const {}) \"\\01\\02\\{:02x}\")\n", i * 8, i % 256));
    let last =
        format!("(i32.eq (i32.load8_u offset=2 (i32.const {})) (i32.const {}))", (count - 1) * 8, (count - 1) % 256);
    format!("(module (memory {}) {segments} {})", count * 8 / 65536 + 1, start(&last))
}

fn bytes(count: usize) -> String {
    // 20 bytes each.
    let steps = each(count / 20, |i| {
        let load = "(i32.load (i32.and (local.get 0) (i32.const 0xfffc)))";
        format!("(local.set 0 (i32.add (i32.xor (local.get 0) (i32.const {})) {load}))\n", 70_000 + i)
    });
    let function = format!("(func $f (param i32) (result i32) {steps} (i32.or (local.get 0) (i32.const 1)))");
    format!("(module (memory 1) {function} {})", start("(call $f (i32.const 5))"))
}

fn memories(count: usize) -> String {
    let memories = each(count, |i| format!("(memory 1 {}) (data (memory {i}) (i32.const 4) \"\\07\")\n", 1 + i % 2));
    let stores = each(count, |i| {
        format!("(i32.store {i} (i32.const 65532) (i32.add (local.get 0) (i32.load8_u {i} (i32.const 4))))\n")
    });
    let last = format!("(i32.eq (i32.load {} (i32.const 65532)) (i32.const 8))", count - 1);
    format!(
        "(module {memories} (func $f (param i32) (result i32) {stores} {last}) {})",
        start("(call $f (i32.const 1))")
    )
}

fn imports(count: usize) -> String {
    let imports =
        each(count, |i| format!("(import \"wasi_snapshot_preview1\" \"sched_yield\" (func $i{i} (result i32)))\n"));
    let calls = format!("(i32.eqz (i32.or (call $i0) (call $i{})))", count - 1);
    format!("(module {imports} (memory (export \"memory\") 1) {})", start(&calls))
}

fn targets(count: usize) -> String {
    let targets = each(count, |i| if i % 3 == 1 { " 1" } else { " 0" }.to_owned());
    let function = format!(
        "(func $f (param i32) (result i32)
            (block (block (br_table {targets} 0 (local.get 0))) (return (i32.const 0))) (i32.const 1))"
    );
    let last = (count - 1) / 3 * 3 - 2;
    format!("(module {function} {})", start(&format!("(call $f (i32.const {last}))")))
}

fn locals(count: usize) -> String {
    let mut sums = String::new();
    for i in 1..count {
        let _ = writeln!(sums, "(local.set {i} (i32.add (local.get {i}) (local.get {})))", i - 1);
    }
    let function = format!(
        "(func $f (param i32) (result i32) (local {})
            (loop {sums} (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))
            (local.get {}))",
        "i32 ".repeat(count - 1),
        count - 1
    );
    let mut values = vec![0u32; count];
    for turn in [3, 2, 1] {
        values[0] = turn;
        (1..count).for_each(|i| values[i] = values[i].wrapping_add(values[i - 1]));
    }
    let last = format!("(i32.eq (call $f (i32.const 3)) (i32.const {}))", values[count - 1]);
    format!("(module {function} {})", start(&last))
}

fn blocks(count: usize) -> String {
    let opened = each(count, |i| format!("(block (br_if {} (i32.eq (local.get 0) (i32.const {})))", i.min(1), i + 2));
    let function = format!("(func $f (param i32) (result i32) {opened} {} (i32.const 1))", ")".repeat(count));
    format!("(module {function} {})", start(&format!("(call $f (i32.const {count}))")))
}

fn loops(count: usize) -> String {
    let opened = "(loop ".repeat(count);
    let closed = each(count, |i| {
        let sum = "(i32.add (local.get 1) (i32.const 1))";
        format!("(local.set 1 {sum}) (br_if 0 (i32.eq (local.get 1) (i32.const {})) ))", 2 * i + 1)
    });
    let function = format!(
        "(func $f (param i32) (result i32) (local i32) {opened} {closed} (i32.gt_u (local.get 1) (i32.const {count})))"
    );
    format!("(module {function} {})", start("(call $f (i32.const 0))"))
}
