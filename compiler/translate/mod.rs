//! Stage 3: wasm to Cranelift IR, one function at a time.
//!
//! | where | what |
//! | --- | --- |
//! | [`function`] | the state while one function is translated; locals and the value stack |
//! | [`operator`] | one arm per wasm instruction |
//! | [`control`], [`comparisons`] | blocks, loops, branches; those by few ranges of an index |
//! | [`exception`] | `try` scopes, throwing and catching, calls that may throw |
//! | [`memory`] | where `i32.load` becomes an address, a check and a load |
//! | [`immutable`] | loads of memories that never change |
//! | [`check`], [`mask`] | explicit checks in front of accesses, and what CPUs may guess of them |
//! | [`atomic`] | atomic accesses, waiting, notifying |
//! | [`context`](self) | `base.rs`: the pinned register and what lies below it |
//! | [`table`], [`call`], [`global`], [`local`] | tables, calls of all kinds, variables |
//! | [`inline`], [`location`] | calls that become their callee's code, and what reports have to know of it |
//! | [`instance`] | how the instance reaches code: in the pinned register, or as a parameter |
//! | [`fs1`] | a register of the C caller's, on riscv64 |
//! | [`interrupt`] | where code polls whether it is to end |
//! | [`reference`] | null and type tests of references |
//! | [`simd`] | vectors |
//! | [`signature`] | the wasm calling convention and the C one |
//! | [`small`] | small copies and fills, without calling C |
//! | [`stub`] | code at the border to C: exports, imports, helpers, instance initialization |
//! | [`symbol`] | how code names other code and data |

mod atomic;
mod base;
mod builtin;
mod call;
mod check;
mod comparisons;
mod control;
mod exception;
pub mod fs1;
mod function;
mod global;
mod helper;
mod hint;
mod immutable;
mod inline;
mod instance;
mod interrupt;
mod local;
mod location;
mod loops;
mod mask;
mod memory;
mod numeric;
mod operator;
mod reference;
pub mod signature;
mod simd;
mod small;
pub mod stub;
mod symbol;
mod table;

pub use check::{Check, Checks};
pub use exception::{Clause, Handlers, Scope};
pub use function::{Scratch, translate};
pub use helper::Helper;
pub use immutable::constant;
pub use instance::{Travel, asks_for_instance, forget_instance, is_instance};
pub use location::{Inlined, Locations, Place};
pub use symbol::Symbol;

use crate::harden::Harden;
use crate::optimize::{Disabled, Work};
use crate::plan::Plan;
use crate::read::Module;
use cranelift_codegen::ir::TrapCode;
use cranelift_codegen::isa::TargetIsa;

/// Code of modules with `auto` memories exists twice: each instance uses one version, see [`Plan::version_slot`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// What other modules have only: without checks for `auto` memories.
    First,
    /// With checks.
    Checked,
}

/// What every function's translation reads.
pub struct Env<'a> {
    /// The module.
    pub module: &'a Module<'a>,
    /// What its parts become.
    pub plan: &'a Plan,
    /// The version of the code that the plan is for.
    pub version: Version,
    /// The target.
    pub isa: &'a dyn TargetIsa,
    /// The same with a register allocator that takes linear time.
    pub quick_isa: &'a dyn TargetIsa,
    /// How code knows its instance.
    pub travel: Travel,
    /// The target is x86-64.
    pub is_x86_64: bool,
    /// The target is riscv64.
    pub is_riscv64: bool,
    /// There is no operating system: code itself sees to it that the stack suffices.
    pub is_board: bool,
    /// The CPU rounds floats in one instruction; else the runtime does.
    pub can_round: bool,
    /// Vector instructions take operands from memory at any address: x86-64 with AVX. Without, they want aligned ones,
    /// and Cranelift 0.135 forgets that for `cmpps` and `cmppd`.
    pub folds_loads: bool,
    /// The CPU has an instruction for any shuffle of bytes.
    pub can_shuffle: bool,
    /// Stores that don't fit write nothing, and the CPU does not see to that.
    pub precise_stores: bool,
    /// Optimization passes that are left out.
    pub disabled_passes: &'a Disabled,
    /// Where passes add up what they did, if somebody wants to know.
    pub work: Option<&'a Work>,
    /// `--harden`.
    pub harden: Harden,
}

