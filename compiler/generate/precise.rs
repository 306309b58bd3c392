//! Precise stores: one that does not fit writes nothing (`--enable-precise-stores`). Where a store may be two accesses to
//! the CPU, the first may be done when the second one traps; x86-64 sees to both before.
//!
//! ```text
//!     store v2, v1+8            v3 = iadd v1, 8
//!                               brif (band v3, 7), cold, next
//!                           →   next: store v2, v1+8
//!                               cold: brif (it reaches into the next page), both, next
//!                               both: write to that page what it holds
//!                                     store.8 v2, v3
//!                                     jump next
//! ```
//!
//! What lies in one page is done or not. Of two pages the second one gets its first word as it is, atomically (or'ed with
//! nothing), so threads lose nothing; then the first one gets the store's first byte: if either traps, nothing has
//! changed, and the trap tells an address inside the store.
//! This comes last, so that no pass sees more blocks than there were.

use crate::translate::trap;
use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I8, I8X16, I32};
use cranelift_codegen::ir::{
    AtomicRmwOp, Endianness, Function, Inst, InstBuilder, InstructionData, MemFlagsData, Opcode, Value,
};

/// The smallest pages there are.
const PAGE: i64 = 4096;

/// True if there were such stores: blocks have changed then.
pub fn run(func: &mut Function) -> bool {
    let all = func.layout.blocks().flat_map(|block| func.layout.block_insts(block));
    let stores: Vec<(Inst, i64)> = all.filter_map(|inst| Some((inst, guest_store(func, inst)?))).collect();
    for &(inst, size) in &stores {
        probe(func, inst, size);
    }
    !stores.is_empty()
}

/// The size of a store to a guest's memory that may be two accesses.
fn guest_store(func: &Function, inst: Inst) -> Option<i64> {
    let InstructionData::Store { opcode, args, flags, .. } = func.dfg.insts[inst] else { return None };
    let size = match opcode {
        Opcode::Istore8 => 1,
        Opcode::Istore16 => 2,
        Opcode::Istore32 => 4,
        _ => func.dfg.value_type(args[0]).bytes().into(),
    };
    let guest = func.dfg.mem_flags[flags].trap_code() == Some(trap::MEMORY_OUT_OF_BOUNDS);
    (guest && size > 1).then_some(size)
}

fn probe(func: &mut Function, inst: Inst, size: i64) {
    let InstructionData::Store { args: [value, address], offset, .. } = func.dfg.insts[inst] else {
        unreachable!("it is one")
    };
    let location = func.srcloc(inst);
    let [cold, both, next] = [(); 3].map(|()| func.dfg.make_block());
    let before = func.layout.inst_block(inst).expect("it is in the function");
    func.layout.split_block(next, inst);
    for block in [cold, both] {
        func.layout.append_block(block);
        func.layout.set_cold(block);
    }
    if func.layout.is_cold(before) {
        func.layout.set_cold(next);
    }
    let mut cursor = FuncCursor::new(func).at_bottom(before).with_srcloc(location);
    let first = cursor.ins().iadd_imm_s(address, i64::from(i32::from(offset)));
    let unaligned = cursor.ins().band_imm_u(first, size - 1);
    cursor.ins().brif(unaligned, cold, &[], next, &[]);
    let mut cursor = cursor.at_bottom(cold);
    let last = cursor.ins().iadd_imm_s(first, size - 1); // far below 2⁶⁴: user space and guards are
    let page = cursor.ins().band_imm_s(last, -PAGE);
    let crosses = cursor.ins().icmp(IntCC::UnsignedGreaterThan, page, first);
    cursor.ins().brif(crosses, both, &[], next, &[]);
    let mut cursor = cursor.at_bottom(both);
    let none = cursor.ins().iconst(I32, 0);
    cursor.ins().atomic_rmw(I32, flags(), AtomicRmwOp::Or, page, none);
    let byte = first_byte(&mut cursor, value);
    cursor.ins().store(flags(), byte, first, 0);
    cursor.ins().jump(next, &[]);
}

fn flags() -> MemFlagsData {
    MemFlagsData::new().with_endianness(Endianness::Little).with_trap_code(Some(trap::MEMORY_OUT_OF_BOUNDS))
}

/// What the lowest address gets of a value.
fn first_byte(cursor: &mut FuncCursor<'_>, value: Value) -> Value {
    let ty = cursor.func.dfg.value_type(value);
    let little = MemFlagsData::new().with_endianness(Endianness::Little);
    if ty.is_vector() {
        let bytes = if ty == I8X16 { value } else { cursor.ins().bitcast(I8X16, little, value) };
        return cursor.ins().extractlane(bytes, 0);
    }
    let integer = if ty.is_float() { cursor.ins().bitcast(ty.as_int(), little, value) } else { value };
    cursor.ins().ireduce(I8, integer)
}
