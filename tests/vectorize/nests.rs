//! The pass `jam`: loops around loops that add up.

use super::{compare, counted_from, options, vectors};
use crate::support::random::Random;
use palisade::Options;

/// What one of the tests below changes of a nest: $j counts eight bytes at a time, $i whatever the inner loop does.
struct Nest {
    memory: &'static str,
    /// Where $j begins and ends.
    outer: (&'static str, &'static str),
    /// In front of the inner loop.
    head: &'static str,
    /// Where $i ends, in steps of 8 from 0.
    end: &'static str,
    inner: &'static str,
    tail: &'static str,
}

/// `c[j] = Σ a[i] * b[i][j]`, of 64 columns.
const PRODUCT: Nest = Nest {
    memory: "(memory 1)",
    outer: ("(i32.const 0)", "(i32.const 512)"),
    head: "",
    end: "(i32.const 800)",
    inner: "(local.set $s (f64.add (local.get $s) (f64.mul (f64.load (local.get $i)) (f64.load offset=1024 (i32.add
      (i32.shl (local.get $i) (i32.const 6)) (local.get $j))))))",
    tail: "(f64.store offset=60000 (local.get $j) (local.get $s))",
};

impl Nest {
    fn wat(&self) -> String {
        let Nest { memory, outer: (start, stop), head, end, inner, tail } = self;
        format!(
            r#"(module (import "e" "call" (func $call)) {memory} (func (export "f") (param $n i32) (param $k f64) (result f64)
  (local $i i32) (local $j i32) (local $s f64) (local $t f64) (local $x f32) (local $w i64)
  (local.set $j {start})
  (loop $outer
    (local.set $i (i32.const 0)) (local.set $s (f64.const 0)) {head}
    (loop $inner {inner}
      (br_if $inner (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const 8))) {end})))
    {tail}
    (br_if $outer (i32.ne (local.tee $j (i32.add (local.get $j) (i32.const 8))) {stop})))
  (local.get $t)))"#
        )
    }

    /// Vectors that `jam` makes of it.
    fn found(&self) -> usize {
        let mut without = options();
        assert!(without.disabled_passes.add("jam"));
        vectors(&self.wat(), &options()) - vectors(&self.wat(), &without)
    }
}

#[test]
fn sums_of_columns_are_added_up_at_once() {
    let unrolled = 2;
    assert_eq!(PRODUCT.found(), unrolled * 8, "eight sums are four vectors: multiplied and added");
    let some = Nest { outer: ("(i32.const 0)", "(i32.const 440)"), ..PRODUCT };
    assert_eq!(some.found(), unrolled * 8, "55 are six times eight, and seven that are done as before");
    let few = Nest { outer: ("(i32.const 0)", "(i32.const 56)"), ..PRODUCT };
    assert_eq!(few.found(), 0, "less than eight");
    let whoever = Nest {
        outer: ("(i32.shl (i32.and (local.get $n) (i32.const 7)) (i32.const 3))", "(i32.const 512)"),
        ..PRODUCT
    };
    assert_eq!(whoever.found(), unrolled * 8, "as many as are left");
    let short = Nest { end: "(i32.const 24)", ..PRODUCT };
    assert_eq!(short.found(), 0, "three numbers are not worth it");
}

#[test]
fn sums_of_rows_are_added_up_at_once() {
    let rows = Nest {
        inner: "(local.set $s (f64.add (local.get $s) (f64.load offset=1024 (i32.add (local.get $i)
          (i32.shl (local.get $j) (i32.const 6))))))",
        ..PRODUCT
    };
    assert_eq!(rows.found(), 2 * 2, "four sums are two vectors, whose lanes are loaded one by one; unrolled twice");
    let scaled = Nest {
        head: "(local.set $s (f64.load offset=60000 (local.get $j))) (local.set $t (f64.load offset=2048 (local.get $j)))",
        inner: "(local.set $s (f64.sub (local.get $s) (f64.mul (local.get $t) (f64.load offset=1024 (local.get $i)))))",
        ..PRODUCT
    };
    assert_eq!(scaled.found(), 0, "$t is used behind the loop");
    let scaled = Nest {
        inner: "(local.set $s (f64.sub (local.get $s) (f64.mul (f64.load offset=2048 (local.get $j)) (f64.load (local.get $i)))))",
        ..PRODUCT
    };
    assert_eq!(scaled.found(), 2 * 8, "a factor for each lane; unrolled twice");
}

