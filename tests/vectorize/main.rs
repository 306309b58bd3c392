//! The passes `vectorize` and `jam`: what becomes vectors, what must not, and that no program can tell.

mod nests;
#[path = "../support/mod.rs"]
mod support;

use palisade::Options;
use support::random::{Random, rounds};
use support::twins::{Calls, agree};

/// For x86-64.
fn options() -> Options {
    let mut options = Options::new("m");
    options.target = palisade::Target::parse("x86_64-unknown-linux-gnu").expect("a target");
    options
}

/// Arithmetic on vectors in a module's machine code.
fn vectors(wat: &str, options: &Options) -> usize {
    let text = palisade::assembly(wat.as_bytes(), options).expect(wat);
    let packed = |word: &str| {
        ["add", "sub", "mul", "div", "sqrt"].iter().any(|op| word == format!("{op}pd") || word == format!("{op}ps"))
    };
    text.lines().filter(|line| line.split_whitespace().any(packed)).count()
}

/// A loop over $i from `start` by `step` until `end`, around `body`.
fn around(memory: &str, start: u32, step: u32, end: &str, body: &str) -> String {
    format!(
        r#"(module {memory} (func (export "f") (param $n i32) (param $k f64) (param $h f32) (result f64)
  (local $i i32) (local $s f64) (local $r i32)
  (local.set $i (i32.const {start}))
  (local.set $r (i32.shl (i32.and (local.get $n) (i32.const 255)) (i32.const 3)))
  (loop $again {body}
    (br_if $again (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const {step}))) {end})))
  (local.get $s)))"#
    )
}

fn found(body: &str) -> usize {
    vectors(&around("(memory 1)", 0, 8, "(i32.const 800)", body), &options())
}

/// `to[i] = from[i] * k`
fn scale(to: u32, from: u32) -> String {
    format!("(f64.store offset={to} (local.get $i) (f64.mul (f64.load offset={from} (local.get $i)) (local.get $k)))")
}

#[test]
fn neighbours_are_done_at_once() {
    assert_eq!(found(&scale(0, 4096)), 2, "100 turns: four at once, two pairs");
    let twice =
        vectors(&around("(memory 1)", 0, 16, "(i32.const 800)", &(scale(0, 4096) + &scale(8, 4104))), &options());
    assert_eq!(twice, 2, "50 turns of two: four at once");
    let rows = "(f64.store (i32.add (local.get $i) (i32.const 16384))
      (f64.add (f64.load (i32.add (local.get $r) (local.get $i))) (f64.const 1.5)))";
    assert_eq!(found(rows), 2, "a row that is known to be below the other");
    let floats = "(f32.store (local.get $i) (f32.sqrt (f32.div (f32.load offset=4096 (local.get $i)) (local.get $h))))";
    assert_eq!(vectors(&around("(memory 1)", 0, 4, "(i32.const 400)", floats), &options()), 2, "four at once");
}

#[test]
fn odd_numbers_of_turns_and_counters_up_to_zero_are_no_hindrance() {
    let at = |start, end: &str, body: &str| vectors(&around("(memory 1)", start, 8, end, body), &options());
    assert_eq!(at(0, "(i32.const 808)", &scale(0, 4096)), 2, "one in front of the loop, then four at once");
    let up = |plus: u32| {
        let to = format!("(i32.add (local.get $i) (i32.const {plus}))");
        let row = format!("(i32.add (i32.add (local.get $r) (local.get $i)) (i32.const {}))", plus + 8192);
        format!("(f64.store {to} (f64.mul (f64.load {row}) (local.get $k)))")
    };
    assert_eq!(at(0u32.wrapping_sub(800), "(i32.const 0)", &up(1024)), 2);
    // `$r + $i` wraps for some of them, `$r + $i + 8192 + 1024` for all.
    assert_eq!(at(0u32.wrapping_sub(800), "(i32.const 0)", &up(100)), 0, "the first of them lie at the memory's end");
}

