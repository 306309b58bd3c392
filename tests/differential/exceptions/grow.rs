//! Random trees of exceptions: what throws, catches and passes on, between other code whose effects show their order.
//!
//! Everything that happens is kept in locals, which live over calls and are handed out at the end, in globals, in a
//! hash in memory and in the host's journal.

use super::form::keep_value;
use super::tree::{
    Block, BlockKind, Catch, Delegate, Function, HOST_TAGS, Label, Memory, Module, Node, Region, Signature, Try, Ty,
};
use crate::dice::Dice;

/// Of the tags that the host has.
const HOST_PARAMS: [&[Ty]; 2] = [&[Ty::I32, Ty::F64], &[]];
/// Traps if nothing is left.
const BURN: &str = "global.get $fuel i32.eqz if unreachable end global.get $fuel i32.const 1 i32.sub global.set $fuel";
/// Blocks inside each other.
const DEPTH: usize = 9;

pub fn module(dice: &mut Dice) -> Module {
    let with_host = dice.one_in(2);
    let mut tags: Vec<Vec<Ty>> = HOST_PARAMS.iter().filter(|_| with_host).map(|params| params.to_vec()).collect();
    debug_assert_eq!(HOST_PARAMS.len(), HOST_TAGS.len());
    for _ in 0..1 + dice.below(3) {
        let count = if dice.one_in(8) { dice.below(12) } else { dice.below(4) };
        tags.push((0..count).map(|_| any_type(dice)).collect());
    }
    let count = 4 + dice.below(4) as usize;
    let types: Vec<Signature> = (0..count).map(|index| function_type(dice, index)).collect();
    let plain: Vec<usize> = (0..count).filter(|&index| types[index] == Signature::default()).collect();
    let memories = [Memory::Plain, Memory::Plain, Memory::Wide, Memory::Bytes, Memory::Shared];
    let memory = memories[dice.below(5) as usize];
    let mut shape = Shape { tags, types, plain, with_host, memory };
    let functions = (0..count).map(|index| Grower::function(dice, &shape, index)).collect();
    let tags = std::mem::take(&mut shape.tags);
    Module { tags, functions, plain_functions: shape.plain, with_host, memory }
}

fn any_type(dice: &mut Dice) -> Ty {
    [Ty::I32, Ty::I32, Ty::I64, Ty::F32, Ty::F64, Ty::V128, Ty::Extern][dice.below(7) as usize]
}

fn some_types(dice: &mut Dice, most: u64) -> Vec<Ty> {
    (0..dice.below(most + 1)).map(|_| any_type(dice)).collect()
}

/// The first functions take and give nothing, as tables need them; some of the others take and give more than fits into
/// registers.
fn function_type(dice: &mut Dice, index: usize) -> Signature {
    if index < 2 {
        return Signature::default();
    }
    let params = if dice.one_in(6) { 14 } else { 4 };
    let results = if dice.one_in(6) { 12 } else { 2 };
    let mut params = some_types(dice, params);
    params.insert(0, Ty::I32); // something to decide by
    Signature { params, results: some_types(dice, results) }
}

/// What functions know of the module.
struct Shape {
    tags: Vec<Vec<Ty>>,
    types: Vec<Signature>,
    plain: Vec<usize>,
    with_host: bool,
    memory: Memory,
}

/// A label that code can branch to.
#[derive(Clone)]
struct Open {
    label: Label,
    /// What a branch takes along.
    takes: Vec<Ty>,
    region: usize,
    /// It is a `try`, and code is in one of its handlers.
    caught: bool,
}

struct Grower<'a> {
    dice: &'a mut Dice,
    shape: &'a Shape,
    index: usize,
    /// Parameters and other locals.
    locals: Vec<Ty>,
    open: Vec<Open>,
    labels: usize,
    regions: usize,
    /// Pieces of code still to be made, about.
    budget: usize,
    /// Tries that some `rethrow` names.
    rethrown: Vec<usize>,
}

