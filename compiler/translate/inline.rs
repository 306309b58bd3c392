//! Calls that become the code of their callee: a block in which the callee's locals are variables of their own and its
//! `return` is a branch to the end. `plan/inline.rs` says which functions that may be done with: what they do calls nothing.

use super::function::Translator;
use super::hint::Hints;
use super::location::{Inlined, Locations};
use super::loops;
use super::signature::value_type;
use crate::error::Result;
use crate::plan::{Callee, INLINED_LOCALS};
use wasmparser::{BlockType, FunctionBody};

/// So many instructions come into one function this way. What is left are calls.
const GROWTH: u32 = 4000;

/// Instructions of a callee that may trap, where its call is not inside a loop: then a call costs little, and what
/// reports have to know of the copy takes as much room as the call.
const FEW_OUTSIDE: u32 = 12;

/// What has been inlined into a function.
#[derive(Default)]
pub struct Inlining {
    /// Calls.
    pub calls: usize,
    /// Instructions.
    operators: u32,
    /// Position in the control stack of the callee's own block, inside of one.
    pub block: Option<usize>,
    /// Where the code came from.
    pub locations: Locations,
}

/// What the code of a callee says of where it comes from.
#[derive(Clone, Copy)]
enum Location {
    /// From the call.
    Call,
    /// From locations of its own.
    Own { first: u32 },
}

impl Translator<'_, '_> {
    /// Puts the callee's code in place of a call, if it is small, and the call is not one that is rarely made.
    pub fn inline(&mut self, function: u32) -> Result<bool> {
        let env = self.env;
        let Some(&callee) = env.plan.callees.get(&function).filter(|callee| self.is_worth(callee)) else {
            return Ok(false);
        };
        let body = &env.module.bodies[(function - env.module.imported_functions) as usize].body;
        let Some(location) = self.locate(function, body, callee) else { return Ok(false) };
        self.inlining.operators += callee.size;
        self.inlining.calls += 1;
        let ours =
            std::mem::replace(&mut self.hints, Hints::new(env.module.hints.function(function), body.range().start));
        self.callee(function, body, location)?;
        self.hints = ours;
        Ok(true)
    }

    fn is_worth(&self, callee: &Callee) -> bool {
        let fits = self.inlining.operators + callee.size <= GROWTH;
        // Where variables are few since calls are many, locals would live in the frame.
        let plain_enough = callee.plain || callee.size <= FEW_OUTSIDE || self.loops.is_inside();
        // What may not be written to is an error with the name of the function it stands in.
        let known = callee.plain || !self.forbids_writes;
        fits && plain_enough && known && !self.hints.is_cold() && self.ssa_locals >= INLINED_LOCALS
    }

    /// Where the callee's code says it comes from: what reports can't name is at the place of its call.
    fn locate(&mut self, function: u32, body: &FunctionBody<'_>, callee: Callee) -> Option<Location> {
        if callee.plain {
            return Some(Location::Call);
        }
        let range = body.range();
        // Offsets are below 4 GiB: wasm sections are.
        let (start, size) = (range.start as u32, (range.end - range.start) as u32);
        let inlined = Inlined { function, call: self.location };
        self.inlining.locations.add(start, size, inlined).map(|first| Location::Own { first })
    }

    /// Translates the callee's body, with its arguments on the stack, where its results come to be.
    fn callee(&mut self, function: u32, body: &FunctionBody<'_>, location: Location) -> Result<()> {
        let ty = self.env.module.function_type(function);
        let loops = loops::look(body, &self.env.plan.callees)?.hoistable;
        self.hoistable.extend(loops.into_iter().rev());
        let call = self.location;
        let args = self.pop_many(ty.params().len());
        let ours = std::mem::take(&mut self.locals);
        for (&ty, arg) in ty.params().iter().zip(args) {
            let local = self.declare_local(value_type(ty), arg);
            self.locals.push(local);
        }
        self.inline_locals(body)?;
        self.inlining.block = Some(self.control.len());
        self.block(ty.results().first().map_or(BlockType::Empty, |&ty| BlockType::Type(ty)));
        let mut reader = body.get_operators_reader()?;
        while !reader.eof() {
            let (op, offset) = reader.read_with_offset()?;
            if let Location::Own { first } = location {
                self.set_location(u64::from(first) + offset - body.range().start);
            }
            self.hints.reach(offset);
            self.operator(&op, offset as usize)?;
        }
        self.set_location(u64::from(call));
        self.inlining.block = None;
        self.locals = ours;
        Ok(())
    }

    /// A callee's locals, other than its parameters: a few numbers.
    fn inline_locals(&mut self, body: &FunctionBody<'_>) -> Result<()> {
        for group in body.get_locals_reader()? {
            let (count, ty) = group?;
            for _ in 0..count {
                let ty = value_type(ty);
                let zero = self.zero(ty);
                let local = self.declare_local(ty, zero);
                self.locals.push(local);
            }
        }
        Ok(())
    }
}
