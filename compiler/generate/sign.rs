//! Signed return addresses on aarch64 (`--harden=return`), so that the platform's unwinders can check them.
//!
//! ```text
//! paciaz                          paciasp
//! stp  x29, x30, [sp, #-16]!      stp  x29, x30, [sp, #-16]!
//! …                          →    …
//! ldp  x29, x30, [sp], #16        ldp  x29, x30, [sp], #16
//! autiaz                          autiasp
//! ret                             ret
//! ```
//!
//! In functions of the wasm convention Cranelift signs with zero, because arguments on the stack let a function end
//! with another stack pointer than it began with. But unwinders check a signature with the stack pointer the function
//! began with, C++ exceptions would end the process; any signed address would do as well as the right one; and only
//! `paciasp` is a mark that indirect calls may go to. So functions without such arguments, nearly all, sign with the
//! stack pointer; the others don't sign.
//!
//! Ends are found as in `epilogue`: from a tag on, only what Cranelift puts there is read.

use crate::error::{Error, Result};
use cranelift_codegen::CompiledCode;
use cranelift_codegen::isa::unwind::UnwindInst;

const PACIAZ: u32 = 0xd503_231f;
const PACIASP: u32 = 0xd503_233f;
const AUTIAZ: u32 = 0xd503_239f;
const AUTIASP: u32 = 0xd503_23bf;
/// A mark that indirect calls may go to; nothing on CPUs that don't look.
const BTI_C: u32 = 0xd503_245f;
const NOP: u32 = 0xd503_201f;
/// `ldp x29, x30, [sp], #16`
const LEAVE: u32 = 0xa8c1_7bfd;

/// Changes the code of a function whose ends have been marked, and what its unwind information is made of.
/// `stack_arguments`: it has some, or calls what has some in its place.
pub fn sign(code: &mut [u8], compiled: &mut CompiledCode, stack_arguments: bool) -> Result<()> {
    if word(code, 0) != Some(PACIAZ) {
        return Ok(()); // of C's convention
    }
    let mut ends = Vec::new();
    for tag in compiled.buffer.debug_tags() {
        let end = find_end(code, tag.offset as usize);
        ends.push(
            end.ok_or_else(|| Error::new("code generation failed: a function ends with no check of its return"))?,
        );
    }
    let signs = !stack_arguments && ends.iter().all(|&end| word(code, end - 4) == Some(LEAVE));
    let (begin, end) = if signs { (PACIASP, AUTIASP) } else { (BTI_C, NOP) };
    put(code, 0, begin);
    ends.iter().for_each(|&at| put(code, at, end));
    if !signs {
        let is_sign = |inst: &UnwindInst| matches!(inst, UnwindInst::Aarch64SetPointerAuth { .. });
        compiled.buffer.unwind_info.retain(|(_, inst)| !is_sign(inst));
    }
    Ok(())
}

/// The `autiaz` behind what leaves the frame: there is nothing but instructions up to the function's end.
fn find_end(code: &[u8], tag: usize) -> Option<usize> {
    (tag..code.len()).step_by(4).find(|&at| word(code, at) == Some(AUTIAZ)).filter(|&at| at >= 4)
}

fn word(code: &[u8], at: usize) -> Option<u32> {
    code.get(at..at + 4).map(|bytes| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

fn put(code: &mut [u8], at: usize, word: u32) {
    code[at..at + 4].copy_from_slice(&word.to_le_bytes());
}
