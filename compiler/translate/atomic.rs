//! Atomic accesses, waiting and notifying: also on memories that are not shared, where compilers emit them too.
//!
//! All are sequentially consistent. Cranelift forgets at each of them what it knew about memory, lengths included, so
//! after one a thread sees what others wrote before.

use super::function::Translator;
use super::helper::Helper;
use super::memory::memory_of;
use super::trap;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I8, I16, I32, I64};
use cranelift_codegen::ir::{AtomicRmwOp, InstBuilder, MemFlagsData, Type, Value};
use wasmparser::{MemArg, Operator};

/// What an instruction does with the value in memory.
#[derive(Clone, Copy)]
enum Atomic {
    Load,
    Store,
    Modify(AtomicRmwOp),
    /// Compares and exchanges.
    Exchange,
}

/// With the value's types in memory and on the stack.
fn access<'o>(op: &'o Operator<'_>) -> Option<(Atomic, Type, Type, &'o MemArg)> {
    macro_rules! accesses {
        ($($atomic:expr => $i32:ident $i32_8:ident $i32_16:ident $i64:ident $i64_8:ident $i64_16:ident $i64_32:ident;)+) => {
            match op {
                $(
                    Operator::$i32 { memarg } => Some(($atomic, I32, I32, memarg)),
                    Operator::$i32_8 { memarg } => Some(($atomic, I8, I32, memarg)),
                    Operator::$i32_16 { memarg } => Some(($atomic, I16, I32, memarg)),
                    Operator::$i64 { memarg } => Some(($atomic, I64, I64, memarg)),
                    Operator::$i64_8 { memarg } => Some(($atomic, I8, I64, memarg)),
                    Operator::$i64_16 { memarg } => Some(($atomic, I16, I64, memarg)),
                    Operator::$i64_32 { memarg } => Some(($atomic, I32, I64, memarg)),
                )+
                _ => None,
            }
        };
    }
    accesses! {
        Atomic::Load => I32AtomicLoad I32AtomicLoad8U I32AtomicLoad16U
            I64AtomicLoad I64AtomicLoad8U I64AtomicLoad16U I64AtomicLoad32U;
        Atomic::Store => I32AtomicStore I32AtomicStore8 I32AtomicStore16
            I64AtomicStore I64AtomicStore8 I64AtomicStore16 I64AtomicStore32;
        Atomic::Modify(AtomicRmwOp::Add) => I32AtomicRmwAdd I32AtomicRmw8AddU I32AtomicRmw16AddU
            I64AtomicRmwAdd I64AtomicRmw8AddU I64AtomicRmw16AddU I64AtomicRmw32AddU;
        Atomic::Modify(AtomicRmwOp::Sub) => I32AtomicRmwSub I32AtomicRmw8SubU I32AtomicRmw16SubU
            I64AtomicRmwSub I64AtomicRmw8SubU I64AtomicRmw16SubU I64AtomicRmw32SubU;
        Atomic::Modify(AtomicRmwOp::And) => I32AtomicRmwAnd I32AtomicRmw8AndU I32AtomicRmw16AndU
            I64AtomicRmwAnd I64AtomicRmw8AndU I64AtomicRmw16AndU I64AtomicRmw32AndU;
        Atomic::Modify(AtomicRmwOp::Or) => I32AtomicRmwOr I32AtomicRmw8OrU I32AtomicRmw16OrU
            I64AtomicRmwOr I64AtomicRmw8OrU I64AtomicRmw16OrU I64AtomicRmw32OrU;
        Atomic::Modify(AtomicRmwOp::Xor) => I32AtomicRmwXor I32AtomicRmw8XorU I32AtomicRmw16XorU
            I64AtomicRmwXor I64AtomicRmw8XorU I64AtomicRmw16XorU I64AtomicRmw32XorU;
        Atomic::Modify(AtomicRmwOp::Xchg) => I32AtomicRmwXchg I32AtomicRmw8XchgU I32AtomicRmw16XchgU
            I64AtomicRmwXchg I64AtomicRmw8XchgU I64AtomicRmw16XchgU I64AtomicRmw32XchgU;
        Atomic::Exchange => I32AtomicRmwCmpxchg I32AtomicRmw8CmpxchgU I32AtomicRmw16CmpxchgU
            I64AtomicRmwCmpxchg I64AtomicRmw8CmpxchgU I64AtomicRmw16CmpxchgU I64AtomicRmw32CmpxchgU;
    }
}

/// True for loads and stores, not for waiting and notifying, which call the runtime.
pub fn accesses_memory(op: &Operator<'_>) -> bool {
    access(op).is_some()
}

/// The memory that it writes to.
pub fn written_memory(op: &Operator<'_>) -> Option<u32> {
    access(op).filter(|(atomic, ..)| !matches!(atomic, Atomic::Load)).map(|(.., memarg)| memory_of(memarg))
}

