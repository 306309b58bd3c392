//! The optimization passes: each does to machine code what its file says, and no program can tell.

mod branches;
mod checks;
#[path = "../support/mod.rs"]
mod support;
mod uses;

use palisade::Options;
use palisade::optimize::{Disabled, PASSES};
use support::random::{self, Random};
use support::twins::{Calls, agree, silent, without_passes};
use support::{compile_wat, link_c, machines, run, scratch};

/// Machine code of a module for x86-64, with or without a pass.
fn assembly(wat: &str, without: Option<&str>) -> String {
    palisade::assembly(wat.as_bytes(), &options("m", without)).expect("it compiles")
}

/// For x86-64, with or without a pass.
fn options(name: &str, without: Option<&str>) -> Options {
    let mut options = Options::new(name);
    options.target = palisade::Target::parse("x86_64-unknown-linux-gnu").expect("a target");
    assert!(without.is_none_or(|name| options.disabled_passes.add(name)), "there is a pass {without:?}");
    options
}

#[test]
fn unknown_passes_are_refused_and_known_ones_are_not() {
    assert!(!Disabled::default().add("no-such-pass"));
    for pass in PASSES {
        assert!(Disabled::default().add(pass.name), "{}", pass.name);
    }
}

/// A loop that two tables lead back to, so many times each, with locals that are addresses.
fn loop_of_two_tables(locals: u32, ways: usize) -> String {
    let each = |code: &dyn Fn(u32) -> String| (0..locals).map(code).collect::<String>();
    let accesses = each(&|k| {
        format!(
            "(i32.store (local.get $v{k}) (i32.const 1)) (local.set $v{k} (i32.add (local.get $v{k}) (i32.const 4)))"
        )
    });
    let table = |last: &str| format!("(br_table {} {last} (local.get $x))", "$again ".repeat(ways));
    format!("(block $out (loop $again {accesses} (if (local.get $x) (then {})) {}))", table("$again"), table("$out"))
}

