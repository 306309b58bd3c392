//! What becomes vectors: groups of stores, and what they store.

use super::accesses::Accesses;
use crate::optimize::analysis::value;
use cranelift_codegen::ir::types::{F32, F32X4, F64, F64X2};
use cranelift_codegen::ir::{Block, Function, Inst, InstructionData, Opcode, Type, Value};
use std::collections::{HashMap, HashSet};

/// Vectors a block may have.
const MAX_NODES: usize = 96;

/// Operations between a store and what its value is made of: guests decide how long such chains are.
const MAX_DEPTH: usize = 32;

/// Instructions that a group must save.
const MIN_GAIN: usize = 2;

/// See above.
pub struct Packs {
    pub nodes: Vec<Node>,
    /// In the order in which they are stored.
    pub groups: Vec<Group>,
}

/// Stores that become one.
pub struct Group {
    /// The accesses, by address.
    pub stores: Vec<usize>,
    /// Where the last of them is.
    pub at: usize,
    /// The node that is stored.
    pub value: usize,
    pub ty: Type,
}

/// A vector.
#[derive(Clone)]
pub enum Node {
    /// Neighbouring loads, which are accesses; and where it is done.
    Load(Vec<usize>, usize),
    Unary(Opcode, usize),
    Binary(Opcode, [usize; 2]),
    /// The same value in all lanes.
    Splat(Value),
    /// Two values.
    Gather([Value; 2]),
}

/// While they are looked for.
struct Search<'f> {
    func: &'f Function,
    accesses: &'f Accesses,
    block: Block,
    /// The access that makes a value.
    loads: HashMap<Value, usize>,
    nodes: Vec<Node>,
    known: HashMap<Vec<Value>, usize>,
    /// Scalar instructions that nodes stand for.
    covered: HashSet<Inst>,
    /// Where the group that is being looked at is stored.
    at: usize,
    depth: usize,
}

impl Packs {
    pub fn find(func: &Function, accesses: &Accesses, block: Block) -> Packs {
        let loads = accesses.all.iter().enumerate().filter(|(_, access)| !access.stores);
        let mut search = Search {
            func,
            accesses,
            block,
            loads: loads.map(|(number, access)| (func.dfg.first_result(access.inst), number)).collect(),
            nodes: Vec::new(),
            known: HashMap::new(),
            covered: HashSet::new(),
            at: 0,
            depth: 0,
        };
        let users = users(func, block);
        let mut groups = Vec::new();
        for (stores, ty) in candidates(func, accesses) {
            let (nodes, known, covered) = (search.nodes.len(), search.known.clone(), search.covered.clone());
            search.at = stores.iter().map(|&store| accesses.all[store].at).max().expect("a group has stores");
            let value = search.group(&stores);
            let before: HashSet<Inst> = covered.clone();
            match value.filter(|_| search.gain(&users, &before, nodes, &stores) >= MIN_GAIN as isize) {
                Some(value) => groups.push(Group { at: search.at, stores, value, ty }),
                None => {
                    search.nodes.truncate(nodes);
                    (search.known, search.covered) = (known, covered);
                }
            }
        }
        Packs { nodes: search.nodes, groups }
    }
}

/// How many lanes a vector of such values has, and its type.
fn vector(ty: Type) -> Option<(usize, Type)> {
    match ty {
        F64 => Some((2, F64X2)),
        F32 => Some((4, F32X4)),
        _ => None,
    }
}

fn stored(func: &Function, inst: Inst) -> Option<Value> {
    match func.dfg.insts[inst] {
        InstructionData::Store { opcode: Opcode::Store, args, .. } => Some(func.dfg.resolve_aliases(args[0])),
        _ => None,
    }
}

/// Stores to neighbouring places, in the order of the last of each group.
fn candidates(func: &Function, accesses: &Accesses) -> Vec<(Vec<usize>, Type)> {
    let all = &accesses.all;
    let mut stores: Vec<(usize, Type)> = Vec::new();
    for (number, access) in all.iter().enumerate().filter(|(_, access)| access.stores && access.place.is_some()) {
        stores.extend(stored(func, access.inst).map(|value| (number, func.dfg.value_type(value))));
    }
    stores.sort_by(|(a, s), (b, t)| {
        let key = |number: usize| all[number].place.as_ref().map(|place| place.key());
        (s.bits(), key(*a)).cmp(&(t.bits(), key(*b)))
    });
    let mut found = Vec::new();
    let mut rest = &stores[..];
    while let Some(&(first, ty)) = rest.first() {
        let lanes = vector(ty).map_or(usize::MAX, |(lanes, _)| lanes);
        let fits = |(lane, &(store, other)): (usize, &(usize, Type))| {
            other == ty && (lane == 0 || all[store].is_lane(&all[first], lane))
        };
        match vector(ty) {
            Some((_, vector)) if rest.len() >= lanes && rest[..lanes].iter().enumerate().all(fits) => {
                found.push((rest[..lanes].iter().map(|&(store, _)| store).collect::<Vec<_>>(), vector));
                rest = &rest[lanes..];
            }
            _ => rest = &rest[1..],
        }
    }
    found.sort_by_key(|(stores, _)| stores.iter().map(|&store| all[store].at).max());
    found
}

/// The instructions of a block that use a value.
fn users(func: &Function, block: Block) -> HashMap<Value, Vec<Inst>> {
    let mut users: HashMap<Value, Vec<Inst>> = HashMap::new();
    for inst in func.layout.block_insts(block) {
        for value in func.dfg.inst_values(inst) {
            users.entry(func.dfg.resolve_aliases(value)).or_default().push(inst);
        }
    }
    users
}

