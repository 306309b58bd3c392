//! Code at the border to C: everything here is one small function per entity.
//!
//! An export's stub is entered from C: it puts the instance into the pinned register, notes on which stack it runs,
//! and gives the caller's pinned register back. A thunk goes the other way: it makes sure that C finds enough stack,
//! and passes the instance (helpers) or the import's `struct mod *` (imports).

use super::base::{Region, offset_below};
use super::check::Checks;
use super::function::{Translator, import_function};
use super::simd::V128;
use super::{Env, Helper, Symbol, Travel, fs1, signature, small, trap};
use crate::context::{CONTEXT_STACK_LIMIT, CONTEXT_STACK_ROOM, FUNC_CODE, FUNC_PINNED};
use crate::plan::{Builtin, DataPlan, GlobalPlan};
use crate::read::{ConstExpression, ConstOp, DataMode, ElementMode};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I32, I64};
use cranelift_codegen::ir::{
    Block, Function, InstBuilder, MemFlagsData, Signature, StackSlot, StackSlotData, StackSlotKind, Type, UserFuncName,
    Value,
};
use cranelift_codegen::isa::CallConv;
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use wasmparser::{FuncType, ValType};

/// Where a view (rt/context.h) has its memory or table.
const VIEW_OWNER: u32 = 16;

/// A stub: its IR, and what it keeps in its frame.
pub struct Stub {
    /// The IR.
    pub func: Function,
    /// Holds the caller's pinned register, or fs1, from before the first call on, for unwinding.
    pub saved_pinned: Option<SavedPinned>,
    /// Holds P, for faults, where they can't find it in a register.
    pub kept_instance: Option<StackSlot>,
    /// Its checks of memories.
    pub checks: Checks,
}

/// Where a stub keeps the caller's pinned register; on riscv64, which has none, its fs1.
#[derive(Debug, Clone, Copy)]
pub enum SavedPinned {
    /// In its frame.
    Slot(StackSlot),
    /// On x86-64 Windows in the room that every caller leaves above the return address: unwind tables there reach only
    /// 240 bytes down from the frame pointer.
    Home,
}

/// Above the frame pointer: the caller's, and the return address.
const HOME: i32 = 16;

/// Which global of an instance an accessor gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entity {
    /// The `pal_memory *` of a memory.
    Memory(u32),
    /// The `pal_table *` of a table.
    Table(u32),
    /// The address of a global.
    Global(u32),
    /// The `pal_tag *` of a tag.
    Tag(u32),
}

/// The C function for wasm function `index`.
pub fn export(env: &Env<'_>, index: u32) -> Stub {
    let ty = env.module.function_type(index);
    build(env, signature::c(env, ty), |t, params| {
        let args = from_c(t, ty, &params[1..]);
        let saved = enter(t, params[0]);
        for (&value, &ty) in args.iter().zip(ty.params()) {
            t.check_from_c(value, ty);
        }
        let results = call_wasm(t, index, ty, &args);
        leave(t, saved);
        return_to_c(t, ty, params, &results);
        Some(saved)
    })
}

/// The C function `void (void *pinned)` for the start function.
pub fn start(env: &Env<'_>, index: u32) -> Stub {
    let ty = env.module.function_type(index);
    build(env, signature::c_plain(env, &[I64], None), |t, params| {
        let saved = enter(t, params[0]);
        call_wasm(t, index, ty, &[]);
        leave(t, saved);
        t.b.ins().return_(&[]);
        Some(saved)
    })
}

/// `void init(void *pinned, uint64_t *computed)`: how imports are entered, initial values of globals, offsets of computed
/// segments.
pub fn init(env: &Env<'_>) -> Stub {
    build(env, signature::c_plain(env, &[I64, I64], None), |t, params| {
        // No calls are made here: the caller's pinned register can stay in a register.
        let old = t.read_instance();
        t.set_instance(params[0]);
        enter_imports(t, params[0]);
        for (index, global) in (0..).zip(&env.module.globals) {
            if let (GlobalPlan::Slot(_), Some(init)) = (env.plan.globals[index as usize], &global.init) {
                let value = evaluate(t, init);
                t.set_global(index, value);
            }
        }
        for (at, offset) in (0..).zip(computed_offsets(env)) {
            let value = evaluate(t, offset);
            let value = t.extend_index(value);
            t.b.ins().store(MemFlagsData::trusted(), value, params[1], at * 8);
        }
        t.set_instance(old);
        t.b.ins().return_(&[]);
        None
    })
}

