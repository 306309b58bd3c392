//! The state while one function is translated.

use super::base::Region;
use super::check::Checks;
use super::control::Frame;
use super::exception::Handlers;
use super::hint::Hints;
use super::inline::Inlining;
use super::instance::Travel;
use super::local::Local;
use super::location::Locations;
use super::signature::{self, value_type};
use super::simd::V128;
use super::{Env, Symbol, loops};
use crate::error::{Error, Result};
use crate::read::{Body, check_type};
use cranelift_codegen::ir::types::{I32, I64};
use cranelift_codegen::ir::{
    AliasRegion, ExtFuncData, ExternalName, FuncRef, Function, GlobalValue, InstBuilder, SigRef, Signature, SourceLoc,
    StackSlot, StackSlotData, StackSlotKind, Type, UserFuncName, Value,
};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use std::collections::{HashMap, HashSet};
use wasmparser::{FuncToValidate, FuncType, FuncValidator, FuncValidatorAllocations, WasmModuleResources};

/// One function on its way from wasm to IR.
pub struct Translator<'a, 'b> {
    pub env: &'b Env<'a>,
    pub b: FunctionBuilder<'b>,
    /// The wasm value stack.
    pub stack: Vec<Value>,
    pub control: Vec<Frame>,
    pub locals: Vec<Local>,
    /// False between a branch and the end of its block.
    pub reachable: bool,
    /// The pinned register's value, if this basic block has read it since the last call.
    pub pinned: Option<Value>,
    /// The same for a whole loop that can afford it, with the height of the control stack inside the loop.
    pub loop_pinned: Option<(Value, usize)>,
    /// For each loop still to come, last first: whether it can.
    pub hoistable: Vec<bool>,
    /// 32-bit values whose zero-extension exists already.
    pub extended: HashMap<Value, Value>,
    pub ty: &'b FuncType,
    /// The last parameter, where results don't fit into registers.
    pub result_area: Option<Value>,
    /// Area for results of calls, shared by all of them.
    call_area: Option<StackSlot>,
    /// What the function throws, for all `throw`s.
    throw_area: Option<StackSlot>,
    /// Locals that live in the frame.
    pub frame_locals: Option<StackSlot>,
    /// How many are SSA variables; the others live in the frame.
    pub ssa_locals: usize,
    pub handlers: Handlers,
    /// Vectors that were loaded in this basic block and are nowhere but on the stack.
    pub fresh_loads: HashSet<Value>,
    /// Memory for vector instructions that the CPU lacks.
    pub vector_scratch: Option<StackSlot>,
    pub regions: HashMap<u32, AliasRegion>,
    pub symbols: HashMap<Symbol, GlobalValue>,
    functions: HashMap<Symbol, FuncRef>,
    signatures: HashMap<u32, SigRef>,
    pub hints: Hints<'b>,
    pub checks: Checks,
    /// Conditions under which the access at hand is refused, for its mask.
    pub refused: Vec<Value>,
    /// The memory that a builtin of `palisade:memory/any` works on (64 bits).
    pub any_memory: Option<Value>,
    /// The pinned register's value at the beginning, for what is the same in the whole function.
    pub entry_pinned: Option<Value>,
    /// Some memory is immutable: instructions that change one are errors.
    pub forbids_writes: bool,
    pub loops: Nesting,
    pub inlining: Inlining,
    /// Of the instruction at hand, as the IR has it.
    pub location: u32,
}

/// How deep something lies inside its like.
#[derive(Default)]
pub struct Nesting {
    now: u32,
    deepest: u32,
}

impl Nesting {
    pub fn open(&mut self) {
        self.now += 1; // each takes a byte of code at least, so 32 bits are enough
        self.deepest = self.deepest.max(self.now);
    }

    pub fn close(&mut self) {
        self.now -= 1;
    }

    pub fn is_inside(&self) -> bool {
        self.now > 0
    }
}

/// More IR values than Cranelift can have registers for (2²¹), with room for those that it optimizes away. Each call and
/// block may have a thousand: a function of a few megabytes could otherwise ask for all memory there is.
const VALUES: usize = 1 << 23;

/// Locals beyond this live in the frame: the register allocator's work grows with values × blocks (12,500 locals in a
/// loop took 50 s), and values beyond the first dozens are spilled anyway. Compilers' output stays far below.
const SSA_LOCALS: usize = 1000;

/// Each call inside a `try` hands all variables that changed to the landing block: so many in all.
const LANDING_VALUES: usize = 1 << 22;

/// Memory that translations hand on to each other.
#[derive(Default)]
pub struct Scratch {
    builder: FunctionBuilderContext,
    validator: FuncValidatorAllocations,
    /// Of the last translation.
    pub checks: Checks,
    /// Also: so many of its loops lie inside each other.
    pub deepest_loop: u32,
    /// Also: so many of its calls were inlined.
    pub inlined: usize,
    /// Also: where its code comes from.
    pub locations: Locations,
}

/// What is left of a translation beside the IR.
struct Done {
    handlers: Handlers,
    checks: Checks,
    loops: Nesting,
    inlining: Inlining,
}

