//! All atomic accesses on memories of all kinds, as a script: the official suite knows memory 0 only.

use std::fmt::Write as _;

/// Type on the stack, what the name says of the width, bytes in memory.
const WIDTHS: [(&str, &str, &str, u32); 7] = [
    ("i32", "", "", 4),
    ("i32", "8", "_u", 1),
    ("i32", "16", "_u", 2),
    ("i64", "", "", 8),
    ("i64", "8", "_u", 1),
    ("i64", "16", "_u", 2),
    ("i64", "32", "_u", 4),
];

/// Imports and memories, the index of the memory that is used, and its index type.
const MEMORIES: [(&str, u32, &str); 6] = [
    ("(memory 1)", 0, "i32"),
    ("(memory 1 1 shared)", 0, "i32"),
    (r#"(memory (import "spectest" "shared_memory") 1 2 shared)"#, 0, "i32"),
    ("(memory 0) (memory 1)", 1, "i32"),
    ("(memory i64 1)", 0, "i64"),
    ("(memory 0) (memory i64 1 1 shared)", 1, "i64"),
];

/// An immediate offset beyond any guard.
const FAR: u64 = 0x7000_0000;
/// What memory holds at first, and operands.
const OLD: u64 = 0x8877_6655_4433_2211;
const OPERAND: u64 = 0x0102_0304_f5f6_f7f8;

/// One instruction.
struct Atomic {
    /// As in the text format.
    name: String,
    ty: &'static str,
    bytes: u32,
    kind: &'static str,
}

fn atomics() -> Vec<Atomic> {
    let mut all = Vec::new();
    for kind in ["load", "store", "add", "sub", "and", "or", "xor", "xchg", "cmpxchg"] {
        for (ty, width, suffix, bytes) in WIDTHS {
            let name = match kind {
                "load" => format!("{ty}.atomic.load{width}{suffix}"),
                "store" => format!("{ty}.atomic.store{width}"),
                _ => format!("{ty}.atomic.rmw{width}.{kind}{suffix}"),
            };
            all.push(Atomic { name, ty, bytes, kind });
        }
    }
    all
}

impl Atomic {
    fn mask(&self) -> u64 {
        u64::MAX >> (64 - 8 * self.bytes)
    }

    /// The new value of the bytes it writes.
    fn new_value(&self) -> u64 {
        let new = match self.kind {
            "load" => OLD,
            "add" => OLD.wrapping_add(OPERAND),
            "sub" => OLD.wrapping_sub(OPERAND),
            "and" => OLD & OPERAND,
            "or" => OLD | OPERAND,
            "xor" => OLD ^ OPERAND,
            _ => OPERAND,
        };
        new & self.mask()
    }

    /// A function `name` that takes an index, with the operands as constants and the result dropped if `drops`.
    fn function(&self, export: &str, memory: u32, index: &str, offset: u64, drops: bool) -> String {
        let ty = self.ty;
        let constant = |bits: u64| match ty {
            "i32" => format!("(i32.const 0x{:x})", bits as u32),
            _ => format!("(i64.const 0x{bits:x})"),
        };
        let operands = match self.kind {
            "load" => String::new(),
            "cmpxchg" => constant(OLD & self.mask()) + &constant(OPERAND),
            _ => constant(OPERAND),
        };
        let results = self.kind != "store" && !drops;
        let result = if results { format!("(result {ty})") } else { String::new() };
        let drop = if self.kind != "store" && drops { "(drop)" } else { "" };
        let name = &self.name;
        format!(
            "(func (export \"{export}\") (param {index}) {result} \
             ({name} {memory} offset={offset} (local.get 0) {operands}) {drop})\n"
        )
    }
}

/// The script: a module per kind of memory, then its calls. A line per directive.
pub fn script() -> String {
    let mut text = String::new();
    for (declared, memory, index) in MEMORIES {
        module(&mut text, declared, memory, index);
        for atomic in atomics() {
            calls(&mut text, &atomic, index);
        }
    }
    text
}

fn module(text: &mut String, declared: &str, memory: u32, index: &str) {
    writeln!(text, "(module {declared}").expect("writing to a string");
    writeln!(text, "(func (export \"set\") (param {index} i64) (i64.store {memory} (local.get 0) (local.get 1)))")
        .expect("writing to a string");
    writeln!(text, "(func (export \"get\") (param {index}) (result i64) (i64.load {memory} (local.get 0)))")
        .expect("writing to a string");
    for atomic in atomics() {
        let name = &atomic.name;
        text.push_str(&atomic.function(name, memory, index, 16, false));
        text.push_str(&atomic.function(&format!("{name} dropped"), memory, index, 16, true));
        text.push_str(&atomic.function(&format!("{name} far"), memory, index, FAR, true));
        text.push_str(&atomic.function(&format!("{name} odd"), memory, index, 3, true));
    }
    text.push_str(")\n");
}

fn calls(text: &mut String, atomic: &Atomic, index: &str) {
    let Atomic { name, ty, bytes, kind } = atomic;
    let mut line = |line: String| writeln!(text, "{line}").expect("writing to a string");
    let get = |value: u64| format!("(assert_return (invoke \"get\" ({index}.const 24)) (i64.const 0x{value:x}))");
    let set = format!("(invoke \"set\" ({index}.const 24) (i64.const 0x{OLD:x}))");
    let after = OLD & !atomic.mask() | atomic.new_value();
    let old = OLD & atomic.mask();
    let result = if *kind == "store" { String::new() } else { format!("({ty}.const 0x{old:x})") };
    line(set.clone());
    line(format!("(assert_return (invoke \"{name}\" ({index}.const 8)) {result})"));
    line(get(after));
    line(set);
    line(format!("(assert_return (invoke \"{name} dropped\" ({index}.const 8)))"));
    line(get(after));
    let beyond = "out of bounds memory access";
    // The last place that fits, and the first that does not.
    line(format!("(assert_return (invoke \"{name} dropped\" ({index}.const {})))", 65536 - 16 - bytes));
    line(format!("(assert_trap (invoke \"{name} dropped\" ({index}.const {})) \"{beyond}\")", 65536 - 16));
    line(format!("(assert_trap (invoke \"{name} dropped\" ({index}.const -64)) \"{beyond}\")"));
    line(format!("(assert_trap (invoke \"{name} far\" ({index}.const 0)) \"{beyond}\")"));
    if *bytes > 1 {
        let unaligned = "unaligned atomic";
        line(format!("(assert_trap (invoke \"{name} dropped\" ({index}.const {})) \"{unaligned}\")", bytes / 2));
        line(format!("(assert_trap (invoke \"{name} odd\" ({index}.const 8)) \"{unaligned}\")"));
        line(format!("(assert_return (invoke \"{name} odd\" ({index}.const 5)))"));
    }
}
