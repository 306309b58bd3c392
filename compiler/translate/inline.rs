//! Calls that become the code of their callee: a block in which the callee's locals are variables of their own and its
//! `return` is a branch to the end. `plan/inline.rs` says which functions that is done with: what they do can't trap.

use super::function::Translator;
use super::signature::value_type;
use crate::error::Result;
use crate::plan::INLINED_LOCALS;
use wasmparser::{BlockType, FunctionBody};

/// So many instructions come into one function this way. What is left are calls.
const GROWTH: u32 = 4000;

/// What has been inlined into a function.
#[derive(Default)]
pub struct Inlining {
    /// Calls.
    pub calls: usize,
    /// Instructions.
    operators: u32,
    /// Position in the control stack of the callee's own block, inside of one.
    pub block: Option<usize>,
}

impl Translator<'_, '_> {
    /// Puts the callee's code in place of a call, if it is small, and the call is not one that is rarely made.
    pub fn inline(&mut self, function: u32) -> Result<bool> {
        let env = self.env;
        let Some(&size) = env.plan.inlined.get(&function) else { return Ok(false) };
        let operators = self.inlining.operators + size;
        // Where variables are few since calls are many, locals would live in the frame.
        if operators > GROWTH || self.hints.is_cold() || self.ssa_locals < INLINED_LOCALS {
            return Ok(false);
        }
        self.inlining.operators = operators;
        self.inlining.calls += 1;
        self.hints.pass();
        let ty = env.module.function_type(function);
        let body = &env.module.bodies[(function - env.module.imported_functions) as usize].body;
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
            // At the place of the call, which is in the function that a report would name.
            let (op, offset) = reader.read_with_offset()?;
            self.operator(&op, offset as usize)?;
        }
        self.inlining.block = None;
        self.locals = ours;
        Ok(true)
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
