//! Exceptions: `try` in both generations, `throw`, and the calls in between.
//!
//! A `try` is a *scope* with clauses. A call inside one becomes a `try_call` with a single exceptional edge, to the
//! innermost scope's landing block, whatever handlers lie around it: the runtime finds the clause by itself
//! (rt/exception.c), with tables made of [`Handlers`], and the landing block only goes where its number says, or on to
//! the landing block of the scope around it. So IR and tables grow with calls plus handlers, not with their product.

use super::control::Kind;
use super::function::Translator;
use super::helper::Helper;
use super::signature::{self, value_type};
use super::{Symbol, trap};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{
    Block, BlockArg, ExceptionTableData, ExceptionTableItem, ExceptionTag, ExtFuncData, FuncRef, InstBuilder,
    MemFlagsData, SigRef, StackSlot, Value,
};
use std::collections::HashMap;
use wasmparser::{BlockType, Catch, FuncType, TryTable};

/// Handlers of one function.
#[derive(Debug, Default)]
pub struct Handlers {
    /// Call sites name them by their position.
    pub scopes: Vec<Scope>,
    /// Holds P, for the runtime; there if the function has a `try`, or P is in no register that faults tell.
    pub pinned_slot: Option<StackSlot>,
    /// Clauses so far.
    clauses: u32,
    /// Signatures of the wasm convention as [`signature::as_c`] has them, where it can.
    as_c: HashMap<SigRef, Option<(SigRef, usize)>>,
    functions_as_c: HashMap<FuncRef, FuncRef>,
}

impl Handlers {
    /// Of code without a `try`, which keeps P here or nowhere.
    pub fn none(pinned_slot: Option<StackSlot>) -> Handlers {
        Handlers { pinned_slot, ..Handlers::default() }
    }
}

/// Code whose exceptions go the same way.
#[derive(Debug, Clone)]
pub struct Scope {
    /// Where they go next if no clause fits.
    pub parent: Option<u32>,
    /// To be tried in order.
    pub clauses: Vec<Clause>,
    /// Where calls inside it go with a caught exception, if there is one.
    landing: Option<Block>,
}

/// One `catch`.
#[derive(Debug, Clone, Copy)]
pub struct Clause {
    /// `None` catches everything.
    pub tag: Option<u32>,
    /// The handler uses the exception itself beside its values: it must outlive the catch.
    pub keep: bool,
    /// Among all clauses of the function.
    pub number: u32,
}

/// What is called.
#[derive(Debug, Clone, Copy)]
pub enum Callee {
    Direct(FuncRef),
    Indirect(SigRef, Value),
}

/// Code that finds the handler in a landing block.
#[derive(Debug, Clone, Copy)]
pub struct Dispatch {
    /// Where it goes on; not filled yet.
    block: Block,
    /// Address of the caught values.
    values: Value,
    /// Number of the clause.
    number: Value,
}

/// A legacy `try` on its way.
#[derive(Debug, Default)]
pub struct Legacy {
    scope: u32,
    /// The first `catch` has been seen.
    in_handlers: bool,
    /// What is left of the landing block; `None`: nothing comes there.
    dispatch: Option<Dispatch>,
    /// The exnref that the present `catch` has caught.
    caught: Option<Value>,
}

/// The exnref lies before the values.
const EXNREF_BEFORE_VALUES: i32 = -8;

impl Translator<'_, '_> {
    /// Calls what may throw.
    pub fn invoke(&mut self, callee: Callee, args: &[Value]) -> Vec<Value> {
        if let Some(scope) = self.scope() {
            return self.try_invoke(scope, callee, args);
        }
        let call = match callee {
            Callee::Direct(function) => self.b.ins().call(function, args),
            Callee::Indirect(signature, code) => self.b.ins().call_indirect(signature, code, args),
        };
        self.pinned = None;
        self.b.inst_results(call).to_vec()
    }

