//! Calling conventions: inside wasm (Cranelift's `Tail`, no instance parameter: the pinned register has it) and C.

use super::Env;
use cranelift_codegen::ir::types::{F32, F64, I8X16, I32, I64};
use cranelift_codegen::ir::{AbiParam, Signature, Type};
use cranelift_codegen::isa::CallConv;
use wasmparser::{FuncType, ValType};

/// More results than this go through an area in the caller's frame, whose address is a last parameter: x2 to x7 are the
/// fewest result registers of a class that a target has.
const RESULT_REGISTERS: usize = 6;

/// The IR type of a wasm value. References are pointers.
pub fn value_type(ty: ValType) -> Type {
    match ty {
        ValType::I32 => I32,
        ValType::I64 | ValType::Ref(_) => I64,
        ValType::F32 => F32,
        ValType::F64 => F64,
        ValType::V128 => I8X16,
    }
}

/// True if results come through an area, see [`result_area`]. Vectors and floats share registers.
pub fn uses_area(ty: &FuncType) -> bool {
    ty.results().len() > RESULT_REGISTERS
}

/// Offsets of the results in the area, and its size: slots of 8 bytes, of 16 for vectors. It is 16-aligned.
pub fn result_area(ty: &FuncType) -> (Vec<i32>, u32) {
    // At most 1,000 results (the validator's limit).
    lay_out(ty.results().iter().map(|&t| value_type(t).bytes().max(8)))
}

/// Signature of a wasm function.
pub fn wasm(ty: &FuncType) -> Signature {
    let mut signature = Signature::new(CallConv::Tail);
    signature.params.extend(ty.params().iter().map(|&t| AbiParam::new(value_type(t))));
    if uses_area(ty) {
        signature.params.push(AbiParam::new(I64));
    } else {
        signature.returns.extend(ty.results().iter().map(|&t| AbiParam::new(value_type(t))));
    }
    signature
}

/// The same with the `pal_func` to be called as a last parameter.
pub fn with_reference(ty: &FuncType) -> Signature {
    let mut signature = wasm(ty);
    signature.params.push(AbiParam::new(I64));
    signature
}

/// Signature of the C function for it: the instance first; vectors behind pointers; several results, or a vector,
/// behind a last pointer.
pub fn c(env: &Env<'_>, ty: &FuncType) -> Signature {
    let params = ty.params().iter().map(|&t| if t == ValType::V128 { I64 } else { value_type(t) });
    let mut all: Vec<Type> = std::iter::once(I64).chain(params).collect();
    let result = match ty.results() {
        [one] if !c_results_in_memory(ty) => Some(value_type(*one)),
        results => {
            all.extend((!results.is_empty()).then_some(I64));
            None
        }
    };
    plain(env.isa.default_call_conv(), &all, result)
}

/// True if C gets the results behind a last pointer, see [`result_struct`].
pub fn c_results_in_memory(ty: &FuncType) -> bool {
    ty.results().len() > 1 || ty.results() == [ValType::V128]
}

/// A signature of plain types.
pub fn plain(convention: CallConv, params: &[Type], result: Option<Type>) -> Signature {
    let mut signature = Signature::new(convention);
    signature.params.extend(params.iter().map(|&t| AbiParam::new(t)));
    signature.returns.extend(result.map(AbiParam::new));
    signature
}

/// Offsets of the values that an exception with a tag of this type carries, and their size: 8 bytes each, 16 for v128.
pub fn payload(ty: &FuncType) -> (Vec<i32>, u32) {
    let mut at = 0u32;
    let offsets = ty.params().iter().map(|&t| {
        let size = value_type(t).bytes().max(8);
        at = at.next_multiple_of(size);
        let offset = at as i32;
        at += size;
        offset
    });
    (offsets.collect(), at.next_multiple_of(16))
}

/// Offsets of `r0`, `r1`, … in the C struct of several results, and its size.
pub fn result_struct(ty: &FuncType) -> (Vec<i32>, u32) {
    lay_out(ty.results().iter().map(|&t| value_type(t).bytes()))
}

/// Each at the next multiple of its size, a power of two; the whole size is a multiple of 16.
fn lay_out(sizes: impl Iterator<Item = u32>) -> (Vec<i32>, u32) {
    let mut at = 0u32;
    let offsets = sizes.map(|size| {
        at = at.next_multiple_of(size);
        let offset = at as i32;
        at += size;
        offset
    });
    (offsets.collect(), at.next_multiple_of(16))
}