/// Offsets of active segments that are not constant, in the order of the array that `init` fills: elements first.
pub fn computed_offsets<'a>(env: &Env<'a>) -> impl Iterator<Item = &'a ConstExpression> {
    let elements = env.module.elements.iter().filter_map(|e| match &e.mode {
        ElementMode::Active { offset, .. } => Some(offset),
        _ => None,
    });
    let kept = env.plan.data.iter().filter_map(|plan| match plan {
        DataPlan::Kept(index) => Some(&env.module.data[*index as usize].mode),
        DataPlan::Image { .. } | DataPlan::Mapped { .. } => None,
    });
    let data = kept.filter_map(|mode| match mode {
        DataMode::Active { offset, .. } => Some(offset),
        DataMode::Passive => None,
    });
    elements.chain(data).filter(|offset| offset.constant().is_none())
}

/// The thunk in front of imported function `index`: of tail calls, references, exports, and where a call is not likely.
pub fn import(env: &Env<'_>, index: u32) -> Stub {
    let ty = env.module.function_type(index);
    if let Some(&builtin) = env.plan.builtins.get(&index) {
        return self::builtin(env, ty, builtin);
    }
    build(env, signature::wasm(env, ty), |t, params| {
        match (env.plan.import_code.get(&index), env.plan.import_pinned.get(&index)) {
            (Some(&code), Some(&pinned)) => call_entered(t, index, params, code, pinned),
            (Some(&code), None) => {
                let code = t.load_context(I64, code, Region::Context);
                call_module(t, ty, params, code, code, env.plan.import_slot(env.module, index));
                call_host(t, index, params);
            }
            _ => call_host(t, index, params),
        }
        None
    })
}

/// The thunk in front of imported function `index` if it is the host's.
pub fn host_import(env: &Env<'_>, index: u32) -> Stub {
    build(env, signature::wasm(env, env.module.function_type(index)), |t, params| {
        call_host(t, index, params);
        None
    })
}

fn call_host(t: &mut Translator<'_, '_>, index: u32, params: &[Value]) {
    let env = t.env;
    let ty = env.module.function_type(index);
    let params = wasm_params(t, params);
    let ours = t.pinned();
    check_stack(t, Frame::of_import(ty));
    t.pinned = Some(ours); // nothing has changed it, nor the register that has it
    let mut args = vec![t.load_context(I64, env.plan.import_slot(env.module, index), Region::Context)];
    args.extend(to_c(t, ty, params));
    let (offsets, size) = signature::result_struct(ty);
    let area = signature::c_results_in_memory(ty).then(|| {
        let slot = t.b.create_sized_stack_slot(StackSlotData::new(StackSlotKind::ExplicitSlot, size, 4));
        t.b.ins().stack_addr(I64, slot, 0)
    });
    args.extend(area);
    let callee = import_function(&mut t.b, Symbol::Import(index), signature::c(env, ty));
    let call = t.b.ins().call(callee, &args);
    let mut results = t.b.inst_results(call).to_vec();
    if let Some(area) = area {
        results = (ty.results().iter().zip(&offsets))
            .map(|(&r, &at)| t.b.ins().load(signature::value_type(r), MemFlagsData::trusted(), area, at))
            .collect();
    }
    for (&value, &ty) in results.iter().zip(ty.results()) {
        t.check_from_c(value, ty);
    }
    return_to_wasm(t, ty, params, &results);
}

/// What the context says of the function, see [`enter_imports`].
fn call_entered(t: &mut Translator<'_, '_>, index: u32, params: &[Value], code_at: u32, pinned_at: u32) {
    let env = t.env;
    let ty = env.module.function_type(index);
    let code = t.load_context(I64, code_at, Region::Context);
    let theirs = t.load_context(I64, pinned_at, Region::Context);
    let ours = t.pinned();
    let is_other = t.b.ins().icmp(IntCC::NotEqual, theirs, ours);
    call_module(t, ty, params, is_other, code, pinned_at);
    let thunk = t.function(Symbol::HostThunk(index), || signature::wasm(env, ty));
    t.b.ins().return_call(thunk, params);
}

