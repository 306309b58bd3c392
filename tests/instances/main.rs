//! Instances keep to themselves: whoever calls whom, through tables, imports or the host, and however the call ends,
//! the caller goes on with its own memory and globals.

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

/// The memories of the actors: their own, guarded (the pinned register is its base); another module's; their second
/// one, with checks.
#[test]
fn random_chains_of_calls_leave_every_instance_on_its_memory() {
    let actor = |memory| include_str!("actor.wat").replace("MEMORY", memory);
    let own = actor(r#"(memory $m (export "memory") 1 20)"#);
    let sharing = actor(r#"(import "hub" "memory" (memory $m 1 3000))"#);
    let second = actor(r#"(memory $first 1) (memory $m 1 3000)"#);
    let modules = [
        ("hub", include_str!("hub.wat")),
        ("own", &own),
        ("sharing", &sharing),
        ("second", &second),
        ("bare", include_str!("bare.wat")),
    ];
    for machine in machines() {
        check(&machine, include_str!("actors.c"), &modules);
    }
}

#[test]
fn linked_modules_call_each_other_and_the_host() {
    let modules = [("left", include_str!("left.wat")), ("right", include_str!("right.wat"))];
    for machine in machines() {
        check(&machine, include_str!("pair.c"), &modules);
    }
}
