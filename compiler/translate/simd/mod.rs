//! SIMD. A v128 has one type wherever wasm keeps it (stack, variables, parameters): [`V128`]. Instructions see it as the
//! lanes they work on through bitcasts, which cost nothing.
//!
//! | where | what |
//! | --- | --- |
//! | [`operator`] | tables of the instructions that are one instruction of the IR too; the others one by one |
//! | [`access`] | loads and stores |
//! | [`relaxed`] | what the standard leaves open, and what is chosen |
//! | [`baseline`] | instructions that x86-64 lacks before SSSE3 and SSE4.1 |

mod access;
mod baseline;
mod operator;
mod relaxed;

pub use access::{accesses_memory, written_memory};

use super::function::Translator;
use cranelift_codegen::ir::types::{I8X16, I32};
use cranelift_codegen::ir::{Endianness, InstBuilder, InstructionData, MemFlagsData, Opcode, Type, Value, ValueDef};
use wasmparser::Operator;

/// The IR type of a wasm v128.
pub const V128: Type = I8X16;

/// Chooses by instruction: `choice => lane type: instruction, …`, giving `Some((choice, lane type))`.
macro_rules! table {
    ($op:expr; $($choice:expr => $($lanes:ident: $name:ident),+;)+) => {
        match $op {
            $($(Operator::$name => Some(($choice, $lanes)),)+)+
            _ => None,
        }
    };
}
use table;

impl Translator<'_, '_> {
    /// SIMD and relaxed SIMD. False if the instruction is about something else.
    pub fn simd_operator(&mut self, op: &Operator<'_>) -> bool {
        self.vector_access(op) || self.lane_wise(op) || self.lane_operator(op) || self.relaxed_operator(op)
    }

    /// Pops a v128 as a vector of `ty`.
    fn pop_as(&mut self, ty: Type) -> Value {
        let value = self.pop();
        self.cast(ty, value)
    }

    /// Pops two v128 as vectors of `ty`.
    fn pop2_as(&mut self, ty: Type) -> (Value, Value) {
        let (x, y) = self.pop2();
        (self.cast(ty, x), self.cast(ty, y))
    }

    /// Pushes a vector of any type as a v128.
    fn push_vector(&mut self, value: Value) {
        let value = self.cast(V128, value);
        self.push(value);
    }

    /// The same 16 bytes as another vector type; takes a cast back rather than making two.
    fn cast(&mut self, ty: Type, value: Value) -> Value {
        let original = uncast(&self.b.func.dfg, value);
        if self.b.func.dfg.value_type(original) == ty {
            return original;
        }
        if self.fresh_loads.remove(&original) {
            // Nobody else has seen the value: let the load have the type, so that it can become a memory operand.
            return self.b.func.dfg.replace_result(original, ty);
        }
        let flags = MemFlagsData::new().with_endianness(Endianness::Little);
        self.b.ins().bitcast(ty, flags, original)
    }

    /// A vector of constant bytes, byte 0 lowest.
    pub fn vector_constant(&mut self, ty: Type, bytes: u128) -> Value {
        let constant = self.b.func.dfg.constants.insert(bytes.to_le_bytes().to_vec().into());
        self.b.ins().vconst(ty, constant)
    }

    /// Lanes all of the bits `lane`.
    fn splat_constant(&mut self, ty: Type, lane: u64) -> Value {
        let width = ty.lane_bits();
        let bytes = (0..ty.lane_count()).fold(0, |bytes, at| bytes | u128::from(lane) << (at * width));
        self.vector_constant(ty, bytes)
    }

    fn vector_unary(&mut self, opcode: Opcode, ty: Type, x: Value) -> Value {
        let (inst, dfg) = self.b.ins().Unary(opcode, ty, x);
        dfg.first_result(inst)
    }

    fn vector_binary(&mut self, opcode: Opcode, ty: Type, x: Value, y: Value) -> Value {
        let (inst, dfg) = self.b.ins().Binary(opcode, ty, x, y);
        dfg.first_result(inst)
    }

    /// An 8- or 16-bit lane from an i32 operand; others as they are.
    fn narrow_lane(&mut self, lanes: Type, value: Value) -> Value {
        let lane = lanes.lane_type();
        if lane.is_int() && lane.bits() < I32.bits() { self.b.ins().ireduce(lane, value) } else { value }
    }
}

/// What a value is a bitcast of.
fn uncast(dfg: &cranelift_codegen::ir::DataFlowGraph, value: Value) -> Value {
    if let ValueDef::Result(inst, _) = dfg.value_def(value)
        && let InstructionData::LoadNoOffset { opcode: Opcode::Bitcast, arg, .. } = dfg.insts[inst]
        && dfg.value_type(arg).is_vector()
    {
        return arg;
    }
    value
}
