//! Traps: what an executable reports, and what a host sees.

#[path = "../support/mod.rs"]
mod support;

use std::process::Command;
use support::{Machine, every_machine, expect_good, link_c, run, scratch, write};

/// A function `culprit` that traps, and what the report must say.
struct Culprit {
    body: &'static str,
    /// The instruction, as the decoder calls it: the report names its offset.
    instruction: &'static str,
    reason: &'static str,
}

const fn culprit(body: &'static str, instruction: &'static str, reason: &'static str) -> Culprit {
    Culprit { body, instruction, reason }
}

const CULPRITS: &[Culprit] = &[
    culprit(
        "(drop (i32.load (i32.const 65540)))",
        "I32Load",
        "out of bounds memory access: address 0x10004 of memory 0",
    ),
    culprit(
        "(i64.store8 offset=65536 (i32.const 7) (i64.const 1))",
        "I64Store8",
        "out of bounds memory access: address 0x10007",
    ),
    culprit("(drop (f64.load offset=4294967295 (i32.const -1)))", "F64Load", "out of bounds memory access"),
    culprit("(drop (i32.load8_u $second (i32.const 131072)))", "I32Load8U", "out of bounds memory access"),
    culprit(
        "(memory.fill (i32.const 65000) (i32.const 1) (i32.const 1000))",
        "MemoryFill",
        "out of bounds memory access",
    ),
    culprit("(memory.copy (i32.const 0) (i32.const 65536) (i32.const 1))", "MemoryCopy", "out of bounds memory access"),
    culprit(
        "(memory.init $data (i32.const 0) (i32.const 3) (i32.const 2))",
        "MemoryInit",
        "out of bounds memory access",
    ),
    culprit("(drop (table.get $table (i32.const 10)))", "TableGet", "out of bounds table access"),
    culprit("(table.set $table (i32.const -1) (ref.null func))", "TableSet", "out of bounds table access"),
    culprit("(table.copy (i32.const 9) (i32.const 0) (i32.const 2))", "TableCopy", "out of bounds table access"),
    culprit("(call_indirect (i32.const 10))", "CallIndirect", "out of bounds table access"),
    culprit("(call_indirect (i32.const 5))", "CallIndirect", "uninitialized element"),
    culprit("(call_indirect (param i32) (i32.const 1) (i32.const 0))", "CallIndirect", "indirect call type mismatch"),
    culprit("(drop (i32.div_s (i32.const 1) (global.get $zero)))", "I32DivS", "integer divide by zero"),
    culprit(
        "(drop (i64.rem_u (i64.const 1) (i64.extend_i32_u (global.get $zero))))",
        "I64RemU",
        "integer divide by zero",
    ),
    culprit(
        "(drop (i64.div_s (i64.const -9223372036854775808) (i64.sub (i64.extend_i32_u (global.get $zero)) (i64.const 1))))",
        "I64DivS",
        "integer overflow",
    ),
    culprit("(drop (i32.trunc_f64_u (f64.const 4294967296)))", "I32TruncF64U", "integer overflow"),
    culprit("(drop (i64.trunc_f32_s (f32.const nan)))", "I64TruncF32S", "invalid conversion to integer"),
    culprit("unreachable", "Unreachable", "unreachable"),
];

fn module(body: &str) -> String {
    format!(
        r#"(module
             (memory (export "memory") 1)
             (memory $second 2)
             (data $data "1234")
             (table $table 10 funcref)
             (elem (i32.const 0) $nothing)
             (global $zero (mut i32) (i32.const 0))
             (func $idle (call $busy))
             (func $nothing)
             (func $culprit {body})
             (func $busy (call $idle) (unreachable))
             (func $caller (call $culprit))
             (func $last unreachable)
             (func (export "_start") (call $caller)))"#
    )
}

/// Offset in the file of the first such instruction.
fn offset_of(wasm: &[u8], instruction: &str) -> u64 {
    for payload in wasmparser::Parser::new(0).parse_all(wasm) {
        let wasmparser::Payload::CodeSectionEntry(body) = payload.expect("our own module") else { continue };
        let operators = body.get_operators_reader().expect("operators").into_iter_with_offsets();
        for (operator, offset) in operators.map(|o| o.expect("our own module")) {
            let text = format!("{operator:?}");
            if text.split(|c: char| !c.is_alphanumeric()).next() == Some(instruction) {
                return offset;
            }
        }
    }
    panic!("no {instruction}");
}

