//! Where a value comes from.

use cranelift_codegen::ir::{Block, Function, Inst, InstructionData, Opcode, Value, ValueDef};

/// The instruction that makes a value; none makes a block's parameter.
pub fn defining(func: &Function, value: Value) -> Option<Inst> {
    match func.dfg.value_def(func.dfg.resolve_aliases(value)) {
        ValueDef::Result(inst, _) => Some(inst),
        _ => None,
    }
}

/// The block that makes it.
pub fn block(func: &Function, value: Value) -> Option<Block> {
    match func.dfg.value_def(func.dfg.resolve_aliases(value)) {
        ValueDef::Result(inst, _) => func.layout.inst_block(inst),
        ValueDef::Param(block, _) => Some(block),
        ValueDef::Union(..) => None,
    }
}

/// The block and number of a parameter.
pub fn param(func: &Function, value: Value) -> Option<(Block, usize)> {
    match func.dfg.value_def(func.dfg.resolve_aliases(value)) {
        ValueDef::Param(block, number) => Some((block, number)),
        _ => None,
    }
}

pub fn constant(func: &Function, value: Value) -> Option<i64> {
    match func.dfg.insts[defining(func, value)?] {
        InstructionData::UnaryImm { opcode: Opcode::Iconst, imm } => Some(imm.bits()),
        _ => None,
    }
}

/// The operand of an instruction of one operand.
pub fn unary(func: &Function, value: Value, wanted: Opcode) -> Option<Value> {
    match func.dfg.insts[defining(func, value)?] {
        InstructionData::Unary { opcode, arg } if opcode == wanted => Some(func.dfg.resolve_aliases(arg)),
        _ => None,
    }
}

/// The operands of an instruction of two.
pub fn binary(func: &Function, value: Value) -> Option<(Opcode, [Value; 2])> {
    match func.dfg.insts[defining(func, value)?] {
        InstructionData::Binary { opcode, args } => Some((opcode, args.map(|v| func.dfg.resolve_aliases(v)))),
        _ => None,
    }
}

/// How many additions of constants are looked through.
const MAX_CHAIN: usize = 64;

/// A 32-bit value as another one plus a constant, modulo 2³².
pub fn linear(func: &Function, value: Value) -> (Value, u32) {
    let (mut root, mut sum) = (func.dfg.resolve_aliases(value), 0u32);
    for _ in 0..MAX_CHAIN {
        let Some((opcode, [x, y])) = binary(func, root) else { break };
        (root, sum) = match (opcode, constant(func, x), constant(func, y)) {
            (Opcode::Iadd, _, Some(c)) => (x, sum.wrapping_add(c as u32)),
            (Opcode::Iadd, Some(c), _) => (y, sum.wrapping_add(c as u32)),
            (Opcode::Isub, _, Some(c)) => (x, sum.wrapping_sub(c as u32)),
            _ => break,
        };
    }
    (root, sum)
}
