//! What changes from one iteration of the outer loop to the next, and whether iterations may overlap.

use super::MAX_LANES;
use super::nest::Nest;
use crate::optimize::Unit;
use crate::optimize::analysis::effects::is_quiet;
use crate::optimize::analysis::place::address_parts;
use crate::optimize::analysis::{Place, Ranges, value};
use cranelift_codegen::ir::types::{F32, F64, I32};
use cranelift_codegen::ir::{Block, BlockArg, Function, Inst, InstructionData, Opcode, Type, Value};
use std::collections::{HashMap, HashSet};

/// Sums that are carried: each takes registers for all lanes.
const MAX_SUMS: usize = 2;

/// Parameters of the two headers.
const MAX_PARAMS: usize = 16;

/// See above. Values of the inner loop are compared in the same iteration of it.
pub struct Motion {
    /// By how much a parameter of the outer loop grows, modulo 2³², in the parameters' order.
    pub params: Vec<u32>,
    /// What is not the same in all iterations.
    varying: HashSet<Value>,
    /// 32-bit numbers among it that grow by the same number in each iteration, modulo 2³².
    steps: HashMap<Value, u32>,
    /// The type of what is computed for several iterations at once, and how many such sums the inner loop carries.
    pub ty: Type,
    pub sums: usize,
    /// By how much the address of each load of the inner loop grows that varies.
    pub loads: HashMap<Inst, u32>,
    /// Made in the inner loop and used behind it.
    pub results: Vec<Value>,
    /// All varying loads of the inner loop read neighbours.
    pub neighbours: bool,
}

impl Motion {
    /// None if iterations of the outer loop must not overlap, or nothing is won.
    pub fn of(unit: &Unit<'_>, ranges: &mut Ranges<'_>, nest: &Nest) -> Option<Motion> {
        let func = &*unit.func;
        let least = unit.plan.memories[0].least_bytes();
        let params = outer_steps(func, nest)?;
        let mut motion = Motion {
            params,
            varying: HashSet::new(),
            steps: HashMap::new(),
            ty: F64,
            sums: 0,
            loads: HashMap::new(),
            results: Vec::new(),
            neighbours: true,
        };
        motion.spread(func, nest)?;
        (motion.ty, motion.sums) = motion.sums_of(func, nest)?;
        let loads = motion.loads_of(func, ranges, nest, least)?;
        let stores = stores(func, ranges, nest, least)?;
        if !(motion.computes_lanes(func, nest)
            && motion.ends_alike(func, nest)
            && motion.may_overlap(func, nest, &loads, &stores))
        {
            return None;
        }
        motion.results = motion.used_behind(func, nest)?;
        Some(motion)
    }

    pub fn varies(&self, value: Value) -> bool {
        self.varying.contains(&value)
    }

    /// By how much a value grows in each iteration of the outer loop, if that is known.
    pub fn step(&self, value: Value) -> Option<u32> {
        if self.varies(value) { self.steps.get(&value).copied() } else { Some(0) }
    }

    /// A varying value of the inner loop that has a lane for each iteration.
    pub fn has_lanes(&self, func: &Function, value: Value) -> bool {
        self.varies(value) && func.dfg.value_type(value) == self.ty
    }

    /// Finds what varies. What the inner loop carries varies if it does so in front of it, or after an iteration if not
    /// before: so until nothing is added.
    fn spread(&mut self, func: &Function, nest: &Nest) -> Option<()> {
        let params = func.dfg.block_params(nest.inner).to_vec();
        let (first, again) = (args(func, *nest.head.last()?, nest.inner)?, args(func, nest.inner, nest.inner)?);
        for (number, &param) in func.dfg.block_params(nest.head[0]).iter().enumerate() {
            let step = self.params[number];
            self.note(param, step != 0, Some(step));
        }
        for &block in &nest.head {
            self.spread_in(func, block, false);
        }
        for (&param, &start) in params.iter().zip(&first) {
            self.note(param, self.varies(start), self.step(start));
        }
        loop {
            self.spread_in(func, nest.inner, false);
            let late = |motion: &Motion, i: usize| motion.varies(again[i]) && !motion.varies(params[i]);
            let found: Vec<usize> = (0..params.len()).filter(|&i| late(self, i)).collect();
            if found.is_empty() {
                break;
            }
            for i in found {
                self.note(params[i], true, None);
            }
        }
        for &block in &nest.tail {
            self.spread_in(func, block, true);
        }
        // Numbers grow alike in front of each iteration of the inner loop if they do so after one.
        let alike = |i: usize| func.dfg.value_type(params[i]) != I32 || self.step(params[i]) == self.step(again[i]);
        (0..params.len()).all(alike).then_some(())
    }

