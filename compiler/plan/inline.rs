//! Which functions are small and plain enough to be translated in place of calls to them.
//!
//! Plain is what can't trap, call or repeat anything: whatever a report says of a place in the caller stays true, and
//! nothing has to be said of the callee, which is never what runs when something happens.

use crate::read::{Body, Module};
use rayon::prelude::*;
use std::collections::HashMap;
use wasmparser::{FuncToValidate, FuncValidatorAllocations, Operator, ValType};

/// Functions that calls are replaced by, with the number of their instructions.
pub type Inlined = HashMap<u32, u32>;

/// Instructions of a callee at most, its end included, up to `-O2` and beyond.
const FEW: u32 = 32;
const MANY: u32 = 100;

/// Bytes that an instruction may take, to see quickly that a body has too many.
const LARGEST: u64 = 11;

/// Parameters and locals of a callee, at most.
pub const LOCALS: usize = 16;

/// The candidates of a module, for which nothing else is asked but that their code is valid.
pub fn plan(module: &Module<'_>, opt_level: u8) -> Inlined {
    let most = match opt_level {
        0 | 1 => return Inlined::new(),
        2 => FEW,
        _ => MANY,
    };
    let bodies = module.bodies.par_iter().enumerate();
    let candidates = bodies.filter_map(|(at, body)| {
        let index = module.imported_functions + at as u32;
        Some((index, plain(module, index, body, most)?))
    });
    candidates.collect()
}

/// The number of a function's instructions, if it is plain and has few.
fn plain(module: &Module<'_>, index: u32, body: &Body<'_>, most: u32) -> Option<u32> {
    let ty = module.function_type(index);
    let range = body.body.range();
    let is_short = range.end - range.start <= u64::from(most) * LARGEST;
    if !is_short || !ty.params().iter().chain(ty.results()).all(is_number) || ty.results().len() > 1 {
        return None;
    }
    let mut locals = ty.params().len();
    for local in body.body.get_locals_reader().ok()? {
        let (count, ty) = local.ok()?;
        locals = locals.saturating_add(count as usize);
        if !is_number(&ty) {
            return None;
        }
    }
    let mut count = 0;
    let mut reader = body.body.get_operators_reader().ok()?;
    while !reader.eof() {
        count += 1;
        if count > most || !is_plain(module, &reader.read().ok()?) {
            return None;
        }
    }
    (locals <= LOCALS && is_valid(body)).then_some(count)
}

fn is_number(ty: &ValType) -> bool {
    matches!(ty, ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64)
}

/// Bodies are validated where they are translated; callers may come first.
fn is_valid(body: &Body<'_>) -> bool {
    let FuncToValidate { resources, index, ty, features } = &body.validate;
    let validate = FuncToValidate { resources: resources.clone(), index: *index, ty: *ty, features: *features };
    validate.into_validator(FuncValidatorAllocations::default()).validate(&body.body).is_ok()
}

fn is_plain(module: &Module<'_>, op: &Operator<'_>) -> bool {
    if let Operator::GlobalGet { global_index } | Operator::GlobalSet { global_index } = op {
        return module.globals.get(*global_index as usize).is_some_and(|global| is_number(&global.ty));
    }
    is_structure(op) || is_integer_operator(op) || is_float_operator(op)
}

fn is_structure(op: &Operator<'_>) -> bool {
    use Operator as O;
    matches!(
        op,
        O::Nop
            | O::Block { .. }
            | O::If { .. }
            | O::Else
            | O::End
            | O::Br { .. }
            | O::BrIf { .. }
            | O::Return
            | O::Drop
            | O::Select
            | O::LocalGet { .. }
            | O::LocalSet { .. }
            | O::LocalTee { .. }
            | O::I32Const { .. }
            | O::I64Const { .. }
            | O::F32Const { .. }
            | O::F64Const { .. }
    )
}

macro_rules! both {
    ($op:expr, $($i32:ident $i64:ident),* $(,)?) => {
        matches!($op, $(Operator::$i32 | Operator::$i64)|*)
    };
}

fn is_integer_operator(op: &Operator<'_>) -> bool {
    both!(
        op,
        I32Eqz I64Eqz, I32Eq I64Eq, I32Ne I64Ne, I32LtS I64LtS, I32LtU I64LtU, I32GtS I64GtS, I32GtU I64GtU,
        I32LeS I64LeS, I32LeU I64LeU, I32GeS I64GeS, I32GeU I64GeU, I32Clz I64Clz, I32Ctz I64Ctz,
        I32Popcnt I64Popcnt, I32Add I64Add, I32Sub I64Sub, I32Mul I64Mul, I32And I64And, I32Or I64Or, I32Xor I64Xor,
        I32Shl I64Shl, I32ShrS I64ShrS, I32ShrU I64ShrU, I32Rotl I64Rotl, I32Rotr I64Rotr, I32Extend8S I64Extend8S,
        I32Extend16S I64Extend16S, I32WrapI64 I64Extend32S, I64ExtendI32S I64ExtendI32U,
    )
}

/// All but rounding, which is the runtime's work on some CPUs, and those conversions to integers that trap.
fn is_float_operator(op: &Operator<'_>) -> bool {
    both!(
        op,
        F32Eq F64Eq, F32Ne F64Ne, F32Lt F64Lt, F32Gt F64Gt, F32Le F64Le, F32Ge F64Ge, F32Abs F64Abs, F32Neg F64Neg,
        F32Sqrt F64Sqrt, F32Add F64Add, F32Sub F64Sub, F32Mul F64Mul, F32Div F64Div, F32Min F64Min, F32Max F64Max,
        F32Copysign F64Copysign, F32ConvertI32S F64ConvertI32S, F32ConvertI32U F64ConvertI32U,
        F32ConvertI64S F64ConvertI64S, F32ConvertI64U F64ConvertI64U, F32DemoteF64 F64PromoteF32,
        I32ReinterpretF32 I64ReinterpretF64, F32ReinterpretI32 F64ReinterpretI64,
        I32TruncSatF32S I32TruncSatF32U, I32TruncSatF64S I32TruncSatF64U, I64TruncSatF32S I64TruncSatF32U,
        I64TruncSatF64S I64TruncSatF64U,
    )
}