/// The budget of `wide-counters` ends in the midst of a loop's edges.
#[test]
fn many_loops_with_many_ways_back_are_compiled() {
    let locals: String = (0..16).map(|k| format!("(local $v{k} i32)")).collect();
    let loops = loop_of_two_tables(16, 200).repeat(12);
    let wat = format!(r#"(module (memory 1) (func (export "f") (param $x i32) {locals} {loops}))"#);
    palisade::compile(&wat::parse_str(&wat).expect("text"), &options("m", Some("comparisons"))).expect("it compiles");
}

// ---- Inlining ----

/// Small functions of all shapes that are inlined, each called with what lies in `$x` and `$y`.
const LEAVES: &str = r#"
  (global $g (mut i32) (i32.const 5)) (global $w (mut i64) (i64.const 1))
  (func $add (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func $early (param i32 i32) (result i32)
    (if (i32.lt_s (local.get 0) (local.get 1)) (then (return (i32.const -7))))
    (block $out (result i32) (br_if $out (i32.const 9) (i32.eq (local.get 0) (local.get 1))) (drop) (local.get 0)))
  (func $outermost (param i32 i32) (result i32)
    (block (block (br_if 2 (i32.const 1) (local.get 0)) (drop) (br_if 1 (local.get 1)) (br 2 (i32.const 2))))
    (i32.const 3))
  (func $fresh (param i32 i32) (result i32) (local $seen i32) (local $wide i64)
    (if (local.get $wide) (i64.ne (i64.const 0)) (then (return (i32.const 1000))))
    (local.set $wide (i64.const 1))
    (local.set $seen (i32.add (local.get $seen) (local.get 0)))
    (local.set 0 (i32.const 99))
    (local.get $seen))
  (func $globals (param i32 i32) (result i32)
    (global.set $g (i32.add (global.get $g) (local.get 0))) (global.set $w (i64.extend_i32_s (local.get 1)))
    (i32.xor (global.get $g) (i32.wrap_i64 (global.get $w))))
  (func $dead (param i32 i32) (result i32) (return (local.get 1)) (br_if 0 (i32.const 1) (i32.const 2)) (block (br 0)))
  (func $floats (param i32 i32) (result i32)
    (i32.add (i32.trunc_sat_f64_s (f64.convert_i32_s (local.get 1)))
      (i32.wrap_i64 (i64.reinterpret_f64 (f64.sqrt (f64.convert_i32_u (i32.mul (local.get 0) (local.get 1))))))))
  (func $words (param i32 i32) (result i32)
    (i32.store offset=8 (i32.and (local.get 0) (i32.const 1020)) (local.get 1))
    (i32.add (i32.load16_u offset=9 (i32.and (local.get 1) (i32.const 1020))) (i32.rem_u (local.get 0) (i32.const 10))))
  (func $chars (param i32 i32) (result i32) (local $n i32)
    (loop $again
      (br_if $again (i32.and (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.and (local.get 0) (i32.const 15)))
        (i32.ne (i32.load8_u (i32.and (i32.add (local.get $n) (local.get 1)) (i32.const 255))) (i32.const 77)))))
    (local.get $n))
  (func $cases (param i32 i32) (result i32)
    (block $c (block $b (block $a (br_table $a $b $c (i32.and (local.get 0) (i32.const 3))))
      (return (i32.const 10))) (local.set 1 (i32.mul (local.get 1) (i32.const 3))))
    (local.get 1))
  (func $nothing (param i32 i32) (local.set 1 (local.get 0)))"#;

/// A function that calls one of them in a loop, in places where variables, blocks and cold code could be mixed up.
fn calling(leaf: &str) -> String {
    format!(
        r#"(func (export "{leaf}") (param $x i32) (param $y i32) (result i32) (local $sum i32) (local $i i32)
  (loop $again
    (local.set $sum (i32.add (i32.mul (local.get $sum) (i32.const 31))
      (call ${leaf} (call ${leaf} (local.get $x) (local.get $i)) (local.tee $y (i32.sub (local.get $y) (i32.const 3))))))
    (call $nothing (local.get $x) (local.get $y))
    (if (i32.and (local.get $i) (i32.const 1))
      (then (local.set $x (call ${leaf} (local.get $i) (local.get $x)))) (else (local.set $x (local.get $i))))
    (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 20))))
  (i32.add (local.get $sum) (i32.add (local.get $x) (local.get $y))))"#
    )
}

const LEAF_NAMES: [&str; 10] =
    ["add", "early", "outermost", "fresh", "globals", "dead", "floats", "words", "chars", "cases"];

#[test]
fn inlining_changes_no_result() {
    let functions: String = LEAF_NAMES.iter().map(|leaf| calling(leaf)).collect();
    let wat = format!("(module (memory 1) {LEAVES} {functions})");
    let calls: String = LEAF_NAMES
        .iter()
        .map(|leaf| {
            format!("\t\tif (m_{leaf}(m, x, 40 - x) != n_{leaf}(n, x, 40 - x))\n\t\t\tprintf(\"{leaf} %d\\n\", x);\n")
        })
        .collect();
    let host = format!(
        "#include \"m.h\"\n#include \"n.h\"\n#include <stdio.h>\nint main(void)\n{{\n\tstruct m *m;\n\tstruct n *n;\n\
         \tif (pal_m_instantiate(&m) != PAL_TRAP_NONE || pal_n_instantiate(&n) != PAL_TRAP_NONE)\n\t\treturn 1;\n\
         \tfor (int x = -2; x < 50; x += 7) {{\n{calls}\t}}\n\treturn 0;\n}}\n"
    );
    agree(&wat, &host, "");
}

/// How many calls of a module are inlined.
fn inlined(wat: &str, change: impl FnOnce(&mut Options)) -> usize {
    let mut options = options("m", None);
    change(&mut options);
    palisade::compile(&wat::parse_str(wat).expect(wat), &options).expect(wat).inlined
}