#[test]
fn an_executable_reports_its_trap_with_reason_and_place() {
    for machine in every_machine() {
        let dir = scratch();
        for culprit in CULPRITS {
            let wasm = wat::parse_str(module(culprit.body)).expect(culprit.body);
            let program = executable(&machine, dir.path(), &wasm);
            let ran = run(&mut machine.command(&program)).expect(134);
            let report = ran.stderr();
            let mut lines = report.lines();
            let reason = format!("palisade: trap: {}", culprit.reason);
            assert!(lines.next().is_some_and(|l| l.starts_with(&reason)), "{}: {report}", culprit.body);
            let place = format!("app!culprit at {:#x}", offset_of(&wasm, culprit.instruction));
            assert!(lines.next().is_some_and(|l| l.ends_with(&place)), "no {place:?} for {}: {report}", culprit.body);
            assert!(lines.next().is_some_and(|l| l.contains("app!caller at 0x")), "{}: {report}", culprit.body);
            assert_eq!(ran.stdout(), "");
        }
    }
}

fn executable(machine: &Machine, dir: &std::path::Path, wasm: &[u8]) -> std::path::PathBuf {
    executable_with(machine, dir, wasm, &[])
}

fn executable_with(machine: &Machine, dir: &std::path::Path, wasm: &[u8], args: &[&str]) -> std::path::PathBuf {
    let module = write(dir, "app.wasm", wasm);
    let program = dir.join("app");
    run(machine.palisade().args(args).arg(module).arg("-o").arg(&program)).expect(0);
    program
}

/// What the compiler says that it inlined.
fn inlined(dir: &std::path::Path, wasm: &[u8]) -> String {
    let module = write(dir, "app.wasm", wasm);
    let said =
        run(Machine::host().palisade().arg("-vc").arg(module).arg("-o").arg(dir.join("app.o"))).expect(0).stderr();
    said.lines().find(|line| line.contains("inline: ")).unwrap_or_default().to_owned()
}