    /// Of a `try_call` to a function of the wasm convention Cranelift thinks that it leaves no register as it was, so
    /// that everything has to be spilled, and the caller saves all its own caller's registers. Of one of C's convention
    /// it knows that registers are kept that callees save, on both ways: rt/throw.c sees to that. Functions whose
    /// parameters and results are in the same registers either way, nearly all, are called as if they were C's.
    fn as_c(&mut self, callee: Callee) -> (Callee, usize) {
        let signature = self.callee_signature(callee);
        let architecture = self.env.isa.triple().architecture;
        let known = match self.handlers.as_c.get(&signature) {
            Some(known) => *known,
            None => {
                let c = signature::as_c(architecture, &self.b.func.dfg.signatures[signature]);
                let known = c.map(|(c, unused)| (self.b.import_signature(c), unused));
                self.handlers.as_c.insert(signature, known);
                known
            }
        };
        let Some((signature, unused)) = known else { return (callee, 0) };
        let callee = match callee {
            Callee::Direct(function) => Callee::Direct(self.function_as(function, signature)),
            Callee::Indirect(_, code) => Callee::Indirect(signature, code),
        };
        (callee, unused)
    }

    fn function_as(&mut self, function: FuncRef, signature: SigRef) -> FuncRef {
        if let Some(known) = self.handlers.functions_as_c.get(&function) {
            return *known;
        }
        let data = ExtFuncData { signature, ..self.b.func.dfg.ext_funcs[function].clone() };
        let made = self.b.import_function(data);
        self.handlers.functions_as_c.insert(function, made);
        made
    }

    fn callee_signature(&self, callee: Callee) -> SigRef {
        match callee {
            Callee::Direct(function) => self.b.func.dfg.ext_funcs[function].signature,
            Callee::Indirect(signature, _) => signature,
        }
    }

    fn try_invoke(&mut self, scope: u32, callee: Callee, args: &[Value]) -> Vec<Value> {
        let landing = self.landing(scope);
        let (callee, unused) = self.as_c(callee);
        let signature = self.callee_signature(callee);
        let mut all = vec![self.pinned(); unused];
        all.extend(args);
        let args = &all;
        let next = self.b.create_block();
        let types: Vec<_> = self.b.func.dfg.signatures[signature].returns.iter().map(|r| r.value_type).collect();
        let results: Vec<Value> = types.into_iter().map(|ty| self.b.append_block_param(next, ty)).collect();
        let returned: Vec<BlockArg> = (0..results.len() as u32).map(BlockArg::TryCallRet).collect();
        let caught = [BlockArg::TryCallExn(0), BlockArg::TryCallExn(1)];
        let dfg = &mut self.b.func.dfg;
        let (normal, exceptional) = (dfg.block_call(next, &returned), dfg.block_call(landing, &caught));
        let item = ExceptionTableItem::Tag(ExceptionTag::from_u32(scope), exceptional);
        let table = dfg.exception_tables.push(ExceptionTableData::new(signature, normal, [item]));
        match callee {
            Callee::Direct(function) => self.b.ins().try_call(function, args, table),
            Callee::Indirect(_, code) => self.b.ins().try_call_indirect(code, args, table),
        };
        self.b.seal_block(next);
        self.switch_to(next);
        results[unused..].to_vec()
    }

    /// The scope that code runs in at this point.
    pub fn scope(&self) -> Option<u32> {
        self.control.last().and_then(|frame| frame.scope)
    }

    fn add_scope(&mut self) -> u32 {
        let parent = self.scope();
        self.handlers.scopes.push(Scope { parent, clauses: Vec::new(), landing: None });
        // Fewer than the bytes of the function.
        self.handlers.scopes.len() as u32 - 1
    }

    fn add_clause(&mut self, scope: u32, tag: Option<u32>, keep: bool) -> u32 {
        let number = self.handlers.clauses;
        self.handlers.clauses += 1;
        self.handlers.scopes[scope as usize].clauses.push(Clause { tag, keep, number });
        number
    }

