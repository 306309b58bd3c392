//! The same modules compiled by Palisade and run by Wasmtime: every export is called with fixed arguments, and results,
//! kinds of traps, memories, globals and tables must be equal after each call. The modules are wasm-smith's, and our own
//! with exceptions (`exceptions/`), the legacy ones of which Wasmtime gets in the standard form.
//!
//! `PALISADE_DIFFERENTIAL=20000` compares so many modules of wasm-smith's, `PALISADE_DIFFERENTIAL_EXCEPTIONS=6000` so
//! many of the others, `PALISADE_DIFFERENTIAL_FIRST=N` begins at another seed; as many threads work as rayon has
//! (`RAYON_NUM_THREADS`). With `--release` many take less time, but the compiler's own assertions and Cranelift's verifier
//! are off. Modules that differ are written to a folder that the failure names, with their seed and the first difference.
//!
//! What is not compared: payloads of NaNs (both sides canonicalize); which function a reference is; anything behind a
//! stack overflow, since stacks differ; memories beyond 2 MiB. GC objects are not among what is made, since we refuse
//! them.

mod batch;
mod coverage;
mod dice;
mod exceptions;
mod generate;
mod list;
#[path = "../support/mod.rs"]
mod support;
mod work;

use batch::{Difference, Sides, Tally};
use coverage::Coverage;
use generate::{Subject, subject};
use std::ops::Range;
use support::{Machine, say};

/// Modules of a run that nobody asked for more: wasm-smith's, and those with exceptions.
const SHORT: u64 = 200;
const SHORT_EXCEPTIONS: u64 = 150;
/// Modules in one executable.
const BATCH: u64 = 100;
/// Long runs say how far they are.
const SAID_EVERY: u64 = 10_000;

#[test]
fn what_wasmtime_does() {
    let seeds = seeds("PALISADE_DIFFERENTIAL", SHORT);
    // Wasmtime is told about relaxed SIMD, so it is all of a batch or none.
    let relaxed = |seed: u64| seed / BATCH % 4 == 1;
    compare("of wasm-smith's", seeds, Coverage::of_all, relaxed, |seed| subject(seed, relaxed(seed)));
}

#[test]
fn exceptions_of_both_generations() {
    let seeds = seeds("PALISADE_DIFFERENTIAL_EXCEPTIONS", SHORT_EXCEPTIONS);
    compare("with exceptions", seeds, Coverage::of_exceptions, |_| false, exceptions::subject);
}

fn seeds(count: &str, short: u64) -> Range<u64> {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let first = number("PALISADE_DIFFERENTIAL_FIRST").unwrap_or(0);
    first..first + number(count).unwrap_or(short)
}

/// Asserts that the seeds' modules do the same on both sides.
fn compare(
    what: &str,
    seeds: Range<u64>,
    no_coverage: fn() -> Coverage,
    relaxed: impl Fn(u64) -> bool + Sync,
    subject: impl Fn(u64) -> Subject + Sync,
) {
    if !support::need_python("comparison with Wasmtime", "wasmtime") {
        return;
    }
    let dir = support::scratch();
    let reference = batch::build_reference(dir.path());
    let machines = machines();
    let folders: Vec<_> = machines.iter().map(|machine| dir.path().join(&machine.triple)).collect();
    let sides: Vec<_> = machines.iter().zip(&folders).map(|(m, folder)| Sides::new(m, folder, &reference)).collect();
    let compare_batch = |number: u64| {
        let start = seeds.start.max(number * BATCH);
        let subjects: Vec<Subject> = (start..seeds.end.min((number + 1) * BATCH)).map(&subject).collect();
        let mut coverage = no_coverage();
        subjects.iter().for_each(|subject| coverage.add(&subject.wasm));
        let reports: Vec<_> = sides.iter().map(|sides| Report::new(sides, &subjects, relaxed(start))).collect();
        (coverage, reports)
    };
    let mut coverage = no_coverage();
    let mut reports: Vec<_> = machines.iter().map(|_| Report::default()).collect();
    let batches = seeds.start / BATCH..seeds.end.div_ceil(BATCH);
    work::in_order(batches, &compare_batch, |number, (batch_coverage, batch_reports)| {
        coverage.merge(batch_coverage);
        reports.iter_mut().zip(batch_reports).for_each(|(all, batch)| all.merge(batch));
        let done = (number + 1) * BATCH;
        if done.is_multiple_of(SAID_EVERY) && done < seeds.end {
            let differences: usize = reports.iter().map(|report| report.differences.len()).sum();
            say(format!("differential, modules {what}: at seed {done} of {seeds:?}, {differences} differences"));
        }
    });
    say(format!("differential, modules {what}: seeds {seeds:?}, {coverage}"));
    let mut failures = Vec::new();
    for (machine, report) in machines.iter().zip(&reports) {
        report.print(machine);
        failures.extend(report.differences.iter().map(|d| format!("{}: seed {}: {}", machine.name(), d.seed, d.what)));
    }
    assert!(failures.is_empty(), "{} differ; modules in {}\n{}", failures.len(), kept().display(), failures.join("\n"));
}