    fn note(&mut self, value: Value, varies: bool, step: Option<u32>) {
        if varies {
            self.varying.insert(value);
            if let Some(step) = step {
                self.steps.insert(value, step);
            } else {
                self.steps.remove(&value);
            }
        }
    }

    /// One block's instructions. What the tail loads may have been stored by the iteration before.
    fn spread_in(&mut self, func: &Function, block: Block, is_tail: bool) {
        for inst in func.layout.block_insts(block) {
            let operand_varies = func.dfg.inst_values(inst).any(|v| self.varies(func.dfg.resolve_aliases(v)));
            let varies = operand_varies || is_tail && func.dfg.insts[inst].opcode().can_load();
            for &result in func.dfg.inst_results(inst) {
                let step = self.computed_step(func, inst);
                self.note(result, varies, step);
            }
        }
    }

    fn computed_step(&self, func: &Function, inst: Inst) -> Option<u32> {
        let InstructionData::Binary { opcode, args } = func.dfg.insts[inst] else { return None };
        let [x, y] = args.map(|v| func.dfg.resolve_aliases(v));
        if func.dfg.value_type(x) != I32 {
            return None;
        }
        let (a, b) = (self.step(x)?, self.step(y));
        let constant = value::constant(func, y).map(|c| c as u32);
        match opcode {
            Opcode::Iadd => Some(a.wrapping_add(b?)),
            Opcode::Isub => Some(a.wrapping_sub(b?)),
            Opcode::Ishl => constant.map(|count| a.wrapping_shl(count)),
            Opcode::Imul => constant.map(|factor| a.wrapping_mul(factor)),
            _ => None,
        }
    }

    /// The type of what the inner loop adds up, in two registers at most.
    fn sums_of(&self, func: &Function, nest: &Nest) -> Option<(Type, usize)> {
        let params = func.dfg.block_params(nest.inner);
        let sums: Vec<Value> =
            params.iter().copied().filter(|&param| self.varies(param) && self.step(param).is_none()).collect();
        let ty = func.dfg.value_type(*sums.first()?);
        let alike = sums.iter().all(|&sum| func.dfg.value_type(sum) == ty);
        (alike && [F32, F64].contains(&ty) && sums.len() <= MAX_SUMS).then_some((ty, sums.len()))
    }

    /// All loads in front of the tail, which nothing else there may trap or have effects beside.
    fn loads_of(&mut self, func: &Function, ranges: &mut Ranges<'_>, nest: &Nest, least: u64) -> Option<Vec<Place>> {
        let mut loads = Vec::new();
        for &block in nest.head.iter().chain([&nest.inner]) {
            for inst in func.layout.block_insts(block) {
                let InstructionData::Load { opcode, arg, .. } = func.dfg.insts[inst] else {
                    if is_quiet(func.dfg.insts[inst].opcode()) { continue } else { return None }
                };
                let place = Place::of(func, ranges, inst, least)?;
                let result = func.dfg.first_result(inst);
                if block == nest.inner && self.varies(result) {
                    let (_, index) = address_parts(func, arg)?;
                    let step = self.step(index).filter(|_| opcode == Opcode::Load)?;
                    self.neighbours &= step == place.size && place.has_room(8 * u64::from(place.size));
                    self.loads.insert(inst, step);
                }
                loads.push(place);
            }
        }
        Some(loads)
    }

    /// True if all that varies in the inner loop and is not a number for addresses can be computed in lanes.
    fn computes_lanes(&self, func: &Function, nest: &Nest) -> bool {
        func.layout.block_insts(nest.inner).all(|inst| {
            let of_lanes = |value: Value| func.dfg.value_type(value) == self.ty;
            let packs = match func.dfg.insts[inst] {
                InstructionData::Load { .. } => self.loads.contains_key(&inst),
                InstructionData::Unary { opcode, arg } => {
                    of_lanes(arg) && matches!(opcode, Opcode::Fneg | Opcode::Fabs | Opcode::Sqrt)
                }
                InstructionData::Binary { opcode, args } => {
                    args.into_iter().all(of_lanes)
                        && matches!(opcode, Opcode::Fadd | Opcode::Fsub | Opcode::Fmul | Opcode::Fdiv)
                }
                _ => false,
            };
            // A number that is made of lanes would be one in each.
            let of_numbers = func.dfg.inst_values(inst).all(|v| !self.has_lanes(func, func.dfg.resolve_aliases(v)));
            func.dfg.inst_results(inst).iter().all(|&result| {
                let is_number = func.dfg.value_type(result).is_int() && of_numbers;
                !self.varies(result) || is_number || of_lanes(result) && packs
            })
        })
    }

