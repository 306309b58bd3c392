//! Builds the loops that do several iterations at once, in front of those that do one.

use super::Jam;
use super::motion::args;
use crate::optimize::Unit;
use crate::optimize::analysis::place::address_parts;
use crate::optimize::analysis::value;
use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::types::{F32X4, F64, F64X2, I32, I64};
use cranelift_codegen::ir::{Block, BlockArg, Function, Inst, InstBuilder, InstructionData, Opcode, Type, Value};
use std::collections::HashMap;

type Names = HashMap<Value, Value>;

/// Makes the loops and enters them.
pub fn build(unit: &mut Unit<'_>, jam: &Jam) {
    let entry = unit.flow.entry(unit.func, jam.nest.outer).expect("looked at before");
    let func = &mut *unit.func;
    let header = jam.nest.head[0];
    let [guard, head, inner, tail] = [(); 4].map(|()| func.dfg.make_block());
    let first = jam.left_is_asked().then_some(guard);
    for block in first.into_iter().chain([head, inner, tail]) {
        func.layout.insert_block(block, header);
    }
    let params = copy_params(func, header, head);
    if first.is_some() {
        build_guard(func, jam, guard, head);
    }
    let mut lanes = Lanes { jam, names: vec![Names::new(); jam.lanes as usize], vectors: HashMap::new() };
    lanes.build_head(func, head, inner, &params);
    lanes.build_inner(func, inner, tail);
    lanes.build_tail(func, tail, first.unwrap_or(head), &params);
    let dfg = &mut func.dfg;
    for call in dfg.insts[entry].branch_destination_mut(&mut dfg.jump_tables, &mut dfg.exception_tables) {
        call.set_block(first.unwrap_or(head), &mut dfg.value_lists);
    }
    if first.is_none() {
        remove(func, jam);
    }
}

impl Jam {
    fn left_is_asked(&self) -> bool {
        !matches!(self.left, super::Left::Enough)
    }

    fn width(&self) -> usize {
        if self.motion.ty == F64 { 2 } else { 4 }
    }

    fn vector(&self) -> Type {
        if self.motion.ty == F64 { F64X2 } else { F32X4 }
    }
}

/// A block's parameters once more.
fn copy_params(func: &mut Function, from: Block, to: Block) -> Vec<Value> {
    let types: Vec<Type> = func.dfg.block_param_types(from).collect();
    types.into_iter().map(|ty| func.dfg.append_block_param(to, ty)).collect()
}

/// Enough iterations left, or the loop as it was.
fn build_guard(func: &mut Function, jam: &Jam, guard: Block, head: Block) {
    let header = jam.nest.head[0];
    let params = copy_params(func, header, guard);
    let location = func.srcloc(jam.nest.latch(func));
    let mut cursor = FuncCursor::new(func).at_bottom(guard);
    cursor.set_srcloc(location);
    let enough = jam.left.build(&mut cursor, &params, jam.lanes).expect("it is asked");
    let args = block_args(&params);
    cursor.ins().brif(enough, head, &args, header, &args);
}

fn block_args(values: &[Value]) -> Vec<BlockArg> {
    values.iter().map(|&value| BlockArg::Value(value)).collect()
}

/// All iterations are done at once: the loop as it was is not entered any more.
fn remove(func: &mut Function, jam: &Jam) {
    for block in jam.nest.blocks() {
        while let Some(inst) = func.layout.last_inst(block) {
            func.layout.remove_inst(inst);
        }
        func.layout.remove_block(block);
    }
}

/// What the values of the loops are called in those that are made.
struct Lanes<'j> {
    jam: &'j Jam,
    /// In each lane: what is not in vectors.
    names: Vec<Names>,
    /// Values of the inner loop with lanes, all of them in a few vectors.
    vectors: HashMap<Value, Vec<Value>>,
}