/// If another module provides the function: calls its code with its instance, whatever stack that was on last: what it
/// knows of it, it asks when it calls C. Goes on where the function is the host's.
fn call_module(
    t: &mut Translator<'_, '_>,
    ty: &FuncType,
    params: &[Value],
    is_other: Value,
    code: Value,
    instance: u32,
) {
    let (module, host) = (t.b.create_block(), t.b.create_block());
    t.b.ins().brif(is_other, module, &[], host, &[]);
    t.switch_to(module);
    let theirs = t.load_context(I64, instance, Region::Context);
    let signature = t.b.import_signature(signature::wasm(t.env, ty));
    match t.env.travel {
        Travel::Parameter => {
            let args = t.with_theirs(theirs, wasm_params(t, params).to_vec());
            t.b.ins().return_call_indirect(signature, code, &args);
        }
        Travel::Register => {
            // In a register it would be one to save on the host's way, too.
            let slot = pinned_slot(t);
            let ours = t.read_instance();
            t.b.ins().stack_store(I64, ours, slot, 0);
            t.set_instance(theirs);
            let call = t.b.ins().call_indirect(signature, code, params);
            let ours = t.b.ins().stack_load(I64, I64, slot, 0);
            t.set_instance(ours);
            let results = t.b.inst_results(call).to_vec();
            t.b.ins().return_(&results);
        }
    }
    t.switch_to(host);
}

/// Part of `init`: the runtime has put code into the word of each imported function that another module provides, and 0
/// into those of the host's. Calls don't ask whose it is, so behind this both have what they want: code, and P.
fn enter_imports(t: &mut Translator<'_, '_>, ours: Value) {
    let env = t.env;
    let mut imports: Vec<_> = env.plan.import_pinned.iter().map(|(&index, &pinned_at)| (index, pinned_at)).collect();
    imports.sort_unstable();
    for (index, pinned_at) in imports {
        let flags = t.trusted(Region::Context);
        let (code_at, instance_at) = (env.plan.import_code[&index], env.plan.import_slot(env.module, index));
        let code = t.b.ins().load(I64, flags, ours, offset_below(code_at));
        let instance = t.b.ins().load(I64, flags, ours, offset_below(instance_at));
        let thunk = t.symbol_address(Symbol::HostThunk(index));
        let (entry, pinned) = (t.b.ins().select(code, code, thunk), t.b.ins().select(code, instance, ours));
        t.b.ins().store(flags, entry, ours, offset_below(code_at));
        t.b.ins().store(flags, pinned, ours, offset_below(pinned_at));
    }
}

/// A builtin that is called through a reference or by C. The code serves all instances, so it has all checks.
fn builtin(env: &Env<'_>, ty: &FuncType, builtin: Builtin) -> Stub {
    let checked = env.plan.checked_version();
    let env = Env { plan: checked.as_ref().unwrap_or(env.plan), ..*env };
    build(&env, signature::wasm(&env, ty), |t, params| {
        let params = wasm_params(t, params);
        if env.travel == Travel::Parameter {
            t.keep_instance();
        }
        params[..ty.params().len()].iter().for_each(|&param| t.push(param));
        t.builtin(builtin);
        let results = t.pop_many(ty.results().len());
        return_to_wasm(t, ty, params, &results);
        None
    })
}

/// Behind a tail call to a function of another instance, which comes as a last argument: calls it, and returns with
/// the pinned register it was entered with.
pub fn tail(env: &Env<'_>, canonical: u32) -> Stub {
    let ty = &env.module.types[canonical as usize];
    build(env, signature::with_reference(env, ty), |t, params| {
        let (&reference, args) = params.split_last().expect("the reference");
        let code = t.load_constant(I64, reference, FUNC_CODE as i32);
        let theirs = t.load_constant(I64, reference, FUNC_PINNED as i32);
        let ours = t.pinned();
        t.set_instance(theirs);
        let signature = t.signature_of(canonical);
        let call = t.b.ins().call_indirect(signature, code, args);
        t.set_instance(ours);
        let results = t.b.inst_results(call).to_vec();
        t.b.ins().return_(&results);
        None
    })
}