#[test]
fn small_functions_that_call_nothing_are_inlined() {
    let functions: String = LEAF_NAMES.iter().map(|leaf| calling(leaf)).collect();
    let wat = format!("(module (memory 1) {LEAVES} {functions})");
    assert_eq!(inlined(&wat, |_| ()), 10 * 4);
    assert_eq!(inlined(&wat, |options| options.opt_level = 1), 0, "that is Cranelift alone");
    assert_eq!(inlined(&wat, |options| assert!(options.disabled_passes.add("inline"))), 0);
    let calls = |text: &str| text.lines().filter(|line| line.trim_start().starts_with("call")).count();
    assert_eq!((calls(&assembly(&wat, None)), calls(&assembly(&wat, Some("inline")))), (0, 10 * 4));
}

#[test]
fn which_functions_are_inlined() {
    let from = |caller: &str, body: &str, level| {
        let wat = format!(
            r#"(module (memory 1) (table 1 funcref) (tag $t) (global $g funcref (ref.null func))
  (func $f (param i32 i32) (result i32) {body})
  (func (export "g") (result i32) {caller}))"#
        );
        inlined(&wat, |options| options.opt_level = level)
    };
    const CALL: &str = "(call $f (i32.const 1) (i32.const 2))";
    let called = |body: &str, level| from(CALL, body, level);
    let in_loop = |body: &str, level| from(&format!("(loop (br_if 0 {CALL})) (i32.const 0)"), body, level);
    assert_eq!(called("(i32.add (local.get 0) (local.get 1))", 2), 1);
    for body in [
        "(i32.div_u (local.get 0) (local.get 1))",
        "(i32.load (local.get 0))",
        "(i32.trunc_f32_s (f32.const 1))",
        "unreachable",
        "(loop (br 0)) (local.get 0)",
    ] {
        assert_eq!(called(body, 2), 1, "{body}");
    }
    // What may trap: if it's not tiny, inside of loops only.
    let loads = |count: usize| format!("(local.get 0) {}", "(i32.load offset=4) ".repeat(count));
    assert_eq!((called(&loads(10), 2), called(&loads(11), 2)), (1, 0));
    assert_eq!((in_loop(&loads(58), 2), in_loop(&loads(59), 2), in_loop(&loads(59), 3)), (1, 0, 1));
    for body in [
        "(memory.grow (i32.const 1))",
        "(memory.fill (i32.const 1) (i32.const 1) (i32.const 1)) (local.get 0)",
        "(throw $t)",
        "(call $f (local.get 0) (local.get 1))",
        "(return_call $f (local.get 0) (local.get 1))",
        "(call_indirect (result i32) (local.get 0))",
        "(drop (global.get $g)) (local.get 0)",
    ] {
        assert_eq!((called(body, 3), in_loop(body, 3)), (0, 0), "{body}");
    }
    // Larger ones at -O3, none of any size; and not what is rarely called, or called without end.
    let sums = |count: usize| format!("(local.get 0) {}", "(local.get 1) i32.add ".repeat(count));
    assert_eq!((called(&sums(12), 2), called(&sums(30), 2)), (1, 0));
    assert_eq!((called(&sums(30), 3), called(&sums(60), 3)), (1, 0));
    let rarely = r#"(module (func $f) (func (export "g") (param i32)
  local.get 0 (@metadata.code.branch_hint "\00") if call $f end call $f))"#;
    assert_eq!(inlined(rarely, |_| ()), 1);
    let often = format!(r#"(module (func $f nop nop nop) (func (export "g") {}))"#, "(call $f)".repeat(3000));
    assert_eq!(inlined(&often, |_| ()), 1000, "a function grows by 4000 instructions");
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
    assert!(with.contains("$0x320,") && without.contains("$0x300,"), "{with}{without}");
}

