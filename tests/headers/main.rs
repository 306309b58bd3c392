//! Headers: valid C11 and C++17 without a warning from any compiler, the same from run to run, and names that mean what
//! they say, whatever they are.

#[path = "../support/mod.rs"]
mod support;

use std::process::Command;
use support::{AARCH64, Machine, compile_wat, machines, need, need_python, root, run, scratch, write};

const STRICT: &[&str] = &["-Wall", "-Wextra", "-pedantic", "-Wundef", "-Werror"];

/// C and C++ compilers for a machine: command, and the language's option.
fn compilers(machine: &Machine) -> Vec<(Vec<String>, &'static str)> {
    let cross = machine.cc.join(" ");
    let mut lines = if machine.is_host() { vec!["gcc", "clang", "clang-19"] } else { vec![cross.as_str()] };
    lines.retain(|line| need("headers", &line.split(' ').take(1).collect::<Vec<_>>()));
    let mut found = Vec::new();
    for line in lines {
        let cxx = line.replace("gcc", "g++").replace("clang", "clang++");
        found.push((line.to_owned(), "-std=c11"));
        found.push((line.to_owned(), "-std=gnu11"));
        found.push((cxx, "-std=c++17"));
    }
    if machine.is_host() && need_python("headers with zig cc", "ziglang") {
        found.push(("python3 -m ziglang cc".into(), "-std=c11"));
        found.push(("python3 -m ziglang c++".into(), "-std=c++17"));
    }
    found.into_iter().map(|(line, std)| (line.split(' ').map(str::to_owned).collect(), std)).collect()
}

#[test]
fn every_corner_of_naming_links_and_works() {
    for machine in machines() {
        let dir = scratch();
        let object = compile_wat(&machine, dir.path(), "corners", include_str!("corners.wat"));
        // zig would compile a C++ library of its own for minutes.
        for (line, std) in compilers(&machine).into_iter().filter(|(line, _)| !line.ends_with(&["c++".into()])) {
            let program = dir.path().join("program");
            let mut cc = Command::new(&line[0]);
            cc.args(&line[1..]).arg(std).args(STRICT).args(["-x", if std.contains("++") { "c++" } else { "c" }]);
            cc.arg(root().join("tests/headers/host.c")).args(["-x", "none", "-I"]).arg(dir.path());
            cc.arg("-I").arg(root().join("include")).arg(&object).arg(machine.runtime());
            if line.iter().any(|word| word == "ziglang") {
                cc.arg("-lunwind"); // as `palisade --print libs` says with this compiler
            }
            let compiled = run(cc.args(["-pthread", "-lm", "-o"]).arg(&program));
            assert!(compiled.ok(), "{line:?} {std}: {}", compiled.stderr());
            let ran = run(&mut machine.command(&program));
            assert_eq!((ran.status, &*ran.stdout()), (0, "all good\n"), "{line:?} {std}: {}", ran.stderr());
        }
    }
}

/// Compiles and gives the error of the header, which the object does not have.
fn header_error(text: &str) -> String {
    let options = palisade::Options::new("lib");
    let object = palisade::compile(text.as_bytes(), &options).expect("a good object");
    object.header.err().unwrap_or_else(|| panic!("a header for {text}")).to_string()
}

#[test]
fn names_that_c_cannot_tell_apart_are_an_error_that_names_both() {
    let imports = r#"(module (import "a" "b_c" (func)) (import "a_b" "c" (func)))"#;
    let error = header_error(imports);
    for part in ["a_b_c", "wasm.a.b_c", "wasm.a_b.c"] {
        assert!(error.contains(part), "{error}");
    }
    let exports = r#"(module (func (export "a.b")) (func (export "a_x2E_b")))"#;
    let error = header_error(exports);
    assert!(error.contains("wasm.lib.a$2eb") && error.contains("wasm.lib.a_x2E_b"), "{error}");
    // Two kinds of one name are no different, and neither are the module's own exports and imports.
    let error = header_error(r#"(module (import "lib" "f" (func $f)) (func (export "f") call $f))"#);
    assert!(error.contains("lib_f"), "{error}");
    // Another C name for the import module is the way out.
    let mut options = palisade::Options::new("lib");
    options.imports = vec![("a_b".into(), "other".into())];
    let header = palisade::compile(imports.as_bytes(), &options).expect("an object").header.expect("a header");
    assert!(header.contains("void a_b_c(") && header.contains("void other_c("), "{header}");
}

/// Whatever else is in reach: the same header twice, two that share imports and results, and C++'s headers.
#[test]
fn headers_stand_side_by_side() {
    let dir = scratch();
    let shared = r#"(import "env" "pair" (func (result i32 i32))) (import "env" "memory" (memory 1))"#;
    for (name, more) in [("one", ""), ("two", r#"(import "one" "f" (func (result i32 i64)))"#)] {
        let export = r#"(func (export "f") (result i32 i64) (i32.const 1) (i64.const 2))"#;
        compile_wat(&Machine::host(), dir.path(), name, &format!("(module {shared} {more} {export})"));
    }
    let c = "#include \"one.h\"\n#include \"two.h\"\n#include \"one.h\"\n";
    for (name, text) in [("a.c", c.to_owned()), ("a.cpp", format!("#include <vector>\n{c}#include <string>\n"))] {
        let source = write(dir.path(), name, text);
        for (line, std) in compilers(&Machine::host()) {
            if std.contains("++") != name.ends_with("pp") {
                continue;
            }
            let mut cc = Command::new(&line[0]);
            cc.args(&line[1..])
                .arg(std)
                .args(STRICT)
                .arg("-o")
                .arg(dir.path().join("out.o"))
                .args(["-c", "-I"])
                .arg(root().join("include"));
            let checked = run(cc.arg("-I").arg(dir.path()).arg(&source));
            assert!(checked.ok() && checked.stderr().is_empty(), "{line:?}: {}", checked.stderr());
        }
    }
}

#[test]
fn headers_are_stable_and_the_same_for_every_target() {
    let text = include_str!("corners.wat");
    let header = |triple: &str| {
        let mut options = palisade::Options::new("corners");
        options.target = palisade::Target::parse(triple).expect("a target");
        palisade::compile(text.as_bytes(), &options).expect("an object").header.expect("a header")
    };
    let first = header(AARCH64);
    assert_eq!(first, header(AARCH64));
    assert_eq!(first, header("x86_64-unknown-linux-gnu"));
    assert!(first.contains(r#"/* memory, pages: 1 to 3 */"#), "{first}");
    assert!(first.contains(r#"/* (i64 f32 externref v128) -> (i32 externref v128 f64) */"#), "{first}");
    assert!(first.contains(r#"/* "ünï": () -> (i32) */"#), "{first}");
}
