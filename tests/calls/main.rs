//! Calls that are more than a call of a known function: tail calls, which leave nothing on the stack, and calls of
//! typed references, which check nothing.

#[path = "../support/mod.rs"]
mod support;

use std::path::PathBuf;
use support::{Machine, compile_wat, link_c, machines, run, scratch};

/// Compiles the modules, links them with the host's C code, and expects it to be content.
fn check(machine: &Machine, c: &str, modules: &[(&str, &str)]) {
    let dir = scratch();
    let objects: Vec<PathBuf> =
        modules.iter().map(|(name, text)| compile_wat(machine, dir.path(), name, text)).collect();
    let program = link_c(machine, dir.path(), c, &objects, &[]);
    let ran = run(&mut machine.command(&program)).expect(0);
    assert_eq!(ran.stdout(), "all good\n", "{}", machine.triple);
}

#[test]
fn a_hundred_million_tail_calls_need_no_stack() {
    for machine in machines() {
        check(&machine, include_str!("counting.c"), &[("counting", include_str!("counting.wat"))]);
    }
}