    fn landing(&mut self, scope: u32) -> Block {
        let made = &mut self.handlers.scopes[scope as usize].landing;
        if let Some(block) = *made {
            return block;
        }
        let block = self.b.create_block();
        *made = Some(block);
        self.b.append_block_param(block, I64);
        self.b.append_block_param(block, I64);
        self.b.set_cold_block(block);
        block
    }

    /// No more calls come inside this scope: its landing block, if some have.
    fn close_scope(&mut self, scope: u32) -> Option<Dispatch> {
        let block = self.handlers.scopes[scope as usize].landing?;
        self.b.seal_block(block);
        let params = self.b.block_params(block);
        Some(Dispatch { block, values: params[0], number: params[1] })
    }

    /// Begins the handler of a clause; gives where the others are told apart. A handler of all leaves nothing.
    fn handler(&mut self, dispatch: Dispatch, tag: Option<u32>, number: u32) -> Option<Dispatch> {
        self.switch_to(dispatch.block);
        tag?;
        let (handler, others) = (self.b.create_block(), self.b.create_block());
        self.b.set_cold_block(handler);
        self.b.set_cold_block(others);
        let this = self.b.ins().icmp_imm_u(IntCC::Equal, dispatch.number, i64::from(number));
        self.b.ins().brif(this, handler, &[], others, &[]);
        self.b.seal_block(handler);
        self.b.seal_block(others);
        self.switch_to(handler);
        Some(Dispatch { block: others, ..dispatch })
    }

    /// Hands on what no clause of the scope wants.
    fn forward(&mut self, dispatch: Dispatch, scope: u32) {
        self.switch_to(dispatch.block);
        match self.handlers.scopes[scope as usize].parent {
            Some(parent) => {
                let landing = self.landing(parent);
                self.b.ins().jump(landing, &[dispatch.values.into(), dispatch.number.into()]);
            }
            // The runtime comes here for clauses of this function only.
            None => drop(self.b.ins().trap(trap::UNREACHABLE)),
        }
    }

    /// Pushes what an exception with this tag carries.
    fn push_payload(&mut self, dispatch: Dispatch, tag: Option<u32>) {
        let env = self.env;
        let Some(tag) = tag else { return };
        let ty = env.module.tag_type(tag);
        for (&param, offset) in ty.params().iter().zip(signature::payload(ty).0) {
            let value = self.b.ins().load(value_type(param), MemFlagsData::trusted(), dispatch.values, offset);
            self.push(value);
        }
    }

    fn exnref(&mut self, dispatch: Dispatch) -> Value {
        self.b.ins().load(I64, MemFlagsData::trusted(), dispatch.values, EXNREF_BEFORE_VALUES)
    }

    // ---- Throwing ----

    pub fn throw(&mut self, tag: u32) {
        let env = self.env;
        let ty = env.module.tag_type(tag);
        let values = self.pop_many(ty.params().len());
        let area = self.store_payload(ty, &values);
        let number = self.iconst32(tag);
        self.raise(Helper::Throw, &[number, area]);
    }

    fn store_payload(&mut self, ty: &FuncType, values: &[Value]) -> Value {
        let (offsets, size) = signature::payload(ty);
        if size == 0 {
            return self.b.ins().iconst(I64, 0);
        }
        let slot = self.throw_area(size);
        let area = self.b.ins().stack_addr(I64, slot, 0);
        for (&value, offset) in values.iter().zip(offsets) {
            self.b.ins().store(MemFlagsData::trusted(), value, area, offset);
        }
        area
    }

    pub fn throw_ref(&mut self) {
        let exnref = self.pop();
        self.raise(Helper::ThrowRef, &[exnref]);
    }

    fn raise(&mut self, helper: Helper, args: &[Value]) {
        let env = self.env;
        let thunk = self.function(Symbol::HelperThunk(helper), || signature::helper(env, helper));
        let args = self.with_instance(args.to_vec());
        self.invoke(Callee::Direct(thunk), &args);
        self.unreachable();
    }

    // ---- try_table ----

