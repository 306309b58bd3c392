//! One arm per wasm instruction.

use super::call::Tail;
use super::function::Translator;
use super::helper::Helper;
use crate::error::{Error, Result};
use crate::read::check_type;
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::immediates::{Ieee32, Ieee64};
use cranelift_codegen::ir::types::{F32, F64, I8, I16, I32, I64};
use cranelift_codegen::ir::{InstBuilder, Opcode};
use wasmparser::{HeapType, Operator, RefType, ValType};

impl Translator<'_, '_> {
    /// Translates one validated instruction.
    pub fn operator(&mut self, op: &Operator<'_>, offset: usize) -> Result<()> {
        self.check_writes(op, offset)?;
        if !self.reachable {
            self.dead_operator(op);
            return Ok(());
        }
        if self.control_operator(op)?
            || self.reference_operator(op, offset)?
            || self.memory_operator(op)
            || self.number_operator(op)
            || self.simd_operator(op)
            || self.atomic_operator(op)
        {
            return Ok(());
        }
        Err(unsupported(op, offset))
    }

    /// Unreachable code: only the nesting counts.
    fn dead_operator(&mut self, op: &Operator<'_>) {
        match op {
            Operator::Loop { .. } => {
                self.hoistable.pop();
                self.dead_block();
            }
            Operator::Block { .. } | Operator::If { .. } | Operator::TryTable { .. } | Operator::Try { .. } => {
                self.dead_block()
            }
            Operator::Else => self.else_(),
            Operator::Catch { tag_index } => self.legacy_catch(Some(*tag_index)),
            Operator::CatchAll => self.legacy_catch(None),
            Operator::End => self.end(),
            Operator::Delegate { relative_depth } => self.delegate(*relative_depth),
            _ => {}
        }
    }

