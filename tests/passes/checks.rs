//! Bounds checks: `views`, `checks`, `versions`.

use super::{count, options};
use crate::support::random::Random;
use crate::support::twins::{silent, without_passes};
use crate::support::{Machine, compile_with, machines, run, scratch, write};
use palisade::Options;

/// How many bounds checks memory 0 in mode `checked` has in a module: by wasm, in the code, in second versions of loops.
fn checks(wat: &str, without: Option<&str>) -> (usize, usize, usize) {
    let found = palisade::compile(&wat::parse_str(wat).expect(wat), &checked_options("m", without)).expect(wat).checks;
    (found.before, found.after, found.aside)
}

fn checked_options(name: &str, without: Option<&str>) -> Options {
    let mut options = options(name, without);
    options.memories = vec![palisade::plan::MemorySpec::parse("*:mode=checked").expect("a spec")];
    options
}

/// A module with a function of four parameters.
fn function(memory: &str, body: &str) -> String {
    format!(
        r#"(module (memory {memory}) (func $other (call $other))
  (func (export "f") (param $a i32) (param $b i32) (param $n i32) (param $w i64) (result i32) (local $s i32) {body}
    (local.get $s)))"#
    )
}

fn once(memory: &str, body: &str) -> (usize, usize, usize) {
    checks(&function(memory, body), None)
}

#[test]
fn checks_below_the_minimum_disappear() {
    let masked = |mask: u32| format!("(drop (i32.load (i32.and (local.get $a) (i32.const {mask}))))");
    assert_eq!(once("1", &masked(255)), (1, 0, 0));
    assert_eq!(once("1", &masked(0xfffc)), (1, 0, 0), "0xfffc is the last word's address");
    assert_eq!(once("1", &masked(0xffff)), (1, 1, 0), "0xfffd is not inside");
    assert_eq!(once("2", &masked(0xffff)), (1, 0, 0));
    assert_eq!(once("0", &masked(255)), (1, 1, 0), "there may be nothing");
    assert_eq!(once("1", "(drop (i32.load offset=65532 (i32.const 0)))"), (1, 0, 0));
    assert_eq!(once("1", "(drop (i32.load offset=65533 (i32.const 0)))"), (1, 1, 0));
    assert_eq!(checks(&function("1", &masked(255)), Some("checks")), (1, 1, 0));
    let wide = "(drop (i32.load (i64.extend_i32_u (i32.and (local.get $a) (i32.const 255)))))";
    assert_eq!(once("i64 1", wide), (1, 0, 0));
    assert_eq!(once("i64 1", "(drop (i32.load (i64.const 65532)))"), (1, 0, 0));
    assert_eq!(once("i64 1", "(drop (i32.load (i64.const 65533)))"), (1, 1, 0));
    assert_eq!(once("i64 1", "(drop (i32.load (i64.const -4)))"), (1, 1, 0), "2⁶⁴ - 4");
}

#[test]
fn checks_that_others_imply_disappear() {
    let (far, near) = ("(drop (i32.load offset=8 (local.get $a)))", "(drop (i32.load (local.get $a)))");
    let store = "(i32.store (local.get $a) (i32.const 7))";
    assert_eq!(once("1", &format!("{far}{near}{store}")), (3, 1, 0));
    // Never stricter: the first access must be seen to happen before the second one traps.
    assert_eq!(once("1", &format!("{store}{far}")), (2, 2, 0));
    assert_eq!(once("1", &format!("{far} (if (local.get $b) (then {near}))")), (2, 1, 0));
    assert_eq!(once("1", &format!("(if (local.get $b) (then {far})) {near}")), (2, 2, 0), "not on every way");
    // What else may have happened to the memory is not looked at.
    assert_eq!(once("1", &format!("{far} (drop (memory.grow (i32.const 1))) {near}")), (2, 2, 0));
    assert_eq!(once("1", &format!("{far} (call $other) {near}")), (2, 2, 0));
    assert_eq!(once("1 2 shared", &format!("{far} (atomic.fence) {near}")), (2, 2, 0));
    // Sums that can't wrap are the same index further on; (a << 2) + 2³² - 4 is another one.
    let multiple = "(local.set $s (i32.shl (local.get $a) (i32.const 2)))";
    let at = |constant: i64| format!("(drop (i32.load (i32.add (local.get $s) (i32.const {constant}))))");
    let beyond = "(drop (i32.load offset=3 (local.get $s)))";
    assert_eq!(once("1", &format!("{multiple} {beyond} {}", at(3))), (2, 1, 0));
    assert_eq!(once("1", &format!("{multiple} {} {}", at(-4), at(0))), (2, 2, 0));
    // Of different memories.
    let two = "(module (memory 1) (memory 1) (func (export \"f\") (param i32) (drop (i32.load 0 (local.get 0))) (drop (i32.load 1 (local.get 0)))))";
    assert_eq!(checks(two, None), (2, 2, 0));
}

