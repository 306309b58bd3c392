//! Stage 3: wasm to Cranelift IR, one function at a time.
//!
//! | where | what |
//! | --- | --- |
//! | [`function`] | the state while one function is translated; locals and the value stack |
//! | [`operator`] | one arm per wasm instruction |
//! | [`control`] | blocks, loops, branches |
//! | [`exception`] | `try` scopes, throwing and catching, calls that may throw |
//! | [`memory`] | where `i32.load` becomes an address, a check and a load |
//! | [`context`](self) | `base.rs`: the pinned register and what lies below it |
//! | [`table`], [`call`], [`global`], [`local`] | tables, direct and indirect calls, variables |
//! | [`signature`] | the wasm calling convention and the C one |
//! | [`stub`] | code at the border to C: exports, imports, helpers, instance initialization |
//! | [`symbol`] | how code names other code and data |

mod base;
mod call;
mod control;
mod exception;
mod function;
mod global;
mod helper;
mod local;
mod loops;
mod memory;
mod numeric;
mod operator;
pub mod signature;
pub mod stub;
mod symbol;
mod table;

pub use exception::{Clause, Handlers, Scope};
pub use function::{Scratch, translate};
pub use helper::Helper;
pub use symbol::Symbol;

use crate::plan::Plan;
use crate::read::Module;
use cranelift_codegen::ir::TrapCode;
use cranelift_codegen::isa::TargetIsa;

/// What every function's translation reads.
pub struct Env<'a> {
    /// The module.
    pub module: &'a Module<'a>,
    /// What its parts become.
    pub plan: &'a Plan,
    /// The target.
    pub isa: &'a dyn TargetIsa,
    /// The CPU rounds floats in one instruction; else the runtime does.
    pub can_round: bool,
}

impl<'a> Env<'a> {
    /// Gathers it.
    pub fn new(module: &'a Module<'a>, plan: &'a Plan, isa: &'a dyn TargetIsa) -> Env<'a> {
        let x86 = isa.triple().architecture == target_lexicon::Architecture::X86_64;
        let has = |name: &str| isa.isa_flags().iter().any(|f| f.name == name && f.as_bool() == Some(true));
        Env { module, plan, isa, can_round: !x86 || has("has_sse41") }
    }
}

/// Reasons for traps, numbered as `pal_trap` in include/palisade.h.
pub mod trap {
    use super::TrapCode;
    use crate::context::{SITE_MEMORY, SITE_MEMORY_MAX};

    /// An access outside memory that the MMU caught.
    pub const MEMORY_OUT_OF_BOUNDS: TrapCode = TrapCode::unwrap_user(1);
    /// A table index too large.
    pub const TABLE_OUT_OF_BOUNDS: TrapCode = TrapCode::unwrap_user(3);
    /// A call through a null entry.
    pub const INDIRECT_CALL_NULL: TrapCode = TrapCode::unwrap_user(4);
    /// A call through an entry of another type.
    pub const INDIRECT_CALL_TYPE: TrapCode = TrapCode::unwrap_user(5);
    /// `unreachable`.
    pub const UNREACHABLE: TrapCode = TrapCode::unwrap_user(9);
    /// Not enough stack left to call C.
    pub const STACK_OVERFLOW: TrapCode = TrapCode::unwrap_user(10);

    /// An explicit bounds check of memory `index` failed.
    pub fn memory_check(index: u32) -> TrapCode {
        let code = SITE_MEMORY + u64::from(index).min(SITE_MEMORY_MAX - SITE_MEMORY);
        TrapCode::unwrap_user(code as u8)
    }

    /// The number in `pal_module.site_kind` of a trap code.
    pub fn site_kind(code: TrapCode) -> u8 {
        match code {
            TrapCode::INTEGER_DIVISION_BY_ZERO => 6,
            TrapCode::INTEGER_OVERFLOW => 7,
            TrapCode::BAD_CONVERSION_TO_INTEGER => 8,
            TrapCode::STACK_OVERFLOW => 10,
            TrapCode::HEAP_OUT_OF_BOUNDS => 1,
            other => other.as_raw().get(),
        }
    }
}