/// The thunk in front of a runtime helper.
pub fn helper(env: &Env<'_>, helper: Helper) -> Stub {
    build(env, signature::helper(env, helper), |t, params| {
        let params = &mut wasm_params(t, params).to_vec();
        if env.travel == Travel::Parameter && matches!(helper, Helper::MemoryCopy | Helper::MemoryFill) {
            t.keep_instance();
        }
        match helper {
            Helper::MemoryCopy => small::copy(t, params),
            Helper::MemoryFill => small::fill(t, params),
            _ => {}
        }
        match helper {
            Helper::StackEnter if env.is_board => {}
            Helper::StackEnter => probe_stack(t),
            _ => check_stack(t, Frame::Small),
        }
        let mut args: Vec<Value> = helper.takes_instance().then(|| t.pinned()).into_iter().collect();
        args.extend_from_slice(params);
        let call = call_c(t, helper, &args);
        t.b.ins().return_(&call);
        None
    })
}

/// `pal_<mod>_instantiate(void **out, void *import…)`.
pub fn instantiate(env: &Env<'_>) -> Stub {
    let count = env.plan.import_modules.len();
    let types = vec![I64; count + 1];
    build(env, signature::c_plain(env, &types, Some(I32)), |t, params| {
        // The number of import modules is limited by the validator's number of imports (a million).
        let size = (count as u32 * 8).max(8);
        let slot = t.b.create_sized_stack_slot(StackSlotData::new(StackSlotKind::ExplicitSlot, size, 3));
        let array = t.b.ins().stack_addr(I64, slot, 0);
        for (at, &param) in (0..).zip(&params[1..]) {
            t.b.ins().store(MemFlagsData::trusted(), param, array, at * 8);
        }
        let module = t.symbol_address(Symbol::Module);
        let result = call_c(t, Helper::Instantiate, &[module, params[0], array]);
        t.b.ins().return_(&result);
        None
    })
}

/// `int32_t (void **out, void *const *imports)`: the same for a program's list of modules.
pub fn instantiate_list(env: &Env<'_>) -> Stub {
    build(env, signature::c_plain(env, &[I64, I64], Some(I32)), |t, params| {
        let module = t.symbol_address(Symbol::Module);
        let result = call_c(t, Helper::Instantiate, &[module, params[0], params[1]]);
        t.b.ins().return_(&result);
        None
    })
}

/// `pal_<mod>_free(struct mod *)` and the like: the runtime's function.
pub fn forward(env: &Env<'_>, helper: Helper) -> Stub {
    build(env, signature::c_plain(env, &[I64], None), |t, params| {
        call_c(t, helper, params);
        t.b.ins().return_(&[]);
        None
    })
}

/// A helper as a function of the module's, for the host: `pal_<mod>_snapshot`, `pal_<mod>_bind_memory`, ….
pub fn host(env: &Env<'_>, helper: Helper) -> Stub {
    let (types, result) = helper.signature();
    let all: Vec<Type> = std::iter::once(I64).chain(types.iter().copied()).collect();
    build(env, signature::c_plain(env, &all, result), |t, params| {
        let result = call_c(t, helper, params);
        t.b.ins().return_(&result);
        None
    })
}

/// `T *(struct mod *)`: an exported memory, table, global or tag.
pub fn accessor(env: &Env<'_>, entity: Entity) -> Stub {
    build(env, signature::c_plain(env, &[I64], Some(I64)), |t, params| {
        let owner = |view: u32| offset_below(view - VIEW_OWNER);
        let load = |t: &mut Translator<'_, '_>, at| t.b.ins().load(I64, MemFlagsData::trusted(), params[0], at);
        let value = match entity {
            Entity::Memory(i) => load(t, owner(env.plan.layout.memory_view(i))),
            Entity::Table(i) => load(t, owner(env.plan.layout.table_view(i))),
            Entity::Global(i) => match env.plan.globals[i as usize] {
                GlobalPlan::Imported(distance) => load(t, offset_below(distance)),
                GlobalPlan::Slot(distance) => t.b.ins().iadd_imm_s(params[0], -i64::from(distance)),
                GlobalPlan::Constant(_) => unreachable!("exported globals have slots"),
            },
            Entity::Tag(i) => t.b.ins().iadd_imm_s(params[0], -i64::from(env.plan.layout.tag_slot(i))),
        };
        t.b.ins().return_(&[value]);
        None
    })
}