/// Validates defined function `index` and translates it into `func`.
pub fn translate(
    env: &Env<'_>,
    index: u32,
    body: &Body<'_>,
    scratch: &mut Scratch,
    func: &mut Function,
) -> Result<Handlers> {
    let name = env.module.function_name(index);
    let ty = env.module.function_type(index);
    func.signature = signature::wasm(env, ty);
    func.name = UserFuncName::User(Symbol::Function(index).external());
    let FuncToValidate { resources, index: number, ty: type_index, features } = &body.validate;
    let resources = resources.clone();
    let validate = FuncToValidate { resources, index: *number, ty: *type_index, features: *features };
    let mut validator = validate.into_validator(std::mem::take(&mut scratch.validator));
    let builder = FunctionBuilder::new(func, &mut scratch.builder);
    let mut translator = Translator::new(env, builder, ty);
    translator.hints = Hints::new(env.module.hints.function(index), body.body.range().start);
    let end = env.module.bodies.last().map_or(0, |last| last.body.range().end);
    translator.inlining.locations = Locations::new(end as u32); // offsets are below 4 GiB
    let result = translator.body(body, &mut validator);
    scratch.validator = validator.into_allocations();
    scratch.checks.clear();
    if result.is_err() {
        // A builder context that was left in the middle can't be used again.
        scratch.builder = FunctionBuilderContext::new();
    }
    let done = result.map_err(|e| e.in_function(index, name))?;
    scratch.checks = done.checks;
    scratch.deepest_loop = done.loops.deepest;
    scratch.inlined = done.inlining.calls;
    scratch.locations = done.inlining.locations;
    Ok(done.handlers)
}

impl<'a, 'b> Translator<'a, 'b> {
    pub fn new(env: &'b Env<'a>, b: FunctionBuilder<'b>, ty: &'b FuncType) -> Self {
        Translator {
            env,
            b,
            stack: Vec::new(),
            control: Vec::new(),
            locals: Vec::new(),
            reachable: true,
            pinned: None,
            loop_pinned: None,
            hoistable: Vec::new(),
            extended: HashMap::new(),
            ty,
            result_area: None,
            call_area: None,
            throw_area: None,
            frame_locals: None,
            ssa_locals: SSA_LOCALS,
            handlers: Handlers::default(),
            fresh_loads: HashSet::new(),
            vector_scratch: None,
            regions: HashMap::new(),
            symbols: HashMap::new(),
            functions: HashMap::new(),
            signatures: HashMap::new(),
            hints: Hints::default(),
            checks: Checks::default(),
            refused: Vec::new(),
            any_memory: None,
            entry_pinned: None,
            forbids_writes: env.plan.memories.iter().any(|m| m.immutable),
            loops: Nesting::default(),
            inlining: Inlining::default(),
            location: 0,
        }
    }

    fn body<R: WasmModuleResources>(mut self, body: &Body<'_>, validator: &mut FuncValidator<R>) -> Result<Done> {
        let look = loops::look(&body.body, &self.env.plan.callees)?;
        self.hoistable = look.hoistable;
        self.hoistable.reverse();
        if look.tries {
            self.ssa_locals = SSA_LOCALS.min(LANDING_VALUES / look.calls.max(1));
        }
        let frame_params = self.enter();
        if look.tries || self.env.travel == Travel::Parameter {
            self.keep_instance();
        }
        let mut reader = body.body.get_binary_reader();
        self.set_location(reader.original_position());
        self.read_locals(&mut reader, validator)?;
        for (local, value) in frame_params {
            self.set_local(local, value);
        }
        reader.set_features(*validator.features());
        if look.polls {
            self.poll();
        }
        let mut reader = wasmparser::OperatorsReader::new(reader);
        while !reader.eof() {
            let (op, offset) = reader.read_with_offset()?;
            validator.op(offset, &op)?;
            self.set_location(offset);
            self.hints.reach(offset);
            self.operator(&op, offset as usize)?;
            if self.b.func.dfg.num_values() > VALUES {
                return Err(Error::at(offset as usize, "the function is too large to be compiled"));
            }
        }
        reader.finish()?;
        let frontend = self.env.isa.frontend_config();
        self.b.seal_all_blocks();
        self.b.finalize(frontend);
        let Translator { handlers, checks, loops, inlining, .. } = self;
        Ok(Done { handlers, checks, loops, inlining })
    }

    /// The entry block: parameters become locals. Those that live in the frame are to be stored when it is cleared.
    fn enter(&mut self) -> Vec<(Local, Value)> {
        let entry = self.b.create_block();
        self.b.append_block_params_for_function_params(entry);
        self.b.switch_to_block(entry);
        self.b.seal_block(entry);
        let skipped = usize::from(self.env.travel == Travel::Parameter);
        let mut values = self.b.block_params(entry)[skipped..].to_vec();
        if signature::uses_area(self.env, self.ty) {
            self.result_area = values.pop();
        }
        let mut frame_params = Vec::new();
        for (&ty, value) in self.ty.params().iter().zip(values) {
            let local = self.declare_local(value_type(ty), value);
            self.locals.push(local);
            if let Local::Frame(..) = local {
                frame_params.push((local, value));
            }
        }
        self.push_function_frame();
        frame_params
    }

