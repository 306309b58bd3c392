//! Loads and stores of vectors and lanes.

use super::super::function::Translator;
use super::super::memory::memory_of;
use super::V128;
use cranelift_codegen::ir::types::{I8X16, I16X8, I32X4, I64, I64X2};
use cranelift_codegen::ir::{InstBuilder, Opcode, Type};
use wasmparser::{MemArg, Operator};

/// What becomes of the bytes of a load.
#[derive(Clone, Copy)]
enum Load {
    /// All 16 of them.
    Whole,
    /// Eight, each lane widened, by this opcode.
    Widen(Opcode),
    /// One lane, into all.
    Splat,
    /// One lane, the others zero.
    Zero,
}

/// With the lanes as they are in memory.
fn load<'o>(op: &'o Operator<'_>) -> Option<(Load, Type, &'o MemArg)> {
    macro_rules! loads {
        ($($load:expr => $($lanes:ident: $name:ident),+;)+) => {
            match op {
                $($(Operator::$name { memarg } => Some(($load, $lanes, memarg)),)+)+
                _ => None,
            }
        };
    }
    loads! {
        Load::Whole => V128: V128Load;
        Load::Widen(Opcode::Sload8x8) => I8X16: V128Load8x8S;
        Load::Widen(Opcode::Uload8x8) => I8X16: V128Load8x8U;
        Load::Widen(Opcode::Sload16x4) => I16X8: V128Load16x4S;
        Load::Widen(Opcode::Uload16x4) => I16X8: V128Load16x4U;
        Load::Widen(Opcode::Sload32x2) => I32X4: V128Load32x2S;
        Load::Widen(Opcode::Uload32x2) => I32X4: V128Load32x2U;
        Load::Splat => I8X16: V128Load8Splat, I16X8: V128Load16Splat, I32X4: V128Load32Splat, I64X2: V128Load64Splat;
        Load::Zero => I32X4: V128Load32Zero, I64X2: V128Load64Zero;
    }
}

/// Loads and stores of one lane.
fn lane<'o>(op: &'o Operator<'_>) -> Option<(Opcode, Type, &'o MemArg, u8)> {
    macro_rules! lanes {
        ($($opcode:expr => $($lanes:ident: $name:ident),+;)+) => {
            match op {
                $($(Operator::$name { memarg, lane } => Some(($opcode, $lanes, memarg, *lane)),)+)+
                _ => None,
            }
        };
    }
    lanes! {
        Opcode::Load => I8X16: V128Load8Lane, I16X8: V128Load16Lane, I32X4: V128Load32Lane, I64X2: V128Load64Lane;
        Opcode::Store => I8X16: V128Store8Lane, I16X8: V128Store16Lane, I32X4: V128Store32Lane, I64X2: V128Store64Lane;
    }
}

/// True for SIMD's loads and stores.
pub fn accesses_memory(op: &Operator<'_>) -> bool {
    matches!(op, Operator::V128Store { .. }) || load(op).is_some() || lane(op).is_some()
}

/// The memory that it writes to.
pub fn written_memory(op: &Operator<'_>) -> Option<u32> {
    match op {
        Operator::V128Store { memarg } => Some(memory_of(memarg)),
        _ => lane(op).filter(|(opcode, ..)| *opcode == Opcode::Store).map(|(_, _, memarg, _)| memory_of(memarg)),
    }
}

impl Translator<'_, '_> {
    /// False if the instruction is not a load or store.
    pub(super) fn vector_access(&mut self, op: &Operator<'_>) -> bool {
        if let Operator::V128Store { memarg } = op {
            self.vector_store(memarg);
        } else if let Some((load, ty, memarg)) = load(op) {
            self.vector_load(load, ty, memarg);
        } else if let Some((opcode, ty, memarg, lane)) = lane(op) {
            match opcode {
                Opcode::Load => self.load_lane(ty, memarg, lane),
                _ => self.store_lane(ty, memarg, lane),
            }
        } else {
            return false;
        }
        true
    }

    fn vector_store(&mut self, memarg: &MemArg) {
        self.store(memarg, Opcode::Store, 16);
    }

    fn vector_load(&mut self, load: Load, ty: Type, memarg: &MemArg) {
        let lane = ty.lane_type();
        match load {
            Load::Whole => {
                self.load(memarg, Opcode::Load, V128, 16);
                if self.env.folds_loads {
                    self.fresh_loads.extend(self.stack.last());
                }
                return;
            }
            Load::Widen(opcode) if self.env.is_riscv64 => return self.widening_load(opcode, ty, memarg),
            // The type these opcodes are chosen by is the address's.
            Load::Widen(opcode) => self.load(memarg, opcode, I64, 8),
            Load::Splat | Load::Zero => self.load(memarg, Opcode::Load, lane, lane.bytes()),
        }
        let value = self.pop();
        let value = match load {
            Load::Splat => self.b.ins().splat(ty, value),
            Load::Zero => self.b.ins().scalar_to_vector(ty, value),
            Load::Whole | Load::Widen(_) => value,
        };
        self.push_vector(value);
    }

    /// By a load of a number: vectors of riscv64 may trap where elements are not aligned, and Cranelift 0.135 takes the
    /// eight bytes for one element.
    fn widening_load(&mut self, opcode: Opcode, ty: Type, memarg: &MemArg) {
        self.load(memarg, Opcode::Load, I64, 8);
        let number = self.pop();
        let vector = self.b.ins().scalar_to_vector(I64X2, number);
        self.push_vector(vector);
        let narrow = self.pop_as(ty);
        let value = match opcode {
            Opcode::Sload8x8 | Opcode::Sload16x4 | Opcode::Sload32x2 => self.b.ins().swiden_low(narrow),
            _ => self.b.ins().uwiden_low(narrow),
        };
        self.push_vector(value);
    }

    fn load_lane(&mut self, ty: Type, memarg: &MemArg, lane: u8) {
        let vector = self.pop_as(ty);
        self.load(memarg, Opcode::Load, ty.lane_type(), ty.lane_type().bytes());
        let value = self.pop();
        let result = self.b.ins().insertlane(vector, value, lane);
        self.push_vector(result);
    }

    fn store_lane(&mut self, ty: Type, memarg: &MemArg, lane: u8) {
        let vector = self.pop_as(ty);
        let value = self.b.ins().extractlane(vector, lane);
        self.push(value);
        self.store(memarg, Opcode::Store, ty.lane_type().bytes());
    }
}
