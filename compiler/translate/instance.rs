//! How the instance, that is P, reaches compiled code: in the pinned register, or, where Cranelift has none (riscv64), as
//! a first parameter of everything that runs for an instance. This file and `signature.rs` know the difference, and the
//! few places that set the register ask here.
//!
//! A parameter is never wrong after a call, so nothing is given back; but the handler of faults can't find it in a
//! register: what may fault keeps it in its frame, see [`Translator::keep_instance`].

use super::function::Translator;
use super::trap;
use cranelift_codegen::cursor::FuncCursor;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{
    Function, InstBuilder, InstructionData, Opcode, StackSlot, StackSlotData, StackSlotKind, Value, ValueDef,
};
use cranelift_codegen::isa::TargetIsa;

/// How P travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Travel {
    /// In the pinned register, from function to function.
    Register,
    /// As the first parameter: of wasm functions and thunks, and of all stubs that C calls, where it is the `struct mod *`.
    Parameter,
}

impl Travel {
    /// On this target (target.rs decides).
    pub fn on(isa: &dyn TargetIsa) -> Travel {
        if isa.flags().enable_pinned_reg() { Travel::Register } else { Travel::Parameter }
    }

    /// P, for code that is added to a function that exists.
    pub fn instance(self, cursor: &mut FuncCursor<'_>) -> Value {
        match self {
            Travel::Register => cursor.ins().get_pinned_reg(I64),
            Travel::Parameter => {
                let entry = cursor.func.layout.entry_block().expect("a function that has begun");
                cursor.func.dfg.block_params(entry)[0]
            }
        }
    }
}

/// True for P. (Whatever else comes as a first parameter is never read at a distance below it.)
pub fn is_instance(func: &Function, value: Value) -> bool {
    match func.dfg.value_def(value) {
        ValueDef::Result(inst, _) => func.dfg.insts[inst].opcode() == Opcode::GetPinnedReg,
        ValueDef::Param(block, 0) => func.layout.entry_block() == Some(block),
        _ => false,
    }
}

impl Translator<'_, '_> {
    /// P as a fresh copy of the register, or the parameter.
    pub fn read_instance(&mut self) -> Value {
        match self.env.travel {
            Travel::Register => self.b.ins().get_pinned_reg(I64),
            Travel::Parameter => {
                // A block is in the layout from its first instruction on.
                let entry = self.b.func.layout.entry_block().or(self.b.current_block());
                self.b.block_params(entry.expect("a function that has begun"))[0]
            }
        }
    }

    /// The instance that code runs for from here on.
    pub fn set_instance(&mut self, instance: Value) {
        if self.env.travel == Travel::Register {
            self.b.ins().set_pinned_reg(instance);
        }
    }

    /// Arguments of a call to code of this instance.
    pub fn with_instance(&mut self, args: Vec<Value>) -> Vec<Value> {
        match self.env.travel {
            Travel::Register => args,
            Travel::Parameter => {
                let ours = self.pinned();
                self.with_theirs(ours, args)
            }
        }
    }

    /// Of a call to code of another one.
    pub fn with_theirs(&mut self, theirs: Value, mut args: Vec<Value>) -> Vec<Value> {
        if self.env.travel == Travel::Parameter {
            args.insert(0, theirs);
        }
        args
    }

    /// Keeps P in the frame, for the runtime: first of all, so that it is there when anything faults or throws.
    pub fn keep_instance(&mut self) {
        let slot = self.b.create_sized_stack_slot(StackSlotData::new(StackSlotKind::ExplicitSlot, 8, 3));
        let instance = self.pinned();
        self.b.ins().stack_store(I64, instance, slot, 0);
        self.handlers.pinned_slot = Some(slot);
    }
}

/// True if the runtime asks for P when this function faults, by the kind of its traps.
pub fn asks_for_instance(func: &Function) -> bool {
    let mut all = func.layout.blocks().flat_map(|block| func.layout.block_insts(block));
    all.any(|inst| {
        let data = &func.dfg.insts[inst];
        let access = || data.memflags().and_then(|flags| func.dfg.mem_flags[flags].trap_code());
        data.trap_code().or_else(access).is_some_and(trap::asks_for_instance)
    })
}

/// Takes [`Translator::keep_instance`] back.
pub fn forget_instance(func: &mut Function, slot: StackSlot) {
    let entry = func.layout.entry_block().expect("a function that is complete");
    let store = func.layout.block_insts(entry).find(|&inst| match func.dfg.insts[inst] {
        InstructionData::Store { args: [_, address], .. } => is_slot(func, address, slot),
        _ => false,
    });
    func.layout.remove_inst(store.expect("P is kept first of all"));
}

fn is_slot(func: &Function, address: Value, slot: StackSlot) -> bool {
    let ValueDef::Result(inst, _) = func.dfg.value_def(address) else { return false };
    matches!(func.dfg.insts[inst], InstructionData::StackAddr { stack_slot, .. } if stack_slot == slot)
}
