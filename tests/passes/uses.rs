//! `early-uses`: blocks with more values than registers.

use super::support::random::Random;
use super::support::twins::{Calls, agree};
use super::{assembly, options};

/// A checksum of so many bytes per turn, as unrolled by a compiler: each sum needs the one before it.
fn checksum(bytes: u32) -> String {
    let sums: String = (0..bytes)
        .map(|k| {
            format!(
                "(local.set $b (i32.add (local.get $b) (local.tee $a
                   (i32.add (local.get $a) (i32.load8_u offset={k} (local.get $p))))))"
            )
        })
        .collect();
    format!(
        r#"(module (memory 1) (func (export "f") (param $p i32) (param $n i32) (result i32) (local $a i32) (local $b i32)
  (loop $again {sums}
    (local.set $p (i32.add (local.get $p) (i32.const {bytes})))
    (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
  (i32.add (local.get $a) (local.get $b))))"#
    )
}

#[test]
fn sums_of_many_loads_need_no_stack() {
    let spills = |text: &str| text.lines().filter(|line| line.contains("(%rsp)")).count();
    let (with, without) = (assembly(&checksum(16), None), assembly(&checksum(16), Some("early-uses")));
    assert!(spills(&with) + 16 < spills(&without), "{with}{without}");
    // Few stay where they are: there is time between a load and its use.
    assert_eq!(assembly(&checksum(4), None), assembly(&checksum(4), Some("early-uses")));
}

/// A block of loads and of what is made of them, in any order.
fn block(number: u32, random: &mut Random) -> String {
    let mut code = String::new();
    for k in 0..28 {
        let (at, offset) = (["$x", "$i"][random.below(2) as usize], random.below(64));
        let load = random.of(&["i32.load8_u", "i32.load", "i32.load16_s", "i32.load8_s"]);
        let value = format!("({load} offset={offset} (local.get {at}))");
        let (other, operator) = (random.below(k + 1), random.of(&["add", "sub", "xor", "mul", "shl", "and", "rotl"]));
        code += &match random.below(4) {
            0 => format!("(local.set $v{k} {value})"),
            1 => format!("(local.set $s (i32.{operator} (local.get $s) (local.get $v{other})))"),
            2 => format!(
                "(local.set $s (i32.{operator} {value} (local.tee $v{k} (i32.add (local.get $s) (local.get $v{other})))))"
            ),
            _ => format!("(local.set $v{k} (i32.{operator} (local.get $v{other}) {value}))"),
        };
    }
    let all: String = (0..28)
        .map(|k| format!("(local.set $s (i32.add (i32.mul (local.get $s) (i32.const 31)) (local.get $v{k})))"))
        .collect();
    let locals: String = (0..28).map(|k| format!("(local $v{k} i32)")).collect();
    format!(
        r#"(func (export "f{number}") (param $x i32) (result i32) (local $i i32) (local $s i32) {locals}
  (loop $again {code} (i32.store offset=100 (local.get $i) (local.get $s))
    (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 4))) (i32.const 64))))
  {all} (local.get $s))"#
    )
}

#[test]
fn uses_that_come_early_change_no_result() {
    const FUNCTIONS: u32 = 60;
    let mut random = Random(3);
    let functions: String = (0..FUNCTIONS).map(|number| block(number, &mut random)).collect();
    let wat = format!(
        r#"(module (memory (export "memory") 1) (data (i32.const 0) "{}") {functions})"#,
        "a\\fe\\03xyz\\80".repeat(40)
    );
    let moved = |options: &palisade::Options| {
        let passes = palisade::compile(&wat::parse_str(&wat).expect("text"), options).expect("it compiles").passes;
        passes.iter().find(|pass| pass.name == "early-uses").map_or(0, |pass| pass.changes)
    };
    let mut listed = options("m", None);
    listed.measures_passes = true;
    assert!(moved(&listed) > u64::from(FUNCTIONS), "there was something to move");
    let args = "0, 1, 33, 4096, 65400, 65470, 65500, 65536, 0xffffffff";
    let calls = Calls { functions: FUNCTIONS, args, first: "", differs: "0", least: (FUNCTIONS * 4, FUNCTIONS) };
    agree(&wat, &calls.host(), "blocks");
}