/// The text of the blocks of a listing that check a bound.
fn checking_blocks(wat: &str, without: Option<&str>) -> String {
    let text = palisade::assembly(&wat::parse_str(wat).expect(wat), &checked_options("m", without)).expect(wat);
    let blocks_of = |function: &str| {
        let blocks: Vec<String> = function.split("\nblock").map(str::to_owned).collect();
        // What is refused goes on in cold code, which says which address it was.
        let number = |block: &String| block.split(':').next().unwrap_or_default().to_owned();
        let refusals: Vec<String> = blocks.iter().filter(|block| block.contains("ud2")).map(number).collect();
        let checks = |block: &String| refusals.iter().any(|number| block.contains(&format!("label{number};")));
        blocks.into_iter().filter(checks).collect::<Vec<_>>()
    };
    text.split("; function ").flat_map(blocks_of).collect::<Vec<_>>().join("\n")
}

/// A loop that follows a chain: nobody knows its addresses.
fn chain(extra: &str) -> String {
    function("1", &format!("(loop $again {extra} (br_if $again (local.tee $a (i32.load (local.get $a)))))"))
}

#[test]
fn views_and_limits_leave_loops_that_leave_memories_alone() {
    let loop_of = |extra: &str, without| checking_blocks(&chain(extra), without);
    let plain = loop_of("", None);
    assert!(!plain.contains("-0x") && plain.contains("cmpq") && !plain.contains("lea"), "{plain}");
    assert!(loop_of("", Some("views")).contains("-0x"), "the pass does that");
    assert!(loop_of("", Some("checks")).contains("lea"), "and this one the rest");
    for loud in [
        "(drop (memory.grow (i32.const 1)))",
        "(call $other)",
        "(atomic.fence)",
        "(drop (i32.atomic.rmw.add (i32.const 0) (i32.const 1)))",
    ] {
        assert!(loop_of(loud, None).contains("-0x"), "{loud}");
    }
    // A sum that may overflow is none any more.
    let wide = function(
        "i64 1",
        "(loop $again (br_if $again (i32.wrap_i64 (local.tee $w (i64.load offset=8 (local.get $w))))))",
    );
    let text = checking_blocks(&wide, None);
    let branches = |text: &str| text.lines().filter(|line| line.starts_with("  j") && line.contains(';')).count();
    assert!(branches(&text) == 1 && !text.contains("-0x"), "{text}");
    assert_eq!(branches(&checking_blocks(&wide, Some("checks"))), 2);
}

/// A loop over words from $a on that is left when $n is 0 more.
fn counted(step: i32, access: &str, last: &str) -> String {
    format!(
        r#"(loop $again
    (local.set $s (i32.add (local.get $s) {access}))
    (local.set $a (i32.add (local.get $a) (i32.const {step})))
    {last}
    (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))"#
    )
}

