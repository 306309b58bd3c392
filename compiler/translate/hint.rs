//! Branch hints: code that is rarely run goes to the end of its function, out of the way of the rest.
//!
//! A hint makes one arm of an `if`, the way to a `br_if`'s target, or what follows a `br_if` up to the end of its block
//! cold; blocks that begin inside of cold code are cold, too.

use super::function::Translator;

/// The hints of a function on the way through its code.
#[derive(Default)]
pub struct Hints<'a> {
    /// Those not reached yet; offsets count from the body's start.
    left: &'a [(u32, bool)],
    start: u64,
    /// Of the instruction being translated: whether its branch is likely taken.
    now: Option<bool>,
    /// Height of the control stack inside the block whose rest is cold.
    cold: Option<usize>,
}

impl<'a> Hints<'a> {
    /// Hints of a body that begins at offset `start` of the file.
    pub fn new(hints: &'a [(u32, bool)], start: u64) -> Hints<'a> {
        Hints { left: hints, start, now: None, cold: None }
    }

    /// The instruction at `offset` is next. Hints between instructions are skipped.
    pub fn reach(&mut self, offset: u64) {
        self.now = None;
        while let Some((&(at, taken), rest)) = self.left.split_first() {
            let at = self.start + u64::from(at);
            if at > offset {
                break;
            }
            self.now = (at == offset).then_some(taken);
            self.left = rest;
        }
    }

    /// Whether this instruction's branch is likely taken, if there is a hint.
    pub fn taken(&self) -> Option<bool> {
        self.now
    }

    /// True inside of cold code.
    pub fn is_cold(&self) -> bool {
        self.cold.is_some()
    }
}

impl Translator<'_, '_> {
    /// What follows, up to the end of the innermost block or arm, is cold.
    pub fn begin_cold(&mut self) {
        self.hints.cold.get_or_insert(self.control.len());
    }

    /// The innermost block or arm ends.
    pub fn end_cold(&mut self) {
        if self.hints.cold == Some(self.control.len()) {
            self.hints.cold = None;
        }
    }
}
