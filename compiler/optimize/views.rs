//! `views`: where a memory begins and how long it is is loaded once in front of a loop.
//!
//! ```text
//! block(i):                                length = load [pinned - 40]
//!   length = load [pinned - 40]            base = load [pinned - 48]
//!   trapnz (icmp ugt (iadd i, 8), length)  jump block(0)
//!   base = load [pinned - 48]          →
//!   load (iadd base, i)                  block(i):
//!   brif …                                 trapnz (icmp ugt (iadd i, 8), length)
//!                                          load (iadd base, i)
//!                                          brif …
//! ```
//!
//! Only out of loops that call nothing and have no atomics: calls may let a memory grow and move, and what other threads
//! did must be seen behind an atomic. The context can always be read, so no trap comes early.

use super::Unit;
use super::analysis::view::{self, Field, Loud};
use cranelift_codegen::cursor::{Cursor, FuncCursor};
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{Inst, InstBuilder, InstructionData, Value};
use cranelift_codegen::loop_analysis::Loop;
use std::collections::HashMap;

pub fn run(unit: &mut Unit<'_>) -> usize {
    if !view::any(unit.plan) || unit.flow.loops.loops().len() == 0 {
        return 0;
    }
    let loud = Loud::find(unit.func, &unit.flow);
    let mut known: HashMap<(Loop, Field), Value> = HashMap::new();
    let mut next_block = unit.func.layout.entry_block();
    while let Some(block) = next_block {
        next_block = unit.func.layout.next_block(block);
        let Some((within, before)) = outermost(unit, &loud, block) else { continue };
        let mut next = unit.func.layout.first_inst(block);
        while let Some(inst) = next {
            next = unit.func.layout.next_inst(inst);
            let Some(field) = view::loaded(unit.func, unit.plan, inst) else { continue };
            let value = *known.entry((within, field)).or_insert_with(|| load(unit, inst, before));
            let old = unit.func.dfg.first_result(inst);
            unit.func.dfg.detach_inst_results(inst);
            unit.func.dfg.change_to_alias(old, value);
            unit.func.layout.remove_inst(inst);
        }
    }
    if !known.is_empty() {
        unit.func.dfg.resolve_all_aliases();
    }
    known.len()
}

/// The outermost quiet loop around a block, with the jump that enters it.
fn outermost(unit: &Unit<'_>, loud: &Loud, block: cranelift_codegen::ir::Block) -> Option<(Loop, Inst)> {
    let mut found = None;
    let mut within = unit.flow.loops.innermost_loop(block);
    while let Some(quiet) = within.filter(|&within| loud.is_quiet(within)) {
        found = unit.flow.entry(unit.func, quiet).map(|jump| (quiet, jump)).or(found);
        within = unit.flow.loops.loop_parent(quiet);
    }
    found
}

/// The same load somewhere else.
fn load(unit: &mut Unit<'_>, inst: Inst, before: Inst) -> Value {
    let InstructionData::Load { flags, offset, .. } = unit.func.dfg.insts[inst] else {
        unreachable!("fields are loaded by loads")
    };
    let mut cursor = FuncCursor::new(unit.func).at_inst(before);
    cursor.use_srcloc(inst);
    let pinned = unit.travel.instance(&mut cursor);
    let (inst, dfg) = cursor.ins().Load(cranelift_codegen::ir::Opcode::Load, I64, flags, offset, pinned);
    dfg.first_result(inst)
}
