//! What an index is in all iterations of loops inside each other.

use crate::optimize::Unit;
use crate::optimize::analysis::affine::{self, Term};
use cranelift_codegen::ir::Value;
use cranelift_codegen::loop_analysis::Loop;

/// Operations that compute it.
const MAX_TERM: usize = 12;

/// `start`, and for each turn of a loop one of its steps more, modulo 2³².
pub struct Span {
    pub start: Term,
    /// None of them 0.
    pub steps: Vec<(Loop, Term)>,
}

impl Span {
    /// What `value` is in `inner`, as `outer` turns, which is the same loop or around it; of numbers known in front of
    /// `outer`.
    pub fn of(unit: &Unit<'_>, outer: Loop, inner: Loop, value: Value) -> Option<Span> {
        let (func, flow) = (&*unit.func, &unit.flow);
        let mut within = inner;
        let mut affine = affine::of(func, flow, within, value)?;
        let mut steps = Vec::new();
        loop {
            // In each loop around, what a number is made of may be made of more: guests decide how much.
            if affine.start.size() + affine.step.size() > MAX_TERM {
                return None;
            }
            if affine.step != Term::Constant(0) {
                steps.push((within, affine.step));
            }
            if within == outer {
                break;
            }
            // What a loop starts from is itself something in the loop around it.
            within = flow.loops.loop_parent(within)?;
            affine = affine::of_term(func, flow, within, &affine.start)?;
        }
        let span = Span { start: affine.start, steps };
        let known = || span.terms().all(|term| term.is_invariant(func, flow, outer));
        (span.terms().map(Term::size).sum::<usize>() <= MAX_TERM && known()).then_some(span)
    }

    fn terms(&self) -> impl Iterator<Item = &Term> {
        self.steps.iter().map(|(_, step)| step).chain([&self.start])
    }
}