#[test]
fn loops_over_ranges_have_a_version_without_checks() {
    let load = "(i32.load (local.get $a))";
    assert_eq!(once("1", &counted(4, load, "")), (1, 0, 1));
    assert_eq!(once("1", &counted(-4, load, "")), (1, 0, 1));
    assert_eq!(checks(&function("1", &counted(4, load, "")), Some("versions")), (1, 1, 0));
    let column = "(i32.load (i32.add (local.get $b) (i32.mul (local.get $n) (i32.const 24))))";
    assert_eq!(once("1", &counted(4, &format!("(i32.add {load} {column})"), "")), (2, 0, 2));
    // Some checks may stay, if no more than disappear.
    let gathered = |loads: &str| once("1", &counted(4, &format!("(i32.load {loads})"), ""));
    assert_eq!(gathered(load), (2, 1, 2));
    assert_eq!(gathered(&format!("(i32.load {load})")), (3, 3, 0));
    // Not: what is not known in front of the loop, what may be left early, what calls or grows.
    assert_eq!(
        once("1", &format!("(block $out {})", counted(4, load, "(br_if $out (i32.eq (local.get $s) (i32.const 9)))"))),
        (1, 1, 0)
    );
    assert_eq!(once("1", &counted(4, load, "(call $other)")), (1, 1, 0));
    assert_eq!(once("1", &counted(4, load, "(drop (memory.grow (i32.const 1)))")), (1, 1, 0));
    assert_eq!(once("1 2 shared", &counted(4, load, "(atomic.fence)")), (1, 1, 0));
    assert_eq!(
        once("1 2 shared", &counted(4, load, "")),
        (1, 0, 1),
        "a length that was read before is at most too small"
    );
    assert_eq!(once("0", &counted(4, load, "")), (1, 1, 0), "there may be nothing: no limit");
    let wide = "(i32.load (local.get $w))";
    assert_eq!(once("i64 1", &counted(4, wide, "(local.set $w (i64.add (local.get $w) (i64.const 4)))")), (1, 1, 0));
}

/// Compares what is at $a + $i with what is at $b, for all $i below $n, up to $m words; `more` happens each time.
fn search(memory: &str, word: &str, end: &str, more: &str) -> (usize, usize, usize) {
    let text = format!(
        r#"(module (memory {memory}) (func $other (call $other))
  (func (export "f") (param $a i32) (param $b i32) (param $n i32) (param $m i32) (result i32)
    (local $i i32) (local $j i32) (local $k i32) (local $s i32)
    (block $done (loop $all
      (local.set $j (i32.const 0))
      (block $out (loop $again
        (br_if $out (i32.ne (i32.load8_u (i32.add (i32.add (local.get $a) (local.get $i)) (local.get $j)))
                            (i32.load8_u {word})))
        (local.set $j (i32.add (local.get $j) (i32.const 1)))
        (br_if $again (i32.ne (local.get $j) {end}))))
      {more}
      (local.set $s (i32.add (local.get $s) (i32.eq (local.get $j) (local.get $m))))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $all (i32.ne (local.get $i) (local.get $n)))))
    (local.get $s)))"#
    );
    checks(&text, None)
}

#[test]
fn loops_around_those_that_are_left_early_have_a_version_without_checks() {
    let (word, end) = ("(i32.add (local.get $b) (local.get $j))", "(local.get $m)");
    assert_eq!(search("1", word, end, ""), (2, 0, 2));
    // What the inner loop starts from may change in the outer one, as long as it does by the same number.
    let row = "(i32.add (local.get $b) (i32.add (local.get $j) (i32.mul (local.get $i) (local.get $m))))";
    assert_eq!(search("1", row, end, ""), (2, 0, 2));
    assert_eq!(search("1", word, end, "(i32.store (i32.shl (local.get $i) (i32.const 2)) (i32.const 7))"), (3, 0, 3));
    // Not: if the inner loop turns more often each time, if the place is read, or no check may stay, or all is left early.
    assert_eq!(search("1", word, "(i32.add (local.get $i) (i32.const 9))", ""), (2, 2, 0));
    let read = "(local.set $b (i32.load (i32.const 0)))";
    assert_eq!(search("1", word, end, read), (3, 2, 0));
    let product = "(i32.mul (local.get $j) (local.get $i))";
    assert_eq!(search("1", product, end, ""), (2, 2, 0), "another number in each turn");
    assert_eq!(search("1", word, end, "(drop (i32.load (local.get $s)))"), (3, 3, 0));
    assert_eq!(search("1", word, end, "(br_if $done (i32.eq (local.get $s) (i32.const 9)))"), (2, 2, 0));
    // Nor what may grow, or may be nothing.
    assert_eq!(search("1", word, end, "(call $other)"), (2, 2, 0));
    assert_eq!(search("1", word, end, "(drop (memory.grow (i32.const 1)))"), (2, 2, 0));
    assert_eq!(search("1 2 shared", word, end, "(atomic.fence)"), (2, 2, 0));
    assert_eq!(search("0", word, end, ""), (2, 2, 0));
}

