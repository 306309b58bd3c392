//! Runtime helpers that code calls: their C symbols and signatures (declared in rt/context.h).

use super::{Env, Travel};
use cranelift_codegen::ir::Type;
use cranelift_codegen::ir::types::{F32, F64, I32, I64};
use cranelift_codegen::isa::CallConv;

/// A C function of the runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "documented in rt/context.h")]
pub enum Helper {
    StackEnter,
    MemoryGrow,
    MemoryFill,
    MemoryDiscard,
    MemoryControl,
    MemoryCopy,
    MemoryInit,
    MemoryWait32,
    MemoryWait64,
    MemoryNotify,
    DataDrop,
    TableGrow,
    TableFill,
    TableCopy,
    TableInit,
    ElemDrop,
    Throw,
    ThrowRef,
    IsSubtype,
    CeilF32,
    FloorF32,
    TruncF32,
    NearestF32,
    CeilF64,
    FloorF64,
    TruncF64,
    NearestF64,
    Instantiate,
    MemoryMapFile,
    MemoryBind,
    BindMemory,
    OfferMemory,
    WithdrawMemory,
    Free,
    Snapshot,
    Restore,
    Interrupt,
    Uninterrupt,
}

impl Helper {
    /// In the order of their discriminants.
    pub const ALL: [Helper; 38] = [
        Helper::StackEnter,
        Helper::MemoryGrow,
        Helper::MemoryFill,
        Helper::MemoryDiscard,
        Helper::MemoryControl,
        Helper::MemoryCopy,
        Helper::MemoryInit,
        Helper::MemoryWait32,
        Helper::MemoryWait64,
        Helper::MemoryNotify,
        Helper::DataDrop,
        Helper::TableGrow,
        Helper::TableFill,
        Helper::TableCopy,
        Helper::TableInit,
        Helper::ElemDrop,
        Helper::Throw,
        Helper::ThrowRef,
        Helper::IsSubtype,
        Helper::CeilF32,
        Helper::FloorF32,
        Helper::TruncF32,
        Helper::NearestF32,
        Helper::CeilF64,
        Helper::FloorF64,
        Helper::TruncF64,
        Helper::NearestF64,
        Helper::Instantiate,
        Helper::MemoryMapFile,
        Helper::MemoryBind,
        Helper::BindMemory,
        Helper::OfferMemory,
        Helper::WithdrawMemory,
        Helper::Free,
        Helper::Snapshot,
        Helper::Restore,
        Helper::Interrupt,
        Helper::Uninterrupt,
    ];