    pub fn try_table(&mut self, table: &TryTable) {
        if table.catches.is_empty() {
            return self.block(table.ty);
        }
        let scope = self.add_scope();
        for catch in &table.catches {
            let (tag, keep, _) = parts(catch);
            self.add_clause(scope, tag, keep);
        }
        self.open_scope(table.ty, scope, Kind::TryTable { scope, catches: table.catches.clone() });
    }

    /// Emits the handlers of a `try_table` whose frame is gone: labels count from outside of it.
    pub fn end_try_table(&mut self, scope: u32, catches: &[Catch]) {
        let mut dispatch = self.close_scope(scope);
        let clauses = self.handlers.scopes[scope as usize].clauses.clone();
        for (catch, clause) in catches.iter().zip(clauses) {
            let Some(now) = dispatch else { return };
            let (tag, keep, label) = parts(catch);
            dispatch = self.handler(now, tag, clause.number);
            let height = self.stack.len();
            self.push_payload(now, tag);
            if keep {
                let exnref = self.exnref(now);
                self.push(exnref);
            }
            self.br(label);
            self.stack.truncate(height);
        }
        if let Some(rest) = dispatch {
            self.forward(rest, scope);
        }
    }

    // ---- Legacy ----

    pub fn legacy_try(&mut self, ty: BlockType) {
        let scope = self.add_scope();
        self.open_scope(ty, scope, Kind::Try(Legacy { scope, ..Legacy::default() }));
    }

    /// `catch` and, without a tag, `catch_all`. Also comes in unreachable code: the handler may be reachable.
    pub fn legacy_catch(&mut self, tag: Option<u32>) {
        self.fall_into_end();
        let frame = self.control.last_mut().expect("catch is inside try");
        let Kind::Try(legacy) = &mut frame.kind else {
            return; // a dead try
        };
        let mut legacy = std::mem::take(legacy);
        self.stack.truncate(frame.height);
        if !legacy.in_handlers {
            legacy.in_handlers = true;
            legacy.dispatch = self.close_scope(legacy.scope);
        }
        let number = self.add_clause(legacy.scope, tag, false);
        legacy.caught = None;
        if let Some(now) = legacy.dispatch {
            legacy.dispatch = self.handler(now, tag, number);
            legacy.caught = Some(self.exnref(now));
            self.push_payload(now, tag);
            self.reachable = true;
        }
        let frame = self.control.last_mut().expect("as above");
        frame.scope = self.handlers.scopes[legacy.scope as usize].parent;
        frame.kind = Kind::Try(legacy);
    }

    pub fn rethrow(&mut self, depth: u32) {
        let frame = &self.control[self.control.len() - 1 - depth as usize];
        let Kind::Try(Legacy { scope, caught, .. }) = frame.kind else {
            unreachable!("the validator wants a catch");
        };
        if let Some(clause) = self.handlers.scopes[scope as usize].clauses.last_mut() {
            clause.keep = true;
        }
        self.raise(Helper::ThrowRef, &[caught.expect("reachable code of a handler has caught something")]);
    }

    /// Emits what is left of a legacy `try` at its end; `delegate`: the label that exceptions go to, counted from
    /// outside of it.
    pub fn end_legacy(&mut self, legacy: &Legacy, delegate: Option<u32>) {
        if let Some(depth) = delegate {
            let target = &self.control[self.control.len() - 1 - depth as usize];
            self.handlers.scopes[legacy.scope as usize].parent = target.scope;
        }
        let rest = if legacy.in_handlers { legacy.dispatch } else { self.close_scope(legacy.scope) };
        if let Some(rest) = rest {
            self.forward(rest, legacy.scope);
        }
    }
}

/// Tag, whether the handler gets the exnref, label.
fn parts(catch: &Catch) -> (Option<u32>, bool, u32) {
    match *catch {
        Catch::One { tag, label } => (Some(tag), false, label),
        Catch::OneRef { tag, label } => (Some(tag), true, label),
        Catch::All { label } => (None, false, label),
        Catch::AllRef { label } => (None, true, label),
    }
}