#[test]
fn what_is_stored_is_loaded_again() {
    assert_eq!(found(&scale(8, 0)), 0, "each iteration needs what the one before made");
    assert_eq!(found(&scale(16, 0)), 2, "the one before that");
    assert_eq!(found(&scale(0, 8)), 2, "what was there before");
    assert_eq!(found(&scale(4, 0)), 0, "half of it");
    let rows = "(f64.store (i32.add (local.get $i) (i32.const 1024))
      (f64.add (f64.load (i32.add (local.get $r) (local.get $i))) (f64.const 1.5)))";
    assert_eq!(found(rows), 0, "who knows which row");
}

#[test]
fn sums_keep_their_order() {
    let sum = "(local.set $s (f64.add (local.get $s) (f64.load (local.get $i))))";
    assert_eq!(found(sum), 0);
    assert_eq!(found(&format!("{sum} (f64.store offset=4096 (local.get $i) (local.get $s))")), 0);
}

#[test]
fn only_what_surely_lies_inside_moves() {
    let at = |start, end: &str| vectors(&around("(memory 1)", start, 8, end, &scale(0, 8)), &options());
    assert_eq!(at(65536 - 8 - 160, "(i32.const 65528)"), 2, "the last one ends with the memory");
    assert_eq!(at(65536 - 160, "(i32.const 65536)"), 1, "the last one traps, so the one before it is stored by itself");
    assert_eq!(at(0xffff_fff0, "(i32.const 144)"), 0, "across 2³²");
    assert_eq!(at(0, "(local.get $n)"), 0, "who knows how far");
    let twice = scale(0, 4096) + &scale(8, 4104);
    assert_eq!(vectors(&around("(memory 1)", 0, 16, "(local.get $n)", &twice), &options()), 0);
    assert_eq!(vectors(&around("(memory 0)", 0, 16, "(i32.const 800)", &twice), &options()), 0, "nothing may be there");
    let divides = format!("{} (local.set $r (i32.div_u (local.get $r) (local.get $n)))", scale(0, 4096));
    assert_eq!(found(&divides), 0, "a division may trap in between");
    let calls = format!("{} (local.set $s (call 0 (local.get $n) (local.get $k) (local.get $h)))", scale(0, 4096));
    assert_eq!(found(&calls), 0, "what is called may look at it in between");
    let calls =
        format!("{} (drop (call 0 (local.get $n) (local.get $k) (local.get $h))) {}", scale(0, 4096), scale(8, 4104));
    assert_eq!(vectors(&around("(memory 1)", 0, 16, "(i32.const 800)", &calls), &options()), 0);
}

#[test]
fn nobody_may_be_able_to_protect_pages() {
    let at =
        |memory: &str, options: &Options| vectors(&around(memory, 0, 8, "(i32.const 800)", &scale(0, 4096)), options);
    assert_eq!(at("(memory 1 1 shared)", &options()), 0, "others look on");
    let exported = "(memory (export \"memory\") 1)";
    assert_eq!(at(exported, &options()), 0, "the host may protect pages of it");
    assert_eq!(at(exported, &Options { sealed: true, ..options() }), 2, "Palisade's own host does not");
    assert_eq!(at("(import \"a\" \"b\" (memory 1))", &options()), 0);
    let guest = "(import \"palisade:memory\" \"protect\" (func (param i32 i32 i32) (result i32))) (memory 1)";
    assert_eq!(at(guest, &options()), 0);
    for spec in ["0:no-access=4096", "0:read-only=4096", "0:virtual", "0:mode=checked"] {
        let memories = vec![palisade::plan::MemorySpec::parse(spec).expect("a spec")];
        assert_eq!(at("(memory 1 2)", &Options { memories, ..options() }), 0, "{spec}");
    }
}

#[test]
fn it_can_be_left_out() {
    let mut without = options();
    assert!(without.disabled_passes.add("vectorize"));
    let text = around("(memory 1)", 0, 8, "(i32.const 800)", &scale(0, 4096));
    assert_eq!(vectors(&text, &without), 0);
    assert_eq!(vectors(&text, &Options { nan_canonicalization: true, ..options() }), 0);
    let mut hardened = options();
    hardened.target.harden.spectre = true;
    assert_eq!(vectors(&text, &hardened), 0);
}