/// The counter's old value is needed by what has no effects, which Cranelift puts behind the step.
const SUMMED: &str = r#"(module (func (export "f") (param $n i32) (result f64) (local $i i32) (local $sum f64)
  (loop $again
    (local.set $sum (f64.add (local.get $sum) (f64.convert_i32_s (i32.mul (local.get $i) (i32.xor (local.get $i) (i32.const 5))))))
    (br_if $again (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const 3))) (local.get $n))))
  (local.get $sum)))"#;

#[test]
fn late_steps_saves_a_copy_and_a_jump() {
    let is_late = |text: &str| text.find("leal 3(").expect("a step") > text.find("imull").expect("a product");
    let (with, without) = (assembly(SUMMED, None), assembly(SUMMED, Some("late-steps")));
    assert!(is_late(&with) && !is_late(&without), "{with}{without}");
    // The edge back to the header copies nothing, so its block is not emitted.
    let copies = |text: &str| text.split("block2:").nth(1).expect("an edge's block").trim_start().starts_with("mov");
    assert!(!copies(&with) && copies(&without), "{with}{without}");
}

/// A sum with the new counter, which x86-64 makes of the old one.
const SUM_OF_NEXT: &str = r#"(func (export "next") (param $n i32) (param $w i32) (result i32) (local $i i32) (local $sum i32)
  (loop $again
    (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (local.set $sum (i32.xor (local.get $sum) (i32.add (local.get $i) (i32.shr_u (local.get $w) (i32.const 1)))))
    (local.set $w (i32.add (local.get $w) (local.get $sum)))
    (br_if $again (i32.ne (local.get $i) (local.get $n))))
  (local.get $sum))"#;

#[test]
fn late_steps_gives_sums_steps_of_their_own() {
    let copies = |text: &str| text.lines().filter(|line| line.trim_start().starts_with("mov")).count();
    let text = format!("(module {SUM_OF_NEXT})");
    let (with, without) = (assembly(&text, None), assembly(&text, Some("late-steps")));
    assert_eq!(copies(&with) + 1, copies(&without), "{with}{without}");
}

// ---- Constants of loops ----

