//! Constant expressions: initial values of globals and offsets of segments.

use crate::error::{Error, Result};
use wasmparser::Operator;

/// One operator of a constant expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are those of the specification")]
pub enum ConstOp {
    I32(i32),
    I64(i64),
    F32(u32),
    F64(u64),
    V128(u128),
    GlobalGet(u32),
    RefNull,
    RefFunc(u32),
    I32Add,
    I32Sub,
    I32Mul,
    I64Add,
    I64Sub,
    I64Mul,
}

/// A validated constant expression in postfix order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConstExpression(pub Vec<ConstOp>);

impl ConstExpression {
    /// Decodes what the validator has accepted.
    pub fn read(expression: &wasmparser::ConstExpr<'_>) -> Result<ConstExpression> {
        let mut ops = Vec::new();
        let mut reader = expression.get_operators_reader();
        loop {
            let (op, offset) = reader.read_with_offset()?;
            ops.push(match op {
                Operator::End => return Ok(ConstExpression(ops)),
                Operator::I32Const { value } => ConstOp::I32(value),
                Operator::I64Const { value } => ConstOp::I64(value),
                Operator::F32Const { value } => ConstOp::F32(value.bits()),
                Operator::F64Const { value } => ConstOp::F64(value.bits()),
                Operator::GlobalGet { global_index } => ConstOp::GlobalGet(global_index),
                Operator::RefNull { .. } => ConstOp::RefNull,
                Operator::RefFunc { function_index } => ConstOp::RefFunc(function_index),
                Operator::I32Add => ConstOp::I32Add,
                Operator::I32Sub => ConstOp::I32Sub,
                Operator::I32Mul => ConstOp::I32Mul,
                Operator::I64Add => ConstOp::I64Add,
                Operator::I64Sub => ConstOp::I64Sub,
                Operator::I64Mul => ConstOp::I64Mul,
                Operator::V128Const { value } => ConstOp::V128(value.into()),
                other => {
                    return Err(Error::unsupported(
                        offset as usize,
                        &format!("GC: {other:?} in a constant expression"),
                    ));
                }
            });
        }
    }

    /// The bits of the value, if it needs nothing from the instance.
    pub fn bits(&self) -> Option<u128> {
        match self.0[..] {
            [ConstOp::V128(bits)] => Some(bits),
            _ => self.constant().map(u128::from),
        }
    }

    /// The value, if it is a number that needs nothing from the instance: integers zero-extended, floats as bits.
    pub fn constant(&self) -> Option<u64> {
        let mut stack: Vec<u64> = Vec::new();
        for op in &self.0 {
            let value = match *op {
                ConstOp::I32(v) => v as u32 as u64,
                ConstOp::I64(v) => v as u64,
                ConstOp::F32(v) => v.into(),
                ConstOp::F64(v) => v,
                ConstOp::RefNull => 0,
                ConstOp::GlobalGet(_) | ConstOp::RefFunc(_) | ConstOp::V128(_) => return None,
                _ => {
                    let (b, a) = (stack.pop()?, stack.pop()?);
                    binary(*op, a, b)
                }
            };
            stack.push(value);
        }
        stack.pop()
    }
}

fn binary(op: ConstOp, a: u64, b: u64) -> u64 {
    let narrow = |v: u32| u64::from(v);
    match op {
        ConstOp::I32Add => narrow((a as u32).wrapping_add(b as u32)),
        ConstOp::I32Sub => narrow((a as u32).wrapping_sub(b as u32)),
        ConstOp::I32Mul => narrow((a as u32).wrapping_mul(b as u32)),
        ConstOp::I64Add => a.wrapping_add(b),
        ConstOp::I64Sub => a.wrapping_sub(b),
        _ => a.wrapping_mul(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extended_constants_wrap() {
        let e = |ops: &[ConstOp]| ConstExpression(ops.to_vec()).constant();
        assert_eq!(e(&[ConstOp::I32(-1), ConstOp::I32(3), ConstOp::I32Mul]), Some(0xffff_fffd));
        assert_eq!(e(&[ConstOp::I32(1), ConstOp::I32(2), ConstOp::I32Sub]), Some(0xffff_ffff));
        assert_eq!(e(&[ConstOp::I64(1), ConstOp::I64(2), ConstOp::I64Sub]), Some(u64::MAX));
        assert_eq!(e(&[ConstOp::GlobalGet(0)]), None);
    }
}