#[test]
fn of_long_chains_only_the_end_is_looked_at() {
    let chain = "local.get $k f64.add ".repeat(10_000);
    let at = |offset: u32| {
        format!("local.get $i local.get $i f64.load offset={} {chain} f64.store offset={offset}\n", offset + 4096)
    };
    assert_eq!(vectors(&around("(memory 1)", 0, 16, "(i32.const 800)", &(at(0) + &at(8))), &options()), 32);
}

// ---- Random loops ----

/// What the statements of one loop have in common.
struct Shape {
    ty: &'static str,
    size: u32,
}

impl Random {
    /// An address, with `@` for what changes from statement to statement.
    fn address(&mut self, shape: &Shape) -> String {
        let near = self.below(6) * shape.size + self.of(&[0, 0, 0, 0, 0, 0, 4, 1]);
        let offset = near + self.of(&[0, 0, 0, 1024, 8192, 20000]);
        match self.below(6) {
            0 => format!("offset={offset} (i32.add (local.get $i) (i32.const @))"),
            1 => format!("offset=@ (i32.add (i32.const {offset}) (local.get $i))"),
            2 => format!("offset=@ (i32.add (i32.add (local.get $r) (local.get $i)) (i32.const {offset}))"),
            3 => format!("offset={offset} (i32.add (i32.add (local.get $i) (i32.const @)) (local.get $r))"),
            4 => format!("offset={} (i32.sub (i32.add (local.get $i) (i32.const @)) (i32.const 64))", offset + 64),
            _ => format!("offset={offset} (i32.add (i32.const @) (local.get $i))"),
        }
    }

    fn value(&mut self, shape: &Shape, depth: u32) -> String {
        let ty = shape.ty;
        if depth == 0 || self.below(6) == 0 {
            return match self.below(8) {
                0 => "(local.get $k)".to_owned(),
                1 => format!("({ty}.const {})", self.of(&["0.5", "-1.25", "3"])),
                2 => "(local.get $c)".to_owned(),
                3 => format!("(local.tee $c ({ty}.load {}))", self.address(shape)),
                _ => format!("({ty}.load {})", self.address(shape)),
            };
        }
        let x = self.value(shape, depth - 1);
        match self.below(10) {
            0 => format!("({ty}.neg {x})"),
            1 => format!("({ty}.abs {x})"),
            2 => format!("({ty}.sqrt ({ty}.abs {x}))"),
            3 => format!("({ty}.mul {x} (local.get $k))"),
            4 => format!("({ty}.mul ({ty}.const 0.75) {x})"),
            5 => format!("({ty}.div {x} ({ty}.const 3))"),
            6 | 7 => format!("({ty}.sub {x} {})", self.value(shape, depth - 1)),
            _ => format!("({ty}.add {x} {})", self.value(shape, depth - 1)),
        }
    }