/// What "no differences" is worth: pairs of modules that differ in one thing each are told apart.
#[test]
fn differences_are_found() {
    if !support::need_python("comparison with Wasmtime", "wasmtime") {
        return;
    }
    let dir = support::scratch();
    let reference = batch::build_reference(dir.path());
    for machine in support::machines() {
        let folder = dir.path().join(&machine.triple);
        let sides = Sides::new(&machine, &folder, &reference);
        let subjects: Vec<_> = (0..).zip(PAIRS).map(|(seed, (_, ours, theirs))| pair(seed, ours, theirs)).collect();
        let found: Vec<u64> = sides.run(&subjects, false).differences.iter().map(|d| d.seed).collect();
        let expected = (0..).zip(PAIRS).filter(|(_, (what, ..))| *what != SAME).map(|(seed, _)| seed);
        assert_eq!(found, expected.collect::<Vec<u64>>(), "{}", machine.name());
    }
}

const SAME: &str = "nothing";

/// What differs, and the bodies of function `f` on both sides.
const PAIRS: &[(&str, &str, &str)] = &[
    (SAME, "i32.const 7", "i32.const 7"),
    ("the result", "i32.const 7", "i32.const 8"),
    ("a trap or none", "i32.const 7", "unreachable"),
    ("the trap's kind", "(i32.div_u (i32.const 7) (i32.const 0))", "unreachable"),
    ("memory", "(i32.store8 (i32.const 65535) (i32.const 1)) i32.const 7", "i32.const 7"),
    ("the memory's size", "(drop (memory.grow (i32.const 1))) i32.const 7", "i32.const 7"),
    ("a global", "(global.set 1 (i64.const -1)) i32.const 7", "i32.const 7"),
    ("a table", "(table.set (i32.const 9) (ref.func 0)) i32.const 7", "i32.const 7"),
    ("the table's size", "(drop (table.grow (ref.null func) (i32.const 1))) i32.const 7", "i32.const 7"),
    ("the host's state", "call 0 i32.const 7", "i32.const 7"),
    (
        SAME,
        "(i32.store8 (i32.const 65535) (i32.const 1)) call 0 i32.const 7",
        "(i32.store8 (i32.const 65535) (i32.const 1)) call 0 i32.const 7",
    ),
];

fn pair(seed: u64, ours: &str, theirs: &str) -> Subject {
    let module = |body: &str| {
        let text = format!(
            r#"(module (import "host" "tick" (func)) (memory (export "m") 1) (table (export "t") 10 funcref)
            (global (export "fuel") (mut i32) (i32.const 0)) (global (export "g") (mut i64) (i64.const 0))
            (elem declare func 0) (func $f (export "f") (result i32) {body}))"#
        );
        wat::parse_str(text).expect("our own text")
    };
    let mut subject = Subject::new(seed, module(ours));
    subject.other = Some(module(theirs));
    let export = subject.exports.iter().position(|export| export.name == "f").expect("it is exported");
    subject.calls = vec![generate::Call { export, arguments: Vec::new() }];
    subject
}

/// This machine with the features Wasmtime finds, too: relaxed SIMD depends on them.
fn machines() -> Vec<Machine> {
    let native =
        |machine: Machine| if machine.is_host() { Machine { cpu: "native".into(), ..machine } } else { machine };
    support::machines().into_iter().map(native).collect()
}

/// Where modules that differ are kept.
fn kept() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("differential")
}

#[derive(Default)]
struct Report {
    differences: Vec<Difference>,
    tally: Tally,
}

impl Report {
    fn new(sides: &Sides<'_>, subjects: &[Subject], relaxed: bool) -> Report {
        let batch::Outcome { differences, tally } = sides.run(subjects, relaxed);
        for difference in &differences {
            let subject = subjects.iter().find(|s| s.seed == difference.seed).expect("it is of this batch");
            keep(sides.machine, subject, difference);
        }
        Report { differences, tally }
    }

    fn merge(&mut self, other: Report) {
        self.tally.add(other.tally);
        self.differences.extend(other.differences);
    }

    fn print(&self, machine: &Machine) {
        let Tally { modules, exports_called, not_called, answers, cut_short, unsupported } = &self.tally;
        say(format!("  {}: {modules} modules compared, {} differences", machine.name(), self.differences.len()));
        say(format!("    {exports_called} exports called, {not_called} not (no argument fits)"));
        say(format!("    answers: {answers:?}; {cut_short} modules up to a stack overflow only"));
        say(format!("    left out: {unsupported:?}"));
    }
}

fn keep(machine: &Machine, subject: &Subject, difference: &Difference) {
    let Subject { seed, opt_level, memory, disabled_pass, .. } = subject;
    let memory = memory.map(|memory| format!(" --memory {memory}")).unwrap_or_default();
    let pass = disabled_pass.map(|pass| format!(" --disable-pass {pass}")).unwrap_or_default();
    let text = format!(
        "seed {seed}\npalisade --target {} --cpu {} -O{opt_level}{memory}{pass} --enable-nan-canonicalization\n{}\n",
        machine.triple, machine.cpu, difference.what
    );
    let (wasm, report) = (format!("{seed}.wasm"), format!("{seed}.{}.txt", machine.triple));
    support::write(&kept(), &wasm, &subject.wasm);
    let path = support::write(&kept(), &report, &text);
    say(format!("differs: seed {seed} on {}, see {}\n{}", machine.name(), path.display(), difference.what));
}
