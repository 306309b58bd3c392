//! Code for Windows, run by wine: a caller in C finds its registers again through the unwind tables, from the depth of
//! a function that wasm calls.

#[path = "../support/mod.rs"]
mod support;

use support::{Machine, compile_wat, need, root, run, scratch};

/// The frame of `few` is moved by its tail call, and its caller's stack pointer is off by what that has taken.
const MODULE: &str = r#"(module
    (import "env" "look" (func $look (param i32) (result i32)))
    (memory 1)
    (func $many (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64) (result i64)
      (i64.extend_i32_u (call $look (i32.wrap_i64 (local.get 9)))))
    (func $few (param i64) (result i64)
      (local.get 0) (local.get 0) (local.get 0) (local.get 0) (local.get 0) (local.get 0) (local.get 0) (local.get 0)
      (local.get 0) (local.get 0) (return_call $many))
    (func (export "go") (param i64) (result i64) (local $a i64) (local $b i64)
      (local.set $a (i64.mul (local.get 0) (i64.const 12345)))
      (local.set $b (i64.mul (local.get 0) (i64.const 45)))
      (i64.add
        (i64.add (call $few (local.get 0)) (call $few (i64.add (local.get $a) (local.get 0))))
        (i64.add (local.get $a) (local.get $b)))))"#;

#[test]
fn frames_are_unwound_under_wine() {
    if !need("Windows", &["x86_64-w64-mingw32-gcc", "wine"]) {
        return;
    }
    let machine = Machine {
        triple: "x86_64-pc-windows-gnu".into(),
        cc: vec!["x86_64-w64-mingw32-gcc".into()],
        runner: vec!["wine".into()],
        cpu: "baseline".into(),
        harden: palisade::Harden::default(),
        level: "2",
    };
    let dir = scratch();
    let object = compile_wat(&machine, dir.path(), "lib", MODULE);
    let program = dir.path().join("unwind.exe");
    let mut cc = machine.compiler();
    cc.arg("-I").arg(dir.path()).arg("-O1").arg(root().join("tests/windows/unwind.c"));
    run(cc.arg(object).arg(machine.runtime()).arg("-o").arg(&program)).expect(0);
    let ran = run(machine.command(&program).env("WINEDEBUG", "-all")).expect(0);
    // 7 + (7 · 12345 + 7) + 7 · 12345 + 7 · 45
    assert_eq!(ran.stdout().replace('\r', ""), "173159, seen twice\n");
}
