//! Linear memory: addresses, bounds, loads and stores.

use super::base::Region;
use super::check::Access;
use super::function::Translator;
use super::helper::Helper;
use super::trap;
use crate::context::GUARD_SIZE;
use crate::plan::{ANY_MEMORY, MemoryMode};
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
        if self.immutable_load(arg, opcode, ty, size) {
            return;
        }
        let address = self.address(arg, size, false);
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
        let address = self.address(arg, size, true);
        let flags = self.b.func.dfg.mem_flags.insert(address.flags).expect("few kinds of accesses");
        self.b.ins().Store(opcode, ty, flags, address.offset.into(), value, address.base);
    }

    /// Pops the index of an access of `size` bytes and makes it an address.
    ///
    /// | mode | offset + size | what stands between guest and host |
    /// | --- | --- | --- |
    /// | guard | ≤ the guard | index < 4 GiB, so the access ends inside memory + guard: the MMU |
    /// | guard | more | index + offset is computed in 64 bits (< 2³³) and compared with the length |
    /// | checked, fixed | any | a comparison with the length ([`Translator::check_bounds`]) |
    /// | chosen as the code runs | 0 | a comparison with the length in the memory's view |
    ///
    /// Where ranges are protected to the byte, comparisons with their bounds follow. With `--harden=spectre` the address
    /// is masked by all that was compared.
    pub fn address(&mut self, arg: &MemArg, size: u32, write: bool) -> Address {
        let index = self.pop();
        let index = self.extend_index(index);
        let access = Access { memory: memory_of(arg), index, offset: arg.offset, size, write };
        if access.memory == ANY_MEMORY {
            return self.any_address(&access);
        }
        let mode = self.env.plan.memories[access.memory as usize].mode;
        let unchecked = mode == MemoryMode::Guard && arg.offset + u64::from(size) <= GUARD_SIZE;
        if !unchecked {
            self.check_bounds(&access);
        }
        self.check_protected(&access);
        let base = self.memory_base(access.memory);
        let base = self.b.ins().iadd(base, index);
        let flags = self.access_flags(access.memory);
        match i32::try_from(arg.offset) {
            Ok(offset) if !self.needs_mask() => Address { base, offset, flags },
            _ => {
                let offset = self.b.ins().iconst(I64, arg.offset as i64);
                let base = self.b.ins().iadd(base, offset);
                Address { base: self.mask_refused(base), offset: 0, flags }
            }
        }
    }

    /// Any access may fault: even where it was checked, the page may be protected.
    fn access_flags(&mut self, memory: u32) -> MemFlagsData {
        let region = self.memory_region(memory);
        let region = self.region(region);
        let flags = MemFlagsData::new().with_endianness(Endianness::Little).with_alias_region(Some(region));
        flags.with_trap_code(Some(trap::MEMORY_OUT_OF_BOUNDS))
    }

    /// Memories that may be the same bytes share a region.
    fn memory_region(&self, memory: u32) -> Region {
        let plan = &self.env.plan;
        if plan.chosen_memories {
            return Region::SeenMemories;
        }
        let one = &plan.memories[memory as usize];
        let shared = one.import.is_some() || (plan.bytes_are_shared && one.seen_outside());
        if shared { Region::SeenMemories } else { Region::Memory(memory) }
    }

    fn any_address(&mut self, access: &Access) -> Address {
        let number = self.any_memory.expect("only builtins choose a memory");
        let base = self.check_any(number, access);
        let base = self.b.ins().iadd(base, access.index);
        Address { base: self.mask_refused(base), offset: 0, flags: self.access_flags(ANY_MEMORY) }
    }

    pub fn memory_size(&mut self, memory: u32) {
        if memory == ANY_MEMORY {
            return self.any_memory_size();
        }
        let plan = &self.env.plan.memories[memory as usize];
        let (shift, index64) = (plan.page_log2, plan.index64);
        // What another thread has grown must be seen, also by a loop that waits for it.
        let length = if plan.shared { self.shared_memory_length(memory) } else { self.memory_length(memory) };
        let pages = self.b.ins().ushr_imm_u(length, i64::from(shift));
        let pages = self.narrow_index(pages, index64);
        self.push(pages);
    }

    /// Growing by no page gives the size, and pages are as large as that memory's.
    fn any_memory_size(&mut self) {
        let none = self.b.ins().iconst(I64, 0);
        self.push(none);
        self.memory_grow(ANY_MEMORY);
    }

    /// The number of a memory, for the runtime.
    pub fn memory_number(&mut self, memory: u32) -> Value {
        match self.any_memory {
            Some(number) if memory == ANY_MEMORY => self.b.ins().ireduce(I32, number),
            _ => self.iconst32(memory),
        }
    }

    pub fn memory_grow(&mut self, memory: u32) {
        let pages = self.pop();
        let pages = self.extend_index(pages);
        let number = self.memory_number(memory);
        let old = self.call_helper(Helper::MemoryGrow, &[number, pages]);
        let index64 = self.env.plan.index64(memory);
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
        let memory = self.memory_number(memory);
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
        let (to_index, from_index) = (self.memory_number(to_index), self.memory_number(from_index));
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
