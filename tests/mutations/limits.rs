//! Modules at the edge of what a compiler stands, each once found to be beyond it or feared to be.

use std::fmt::Write as _;

use super::mutate::leb128;
use super::{Outcome, judge, options};
use palisade::Options;

/// A module of sections (id, content).
fn module(sections: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = b"\0asm\x01\0\0\0".to_vec();
    for (id, content) in sections {
        bytes.push(*id);
        bytes.extend(leb128(content.len() as u64));
        bytes.extend(content);
    }
    bytes
}

/// A module that exports one function without parameters and results, of the given code (`end` is added).
fn function(code: &[u8]) -> Vec<u8> {
    let body = [&[0], code, &[0x0b]].concat();
    let content = [vec![1], leb128(body.len() as u64), body].concat();
    module(&[(1, vec![1, 0x60, 0, 0]), (3, vec![1, 0]), (7, vec![1, 1, b'f', 0, 0]), (10, content)])
}

#[track_caller]
fn compiles(wasm: &[u8]) {
    assert_eq!(judge(wasm, &options(1)), Ok(Outcome::Compiled));
}

#[track_caller]
fn refused(wasm: &[u8], text: &str) {
    let error = palisade::compile(wasm, &options(1)).map(|_| ()).expect_err("it is not valid");
    assert!(error.to_string().contains(text), "{error}");
}

/// `delegate` ends a `try`, also where nothing of it is compiled.
#[test]
fn dead_try_delegate() {
    // unreachable try delegate 0
    compiles(&function(&[0x00, 0x06, 0x40, 0x18, 0x00]));
    // unreachable try catch_all end
    compiles(&function(&[0x00, 0x06, 0x40, 0x19, 0x0b]));
}

/// Messages quote names, and names hold what they like.
#[test]
fn an_error_about_a_name_with_a_newline_is_one_line() {
    let wat = r#"(module (func $f) (export "two\0alines\1b" (func $f)) (export "two\0alines\1b" (func $f)))"#;
    let wasm = wat::parse_str(wat).expect("the text format does not look for duplicates");
    assert_eq!(judge(&wasm, &options(1)), Ok(Outcome::Refused));
    refused(&wasm, "two\\nlines");
}

/// 20,000 loops inside each other, each of which goes round: Cranelift's optimizer alone would take hours.
#[test]
fn loops_deep_inside_each_other() {
    let depth = 20_000;
    let open = [0x03, 0x40].repeat(depth); // loop
    let close = [0x41, 0x00, 0x0d, 0x00, 0x0b].repeat(depth); // i32.const 0 br_if 0 end
    compiles(&function(&[open, close].concat()));
}

/// A hundred tables of ten million entries, in a hundred bytes.
#[test]
fn large_tables_do_not_make_large_objects() {
    let tables = "(table 10000000 funcref)".repeat(100);
    let wat = format!(r#"(module {tables} (func (export "f") (call_indirect 99 (i32.const 5))))"#);
    let wasm = wat::parse_str(wat).expect("text");
    let object = palisade::compile(&wasm, &options(1)).expect("it compiles");
    assert!(object.bytes.len() < 200 << 20, "{} bytes", object.bytes.len());
}

/// Names that C can't tell apart are no reason to refuse a module, only its header, with both in the message.
#[test]
fn entities_with_one_c_name() {
    let wat = r#"(module
        (import "a" "b_c" (func)) (import "a_b" "c" (func)) (import "own" "f" (func $f)) (export "f" (func $f)))"#;
    let object = palisade::compile(wat.as_bytes(), &Options::new("own")).expect("it compiles");
    let error = object.header.expect_err("a_b_c is two things").to_string();
    assert!(error.contains("wasm.a.b_c") && error.contains("wasm.a_b.c"), "{error}");
}