fn build(
    env: &Env<'_>,
    signature: Signature,
    body: impl FnOnce(&mut Translator<'_, '_>, &[Value]) -> Option<SavedPinned>,
) -> Stub {
    let mut func = Function::with_name_signature(UserFuncName::default(), signature);
    let mut scratch = FunctionBuilderContext::new();
    let no_type = FuncType::new([], []);
    let mut b = FunctionBuilder::new(&mut func, &mut scratch);
    let entry = b.create_block();
    b.append_block_params_for_function_params(entry);
    b.switch_to_block(entry);
    let params = b.block_params(entry).to_vec();
    let mut t = Translator::new(env, b, &no_type);
    let saved_pinned = body(&mut t, &params);
    t.b.seal_all_blocks();
    t.b.finalize(env.isa.frontend_config());
    let (checks, kept_instance) = (t.checks, t.handlers.pinned_slot);
    Stub { func, saved_pinned, kept_instance, checks }
}

/// The parameters of wasm, without the instance if that is one.
fn wasm_params<'p>(t: &Translator<'_, '_>, params: &'p [Value]) -> &'p [Value] {
    &params[usize::from(t.env.travel == Travel::Parameter)..]
}

/// Saves what is the caller's, sets the pinned register to `instance`, and sees to it that the context knows the current
/// stack.
fn enter(t: &mut Translator<'_, '_>, instance: Value) -> SavedPinned {
    let home = t.env.is_x86_64 && t.env.isa.default_call_conv() == CallConv::WindowsFastcall;
    let saved = if home { SavedPinned::Home } else { SavedPinned::Slot(pinned_slot(t)) };
    match saved {
        SavedPinned::Slot(slot) if t.env.travel == Travel::Parameter => fs1::save(t, slot),
        _ => save_pinned(t, saved),
    }
    set_pinned(t, instance);
    let next = ask_stack(t, Frame::Small);
    t.b.ins().jump(next, &[]);
    t.switch_to(next);
    saved
}

fn save_pinned(t: &mut Translator<'_, '_>, saved: SavedPinned) {
    let old = t.b.ins().get_pinned_reg(I64);
    match saved {
        SavedPinned::Slot(slot) => drop(t.b.ins().stack_store(I64, old, slot, 0)),
        SavedPinned::Home => {
            let frame = t.b.ins().get_frame_pointer(I64);
            t.b.ins().store(MemFlagsData::trusted(), old, frame, HOME);
        }
    }
}

fn pinned_slot(t: &mut Translator<'_, '_>) -> StackSlot {
    t.b.create_sized_stack_slot(StackSlotData::new(StackSlotKind::ExplicitSlot, 8, 3))
}

fn set_pinned(t: &mut Translator<'_, '_>, instance: Value) {
    t.set_instance(instance);
    t.pinned = Some(instance);
}

/// How far a stub's stack pointer may be from its frame pointer: some registers, or as many arguments, vectors and
/// results as a function can have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Frame {
    Small,
    Large,
}

/// So many arguments are some registers' worth of stack.
const FEW_ARGUMENTS: usize = 16;

impl Frame {
    /// Of the thunk in front of an import.
    fn of_import(ty: &FuncType) -> Frame {
        let has_vectors = ty.params().contains(&ValType::V128);
        let is_large = has_vectors || ty.params().len() > FEW_ARGUMENTS || signature::c_results_in_memory(ty);
        if is_large { Frame::Large } else { Frame::Small }
    }
}

