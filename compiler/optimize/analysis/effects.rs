//! What an instruction does beside making values.

use cranelift_codegen::ir::Opcode;

/// No traps, nothing that depends on memory or changes anything. Cranelift doesn't count calls among what has effects.
pub fn is_pure(opcode: Opcode) -> bool {
    !(opcode.other_side_effects()
        || opcode.can_trap()
        || opcode.can_load()
        || opcode.can_store()
        || opcode.is_call()
        || opcode.is_terminator())
}

/// The same, or what only says where to go on, or reads the register that a function never changes.
pub fn is_quiet(opcode: Opcode) -> bool {
    is_pure(opcode) || matches!(opcode, Opcode::Brif | Opcode::Jump | Opcode::GetPinnedReg)
}
