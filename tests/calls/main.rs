//! Calls that are more than a call of a known function: tail calls, which leave nothing on the stack, and calls of
//! typed references, which check nothing.

#[path = "../support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::process::Command;
use support::{Machine, compile_wat, every_machine, link_c, machines, run, scratch};

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

#[test]
fn arguments_and_registers_of_c_are_where_it_looks_for_them() {
    let numbers = || (0..40).map(|i| i * 8);
    let loads: String = numbers().map(|at| format!("(f64.load (i32.const {at}))")).collect();
    let busy = loads.clone() + &loads + &"f64.add ".repeat(79);
    let text = include_str!("registers.wat").replace("BUSY", &busy);
    for machine in every_machine() {
        check(&machine, include_str!("registers.c"), &[("registers", &text)]);
    }
}

/// Threaded code as interpreters have it, made by a C compiler.
#[test]
fn a_threaded_interpreter_runs_a_hundred_million_instructions() {
    if !support::need_python("a threaded interpreter", "ziglang") {
        return;
    }
    let dir = scratch();
    let module = dir.path().join("interpreter.wasm");
    let mut zig = Command::new("python3");
    zig.args(["-m", "ziglang", "cc", "-target", "wasm32-wasi", "-mcpu=generic+tail_call", "-O2", "-s"]);
    zig.args(["-Wl,-z,stack-size=65536", "-o"]).arg(&module).arg(support::root().join("tests/calls/interpreter.c"));
    run(&mut zig).expect(0);
    // 191 × 2¹⁷ times four instructions, and those before and behind.
    let n = 191u64 << 17;
    let expected = format!("{} steps, 0 on top, {} below\n{n} calls\n", 4 * n + 2 + 34, n * (n + 1) / 2);
    for machine in machines() {
        let program = dir.path().join(format!("program-{}", machine.triple));
        run(machine.palisade().arg(&module).args(["--stack-size", "131072", "-o"]).arg(&program)).expect(0);
        assert_eq!(run(&mut machine.command(&program)).expect(0).stdout(), expected, "{}", machine.triple);
    }
}

#[test]
fn a_tail_call_into_another_instance_returns_to_the_callers_own() {
    let modules = [("far", include_str!("far.wat")), ("near", include_str!("near.wat"))];
    for machine in machines() {
        check(&machine, include_str!("relay.c"), &modules);
    }
}

#[test]
fn no_reference_of_another_type_gets_past_a_typed_place() {
    let funcrefs = r#"(module (import "env" "table" (table 1 funcref)))"#;
    let modules =
        [("source", include_str!("source.wat")), ("typed", include_str!("typed.wat")), ("funcrefs", funcrefs)];
    for machine in machines() {
        check(&machine, include_str!("typed.c"), &modules);
    }
}

/// A module that provides a table, a global and a function of typed references, modules that want something else, and
/// what the error says.
#[test]
fn modules_that_disagree_about_types_are_told_so() {
    let given = r#"(module
        (type $f (sub (func (param i32))))
        (rec (type $pair (func (param i64))) (type (func)))
        (table (export "table") 1 (ref null $f))
        (global (export "constant") (ref null $f) (ref.null $f))
        (global (export "variable") (mut (ref null $f)) (ref.null $f))
        (func (export "function") (type $f))
        (func (export "in_pair") (type $pair)))"#;
    let wants = [
        (
            r#"(type $f (sub (func (param i32)))) (import "given" "table" (table 1 (ref null $f)))
            (import "given" "constant" (global funcref)) (import "given" "function" (func (type $f)))"#,
            "",
        ),
        (
            r#"(import "given" "table" (table 1 funcref))"#,
            r#"import "given" "table": expected a table of funcref, but it is one of (ref null (i32) -> ())"#,
        ),
        (
            r#"(type $g (func (param i64))) (import "given" "table" (table 1 (ref null $g)))"#,
            r#"expected a table of (ref null (i64) -> ()), but it is one of (ref null (i32) -> ())"#,
        ),
        (
            r#"(type $f (sub (func (param i32)))) (import "given" "constant" (global (ref $f)))"#,
            r#"expected global (ref (i32) -> ()), but it is global (ref null (i32) -> ())"#,
        ),
        (
            r#"(import "given" "variable" (global (mut funcref)))"#,
            r#"expected mutable global funcref, but it is mutable global (ref null (i32) -> ())"#,
        ),
        (
            r#"(type $f (func (param i32))) (import "given" "function" (func (type $f)))"#,
            "expected function (i32) -> (), but it is function (i32) -> () of another recursion group, supertype or finality",
        ),
        (
            r#"(type $f (func (param i64))) (import "given" "in_pair" (func (type $f)))"#,
            "expected function (i64) -> (), but it is function (i64) -> () of another recursion group, supertype or finality",
        ),
    ];
    let given = ("given".to_owned(), given.to_owned());
    let wants = wants.map(|(fields, error)| (format!("(module {fields})"), error));
    let mut c = "#include <stdio.h>\n#include <string.h>\n#include \"given.h\"\n".to_owned();
    let mut body = "struct given *given;\nif (pal_given_instantiate(&given)) return 1;\n".to_owned();
    let mut modules = vec![given];
    for (at, (text, error)) in wants.into_iter().enumerate() {
        c += &format!("#include \"w{at}.h\"\n");
        body += &format!(
            "struct w{at} *w{at}; pal_trap t{at} = pal_w{at}_instantiate(&w{at}, given);\n\
             if (t{at} != {} || !strstr(t{at} ? pal_last_trap()->message : \"\", {error:?}))\n\
             \treturn puts(pal_last_trap()->message), {at} + 2;\n",
            if error.is_empty() { "PAL_TRAP_NONE" } else { "PAL_TRAP_LINK" },
        );
        modules.push((format!("w{at}"), text));
    }
    c += &format!("int main(void) {{\n{body}puts(\"all good\");\nreturn 0;\n}}\n");
    let modules: Vec<(&str, &str)> = modules.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    for machine in machines() {
        check(&machine, &c, &modules);
    }
}

/// Unwinders, too, must know that a tail call with many arguments moved its function's frame.
#[test]
fn a_c_plus_plus_exception_passes_a_frame_that_made_room_for_a_tail_call() {
    for machine in machines() {
        let cxx = machine.cxx();
        if !support::need("C++ exceptions", &[&cxx]) {
            continue;
        }
        let dir = scratch();
        let object = compile_wat(&machine, dir.path(), "through", include_str!("through.wat"));
        let program = dir.path().join("program");
        let mut command = Command::new(cxx);
        command.args(&machine.cc[1..]).args(["-std=c++17", "-O2", "-Wall", "-Wextra", "-Werror", "-I"]);
        command.arg(support::root().join("include")).arg("-I").arg(dir.path());
        command.arg(support::root().join("tests/calls/through.cpp")).arg(object).arg(machine.runtime());
        run(command.args(["-pthread", "-o"]).arg(&program)).expect(0);
        assert_eq!(run(&mut machine.command(&program)).expect(0).stdout(), "all good\n", "{}", machine.triple);
    }
}
