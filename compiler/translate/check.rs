//! Explicit checks in front of memory accesses: bounds where no MMU watches them, and ranges that are protected to the
//! byte.
//!
//! A check is a `trapnz`, which Cranelift merges with equal ones. Reports name the address it refused: what is known of
//! that when the check is made is listed here, and `generate/refused.rs` makes cold code of it that stores the address.

use super::function::Translator;
use super::immutable::constant;
use super::trap;
use crate::context::{CONTEXT_TRAP_ADDRESS, CONTEXT_TRAP_MEMORY, VIEW_BASE, VIEW_LENGTH, VIEW_SIZE, VIEW_WRITABLE};
use crate::plan::MemoryMode;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{Inst, InstBuilder, MemFlagsData, TrapCode, Value, ValueDef};
use std::collections::HashMap;

/// What is compared in a check: one side is the access's index plus something.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// What it traps with.
    pub code: TrapCode,
    /// The index, where that is a constant.
    pub index: Option<u64>,
    /// What was added to it (modulo 2⁶⁴) for the comparison.
    pub added: u64,
    /// What the access adds to it.
    pub offset: u64,
    /// The comparison fails where index + `added` is the greater side.
    pub above: bool,
    /// The sum of index and offset may have more than 64 bits.
    pub may_wrap: bool,
}

/// The checks of a function, by their `trapnz`.
pub type Checks = HashMap<Inst, Check>;

/// An access whose operands are popped.
#[derive(Clone, Copy)]
pub struct Access {
    pub memory: u32,
    /// Extended to 64 bits.
    pub index: Value,
    pub offset: u64,
    /// Bytes.
    pub size: u32,
    pub write: bool,
}

impl Translator<'_, '_> {
    /// Traps unless the access lies inside the memory.
    ///
    /// | mode | what is compared |
    /// | --- | --- |
    /// | checked, i32 | index + offset + size < 2³³ + 16, which does not overflow, with the length |
    /// | checked, i64 | the same with an add that traps on overflow |
    /// | fixed | index with what is left of the constant length behind offset + size |
    pub fn check_bounds(&mut self, access: &Access) {
        let plan = &self.env.plan.memories[access.memory as usize];
        let (mode, index64, bindable, length) = (plan.mode, plan.index64, plan.bindable, plan.minimum_bytes);
        let Some(bytes) = access.offset.checked_add(u64::from(access.size)) else { return self.always_outside(access) };
        if mode == MemoryMode::Fixed {
            return match length.checked_sub(bytes) {
                // Every 32-bit index is inside.
                Some(last) if !index64 && last >= u64::from(u32::MAX) => {}
                Some(last) => {
                    let outside = self.b.ins().icmp_imm_u(IntCC::UnsignedGreaterThan, access.index, last as i64);
                    self.refuse(access, outside, 0, true, trap::memory_check(access.memory));
                }
                None => self.always_outside(access),
            };
        }
        let code = if bindable && access.write { trap::memory_protected } else { trap::memory_check };
        let code = code(access.memory);
        let length = if bindable && access.write {
            self.memory_writable(access.memory)
        } else {
            self.memory_length(access.memory)
        };
        let amount = self.b.ins().iconst(I64, bytes as i64);
        let end = if index64 {
            let end = self.b.ins().uadd_overflow_trap(access.index, amount, code);
            if let ValueDef::Result(sum, _) = self.b.func.dfg.value_def(end) {
                self.note(sum, access, 0, true, code);
            }
            if self.env.harden.spectre {
                let wrapped = self.b.ins().icmp(IntCC::UnsignedLessThan, end, amount);
                self.note_refused(wrapped);
            }
            end
        } else {
            self.b.ins().iadd(access.index, amount)
        };
        let outside = self.b.ins().icmp(IntCC::UnsignedGreaterThan, end, length);
        self.refuse(access, outside, bytes, true, code);
    }

    /// Traps if the access touches bytes that are protected to the byte.
    pub fn check_protected(&mut self, access: &Access) {
        let plan = &self.env.plan.memories[access.memory as usize];
        if !plan.exact {
            return;
        }
        let (no_access, read_only) = (plan.no_access, plan.read_only);
        let code = trap::memory_protected(access.memory);
        let (from, to) = (read_only.0.max(no_access), read_only.1);
        // It touches [from, to) if its address lies in [from - (size - 1), to).
        let first = from.saturating_sub(u64::from(access.size) - 1);
        if access.write && from < to && first <= no_access {
            return self.check_not_below(access, to, code);
        }
        self.check_not_below(access, no_access, code);
        if !access.write || from >= to {
            return;
        }
        let added = access.offset.wrapping_sub(first);
        let distance = self.b.ins().iadd_imm_s(access.index, added as i64);
        let inside = self.b.ins().icmp_imm_u(IntCC::UnsignedLessThan, distance, (to - first) as i64);
        self.refuse(access, inside, added, false, code);
    }

    /// Traps if the access's address is below `least`.
    fn check_not_below(&mut self, access: &Access, least: u64, code: TrapCode) {
        if access.offset < least {
            let below = (least - access.offset) as i64;
            let below = self.b.ins().icmp_imm_u(IntCC::UnsignedLessThan, access.index, below);
            self.refuse(access, below, 0, false, code);
        }
    }