impl Grower<'_> {
    fn function(dice: &mut Dice, shape: &Shape, index: usize) -> Function {
        let ty = shape.types[index].clone();
        let mut locals = ty.params.clone();
        // One of each at least; at times more than there are registers.
        let extra = if dice.one_in(3) { 16 } else { 4 };
        locals.extend([Ty::I32, Ty::I64, Ty::F32, Ty::F64, Ty::V128, Ty::Extern]);
        locals.extend(some_types(dice, extra));
        let budget = 60 + dice.below(240) as usize;
        let (open, rethrown) = (Vec::new(), Vec::new());
        let mut grower = Grower { dice, shape, index, locals, open, labels: 0, regions: 0, budget, rethrown };
        let body = grower.body(&ty);
        Function { locals: grower.locals[ty.params.len()..].to_vec(), ty, body }
    }

    /// Locals get values that can be told apart; at the end of most functions all of them are mixed into memory, so
    /// they live up to there.
    fn body(&mut self, ty: &Signature) -> Region {
        let mut code = vec![plain(BURN)];
        for local in ty.params.len()..self.locals.len() {
            if self.locals[local] != Ty::Extern {
                let constant = self.constant(self.locals[local]);
                code.push(plain(format!("{constant} local.set {local}")));
            }
        }
        let id = self.new_region();
        self.open.push(Open { label: Label::Function, takes: ty.results.clone(), region: id, caught: false });
        if !self.statements(&mut code, 8) || self.dice.one_in(2) {
            if !self.dice.one_in(6) {
                code.extend(
                    (0..self.locals.len()).map(|local| plain(mix_local(local, self.locals[local], self.shape.memory))),
                );
            }
            self.values(&ty.results, &mut code);
        }
        self.open.pop();
        Region { id, code }
    }

    fn new_region(&mut self) -> usize {
        self.regions += 1;
        self.regions - 1
    }

    fn new_label(&mut self) -> usize {
        self.labels += 1;
        self.labels - 1
    }

    /// The inside of a block, or one part of it.
    fn region(&mut self, label: usize, takes: &[Ty], params: &[Ty], results: &[Ty], caught: bool) -> Region {
        let id = self.new_region();
        self.open.push(Open { label: Label::Block(label), takes: takes.to_vec(), region: id, caught });
        let mut code = Vec::new();
        params.iter().rev().for_each(|ty| self.consume(*ty, &mut code));
        if !self.statements(&mut code, 4) || self.dice.one_in(4) {
            self.values(results, &mut code);
        }
        self.open.pop();
        Region { id, code }
    }

    /// True if nothing comes behind them.
    fn statements(&mut self, code: &mut Vec<Node>, most: u64) -> bool {
        for _ in 0..1 + self.dice.below(most) {
            if self.budget == 0 {
                break;
            }
            self.budget -= 1;
            if self.statement(code) && !self.dice.one_in(4) {
                return true;
            }
        }
        false
    }

    // ---- Statements ----

    /// True if it is the last one that is reached.
    fn statement(&mut self, code: &mut Vec<Node>) -> bool {
        match self.dice.below(24) {
            0..=2 => {
                let local = self.dice.below(self.locals.len() as u64) as usize;
                self.value(self.locals[local], 0, code);
                code.push(plain(format!("local.set {local}")));
            }
            3 | 4 => self.see(code),
            5..=9 => {
                let (params, results) = (some_types(self.dice, 2), some_types(self.dice, 2));
                self.values(&params, code);
                self.block(Signature { params, results: results.clone() }, code);
                results.iter().rev().for_each(|ty| self.consume(*ty, code));
            }
            10..=12 => self.perhaps(code, Self::leave),
            13 => return self.leave(code),
            14..=16 => self.branch_if(code),
            17 | 18 => self.call_later(code),
            19 => self.perhaps(code, Self::call_any),
            20 => self.perhaps(code, Self::trap),
            _ => self.perhaps(code, Self::throw),
        }
        false
    }

    /// Something that can be seen from outside.
    fn see(&mut self, code: &mut Vec<Node>) {
        let ty = Ty::NUMBERS[self.dice.below(5) as usize];
        if self.shape.with_host && self.dice.one_in(2) {
            self.value(ty, 0, code);
            code.push(plain(format!("call $log_{}", ty.name())));
        } else if self.dice.one_in(2) {
            self.value(ty, 0, code);
            code.push(plain(keep_value(ty)));
        } else {
            // Aligned for atomics.
            let at = self.shape.memory.address(16 + 8 * self.dice.below(7500) as i64);
            code.push(plain(at));
            self.value(ty, 0, code);
            code.push(plain(match ty {
                Ty::I32 | Ty::I64 if self.dice.one_in(3) => format!("{}.atomic.rmw.add drop", ty.name()),
                ty => format!("{}.store", ty.name()),
            }));
        }
    }

    /// On some condition.
    fn perhaps(&mut self, code: &mut Vec<Node>, what: fn(&mut Self, &mut Vec<Node>) -> bool) {
        self.condition(code);
        let (label, id) = (self.new_label(), self.new_region());
        self.open.push(Open { label: Label::Block(label), takes: Vec::new(), region: id, caught: false });
        let mut inner = Vec::new();
        what(self, &mut inner);
        self.open.pop();
        let body = Region { id, code: inner };
        let ty = Signature::default();
        code.push(Node::Block(Block { kind: BlockKind::If, label, ty, body, otherwise: None }));
    }

    fn condition(&mut self, code: &mut Vec<Node>) {
        self.value(Ty::I32, 1, code);
        let (mask, test) =
            ([1, 3, 3, 7][self.dice.below(4) as usize], if self.dice.one_in(3) { "i32.eqz" } else { "" });
        code.push(plain(format!("i32.const {} i32.xor i32.const {mask} i32.and {test}", self.dice.below(8))));
        if test.is_empty() {
            code.push(plain(format!("i32.const {mask} i32.eq")));
        }
    }

    /// Throws, if possible what was caught; branches, returns or calls instead of returning.
    fn leave(&mut self, code: &mut Vec<Node>) -> bool {
        let caught: Vec<Label> = self.open.iter().filter(|open| open.caught).map(|open| open.label).collect();
        if !caught.is_empty() && !self.dice.one_in(3) {
            let Label::Block(label) = caught[self.dice.below(caught.len() as u64) as usize] else {
                unreachable!("a try")
            };
            self.rethrown.push(label);
            code.push(Node::Rethrow(label));
            return true;
        }
        match self.dice.below(6) {
            0 | 1 => {
                let to = self.target();
                self.values(&to.takes, code);
                code.push(Node::Branch("br", to.label));
            }
            2 => self.br_table(code),
            3 => return self.return_call(code),
            _ => return self.throw(code),
        }
        true
    }

    fn target(&mut self) -> Open {
        self.open[self.dice.below(self.open.len() as u64) as usize].clone()
    }

    fn br_table(&mut self, code: &mut Vec<Node>) {
        let to = self.target();
        let alike: Vec<Label> = self.open.iter().filter(|o| o.takes == to.takes).map(|o| o.label).collect();
        let count = 1 + self.dice.below(4);
        let labels = (0..count).map(|_| alike[self.dice.below(alike.len() as u64) as usize]).collect();
        self.values(&to.takes, code);
        self.value(Ty::I32, 1, code);
        code.push(Node::BrTable(labels));
    }

    fn branch_if(&mut self, code: &mut Vec<Node>) {
        let to = self.target();
        self.values(&to.takes, code);
        self.condition(code);
        code.push(Node::Branch("br_if", to.label));
        to.takes.iter().rev().for_each(|ty| self.consume(*ty, code));
    }

    fn throw(&mut self, code: &mut Vec<Node>) -> bool {
        if self.shape.with_host && self.dice.one_in(8) {
            self.value(Ty::I32, 1, code);
            code.push(plain("call $throw_pair"));
            return false;
        }
        let tag = self.dice.below(self.shape.tags.len() as u64) as usize;
        self.values(&self.shape.tags[tag], code);
        code.push(plain(format!("throw $t{tag}")));
        true
    }

    fn trap(&mut self, code: &mut Vec<Node>) -> bool {
        code.push(plain(match self.dice.below(3) {
            0 => "unreachable".into(),
            1 => "i32.const 1 i32.const 0 i32.div_u drop".into(),
            _ => format!("{} i32.load drop", self.shape.memory.address(-1)),
        }));
        false
    }

    /// A function behind this one: calls of these alone come to an end.
    fn call_later(&mut self, code: &mut Vec<Node>) {
        let count = self.shape.types.len();
        if self.index + 1 < count {
            let callee = self.index + 1 + self.dice.below((count - self.index - 1) as u64) as usize;
            self.call(callee, code);
        }
    }

    fn call_any(&mut self, code: &mut Vec<Node>) -> bool {
        let outside = u64::from(self.dice.one_in(8));
        let entry = self.dice.below(self.shape.plain.len() as u64 + outside);
        match self.dice.below(4) {
            0 => code.push(plain(format!("i32.const {entry} call_indirect $own"))),
            1 if self.shape.with_host => code.push(plain(format!("i32.const {entry} call $call_back"))),
            2 if self.shape.with_host => {
                code.push(plain(format!("i32.const {entry} call $catch_all")));
                self.consume(Ty::I32, code);
            }
            _ => {
                let callee = self.dice.below(self.shape.types.len() as u64) as usize;
                self.call(callee, code);
            }
        }
        false
    }

    fn call(&mut self, callee: usize, code: &mut Vec<Node>) {
        let ty = &self.shape.types[callee];
        self.values(&ty.params, code);
        code.push(plain(format!("call $f{callee}")));
        ty.results.iter().rev().for_each(|ty| self.consume(*ty, code));
    }

    fn return_call(&mut self, code: &mut Vec<Node>) -> bool {
        let types = &self.shape.types;
        let results = &types[self.index].results;
        let fitting: Vec<usize> = (0..types.len()).filter(|&callee| &types[callee].results == results).collect();
        let callee = fitting[self.dice.below(fitting.len() as u64) as usize];
        if types[callee] == Signature::default() && self.dice.one_in(2) {
            let entry = self.dice.below(self.shape.plain.len() as u64);
            code.push(plain(format!("i32.const {entry} return_call_indirect $own")));
        } else {
            self.values(&types[callee].params, code);
            code.push(plain(format!("return_call $f{callee}")));
        }
        true
    }

    /// Takes a value off the stack.
    fn consume(&mut self, ty: Ty, code: &mut Vec<Node>) {
        if self.dice.one_in(4) {
            code.push(plain(keep_value(ty)));
        } else {
            let local = self.local(ty);
            code.push(plain(format!("local.set {local}")));
        }
    }

    fn local(&mut self, ty: Ty) -> usize {
        let fitting: Vec<usize> = (0..self.locals.len()).filter(|&local| self.locals[local] == ty).collect();
        fitting[self.dice.below(fitting.len() as u64) as usize]
    }

    // ---- Values ----

    fn values(&mut self, types: &[Ty], code: &mut Vec<Node>) {
        types.iter().for_each(|ty| self.value(*ty, 0, code));
    }

    /// Pushes a value of a type; `depth`: so deep in other values.
    fn value(&mut self, ty: Ty, depth: usize, code: &mut Vec<Node>) {
        if self.budget == 0 || depth > 3 || self.open.len() > DEPTH {
            return self.simple_value(ty, code);
        }
        match self.dice.below(12) {
            0..=1 if ty != Ty::Extern => {
                self.budget -= 1;
                self.value(ty, depth + 1, code);
                self.value(ty, depth + 1, code);
                code.push(plain(operation(self.dice, ty)));
            }
            2 => {
                let params = some_types(self.dice, 2);
                self.values(&params, code);
                self.block(Signature { params, results: vec![ty] }, code);
            }
            3 => {
                let later = self.index + 1..self.shape.types.len();
                match later.clone().find(|&callee| self.shape.types[callee].results == [ty]) {
                    Some(callee) => {
                        self.budget -= 1;
                        self.values(&self.shape.types[callee].params, code);
                        code.push(plain(format!("call $f{callee}")));
                    }
                    None => self.simple_value(ty, code),
                }
            }
            4 => {
                let local = self.local(ty);
                self.value(ty, depth + 1, code);
                code.push(plain(format!("local.tee {local}")));
            }
            5 if ty != Ty::Extern => {
                let at = self.shape.memory.address(16 + self.dice.below(60_000) as i64);
                code.push(plain(format!("{at} {}.load", ty.name())));
            }
            6 if ty == Ty::Extern && self.shape.with_host => {
                self.value(ty, depth + 1, code);
                code.push(plain("call $same_thing"));
            }
            _ => self.simple_value(ty, code),
        }
    }

    fn simple_value(&mut self, ty: Ty, code: &mut Vec<Node>) {
        let text = match self.dice.below(5) {
            0 => self.constant(ty),
            1 if ty != Ty::Extern => format!("global.get ${}", ty.name()),
            _ => format!("local.get {}", self.local(ty)),
        };
        code.push(plain(text));
    }

    fn constant(&mut self, ty: Ty) -> String {
        let number = self.dice.below(1000);
        match ty {
            Ty::Extern => "ref.null extern".into(),
            Ty::V128 => format!("v128.const i32x4 {number} 2 3 {}", self.dice.below(9)),
            ty => format!("{}.const {number}", ty.name()),
        }
    }

    // ---- Blocks ----

    /// A block, or something like it, whose parameters are on the stack.
    fn block(&mut self, ty: Signature, code: &mut Vec<Node>) {
        self.budget = self.budget.saturating_sub(2);
        if self.open.len() > DEPTH {
            ty.params.iter().rev().for_each(|ty| self.consume(*ty, code));
            return self.values(&ty.results, code);
        }
        let label = self.new_label();
        let Signature { params, results } = &ty;
        match self.dice.below(12) {
            0 => {
                let body = self.region(label, results, params, results, false);
                code.push(Node::Block(Block { kind: BlockKind::Block, label, ty, body, otherwise: None }));
            }
            1 => {
                let mut body = self.region(label, params, params, results, false);
                body.code.insert(0, plain(BURN));
                code.push(Node::Block(Block { kind: BlockKind::Loop, label, ty, body, otherwise: None }));
            }
            2 => {
                self.condition(code);
                let body = self.region(label, results, params, results, false);
                let otherwise = Some(self.region(label, results, params, results, false));
                code.push(Node::Block(Block { kind: BlockKind::If, label, ty, body, otherwise }));
            }
            3..=5 => {
                let to = self.target().region;
                let body = self.region(label, results, params, results, false);
                code.push(Node::Delegate(Delegate { label, ty, body, to }));
            }
            _ => {
                let body = self.region(label, results, params, results, false);
                let catches = self.catches(label, results);
                let rethrown = self.rethrown.contains(&label);
                code.push(Node::Try(Try { label, ty, body, catches, rethrown }));
            }
        }
    }

    fn catches(&mut self, label: usize, results: &[Ty]) -> Vec<Catch> {
        let count = self.dice.below(4);
        let mut tags: Vec<_> =
            (0..count).map(|_| Some(self.dice.below(self.shape.tags.len() as u64) as usize)).collect();
        if self.dice.one_in(2) {
            tags.push(None);
        }
        let catch = |tag: Option<usize>| {
            let carried = tag.map_or(&[][..], |tag| &self.shape.tags[tag]);
            Catch { tag, handler: self.region(label, results, carried, results, true) }
        };
        tags.into_iter().map(catch).collect()
    }
}

