//! Instances keep to themselves: whoever calls whom, through tables, imports or the host, and however the call ends,
//! the caller goes on with its own memory and globals.

#[path = "../support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::process::Command;
use support::{Machine, compile_wat, compile_with, every_machine, link_c, run, scratch};

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
    for machine in every_machine() {
        check(&machine, include_str!("actors.c"), &modules);
    }
}

#[test]
fn linked_modules_call_each_other_and_the_host() {
    let modules = [("left", include_str!("left.wat")), ("right", include_str!("right.wat"))];
    for machine in every_machine() {
        check(&machine, include_str!("pair.c"), &modules);
    }
}

/// Calls from module to module go straight to the code, of which a module with an `auto` memory has two versions: the
/// second one where there is no room for guard pages.
#[test]
fn calls_of_another_module_enter_the_version_that_its_instance_uses() {
    let far = r#"(module (memory (export "memory") 1 2)
        (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
        (func (export "fill") (param i32 i32 i64 f64) (result i32 i64 f64 i32 i32 i64 f64)
            (i32.store (local.get 0) (local.get 1))
            (local.get 0) (local.get 2) (local.get 3) (local.get 1) (local.get 0) (local.get 2) (local.get 3)))"#;
    let near = r#"(module
        (import "far" "load" (func $load (param i32) (result i32)))
        (import "far" "fill" (func $fill (param i32 i32 i64 f64) (result i32 i64 f64 i32 i32 i64 f64)))
        (memory (export "memory") 1)
        (func (export "load") (param i32) (result i32)
            (i32.store (i32.const 0) (i32.const 7))
            (drop (call $load (i32.const 0)))
            (if (i32.ne (i32.load (i32.const 0)) (i32.const 7)) (then unreachable))
            (call $load (local.get 0)))
        (func (export "again") (param i32) (result i32) (return_call $load (local.get 0)))
        (func (export "fill") (param i32 i32 i64 f64) (result i32 i64 f64 i32 i32 i64 f64)
            (call $fill (local.get 0) (local.get 1) (local.get 2) (local.get 3))))"#;
    let host = r#"
#include "far.h"
#include "near.h"
#include "check.h"
static struct near *near;
static int32_t result, address;
static void load(void *unused) { (void)unused, result = near_load(near, address); }
static void again(void *unused) { (void)unused, result = near_again(near, address); }
int main(void)
{
	struct far *far[2];
	for (int i = 0; i < 2; i++) {
		CHECK(pal_far_instantiate(&far[i]) == PAL_TRAP_NONE && pal_near_instantiate(&near, far[i]) == PAL_TRAP_NONE);
		struct near_fill_results filled;
		near_fill(near, 65532, 40 + i, INT64_C(1) << 40, 2.5, &filled);
		CHECK(filled.r0 == 65532 && filled.r1 == INT64_C(1) << 40 && filled.r2 == 2.5 && filled.r3 == 40 + i);
		CHECK(filled.r4 == 65532 && filled.r5 == INT64_C(1) << 40 && filled.r6 == 2.5);
		address = 65532;
		CHECK(pal_try(load, NULL) == PAL_TRAP_NONE && result == 40 + i);
		CHECK(pal_try(again, NULL) == PAL_TRAP_NONE && result == 40 + i);
		for (address = 65533; address > 0; address += 1 << 28) {
			CHECK(pal_try(load, NULL) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS && pal_last_trap()->address >= (uint32_t)address);
			CHECK(pal_try(again, NULL) == PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
			if (address > 1 << 30)
				break;
		}
		pal_far_free(far[i]); /* lives on for the other */
		address = 65532;
		CHECK(pal_try(load, NULL) == PAL_TRAP_NONE && result == 40 + i);
		pal_near_free(near);
	}
	puts("all good");
	return 0;
}
"#;
    for machine in every_machine() {
        let dir = scratch();
        let objects = [("far", far, "0:mode=auto"), ("near", near, "0:mode=checked")].map(|(name, text, memory)| {
            let mut options = palisade::Options::new(name);
            options.target = machine.target();
            options.memories = vec![palisade::plan::MemorySpec::parse(memory).expect("a spec")];
            compile_with(dir.path(), &wat::parse_str(text).expect("a module"), &options)
        });
        let program = link_c(&machine, dir.path(), host, &objects, &[]);
        assert_eq!(run(&mut machine.command(&program)).expect(0).stdout(), "all good\n", "{}", machine.triple);
        if machine.is_host() {
            let mut shell = Command::new("sh");
            let ran = run(shell.args(["-c", "ulimit -v 1048576 && exec \"$0\""]).arg(&program)).expect(0);
            assert_eq!(ran.stdout(), "all good\n");
        }
    }
}
