//! Precise stores: one that does not fit writes nothing (`--enable-precise-stores`). Where a store may be two accesses to
//! the CPU, the first may be done when the second one traps; x86-64 sees to both before.
//!
//! ```text
//!     store v2, v1+8            v3 = iadd v1, 8
//!                               brif (band v3, 7), cold, next
//!                           →   next: store v2, v1+8
//!                               cold: write to the words of its first and its last byte what they hold
//!                                     jump next
//! ```
//!
//! What is aligned lies in one page. The words are written atomically (or'ed with nothing), so threads lose nothing; the
//! last one is that of the page's first byte where the store reaches into a page, which is the address that a trap tells.
//! This comes last, so that no pass sees more blocks than there were.

use crate::translate::trap;
use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::types::I32;
use cranelift_codegen::ir::{
    AtomicRmwOp, Endianness, Function, Inst, InstBuilder, InstructionData, MemFlagsData, Opcode,
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
    let InstructionData::Store { args, offset, .. } = func.dfg.insts[inst] else { unreachable!("it is one") };
    let location = func.srcloc(inst);
    let (cold, next) = (func.dfg.make_block(), func.dfg.make_block());
    let before = func.layout.inst_block(inst).expect("it is in the function");
    func.layout.split_block(next, inst);
    func.layout.append_block(cold);
    func.layout.set_cold(cold);
    if func.layout.is_cold(before) {
        func.layout.set_cold(next);
    }
    let mut cursor = FuncCursor::new(func).at_bottom(before).with_srcloc(location);
    let first = cursor.ins().iadd_imm_s(args[1], i64::from(i32::from(offset)));
    let unaligned = cursor.ins().band_imm_u(first, size - 1);
    cursor.ins().brif(unaligned, cold, &[], next, &[]);
    let mut cursor = cursor.at_bottom(cold);
    let last = cursor.ins().iadd_imm_s(first, size - 1); // far below 2⁶⁴: user space and guards are
    let page = cursor.ins().band_imm_s(last, -PAGE);
    let word = cursor.ins().band_imm_s(first, -4);
    let other = cursor.ins().umax(page, word);
    let none = cursor.ins().iconst(I32, 0);
    let flags = MemFlagsData::new().with_endianness(Endianness::Little);
    let flags = flags.with_trap_code(Some(trap::MEMORY_OUT_OF_BOUNDS));
    for address in [word, other] {
        cursor.ins().atomic_rmw(I32, flags, AtomicRmwOp::Or, address, none);
    }
    cursor.ins().jump(next, &[]);
}