#[test]
fn what_is_stored_is_not_loaded_too_early() {
    let inner = |offset: &str| {
        format!(
            "(local.set $s (f64.add (local.get $s) (f64.mul (f64.load (local.get $i)) (f64.load offset={offset} (local.get $j)))))"
        )
    };
    let at = |offset: &'static str| {
        let inner: &'static str = inner(offset).leak();
        Nest { inner, ..PRODUCT }.found()
    };
    assert_ne!(at("60000"), 0, "what the same iteration stores");
    assert_ne!(at("60008"), 0, "what a later one stores");
    assert_eq!(at("59992"), 0, "what the one before stored");
    assert_eq!(at("59944"), 0, "what the seventh one before stored");
    assert_ne!(at("59936"), 0, "what the eighth one before stored");
    assert_eq!(at("59996"), 0, "half of it");
    let whole =
        Nest { inner: "(local.set $s (f64.add (local.get $s) (f64.load offset=59500 (local.get $i))))", ..PRODUCT };
    assert_eq!(whole.found(), 0, "one of all that is stored");
    let anywhere = Nest { tail: "(f64.store (local.get $n) (local.get $s))", ..PRODUCT };
    assert_eq!(anywhere.found(), 0, "who knows where");
    let own = Nest { head: "(local.set $s (f64.load offset=60000 (local.get $j)))", ..PRODUCT };
    assert_ne!(own.found(), 0, "each adds to what is there");
}

#[test]
fn only_plain_nests() {
    for (what, nest) in [
        ("as long as $j says", Nest { end: "(i32.add (local.get $j) (i32.const 64))", ..PRODUCT }),
        ("a call", Nest { tail: "(f64.store offset=60000 (local.get $j) (local.get $s)) (call $call)", ..PRODUCT }),
        ("a store in front", Nest { head: "(f64.store offset=60000 (local.get $j) (f64.const 1))", ..PRODUCT }),
        ("a sum of all", Nest { tail: "(local.set $t (f64.add (local.get $t) (local.get $s)))", ..PRODUCT }),
        ("a trap", Nest { tail: "(if (f64.eq (local.get $s) (local.get $k)) (then unreachable))", ..PRODUCT }),
        ("a division", Nest { head: "(drop (i32.div_u (local.get $j) (local.get $n)))", ..PRODUCT }),
        ("beyond the memory", Nest { outer: ("(i32.const 5528)", "(i32.const 6040)"), ..PRODUCT }),
        ("no memory", Nest { memory: "(memory 0)", ..PRODUCT }),
        ("others look on", Nest { memory: "(memory 1 1 shared)", ..PRODUCT }),
        ("others protect pages", Nest { memory: "(memory (export \"memory\") 1)", ..PRODUCT }),
        ("who knows how far", Nest { outer: ("(i32.const 0)", "(local.get $n)"), ..PRODUCT }),
        (
            "numbers made of sums",
            Nest {
                inner: "(drop (f64.lt (local.get $s) (local.get $k))) (local.set $s (f64.add (local.get $s) (f64.load (i32.add (local.get $i) (local.get $j)))))",
                ..PRODUCT
            },
        ),
        (
            "a 64-bit counter",
            Nest {
                tail: "(f64.store offset=60000 (local.get $j) (local.get $s)) (i64.store offset=62000 (local.get $j) (local.get $w))
                  (local.set $w (i64.add (local.get $w) (i64.const 0x100000000)))",
                ..PRODUCT
            },
        ),
        (
            "another type",
            Nest {
                inner: "(local.set $s (f64.add (local.get $s) (f64.promote_f32 (f32.load (i32.add (local.get $i) (local.get $j))))))",
                ..PRODUCT
            },
        ),
    ] {
        assert_eq!(nest.found(), 0, "{what}");
    }
    let nan = Options { nan_canonicalization: true, ..options() };
    assert_eq!(vectors(&PRODUCT.wat(), &nan), 0, "other operations");
    assert_eq!(vectors(&PRODUCT.wat(), &Options { interruptible: true, ..options() }), 0, "each turn asks");
}

// ---- Random nests ----