    /// Control, calls, variables. False if the instruction is none of them.
    fn control_operator(&mut self, op: &Operator<'_>) -> Result<bool> {
        match *op {
            Operator::Nop => {}
            Operator::Unreachable => self.unreachable(),
            Operator::Block { blockty } => self.block(blockty),
            Operator::Loop { blockty } => self.loop_(blockty),
            Operator::If { blockty } => self.if_(blockty),
            Operator::Else => self.else_(),
            Operator::End => self.end(),
            Operator::Br { relative_depth } => self.br(relative_depth),
            Operator::BrIf { relative_depth } => self.br_if(relative_depth),
            Operator::BrTable { ref targets } => self.br_table(targets)?,
            Operator::Return => self.return_(),
            Operator::Call { function_index } => self.call(function_index)?,
            Operator::CallIndirect { type_index, table_index } => {
                self.call_indirect(type_index, table_index, Tail::No);
            }
            Operator::CallRef { type_index } => self.call_ref(type_index, Tail::No),
            Operator::ReturnCall { function_index } => self.return_call(function_index),
            Operator::ReturnCallIndirect { type_index, table_index } => {
                self.call_indirect(type_index, table_index, Tail::Yes);
            }
            Operator::ReturnCallRef { type_index } => self.call_ref(type_index, Tail::Yes),
            Operator::TryTable { ref try_table } => self.try_table(try_table),
            Operator::Throw { tag_index } => self.throw(tag_index),
            Operator::ThrowRef => self.throw_ref(),
            Operator::Try { blockty } => self.legacy_try(blockty),
            Operator::Catch { tag_index } => self.legacy_catch(Some(tag_index)),
            Operator::CatchAll => self.legacy_catch(None),
            Operator::Rethrow { relative_depth } => self.rethrow(relative_depth),
            Operator::Delegate { relative_depth } => self.delegate(relative_depth),
            Operator::Drop => {
                self.pop();
            }
            Operator::Select | Operator::TypedSelect { .. } => self.select(),
            Operator::LocalGet { local_index } => self.local_get(local_index),
            Operator::LocalSet { local_index } => self.local_set(local_index),
            Operator::LocalTee { local_index } => self.local_tee(local_index),
            Operator::GlobalGet { global_index } => self.global_get(global_index),
            Operator::GlobalSet { global_index } => self.global_set(global_index),
            Operator::TableGet { table } => self.table_get(table),
            Operator::TableSet { table } => self.table_set(table),
            Operator::TableSize { table } => self.table_size(table),
            Operator::TableGrow { table } => self.table_grow(table),
            Operator::TableFill { table } => self.table_fill(table),
            Operator::TableCopy { dst_table, src_table } => self.table_copy(dst_table, src_table),
            Operator::TableInit { elem_index, table } => self.table_init(table, elem_index),
            Operator::ElemDrop { elem_index } => self.drop_segment(Helper::ElemDrop, elem_index),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// References. False if the instruction is about something else.
    fn reference_operator(&mut self, op: &Operator<'_>, offset: usize) -> Result<bool> {
        match *op {
            Operator::RefNull { hty } => {
                reference_type(offset, true, hty)?;
                self.ref_null();
            }
            Operator::RefIsNull => self.ref_is_null(),
            Operator::RefFunc { function_index } => self.ref_func(function_index),
            Operator::RefAsNonNull => self.ref_as_non_null(),
            Operator::BrOnNull { relative_depth } => self.br_on_null(relative_depth),
            Operator::BrOnNonNull { relative_depth } => self.br_on_non_null(relative_depth),
            Operator::RefTestNonNull { hty } => self.ref_test(reference_type(offset, false, hty)?),
            Operator::RefTestNullable { hty } => self.ref_test(reference_type(offset, true, hty)?),
            Operator::RefCastNonNull { hty } => self.ref_cast(reference_type(offset, false, hty)?),
            Operator::RefCastNullable { hty } => self.ref_cast(reference_type(offset, true, hty)?),
            Operator::BrOnCast { relative_depth, to_ref_type, .. } => {
                check_type(offset, ValType::Ref(to_ref_type))?;
                self.br_on_cast(relative_depth, to_ref_type, true);
            }
            Operator::BrOnCastFail { relative_depth, to_ref_type, .. } => {
                check_type(offset, ValType::Ref(to_ref_type))?;
                self.br_on_cast(relative_depth, to_ref_type, false);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Linear memory. False if the instruction is about something else.
    fn memory_operator(&mut self, op: &Operator<'_>) -> bool {
        match *op {
            Operator::I32Load { ref memarg } => self.load_i32(memarg),
            Operator::I64Load { ref memarg } => self.load(memarg, Opcode::Load, I64, 8),
            Operator::F32Load { ref memarg } => self.load(memarg, Opcode::Load, F32, 4),
            Operator::F64Load { ref memarg } => self.load(memarg, Opcode::Load, F64, 8),
            Operator::I32Load8S { ref memarg } => self.load(memarg, Opcode::Sload8, I32, 1),
            Operator::I32Load8U { ref memarg } => self.load(memarg, Opcode::Uload8, I32, 1),
            Operator::I32Load16S { ref memarg } => self.load(memarg, Opcode::Sload16, I32, 2),
            Operator::I32Load16U { ref memarg } => self.load(memarg, Opcode::Uload16, I32, 2),
            Operator::I64Load8S { ref memarg } => self.load(memarg, Opcode::Sload8, I64, 1),
            Operator::I64Load8U { ref memarg } => self.load(memarg, Opcode::Uload8, I64, 1),
            Operator::I64Load16S { ref memarg } => self.load(memarg, Opcode::Sload16, I64, 2),
            Operator::I64Load16U { ref memarg } => self.load(memarg, Opcode::Uload16, I64, 2),
            Operator::I64Load32S { ref memarg } => self.load(memarg, Opcode::Sload32, I64, 4),
            Operator::I64Load32U { ref memarg } => self.load(memarg, Opcode::Uload32, I64, 4),
            Operator::I32Store { ref memarg } | Operator::F32Store { ref memarg } => {
                self.store(memarg, Opcode::Store, 4);
            }
            Operator::I64Store { ref memarg } | Operator::F64Store { ref memarg } => {
                self.store(memarg, Opcode::Store, 8);
            }
            Operator::I32Store8 { ref memarg } | Operator::I64Store8 { ref memarg } => {
                self.store(memarg, Opcode::Istore8, 1);
            }
            Operator::I32Store16 { ref memarg } | Operator::I64Store16 { ref memarg } => {
                self.store(memarg, Opcode::Istore16, 2);
            }
            Operator::I64Store32 { ref memarg } => self.store(memarg, Opcode::Istore32, 4),
            Operator::MemorySize { mem } => self.memory_size(mem),
            Operator::MemoryGrow { mem } => self.memory_grow(mem),
            Operator::MemoryFill { mem } => self.memory_fill(mem),
            Operator::MemoryDiscard { mem } => self.memory_discard(mem),
            Operator::MemoryCopy { dst_mem, src_mem } => self.memory_copy(dst_mem, src_mem),
            Operator::MemoryInit { data_index, mem } => self.memory_init(mem, data_index),
            Operator::DataDrop { data_index } => self.data_drop(data_index),
            _ => return false,
        }
        true
    }

    /// Numbers. False if the instruction is about something else.
    fn number_operator(&mut self, op: &Operator<'_>) -> bool {
        match *op {
            Operator::I32Const { value } => {
                let value = self.b.ins().iconst(I32, i64::from(value as u32));
                self.push(value);
            }
            Operator::I64Const { value } => {
                let value = self.b.ins().iconst(I64, value);
                self.push(value);
            }
            Operator::F32Const { value } => {
                let value = self.b.ins().f32const(Ieee32::with_bits(value.bits()));
                self.push(value);
            }
            Operator::F64Const { value } => {
                let value = self.b.ins().f64const(Ieee64::with_bits(value.bits()));
                self.push(value);
            }
            _ => return self.comparison(op) || self.arithmetic(op) || self.conversion(op),
        }
        true
    }

    fn comparison(&mut self, op: &Operator<'_>) -> bool {
        match op {
            Operator::I32Eqz | Operator::I64Eqz => self.eqz(),
            Operator::I32Eq | Operator::I64Eq => self.icmp(IntCC::Equal),
            Operator::I32Ne | Operator::I64Ne => self.icmp(IntCC::NotEqual),
            Operator::I32LtS | Operator::I64LtS => self.icmp(IntCC::SignedLessThan),
            Operator::I32LtU | Operator::I64LtU => self.icmp(IntCC::UnsignedLessThan),
            Operator::I32GtS | Operator::I64GtS => self.icmp(IntCC::SignedGreaterThan),
            Operator::I32GtU | Operator::I64GtU => self.icmp(IntCC::UnsignedGreaterThan),
            Operator::I32LeS | Operator::I64LeS => self.icmp(IntCC::SignedLessThanOrEqual),
            Operator::I32LeU | Operator::I64LeU => self.icmp(IntCC::UnsignedLessThanOrEqual),
            Operator::I32GeS | Operator::I64GeS => self.icmp(IntCC::SignedGreaterThanOrEqual),
            Operator::I32GeU | Operator::I64GeU => self.icmp(IntCC::UnsignedGreaterThanOrEqual),
            Operator::F32Eq | Operator::F64Eq => self.fcmp(FloatCC::Equal),
            Operator::F32Ne | Operator::F64Ne => self.fcmp(FloatCC::NotEqual),
            Operator::F32Lt | Operator::F64Lt => self.fcmp(FloatCC::LessThan),
            Operator::F32Gt | Operator::F64Gt => self.fcmp(FloatCC::GreaterThan),
            Operator::F32Le | Operator::F64Le => self.fcmp(FloatCC::LessThanOrEqual),
            Operator::F32Ge | Operator::F64Ge => self.fcmp(FloatCC::GreaterThanOrEqual),
            _ => return false,
        }
        true
    }

    fn arithmetic(&mut self, op: &Operator<'_>) -> bool {
        match op {
            Operator::I32Clz | Operator::I64Clz => self.unary(Opcode::Clz),
            Operator::I32Ctz | Operator::I64Ctz => self.unary(Opcode::Ctz),
            Operator::I32Popcnt | Operator::I64Popcnt => self.unary(Opcode::Popcnt),
            Operator::I32Add | Operator::I64Add => self.binary(Opcode::Iadd),
            Operator::I32Sub | Operator::I64Sub => self.binary(Opcode::Isub),
            Operator::I32Mul | Operator::I64Mul => self.binary(Opcode::Imul),
            Operator::I32DivS | Operator::I64DivS => self.binary(Opcode::Sdiv),
            Operator::I32DivU | Operator::I64DivU => self.binary(Opcode::Udiv),
            Operator::I32RemS | Operator::I64RemS => self.binary(Opcode::Srem),
            Operator::I32RemU | Operator::I64RemU => self.binary(Opcode::Urem),
            Operator::I32And | Operator::I64And => self.binary(Opcode::Band),
            Operator::I32Or | Operator::I64Or => self.binary(Opcode::Bor),
            Operator::I32Xor | Operator::I64Xor => self.binary(Opcode::Bxor),
            Operator::I32Shl | Operator::I64Shl => self.binary(Opcode::Ishl),
            Operator::I32ShrS | Operator::I64ShrS => self.binary(Opcode::Sshr),
            Operator::I32ShrU | Operator::I64ShrU => self.binary(Opcode::Ushr),
            Operator::I32Rotl | Operator::I64Rotl => self.binary(Opcode::Rotl),
            Operator::I32Rotr | Operator::I64Rotr => self.binary(Opcode::Rotr),
            Operator::F32Abs | Operator::F64Abs => self.unary(Opcode::Fabs),
            Operator::F32Neg | Operator::F64Neg => self.unary(Opcode::Fneg),
            Operator::F32Ceil | Operator::F64Ceil => self.round(Opcode::Ceil),
            Operator::F32Floor | Operator::F64Floor => self.round(Opcode::Floor),
            Operator::F32Trunc | Operator::F64Trunc => self.round(Opcode::Trunc),
            Operator::F32Nearest | Operator::F64Nearest => self.round(Opcode::Nearest),
            Operator::F32Sqrt | Operator::F64Sqrt => self.unary(Opcode::Sqrt),
            Operator::F32Add | Operator::F64Add => self.binary(Opcode::Fadd),
            Operator::F32Sub | Operator::F64Sub => self.binary(Opcode::Fsub),
            Operator::F32Mul | Operator::F64Mul => self.binary(Opcode::Fmul),
            Operator::F32Div | Operator::F64Div => self.binary(Opcode::Fdiv),
            Operator::F32Min | Operator::F64Min => self.binary(Opcode::Fmin),
            Operator::F32Max | Operator::F64Max => self.binary(Opcode::Fmax),
            Operator::F32Copysign | Operator::F64Copysign => self.binary(Opcode::Fcopysign),
            Operator::I64Add128 => self.wide_binary(Opcode::Iadd),
            Operator::I64Sub128 => self.wide_binary(Opcode::Isub),
            Operator::I64MulWideS => self.wide_multiply(true),
            Operator::I64MulWideU => self.wide_multiply(false),
            _ => return false,
        }
        true
    }

    fn conversion(&mut self, op: &Operator<'_>) -> bool {
        match op {
            Operator::I32WrapI64 => self.convert(Opcode::Ireduce, I32),
            Operator::I64ExtendI32S => self.convert(Opcode::Sextend, I64),
            Operator::I64ExtendI32U => self.convert(Opcode::Uextend, I64),
            Operator::I32Extend8S | Operator::I64Extend8S => self.sign_extend(I8),
            Operator::I32Extend16S | Operator::I64Extend16S => self.sign_extend(I16),
            Operator::I64Extend32S => self.sign_extend(I32),
            Operator::I32TruncF32S | Operator::I32TruncF64S => self.convert(Opcode::FcvtToSint, I32),
            Operator::I32TruncF32U | Operator::I32TruncF64U => self.convert(Opcode::FcvtToUint, I32),
            Operator::I64TruncF32S | Operator::I64TruncF64S => self.convert(Opcode::FcvtToSint, I64),
            Operator::I64TruncF32U | Operator::I64TruncF64U => self.convert(Opcode::FcvtToUint, I64),
            Operator::I32TruncSatF32S | Operator::I32TruncSatF64S => self.convert(Opcode::FcvtToSintSat, I32),
            Operator::I32TruncSatF32U | Operator::I32TruncSatF64U => self.convert(Opcode::FcvtToUintSat, I32),
            Operator::I64TruncSatF32S | Operator::I64TruncSatF64S => self.convert(Opcode::FcvtToSintSat, I64),
            Operator::I64TruncSatF32U | Operator::I64TruncSatF64U => self.convert(Opcode::FcvtToUintSat, I64),
            Operator::F32ConvertI32S | Operator::F32ConvertI64S => self.convert(Opcode::FcvtFromSint, F32),
            Operator::F32ConvertI32U | Operator::F32ConvertI64U => self.convert(Opcode::FcvtFromUint, F32),
            Operator::F64ConvertI32S | Operator::F64ConvertI64S => self.convert(Opcode::FcvtFromSint, F64),
            Operator::F64ConvertI32U | Operator::F64ConvertI64U => self.convert(Opcode::FcvtFromUint, F64),
            Operator::F32DemoteF64 => self.convert(Opcode::Fdemote, F32),
            Operator::F64PromoteF32 => self.convert(Opcode::Fpromote, F64),
            Operator::I32ReinterpretF32 => self.reinterpret(I32),
            Operator::I64ReinterpretF64 => self.reinterpret(I64),
            Operator::F32ReinterpretI32 => self.reinterpret(F32),
            Operator::F64ReinterpretI64 => self.reinterpret(F64),
            _ => return false,
        }
        true
    }
}

/// The type of an instruction about references, if it is compiled.
fn reference_type(offset: usize, nullable: bool, ty: HeapType) -> Result<RefType> {
    let ty = RefType::new(nullable, ty).ok_or_else(|| Error::at(offset, "the type index is too large"))?;
    check_type(offset, ValType::Ref(ty))?;
    Ok(ty)
}

/// Names the proposal that an instruction belongs to.
fn unsupported(op: &Operator<'_>, offset: usize) -> Error {
    macro_rules! proposal {
        ($( @$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {
            match op {
                $( Operator::$op $({ $($arg: _),* })? => stringify!($proposal), )*
                _ => "this",
            }
        };
    }
    let proposal = wasmparser::for_each_operator!(proposal);
    let text = format!("{op:?}");
    let name = text.split([' ', '(']).next().unwrap_or_default();
    Error::unsupported(offset, &format!("{} (instruction {name})", proposal.replace('_', "-")))
}