/// A loop around what sums up.
fn summing(name: &str, body: &str) -> String {
    format!(
        r#"(func (export "{name}") (param $n i32) (result f64) (local $i i32) (local $j i32) (local $s f64) (local $t f32)
  (loop $again
    {body}
    (br_if $again (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
  (f64.add (local.get $s) (f64.promote_f32 (local.get $t))))"#
    )
}

/// A quotient of a million.
const QUOTIENT: &str =
    "(local.set $s (f64.add (local.get $s) (f64.div (f64.const 1000000) (f64.convert_i32_s (local.get $i)))))";

/// True if all blocks that divide make no million.
fn is_outside(functions: &str, without: Option<&str>) -> bool {
    let text = assembly(&format!("(module (func $other (param i32)) (memory 1) {functions})"), without);
    let makes = |block: &str| block.contains("$0x412e848000000000") || block.contains("$0x49742400");
    assert!(text.split("block").any(makes), "there is one: {text}");
    text.split("block").filter(|block| block.contains("divs")).all(|block| !makes(block))
}

#[test]
fn constants_are_made_in_front_of_innermost_loops() {
    assert!(is_outside(&summing("f", QUOTIENT), None) && !is_outside(&summing("f", QUOTIENT), Some("float-constants")));
    let single =
        "(local.set $t (f32.add (local.get $t) (f32.div (f32.const 1000000) (f32.convert_i32_s (local.get $i)))))";
    assert!(is_outside(&summing("f", single), None) && !is_outside(&summing("f", single), Some("float-constants")));
    let sometimes = format!("(if (i32.and (local.get $i) (local.get $n)) (then {QUOTIENT}) (else {single}))");
    assert!(
        is_outside(&summing("f", &sometimes), None) && !is_outside(&summing("f", &sometimes), Some("float-constants"))
    );
    // Where a register would not help.
    assert!(!is_outside(&summing("f", &format!("{QUOTIENT} (call $other (local.get $i))")), Some("inline")));
    let inner = "(loop $inner (br_if $inner (i32.load8_u (local.get $i))))";
    assert!(!is_outside(&summing("f", &format!("{inner} {QUOTIENT}")), None), "there is a loop in it");
    let many: String = (0..10)
        .map(|k| {
            format!("(f64.store offset={k}00 (i32.const 8) (f64.sub (f64.load (local.get $i)) (local.get $v{k})))")
        })
        .collect();
    let locals: String = (0..10).map(|k| format!("(param $v{k} f64) ")).collect();
    let full = summing("f", &format!("{many} {QUOTIENT}")).replace("(result f64)", &format!("{locals} (result f64)"));
    assert!(!is_outside(&full, None), "registers are full");
}

/// Loops with constants of all kinds, one after and in the other.
fn constant_loops(number: u32, random: &mut Random) -> String {
    let mut constant = |ty: &str| {
        let value = random.of(&["1", "-0", "0", "0.1", "-3", "inf", "nan:0x200000", "1e-40", "7"]);
        format!("({ty}.const {value})")
    };
    let mut body = String::new();
    for (sum, ty) in [("$s", "f64"), ("$t", "f32"), ("$s", "f64")] {
        let (a, b, c) = (constant(ty), constant(ty), constant(ty));
        body += &format!(
            "(local.set {sum} ({ty}.add (local.get {sum}) ({ty}.div {a} ({ty}.sub {b} ({ty}.convert_i32_s (local.get $i))))))
             (if (i32.and (local.get $i) (i32.const 1)) (then (local.set {sum} ({ty}.sub {c} (local.get {sum}))))
               (else (local.set {sum} ({ty}.copysign {c} (local.get {sum})))))"
        );
    }
    let inner = "(local.set $j (i32.const 7)) (loop $inner
      (local.set $s (f64.sub (f64.const 0.1) (f64.div (f64.const 0.3) (local.get $s))))
      (br_if $inner (local.tee $j (i32.sub (local.get $j) (i32.const 1)))))";
    summing(&format!("f{number}"), &if random.below(2) == 0 { body } else { body + inner })
}

#[test]
fn constants_in_front_of_loops_change_no_result() {
    const FUNCTIONS: u32 = 40;
    let mut random = Random(5);
    let functions: String = (0..FUNCTIONS).map(|number| constant_loops(number, &mut random)).collect();
    let wat = format!("(module {functions} {SUM_OF_NEXT})");
    let calls: String = (0..FUNCTIONS)
        .map(|k| format!("\t\tx = m_f{k}(m, i), y = n_f{k}(n, i);\n\t\tif (memcmp(&x, &y, 8) && (x == x || y == y))\n\t\t\tprintf(\"f{k} %d\\n\", i);\n"))
        .collect();
    let host = format!(
        "#include \"m.h\"\n#include \"n.h\"\n#include <stdio.h>\n#include <string.h>\nint main(void)\n{{\n\tstruct m *m;\n\tstruct n *n;\n\
         \tif (pal_m_instantiate(&m) != PAL_TRAP_NONE || pal_n_instantiate(&n) != PAL_TRAP_NONE)\n\t\treturn 1;\n\
         \tfor (int i = 1; i < 12; i++) {{\n\t\tdouble x, y;\n{calls}\t\tif (m_next(m, i, 77) != n_next(n, i, 77))\n\t\t\tputs(\"next\");\n\t}}\n\treturn 0;\n}}\n"
    );
    agree(&wat, &host, "");
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

/// A loop over `i` from `start` by `step` until it is `limit`, around what is done with it.
fn loop_over(start: u32, step: u32, limit: &str, body: &str) -> String {
    format!(
        r#"(module (memory 1) (func (export "f") (param $n i32) (local $i i32) (local $o i32)
  (local.set $i (i32.const {start}))
  (loop $again {body}
    (br_if $again (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const {step}))) {limit})))))"#
    )
}