#[test]
fn second_versions_lie_behind_all_other_code() {
    let text = function("1", &counted(4, "(i32.load (local.get $a))", "(i32.store (local.get $a) (i32.const 1))"));
    let check = checking_blocks(&text, None);
    let check = check.lines().find(|line| line.contains("cmp")).expect("a check").to_owned();
    let text = palisade::assembly(&wat::parse_str(&text).expect("a module"), &checked_options("m", None));
    let text = text.expect("it compiles");
    let behind = text.split("retq").last().expect("the end");
    assert!(behind.contains(&check) && count(behind, &["movl", "$0x1,"]) == 1, "{text}");
}

#[test]
fn the_command_counts_checks() {
    let dir = scratch();
    let wat = write(dir.path(), "m.wat", function("1", &counted(4, "(i32.load (local.get $a))", "")));
    let mut palisade = Machine::host().palisade();
    palisade.args(["-v", "-c", "--memory", "0:mode=checked", "-o"]).arg(dir.path().join("m.o")).arg(wat);
    let said = run(&mut palisade).expect(0).stderr();
    assert!(said.contains("1 bounds checks, 0 after optimization, and 1 in versions of loops"), "{said}");
}

impl Random {
    /// What is done at an index.
    fn access(&mut self, offset: u32, index: &str) -> String {
        let sum = |what: &str| format!("(local.set $s (i32.add (local.get $s) {what}))");
        match self.below(5) {
            0 => format!("(i32.store8 offset={offset} {index} (local.get $s))"),
            1 => format!("(i32.store offset={offset} {index} (local.get $s))"),
            2 => sum(&format!("(i64.eqz (i64.load offset={offset} {index}))")),
            // Nobody knows where the second one is.
            3 => sum(&format!("(i32.load8_u (i32.load offset={offset} {index}))")),
            _ => sum(&format!("(i32.load8_u offset={offset} {index})")),
        }
    }

    /// A loop over $j in one over $i, which is left early.
    fn left_early(&mut self) -> String {
        let step = self.of(&[1i32, 2, 8, -1, -4]);
        let turns = 1 + self.below(40) as i32;
        let (start, end) = match self.below(4) {
            0 if step > 0 => {
                ("(local.get $b)".to_owned(), format!("(i32.add (local.get $b) (i32.const {}))", step * turns))
            }
            1 if step > 0 => {
                ("(i32.const 0)".to_owned(), format!("(i32.and (local.get $b) (i32.const {}))", step * turns))
            }
            _ if step < 0 => (format!("(i32.const {})", -step * turns), "(i32.const 0)".to_owned()),
            _ => ("(i32.const 0)".to_owned(), format!("(i32.const {})", step * turns)),
        };
        let condition = match (step > 0, start.contains("$b")) {
            (true, false) => self.of(&["lt_u", "lt_s"]),
            (false, false) => self.of(&["gt_s", "ne"]),
            _ => "ne",
        };
        let index = self.of(&[
            "(i32.add (local.get $a) (i32.add (local.get $i) (local.get $j)))",
            "(i32.add (local.get $a) (i32.sub (local.get $j) (local.get $i)))",
            "(i32.add (local.get $i) (i32.shl (local.get $j) (i32.const 2)))",
            "(i32.add (local.get $a) (i32.add (i32.mul (local.get $i) (local.get $b)) (i32.mul (local.get $j) (local.get $n))))",
            "(i32.sub (local.get $a) (local.get $j))",
            "(i32.mul (i32.sub (local.get $i) (local.get $j)) (i32.const 12))",
        ]);
        let offset = self.of(&[0u32, 0, 16, 65000]);
        let access = self.access(offset, index);
        let out = self.of(&["(i32.eq (i32.and (local.get $s) (i32.const 31)) (i32.const 5))", "(i32.const 0)"]);
        format!(
            r#"(local.set $j {start})
    (block $out (loop $inner {access}
      (br_if $out {out})
      (local.set $j (i32.add (local.get $j) (i32.const {step})))
      (br_if $inner (i32.{condition} (local.get $j) {end}))))"#
        )
    }
}

