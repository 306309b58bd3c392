//! Calls that are more than a call of a known function: tail calls, which leave nothing on the stack, and calls of
//! typed references, which check nothing.

#[path = "../support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::process::Command;
use support::{Machine, check_c, compile_wat, every_machine, expect_good, machines, run, scratch};

/// Compiles the modules, links them with the host's C code, and expects it to be content.
fn check(machine: &Machine, c: &str, modules: &[(&str, &str)]) {
    let dir = scratch();
    let objects: Vec<PathBuf> =
        modules.iter().map(|(name, text)| compile_wat(machine, dir.path(), name, text)).collect();
    check_c(machine, dir.path(), c, &objects, &[]);
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
        expect_good(&machine, &program);
    }
}

/// So many parameters that a thunk in front of C can't tell from its frame pointer how far down its stack goes.
const WIDE: usize = 36;

/// Fills in what depends on the number of parameters: their types, sums and values, in wasm or C.
fn widen(text: &str, is_c: bool) -> String {
    const TYPES: [(&str, &str, &str); 4] = [
        ("i32", "int32_t", "f64.convert_i32_s"),
        ("i64", "int64_t", "f64.convert_i64_s"),
        ("f32", "float", "f64.promote_f32"),
        ("f64", "double", ""),
    ];
    let types = || (0..WIDE).map(|i| TYPES[i % TYPES.len()]);
    let values: Vec<String> = (1..=WIDE).map(|i| i.to_string()).collect();
    // Different weights, so that none may take another's place.
    let total: usize = (1..=WIDE).map(|i| i * (i + 2)).sum();
    if is_c {
        let params: Vec<_> = types().enumerate().map(|(i, (_, ty, _))| format!("{ty} a{i}")).collect();
        let sum: Vec<_> = (0..WIDE).map(|i| format!("{} * (double)a{i}", i + 3)).collect();
        return (text.replace("PARAMS", &params.join(", ")).replace("SUM", &sum.join(" + ")))
            .replace("VALUES", &values.join(", "))
            .replace("TOTAL", &total.to_string());
    }
    let params: Vec<_> = types().map(|(ty, ..)| ty.to_owned()).collect();
    let one = |(i, (ty, _, convert)): (usize, (&str, &str, &str))| {
        let value = if ty == "f64" { format!("(local.get {i})") } else { format!("({convert} (local.get {i}))") };
        format!("(f64.mul (f64.const {}) {value})", i + 3)
    };
    let (mut sum, mut terms) = (String::new(), types().enumerate().map(one));
    sum.extend(terms.next());
    terms.for_each(|term| sum = format!("(f64.add {sum} {term})"));
    let sum = sum.trim_start_matches('(').strip_suffix(')').expect("a sum").to_owned();
    let args: Vec<_> = types().zip(&values).map(|((ty, ..), value)| format!("({ty}.const {value})")).collect();
    (text.replace("WIDE", &params.join(" ")).replace("SUM", &sum)).replace("ARGS", &args.join(" "))
}

/// Linked by a compiler that knows all modules, and by one that knew only the one.
#[test]
fn imported_functions_are_entered_alike_whoever_provides_them() {
    let [there, here] = [include_str!("there.wat"), include_str!("here.wat")].map(|text| widen(text, false));
    let c = widen(include_str!("entered.c"), true);
    for machine in every_machine() {
        check(&machine, &c, &[("there", &there), ("here", &here)]);
        let dir = scratch();
        for (name, text) in [("there.wat", &there), ("here.wat", &here), ("entered.c", &c)] {
            support::write(dir.path(), name, text);
        }
        support::write(dir.path(), "check.h", include_str!("../support/check.h"));
        let mut palisade = machine.palisade();
        run(palisade.args(["there.wat", "here.wat", "entered.c", "-o", "app"]).current_dir(dir.path())).expect(0);
        expect_good(&machine, &dir.path().join("app"));
        let report = run(machine.command(&dir.path().join("app")).arg("uncaught")).stderr();
        let way = ["fail_there", "fail_here", "chain", "along"].map(|name| report.find(name));
        assert!(way.iter().all(Option::is_some) && way.is_sorted(), "{}: {report}", machine.triple);
    }
}

/// More imported functions than are entered from the place of a call: those behind have a thunk that asks whose they are.
#[test]
fn functions_behind_the_thousandth_import_are_called_alike() {
    let one = r#"(import "few" "f" (func (param i32) (result i32)))"#.repeat(1005);
    let call = |index: u32| format!("(call {index} (i32.const {index}))");
    let many = format!(
        r#"(module {one} (import "env" "g" (func $g (param i32) (result i32)))
             (table funcref (elem 0 1004 $g))
             (global $mine (mut i32) (i32.const 7))
             (func (export "all") (result i32)
               (i32.add (i32.add {} {}) (i32.add {} {})) (i32.add (global.get $mine)))
             (func (export "host") (param i32) (result i32)
               (i32.add (call $g (local.get 0)) (global.get $mine)))
             (func (export "by_table") (param i32 i32) (result i32)
               (i32.add (call_indirect (param i32) (result i32) (local.get 0) (local.get 1)) (global.get $mine))))"#,
        call(0),
        call(999),
        call(1000),
        call(1004)
    );
    let few = r#"(module (global $calls (mut i32) (i32.const 0))
        (func (export "f") (param i32) (result i32)
          (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
          (i32.add (i32.mul (local.get 0) (i32.const 2)) (global.get $calls))))"#;
    let c = r#"
        #include "few.h"
        #include "many.h"
        #include "check.h"
        struct env { int32_t more; };
        int32_t env_g(struct env *env, int32_t x) { return x + env->more; }
        int main(void)
        {
            struct env env = { 100 };
            struct few *few;
            struct many *many;
            CHECK(pal_few_instantiate(&few) == PAL_TRAP_NONE);
            CHECK(pal_many_instantiate(&many, few, &env) == PAL_TRAP_NONE);
            CHECK(many_all(many) == 2 * (999 + 1000 + 1004) + 1 + 2 + 3 + 4 + 7);
            CHECK(many_host(many, 5) == 112);
            CHECK(many_by_table(many, 10, 0) == 20 + 5 + 7 && many_by_table(many, 10, 1) == 20 + 6 + 7);
            CHECK(many_by_table(many, 10, 2) == 117);
            puts("all good");
            return 0;
        }"#;
    for machine in machines() {
        check(&machine, c, &[("few", few), ("many", &many)]);
    }
}