impl Translator<'_, '_> {
    /// False if the instruction is not an atomic one.
    pub(super) fn atomic_operator(&mut self, op: &Operator<'_>) -> bool {
        match op {
            Operator::AtomicFence { .. } => {
                self.b.ins().fence();
            }
            Operator::MemoryAtomicWait32 { memarg } => self.wait(Helper::MemoryWait32, memarg),
            Operator::MemoryAtomicWait64 { memarg } => self.wait(Helper::MemoryWait64, memarg),
            Operator::MemoryAtomicNotify { memarg } => self.notify(memarg),
            _ => match access(op) {
                Some((atomic, narrow, wide, memarg)) => self.atomic_access(atomic, narrow, wide, memarg),
                None => return false,
            },
        }
        true
    }

    fn atomic_access(&mut self, atomic: Atomic, narrow: Type, wide: Type, memarg: &MemArg) {
        match atomic {
            Atomic::Load => {
                let (address, flags) = self.atomic_address(memarg, narrow, false);
                let old = self.b.ins().atomic_load(narrow, flags, address);
                self.push_extended(old, wide);
            }
            Atomic::Store => {
                let value = self.pop_narrow(narrow);
                let (address, flags) = self.atomic_address(memarg, narrow, true);
                self.b.ins().atomic_store(flags, value, address);
            }
            Atomic::Modify(op) => {
                let value = self.pop_narrow(narrow);
                let (address, flags) = self.atomic_address(memarg, narrow, true);
                let old = self.b.ins().atomic_rmw(narrow, flags, op, address, value);
                self.push_extended(old, wide);
            }
            Atomic::Exchange => {
                let new = self.pop_narrow(narrow);
                let expected = self.pop_narrow(narrow);
                let (address, flags) = self.atomic_address(memarg, narrow, true);
                let old = self.b.ins().atomic_cas(flags, address, expected, new);
                self.push_extended(old, wide);
            }
        }
    }

    fn pop_narrow(&mut self, narrow: Type) -> Value {
        let value = self.pop();
        if self.b.func.dfg.value_type(value) == narrow { value } else { self.b.ins().ireduce(narrow, value) }
    }

    fn push_extended(&mut self, value: Value, wide: Type) {
        let narrow = self.b.func.dfg.value_type(value);
        let value = if narrow == wide { value } else { self.b.ins().uextend(wide, value) };
        self.push(value);
    }

    /// Pops an index and makes it an address that is aligned and, as far as code checks that, inside the memory.
    fn atomic_address(&mut self, memarg: &MemArg, ty: Type, write: bool) -> (Value, MemFlagsData) {
        let index = self.pop();
        self.check_alignment(index, memarg.offset, ty.bytes());
        self.push(index);
        let address = self.address(memarg, ty.bytes(), write);
        let offset = i64::from(address.offset);
        let base = if offset == 0 { address.base } else { self.b.ins().iadd_imm_s(address.base, offset) };
        (base, address.flags)
    }

    /// Traps unless `index + offset` is a multiple of `size`. The sum may wrap: its low bits are right anyway.
    fn check_alignment(&mut self, index: Value, offset: u64, size: u32) {
        let mask = u64::from(size) - 1;
        if mask == 0 {
            return;
        }
        let low = match offset & mask {
            0 => index,
            offset => self.b.ins().iadd_imm_s(index, offset as i64),
        };
        let unaligned = self.b.ins().band_imm_u(low, mask as i64);
        self.b.ins().trapnz(unaligned, trap::UNALIGNED_ATOMIC);
    }

    fn wait(&mut self, helper: Helper, memarg: &MemArg) {
        let timeout = self.pop();
        let expected = self.pop();
        let (memory, address) = self.effective_address(memarg);
        let result = self.call_helper(helper, &[memory, address, expected, timeout]);
        self.push(result[0]);
    }

    fn notify(&mut self, memarg: &MemArg) {
        let count = self.pop();
        let (memory, address) = self.effective_address(memarg);
        let woken = self.call_helper(Helper::MemoryNotify, &[memory, address, count]);
        self.push(woken[0]);
    }

    /// The memory's index, and the popped index with the offset added: the runtime compares it with the length.
    fn effective_address(&mut self, memarg: &MemArg) -> (Value, Value) {
        let memory = memory_of(memarg);
        let index = self.pop();
        let index = self.extend_index(index);
        let number = self.memory_number(memory);
        if memarg.offset == 0 {
            return (number, index);
        }
        let offset = self.b.ins().iconst(I64, memarg.offset as i64);
        // Of a 32-bit memory both are below 2³².
        let sum = if self.env.plan.memories[memory as usize].index64 {
            let sum = self.b.ins().iadd(index, offset);
            let wrapped = self.b.ins().icmp(IntCC::UnsignedLessThan, sum, index);
            let outside = self.b.ins().iconst(I64, -8); // of every memory, and aligned, which comes first
            self.b.ins().select(wrapped, outside, sum)
        } else {
            self.b.ins().iadd(index, offset)
        };
        (number, sum)
    }
}
