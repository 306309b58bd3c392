//! Imports that the compiler itself answers: what guests do with memories that their language knows nothing of
//! (`palisade:memory` is memory 0, `palisade:memory/N` any other, by index or name).

use super::spec::MemoryNames;
use crate::error::{Error, Result};
use crate::read::{Import, Module};
use std::collections::HashMap;
use wasmparser::ValType::{self, F32, F64, I32, I64, V128};
use wasmparser::{ExternalKind, FuncType, MemArg, Operator};

/// A function of an import module `palisade:memory…`.
#[derive(Debug, Clone, Copy)]
pub struct Builtin {
    /// The memory it works on.
    pub memory: u32,
    /// What it does.
    pub action: Action,
}

/// What a builtin does.
#[derive(Debug, Clone, Copy)]
pub enum Action {
    /// A load or store.
    Access(fn(MemArg) -> Operator<'static>),
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
];

/// Names that belong to the interface but are not finished.
const UNFINISHED: &[&str] = &["map_file", "bind"];

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

/// The builtins among imported functions, by function index.
pub fn plan(module: &Module<'_>) -> Result<HashMap<u32, Builtin>> {
    let (names, mut builtins) = (MemoryNames::of(module), HashMap::new());
    for import in module.imports.iter().filter(|import| import.is_builtin()) {
        let fail = |what: String| Error::new(format!("import {:?} {:?}: {what}", import.module, import.name));
        if import.kind != ExternalKind::Func {
            return Err(fail("palisade provides functions only".to_owned()));
        }
        let memory = memory_of(module, &names, import).map_err(&fail)?;
        let known = find(import.name).map_err(&fail)?;
        let address = if module.memories[memory as usize].0.memory64 { I64 } else { I32 };
        let types = |list: &[Type]| -> Vec<ValType> {
            list.iter().map(|ty| if let Type::Value(ty) = ty { *ty } else { address }).collect()
        };
        let expected = FuncType::new(types(known.params), types(known.results));
        let found = module.function_type(import.index);
        if found.params() != expected.params() || found.results() != expected.results() {
            return Err(fail(format!("its type is {}, not {}", type_text(&expected), type_text(found))));
        }
        builtins.insert(import.index, Builtin { memory, action: known.action });
    }
    Ok(builtins)
}

fn find(name: &str) -> Result<&'static Known, String> {
    match OTHERS.iter().chain(ACCESSES).find(|known| known.name == name) {
        Some(known) => Ok(known),
        None if UNFINISHED.contains(&name) => Err(format!("{name} is not supported")),
        None => Err("palisade has no such function".to_owned()),
    }
}

fn memory_of(module: &Module<'_>, names: &MemoryNames<'_>, import: &Import<'_>) -> Result<u32, String> {
    let name = match import.module.split_once('/') {
        None if !module.memories.is_empty() => return Ok(0),
        None => return Err("the module has no memory".to_owned()),
        Some((_, "any")) => return Err("choosing a memory at run time is not supported".to_owned()),
        Some((_, name)) => name,
    };
    let found = names.of_name(name).first().copied();
    found.ok_or_else(|| format!("the module has no memory {name:?} (--memory new:{name} adds one)"))
}

fn type_text(ty: &FuncType) -> String {
    let list = |types: &[ValType]| types.iter().map(|t| t.to_string()).collect::<Vec<_>>().join(" ");
    format!("({}) -> ({})", list(ty.params()), list(ty.results()))
}
