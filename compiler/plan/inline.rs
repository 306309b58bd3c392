//! Which functions are small enough to be translated in place of calls to them: they call nothing.
//!
//! Plain ones can't trap or repeat anything, either: whatever a report says of a place in the caller stays true, and
//! nothing has to be said of the callee, which is never what runs when something happens. Of others, reports need to know
//! (`translate/location.rs`).

use crate::read::{Body, Module};
use rayon::prelude::*;
use std::collections::HashMap;
use wasmparser::{FuncToValidate, FuncValidatorAllocations, Operator, ValType};

/// Functions that calls may be replaced by.
pub type Callees = HashMap<u32, Callee>;

/// A small function that calls nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Callee {
    /// Number of instructions, its end included.
    pub size: u32,
    /// Number of parameters and locals.
    pub locals: u32,
    /// It can't trap or repeat anything.
    pub plain: bool,
}

/// Instructions of a plain callee at most, up to `-O2` and beyond.
const FEW: u32 = 32;
const MANY: u32 = 100;

/// Those of others: inside of loops (see `translate/inline.rs`) a call costs more than what is repeated.
const FEW_THAT_TRAP: u32 = 60;
const MANY_THAT_TRAP: u32 = 200;

/// Bytes that an instruction may take, to see quickly that a body has too many.
const LARGEST: u64 = 11;

/// Parameters and locals of a callee, at most.
pub const LOCALS: usize = 16;

/// The candidates of a module, for which nothing else is asked but that their code is valid.
pub fn plan(module: &Module<'_>, opt_level: u8) -> Callees {
    let most = match opt_level {
        0 | 1 => return Callees::new(),
        2 => [FEW, FEW_THAT_TRAP],
        _ => [MANY, MANY_THAT_TRAP],
    };
    let bodies = module.bodies.par_iter().enumerate();
    let candidates = bodies.filter_map(|(at, body)| {
        let index = module.imported_functions + at as u32;
        Some((index, callee(module, index, body, most)?))
    });
    candidates.collect()
}

/// What calls of a function may become. At `most` so many instructions of a plain one, or another.
fn callee(module: &Module<'_>, index: u32, body: &Body<'_>, [most, most_that_traps]: [u32; 2]) -> Option<Callee> {
    let ty = module.function_type(index);
    let range = body.body.range();
    let is_short = range.end - range.start <= u64::from(most.max(most_that_traps)) * LARGEST;
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
    let (mut size, mut plain) = (0, true);
    let mut reader = body.body.get_operators_reader().ok()?;
    while !reader.eof() {
        let op = reader.read().ok()?;
        size += 1;
        plain &= is_plain(module, &op);
        if size > most.max(most_that_traps) || !(is_plain(module, &op) || stays(&op)) {
            return None;
        }
    }
    let is_small = size <= if plain { most } else { most_that_traps } && locals <= LOCALS;
    (is_small && is_valid(body)).then_some(Callee { size, locals: locals as u32, plain })
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
        matches!($op, $(Operator::$i32 { .. } | Operator::$i64 { .. })|*)
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

/// What may trap or repeat something, but runs no other code.
fn stays(op: &Operator<'_>) -> bool {
    use Operator as O;
    both!(
        op,
        I32Load I64Load, F32Load F64Load, I32Load8S I64Load8S, I32Load8U I64Load8U, I32Load16S I64Load16S,
        I32Load16U I64Load16U, I64Load32S I64Load32U, I32Store I64Store, F32Store F64Store, I32Store8 I64Store8,
        I32Store16 I64Store16, I32DivS I64DivS, I32DivU I64DivU, I32RemS I64RemS, I32RemU I64RemU,
        I32TruncF32S I32TruncF32U, I32TruncF64S I32TruncF64U, I64TruncF32S I64TruncF32U, I64TruncF64S I64TruncF64U,
    ) || matches!(op, O::I64Store32 { .. } | O::Loop { .. } | O::BrTable { .. } | O::Unreachable)
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