/// Loops that turn as often as parameters say, over ranges that parameters begin, written down in all the ways that
/// compilers do.
fn counted_function(random: &mut Random, number: u32) -> (String, String) {
    let step = random.of(&[1i32, 2, 4, 8, 12, 24, -1, -4, -8, -12]);
    let index = match random.below(5) {
        0 => "(local.get $i)".to_owned(),
        1 => "(i32.add (local.get $a) (local.get $i))".to_owned(),
        2 => format!("(i32.add (local.get $a) (i32.shl (local.get $i) (i32.const {})))", random.below(4)),
        3 => "(i32.add (local.get $a) (i32.mul (local.get $i) (local.get $b)))".to_owned(),
        _ => format!("(i32.sub (local.get $a) (i32.sub (i32.const {}) (local.get $i)))", random.below(70)),
    };
    let offset = random.of(&[0u32, 0, 4, 1000, 65532]);
    let access = random.access(offset, &index);
    let other = random.of(&[
        "",
        "(i32.store8 (i32.and (local.get $s) (i32.const 0xffff)) (i32.const 3))",
        "(if (i32.and (local.get $s) (i32.const 1)) (then (i32.store (local.get $b) (local.get $s))))",
    ]);
    let conditions: &[&str] =
        if step > 0 { &["ne", "lt_u", "lt_s", "le_u", "le_s"] } else { &["ne", "gt_u", "gt_s", "ge_u", "ge_s"] };
    let condition = random.of(conditions);
    let ahead = random.below(2) == 0;
    let tested =
        if ahead { format!("(i32.add (local.get $i) (i32.const {step}))") } else { "(local.get $i)".to_owned() };
    let test = format!("(i32.{condition} {tested} (local.get $n))");
    let next = format!("(local.set $i (i32.add (local.get $i) (i32.const {step})))");
    let (before, after) = if random.below(2) == 0 { (next.as_str(), "") } else { ("", next.as_str()) };
    let inner = if random.below(2) == 0 { String::new() } else { random.left_early() };
    let text = format!(
        r#"(func $f{number} (export "f{number}") (param $a i32) (param $b i32) (param $i i32) (param $n i32) (result i32)
  (local $s i32) (local $j i32)
  (loop $again {before} {inner} {access} {other} {after} (br_if $again {test}))
  (i32.add (local.get $s) (i32.mul (local.get $i) (i32.const 31))))
"#
    );
    // For the host, which leaves out loops that turn too often.
    let (ty, c) = if condition.ends_with('s') { ("int32_t", condition) } else { ("uint32_t", condition) };
    let c = [("ne", "!="), ("lt", "<"), ("le", "<="), ("gt", ">"), ("ge", ">=")]
        [["ne", "lt", "le", "gt", "ge"].iter().position(|n| c.starts_with(n)).expect("one of them")]
    .1;
    let ahead = if ahead { step } else { 0 };
    let turns = format!(
        "static int turns{number}(uint32_t i, uint32_t n)\n{{\n\tint turns = 0;\n\tdo\n\t\ti += (uint32_t){step};\n\
         \twhile (({ty})(i + (uint32_t){ahead}) {c} ({ty})n && ++turns < 3000);\n\treturn turns;\n}}\n"
    );
    (text, turns)
}

/// The host runs each with parameters around all edges.
const RANGES: &str = r#"
static const uint32_t numbers[] = { 0, 1, 3, 16, 24, 1000, 65500, 65528, 65532, 65535, 65536, 65540, 131072, 0x7ffffff0,
                                    0x7fffffff, 0x80000000, 0xfffefff8, 0xffffff00, 0xfffffff4, 0xffffffff };
enum { NUMBERS = sizeof numbers / sizeof *numbers };
static uint32_t p[4];
static int32_t sum;
struct m_call { struct m *m; int32_t (*f)(struct m *, int32_t, int32_t, int32_t, int32_t); };
struct n_call { struct n *n; int32_t (*f)(struct n *, int32_t, int32_t, int32_t, int32_t); };
static void call_m(void *q) { struct m_call *c = q; sum = c->f(c->m, p[0], p[1], p[2], p[3]); }
static void call_n(void *q) { struct n_call *c = q; sum = c->f(c->n, p[0], p[1], p[2], p[3]); }
static uint64_t seed = 1;
static uint32_t below(uint32_t end)
{
	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (uint32_t)((seed >> 33) % end);
}

