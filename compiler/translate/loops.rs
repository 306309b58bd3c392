//! Loops that can afford to keep the pinned register's value in another register.
//!
//! A copy per basic block costs a `mov` in every iteration of a tight loop (quicksort's scans: one instruction in
//! eight); a copy that lives across calls or under register pressure is spilled, which costs more. So the copy is made
//! in front of a loop, for all of it, if the loop calls nothing and uses few locals.

use super::{atomic, simd};
use crate::error::Result;
use crate::plan::{Callee, Callees};
use std::collections::HashSet;
use wasmparser::{FunctionBody, Operator};

/// Distinct locals a loop may use: about what fits into registers beside the copy and temporaries.
const FEW_LOCALS: usize = 9;

/// Bytes of a function that need not poll: a caller of a few megabytes may call it a million times.
const SHORT: u64 = 256;

/// What a quick look at a body tells before it is translated.
#[derive(Default)]
pub struct Look {
    /// For each `loop`, in order: true if the base should be copied in front of it.
    pub hoistable: Vec<bool>,
    /// Some code runs inside a `try`.
    pub tries: bool,
    /// Number of calls.
    pub calls: usize,
    /// Interruptible code polls at the entry: it calls, or is long. What runs in between is then short, and ends.
    pub polls: bool,
}

/// Looks through a body. A loop may call what is inlined.
pub fn look(body: &FunctionBody<'_>, callees: &Callees) -> Result<Look> {
    let range = body.range();
    let mut look = Look { polls: range.end - range.start > SHORT, ..Look::default() };
    let loops = &mut look.hoistable;
    let mut open: Vec<Open> = Vec::new();
    let mut depth = 0u32;
    let mut reader = body.get_operators_reader()?;
    while !reader.eof() {
        let op = reader.read()?;
        match op {
            Operator::Loop { .. } => {
                open.push(Open { number: loops.len(), depth, locals: HashSet::new(), calls: false, accesses: false });
                loops.push(false);
                depth += 1;
            }
            Operator::Block { .. } | Operator::If { .. } => depth += 1,
            Operator::Try { .. } | Operator::TryTable { .. } => {
                look.tries = true;
                depth += 1;
            }
            Operator::End | Operator::Delegate { .. } => {
                depth = depth.saturating_sub(1);
                if open.last().is_some_and(|l| l.depth == depth) {
                    close(&mut open, loops);
                }
            }
            _ => {
                look.calls += usize::from(calls(&op));
                look.polls |= calls(&op) || tail_calls(&op);
                let Some(innermost) = open.last_mut() else { continue };
                match op {
                    Operator::Call { function_index } if callees.contains_key(&function_index) => {
                        innermost.note_callee(callees[&function_index]);
                    }
                    _ => innermost.note(&op),
                }
            }
        }
    }
    Ok(look)
}

/// True for what other code may run in: it uses the pinned register, and may throw.
fn calls(op: &Operator<'_>) -> bool {
    matches!(
        op,
        Operator::Call { .. }
            | Operator::CallIndirect { .. }
            | Operator::CallRef { .. }
            | Operator::Throw { .. }
            | Operator::ThrowRef
            | Operator::Rethrow { .. }
    )
}

fn tail_calls(op: &Operator<'_>) -> bool {
    matches!(op, Operator::ReturnCall { .. } | Operator::ReturnCallIndirect { .. } | Operator::ReturnCallRef { .. })
}

/// A loop whose end is not reached yet.
struct Open {
    number: usize,
    depth: u32,
    locals: HashSet<u32>,
    calls: bool,
    accesses: bool,
}

impl Open {
    /// Of what can't repeat anything, no local lives through the loop.
    fn note_callee(&mut self, callee: Callee) {
        if !callee.plain {
            self.accesses = true;
            self.locals.extend((0..callee.locals).map(|local| u32::MAX - local));
        }
    }

    fn note(&mut self, op: &Operator<'_>) {
        match *op {
            Operator::LocalGet { local_index }
            | Operator::LocalSet { local_index }
            | Operator::LocalTee { local_index }
                // More are too many anyway; the sets stay small.
                if self.locals.len() <= FEW_LOCALS =>
            {
                self.locals.insert(local_index);
            }
            _ if calls(op) => self.calls = true,
            // These may ask the runtime about types. (A tail call leaves the loop: the copy need not outlive it.)
            Operator::RefTestNonNull { .. }
            | Operator::RefTestNullable { .. }
            | Operator::RefCastNonNull { .. }
            | Operator::RefCastNullable { .. }
            | Operator::BrOnCast { .. }
            | Operator::BrOnCastFail { .. }
            | Operator::MemoryGrow { .. }
            | Operator::MemoryFill { .. }
            | Operator::MemoryDiscard { .. }
            | Operator::MemoryCopy { .. }
            | Operator::MemoryInit { .. }
            | Operator::MemoryAtomicWait32 { .. }
            | Operator::MemoryAtomicWait64 { .. }
            | Operator::MemoryAtomicNotify { .. }
            | Operator::TableGrow { .. }
            | Operator::TableFill { .. }
            | Operator::TableCopy { .. }
            | Operator::TableInit { .. } => self.calls = true,
            Operator::I32Load { .. }
            | Operator::I64Load { .. }
            | Operator::F32Load { .. }
            | Operator::F64Load { .. }
            | Operator::I32Load8S { .. }
            | Operator::I32Load8U { .. }
            | Operator::I32Load16S { .. }
            | Operator::I32Load16U { .. }
            | Operator::I64Load32S { .. }
            | Operator::I64Load32U { .. }
            | Operator::I32Store { .. }
            | Operator::I64Store { .. }
            | Operator::F32Store { .. }
            | Operator::F64Store { .. }
            | Operator::I32Store8 { .. }
            | Operator::I32Store16 { .. } => self.accesses = true,
            _ => self.accesses |= simd::accesses_memory(op) || atomic::accesses_memory(op),
        }
    }
}

/// Decides about the innermost loop and hands what it knows to the one around it.
fn close(open: &mut Vec<Open>, loops: &mut [bool]) {
    let Some(done) = open.pop() else { return };
    loops[done.number] = done.accesses && !done.calls && done.locals.len() <= FEW_LOCALS;
    if let Some(outer) = open.last_mut() {
        outer.calls |= done.calls;
        outer.accesses |= done.accesses;
        outer.locals.extend(done.locals);
    }
}