/// Lines of machine code that contain all the words.
fn count(text: &str, words: &[&str]) -> usize {
    text.lines().filter(|line| words.iter().all(|word| line.contains(word))).count()
}

#[test]
fn unroll_repeats_what_surely_runs() {
    let store = "(i32.store (local.get $i) (i32.const 7))";
    let stores = |start, step, limit: &str, without| {
        count(&assembly(&loop_over(start, step, limit, store), without), &["movl", "$0x7,"])
    };
    assert_eq!(stores(0, 8, "(i32.const 800)", None), 4, "100 times: four at once");
    assert_eq!(stores(0, 8, "(i32.const 72)", None), 3, "9 times: three");
    assert_eq!(stores(0xffff_fff0, 8, "(i32.const 32)", None), 3, "6 times, around the end");
    assert_eq!(stores(0, 8, "(i32.const 56)", None), 7, "7 times: three in front, four at once");
    assert_eq!(stores(0, 8, "(i32.const 24)", None), 3, "3 times");
    assert_eq!(stores(0, 8, "(i32.const 33)", None), 1, "never equal");
    assert_eq!(stores(0, 8, "(local.get $n)", None), 1, "who knows how often");
    assert_eq!(stores(0, 8, "(i32.const 800)", Some("unroll")), 1);
}

#[test]
fn unroll_leaves_loops_with_calls_alone() {
    let text = assembly(&loop_over(0, 8, "(i32.const 800)", "(drop (memory.grow (i32.const 0)))"), None);
    assert_eq!(count(&text, &["  call "]), 1, "{text}");
}

#[test]
fn unroll_stops_where_registers_do() {
    // Sums of so many floats per iteration, all loaded in front of the first addition: more than 15 would go by the stack.
    let sums = |loads: u32| {
        let load =
            |n: u32| format!("(local.set $s (f64.add (local.get $s) (f64.load offset={} (local.get $i))))", n * 8);
        let body: String = (0..loads).map(load).collect();
        let text = loop_over(0, 64, "(i32.const 6400)", &body).replace("(local $i", "(local $s f64) (local $i");
        let text = text.replace(")))))", "))) (f64.store (i32.const 8) (local.get $s))))");
        let text = assembly(&text, None);
        (count(&text, &["addsd"]) as u32, count(&text, &["(%rsp)"]))
    };
    assert_eq!(sums(3), (12, 0), "four iterations");
    assert_eq!(sums(7), (14, 0), "100 is a multiple of 2, too");
    assert_eq!(sums(8), (8, 0));
}

#[test]
fn addresses_become_part_of_accesses_where_nothing_wraps() {
    let at = |address: &str| format!("(i32.store {address} (i32.const 7))");
    let plus = at("(i32.add (local.get $i) (i32.const 4096))");
    let folded = |text: &str| count(text, &["movl", "$0x7,", "0x1000("]);
    // 0, 8, …, 64 plus 4096 can't wrap.
    assert_eq!(folded(&assembly(&loop_over(0, 8, "(i32.const 72)", &plus), None)), 1);
    assert_eq!(folded(&assembly(&loop_over(0, 8, "(i32.const 72)", &plus), Some("addresses"))), 0);
    // This counter passes 2³², where the sum must be small again; of this one nobody knows the end.
    assert_eq!(folded(&assembly(&loop_over(0xffff_ff00, 8, "(i32.const 40)", &plus), None)), 0);
    assert_eq!(folded(&assembly(&loop_over(0, 8, "(local.get $n)", &plus), None)), 0);
    // A multiple of 8 plus 4 can't; one plus 8 can.
    let scaled = |constant| at(&format!("(i32.add (i32.shl (local.get $n) (i32.const 3)) (i32.const {constant}))"));
    let once = |body: &str| assembly(&format!("(module (memory 1) (func (export \"f\") (param $n i32) {body}))"), None);
    assert_eq!(count(&once(&scaled(4)), &["$0x7,", " 4("]), 1);
    assert_eq!(count(&once(&scaled(8)), &["$0x7,", " 8("]), 0);
}