/// Functions that are inlined, one in a loop of the other's caller; which of them traps depends on the arguments.
const INLINED: &str = r#"(module (memory 1) (global $zero (mut i32) (i32.const 0))
  (func $quotient (param $a i32) (param $b i32) (result i32) (i32.div_s (local.get $a) (local.get $b)))
  (func $sum (param $from i32) (param $n i32) (result i32) (local $sum i32)
    (loop $again
      (local.set $sum (i32.add (local.get $sum) (i32.load (local.get $from))))
      (local.set $from (i32.add (local.get $from) (i32.const 4)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))
  (func $all (param $a i32) (param $b i32) (param $from i32) (result i32) (local $i i32) (local $all i32)
    (local.set $all (call $quotient (local.get $a) (local.get $b)))
    (loop $again
      (local.set $all (i32.add (call $sum (local.get $from) (i32.const 10)) (local.get $all)))
      (local.set $all (i32.add (call $quotient (local.get $all) (i32.sub (local.get $i) (i32.const 5))) (local.get $all)))
      (local.set $from (i32.add (local.get $from) (i32.const 3)))
      (br_if $again (i32.lt_s (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 8))))
    (local.get $all))
  (func (export "_start") (drop (call $all ARGUMENTS)) unreachable))"#;

#[test]
fn reports_do_not_show_what_was_inlined() {
    // A division in front of the loop, a load at its second turn, a division at its sixth.
    let cases = [
        ("(i32.const 1) (i32.const 0) (i32.const 0)", "integer divide by zero", "quotient"),
        ("(i32.const 1) (i32.const 1) (i32.const 65495)", "out of bounds memory access: address 0x", "sum"),
        ("(i32.const 1) (i32.const 1) (i32.const 0)", "integer divide by zero", "quotient"),
    ];
    for machine in every_machine() {
        for (arguments, reason, function) in cases {
            let dir = scratch();
            let wasm = wat::parse_str(INLINED.replace("ARGUMENTS", arguments)).expect(arguments);
            let report = |args: &[&str]| {
                let program = executable_with(&machine, dir.path(), &wasm, args);
                run(&mut machine.command(&program)).expect(134).stderr()
            };
            let shown = report(&[]);
            assert!(inlined(dir.path(), &wasm).ends_with("inline: 3 calls"), "those of all");
            assert_eq!(shown, report(&["--disable-pass", "inline"]));
            let names = format!("palisade: trap: {reason}");
            assert!(shown.starts_with(&names) && shown.lines().count() == 4, "{shown}");
            assert!(shown.lines().nth(1).is_some_and(|l| l.contains(&format!("app!{function} at 0x"))), "{shown}");
        }
    }
}

#[test]
fn endless_recursion_is_a_trap() {
    let body = "(call $culprit) (global.set $zero (i32.const 1))";
    for machine in every_machine() {
        let dir = scratch();
        let program = executable(&machine, dir.path(), &wat::parse_str(module(body)).expect(body));
        let ran = run(&mut machine.command(&program)).expect(134);
        assert!(ran.stderr().starts_with("palisade: trap: call stack exhausted"), "{}", ran.stderr());
        assert!(ran.stderr().contains("app!culprit"), "{}", ran.stderr());
        assert!(ran.stderr().lines().count() < 100, "a short backtrace: {}", ran.stderr());
    }
}

#[test]
fn functions_without_names_go_by_their_exports_or_numbers() {
    let wasm = wat::parse_str(r#"(module (func) (func unreachable) (func (export "_start") (call 1)))"#).expect("text");
    let dir = scratch();
    let machine = Machine::host();
    let program = executable(&machine, dir.path(), &wasm);
    let ran = run(&mut machine.command(&program)).expect(134);
    assert!(ran.stderr().contains("app!func[1] at 0x"), "{}", ran.stderr());
    assert!(ran.stderr().contains("app!_start at 0x"), "{}", ran.stderr());
}

#[test]
fn a_trap_in_the_start_function_is_reported() {
    let dir = scratch();
    for machine in every_machine() {
        let text = r#"(module (func $boot unreachable) (start $boot) (func (export "_start")))"#;
        let program = executable(&machine, dir.path(), &wat::parse_str(text).expect("text"));
        let ran = run(&mut machine.command(&program)).expect(134);
        assert!(ran.stderr().starts_with("palisade: trap: unreachable"), "{}", ran.stderr());
        assert!(ran.stderr().contains("app!boot"), "{}", ran.stderr());
    }
}

#[test]
fn hosts_catch_traps_with_pal_try() {
    for machine in every_machine() {
        let dir = scratch();
        let object = support::compile_wat(&machine, dir.path(), "lib", include_str!("host.wat"));
        let program = link_c(&machine, dir.path(), include_str!("host.c"), &[object], &[]);
        expect_good(&machine, &program);
        // Without a pal_try the report is printed and the process aborts.
        let ran = run(machine.command(&program).arg("uncaught")).expect(134);
        assert!(ran.stderr().starts_with("palisade: trap: integer divide by zero"), "{}", ran.stderr());
        assert!(ran.stderr().contains("lib!div at 0x"), "{}", ran.stderr());
    }
}

#[test]
fn cxx_exceptions_pass_through_wasm() {
    for machine in every_machine() {
        let cxx = machine.cxx();
        if !support::need("C++ exceptions through wasm", &[&cxx]) {
            continue;
        }
        let dir = scratch();
        let object = support::compile_wat(&machine, dir.path(), "lib", include_str!("host.wat"));
        let program = dir.path().join("program");
        let mut command = Command::new(cxx);
        command.args(&machine.cc[1..]).args(["-std=c++17", "-Wall", "-Wextra", "-Werror", "-I"]);
        command.arg(support::root().join("include")).arg("-I").arg(dir.path());
        command.arg(support::root().join("tests/traps/exception.cpp")).arg(object).arg(machine.runtime());
        run(command.args(["-pthread", "-o"]).arg(&program)).expect(0);
        expect_good(&machine, &program);
    }
}
