//! Limits that the host sets, and interruptions.

#[path = "../support/mod.rs"]
mod support;

use palisade::Options;
use palisade::optimize::Disabled;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::sanitized::{SANITIZERS, Sanitized};
use support::{GOOD, Machine, link_c, machines, need, run, scratch};

fn compile(machine: &Machine, dir: &Path, name: &str, wat: &str, change: &dyn Fn(&mut Options)) -> PathBuf {
    let mut options = Options::new(name);
    options.target = machine.target();
    change(&mut options);
    let wasm = wat::parse_str(wat).unwrap_or_else(|e| panic!("{e}"));
    support::compile_with(dir, &wasm, &options)
}

/// Each `CALLS(f)` calls `f` sixteen times.
fn forever() -> String {
    let mut text = include_str!("forever.wat").to_owned();
    while let Some(at) = text.find("CALLS(") {
        let end = at + text[at..].find(')').expect("it ends");
        let call = format!("(call ${})", &text[at + 6..end]);
        text.replace_range(at..=end, &call.repeat(16));
    }
    text
}

fn interruptible(machine: &Machine, dir: &Path, change: &dyn Fn(&mut Options)) -> Vec<PathBuf> {
    let modules =
        [("forever", &*forever()), ("starter", include_str!("starter.wat")), ("relay", include_str!("relay.wat"))];
    let change = |options: &mut Options| {
        options.interruptible = true;
        change(options);
    };
    modules.iter().map(|(name, wat)| compile(machine, dir, name, wat, &change)).collect()
}

fn limited(machine: &Machine, dir: &Path) -> Vec<PathBuf> {
    vec![compile(machine, dir, "growing", include_str!("growing.wat"), &|_| {})]
}

#[test]
fn nothing_runs_on_when_it_is_interrupted() {
    for machine in machines() {
        for level in [2, 0] {
            let dir = scratch();
            let objects = interruptible(&machine, dir.path(), &|options| options.opt_level = level);
            let program = link_c(&machine, dir.path(), include_str!("interrupt.c"), &objects, &[]);
            let ran = run(&mut machine.command(&program)).expect(0);
            assert_eq!(ran.stdout(), GOOD, "{} -O{level}", machine.triple);
        }
    }
}

type Change<'a> = &'a dyn Fn(&mut Options);

/// Without our passes, with each version of the code.
#[test]
fn nothing_runs_on_in_other_versions_of_the_code() {
    let machine = Machine::host();
    let spec = |text: &str| palisade::plan::MemorySpec::parse(text).expect("a spec");
    let changes: [(&str, Change<'_>); 3] = [
        ("no passes", &|options| options.disabled_passes = Disabled::all()),
        ("checked", &|options| options.memories.push(spec("1:mode=checked"))),
        ("auto", &|options| options.memories.push(spec("1:mode=auto"))),
    ];
    for (what, change) in changes {
        let dir = scratch();
        let memory_of_forever = |options: &mut Options| {
            if options.name == "forever" {
                change(options);
            }
        };
        let objects = interruptible(&machine, dir.path(), &memory_of_forever);
        let program = link_c(&machine, dir.path(), include_str!("interrupt.c"), &objects, &[]);
        assert_eq!(run(&mut Command::new(&program)).expect(0).stdout(), GOOD, "{what}");
    }
}

#[test]
fn budgets_hold() {
    for machine in machines() {
        let dir = scratch();
        let objects = limited(&machine, dir.path());
        let program = link_c(&machine, dir.path(), include_str!("limits.c"), &objects, &[]);
        // An emulator takes long for reservations.
        let rounds = if machine.is_host() { "200" } else { "2" };
        assert_eq!(run(machine.command(&program).arg(rounds)).expect(0).stdout(), GOOD, "{}", machine.triple);
    }
}

/// The runtime's own data races and leaks.
#[test]
fn limits_and_interruptions_under_sanitizers() {
    let machine = Machine::host();
    if !need("sanitizers", &["clang"]) {
        return;
    }
    for sanitizer in SANITIZERS {
        let dir = scratch();
        let runtime = Sanitized::new(dir.path(), sanitizer);
        runtime.expect("tests/limits/limits.c", &limited(&machine, dir.path()), GOOD);
        runtime.expect("tests/limits/interrupt.c", &interruptible(&machine, dir.path(), &|_| {}), GOOD);
    }
}

/// Only modules that are interruptible can be interrupted.
#[test]
fn headers_declare_interruption_where_there_is_one() {
    let dir = scratch();
    let wat = include_str!("growing.wat");
    compile(&Machine::host(), dir.path(), "plain", wat, &|_| {});
    compile(&Machine::host(), dir.path(), "polling", wat, &|options| options.interruptible = true);
    let header = |name: &str| std::fs::read_to_string(dir.path().join(name)).expect("a header");
    assert!(!header("plain.h").contains("interrupt"));
    assert!(header("polling.h").contains("void pal_polling_interrupt(struct polling *);"));
}