    /// Link symbol.
    pub fn symbol(self) -> &'static str {
        match self {
            Helper::StackEnter => "pal_rt_stack_enter",
            Helper::MemoryGrow => "pal_rt_memory_grow",
            Helper::MemoryFill => "pal_rt_memory_fill",
            Helper::MemoryDiscard => "pal_rt_memory_discard",
            Helper::MemoryControl => "pal_rt_memory_control",
            Helper::MemoryCopy => "pal_rt_memory_copy",
            Helper::MemoryInit => "pal_rt_memory_init",
            Helper::MemoryWait32 => "pal_rt_memory_wait32",
            Helper::MemoryWait64 => "pal_rt_memory_wait64",
            Helper::MemoryNotify => "pal_rt_memory_notify",
            Helper::DataDrop => "pal_rt_data_drop",
            Helper::TableGrow => "pal_rt_table_grow",
            Helper::TableFill => "pal_rt_table_fill",
            Helper::TableCopy => "pal_rt_table_copy",
            Helper::TableInit => "pal_rt_table_init",
            Helper::ElemDrop => "pal_rt_elem_drop",
            Helper::Throw => "pal_rt_throw",
            Helper::ThrowRef => "pal_rt_throw_ref",
            Helper::IsSubtype => "pal_rt_is_subtype",
            Helper::CeilF32 => "pal_rt_ceil_f32",
            Helper::FloorF32 => "pal_rt_floor_f32",
            Helper::TruncF32 => "pal_rt_trunc_f32",
            Helper::NearestF32 => "pal_rt_nearest_f32",
            Helper::CeilF64 => "pal_rt_ceil_f64",
            Helper::FloorF64 => "pal_rt_floor_f64",
            Helper::TruncF64 => "pal_rt_trunc_f64",
            Helper::NearestF64 => "pal_rt_nearest_f64",
            Helper::Instantiate => "pal_rt_instantiate",
            Helper::MemoryMapFile => "pal_rt_memory_map_file",
            Helper::MemoryBind => "pal_rt_memory_bind",
            Helper::BindMemory => "pal_rt_bind_memory",
            Helper::OfferMemory => "pal_rt_offer_memory",
            Helper::WithdrawMemory => "pal_rt_withdraw_memory",
            Helper::Free => "pal_rt_free",
            Helper::Snapshot => "pal_rt_snapshot",
            Helper::Restore => "pal_rt_restore",
            Helper::Interrupt => "pal_rt_interrupt",
            Helper::Uninterrupt => "pal_rt_uninterrupt",
        }
    }

    /// True if the instance is the first parameter in C (and none in its thunk).
    pub fn takes_instance(self) -> bool {
        !matches!(self.signature().1, Some(F32 | F64)) && self != Helper::Instantiate
    }

    /// How its thunk is called: as wasm functions are, or by stubs that want to keep their registers. (On riscv64 it would
    /// keep vector registers, too, which the CPU may not have.)
    pub fn thunk_convention(self, env: &Env<'_>) -> CallConv {
        let keeps = self == Helper::StackEnter && env.travel == Travel::Register;
        if keeps { CallConv::PreserveAll } else { CallConv::Tail }
    }

    /// It may take long: its work is as large as the guest says.
    pub fn may_take_long(self) -> bool {
        use Helper::*;
        matches!(
            self,
            MemoryFill
                | MemoryDiscard
                | MemoryControl
                | MemoryCopy
                | MemoryInit
                | TableGrow
                | TableFill
                | TableCopy
                | TableInit
        )
    }

    /// Parameters (without the instance) and result.
    pub fn signature(self) -> (&'static [Type], Option<Type>) {
        match self {
            Helper::StackEnter | Helper::Free | Helper::Interrupt | Helper::Uninterrupt => (&[], None),
            Helper::MemoryGrow => (&[I32, I64], Some(I64)),
            Helper::MemoryControl => (&[I32, I32, I64, I64, I64], Some(I64)),
            Helper::MemoryDiscard => (&[I32, I64, I64], None),
            Helper::MemoryFill => (&[I32, I64, I32, I64], None),
            Helper::MemoryCopy | Helper::TableCopy => (&[I32, I64, I32, I64, I64], None),
            Helper::MemoryInit | Helper::TableInit => (&[I32, I32, I64, I64, I64], None),
            Helper::MemoryWait32 => (&[I32, I64, I32, I64], Some(I32)),
            Helper::MemoryWait64 => (&[I32, I64, I64, I64], Some(I32)),
            Helper::MemoryNotify => (&[I32, I64, I32], Some(I32)),
            Helper::DataDrop | Helper::ElemDrop => (&[I32], None),
            Helper::IsSubtype => (&[I32, I32], Some(I32)),
            Helper::TableGrow => (&[I32, I64, I64], Some(I64)),
            Helper::TableFill => (&[I32, I64, I64, I64], None),
            Helper::Throw => (&[I32, I64], None),
            Helper::ThrowRef => (&[I64], None),
            Helper::CeilF32 | Helper::FloorF32 | Helper::TruncF32 | Helper::NearestF32 => (&[F32], Some(F32)),
            Helper::CeilF64 | Helper::FloorF64 | Helper::TruncF64 | Helper::NearestF64 => (&[F64], Some(F64)),
            Helper::MemoryMapFile => (&[I32, I64, I64, I32, I64, I32, I32], Some(I32)),
            Helper::MemoryBind => (&[I32, I32], Some(I32)),
            Helper::BindMemory => (&[I32, I64], Some(I32)),
            Helper::OfferMemory => (&[I64, I64], Some(I32)),
            Helper::WithdrawMemory => (&[I32], Some(I32)),
            Helper::Instantiate => (&[I64, I64, I64], Some(I32)),
            Helper::Snapshot | Helper::Restore => (&[I64], Some(I32)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Helper;

    #[test]
    fn helpers_are_listed_in_order() {
        for (at, helper) in Helper::ALL.into_iter().enumerate() {
            assert_eq!(helper as usize, at, "{helper:?}");
        }
    }
}