#[test]
fn addresses_that_always_wrap_are_less_by_all_of_it() {
    let up_to_zero = |more: &str| {
        let text = "(i32.store (i32.add (local.get $i) (i32.const 4096)) (i32.const 7))".to_owned() + more;
        assembly(&loop_over(0u32.wrapping_sub(56), 8, "(i32.const 0)", &text), None)
    };
    let folded = |text: &str| count(text, &["movl", "$0x7,", "0x1000("]);
    assert_eq!(folded(&up_to_zero("")), 1);
    // A loop that calls reads its base anew in each turn: nothing is won.
    assert_eq!(folded(&up_to_zero("(drop (memory.grow (i32.const 0)))")), 0);
}

#[test]
fn addresses_leave_the_loop_with_their_constant_part() {
    // More than one block, so that it is not unrolled.
    let text = r#"(module (memory 1) (global $g (mut i32) (i32.const 0))
(func (export "f") (param $row i32) (local $i i32) (local $r i32)
  (local.set $r (i32.shl (i32.and (local.get $row) (i32.const 255)) (i32.const 8)))
  (loop $again
    (i32.store (i32.add (local.get $r) (local.get $i)) (i32.const 7))
    (if (local.get $row) (then (global.set $g (i32.const 1))))
    (br_if $again (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const 8))) (i32.const 56))))))"#;
    let leas = |text: &str| count(text, &["leal"]);
    let (with, without) = (assembly(text, None), assembly(text, Some("addresses")));
    assert_eq!(leas(&with) + 1, leas(&without), "{with}{without}");
}

#[test]
fn wide_counters_need_no_extension_per_access() {
    let text = loop_over(16, 8, "(local.get $n)", "(i32.store (local.get $i) (i32.const 7))");
    let (with, without) = (assembly(&text, None), assembly(&text, Some("wide-counters")));
    assert_eq!(count(&with, &["  "]) + 1, count(&without, &["  "]), "{with}{without}");
}

#[test]
fn invariant_phis_disappear() {
    // $o changes in the outer loop only, so the inner one hands it through.
    let inner = "(local.set $o (i32.add (local.get $o) (i32.const 512)))
      (block $out (loop $inner
        (br_if $out (i32.eqz (i32.load (i32.add (local.get $o) (local.get $i)))))
        (br $inner)))";
    let text = loop_over(0, 8, "(i32.const 56)", inner);
    let folded = |text: &str| count(text, &["leal"]);
    let (with, without) = (assembly(&text, None), assembly(&text, Some("invariant-phis")));
    assert!(folded(&with) <= folded(&without), "{with}{without}");
}

impl Random {
    /// An address made of $i, $j and constants, with sums that wrap and sums that don't.
    fn address(&mut self, depth: u32) -> String {
        if depth == 0 {
            let far = "(i32.add (local.get $j) (i32.const 20000))";
            return self.of(&["(local.get $i)", "(local.get $j)", "(local.get $n)", far, far]).to_owned();
        }
        let x = self.address(depth - 1);
        match self.below(8) {
            0 => format!("(i32.add {x} {})", self.address(depth - 1)),
            1 => format!("(i32.shl {x} (i32.const {}))", self.below(4)),
            2 => format!("(i32.or {x} (i32.const {}))", self.below(16)),
            3 => format!("(i32.sub {x} (i32.const {}))", self.of(&[1, 8, 16, 64])),
            4 => format!("(i32.and {x} (i32.const {}))", self.of(&[0xfff8u32, 0xffff_fff8, 0xff])),
            5 => format!("(i32.mul {x} (i32.const {}))", self.of(&[3, 8, 24])),
            _ => format!("(i32.add {x} (i32.const {}))", self.of(&[4u32, 8, 4096, 0xffff_fff8, 0xffff_f000, 0x10000])),
        }
    }

