//! Builtin imports (plan/builtin.rs): a call of one becomes what it stands for.

use super::function::Translator;
use super::helper::Helper;
use super::immutable::constant;
use crate::plan::{ANY_MEMORY, Action, Builtin, Control};
use cranelift_codegen::ir::InstBuilder;
use cranelift_codegen::ir::types::{I32, I64};
use wasmparser::{MemArg, MemArgTarget, Operator};

impl Translator<'_, '_> {
    /// With its operands on the stack, as an instruction has them.
    pub fn builtin(&mut self, builtin: Builtin) {
        let memory = if builtin.memory == ANY_MEMORY { self.choose_memory(builtin.operands) } else { builtin.memory };
        let arg = || MemArg { align: 0, max_align: 0, offset: 0, target: MemArgTarget::Memory(memory), ordering: None };
        match builtin.action {
            Action::Access(instruction) => self.access_builtin(&instruction(arg())),
            Action::Lane(instruction, lane) => self.access_builtin(&instruction(arg(), lane)),
            Action::Size => self.memory_size(memory),
            Action::Grow => self.memory_grow(memory),
            Action::Discard => self.memory_discard(memory),
            Action::CopyIn => self.memory_copy(memory, 0),
            Action::CopyOut => self.memory_copy(0, memory),
            Action::Control(control) => self.control(memory, control, builtin.operands),
            Action::MapFile => self.map_file(memory),
            Action::Bind => self.bind(memory),
        }
        self.any_memory = None;
    }

    fn access_builtin(&mut self, instruction: &Operator<'_>) {
        self.operator(instruction, 0).expect("loads and stores are compiled");
    }

    /// Takes the memory's number from below the operands. Where that is a constant, it is a memory as any other, if
    /// instructions can have its operands: a 32-bit memory's addresses may be 64 bits here.
    fn choose_memory(&mut self, operands: usize) -> u32 {
        let at = self.stack.len() - operands - 1;
        let number = self.stack.remove(at);
        let known = constant(&self.b.func.dfg, number).map(|number| number as u32);
        let is_plain = |memory: &u32| self.env.plan.memories.get(*memory as usize).is_some_and(|m| !m.immutable);
        let same_index = self.env.plan.memories.iter().all(|m| m.index64 == self.env.plan.memories[0].index64);
        if let Some(memory) = known.filter(is_plain).filter(|_| same_index) {
            return memory;
        }
        self.any_memory = Some(self.check_memory_number(number));
        ANY_MEMORY
    }

    fn control(&mut self, memory: u32, control: Control, operands: usize) {
        let operands = self.pop_many(operands);
        let mut args = vec![self.memory_number(memory), self.iconst32(control as u32)];
        args.extend(operands.iter().map(|&operand| self.extend_index(operand)).collect::<Vec<_>>());
        while args.len() < 5 {
            args.push(self.b.ins().iconst(I64, 0));
        }
        let result = self.call_helper(Helper::MemoryControl, &args)[0];
        let wide = control == Control::MapAny && self.env.plan.index64(memory);
        let result = if wide { result } else { self.b.ins().ireduce(I32, result) };
        self.push(result);
    }

    fn map_file(&mut self, memory: u32) {
        let operands = self.pop_many(6);
        let &[address, size, descriptor, offset, prot, flags] = &operands[..] else { return };
        let (address, size) = (self.extend_index(address), self.extend_index(size));
        let number = self.memory_number(memory);
        let result = self.call_helper(Helper::MemoryMapFile, &[number, address, size, descriptor, offset, prot, flags]);
        self.push(result[0]);
    }

    fn bind(&mut self, memory: u32) {
        let handle = self.pop();
        let number = self.memory_number(memory);
        let result = self.call_helper(Helper::MemoryBind, &[number, handle]);
        self.push(result[0]);
    }
}