    /// A loop of one, two or four copies of one or two statements, now and then with one that is different.
    fn function(&mut self, number: u32) -> String {
        let shape = if self.below(3) > 0 { Shape { ty: "f64", size: 8 } } else { Shape { ty: "f32", size: 4 } };
        let ty = shape.ty;
        let copies = self.of(&[1, 1, 2, 2, 4, 8]);
        let turns = self.of(&[1, 2, 3, 4, 6, 8, 12, 20, 30]);
        let step = shape.size * self.of(&[copies, copies, copies, copies, copies + 1, 1]);
        let (start, step) = match self.below(12) {
            0 => (65536 - self.below(200), step),
            1 => (1024 + turns * step, step.wrapping_neg()),
            _ => (64 + 8 * self.below(8), step),
        };
        let end = start.wrapping_add(step.wrapping_mul(turns));
        let less = if self.below(4) == 0 { end } else { 0 };
        let statements: Vec<(String, String)> = (0..1 + self.below(2))
            .map(|_| {
                let depth = self.below(4);
                (self.address(&shape), self.value(&shape, depth))
            })
            .collect();
        let mut body = String::new();
        let backwards = self.below(6) == 0;
        let grouped = self.below(3) == 0;
        let mut all: Vec<(u32, usize)> =
            (0..copies).flat_map(|copy| (0..statements.len()).map(move |at| (copy, at))).collect();
        if grouped {
            all.sort_by_key(|&(copy, at)| (at, copy));
        }
        if backwards {
            all.reverse();
        }
        for (copy, at) in all {
            let (mut address, mut value) = statements[at].clone();
            match self.below(40) {
                0 => address = self.address(&shape),
                1 => value = self.value(&shape, 2),
                _ => {}
            }
            body += &format!("({ty}.store {address} {value})\n").replace('@', &(copy * shape.size).to_string());
        }
        format!(
            r#"(func (export "f{number}") (param $n i32) (result i32) (local $i i32) (local $r i32) (local $k {ty}) (local $c {ty})
  (local.set $i (i32.const {}))
  (local.set $r (i32.shl (i32.and (local.get $n) (i32.const 63)) (i32.const 3)))
  (local.set $k ({ty}.const 0.375))
  (local.set $c ({ty}.convert_i32_u (local.get $n)))
  (loop $again
    {}
    (br_if $again (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const {step}))) (i32.const {}))))
  (i32.add (local.get $i) (i32.trunc_sat_{ty}_s (local.get $c))))
"#,
            start.wrapping_sub(less),
            counted_from(&body, "$i", less),
            end - less
        )
    }
}

/// Code for a counter that is less by a constant: LLVM prefers those that end with zero.
fn counted_from(body: &str, counter: &str, less: u32) -> String {
    let get = format!("(local.get {counter})");
    if less == 0 { body.to_owned() } else { body.replace(&get, &format!("(i32.add {get} (i32.const {less}))")) }
}

/// Fills the memory with numbers that don't become too large, and sums up what is there.
const TOOLS: &str = r#"(func (export "fill") (local $i i32)
  (loop $again
    (f64.store (local.get $i) (f64.convert_i32_s (i32.sub (i32.mul (local.get $i) (i32.const 37)) (i32.const 99))))
    (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 8))) (i32.const 65536))))
  (loop $floats
    (local.set $i (i32.sub (local.get $i) (i32.const 4)))
    (if (i32.eq (i32.and (i32.load (local.get $i)) (i32.const 0x7f800000)) (i32.const 0x7f800000))
      (then (i32.store (local.get $i) (i32.const 0x41200000))))
    (br_if $floats (local.get $i))))
(func (export "sum") (result i64) (local $i i32) (local $s i64)
  (loop $again
    (local.set $s (i64.mul (i64.xor (local.get $s) (i64.load (local.get $i))) (i64.const 0x100000001b3)))
    (local.set $s (i64.xor (local.get $s) (i64.shr_u (local.get $s) (i64.const 29))))
    (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 8))) (i32.const 65536))))
  (local.get $s))
"#;

/// Compares `FUNCTIONS` random functions, or as many times that as `PALISADE_LOOPS` says, with and without our passes.
fn compare(what: &str, seed: u64, function: fn(&mut Random, u32) -> String) {
    const FUNCTIONS: u32 = 300;
    let rounds = rounds(what, FUNCTIONS);
    let calls = Calls {
        functions: FUNCTIONS,
        args: "0, 1, 40",
        first: "m_fill(m), n_fill(n);",
        differs: "m_sum(m) != n_sum(n)",
        least: (300, 20),
    };
    for round in 0..rounds {
        let mut random = Random(seed + u64::from(round));
        let functions: String = (0..FUNCTIONS).map(|number| function(&mut random, number)).collect();
        let wat = format!("(module (memory 1)\n{TOOLS}{functions})");
        let found = vectors(&wat, &options());
        assert!(found > 100, "{found} vectors in {FUNCTIONS} {what}");
        agree(&wat, &calls.host(), &format!("{what}, round {round}"));
    }
}

#[test]
fn random_loops_do_the_same() {
    compare("loops", 42, Random::function);
}