impl Random {
    /// A nest whose parts are now and then too special. The memory has 64 KiB.
    fn nest(&mut self, number: u32) -> String {
        let (ty, size) = if self.below(3) > 0 { ("f64", 8u32) } else { ("f32", 4) };
        let columns = self.of(&[4, 8, 9, 15, 16, 17, 24, 31]);
        let turns = self.of(&[1, 4, 5, 6, 8, 12, 20]);
        let row = self.of(&[size * 32, 256, 512]);
        let step = self.of(&[size, size, size, row, 2 * size, size.wrapping_neg()]);
        let start = if step > 1 << 31 { 8000u32 } else { self.of(&[0, 0, 8, 64, 4096]) };
        let way = self.of(&[row, row, size, size]);
        let result = self.of(&[0, 0, size, 1024, 20480, 30000, 65280]);
        let load = |random: &mut Random| {
            let offset =
                random.of(&[0, 1024, 20480, 20480, 30000, 65536 - 32 * row, 65000, 4, size, 7 * size, 8 * size]);
            let address = match random.below(6) {
                0 => "(local.get $i)",
                1 => "(local.get $j)",
                2 => "(i32.add (local.get $r) (local.get $j))",
                3 => "(i32.add (local.get $i) (local.get $r))",
                _ => "(i32.add (local.get $i) (local.get $j))",
            };
            format!("({ty}.load offset={offset} {address})")
        };
        let (a, b, c, d) = (load(self), load(self), load(self), load(self));
        let term = match self.below(7) {
            0 => a,
            1 => format!("({ty}.mul {a} {b})"),
            2 => format!("({ty}.mul {a} (local.get $k))"),
            3 => format!("({ty}.div ({ty}.neg {a}) ({ty}.sqrt ({ty}.abs {b})))"),
            4 => format!("({ty}.mul ({ty}.sub {a} (local.get $h)) ({ty}.sub {a} (local.get $h)))"),
            5 => format!("({ty}.mul ({ty}.mul {a} {b}) (local.get $k))"),
            _ => format!("({ty}.sub {a} {b})"),
        };
        let sum = format!("(local.set $s ({ty}.{} (local.get $s) {term}))", self.of(&["add", "add", "sub", "mul"]));
        let second = match self.below(4) {
            0 => format!("(local.set $t ({ty}.add (local.get $t) {c}))"),
            _ => String::new(),
        };
        let head = match self.below(4) {
            0 => format!("(local.set $s {d})"),
            1 => format!("(local.set $s ({ty}.load offset={result} (local.get $j)))"),
            _ => format!("(local.set $s ({ty}.const 0.5))"),
        };
        let held = if self.below(3) == 0 { format!("(local.set $h {})", load(self)) } else { String::new() };
        let tail = match self.below(5) {
            0 => format!("({ty}.store offset={} (local.get $j) (local.get $t))", result + 2048),
            1 => format!("({ty}.store offset={result} (i32.shl (local.get $j) (i32.const 1)) (local.get $t))"),
            2 => format!("({ty}.store offset={result} (i32.add (local.get $i) (local.get $j)) (local.get $s))"),
            _ => String::new(),
        };
        let twice = self.below(3) == 0;
        let way_twice = if twice { 2 * turns } else { turns };
        let last = start.wrapping_add(step.wrapping_mul(columns));
        let end = way * way_twice;
        let (less, inner_less) = (self.of(&[0, 0, 0, last]), self.of(&[0, 0, 0, end]));
        let from = start.wrapping_sub(less);
        let first = if self.below(4) == 0 {
            let columns = format!("(i32.rem_u (local.get $n) (i32.const {}))", columns.min(4));
            format!("(i32.add (i32.const {from}) (i32.mul (i32.const {step}) {columns}))")
        } else {
            format!("(i32.const {from})")
        };
        let biased = |body: &str| counted_from(&counted_from(body, "$i", inner_less), "$j", less);
        let begin = biased(&format!("{head} {held}"));
        let tail = biased(&format!("{tail} ({ty}.store offset={result} (local.get $j) (local.get $s))"));
        let (sum, second) = (biased(&sum), biased(&second));
        let unroll = match twice {
            true => format!("(local.set $i (i32.add (local.get $i) (i32.const {way}))) {sum}"),
            false => String::new(),
        };
        format!(
            r#"(func (export "f{number}") (param $n i32) (result i32) (local $i i32) (local $j i32) (local $r i32)
  (local $k {ty}) (local $h {ty}) (local $s {ty}) (local $t {ty})
  (local.set $j {first})
  (local.set $r (i32.shl (i32.and (local.get $n) (i32.const 63)) (i32.const 3)))
  (local.set $k ({ty}.const 0.375))
  (loop $outer
    {begin}
    (local.set $t ({ty}.const -1))
    (local.set $i (i32.const {}))
    (loop $inner
      {sum} {second} {unroll}
      (br_if $inner (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const {way}))) (i32.const {}))))
    {tail}
    (br_if $outer (i32.ne (local.tee $j (i32.add (local.get $j) (i32.const {step}))) (i32.const {}))))
  (local.get $r))
"#,
            0u32.wrapping_sub(inner_less),
            end.wrapping_sub(inner_less),
            last.wrapping_sub(less)
        )
    }
}

#[test]
fn random_nests_do_the_same() {
    compare("nests", 4242, Random::nest);
}