/// Has the runtime tell the instance on which stack it runs, unless it knows, and there is room for C on it: then code
/// goes on in the block that is returned. Otherwise in the present one, when the runtime has answered. Its thunk keeps
/// all registers: values that live on behind this need not be kept on the stack, or in registers that the caller wants
/// back.
fn ask_stack(t: &mut Translator<'_, '_>, frame: Frame) -> Block {
    let sp = lowest(t, frame);
    // The last load becomes an operand, of the subtraction: none can be one of a comparison that is branched by.
    let room = t.load_context(I64, CONTEXT_STACK_ROOM as u32, Region::Context);
    let limit = t.load_context(I64, CONTEXT_STACK_LIMIT as u32, Region::Context);
    let above = t.b.ins().isub(sp, limit);
    let known = t.b.ins().icmp(IntCC::UnsignedLessThan, above, room);
    let (next, ask) = (t.b.create_block(), t.b.create_block());
    t.b.set_cold_block(ask);
    t.b.ins().brif(known, next, &[], ask, &[]);
    t.switch_to(ask);
    let helper = Helper::StackEnter;
    let env = t.env;
    let thunk = t.function(Symbol::HelperThunk(helper), || signature::helper(env, helper));
    let args = t.with_instance(Vec::new());
    t.b.ins().call(thunk, &args);
    next
}

/// Where the stub's frame ends. CPUs that follow the stack pointer aside must stop for an instruction that reads it.
fn lowest(t: &mut Translator<'_, '_>, frame: Frame) -> Value {
    match frame {
        Frame::Small => t.b.ins().get_frame_pointer(I64),
        Frame::Large => t.b.ins().get_stack_pointer(I64),
    }
}

fn leave(t: &mut Translator<'_, '_>, saved: SavedPinned) {
    let old = match saved {
        SavedPinned::Slot(slot) if t.env.travel == Travel::Parameter => return fs1::restore(t, slot),
        SavedPinned::Slot(slot) => t.b.ins().stack_load(I64, I64, slot, 0),
        SavedPinned::Home => {
            let frame = t.b.ins().get_frame_pointer(I64);
            t.b.ins().load(I64, MemFlagsData::trusted(), frame, HOME)
        }
    };
    t.set_instance(old);
}

/// C needs room for frames of its own: a fault in libc can't be turned into a trap. What the context knows may be of
/// another stack, or another thread's: calls through tables between instances tell it nothing.
fn check_stack(t: &mut Translator<'_, '_>, frame: Frame) {
    let next = ask_stack(t, frame);
    let limit = t.load_context(I64, CONTEXT_STACK_LIMIT as u32, Region::Context);
    let sp = lowest(t, frame);
    let low = t.b.ins().icmp(IntCC::UnsignedLessThan, sp, limit);
    t.b.ins().trapnz(low, trap::STACK_OVERFLOW);
    t.b.ins().jump(next, &[]);
    t.switch_to(next);
}

/// What `pal_rt_stack_enter` may use of the stack at most, some pages to spare.
const ASKING: u32 = 16 << 10;

/// Touches the stack that C is about to use, page by page (inline probes see to that in any large frame): if its end is
/// near, the fault is in compiled code, where it is a trap.
fn probe_stack(t: &mut Translator<'_, '_>) {
    let slot = t.b.create_sized_stack_slot(StackSlotData::new(StackSlotKind::ExplicitSlot, ASKING, 3));
    let pinned = t.pinned();
    t.b.ins().stack_store(I64, pinned, slot, 0); // unused slots get no room
}

/// The wasm parameters of a C call, where vectors are behind pointers: the host's, so their alignment is not relied on.
fn from_c(t: &mut Translator<'_, '_>, ty: &FuncType, params: &[Value]) -> Vec<Value> {
    let integers = signature::c_integers(t.env, ty);
    let one = |((&ty, integer), &param): ((&ValType, Option<Type>), &Value)| match (ty, integer) {
        (ValType::V128, _) => t.b.ins().load(V128, MemFlagsData::new().with_notrap(), param, 0),
        (float, Some(_)) => t.b.ins().bitcast(signature::value_type(float), MemFlagsData::new(), param),
        _ => param,
    };
    ty.params().iter().zip(integers).zip(params).map(one).collect()
}

