//! Structured control: each wasm block becomes the IR blocks its branches need.

use super::comparisons::{Comparisons, Run};
use super::exception::Legacy;
use super::function::Translator;
use super::signature::{self, value_type};
use super::trap;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{Block, BlockArg, BlockCall, InstBuilder, JumpTableData, Value};
use std::collections::HashMap;
use wasmparser::{BlockType, BrTable, Catch, ValType};

/// An open block.
pub struct Frame {
    pub kind: Kind,
    /// The scope (`exception.rs`) that code inside runs in.
    pub scope: Option<u32>,
    /// Where `end` continues; its parameters are the results.
    end: Block,
    /// Some branch or fallthrough reaches `end`.
    end_used: bool,
    params: usize,
    results: usize,
    /// Height of the value stack below the parameters.
    pub height: usize,
}

pub enum Kind {
    Block,
    Loop {
        header: Block,
    },
    /// `else_params`: the parameters again, for the other arm.
    If {
        otherwise: Block,
        else_params: Vec<Value>,
        seen_else: bool,
        cold_else: bool,
    },
    TryTable {
        scope: u32,
        catches: Vec<Catch>,
    },
    /// The legacy `try`.
    Try(Legacy),
    /// Opened in unreachable code.
    Dead,
}

/// Blocks that pass a br_table's values on to its targets, one per target: each of a million entries would otherwise
/// hold up to a thousand values of its own.
#[derive(Default)]
struct Landings {
    by_depth: HashMap<u32, Block>,
    /// Block, the target behind it, and the values.
    blocks: Vec<(Block, Block, Vec<Value>)>,
}

impl Translator<'_, '_> {
    /// The frame of the whole function; its end returns.
    pub fn push_function_frame(&mut self) {
        let results: Vec<ValType> = self.ty.results().to_vec();
        self.push_frame(Kind::Block, 0, &results);
    }

    fn push_frame(&mut self, kind: Kind, params: usize, results: &[ValType]) {
        let end = self.b.create_block();
        for &ty in results {
            self.b.append_block_param(end, value_type(ty));
        }
        let height = self.stack.len() - params;
        let scope = self.scope();
        self.control.push(Frame { kind, scope, end, end_used: false, params, results: results.len(), height });
    }

    fn block_type(&self, ty: BlockType) -> (Vec<ValType>, Vec<ValType>) {
        match ty {
            BlockType::Empty => (vec![], vec![]),
            BlockType::Type(ty) => (vec![], vec![ty]),
            BlockType::FuncType(index) => {
                let ty = &self.env.module.types[index as usize];
                (ty.params().to_vec(), ty.results().to_vec())
            }
        }
    }

    pub fn block(&mut self, ty: BlockType) {
        let (params, results) = self.block_type(ty);
        self.push_frame(Kind::Block, params.len(), &results);
    }

    /// Opens a block whose exceptions belong to a scope.
    pub fn open_scope(&mut self, ty: BlockType, scope: u32, kind: Kind) {
        let (params, results) = self.block_type(ty);
        self.push_frame(kind, params.len(), &results);
        self.control.last_mut().expect("just pushed").scope = Some(scope);
    }

    pub fn loop_(&mut self, ty: BlockType) {
        let (params, results) = self.block_type(ty);
        let header = self.b.create_block();
        for &ty in &params {
            self.b.append_block_param(header, value_type(ty));
        }
        let args = self.pop_many(params.len());
        let hoist = self.hoistable.pop().unwrap_or(false) && self.loop_pinned.is_none();
        let pinned = hoist.then(|| self.pinned());
        self.jump(header, &args);
        self.switch_to(header);
        self.stack.extend_from_slice(self.b.block_params(header));
        self.push_frame(Kind::Loop { header }, params.len(), &results);
        self.loops.open();
        if let Some(pinned) = pinned {
            self.loop_pinned = Some((pinned, self.control.len()));
        }
        self.poll();
    }

    pub fn if_(&mut self, ty: BlockType) {
        let condition = self.pop();
        let (params, results) = self.block_type(ty);
        let (then, otherwise) = (self.b.create_block(), self.b.create_block());
        self.b.ins().brif(condition, then, &[], otherwise, &[]);
        self.b.seal_block(then);
        self.b.seal_block(otherwise);
        let else_params = self.stack[self.stack.len() - params.len()..].to_vec();
        let taken = self.hints.taken();
        let cold_else = taken == Some(true);
        if cold_else {
            self.b.set_cold_block(otherwise);
        }
        self.push_frame(Kind::If { otherwise, else_params, seen_else: false, cold_else }, params.len(), &results);
        if taken == Some(false) {
            self.begin_cold();
        }
        self.switch_to(then);
    }