int main(void)
{
	struct m *m;
	struct n *n;
	if (pal_m_instantiate(&m) != PAL_TRAP_NONE || pal_n_instantiate(&n) != PAL_TRAP_NONE)
		return 1;
	unsigned done = 0, trapped = 0;
	for (unsigned k = 0; k < sizeof with / sizeof *with; k++)
		for (int round = 0; round < 60; round++) {
			for (int i = 0; i < 4; i++)
				p[i] = numbers[below(NUMBERS)];
			if (below(4)) /* so that most loops end soon */
				p[3] = p[2] + (uint32_t)steps[k] * below(40) + (below(8) == 0);
			if (below(2))
				p[0] = 65536 - below(300), p[2] = below(3), p[3] = p[2] + (uint32_t)steps[k] * below(40);
			if (below(3) == 0)
				p[1] = below(30);
			if (turns[k](p[2], p[3]) >= 3000)
				continue;
			struct m_call c = {m, with[k]};
			struct n_call d = {n, without[k]};
			sum = 0;
			pal_trap t = pal_try(call_m, &c);
			uint64_t at = t != PAL_TRAP_NONE ? pal_last_trap()->offset : 0;
			int32_t s = sum;
			sum = 0;
			pal_trap u = pal_try(call_n, &d);
			uint64_t other = u != PAL_TRAP_NONE ? pal_last_trap()->offset : 0;
			if (t != u || s != sum || at != other)
				printf("f%u(%#x %#x %#x %#x): %d %d at %llu, %d %d at %llu\n", k, p[0], p[1], p[2], p[3], t, s,
				       (unsigned long long)at, u, sum, (unsigned long long)other);
			if (memcmp(pal_memory_data(m_memory(m)), pal_memory_data(n_memory(n)), 131072))
				printf("f%u(%#x %#x %#x %#x): memory\n", k, p[0], p[1], p[2], p[3]);
			done += t == 0;
			trapped += t != 0;
		}
	if (done < 2000 || trapped < 2000)
		printf("%u done, %u trapped\n", done, trapped);
	return 0;
}
"#;

#[test]
fn versions_of_loops_do_what_wasm_says() {
    const FUNCTIONS: u32 = 400;
    let mut random = Random(7);
    let (functions, turns): (Vec<String>, Vec<String>) =
        (0..FUNCTIONS).map(|number| counted_function(&mut random, number)).unzip();
    let wat = format!("(module (memory (export \"memory\") 2 2)\n{})", functions.concat());
    let found = checks(&wat.replace(" 2 2)", " 2)"), None);
    assert!(found.2 > FUNCTIONS as usize / 3, "few loops have versions: {found:?}");
    let names = |prefix: &str| (0..FUNCTIONS).map(|k| format!("{prefix}{k}")).collect::<Vec<_>>().join(", ");
    let steps: Vec<&str> =
        turns.iter().map(|t| t.split("(uint32_t)").nth(1).and_then(|t| t.split(';').next()).expect("a step")).collect();
    let signature = |module: &str| format!("(struct {module} *, int32_t, int32_t, int32_t, int32_t)");
    let host = format!(
        "#include \"m.h\"\n#include \"n.h\"\n#include <stdio.h>\n#include <string.h>\n{}\
         static int (*const turns[])(uint32_t, uint32_t) = {{{}}};\nstatic const int32_t steps[] = {{{}}};\n\
         static int32_t (*const with[]){} = {{{}}};\nstatic int32_t (*const without[]){} = {{{}}};\n{RANGES}",
        turns.concat(),
        names("turns"),
        steps.join(", "),
        signature("m"),
        names("m_f"),
        signature("n"),
        names("n_f"),
    );
    for machine in machines() {
        let dir = scratch();
        let with = compile(&machine, dir.path(), "m", &wat);
        let without = without_passes(&machine, dir.path(), "n", &wat);
        silent(&machine, dir.path(), &host, &[with, without], "");
    }
}

/// With all passes, and checks instead of guard pages.
pub fn compile(machine: &Machine, dir: &std::path::Path, name: &str, wat: &str) -> std::path::PathBuf {
    let mut options = checked_options(name, None);
    options.target = machine.target();
    compile_with(dir, wat.as_bytes(), &options)
}
