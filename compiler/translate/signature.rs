//! Calling conventions: inside wasm (Cranelift's `Tail`; the instance is in the pinned register or comes first, see
//! `instance.rs`) and C.

use super::instance::Travel;
use super::{Env, Helper};
use cranelift_codegen::ir::types::{F32, F64, I8X16, I32, I64};
use cranelift_codegen::ir::{AbiParam, ArgumentExtension, Signature, Type};
use cranelift_codegen::isa::CallConv;
use target_lexicon::Architecture;
use wasmparser::{FuncType, ValType};

/// More results than this go through an area in the caller's frame, whose address is a last parameter: x2 to x7 are the
/// fewest result registers of a class on x86-64 and aarch64.
const RESULT_REGISTERS: usize = 6;

/// riscv64 has two of integers and two of floats, and none of vectors.
const RESULT_REGISTERS_RISCV64: usize = 2;

/// C's parameters that are floats on riscv64: further ones come as integers.
const C_FLOATS_RISCV64: usize = 8;

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
pub fn uses_area(env: &Env<'_>, ty: &FuncType) -> bool {
    let results = ty.results();
    if !env.is_riscv64 {
        return results.len() > RESULT_REGISTERS;
    }
    let floats = results.iter().filter(|ty| matches!(ty, ValType::F32 | ValType::F64)).count();
    floats.max(results.len() - floats) > RESULT_REGISTERS_RISCV64 || results.contains(&ValType::V128)
}

/// Offsets of the results in the area, and its size: slots of 8 bytes, of 16 for vectors. It is 16-aligned.
pub fn result_area(ty: &FuncType) -> (Vec<i32>, u32) {
    // At most 1,000 results (the validator's limit).
    lay_out(ty.results().iter().map(|&t| value_type(t).bytes().max(8)))
}

/// Signature of a wasm function.
pub fn wasm(env: &Env<'_>, ty: &FuncType) -> Signature {
    let mut signature = Signature::new(CallConv::Tail);
    signature.params.extend((env.travel == Travel::Parameter).then(|| AbiParam::new(I64)));
    signature.params.extend(ty.params().iter().map(|&t| AbiParam::new(value_type(t))));
    if uses_area(env, ty) {
        signature.params.push(AbiParam::new(I64));
    } else {
        signature.returns.extend(ty.results().iter().map(|&t| AbiParam::new(value_type(t))));
    }
    signature
}

/// The same with the `pal_func` to be called as a last parameter.
pub fn with_reference(env: &Env<'_>, ty: &FuncType) -> Signature {
    let mut signature = wasm(env, ty);
    signature.params.push(AbiParam::new(I64));
    signature
}

/// Signature of the C function for it: the instance first; vectors behind pointers; several results, or a vector,
/// behind a last pointer.
pub fn c(env: &Env<'_>, ty: &FuncType) -> Signature {
    let integers = c_integers(env, ty);
    let params = ty.params().iter().zip(integers).map(|(&t, integer)| integer.unwrap_or(value_type(t)));
    let mut all: Vec<Type> = std::iter::once(I64).chain(params).collect();
    let result = match ty.results() {
        [one] if !c_results_in_memory(ty) => Some(value_type(*one)),
        results => {
            all.extend((!results.is_empty()).then_some(I64));
            None
        }
    };
    c_plain(env, &all, result)
}

/// Parameters that are something else in wasm and integers in C, by type: vectors are behind pointers; on riscv64, C has
/// registers for some floats, and the others are where an integer would be.
pub fn c_integers(env: &Env<'_>, ty: &FuncType) -> Vec<Option<Type>> {
    let mut floats = if env.is_riscv64 { C_FLOATS_RISCV64 } else { usize::MAX };
    let mut one = |&ty: &ValType| match value_type(ty) {
        I8X16 => Some(I64),
        F32 | F64 if floats > 0 => {
            floats -= 1;
            None
        }
        F32 => Some(I32),
        F64 => Some(I64),
        _ => None,
    };
    ty.params().iter().map(&mut one).collect()
}

/// True if C gets the results behind a last pointer, see [`result_struct`].
pub fn c_results_in_memory(ty: &FuncType) -> bool {
    ty.results().len() > 1 || ty.results() == [ValType::V128]
}

/// Registers that the wasm convention and C's (SystemV) use alike.
struct Shared {
    /// C's first integer registers, of parameters and results, that the wasm convention leaves out.
    unused: usize,
    /// Parameters: integers, others.
    params: [usize; 2],
    /// Results.
    results: [usize; 2],
}

/// Of results only the first integer is in the same register, rax: the second is in rcx or rdx.
const SHARED_X86_64: Shared = Shared { unused: 0, params: [6, 8], results: [1, 2] };
/// x2 to x7; x0 and x1 are the unused ones. At most 16 registers in all, these two among them.
const SHARED_AARCH64: Shared = Shared { unused: 2, params: [6, 8], results: [6, 8] };

/// Vectors are on the stack.
const SHARED_RISCV64: Shared = Shared { unused: 0, params: [8, 8], results: [2, 2] };

/// What a wasm function looks like to a caller that takes it for one of C's convention, if all it takes and gives is in
/// registers that both use; with how many parameters and results there are in front that mean nothing.
pub fn as_c(architecture: Architecture, wasm: &Signature) -> Option<(Signature, usize)> {
    let shared = match architecture {
        Architecture::X86_64 => SHARED_X86_64,
        Architecture::Aarch64(_) => SHARED_AARCH64,
        Architecture::Riscv64(_) if !has_vectors(wasm) => SHARED_RISCV64,
        _ => return None,
    };
    let fit = |params: &[AbiParam], [integers, others]: [usize; 2]| {
        let count = params.iter().filter(|param| param.value_type.is_int()).count();
        count <= integers && params.len() - count <= others
    };
    if !fit(&wasm.params, shared.params) || !fit(&wasm.returns, shared.results) {
        return None;
    }
    let with_unused = |params: &[AbiParam]| [vec![AbiParam::new(I64); shared.unused], params.to_vec()].concat();
    let (params, returns) = (with_unused(&wasm.params), with_unused(&wasm.returns));
    Some((Signature { params, returns, call_conv: CallConv::SystemV }, shared.unused))
}

fn has_vectors(signature: &Signature) -> bool {
    signature.params.iter().chain(&signature.returns).any(|param| param.value_type.is_vector())
}

/// The thunk in front of a runtime helper.
pub fn helper(env: &Env<'_>, helper: Helper) -> Signature {
    let (params, result) = helper.signature();
    let mut signature = plain(helper.thunk_convention(env), params, result);
    if env.travel == Travel::Parameter {
        signature.params.insert(0, AbiParam::new(I64));
    }
    signature
}

/// A signature of C. Where its rules say so (riscv64), 32-bit integers come sign-extended.
pub fn c_plain(env: &Env<'_>, params: &[Type], result: Option<Type>) -> Signature {
    let mut signature = plain(env.isa.default_call_conv(), params, result);
    if env.isa.default_argument_extension() == ArgumentExtension::Sext {
        let all = signature.params.iter_mut().chain(&mut signature.returns);
        all.filter(|param| param.value_type == I32).for_each(|param| *param = param.sext());
    }
    signature
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
