//! Linear memory: addresses, bounds, loads and stores.

use super::base::Region;
use super::function::Translator;
use super::helper::Helper;
use super::trap;
use crate::context::GUARD_SIZE;
use crate::plan::MemoryMode;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I32, I64};
use cranelift_codegen::ir::{Endianness, InstBuilder, MemFlagsData, Opcode, Type, Value};
use wasmparser::{MemArg, MemArgTarget};

/// Where an access goes: `base + offset`, with the flags for it.
pub struct Address {
    pub base: Value,
    pub offset: i32,
    pub flags: MemFlagsData,
}

impl Translator<'_, '_> {
    /// A load by one of Cranelift's load opcodes; `size` bytes are read.
    pub fn load(&mut self, arg: &MemArg, opcode: Opcode, ty: Type, size: u32) {
        let address = self.address(arg, size);
        let flags = self.b.func.dfg.mem_flags.insert(address.flags).expect("few kinds of accesses");
        let (inst, dfg) = self.b.ins().Load(opcode, ty, flags, address.offset.into(), address.base);
        let value = dfg.first_result(inst);
        self.push(value);
    }

    /// `i32.load`: the CPU zero-extends anyway, so the extended value is kept in case it becomes an address.
    pub fn load_i32(&mut self, arg: &MemArg) {
        self.load(arg, Opcode::Uload32, I64, 4);
        let wide = self.pop();
        let value = self.b.ins().ireduce(I32, wide);
        self.extended.insert(value, wide);
        self.push(value);
    }

    /// A store by one of Cranelift's store opcodes; `size` bytes are written.
    pub fn store(&mut self, arg: &MemArg, opcode: Opcode, size: u32) {
        let value = self.pop();
        let ty = self.b.func.dfg.value_type(value);
        let address = self.address(arg, size);
        let flags = self.b.func.dfg.mem_flags.insert(address.flags).expect("few kinds of accesses");
        self.b.ins().Store(opcode, ty, flags, address.offset.into(), value, address.base);
    }

    /// Pops the index of an access of `size` bytes and makes it an address.
    ///
    /// | mode | offset + size | what stands between guest and host |
    /// | --- | --- | --- |
    /// | guard | ≤ the guard | index < 4 GiB, so the access ends inside memory + guard: the MMU |
    /// | guard | more | index + offset is computed in 64 bits (< 2³³) and compared with the length |
    /// | checked, i32 | any | index + offset + size < 2³³ + 16, no overflow; compared with the length |
    /// | checked, i64 | any | the same with an add that traps on overflow |
    /// | fixed | any | index is compared with what is left of the constant length behind offset + size |
    pub fn address(&mut self, arg: &MemArg, size: u32) -> Address {
        let index = self.pop();
        let index = self.extend_index(index);
        let plan = &self.env.plan.memories[memory_of(arg) as usize];
        let region = if plan.import.is_some() { Region::ImportedMemories } else { Region::Memory(memory_of(arg)) };
        let (mode, index64) = (plan.mode, plan.index64);
        let region = self.region(region);
        let flags = MemFlagsData::new().with_endianness(Endianness::Little).with_alias_region(Some(region));
        if mode == MemoryMode::Guard && arg.offset + u64::from(size) <= GUARD_SIZE {
            let base = self.memory_base(memory_of(arg));
            let base = self.b.ins().iadd(base, index);
            let flags = flags.with_trap_code(Some(trap::MEMORY_OUT_OF_BOUNDS));
            // At most GUARD_SIZE, which is far below 2 GiB.
            return Address { base, offset: arg.offset as i32, flags };
        }
        if mode == MemoryMode::Fixed {
            self.check_fixed(arg, index, size);
        } else {
            self.check(arg, index, size, index64);
        }
        let base = self.memory_base(memory_of(arg));
        let base = self.b.ins().iadd(base, index);
        // The page may still be protected, so even a checked access can fault.
        let flags = flags.with_trap_code(Some(trap::MEMORY_OUT_OF_BOUNDS));
        match i32::try_from(arg.offset) {
            Ok(offset) => Address { base, offset, flags },
            Err(_) => {
                let offset = self.b.ins().iconst(I64, arg.offset as i64);
                Address { base: self.b.ins().iadd(base, offset), offset: 0, flags }
            }
        }
    }

