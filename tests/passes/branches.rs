//! Branches by tables that have few targets: comparisons take the same ways.

use super::support::random::Random;
use super::support::twins::{Calls, agree};
use super::{assembly, options};

/// A function whose table has entries for so many of three targets, one after the other; a value goes along.
fn function(number: u32, depths: &[u32], default: u32) -> String {
    let depths: String = depths.iter().map(|depth| format!("{depth} ")).collect();
    format!(
        r#"(func (export "f{number}") (param $x i32) (result i32)
  (if (i32.eq (local.get $x) (i32.const 100)) (then unreachable))
  (block $c (result i32) (block $b (result i32) (block $a (result i32)
    (i32.mul (local.get $x) (i32.const 7)) (br_table {depths} {default} (local.get $x)))
    (i32.add (i32.const 1000)) (return))
    (i32.add (i32.const 2000)) (local.set $x) (local.get $x))
  (i32.xor (i32.const 1)))"#
    )
}

/// A few runs of entries.
fn table(random: &mut Random) -> (Vec<u32>, u32) {
    let mut depths = Vec::new();
    for _ in 0..random.below(12) {
        let (depth, length) = (random.below(3), random.below(3));
        depths.extend((0..length).map(|_| depth));
    }
    (depths, random.below(3))
}

#[test]
fn comparisons_take_the_same_ways() {
    const FUNCTIONS: u32 = 300;
    let mut random = Random(11);
    let mut tables = 0;
    let functions: String = (0..FUNCTIONS)
        .map(|number| {
            let (depths, default) = table(&mut random);
            tables += u32::from(has_table(&function(number, &depths, default)));
            function(number, &depths, default)
        })
        .collect();
    assert!((20..200).contains(&tables), "both ways are taken: {tables}");
    let args = "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 100, 0x7fffffff, 0x80000000, 0xffffffff";
    let calls = Calls { functions: FUNCTIONS, args, first: "", differs: "0", least: (FUNCTIONS * 20, FUNCTIONS) };
    agree(&format!("(module {functions})"), &calls.host(), "tables");
}

fn has_table(function: &str) -> bool {
    assembly(&format!("(module {function})"), None).contains("br_table")
}

#[test]
fn tables_stay_where_many_ranges_are_or_nobody_wants_comparisons() {
    assert!(!has_table(&function(0, &[1, 0, 0, 0, 2, 2], 0)));
    assert!(has_table(&function(0, &[1, 2, 1, 2, 1, 2, 1], 0)));
    let two = format!("(module {})", function(0, &[1, 0, 0, 0, 2, 2], 0));
    assert!(assembly(&two, Some("comparisons")).contains("br_table"));
    let mut plain = options("m", None);
    plain.opt_level = 1;
    assert!(palisade::assembly(two.as_bytes(), &plain).expect("it compiles").contains("br_table"));
}
