//! Modules that are full of exceptions, which wasm-smith can't make in the legacy way: random trees ([`tree`],
//! [`grow`]), said in three ways each ([`form`]). Wasmtime gets the standard one.

mod form;
mod grow;
mod tree;

use crate::dice::Dice;
use crate::generate::{Subject, plan_calls};
use form::Form;
use tree::Memory;

/// The ways of a tree.
pub const FORMS: u64 = 3;

/// A seed's module: one of the forms of the tree that `seed / FORMS` makes.
pub fn subject(seed: u64) -> Subject {
    let form = [Form::Legacy, Form::Standard, Form::Mixed][(seed % FORMS) as usize];
    let tree = grow::module(&mut Dice::new(seed / FORMS));
    let wasm = |form| {
        let text = form::text(&tree, form);
        wat::parse_str(&text).unwrap_or_else(|e| panic!("seed {seed}: {e}\n{text}"))
    };
    let mut dice = Dice::new(seed);
    let mut subject = Subject::new(seed, wasm(form));
    subject.other = (form != Form::Standard).then(|| wasm(Form::Standard));
    subject.opt_level = [2, 2, 0, 1, 3][dice.below(5) as usize];
    let modes: &[&str] = match tree.memory {
        Memory::Plain | Memory::Shared => &["0:mode=fixed", "*:mode=checked", "0:mode=auto"],
        Memory::Wide | Memory::Bytes => &["*:mode=checked"],
    };
    subject.memory = dice.one_in(3).then(|| modes[dice.below(modes.len() as u64) as usize]);
    plan_calls(&mut subject, &mut Dice::new(seed / FORMS));
    subject
}
