//! Which instructions the modules have.

use std::collections::HashMap;
use std::fmt;
use std::mem::Discriminant;

use wasmparser::{Operator, Parser, Payload};

/// Instructions by kind: name, and in how many functions.
pub struct Coverage {
    /// Which proposals' instructions are asked for.
    asked_for: fn(&str) -> bool,
    kinds: HashMap<Discriminant<Operator<'static>>, (String, usize)>,
    instructions: usize,
    bytes: usize,
}

/// Names of all instructions there are, and their proposals.
const ALL: &[(&str, &str)] = {
    macro_rules! list {
        ($(@$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {
            &[$((stringify!($op), stringify!($proposal))),*]
        };
    }
    wasmparser::for_each_operator!(list)
};

/// Proposals whose instructions wasm-smith does not make, or we don't know.
const NOT_MADE: &[&str] = &[
    "gc",
    "legacy_exceptions",
    "shared_everything_threads",
    "stack_switching",
    "memory_control",
    "custom_descriptors",
    "acquire_release_atomics",
];

impl Coverage {
    /// All that wasm-smith is asked for.
    pub fn of_all() -> Coverage {
        Coverage::new(|proposal| !NOT_MADE.contains(&proposal))
    }

    pub fn of_exceptions() -> Coverage {
        Coverage::new(|proposal| ["exceptions", "legacy_exceptions"].contains(&proposal))
    }

    fn new(asked_for: fn(&str) -> bool) -> Coverage {
        Coverage { asked_for, kinds: HashMap::new(), instructions: 0, bytes: 0 }
    }

    pub fn add(&mut self, wasm: &[u8]) {
        self.bytes += wasm.len();
        for payload in Parser::new(0).parse_all(wasm) {
            let Payload::CodeSectionEntry(body) = payload.expect("it is well-formed") else { continue };
            for op in body.get_operators_reader().expect("it is well-formed") {
                let op = op.expect("it is well-formed");
                self.instructions += 1;
                self.add_kind(&op);
            }
        }
    }

    pub fn merge(&mut self, other: Coverage) {
        self.bytes += other.bytes;
        self.instructions += other.instructions;
        for (kind, (name, count)) in other.kinds {
            self.kinds.entry(kind).or_insert((name, 0)).1 += count;
        }
    }

    fn add_kind(&mut self, op: &Operator<'_>) {
        // SAFETY: a discriminant holds no lifetime; both types are the same but for theirs.
        let kind = unsafe {
            std::mem::transmute::<Discriminant<Operator<'_>>, Discriminant<Operator<'static>>>(std::mem::discriminant(
                op,
            ))
        };
        let name = || (format!("{op:?}").split([' ', '{']).next().unwrap_or_default().to_owned(), 0);
        self.kinds.entry(kind).or_insert_with(name).1 += 1;
    }

    fn missing(&self) -> Vec<&'static str> {
        let seen = |name: &str| self.kinds.values().any(|(seen, _)| seen == name);
        let made = ALL.iter().filter(|(_, proposal)| (self.asked_for)(proposal));
        made.map(|(name, _)| *name).filter(|name| !seen(name)).collect()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let made = ALL.iter().filter(|(_, proposal)| (self.asked_for)(proposal)).count();
        let missing = self.missing();
        let Coverage { instructions, bytes, .. } = self;
        write!(f, "{bytes} bytes of wasm, {instructions} instructions of {} kinds", self.kinds.len())?;
        write!(f, "; of {made} asked for not among them: {missing:?}")
    }
}
