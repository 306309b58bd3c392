//! Proposals: each has a switch of its name, which makes the difference for a module that uses it; branch hints move
//! code.

mod support;

use palisade::Options;
use palisade::read::FEATURES;
use support::{PALISADE, run};

/// For each proposal a module that uses it.
const MODULES: &[(&str, &str)] = &[
    ("mutable-globals", r#"(global (export "g") (mut i32) (i32.const 0))"#),
    ("nontrapping-fptoint", "(func (drop (i32.trunc_sat_f32_s (f32.const 1))))"),
    ("sign-extension", "(func (drop (i32.extend8_s (i32.const 1))))"),
    ("reference-types", "(func (param externref))"),
    ("multi-value", "(func (result i32 i32) (i32.const 1) (i32.const 2))"),
    ("bulk-memory", "(memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)))"),
    ("extended-const", "(global i32 (i32.add (i32.const 1) (i32.const 2)))"),
    ("multi-memory", "(memory 1) (memory 1)"),
    ("memory64", "(memory i64 1)"),
    ("compact-import-section", r#"(import "m" (item "a") (item "b") (func))"#),
    ("custom-page-sizes", "(memory 1 (pagesize 1))"),
    ("wide-arithmetic", "(func (result i64 i64) (i64.add128 (i64.const 1) (i64.const 2) (i64.const 3) (i64.const 4)))"),
    ("simd", "(func (drop (i32x4.splat (i32.const 1))))"),
    ("relaxed-simd", "(func (param v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 0))))"),
    ("tail-call", "(func (return_call 0))"),
    ("threads", "(memory 1 1) (func (drop (i32.atomic.load (i32.const 0))))"),
    ("exception-handling", "(tag) (func (throw 0))"),
    ("legacy-exceptions", "(func try catch_all end)"),
    ("function-references", "(type $f (func)) (func (param (ref $f)) (call_ref $f (local.get 0)))"),
    ("annotations", "(@custom \"a\" \"b\") (func (@b) nop)"),
    ("gc", "(type (struct))"),
    ("memory-control", "(memory 1) (func (memory.discard (i32.const 0) (i32.const 0)))"),
];

fn options(name: &str, on: bool) -> Options {
    let mut options = Options::new("m");
    assert!(options.features.set(name, on), "there is a feature {name}");
    options
}

#[test]
fn each_proposal_is_switched_by_its_name() {
    for feature in FEATURES {
        if feature.name == "branch-hinting" {
            continue; // no module needs it: below
        }
        let module = MODULES.iter().find(|(name, _)| *name == feature.name);
        let (_, fields) = module.unwrap_or_else(|| panic!("{} has no module here", feature.name));
        let text = format!("(module {fields})");
        let compile = |on| palisade::compile(text.as_bytes(), &options(feature.name, on)).map(|_| ());
        let refused = compile(false).expect_err(feature.name);
        assert!(!refused.is_unsupported(), "{}: {refused}", feature.name);
        match compile(true) {
            Ok(()) => assert!(feature.compiled, "{} is compiled", feature.name),
            Err(e) => assert!(!feature.compiled && e.is_unsupported(), "{}: {e}", feature.name),
        }
    }
    assert!(MODULES.iter().all(|(name, _)| FEATURES.iter().any(|f| f.name == *name)));
}

#[test]
fn the_command_lists_and_takes_them() {
    let listed = run(std::process::Command::new(PALISADE).args(["--print", "features"])).expect(0).stdout();
    let names: Vec<_> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names, FEATURES.iter().map(|f| f.name).collect::<Vec<_>>());
    for name in names {
        for switch in ["enable", "disable"] {
            let on = if switch == "enable" { "on" } else { "off" };
            let mut command = std::process::Command::new(PALISADE);
            command.arg(format!("--{switch}-{name}")).args(["--print", "features"]);
            let listed = run(&mut command).expect(0).stdout();
            let line = listed.lines().find(|line| line.starts_with(&format!("{name} "))).expect("it is listed");
            assert_eq!(line.split_whitespace().nth(1), Some(on), "{line}");
        }
    }
}

/// Where in the code of a function, by its text, two constants stand.
fn order(wat: &str, hinting: bool) -> bool {
    let mut options = options("branch-hinting", hinting);
    options.target = palisade::Target::parse("x86_64-unknown-linux-gnu").expect("a target");
    let assembly = palisade::assembly(wat.as_bytes(), &options).expect("it compiles");
    let place = |constant| assembly.find(constant).unwrap_or_else(|| panic!("{constant} in {assembly}"));
    place("0x1111") < place("0x2222")
}

/// A function that stores 0x1111 in one arm or block and 0x2222 in the other.
fn function(body: &str) -> String {
    format!(
        r#"(module (memory 1) (global $g (export "g") (mut i32) (i32.const 0)) (func (export "f") (param i32) {body}))"#
    )
}

const FIRST: &str = "(global.set $g (i32.const 0x1111))";
const SECOND: &str = "(global.set $g (i32.const 0x2222))";

#[test]
fn unlikely_code_goes_to_the_end() {
    let hint = |taken: bool| format!("(@metadata.code.branch_hint \"\\0{}\")", u8::from(taken));
    let if_else = |hint: &str| function(&format!("local.get 0 {hint} if {FIRST} else {SECOND} end"));
    let br_if = |hint: &str| function(&format!("(block $out local.get 0 {hint} br_if $out {FIRST} return) {SECOND}"));
    let nested = |hint: &str| {
        let inner = format!("(if (local.get 0) (then {FIRST}) (else (drop (memory.grow (i32.const 1)))))");
        function(&format!("local.get 0 {hint} if (loop {inner}) end {SECOND}"))
    };
    // Which of the two comes first where the branch is likely, and where it is unlikely.
    type Text<'a> = &'a dyn Fn(&str) -> String;
    let cases: [(&str, Text<'_>, bool, bool); 3] =
        [("if", &if_else, true, false), ("br_if", &br_if, false, true), ("nested", &nested, true, false)];
    for (what, text, likely, unlikely) in cases {
        assert_eq!(order(&text(&hint(true)), true), likely, "{what}, likely");
        assert_eq!(order(&text(&hint(false)), true), unlikely, "{what}, unlikely");
        let without = order(&text(""), true);
        for taken in [false, true] {
            assert_eq!(order(&text(&hint(taken)), false), without, "{what}, hints disabled");
        }
    }
}

/// Whatever is in the section, the module is compiled.
#[test]
fn broken_hints_are_ignored() {
    let plain = wat::parse_str(function(&format!("local.get 0 if {FIRST} else {SECOND} end"))).expect("our own text");
    let code = |wasm: &[u8]| palisade::assembly(wasm, &Options::new("m")).expect("it compiles");
    let sections: [&[u8]; 7] = [
        b"",                                     // no count
        b"\x01\x00\x01\x05\x02\x00",             // a hint of two bytes, one missing
        b"\x01\x00\x01\x05\x01\x02",             // neither likely nor unlikely
        b"\x01\x63\x01\x05\x01\x00",             // no such function
        b"\x01\x00\x01\x7f\x01\x00",             // behind the function's end
        b"\x01\x00\x02\x01\x01\x00\x01\x01\x01", // in front of all code, and twice
        b"\x01\x00\x01\x05\x01\x00\x00",         // more than it says
    ];
    for section in sections {
        let mut content = vec![25];
        content.extend(b"metadata.code.branch_hint");
        content.extend(section);
        let mut wasm = plain[..8].to_vec();
        wasm.extend([0, content.len() as u8]);
        wasm.extend(&content);
        wasm.extend(&plain[8..]);
        assert_eq!(without_offsets(&code(&wasm)), without_offsets(&code(&plain)), "{section:?}");
    }
}

/// Instructions only.
fn without_offsets(assembly: &str) -> Vec<&str> {
    assembly.lines().map(|line| line.split(';').next().unwrap_or_default().trim()).collect()
}