    fn read_locals<R: WasmModuleResources>(
        &mut self,
        reader: &mut wasmparser::BinaryReader<'_>,
        validator: &mut FuncValidator<R>,
    ) -> Result<()> {
        let mut zeros: HashMap<Type, Value> = HashMap::new();
        for _ in 0..reader.read_var_u32()? {
            let offset = reader.original_position();
            let count = reader.read_var_u32()?;
            let ty = reader.read()?;
            validator.define_locals(offset, count, ty)?;
            check_type(offset as usize, ty)?;
            let ty = value_type(ty);
            let zero = match zeros.get(&ty) {
                Some(zero) => *zero,
                None => {
                    let zero = self.zero(ty);
                    zeros.insert(ty, zero);
                    zero
                }
            };
            // At most 50,000 locals: the validator's limit.
            for _ in 0..count {
                let local = self.declare_local(ty, zero);
                self.locals.push(local);
            }
        }
        self.clear_frame_locals();
        Ok(())
    }

    pub fn zero(&mut self, ty: Type) -> Value {
        match ty {
            cranelift_codegen::ir::types::F32 => self.b.ins().f32const(0.0),
            cranelift_codegen::ir::types::F64 => self.b.ins().f64const(0.0),
            V128 => self.vector_constant(V128, 0),
            _ => self.b.ins().iconst(ty, 0),
        }
    }

    pub fn set_location(&mut self, offset: u64) {
        // Offsets are below 4 GiB: wasm sections are.
        self.location = offset as u32;
        self.b.set_srcloc(SourceLoc::new(self.location));
    }

    pub fn pop(&mut self) -> Value {
        self.stack.pop().expect("the validator has seen the operand")
    }

    pub fn pop2(&mut self) -> (Value, Value) {
        let b = self.pop();
        (self.pop(), b)
    }

    pub fn push(&mut self, value: Value) {
        self.stack.push(value);
    }

    pub fn pop_many(&mut self, count: usize) -> Vec<Value> {
        let at = self.stack.len() - count;
        self.stack.split_off(at)
    }

    pub fn iconst32(&mut self, value: u32) -> Value {
        self.b.ins().iconst(I32, i64::from(value))
    }

    /// An address or count of an index type as 64 bits. Visibly zero-extended: no guard lies below memory 0.
    pub fn extend_index(&mut self, value: Value) -> Value {
        if self.b.func.dfg.value_type(value) != I32 {
            return value;
        }
        match self.extended.get(&value) {
            Some(wide) => *wide,
            None => self.b.ins().uextend(I64, value),
        }
    }

    /// 64 bits as an index type.
    pub fn narrow_index(&mut self, value: Value, index64: bool) -> Value {
        if index64 { value } else { self.b.ins().ireduce(I32, value) }
    }

    /// Other code of this object, by its signature.
    pub fn function(&mut self, symbol: Symbol, signature: impl FnOnce() -> Signature) -> FuncRef {
        if let Some(known) = self.functions.get(&symbol) {
            return *known;
        }
        let made = import_function(&mut self.b, symbol, signature());
        self.functions.insert(symbol, made);
        made
    }

    /// Signature of a canonical type.
    pub fn signature_of(&mut self, canonical: u32) -> SigRef {
        if let Some(known) = self.signatures.get(&canonical) {
            return *known;
        }
        let made = self.b.import_signature(signature::wasm(self.env, &self.env.module.types[canonical as usize]));
        self.signatures.insert(canonical, made);
        made
    }

    /// Area for the results of a call.
    pub fn call_area(&mut self, size: u32) -> StackSlot {
        let slot = match self.call_area {
            Some(slot) => slot,
            None => *self.call_area.insert(self.b.create_sized_stack_slot(StackSlotData::new(
                StackSlotKind::ExplicitSlot,
                size,
                4,
            ))),
        };
        let data = &mut self.b.func.sized_stack_slots[slot];
        data.size = data.size.max(size);
        slot
    }

    /// Area for what is thrown.
    pub fn throw_area(&mut self, size: u32) -> StackSlot {
        let data = StackSlotData::new(StackSlotKind::ExplicitSlot, size, 4);
        let slot = *self.throw_area.get_or_insert_with(|| self.b.create_sized_stack_slot(data));
        let data = &mut self.b.func.sized_stack_slots[slot];
        data.size = data.size.max(size);
        slot
    }

    /// Loads a field that never changes while the instance lives.
    pub fn load_constant(&mut self, ty: Type, address: Value, offset: i32) -> Value {
        let flags = self.trusted(Region::Constant).with_readonly();
        self.b.ins().load(ty, flags, address, offset)
    }
}

/// Declares other code; everything is near (`colocated`): direct calls, no GOT.
pub fn import_function(b: &mut FunctionBuilder<'_>, symbol: Symbol, signature: Signature) -> FuncRef {
    let signature = b.import_signature(signature);
    let name = b.func.declare_imported_user_function(symbol.external());
    let name = ExternalName::user(name);
    b.import_function(ExtFuncData { name, signature, colocated: true, patchable: false })
}