    pub fn else_(&mut self) {
        self.fall_into_end();
        self.end_cold();
        let frame = self.control.last_mut().expect("else is inside if");
        let Kind::If { otherwise, else_params, seen_else, cold_else } = &mut frame.kind else {
            return; // a dead if
        };
        *seen_else = true;
        let (otherwise, else_params, cold_else) = (*otherwise, std::mem::take(else_params), *cold_else);
        self.stack.truncate(frame.height);
        self.stack.extend(else_params);
        if cold_else {
            self.begin_cold();
        }
        self.switch_to(otherwise);
        self.reachable = true;
    }

    /// Jumps to the end of the innermost block with its results, if this point is reachable.
    pub fn fall_into_end(&mut self) {
        if !self.reachable {
            return;
        }
        let frame = self.control.last_mut().expect("inside a block");
        frame.end_used = true;
        let (end, results) = (frame.end, frame.results);
        let args = self.pop_many(results);
        self.jump(end, &args);
        self.reachable = false;
    }

    pub fn end(&mut self) {
        self.end_block(None);
    }

    /// `delegate` ends a `try` and says where its exceptions go.
    pub fn delegate(&mut self, depth: u32) {
        self.end_block(Some(depth));
    }

    fn end_block(&mut self, delegate: Option<u32>) {
        self.fall_into_end();
        self.end_cold();
        if self.loop_pinned.is_some_and(|(_, height)| height == self.control.len()) {
            self.loop_pinned = None;
        }
        let mut frame = self.control.pop().expect("inside a block");
        self.stack.truncate(frame.height);
        match frame.kind {
            Kind::Dead => return,
            Kind::Block => {}
            Kind::Loop { header } => {
                self.b.seal_block(header);
                self.loops.close();
            }
            Kind::If { otherwise, else_params, seen_else: false, .. } => {
                // An if without else hands its parameters on.
                self.switch_to(otherwise);
                self.jump(frame.end, &else_params);
                frame.end_used = true;
            }
            Kind::If { .. } => {}
            Kind::TryTable { scope, catches } => self.end_try_table(scope, &catches),
            Kind::Try(legacy) => self.end_legacy(&legacy, delegate),
        }
        self.b.seal_block(frame.end);
        self.reachable = frame.end_used;
        if frame.end_used {
            self.switch_to(frame.end);
            self.stack.extend_from_slice(self.b.block_params(frame.end));
            if self.control.is_empty() {
                let values = self.pop_many(frame.results);
                self.return_values(&values);
            }
        }
    }

    pub fn br(&mut self, depth: u32) {
        let (target, args) = self.branch(depth);
        self.jump(target, &args);
        self.reachable = false;
    }

    pub fn br_if(&mut self, depth: u32) {
        let condition = self.pop();
        match self.hints.taken() {
            None => self.branch_if(condition, depth),
            Some(true) => {
                self.begin_cold();
                self.branch_if(condition, depth);
            }
            Some(false) => self.branch_if_unlikely(condition, depth),
        }
    }

    /// Others come to the target, too, so only the way there can be cold.
    fn branch_if_unlikely(&mut self, condition: Value, depth: u32) {
        let (target, args) = self.branch(depth);
        let (taken, next) = (self.b.create_block(), self.b.create_block());
        self.b.set_cold_block(taken);
        self.b.ins().brif(condition, taken, &[], next, &[]);
        self.b.seal_block(taken);
        self.b.seal_block(next);
        self.switch_to(taken);
        self.jump(target, &args);
        self.switch_to(next);
    }

    /// Branches if the condition is not zero; the branch's arguments stay on the stack.
    pub fn branch_if(&mut self, condition: Value, depth: u32) {
        let (target, args) = self.branch(depth);
        let next = self.b.create_block();
        let args = block_args(&args);
        self.b.ins().brif(condition, target, &args, next, &[]);
        self.b.seal_block(next);
        self.switch_to(next);
    }

    pub fn br_table(&mut self, targets: &BrTable<'_>) -> Result<(), wasmparser::BinaryReaderError> {
        let index = self.pop();
        let depths = targets.targets().collect::<Result<Vec<u32>, _>>()?;
        match Comparisons::of(&depths, targets.default()) {
            Some(few) if !self.env.disabled_passes.comparing() => self.compare(index, &few),
            _ => self.jump_by_table(index, &depths, targets.default()),
        }
        self.reachable = false;
        Ok(())
    }