    /// Traps unless `index + offset + size` is at most the memory's length.
    fn check(&mut self, arg: &MemArg, index: Value, size: u32, index64: bool) {
        let code = trap::memory_check(memory_of(arg));
        let Some(bytes) = arg.offset.checked_add(u64::from(size)) else {
            let yes = self.b.ins().iconst(I64, 1);
            self.b.ins().trapnz(yes, code);
            return;
        };
        let bytes = self.b.ins().iconst(I64, bytes as i64);
        let end =
            if index64 { self.b.ins().uadd_overflow_trap(index, bytes, code) } else { self.b.ins().iadd(index, bytes) };
        let length = self.memory_length(memory_of(arg));
        let outside = self.b.ins().icmp(IntCC::UnsignedGreaterThan, end, length);
        self.b.ins().trapnz(outside, code);
    }

    /// The same where the length is a constant.
    fn check_fixed(&mut self, arg: &MemArg, index: Value, size: u32) {
        let code = trap::memory_check(memory_of(arg));
        let plan = &self.env.plan.memories[memory_of(arg) as usize];
        let (length, index64) = (plan.minimum_bytes, plan.index64);
        let end = arg.offset.checked_add(u64::from(size));
        let outside = match end.and_then(|end| length.checked_sub(end)) {
            // Every 32-bit index is inside.
            Some(last) if !index64 && last >= u64::from(u32::MAX) => return,
            Some(last) => self.b.ins().icmp_imm_u(IntCC::UnsignedGreaterThan, index, last as i64),
            None => self.b.ins().iconst(I64, 1),
        };
        self.b.ins().trapnz(outside, code);
    }

    pub fn memory_size(&mut self, memory: u32) {
        let plan = &self.env.plan.memories[memory as usize];
        let (shift, index64) = (plan.page_log2, plan.index64);
        // What another thread has grown must be seen, also by a loop that waits for it.
        let length = if plan.shared { self.shared_memory_length(memory) } else { self.memory_length(memory) };
        let pages = self.b.ins().ushr_imm_u(length, i64::from(shift));
        let pages = self.narrow_index(pages, index64);
        self.push(pages);
    }

    pub fn memory_grow(&mut self, memory: u32) {
        let pages = self.pop();
        let pages = self.extend_index(pages);
        let number = self.iconst32(memory);
        let old = self.call_helper(Helper::MemoryGrow, &[number, pages]);
        let index64 = self.env.plan.memories[memory as usize].index64;
        // Failure is all ones, which narrows to -1.
        let old = self.narrow_index(old[0], index64);
        self.push(old);
    }

    pub fn memory_fill(&mut self, memory: u32) {
        let size = self.pop();
        let (to, value) = self.pop2();
        let (to, size) = (self.extend_index(to), self.extend_index(size));
        let memory = self.iconst32(memory);
        self.call_helper(Helper::MemoryFill, &[memory, to, value, size]);
    }

    pub fn memory_discard(&mut self, memory: u32) {
        let (at, size) = self.pop2();
        let (at, size) = (self.extend_index(at), self.extend_index(size));
        let memory = self.iconst32(memory);
        self.call_helper(Helper::MemoryDiscard, &[memory, at, size]);
    }

    pub fn memory_copy(&mut self, to_memory: u32, from_memory: u32) {
        self.copy(Helper::MemoryCopy, to_memory, from_memory);
    }

    pub fn memory_init(&mut self, memory: u32, segment: u32) {
        self.init(Helper::MemoryInit, memory, self.env.plan.data_number(segment));
    }

    pub fn data_drop(&mut self, segment: u32) {
        self.drop_segment(Helper::DataDrop, self.env.plan.data_number(segment));
    }

    pub fn copy(&mut self, helper: Helper, to_index: u32, from_index: u32) {
        let size = self.pop();
        let (to, from) = self.pop2();
        let (to, from, size) = (self.extend_index(to), self.extend_index(from), self.extend_index(size));
        let (to_index, from_index) = (self.iconst32(to_index), self.iconst32(from_index));
        self.call_helper(helper, &[to_index, to, from_index, from, size]);
    }

    pub fn init(&mut self, helper: Helper, index: u32, segment: u32) {
        let size = self.pop();
        let (to, from) = self.pop2();
        let (to, from, size) = (self.extend_index(to), self.extend_index(from), self.extend_index(size));
        let (index, segment) = (self.iconst32(index), self.iconst32(segment));
        self.call_helper(helper, &[index, segment, to, from, size]);
    }

    pub fn drop_segment(&mut self, helper: Helper, segment: u32) {
        let segment = self.iconst32(segment);
        self.call_helper(helper, &[segment]);
    }
}

/// GC arrays, the other target, are refused where their types are read.
pub fn memory_of(arg: &MemArg) -> u32 {
    match arg.target {
        MemArgTarget::Memory(index) => index,
        MemArgTarget::Array(_) => unreachable!("array types are refused"),
    }
}