/// The other way round: vectors are stored in the thunk's frame, which outlives the call.
fn to_c(t: &mut Translator<'_, '_>, ty: &FuncType, params: &[Value]) -> Vec<Value> {
    let integers = signature::c_integers(t.env, ty);
    let count = ty.params().iter().filter(|&&ty| ty == ValType::V128).count() as u32;
    // At most 1,000 parameters (the validator's limit).
    let mut area = (count > 0).then(|| {
        let slot = t.b.create_sized_stack_slot(StackSlotData::new(StackSlotKind::ExplicitSlot, count * 16, 4));
        (slot, 0)
    });
    let mut one = |((&ty, integer), &param): ((&ValType, Option<Type>), &Value)| {
        let Some(integer) = integer else { return param };
        let Some((slot, at)) = area.as_mut().filter(|_| ty == ValType::V128) else {
            return t.b.ins().bitcast(integer, MemFlagsData::new(), param);
        };
        let (slot, at) = (*slot, {
            let now = *at;
            *at += 16;
            now
        });
        let address = t.b.ins().stack_addr(I64, slot, at);
        t.b.ins().store(MemFlagsData::trusted(), param, address, 0);
        address
    };
    ty.params().iter().zip(integers).zip(params).map(&mut one).collect()
}

/// Calls wasm function `index`.
fn call_wasm(t: &mut Translator<'_, '_>, index: u32, ty: &FuncType, params: &[Value]) -> Vec<Value> {
    for &param in &params[..ty.params().len()] {
        t.push(param);
    }
    t.call_from_stub(index);
    t.pop_many(ty.results().len())
}

fn return_to_c(t: &mut Translator<'_, '_>, ty: &FuncType, params: &[Value], results: &[Value]) {
    if !signature::c_results_in_memory(ty) {
        t.b.ins().return_(results);
        return;
    }
    let area = *params.last().expect("a pointer to the results");
    for (&value, offset) in results.iter().zip(signature::result_struct(ty).0) {
        t.b.ins().store(MemFlagsData::new().with_notrap(), value, area, offset);
    }
    t.b.ins().return_(&[]);
}

fn return_to_wasm(t: &mut Translator<'_, '_>, ty: &FuncType, params: &[Value], results: &[Value]) {
    if !signature::uses_area(t.env, ty) {
        t.b.ins().return_(results);
        return;
    }
    let area = *params.last().expect("the result area");
    for (&value, at) in results.iter().zip(signature::result_area(ty).0) {
        t.b.ins().store(MemFlagsData::trusted(), value, area, at);
    }
    t.b.ins().return_(&[]);
}

/// Calls a runtime function directly.
fn call_c(t: &mut Translator<'_, '_>, helper: Helper, args: &[Value]) -> Vec<Value> {
    let (types, result) = helper.signature();
    let all: Vec<Type> = helper.takes_instance().then_some(I64).into_iter().chain(types.iter().copied()).collect();
    let env = t.env;
    let callee = t.function(Symbol::Helper(helper), || signature::c_plain(env, &all, result));
    let call = t.b.ins().call(callee, args);
    t.b.inst_results(call).to_vec()
}

fn evaluate(t: &mut Translator<'_, '_>, expression: &ConstExpression) -> Value {
    use cranelift_codegen::ir::Opcode;
    use cranelift_codegen::ir::types::{F32, F64};
    for op in &expression.0 {
        match *op {
            ConstOp::I32(v) => {
                let v = t.iconst32(v as u32);
                t.push(v);
            }
            ConstOp::I64(v) => {
                let v = t.constant(I64, (v as u64).into());
                t.push(v);
            }
            ConstOp::F32(v) => {
                let v = t.constant(F32, v.into());
                t.push(v);
            }
            ConstOp::F64(v) => {
                let v = t.constant(F64, v.into());
                t.push(v);
            }
            ConstOp::V128(v) => {
                let v = t.constant(V128, v);
                t.push(v);
            }
            ConstOp::GlobalGet(index) => t.global_get(index),
            ConstOp::RefNull => t.ref_null(),
            ConstOp::RefFunc(index) => t.ref_func(index),
            ConstOp::I32Add | ConstOp::I64Add => t.binary(Opcode::Iadd),
            ConstOp::I32Sub | ConstOp::I64Sub => t.binary(Opcode::Isub),
            ConstOp::I32Mul | ConstOp::I64Mul => t.binary(Opcode::Imul),
        }
    }
    t.pop()
}