impl Lanes<'_> {
    fn build_head(&mut self, func: &mut Function, head: Block, inner: Block, params: &[Value]) {
        let jam = self.jam;
        let header = jam.nest.head[0];
        let location = func.srcloc(func.layout.first_inst(header).expect("it ends with a jump"));
        let mut cursor = FuncCursor::new(func).at_bottom(head);
        cursor.set_srcloc(location);
        let old = cursor.func.dfg.block_params(header).to_vec();
        for (lane, names) in (0u32..).zip(&mut self.names) {
            for ((&old, &new), step) in old.iter().zip(params).zip(&jam.motion.params) {
                names.insert(old, stepped(&mut cursor, new, step.wrapping_mul(lane)));
            }
        }
        for inst in body(cursor.func, &jam.nest.head) {
            self.copy_lane(&mut cursor, inst, 0);
            for lane in 1..self.names.len() {
                let varies = cursor.func.dfg.inst_results(inst).iter().any(|&result| jam.motion.varies(result));
                self.copy_or_share(&mut cursor, inst, lane, varies);
            }
        }
        let starts = args(cursor.func, jam.nest.head[jam.nest.head.len() - 1], jam.nest.inner).expect("it jumps there");
        let inner_params = cursor.func.dfg.block_params(jam.nest.inner).to_vec();
        let mut handed = Vec::new();
        for (param, start) in inner_params.into_iter().zip(starts) {
            if jam.motion.has_lanes(cursor.func, param) {
                let scalars: Vec<Value> = self.names.iter().map(|names| name(names, start)).collect();
                let vectors = gather(&mut cursor, jam, &scalars);
                handed.extend_from_slice(&vectors);
                let new = vectors.iter().map(|_| cursor.func.dfg.append_block_param(inner, jam.vector())).collect();
                self.vectors.insert(param, new);
            } else {
                let ty = cursor.func.dfg.value_type(param);
                handed.push(name(&self.names[0], start));
                let new = cursor.func.dfg.append_block_param(inner, ty);
                self.names[0].insert(param, new);
            }
        }
        self.gather_used(&mut cursor);
        cursor.ins().jump(inner, &block_args(&handed));
    }

    /// What varies, is made in front of the inner loop and computed with there.
    fn gather_used(&mut self, cursor: &mut FuncCursor<'_>) {
        let jam = self.jam;
        for inst in body(cursor.func, &[jam.nest.inner]) {
            let values: Vec<Value> =
                cursor.func.dfg.inst_values(inst).map(|v| cursor.func.dfg.resolve_aliases(v)).collect();
            for used in values {
                let in_front = value::block(cursor.func, used) != Some(jam.nest.inner);
                if in_front && jam.motion.has_lanes(cursor.func, used) && !self.vectors.contains_key(&used) {
                    let scalars: Vec<Value> = self.names.iter().map(|names| name(names, used)).collect();
                    let vectors = gather(cursor, jam, &scalars);
                    self.vectors.insert(used, vectors);
                }
            }
        }
    }

    fn build_inner(&mut self, func: &mut Function, inner: Block, tail: Block) {
        let jam = self.jam;
        let mut cursor = FuncCursor::new(func).at_bottom(inner);
        for inst in body(cursor.func, &[jam.nest.inner]) {
            let location = cursor.func.srcloc(inst);
            cursor.set_srcloc(location);
            match cursor.func.dfg.inst_results(inst).first() {
                Some(&result) if jam.motion.has_lanes(cursor.func, result) => {
                    let vectors = self.vectors_of(&mut cursor, inst);
                    self.vectors.insert(result, vectors);
                }
                _ => self.copy_lane(&mut cursor, inst, 0),
            }
        }
        let branch = cursor.func.layout.last_inst(jam.nest.inner).expect("it ends with a branch");
        let location = cursor.func.srcloc(branch);
        cursor.set_srcloc(location);
        let again = args(cursor.func, jam.nest.inner, jam.nest.inner).expect("it turns");
        let params = cursor.func.dfg.block_params(jam.nest.inner).to_vec();
        let mut handed = Vec::new();
        for (param, next) in params.into_iter().zip(again) {
            match self.vectors.contains_key(&param) {
                true => handed.extend(self.lanes_of(&mut cursor, next)),
                false => handed.push(name(&self.names[0], next)),
            }
        }
        let condition = name(&self.names[0], cursor.func.dfg.inst_args(branch)[0]);
        let turns_if_true = branch_target(cursor.func, branch, 0) == jam.nest.inner;
        let again = block_args(&handed);
        match turns_if_true {
            true => cursor.ins().brif(condition, inner, &again, tail, &[]),
            false => cursor.ins().brif(condition, tail, &[], inner, &again),
        };
    }

    fn build_tail(&mut self, func: &mut Function, tail: Block, next: Block, params: &[Value]) {
        let jam = self.jam;
        let mut cursor = FuncCursor::new(func).at_bottom(tail);
        let branch = jam.nest.latch(cursor.func);
        let location = cursor.func.srcloc(branch);
        cursor.set_srcloc(location);
        self.hand_out(&mut cursor);
        let insts = body(cursor.func, &jam.nest.tail);
        for lane in 0..self.names.len() {
            for &inst in &insts {
                let results = cursor.func.dfg.inst_results(inst);
                let own = results.is_empty() || results.iter().any(|&result| jam.motion.varies(result));
                self.copy_or_share(&mut cursor, inst, lane, own || lane == 0);
            }
        }
        cursor.set_srcloc(location);
        let header = jam.nest.head[0];
        let steps = jam.motion.params.iter().map(|step| step.wrapping_mul(jam.lanes));
        let again: Vec<Value> =
            params.iter().zip(steps).map(|(&param, step)| stepped(&mut cursor, param, step)).collect();
        let last = self.names.last().expect("there are lanes");
        let clone = cursor.func.dfg.clone_inst(branch);
        rename(cursor.func, clone, last);
        cursor.insert_inst(clone);
        cursor.func.set_srcloc(clone, location);
        let dfg = &mut cursor.func.dfg;
        for call in dfg.insts[clone].branch_destination_mut(&mut dfg.jump_tables, &mut dfg.exception_tables) {
            if call.block(&dfg.value_lists) == header {
                call.clear(&mut dfg.value_lists);
                call.set_block(next, &mut dfg.value_lists);
                call.extend(again.iter().map(|&value| BlockArg::Value(value)), &mut dfg.value_lists);
            }
        }
    }

    /// Gives each lane of the tail what the inner loop made for it.
    fn hand_out(&mut self, cursor: &mut FuncCursor<'_>) {
        let jam = self.jam;
        for &result in &jam.motion.results {
            let vectors = self.vectors.get(&result).cloned();
            let shared = self.names[0].get(&result).copied();
            for lane in 0..self.names.len() {
                let value = match &vectors {
                    Some(vectors) => cursor.ins().extractlane(vectors[lane / jam.width()], (lane % jam.width()) as u8),
                    None => {
                        let step = jam.motion.step(result).expect("it has no lanes");
                        stepped(cursor, shared.expect("it was copied"), step.wrapping_mul(lane as u32))
                    }
                };
                self.names[lane].insert(result, value);
            }
        }
    }

    /// A varying operation of the inner loop, for all lanes.
    fn vectors_of(&mut self, cursor: &mut FuncCursor<'_>, inst: Inst) -> Vec<Value> {
        let ty = self.jam.vector();
        match cursor.func.dfg.insts[inst] {
            InstructionData::Unary { opcode, arg } => {
                let operands = self.lanes_of(cursor, arg);
                let unary = |operand| {
                    let (inst, dfg) = cursor.ins().Unary(opcode, ty, operand);
                    dfg.first_result(inst)
                };
                operands.into_iter().map(unary).collect()
            }
            InstructionData::Binary { opcode, args: [x, y] } => {
                let (xs, ys) = (self.lanes_of(cursor, x), self.lanes_of(cursor, y));
                let binary = |(x, y)| {
                    let (inst, dfg) = cursor.ins().Binary(opcode, ty, x, y);
                    dfg.first_result(inst)
                };
                xs.into_iter().zip(ys).map(binary).collect()
            }
            _ => self.load(cursor, inst),
        }
    }

    /// A load for all lanes.
    fn load(&mut self, cursor: &mut FuncCursor<'_>, inst: Inst) -> Vec<Value> {
        let jam = self.jam;
        let InstructionData::Load { flags, offset, arg, .. } = cursor.func.dfg.insts[inst] else {
            unreachable!("what varies has lanes")
        };
        let (width, size) = (jam.width(), jam.motion.ty.bytes());
        let load = |cursor: &mut FuncCursor<'_>, ty: Type, offset: i32, address: Value| {
            let (inst, dfg) = cursor.ins().Load(Opcode::Load, ty, flags, offset.into(), address);
            dfg.first_result(inst)
        };
        // No lane's address goes round 2³²: `Place::has_room`.
        let last = i32::from(offset).checked_add((jam.lanes * size) as i32);
        if jam.motion.neighbours && last.is_some() {
            let address = name(&self.names[0], cursor.func.dfg.resolve_aliases(arg));
            let vectors = jam.lanes as usize / width;
            let at = |number: usize| i32::from(offset) + (number * width) as i32 * size as i32;
            return (0..vectors).map(|number| load(cursor, jam.vector(), at(number), address)).collect();
        }
        let (base, index) = address_parts(cursor.func, arg).expect("looked at before");
        let (base, index) = (name(&self.names[0], base), name(&self.names[0], index));
        let step = jam.motion.loads[&inst];
        let mut scalars = Vec::new();
        for lane in 0..jam.lanes {
            let index = stepped(cursor, index, step.wrapping_mul(lane));
            let index = cursor.ins().uextend(I64, index);
            let address = cursor.ins().iadd(base, index);
            scalars.push(load(cursor, jam.motion.ty, offset.into(), address));
        }
        gather(cursor, jam, &scalars)
    }

    /// A float of the inner loop, in vectors.
    fn lanes_of(&mut self, cursor: &mut FuncCursor<'_>, value: Value) -> Vec<Value> {
        let value = cursor.func.dfg.resolve_aliases(value);
        if let Some(vectors) = self.vectors.get(&value) {
            return vectors.clone();
        }
        let splat = cursor.ins().splat(self.jam.vector(), name(&self.names[0], value));
        vec![splat; self.jam.lanes as usize / self.jam.width()]
    }

    fn copy_or_share(&mut self, cursor: &mut FuncCursor<'_>, inst: Inst, lane: usize, own: bool) {
        if own {
            return self.copy_lane(cursor, inst, lane);
        }
        for &result in cursor.func.dfg.inst_results(inst) {
            let shared = self.names[0][&result];
            self.names[lane].insert(result, shared);
        }
    }

    /// Copies an instruction for one lane.
    fn copy_lane(&mut self, cursor: &mut FuncCursor<'_>, inst: Inst, lane: usize) {
        let clone = cursor.func.dfg.clone_inst(inst);
        let names = &mut self.names[lane];
        rename(cursor.func, clone, names);
        names.extend(
            cursor.func.dfg.inst_results(inst).iter().copied().zip(cursor.func.dfg.inst_results(clone).iter().copied()),
        );
        cursor.insert_inst(clone);
        let location = cursor.func.srcloc(inst);
        cursor.func.set_srcloc(clone, location);
    }
}