fn plain(text: impl Into<String>) -> Node {
    Node::Plain(text.into())
}

fn operation(dice: &mut Dice, ty: Ty) -> &'static str {
    let operations: [&str; 4] = match ty {
        Ty::I32 => ["i32.add", "i32.mul", "i32.sub", "i32.div_u"],
        Ty::I64 => ["i64.add", "i64.mul", "i64.xor", "i64.rotl"],
        Ty::F32 => ["f32.add", "f32.mul", "f32.sub", "f32.max"],
        Ty::F64 => ["f64.add", "f64.mul", "f64.sub", "f64.min"],
        Ty::V128 => ["i32x4.add", "v128.xor", "i8x16.sub", "f32x4.add"],
        Ty::Extern => unreachable!("references have none"),
    };
    operations[dice.below(4) as usize]
}

/// Mixes a local into the eight bytes at 0.
fn mix_local(local: usize, ty: Ty, memory: Memory) -> String {
    let bits = match ty {
        Ty::I32 => "i64.extend_i32_u",
        Ty::I64 => "",
        Ty::F32 => "i32.reinterpret_f32 i64.extend_i32_u",
        Ty::F64 => "i64.reinterpret_f64",
        Ty::V128 => "i32x4.extract_lane 3 i64.extend_i32_u",
        Ty::Extern => "ref.is_null i64.extend_i32_u",
    };
    let at = memory.address(0);
    format!("{at} {at} i64.load i64.const 31 i64.mul local.get {local} {bits} i64.add i64.store")
}
