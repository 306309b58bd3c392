//! Builtin imports (plan/builtin.rs): a call of one becomes what it stands for.

use super::function::Translator;
use super::helper::Helper;
use crate::plan::{Action, Builtin, Control};
use cranelift_codegen::ir::types::{I32, I64};
use cranelift_codegen::ir::{InstBuilder, Value};
use wasmparser::{MemArg, MemArgTarget};

impl Translator<'_, '_> {
    /// With its operands on the stack, as an instruction has them.
    pub fn builtin(&mut self, builtin: Builtin) {
        let memory = builtin.memory;
        match builtin.action {
            Action::Access(instruction) => {
                let target = MemArgTarget::Memory(memory);
                let arg = MemArg { align: 0, max_align: 0, offset: 0, target, ordering: None };
                self.operator(&instruction(arg), 0).expect("loads and stores are compiled");
            }
            Action::Size => self.memory_size(memory),
            Action::Grow => self.memory_grow(memory),
            Action::Discard => self.memory_discard(memory),
            Action::CopyIn => self.memory_copy(memory, 0),
            Action::CopyOut => self.memory_copy(0, memory),
            Action::Control(control) => self.control(memory, control),
        }
    }

    fn control(&mut self, memory: u32, control: Control) {
        let operands = match control {
            Control::Protect | Control::Map | Control::Alias => 3,
            Control::Unmap | Control::MapAny => 2,
            Control::PageSize => 0,
        };
        let operands = self.pop_many(operands);
        let mut args: Vec<Value> = [memory, control as u32].map(|number| self.iconst32(number)).into();
        args.extend(operands.iter().map(|&operand| self.extend_index(operand)).collect::<Vec<_>>());
        while args.len() < 5 {
            args.push(self.b.ins().iconst(I64, 0));
        }
        let result = self.call_helper(Helper::MemoryControl, &args)[0];
        let wide = control == Control::MapAny && self.env.plan.memories[memory as usize].index64;
        let result = if wide { result } else { self.b.ins().ireduce(I32, result) };
        self.push(result);
    }
}