impl Search<'_> {
    fn group(&mut self, stores: &[usize]) -> Option<usize> {
        let values: Option<Vec<Value>> =
            stores.iter().map(|&store| stored(self.func, self.accesses.all[store].inst)).collect();
        self.node(&values?)
    }

    /// The vector of some values; none if that is not worth making.
    fn node(&mut self, values: &[Value]) -> Option<usize> {
        if let Some(&known) = self.known.get(values) {
            return Some(known);
        }
        if self.nodes.len() >= MAX_NODES {
            return None;
        }
        let node = self.splat(values).or_else(|| self.load(values)).or_else(|| self.operation(values));
        let node = match (node, values) {
            (Some(node), _) => node,
            (None, &[a, b]) => Node::Gather([a, b]),
            _ => return None,
        };
        if !matches!(node, Node::Splat(_) | Node::Gather(_)) {
            self.covered.extend(values.iter().filter_map(|&value| value::defining(self.func, value)));
        }
        self.nodes.push(node);
        self.known.insert(values.to_vec(), self.nodes.len() - 1);
        Some(self.nodes.len() - 1)
    }

    fn splat(&self, values: &[Value]) -> Option<Node> {
        let constant = |value: Value| {
            let data = &self.func.dfg.insts[value::defining(self.func, value)?];
            matches!(data.opcode(), Opcode::F64const | Opcode::F32const).then_some(*data)
        };
        let first = values[0];
        let same = |&value: &Value| value == first || constant(value).is_some_and(|c| constant(first) == Some(c));
        values.iter().all(same).then_some(Node::Splat(first))
    }

    fn load(&self, values: &[Value]) -> Option<Node> {
        let lanes: Vec<usize> = values.iter().map(|value| self.loads.get(value).copied()).collect::<Option<_>>()?;
        let all = &self.accesses.all;
        let plain = |&lane: &usize| self.func.dfg.insts[all[lane].inst].opcode() == Opcode::Load;
        let neighbours =
            (lanes.iter().enumerate().skip(1)).all(|(number, &lane)| all[lane].is_lane(&all[lanes[0]], number));
        (neighbours && lanes.iter().all(plain)).then_some(Node::Load(lanes, self.at))
    }

    /// The same operation in all lanes, each its own.
    fn operation(&mut self, values: &[Value]) -> Option<Node> {
        let insts: Vec<Inst> = values.iter().map(|&value| value::defining(self.func, value)).collect::<Option<_>>()?;
        let own = insts.iter().collect::<HashSet<_>>().len() == insts.len();
        let here = |&inst: &Inst| self.func.layout.inst_block(inst) == Some(self.block);
        let opcode = self.func.dfg.insts[insts[0]].opcode();
        let same = |&inst: &Inst| self.func.dfg.insts[inst].opcode() == opcode;
        if !(own && insts.iter().all(here) && insts.iter().all(same)) {
            return None;
        }
        let func = self.func;
        let operand = |number: usize| -> Vec<Value> {
            let args = insts.iter().map(|&inst| func.dfg.inst_args(inst)[number]);
            args.map(|value| func.dfg.resolve_aliases(value)).collect()
        };
        if self.depth == MAX_DEPTH {
            return None;
        }
        self.depth += 1;
        let node = self.of_operands(opcode, operand);
        self.depth -= 1;
        node
    }

    fn of_operands(&mut self, opcode: Opcode, operand: impl Fn(usize) -> Vec<Value>) -> Option<Node> {
        match opcode {
            Opcode::Fadd | Opcode::Fsub | Opcode::Fmul | Opcode::Fdiv => {
                let (x, y) = (operand(0), operand(1));
                Some(Node::Binary(opcode, [self.node(&x)?, self.node(&y)?]))
            }
            Opcode::Fneg | Opcode::Fabs | Opcode::Sqrt => {
                let x = operand(0);
                Some(Node::Unary(opcode, self.node(&x)?))
            }
            _ => None,
        }
    }

    /// Instructions that a group saves: those that nobody else needs, less its vectors.
    fn gain(&self, users: &HashMap<Value, Vec<Inst>>, before: &HashSet<Inst>, nodes: usize, stores: &[usize]) -> isize {
        let mut dead: HashSet<Inst> = stores.iter().map(|&store| self.accesses.all[store].inst).collect();
        dead.extend(before);
        let mut saved = stores.len() as isize - 1;
        let mut next = self.func.layout.last_inst(self.block);
        while let Some(inst) = next {
            next = self.func.layout.prev_inst(inst);
            let unused = |value: &Value| users.get(value).is_none_or(|users| users.iter().all(|u| dead.contains(u)));
            if self.covered.contains(&inst)
                && !before.contains(&inst)
                && self.func.dfg.inst_results(inst).iter().all(unused)
            {
                dead.insert(inst);
                saved += 1;
            }
        }
        let cost = |node: &Node| match node {
            // In front of the loop, if it does not change.
            Node::Splat(value) => {
                isize::from(value::block(self.func, *value) == Some(self.block) && !self.is_constant(*value))
            }
            Node::Gather(_) => 2,
            Node::Load(..) | Node::Unary(..) | Node::Binary(..) => 1,
        };
        saved - self.nodes[nodes..].iter().map(cost).sum::<isize>()
    }

    fn is_constant(&self, value: Value) -> bool {
        value::defining(self.func, value)
            .is_some_and(|inst| matches!(self.func.dfg.insts[inst].opcode(), Opcode::F64const | Opcode::F32const))
    }
}
