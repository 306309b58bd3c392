//! The optimization passes: each does to machine code what its file says, and no program can tell.

mod support;

use palisade::Options;
use palisade::optimize::{Disabled, PASSES};
use support::{compile_wat, link_c, machines, run, scratch};

/// Machine code of a module for x86-64, with or without a pass.
fn assembly(wat: &str, without: Option<&str>) -> String {
    let mut options = Options::new("m");
    options.target = palisade::Target::parse("x86_64-unknown-linux-gnu").expect("a target");
    let mut disabled = Disabled::default();
    assert!(without.is_none_or(|name| disabled.add(name)), "there is a pass {without:?}");
    options.disabled_passes = disabled;
    palisade::assembly(wat.as_bytes(), &options).expect("it compiles")
}

#[test]
fn unknown_passes_are_refused_and_known_ones_are_not() {
    assert!(!Disabled::default().add("no-such-pass"));
    for pass in PASSES {
        assert!(Disabled::default().add(pass.name), "{}", pass.name);
    }
}

/// A loop as LLVM makes it, which tests the counter's new value: Cranelift moves the test to the old one.
const COUNTED: &str = r#"(module (memory 1) (func (export "f") (local $i i32)
  (loop $again
    (i32.store (local.get $i) (i32.const 7))
    (br_if $again (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const 8))) (i32.const 800))))))"#;

#[test]
fn loop_test_saves_the_copy_of_the_counter() {
    let instructions = |text: &str| text.lines().filter(|l| l.starts_with("  ")).count();
    let (with, without) = (assembly(COUNTED, None), assembly(COUNTED, Some("loop-test")));
    // The copy's block is empty then, and its jump not emitted.
    assert_eq!(instructions(&with) + 1, instructions(&without), "{with}{without}");
    assert!(with.contains("$0x320,") && without.contains("$0x318,"), "{with}{without}");
}

/// Counts iterations of loops that test the old or the new counter, against a constant or a parameter, upwards,
/// downwards and across the wrap; each stops after 1000 rounds at most.
fn counting_loop(name: &str, start: u32, step: u32, limit: &str, old: bool) -> String {
    let (before, after) = ("(local.set $o (local.get $i))", "(local.get $o)");
    let tested = if old { after } else { "(local.get $i)" };
    format!(
        r#"(func (export "{name}") (param $n i32) (result i32) (local $i i32) (local $o i32) (local $rounds i32)
  (local.set $i (i32.const {start}))
  (block $out (loop $again
    (br_if $out (i32.gt_u (local.tee $rounds (i32.add (local.get $rounds) (i32.const 1))) (i32.const 1000)))
    {before}
    (local.set $i (i32.add (i32.const {step}) (local.get $i)))
    (br_if $again (i32.ne {tested} {limit}))))
  (i32.add (local.get $rounds) (i32.mul (local.get $i) (i32.const 65537))))"#
    )
}

fn rounds(start: u32, step: u32, limit: u32, old: bool) -> u32 {
    let (mut i, mut rounds) = (start, 0u32);
    loop {
        rounds += 1;
        if rounds > 1000 {
            break;
        }
        let before = i;
        i = i.wrapping_add(step);
        if (if old { before } else { i }) == limit {
            break;
        }
    }
    rounds.wrapping_add(i.wrapping_mul(65537))
}

#[test]
fn loop_test_changes_no_result() {
    let cases = [(0, 8, 800), (100, u32::MAX, 0), (0xffff_fff0, 16, 32), (1, 2, 100), (5, 0, 5), (7, 0x8000_0001, 9)];
    let (mut functions, mut checks) = (String::new(), String::new());
    for (number, (start, step, limit)) in cases.into_iter().enumerate() {
        for old in [false, true] {
            for (kind, text) in [("constant", format!("(i32.const {limit})")), ("given", "(local.get $n)".into())] {
                let name = format!("{kind}{number}{old}");
                functions += &counting_loop(&name, start, step, &text, old);
                let expected = rounds(start, step, limit, old);
                checks += &format!("\tif ((uint32_t)m_{name}(m, {limit}u) != {expected}u)\n\t\tputs(\"{name}\");\n");
            }
        }
    }
    let host = format!(
        "#include \"m.h\"\n#include <stdio.h>\nint main(void)\n{{\n\tstruct m *m;\n\
         \tif (pal_m_instantiate(&m) != PAL_TRAP_NONE)\n\t\treturn 1;\n{checks}\tpal_m_free(m);\n\treturn 0;\n}}\n"
    );
    for machine in machines() {
        let dir = scratch();
        let object = compile_wat(&machine, dir.path(), "m", &format!("(module {functions})"));
        let program = link_c(&machine, dir.path(), &host, &[object], &[]);
        assert_eq!(run(&mut machine.command(&program)).expect(0).stdout(), "");
    }
}