    /// True if the inner loop ends after as many iterations for each lane.
    fn ends_alike(&self, func: &Function, nest: &Nest) -> bool {
        let branch = func.layout.last_inst(nest.inner).expect("it ends with a branch");
        !self.varies(func.dfg.resolve_aliases(func.dfg.inst_args(branch)[0]))
    }

    /// True if no iteration loads in front of its tail what the tail of one of those stores that come at once with it.
    fn may_overlap(&self, func: &Function, nest: &Nest, loads: &[Place], stores: &[Place]) -> bool {
        let apart = |store: &Place, load: &Place| {
            if store.lies_apart(load) {
                return true;
            }
            // Only then the terms are the same for both, but for the steps.
            let fixed = load.terms.iter().all(|&term| value::block(func, term) != Some(nest.inner));
            let steps = load.terms.iter().try_fold(0u32, |sum, &term| Some(sum.wrapping_add(self.step(term)?)));
            steps.is_some_and(|step| fixed && (1..MAX_LANES).all(|lane| !store.may_meet(load, step.wrapping_mul(lane))))
        };
        stores.iter().all(|store| loads.iter().all(|load| apart(store, load)))
    }

    /// What the inner loop makes and the tail uses.
    fn used_behind(&self, func: &Function, nest: &Nest) -> Option<Vec<Value>> {
        let mut found = Vec::new();
        for inst in nest.tail.iter().flat_map(|&block| func.layout.block_insts(block)) {
            for value in func.dfg.inst_values(inst).map(|v| func.dfg.resolve_aliases(v)) {
                if value::block(func, value) == Some(nest.inner) && !found.contains(&value) {
                    (self.step(value).is_some() || self.has_lanes(func, value)).then_some(())?;
                    found.push(value);
                }
            }
        }
        Some(found)
    }
}

/// By how much each parameter of the outer loop grows.
fn outer_steps(func: &Function, nest: &Nest) -> Option<Vec<u32>> {
    let params = func.dfg.block_params(nest.head[0]);
    if params.len().max(func.dfg.num_block_params(nest.inner)) > MAX_PARAMS {
        return None;
    }
    let again = args(func, *nest.tail.last()?, nest.head[0])?;
    let step = |(&param, &next): (&Value, &Value)| {
        if next == param {
            return Some(0);
        }
        // Of sums of 64 bits, 32 would be too few.
        let (root, step) = value::linear(func, next);
        (root == param && func.dfg.value_type(param) == I32).then_some(step)
    };
    params.iter().zip(&again).map(step).collect()
}

/// Where the tail stores. None if that is not known, or if it does something else that has effects or may trap.
fn stores(func: &Function, ranges: &mut Ranges<'_>, nest: &Nest, least: u64) -> Option<Vec<Place>> {
    let mut stores = Vec::new();
    for inst in nest.tail.iter().flat_map(|&block| func.layout.block_insts(block)) {
        match func.dfg.insts[inst] {
            InstructionData::Store { .. } => stores.push(Place::of(func, ranges, inst, least)?),
            InstructionData::Load { .. } => {}
            data if is_quiet(data.opcode()) => {}
            _ => return None,
        }
    }
    Some(stores)
}

/// What a block hands to another, if it does so once and all are values.
pub fn args(func: &Function, block: Block, to: Block) -> Option<Vec<Value>> {
    let branch = func.layout.last_inst(block)?;
    let calls = func.dfg.insts[branch].branch_destination(&func.dfg.jump_tables, &func.dfg.exception_tables);
    let lists = &func.dfg.value_lists;
    let mut found = calls.iter().filter(|call| call.block(lists) == to);
    let (call, None) = (found.next()?, found.next()) else { return None };
    call.args(lists)
        .map(|arg| if let BlockArg::Value(v) = arg { Some(func.dfg.resolve_aliases(v)) } else { None })
        .collect()
}