    /// Start, step, limit and comparison of a loop that ends.
    fn counter(&mut self) -> (u32, u32, u32, &'static str) {
        if self.below(4) == 0 {
            // As LLVM likes them.
            let step = self.of(&[1, 4, 8, 24]);
            return (0u32.wrapping_sub(step * (1 + self.below(100))), step, 0, "ne");
        }
        let start: u32 =
            self.of(&[0, 8, 24, 1000, 4096, 0xffff_fff0, 0xffff_ffa0, 0xffff_ff00, 0x7fff_fff0, 0x8000_0000]);
        let step: u32 = self.of(&[1, 4, 8, 8, 16, 0xffff_fff8, 0xffff_ffff]);
        let limit = start.wrapping_add(step.wrapping_mul(1 + self.below(12)));
        let upwards = step < 100 && start < limit;
        let signed = (start as i32) < limit as i32;
        let condition = match self.below(4) {
            0 if upwards => "lt_u",
            1 if upwards && limit < u32::MAX - 100 => "le_u",
            2 if upwards && signed => "lt_s",
            _ => "ne",
        };
        (start, step, limit, condition)
    }

    /// A function that loads and stores in nested loops, mostly inside one page, and gives a sum of what it saw.
    fn function(&mut self, number: u32) -> String {
        let (i, istep, iend, iwhile) = self.counter();
        let (j, jstep, jend, jwhile) = self.counter();
        let (depth, more) = (self.below(4), self.below(3));
        let (load, store) = (self.address(depth), self.address(more));
        let (near, far) = (self.of(&[0, 4, 16, 4096]), self.of(&[0, 8, 60000]));
        format!(
            r#"(func (export "f{number}") (param $n i32) (result i32) (local $i i32) (local $j i32) (local $s i32)
  (local.set $i (i32.const {i}))
  (loop $outer
    (local.set $j (i32.const {j}))
    (loop $inner
      (local.set $s (i32.add (i32.mul (local.get $s) (i32.const 31)) (i32.load offset={near} {load})))
      (i32.store offset={far} {store} (i32.add (local.get $s) (i32.const 1)))
      (local.set $j (i32.add (local.get $j) (i32.const {jstep})))
      (br_if $inner (i32.{jwhile} (local.get $j) (i32.const {jend}))))
    (local.set $i (i32.add (local.get $i) (i32.const {istep})))
    (br_if $outer (i32.{iwhile} (local.get $i) (i32.const {iend}))))
  (i32.add (local.get $s) (i32.add (local.get $i) (local.get $j))))
"#
        )
    }
}

#[test]
fn random_loops_do_the_same_with_and_without_passes() {
    const FUNCTIONS: u32 = 300;
    let calls = Calls {
        functions: FUNCTIONS,
        args: "0, 40, 0xfffffff8",
        first: "",
        differs: "memcmp(pal_memory_data(m_memory(m)), pal_memory_data(n_memory(n)), 65536)",
        least: (150, 100),
    };
    for round in 0..random::rounds("loops", FUNCTIONS) {
        let mut random = Random(42 + u64::from(round));
        let functions: String = (0..FUNCTIONS).map(|number| random.function(number)).collect();
        let wat = format!("(module (memory (export \"memory\") 1)\n{functions})");
        agree(&wat, &calls.host(), &format!("round {round}"));
        for machine in machines() {
            let dir = scratch();
            let with = checks::compile(&machine, dir.path(), "m", &wat);
            let without = without_passes(&machine, dir.path(), "n", &wat);
            silent(&machine, dir.path(), &calls.host(), &[with, without], "checked");
        }
    }
}