impl<'a> Env<'a> {
    /// Gathers it.
    pub fn new(
        module: &'a Module<'a>,
        plan: &'a Plan,
        [isa, quick_isa]: [&'a dyn TargetIsa; 2],
        disabled_passes: &'a Disabled,
        precise_stores: Option<bool>,
        harden: Harden,
    ) -> Env<'a> {
        let is_x86_64 = isa.triple().architecture == target_lexicon::Architecture::X86_64;
        let is_riscv64 = matches!(isa.triple().architecture, target_lexicon::Architecture::Riscv64(_));
        let can_shuffle = !is_x86_64 || isa.has_x86_pshufb_lowering();
        let folds_loads = isa.isa_flags().iter().any(|f| f.name == "has_avx" && f.as_bool() == Some(true));
        let can_round = isa.has_round();
        Env {
            module,
            plan,
            version: Version::First,
            isa,
            quick_isa,
            travel: Travel::on(isa),
            is_x86_64,
            is_riscv64,
            is_board: crate::target::is_board(isa.triple()),
            can_round,
            folds_loads,
            can_shuffle,
            // On riscv64 they may even be done by software, byte by byte.
            precise_stores: !is_x86_64 && precise_stores.unwrap_or(is_riscv64),
            disabled_passes,
            work: None,
            harden,
        }
    }
}

impl Env<'_> {
    /// The versions of the code that there are.
    pub fn versions(&self) -> &'static [Version] {
        if self.plan.version_slot.is_some() { &[Version::First, Version::Checked] } else { &[Version::First] }
    }

    /// Number of a static table for [`Symbol::StaticTable`]. There are at most 100 tables.
    pub fn static_table(&self, table: u32, version: Version) -> u32 {
        if version == Version::First { table } else { self.module.tables.len() as u32 + table }
    }
}

/// Reasons for traps, numbered as `pal_trap` in include/palisade.h.
pub mod trap {
    use super::TrapCode;
    use crate::context::{
        SITE_ANY_READ, SITE_ANY_WRITE, SITE_MEMORY, SITE_MEMORY_MAX, SITE_PROTECTED, SITE_PROTECTED_MAX,
    };

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
    /// Null where a reference must not be.
    pub const NULL_REFERENCE: TrapCode = TrapCode::unwrap_user(11);
    /// The host wants the code to end.
    pub const INTERRUPTED: TrapCode = TrapCode::unwrap_user(16);
    /// A reference of another type: `ref.cast`, or one from C.
    pub const CAST_FAILURE: TrapCode = TrapCode::unwrap_user(18);
    /// The address of an atomic access is not a multiple of its size.
    pub const UNALIGNED_ATOMIC: TrapCode = TrapCode::unwrap_user(19);

    /// An explicit bounds check of memory `index` failed.
    pub fn memory_check(index: u32) -> TrapCode {
        let code = SITE_MEMORY + u64::from(index).min(SITE_MEMORY_MAX - SITE_MEMORY);
        TrapCode::unwrap_user(code as u8)
    }

    /// An explicit check found that memory `index` forbids the access.
    pub fn memory_protected(index: u32) -> TrapCode {
        let code = SITE_PROTECTED + u64::from(index).min(SITE_PROTECTED_MAX - SITE_PROTECTED);
        TrapCode::unwrap_user(code as u8)
    }

    /// An explicit check of a memory that the code chose as it ran.
    pub fn any_memory(write: bool) -> TrapCode {
        TrapCode::unwrap_user(if write { SITE_ANY_WRITE } else { SITE_ANY_READ } as u8)
    }

    /// The code is one of the two above, which come with an address.
    pub fn names_address(code: TrapCode) -> bool {
        (SITE_MEMORY..=SITE_PROTECTED_MAX).contains(&u64::from(code.as_raw().get()))
    }

    /// What the runtime makes of this trap depends on the instance.
    pub fn asks_for_instance(code: TrapCode) -> bool {
        let any = [SITE_ANY_READ, SITE_ANY_WRITE].contains(&u64::from(code.as_raw().get()));
        any || names_address(code) || [MEMORY_OUT_OF_BOUNDS, TrapCode::HEAP_OUT_OF_BOUNDS, INTERRUPTED].contains(&code)
    }

    /// The memory that a trap code of [`memory_check`] is for; the last code is for many.
    pub fn checked_memory(code: TrapCode) -> Option<u32> {
        let code = u64::from(code.as_raw().get());
        (SITE_MEMORY..SITE_MEMORY_MAX).contains(&code).then(|| (code - SITE_MEMORY) as u32)
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