/// Time is linear in imports, exports and globals.
#[test]
fn many_imports_exports_and_globals() {
    let mut wat = String::from("(module ");
    for i in 0..20_000 {
        write!(wat, r#"(import "module{}" "f{i}" (func))"#, i % 5_000).expect("writing to a string");
    }
    for i in 0..100_000 {
        write!(wat, r#"(global (export "g{i}") i32 (i32.const 1))"#).expect("writing to a string");
    }
    compiles(&wat::parse_str(wat + ")").expect("text"));
}

/// 250,000 entries with 500 values each would be gigabytes.
#[test]
fn br_tables_with_values() {
    let values = "i64 ".repeat(500);
    let (depths, constants) = ("0 1 ".repeat(125_000), "(i64.const 1) ".repeat(500));
    let drops = "drop ".repeat(500);
    let wat = format!(
        "(module (func (export \"f\") (param i32) (block (result {values}) (block (result {values})
           {constants} (br_table {depths} 0 (local.get 0))) ) {drops}))"
    );
    compiles(&wat::parse_str(wat).expect("text"));
}

/// A few megabytes of calls with a thousand results each, which no register allocator takes.
#[test]
fn a_function_of_too_many_values() {
    let results: Vec<u8> = [leb128(1000), vec![0x7e; 1000]].concat();
    let types = [vec![2, 0x60, 0], results, vec![0x60, 0, 0]].concat();
    let code = [0x10, 0x00].repeat(20_000);
    let body = [&[0][..], &code, &[0x00, 0x0b]].concat();
    let code = [vec![1], leb128(body.len() as u64), body].concat();
    let import = [&[1, 1][..], b"e", &[1], b"f", &[0, 0]].concat();
    let wasm = module(&[(1, types), (2, import), (3, vec![1, 1]), (10, code)]);
    refused(&wasm, "function 1 at offset 0x");
    refused(&wasm, "too large");
}

/// Numbers that are as large as the format allows.
#[test]
fn huge_numbers() {
    for wat in [
        "(module (memory 65536) (data (i32.const -1) \"x\") (data (i32.const 0x7fffffff) \"\"))",
        "(module (memory i64 0x1000000000000) (data (i64.const -1) \"x\"))",
        "(module (table i64 0xffffffffffffffff funcref) (elem (i64.const -1) func))",
        "(module (table 4294967295 funcref) (elem (i32.const -1) $f) (func $f))",
        "(module (table 3 funcref) (elem (i32.const -1) $f) (func $f))",
        "(module (memory 1) (func (export \"f\") (drop (i64.load offset=0xffffffff (i32.const -1)))))",
        "(module (memory i64 1) (func (export \"f\") (drop (i64.load offset=0xffffffffffffffff (i64.const -1)))))",
        "(module (memory i64 1) (func (export \"f\") (i64.store offset=0xfffffffffffffff8 (i64.const -1) (i64.const -1))))",
    ] {
        compiles(&wat::parse_str(wat).expect("text"));
    }
}

/// Nesting is data, not recursion: of blocks, of expressions in the text format, of operands.
#[test]
fn deep_nesting() {
    const DEPTH: usize = 30_000;
    compiles(&function(&[[0x02, 0x40].repeat(DEPTH), vec![0x0b; DEPTH]].concat()));
    compiles(&function(&[[0x03, 0x40].repeat(DEPTH), vec![0x0b; DEPTH]].concat()));
    compiles(&function(&[[0x41, 1, 0x04, 0x40].repeat(DEPTH), vec![0x0b; DEPTH]].concat()));
    compiles(&function(&[vec![0x00], [0x02, 0x40].repeat(DEPTH), vec![0x0b; DEPTH]].concat()));
    // i32.const 1, (i32.const 1, i32.add)*, drop
    compiles(&function(&[vec![0x41, 1], [0x41, 1, 0x6a].repeat(DEPTH), vec![0x1a]].concat()));
    let (open, close) = ("(i32.eqz ".repeat(DEPTH), ")".repeat(DEPTH));
    compiles(format!("(module (func (export \"f\") (result i32) {open}(i32.const 1){close}))").as_bytes());
    let open = "(block ".repeat(DEPTH);
    compiles(format!("(module (func (export \"f\") {open}{close}))").as_bytes());
    // Other nesting than of expressions is an error of the text's parser.
    let brackets = format!("(module (@custom {} {close}))", "(".repeat(DEPTH));
    assert!(palisade::compile(brackets.as_bytes(), &options(1)).is_err());
    let brackets = format!("{}{close}", "(module ".repeat(DEPTH));
    assert!(palisade::compile(brackets.as_bytes(), &options(1)).is_err());
}
