//! Imports that the compiler itself answers: what guests do with memories that their language knows nothing of
//! (`palisade:memory` is memory 0, `palisade:memory/N` another, by index or name, and `palisade:memory/any` the one whose
//! index is the first operand).

use super::memory::MemoryPlan;
use super::spec::MemoryNames;
use crate::error::{Error, Result};
use crate::read::{Import, Module};
use std::collections::HashMap;
use wasmparser::ValType::{self, F32, F64, I32, I64, V128};
use wasmparser::{ExternalKind, FuncType, MemArg, Operator};

/// A function of an import module `palisade:memory…`.
#[derive(Debug, Clone, Copy)]
pub struct Builtin {
    /// The memory it works on, or [`ANY_MEMORY`].
    pub memory: u32,
    /// What it does.
    pub action: Action,
    /// How many operands it has, beside a memory's index.
    pub operands: usize,
}

/// The memory is the first operand. No module has so many.
pub const ANY_MEMORY: u32 = u32::MAX;

/// What a builtin does.
#[derive(Debug, Clone, Copy)]
pub enum Action {
    /// A load or store.
    Access(fn(MemArg) -> Operator<'static>),
    /// A load or store of this lane.
    Lane(fn(MemArg, u8) -> Operator<'static>, u8),
    /// `memory.size`
    Size,
    /// `memory.grow`
    Grow,
    /// `memory.discard`
    Discard,
    /// `memory.copy` from memory 0.
    CopyIn,
    /// `memory.copy` to memory 0.
    CopyOut,
    /// Something about pages, done by the runtime.
    Control(Control),
    /// Pages show a file.
    MapFile,
    /// The memory gets the bytes of one that the host has offered.
    Bind,
}

/// What is done with pages; numbered as PAL_CONTROL_… in rt/context.h.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as the imports")]
pub enum Control {
    Protect,
    Map,
    Unmap,
    Alias,
    MapAny,
    PageSize,
}

const _: () = {
    use crate::context::{
        CONTROL_ALIAS, CONTROL_MAP, CONTROL_MAP_ANY, CONTROL_PAGE_SIZE, CONTROL_PROTECT, CONTROL_UNMAP,
    };
    assert!(Control::Protect as u64 == CONTROL_PROTECT && Control::Map as u64 == CONTROL_MAP);
    assert!(Control::Unmap as u64 == CONTROL_UNMAP && Control::Alias as u64 == CONTROL_ALIAS);
    assert!(Control::MapAny as u64 == CONTROL_MAP_ANY && Control::PageSize as u64 == CONTROL_PAGE_SIZE);
};

/// A parameter or result: a value type, or the memory's index type.
#[derive(Clone, Copy)]
enum Type {
    Address,
    Value(ValType),
}

struct Known {
    name: &'static str,
    action: Action,
    params: &'static [Type],
    results: &'static [Type],
}

const A: Type = Type::Address;
const I: Type = Type::Value(I32);

const fn known(name: &'static str, action: Action, params: &'static [Type], results: &'static [Type]) -> Known {
    Known { name, action, params, results }
}

const OTHERS: &[Known] = &[
    known("size", Action::Size, &[], &[A]),
    known("grow", Action::Grow, &[A], &[A]),
    known("discard", Action::Discard, &[A, A], &[]),
    known("copy_in", Action::CopyIn, &[A, I, I], &[]),
    known("copy_out", Action::CopyOut, &[I, A, I], &[]),
    known("protect", Action::Control(Control::Protect), &[A, A, I], &[I]),
    known("map", Action::Control(Control::Map), &[A, A, I], &[I]),
    known("unmap", Action::Control(Control::Unmap), &[A, A], &[I]),
    known("alias", Action::Control(Control::Alias), &[A, A, A], &[I]),
    known("map_any", Action::Control(Control::MapAny), &[A, I], &[A]),
    known("page_size", Action::Control(Control::PageSize), &[], &[I]),
    known("map_file", Action::MapFile, &[A, A, I, Type::Value(I64), I, I], &[I]),
    known("bind", Action::Bind, &[I], &[I]),
    wait("memory.atomic.wait32", |memarg| Operator::MemoryAtomicWait32 { memarg }, &[A, I, Type::Value(I64)]),
    wait(
        "memory.atomic.wait64",
        |memarg| Operator::MemoryAtomicWait64 { memarg },
        &[A, Type::Value(I64), Type::Value(I64)],
    ),
    wait("memory.atomic.notify", |memarg| Operator::MemoryAtomicNotify { memarg }, &[A, I]),
];

const fn wait(name: &'static str, make: fn(MemArg) -> Operator<'static>, params: &'static [Type]) -> Known {
    known(name, Action::Access(make), params, &[I])
}

macro_rules! accesses {
    ($($ty:ident: $($load:literal $op:ident),* ; $($store:literal $store_op:ident),*;)*) => {
        const ACCESSES: &[Known] = &[$(
            $(known($load, Action::Access(|memarg| Operator::$op { memarg }), &[A], &[Type::Value($ty)]),)*
            $(known($store, Action::Access(|memarg| Operator::$store_op { memarg }), &[A, Type::Value($ty)], &[]),)*
        )*];
    };
}
accesses! {
    I32: "i32.load" I32Load, "i32.load8_s" I32Load8S, "i32.load8_u" I32Load8U, "i32.load16_s" I32Load16S,
        "i32.load16_u" I32Load16U; "i32.store" I32Store, "i32.store8" I32Store8, "i32.store16" I32Store16;
    I64: "i64.load" I64Load, "i64.load8_s" I64Load8S, "i64.load8_u" I64Load8U, "i64.load16_s" I64Load16S,
        "i64.load16_u" I64Load16U, "i64.load32_s" I64Load32S, "i64.load32_u" I64Load32U; "i64.store" I64Store,
        "i64.store8" I64Store8, "i64.store16" I64Store16, "i64.store32" I64Store32;
    F32: "f32.load" F32Load; "f32.store" F32Store;
    F64: "f64.load" F64Load; "f64.store" F64Store;
    V128: "v128.load" V128Load, "v128.load8x8_s" V128Load8x8S, "v128.load8x8_u" V128Load8x8U,
        "v128.load16x4_s" V128Load16x4S, "v128.load16x4_u" V128Load16x4U, "v128.load32x2_s" V128Load32x2S,
        "v128.load32x2_u" V128Load32x2U, "v128.load8_splat" V128Load8Splat, "v128.load16_splat" V128Load16Splat,
        "v128.load32_splat" V128Load32Splat, "v128.load64_splat" V128Load64Splat, "v128.load32_zero" V128Load32Zero,
        "v128.load64_zero" V128Load64Zero; "v128.store" V128Store;
}

/// Atomic accesses: for each type the whole value's, then those of parts of it, by the part's bits.
macro_rules! atomics {
    ($($ty:ident $name:literal $bits:literal $u:literal: $load:ident $store:ident $add:ident $sub:ident $and:ident $or:ident
        $xor:ident $xchg:ident $cmpxchg:ident;)*) => {
        const ATOMICS: &[Known] = &[$(
            known(concat!($name, ".atomic.load", $bits, $u), atomic(|memarg| Operator::$load { memarg }), &[A],
                &[Type::Value($ty)]),
            known(concat!($name, ".atomic.store", $bits), atomic(|memarg| Operator::$store { memarg }),
                &[A, Type::Value($ty)], &[]),
            known(concat!($name, ".atomic.rmw", $bits, ".add", $u), atomic(|memarg| Operator::$add { memarg }),
                &[A, Type::Value($ty)], &[Type::Value($ty)]),
            known(concat!($name, ".atomic.rmw", $bits, ".sub", $u), atomic(|memarg| Operator::$sub { memarg }),
                &[A, Type::Value($ty)], &[Type::Value($ty)]),
            known(concat!($name, ".atomic.rmw", $bits, ".and", $u), atomic(|memarg| Operator::$and { memarg }),
                &[A, Type::Value($ty)], &[Type::Value($ty)]),
            known(concat!($name, ".atomic.rmw", $bits, ".or", $u), atomic(|memarg| Operator::$or { memarg }),
                &[A, Type::Value($ty)], &[Type::Value($ty)]),
            known(concat!($name, ".atomic.rmw", $bits, ".xor", $u), atomic(|memarg| Operator::$xor { memarg }),
                &[A, Type::Value($ty)], &[Type::Value($ty)]),
            known(concat!($name, ".atomic.rmw", $bits, ".xchg", $u), atomic(|memarg| Operator::$xchg { memarg }),
                &[A, Type::Value($ty)], &[Type::Value($ty)]),
            known(concat!($name, ".atomic.rmw", $bits, ".cmpxchg", $u), atomic(|memarg| Operator::$cmpxchg { memarg }),
                &[A, Type::Value($ty), Type::Value($ty)], &[Type::Value($ty)]),
        )*];
    };
}
atomics! {
    I32 "i32" "" "": I32AtomicLoad I32AtomicStore I32AtomicRmwAdd I32AtomicRmwSub I32AtomicRmwAnd I32AtomicRmwOr
        I32AtomicRmwXor I32AtomicRmwXchg I32AtomicRmwCmpxchg;
    I32 "i32" "8" "_u": I32AtomicLoad8U I32AtomicStore8 I32AtomicRmw8AddU I32AtomicRmw8SubU I32AtomicRmw8AndU
        I32AtomicRmw8OrU I32AtomicRmw8XorU I32AtomicRmw8XchgU I32AtomicRmw8CmpxchgU;
    I32 "i32" "16" "_u": I32AtomicLoad16U I32AtomicStore16 I32AtomicRmw16AddU I32AtomicRmw16SubU I32AtomicRmw16AndU
        I32AtomicRmw16OrU I32AtomicRmw16XorU I32AtomicRmw16XchgU I32AtomicRmw16CmpxchgU;
    I64 "i64" "" "": I64AtomicLoad I64AtomicStore I64AtomicRmwAdd I64AtomicRmwSub I64AtomicRmwAnd I64AtomicRmwOr
        I64AtomicRmwXor I64AtomicRmwXchg I64AtomicRmwCmpxchg;
    I64 "i64" "8" "_u": I64AtomicLoad8U I64AtomicStore8 I64AtomicRmw8AddU I64AtomicRmw8SubU I64AtomicRmw8AndU
        I64AtomicRmw8OrU I64AtomicRmw8XorU I64AtomicRmw8XchgU I64AtomicRmw8CmpxchgU;
    I64 "i64" "16" "_u": I64AtomicLoad16U I64AtomicStore16 I64AtomicRmw16AddU I64AtomicRmw16SubU I64AtomicRmw16AndU
        I64AtomicRmw16OrU I64AtomicRmw16XorU I64AtomicRmw16XchgU I64AtomicRmw16CmpxchgU;
    I64 "i64" "32" "_u": I64AtomicLoad32U I64AtomicStore32 I64AtomicRmw32AddU I64AtomicRmw32SubU I64AtomicRmw32AndU
        I64AtomicRmw32OrU I64AtomicRmw32XorU I64AtomicRmw32XchgU I64AtomicRmw32CmpxchgU;
}

const fn atomic(make: fn(MemArg) -> Operator<'static>) -> Action {
    Action::Access(make)
}

const V: Type = Type::Value(V128);

/// Accesses of single lanes: an import's name ends in the lane, as in wasm text.
const LANES: &[(Known, u8)] = &[
    (known("v128.load8_lane", lane(|memarg, lane| Operator::V128Load8Lane { memarg, lane }), &[A, V], &[V]), 16),
    (known("v128.load16_lane", lane(|memarg, lane| Operator::V128Load16Lane { memarg, lane }), &[A, V], &[V]), 8),
    (known("v128.load32_lane", lane(|memarg, lane| Operator::V128Load32Lane { memarg, lane }), &[A, V], &[V]), 4),
    (known("v128.load64_lane", lane(|memarg, lane| Operator::V128Load64Lane { memarg, lane }), &[A, V], &[V]), 2),
    (known("v128.store8_lane", lane(|memarg, lane| Operator::V128Store8Lane { memarg, lane }), &[A, V], &[]), 16),
    (known("v128.store16_lane", lane(|memarg, lane| Operator::V128Store16Lane { memarg, lane }), &[A, V], &[]), 8),
    (known("v128.store32_lane", lane(|memarg, lane| Operator::V128Store32Lane { memarg, lane }), &[A, V], &[]), 4),
    (known("v128.store64_lane", lane(|memarg, lane| Operator::V128Store64Lane { memarg, lane }), &[A, V], &[]), 2),
];

const fn lane(make: fn(MemArg, u8) -> Operator<'static>) -> Action {
    Action::Lane(make, 0)
}

/// The builtins among imported functions, by function index. On boards nobody manages pages.
pub fn plan(module: &Module<'_>, memories: &[MemoryPlan], board: bool) -> Result<HashMap<u32, Builtin>> {
    let (names, mut builtins) = (MemoryNames::of(module), HashMap::new());
    for import in module.imports.iter().filter(|import| import.is_builtin()) {
        let fail = |what: String| Error::new(format!("import {:?} {:?}: {what}", import.module, import.name));
        if import.kind != ExternalKind::Func {
            return Err(fail("palisade provides functions only".to_owned()));
        }
        let memory = memory_of(module, &names, import).map_err(&fail)?;
        let (known, action) = find(import.name).map_err(&fail)?;
        if board && matches!(action, Action::Control(_) | Action::MapFile) {
            return Err(fail("there is no operating system that manages pages on boards".to_owned()));
        }
        let expected = expected_type(known, memory, memories);
        let found = module.function_type(import.index);
        if found.params() != expected.params() || found.results() != expected.results() {
            return Err(fail(format!("its type is {}, not {}", type_text(&expected), type_text(found))));
        }
        check_memory(known, memory, memories).map_err(&fail)?;
        builtins.insert(import.index, Builtin { memory, action, operands: known.params.len() });
    }
    Ok(builtins)
}

/// With addresses as the memory has them; where it is chosen as the code runs: as all of them have room for.
fn expected_type(known: &Known, memory: u32, memories: &[MemoryPlan]) -> FuncType {
    let index64 = memories.get(memory as usize).map_or_else(|| memories.iter().any(|m| m.index64), |m| m.index64);
    let address = if index64 { I64 } else { I32 };
    let value = |ty: &Type| if let Type::Value(ty) = ty { *ty } else { address };
    let number = (memory == ANY_MEMORY).then_some(I32);
    let params: Vec<ValType> = number.into_iter().chain(known.params.iter().map(value)).collect();
    FuncType::new(params, known.results.iter().map(value))
}

/// What the memory can't be asked for. Of one that is chosen as the code runs, the runtime knows.
fn check_memory(known: &Known, memory: u32, memories: &[MemoryPlan]) -> Result<(), String> {
    let changed = match known.action {
        Action::Access(_) | Action::Lane(..) => {
            (known.name.contains("store") || known.name.contains(".rmw")).then_some(memory)
        }
        Action::Size | Action::Control(Control::PageSize) => None,
        Action::CopyOut => Some(0),
        _ => Some(memory),
    };
    if let Some(index) = changed.filter(|&index| memories.get(index as usize).is_some_and(|m| m.immutable)) {
        return Err(format!("memory {index} is immutable"));
    }
    let bindable = memories.get(memory as usize).map_or_else(|| memories.iter().any(|m| m.bindable), |m| m.bindable);
    if matches!(known.action, Action::Bind) && !bindable {
        return Err("the memory is not bindable (--memory …:bind makes it so)".to_owned());
    }
    Ok(())
}

fn find(name: &str) -> Result<(&'static Known, Action), String> {
    let unknown = || "palisade has no such function".to_owned();
    if let Some((access, lane)) = name.split_once(' ') {
        let (known, count) = LANES.iter().find(|(known, _)| known.name == access).ok_or_else(unknown)?;
        let lane: u8 = lane.parse().map_err(|_| unknown())?;
        return match known.action {
            Action::Lane(make, _) if lane < *count => Ok((known, Action::Lane(make, lane))),
            _ => Err(format!("it has {count} lanes")),
        };
    }
    let known = OTHERS.iter().chain(ACCESSES).chain(ATOMICS).find(|known| known.name == name).ok_or_else(unknown)?;
    Ok((known, known.action))
}

fn memory_of(module: &Module<'_>, names: &MemoryNames<'_>, import: &Import<'_>) -> Result<u32, String> {
    let name = match import.module.split_once('/') {
        _ if module.memories.is_empty() => return Err("the module has no memory".to_owned()),
        None => return Ok(0),
        Some((_, "any")) => return Ok(ANY_MEMORY),
        Some((_, name)) => name,
    };
    let found = names.of_name(name).first().copied();
    found.ok_or_else(|| format!("the module has no memory {name:?} (--memory new:{name} adds one)"))
}

fn type_text(ty: &FuncType) -> String {
    let list = |types: &[ValType]| types.iter().map(|t| t.to_string()).collect::<Vec<_>>().join(" ");
    format!("({}) -> ({})", list(ty.params()), list(ty.results()))
}