/// The instructions of blocks that follow each other, without the branches at their ends.
fn body(func: &Function, blocks: &[Block]) -> Vec<Inst> {
    let insts = blocks.iter().flat_map(|&block| func.layout.block_insts(block));
    insts.filter(|&inst| !func.dfg.insts[inst].opcode().is_terminator()).collect()
}

fn branch_target(func: &Function, branch: Inst, at: usize) -> Block {
    func.dfg.insts[branch].branch_destination(&func.dfg.jump_tables, &func.dfg.exception_tables)[at]
        .block(&func.dfg.value_lists)
}

fn name(names: &Names, value: Value) -> Value {
    names.get(&value).copied().unwrap_or(value)
}

fn rename(func: &mut Function, inst: Inst, names: &Names) {
    let values: Vec<Value> = func.dfg.inst_values(inst).map(|v| func.dfg.resolve_aliases(v)).collect();
    func.dfg.overwrite_inst_values(inst, values.into_iter().map(|value| name(names, value)));
}

/// A 32-bit number that is by so much greater.
fn stepped(cursor: &mut FuncCursor<'_>, value: Value, step: u32) -> Value {
    if step == 0 {
        return value;
    }
    let step = cursor.ins().iconst(I32, i64::from(step));
    cursor.ins().iadd(value, step)
}

/// One vector after the other of what the lanes have.
fn gather(cursor: &mut FuncCursor<'_>, jam: &Jam, scalars: &[Value]) -> Vec<Value> {
    let constant = |func: &Function, v: Value| match func.dfg.insts[value::defining(func, v)?] {
        InstructionData::UnaryIeee64 { imm, .. } => Some(imm.bits()),
        InstructionData::UnaryIeee32 { imm, .. } => Some(imm.bits().into()),
        _ => None,
    };
    let mut vectors = Vec::new();
    for lanes in scalars.chunks(jam.width()) {
        let first = constant(cursor.func, lanes[0]);
        let mut vector = cursor.ins().splat(jam.vector(), lanes[0]);
        for (lane, &scalar) in (0u8..).zip(lanes).skip(1) {
            let same = scalar == lanes[0] || first.is_some() && first == constant(cursor.func, scalar);
            if !same {
                vector = cursor.ins().insertlane(vector, scalar, lane);
            }
        }
        vectors.push(vector);
    }
    vectors
}