    /// Traps if `bad`, a comparison of index + `added`.
    fn refuse(&mut self, access: &Access, bad: Value, added: u64, above: bool, code: TrapCode) {
        let inst = self.b.ins().trapnz(bad, code);
        self.note_refused(bad);
        self.note(inst, access, added, above, code);
    }

    fn note(&mut self, inst: Inst, access: &Access, added: u64, above: bool, code: TrapCode) {
        let may_wrap = access.offset > 0 && self.env.plan.memories[access.memory as usize].index64;
        let index = constant(&self.b.func.dfg, access.index);
        let check = Check { code, index, added, offset: access.offset, above, may_wrap };
        self.checks.insert(inst, check);
    }

    /// Traps: no index is inside with this offset.
    fn always_outside(&mut self, access: &Access) {
        let yes = self.b.ins().iconst(I64, 1);
        let address = self.effective(access.index, access.offset);
        self.refuse_at(yes, address, None, trap::memory_check(access.memory));
    }

    /// Index + offset, or all ones if that has more than 64 bits.
    pub fn effective(&mut self, index: Value, offset: u64) -> Value {
        let sum = self.b.ins().iadd_imm_s(index, offset as i64);
        let wrapped = self.b.ins().icmp(IntCC::UnsignedLessThan, sum, index);
        let most = self.b.ins().iconst(I64, -1);
        self.b.ins().select(wrapped, most, sum)
    }

    /// Traps if `bad`, with an address and a memory's index that are values of their own.
    pub fn refuse_at(&mut self, bad: Value, address: Value, memory: Option<Value>, code: TrapCode) {
        let (cold, next) = (self.b.create_block(), self.b.create_block());
        self.b.set_cold_block(cold);
        let pinned = self.pinned();
        self.b.ins().brif(bad, cold, &[], next, &[]);
        self.b.switch_to_block(cold);
        self.b.seal_block(cold);
        let at = |distance: u64| -i32::try_from(distance).expect("a near field");
        self.b.ins().store(MemFlagsData::trusted(), address, pinned, at(CONTEXT_TRAP_ADDRESS));
        if let Some(memory) = memory {
            self.b.ins().store(MemFlagsData::trusted(), memory, pinned, at(CONTEXT_TRAP_MEMORY));
        }
        self.b.ins().trap(code);
        self.b.switch_to_block(next);
        self.b.seal_block(next);
        self.fresh_loads.clear();
        self.note_refused(bad);
    }

    /// The same for a memory that the code chooses as it runs: its base.
    pub fn check_any(&mut self, number: Value, access: &Access) -> Value {
        let view = self.any_view(number);
        let flags = MemFlagsData::trusted();
        let field = if access.write { VIEW_WRITABLE } else { VIEW_LENGTH } as i32;
        let length = self.b.ins().load(I64, flags, view, field);
        let size = self.b.ins().iconst(I64, i64::from(access.size));
        let end = self.b.ins().iadd(access.index, size);
        // The larger of sum and index: as large as the index where the sum wrapped.
        let end = self.b.ins().umax(end, access.index);
        let outside = self.b.ins().icmp(IntCC::UnsignedGreaterThan, end, length);
        self.refuse_at(outside, access.index, Some(number), trap::any_memory(access.write));
        self.check_any_protected(number, access);
        self.b.ins().load(I64, flags, view, VIEW_BASE as i32)
    }

    /// For each memory with ranges that are protected to the byte: is it the one, and is the access in them?
    fn check_any_protected(&mut self, number: Value, access: &Access) {
        for memory in 0..self.env.plan.memories.len() as u32 {
            let plan = &self.env.plan.memories[memory as usize];
            if !plan.exact {
                continue;
            }
            let (no_access, (from, to)) = (plan.no_access, plan.read_only);
            let is_it = self.b.ins().icmp_imm_u(IntCC::Equal, number, i64::from(memory));
            for (from, to) in [Some((0, no_access)), access.write.then_some((from, to))].into_iter().flatten() {
                if from >= to {
                    continue;
                }
                let first = from.saturating_sub(u64::from(access.size) - 1);
                let distance = self.b.ins().iadd_imm_s(access.index, -(first as i64)); // below 2⁶³, as memories are
                let inside = self.b.ins().icmp_imm_u(IntCC::UnsignedLessThan, distance, (to - first) as i64);
                let bad = self.b.ins().band(is_it, inside);
                self.refuse_at(bad, access.index, Some(number), trap::any_memory(access.write));
            }
        }
    }

    /// The view of the memory with this number (64 bits), which is below the number of memories.
    fn any_view(&mut self, number: Value) -> Value {
        let size = self.b.ins().imul_imm_s(number, VIEW_SIZE as i64);
        let pinned = self.pinned();
        let first = self.b.ins().iadd_imm_s(pinned, -i64::from(self.env.plan.layout.memory_view(0)));
        self.b.ins().iadd(first, size)
    }

    /// The number of a memory as 64 bits; a trap if there is none with it.
    pub fn check_memory_number(&mut self, number: Value) -> Value {
        let number = self.b.ins().uextend(I64, number);
        let count = self.env.plan.memories.len() as i64;
        let none = self.b.ins().icmp_imm_u(IntCC::UnsignedGreaterThanOrEqual, number, count);
        self.b.ins().trapnz(none, trap::MEMORY_OUT_OF_BOUNDS);
        self.note_refused(none);
        self.mask_refused(number)
    }
}
