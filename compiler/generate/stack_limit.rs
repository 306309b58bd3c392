//! On boards nothing lies below the stack that would stop an overflow, so functions compare with the instance's limit, and
//! they do so before their prologue touches the stack: an interrupt or the trap itself finds a good stack pointer.
//!
//! ```text
//!     ldur x17, [x21, #-PAL_CONTEXT_STACK_LIMIT]
//!     sub  x16, sp, #frame
//!     cmp  x16, x17
//!     b.lt trap                 at the function's end
//! ```
//!
//! x16 and x17 are nobody's between a call and its callee. The comparison is signed, since a frame larger than the
//! stack's address would wrap around 0. What is below the limit (`STACK_RESERVE` in rt/board/port.c) is left to C, to
//! interrupts, and to small functions that call nothing.

use super::code::{Code, Site, tail_arguments};
use crate::context::CONTEXT_STACK_LIMIT;
use crate::error::{Error, Result};
use crate::translate::trap;
use cranelift_codegen::ir::Function;

/// Functions that call nothing need no check up to here.
const SMALL: u32 = 1024;

/// What the prologue pushes above the frame: frame pointer, return address, all registers that callees save.
const SAVED: u32 = 16 + 10 * 8 + 8 * 16;

/// Bytes of the check: constants behind the code stay aligned.
const CHECK: u32 = 16;

/// How far a conditional branch reaches.
const REACH: usize = 1 << 20;

const NOP: u32 = 0xd503_201f;
const LOAD_LIMIT: u32 = 0xf840_02b1 | ((-(CONTEXT_STACK_LIMIT as i32) as u32) & 0x1ff) << 12;
const COMPARE: u32 = 0xeb11_021f;
/// Two instructions on if greater or equal.
const SKIP: u32 = 0x5400_004a;

/// Landing pads: what an indirect branch must find first, and what signs the return address.
const MARKS: [u32; 3] = [0xd503_245f, 0xd503_233f, 0xd503_237f]; // bti c, paciasp, pacibsp

/// Puts the check in front of a function that needs one, behind its landing pad if it has one; `wasm`: the offset of its body in the wasm file, or nothing for
/// a thunk, which asks by itself whether there is room for C before it calls it.
pub fn check(mut code: Code, func: &Function, wasm: Option<u32>) -> Result<Code> {
    let frame = SAVED + code.frame.size + tail_arguments(func).unwrap_or(0);
    let calls = wasm.is_some() && code.returns().next().is_some();
    if !calls && frame <= SMALL {
        return Ok(code);
    }
    let wasm = wasm.unwrap_or(0);
    let first = code.bytes.first_chunk().map(|word| u32::from_le_bytes(*word));
    let mark = if first.is_some_and(|word| MARKS.contains(&word)) { 4 } else { 0 };
    let mut front = vec![LOAD_LIMIT, subtract(frame)?, COMPARE];
    let kind = trap::site_kind(trap::STACK_OVERFLOW);
    if code.bytes.len() + 64 < REACH {
        code.bytes.resize(code.bytes.len().next_multiple_of(4), 0);
        let distance = (code.bytes.len() as u32 + 4 - mark) / 4; // from the branch, which is the check's last instruction
        front.push(0x5400_000b | distance << 5);
        shift(&mut code, CHECK);
        let offset = code.bytes.len() as u32 + CHECK;
        code.bytes.extend_from_slice(&[0; 4]); // udf
        code.sites.push(Site { offset, wasm, kind });
    } else {
        front.extend([SKIP, 0, NOP, NOP, NOP]);
        shift(&mut code, 2 * CHECK);
        code.sites.insert(0, Site { offset: 16 + mark, wasm, kind });
    }
    let mark = mark as usize;
    code.bytes.splice(mark..mark, front.into_iter().flat_map(u32::to_le_bytes));
    Ok(code)
}

/// `sub x16, sp, #frame`, or a little more: 12 bits, or 12 bits of pages.
fn subtract(frame: u32) -> Result<u32> {
    let (bits, shifted) = if frame < 1 << 12 { (frame, 0) } else { (frame.div_ceil(1 << 12), 1 << 22) };
    if bits >= 1 << 12 {
        return Err(Error::new("the function's variables take more stack than boards have"));
    }
    Ok(0xd100_03f0 | shifted | bits << 10)
}

/// All that is known by offsets of the code, `by` bytes on.
fn shift(code: &mut Code, by: u32) {
    code.relocations.iter_mut().for_each(|r| r.offset += by);
    code.sites.iter_mut().for_each(|s| s.offset += by);
    for site in &mut code.handler_sites {
        site.offset += by;
        site.landing += by;
    }
    if let Some((at, _)) = &mut code.saved_pinned {
        *at += by;
    }
}

#[cfg(test)]
mod tests {
    use super::{COMPARE, LOAD_LIMIT, subtract};

    #[test]
    fn instructions_are_what_they_should_be() {
        assert_eq!(LOAD_LIMIT, 0xf85f_02b1, "ldur x17, [x21, #-16]");
        assert_eq!(COMPARE, 0xeb11_021f, "cmp x16, x17");
        assert_eq!(subtract(224).expect("small"), 0xd103_83f0, "sub x16, sp, #224");
        assert_eq!(subtract(5000).expect("two pages"), 0xd140_0bf0, "sub x16, sp, #2, lsl #12");
        assert!(subtract(1 << 24).is_err());
    }
}
