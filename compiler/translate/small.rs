//! Copies and fills of up to 128 bytes inside memory 0, done in the thunks in front of the runtime's functions without
//! calling C: compilers turn structures and short strings of unknown size into `memory.copy` and `memory.fill`.
//!
//! A size from one power of two to the next is covered by two chunks of the smaller one that may overlap: the first
//! bytes and the last. All loads of a copy come before its first store, so what overlaps is copied right. The bounds are
//! checked before; pages may still be protected, so each access can trap.

use super::function::Translator;
use super::trap;
use crate::plan::ANY_MEMORY;
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::types::{I8, I8X16, I16, I32, I64};
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Type, Value};

/// Larger ones are the runtime's.
const LARGEST: i64 = 128;

/// What a chunk is made of; words where vectors need a newer CPU.
const PIECES: [(i64, Type); 7] = [(64, I8X16), (32, I8X16), (16, I8X16), (8, I64), (4, I32), (2, I16), (1, I8)];
/// The first ones have at least so many bytes.
const LONG: i64 = 16;

fn flags() -> MemFlagsData {
    MemFlagsData::new().with_trap_code(Some(trap::MEMORY_OUT_OF_BOUNDS))
}

/// Does a small `memory.copy`, whose parameters these are; goes on where it is not small, with what it then is.
pub fn copy(t: &mut Translator<'_, '_>, params: &mut [Value]) {
    let &mut [ref mut to_memory, to, ref mut from_memory, from, size] = params else { return };
    let other = if is_alone(t) {
        (*to_memory, *from_memory) = (t.iconst32(0), t.iconst32(0));
        None
    } else {
        Some(t.b.ins().bor(*to_memory, *from_memory))
    };
    if !is_plain(t) {
        return;
    }
    let highest = t.b.ins().umax(to, from);
    when_small(t, other, highest, size, |t, chunk| {
        let base = t.memory_base(0);
        let (to, from) = (t.b.ins().iadd(base, to), t.b.ins().iadd(base, from));
        let last = t.b.ins().iadd_imm_s(size, -chunk.bytes);
        let (to_last, from_last) = (t.b.ins().iadd(to, last), t.b.ins().iadd(from, last));
        let mut loaded = Vec::new();
        for from in [from, from_last] {
            loaded.extend(chunk.offsets().map(|at| t.b.ins().load(chunk.piece, flags(), from, at)));
        }
        let mut loaded = loaded.into_iter();
        for to in [to, to_last] {
            for (at, value) in chunk.offsets().zip(&mut loaded) {
                t.b.ins().store(flags(), value, to, at);
            }
        }
    });
}

/// The same for a `memory.fill`.
pub fn fill(t: &mut Translator<'_, '_>, params: &mut [Value]) {
    let &mut [ref mut memory, to, value, size] = params else { return };
    let other = if is_alone(t) {
        *memory = t.iconst32(0);
        None
    } else {
        Some(*memory)
    };
    if !is_plain(t) {
        return;
    }
    when_small(t, other, to, size, |t, chunk| {
        let value = spread(t, value, chunk.piece);
        let base = t.memory_base(0);
        let to = t.b.ins().iadd(base, to);
        let last = t.b.ins().iadd_imm_s(size, -chunk.bytes);
        let to_last = t.b.ins().iadd(to, last);
        for to in [to, to_last] {
            for at in chunk.offsets() {
                t.b.ins().store(flags(), value, to, at);
            }
        }
    });
}

/// There is only memory 0, and nobody says as the code runs which one is meant.
fn is_alone(t: &Translator<'_, '_>) -> bool {
    let plan = t.env.plan;
    plan.memories.len() == 1 && plan.builtins.values().all(|builtin| builtin.memory != ANY_MEMORY)
}

/// Addresses are 32-bit, and nothing but bounds and the MMU is to be asked, whatever a CPU guesses of them.
fn is_plain(t: &Translator<'_, '_>) -> bool {
    !t.env.harden.spectre && t.env.plan.memories.first().is_some_and(|m| !m.index64 && !m.exact && !m.bindable)
}

/// The bytes at one end, in pieces of one type.
#[derive(Clone, Copy)]
struct Chunk {
    bytes: i64,
    piece: Type,
}

impl Chunk {
    /// Of its pieces.
    fn offsets(self) -> impl Iterator<Item = i32> {
        (0..self.bytes as i32).step_by(self.piece.bytes() as usize)
    }
}

/// Emits `work` once for each size of chunk, to be done if memory `other` is 0 (if there are others), the size at most
/// [`LARGEST`] and [`highest`, `highest` + `size`) inside memory 0.
fn when_small(
    t: &mut Translator<'_, '_>,
    other: Option<Value>,
    highest: Value,
    size: Value,
    work: impl Fn(&mut Translator<'_, '_>, Chunk),
) {
    let general = t.b.create_block();
    let unless = |t: &mut Translator<'_, '_>, no: Value| {
        let next = t.b.create_block();
        t.b.ins().brif(no, general, &[], next, &[]);
        t.switch_to(next);
    };
    if let Some(other) = other {
        unless(t, other);
    }
    // 0 is large, too. Addresses and sizes are below 2³², so the sum doesn't wrap.
    let less = t.b.ins().iadd_imm_s(size, -1);
    let large = t.b.ins().icmp_imm_u(IntCC::UnsignedGreaterThan, less, LARGEST - 1);
    unless(t, large);
    let end = t.b.ins().iadd(highest, size);
    let length = t.memory_length(0);
    let outside = t.b.ins().icmp(IntCC::UnsignedGreaterThan, end, length);
    unless(t, outside);
    let (long, short) = (t.b.create_block(), t.b.create_block());
    let is_long = t.b.ins().icmp_imm_u(IntCC::UnsignedGreaterThanOrEqual, size, LONG);
    t.b.ins().brif(is_long, long, &[], short, &[]);
    for (block, long) in [(long, true), (short, false)] {
        t.switch_to(block);
        let mut chunks = PIECES.iter().filter(|(bytes, _)| (*bytes >= LONG) == long).peekable();
        while let Some(&(bytes, piece)) = chunks.next() {
            let piece = if t.env.is_riscv64 && piece.is_vector() { I64 } else { piece };
            // The last one is what is left.
            if chunks.peek().is_some() {
                let (fits, next) = (t.b.create_block(), t.b.create_block());
                let enough = t.b.ins().icmp_imm_u(IntCC::UnsignedGreaterThanOrEqual, size, bytes);
                t.b.ins().brif(enough, fits, &[], next, &[]);
                t.switch_to(fits);
                work(t, Chunk { bytes, piece });
                t.b.ins().return_(&[]);
                t.switch_to(next);
            } else {
                work(t, Chunk { bytes, piece });
                t.b.ins().return_(&[]);
            }
        }
    }
    t.switch_to(general);
}

/// The lowest byte of an i32, everywhere in a `piece`.
fn spread(t: &mut Translator<'_, '_>, value: Value, piece: Type) -> Value {
    let byte = t.b.ins().ireduce(I8, value);
    if piece == I8 {
        return byte;
    }
    if piece.is_vector() {
        return t.b.ins().splat(piece, byte);
    }
    let wide = t.b.ins().uextend(I64, byte);
    let all = t.b.ins().imul_imm_s(wide, 0x0101_0101_0101_0101);
    if piece == I64 { all } else { t.b.ins().ireduce(piece, all) }
}