    fn jump_by_table(&mut self, index: Value, depths: &[u32], default: u32) {
        let mut landings = Landings::default();
        let mut calls: Vec<BlockCall> = depths.iter().map(|&depth| self.block_call(depth, &mut landings)).collect();
        let call = self.block_call(default, &mut landings);
        if self.env.harden.branch {
            // Cranelift marks what stands in the table, but jumps to the default in the same way. (One more call: each
            // gets its arguments for itself.)
            calls.push(self.block_call(default, &mut landings));
        }
        let table = self.b.create_jump_table(JumpTableData::new(call, &calls));
        self.b.ins().br_table(index, table);
        for (landing, target, args) in landings.blocks {
            self.b.seal_block(landing);
            self.switch_to(landing);
            self.jump(target, &args);
        }
    }

    /// Compares an index with one range after the other; the branches' arguments stay on the stack.
    fn compare(&mut self, index: Value, comparisons: &Comparisons) {
        for &Run { first, last, depth } in &comparisons.runs {
            let condition = if first == last {
                self.b.ins().icmp_imm_u(IntCC::Equal, index, i64::from(first))
            } else {
                let distance = self.b.ins().iadd_imm_s(index, -i64::from(first));
                self.b.ins().icmp_imm_u(IntCC::UnsignedLessThanOrEqual, distance, i64::from(last - first))
            };
            self.branch_if(condition, depth);
        }
        let (target, args) = self.branch(comparisons.otherwise);
        self.jump(target, &args);
    }

    fn block_call(&mut self, depth: u32, landings: &mut Landings) -> BlockCall {
        let target = match landings.by_depth.get(&depth) {
            Some(known) => *known,
            None => {
                let (target, args) = self.branch(depth);
                let entry = if args.is_empty() { target } else { self.b.create_block() };
                if !args.is_empty() {
                    landings.blocks.push((entry, target, args));
                }
                landings.by_depth.insert(depth, entry);
                entry
            }
        };
        self.b.func.dfg.block_call(target, &[])
    }

    /// Target and arguments of a branch, which stay on the stack.
    fn branch(&mut self, depth: u32) -> (Block, Vec<Value>) {
        let at = self.control.len() - 1 - depth as usize;
        let frame = &mut self.control[at];
        let (target, count) = match frame.kind {
            Kind::Loop { header } => (header, frame.params),
            _ => {
                frame.end_used = true;
                (frame.end, frame.results)
            }
        };
        (target, self.stack[self.stack.len() - count..].to_vec())
    }

    pub fn return_(&mut self) {
        if let Some(block) = self.inlining.block {
            return self.br((self.control.len() - 1 - block) as u32);
        }
        let values = self.pop_many(self.ty.results().len());
        self.return_values(&values);
        self.reachable = false;
    }

    fn return_values(&mut self, values: &[Value]) {
        if let Some(area) = self.result_area {
            for (&value, at) in values.iter().zip(signature::result_area(self.ty).0) {
                let flags = cranelift_codegen::ir::MemFlagsData::trusted();
                self.b.ins().store(flags, value, area, at);
            }
            self.b.ins().return_(&[]);
        } else {
            self.b.ins().return_(values);
        }
    }

    pub fn unreachable(&mut self) {
        self.b.ins().trap(trap::UNREACHABLE);
        self.reachable = false;
    }

    /// A block opened where nothing can come.
    pub fn dead_block(&mut self) {
        let (end, height) = (self.control[0].end, self.stack.len());
        let scope = self.scope();
        self.control.push(Frame { kind: Kind::Dead, scope, end, end_used: false, params: 0, results: 0, height });
    }

    fn jump(&mut self, target: Block, args: &[Value]) {
        let args = block_args(args);
        self.b.ins().jump(target, &args);
    }

    /// Begins a block; what the last one read of the pinned register is not carried over.
    pub fn switch_to(&mut self, block: Block) {
        self.b.switch_to_block(block);
        if self.hints.is_cold() {
            self.b.set_cold_block(block);
        }
        self.pinned = None;
        self.fresh_loads.clear();
    }
}

fn block_args(values: &[Value]) -> Vec<BlockArg> {
    values.iter().map(|&v| BlockArg::Value(v)).collect()
}
