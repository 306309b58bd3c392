//! Quicker ends of functions on x86-64.
//!
//! ```text
//! add  $16, %rsp            add  $16, %rsp
//! mov  %rbp, %rsp     →     pop  %rbp
//! pop  %rbp                 ret
//! ret                       int3, three times
//! ```
//!
//! Where a frame is left, Cranelift has already added its size to the stack pointer, which then is the frame pointer:
//! the move changes nothing. But it makes the stack pointer wait for the frame pointer, which the function called last
//! has just popped: with one such load per frame a row of calls takes half as long again. In front of a tail call it
//! becomes a `nopl (%rax)`: the jump has to stay where references to it say.
//!
//! Returns and tail calls are marked with debug tags, which come back as offsets where the frame's end begins. From such
//! an offset on, only what Cranelift makes there is decoded; anything else is left alone. Bytes are not searched: those
//! of a constant may look like anything.

use cranelift_codegen::CompiledCode;
use cranelift_codegen::ir::{DebugTag, Function, Inst};

/// `mov %rbp, %rsp`
const MOVE: [u8; 3] = [0x48, 0x89, 0xec];
/// `mov %rbp, %rsp; pop %rbp; ret`
const END: [u8; 5] = [0x48, 0x89, 0xec, 0x5d, 0xc3];
/// `pop %rbp; ret`, and what no jump goes to: nothing else is of use behind a return.
const SHORT_END: [u8; 5] = [0x5d, 0xc3, 0xcc, 0xcc, 0xcc];
/// `nopl (%rax)`
const NOTHING: [u8; 3] = [0x0f, 0x1f, 0x00];

/// Marks the instructions that leave the function; behind the last pass, since the verifier only knows tags on calls.
pub fn mark(func: &mut Function) {
    let ends: Vec<Inst> = (func.layout.blocks())
        .filter_map(|block| func.layout.last_inst(block))
        .filter(|&inst| func.dfg.insts[inst].opcode().is_return())
        .collect();
    for inst in ends {
        func.debug_tags.set(inst, [DebugTag::User(0)]);
    }
}

/// Removes the moves from the code of a function that has been marked.
pub fn shorten(code: &mut [u8], compiled: &CompiledCode) {
    for tag in compiled.buffer.debug_tags() {
        let Some(at) = find_move(code, tag.offset as usize) else { continue };
        if code[at..].starts_with(&END) {
            code[at..at + END.len()].copy_from_slice(&SHORT_END);
        } else {
            code[at..at + MOVE.len()].copy_from_slice(&NOTHING);
        }
    }
}

/// The same in a listing.
pub fn shorten_listing(text: &str) -> String {
    text.replace("  movq %rbp, %rsp\n  popq %rbp\n  retq\n", "  popq %rbp\n  retq\n")
        .replace("  movq %rbp, %rsp\n", "  nopl (%rax)\n")
}

/// The move behind loads of saved registers from the stack and the addition to its pointer.
fn find_move(code: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += match *code.get(at..)? {
            [0x48, 0x89, 0xec, 0x5d, ..] => return Some(at), // mov %rbp, %rsp; pop %rbp
            [0x48, 0x83, 0xc4, ..] => 4,                     // add $i8, %rsp
            [0x48, 0x81, 0xc4, ..] => 7,                     // add $i32, %rsp
            // mov (%rsp), %r64 without, with an 8-bit and with a 32-bit displacement
            [0x48 | 0x4c, 0x8b, register, 0x24, ..] if register & 0xc7 == 0x04 => 4,
            [0x48 | 0x4c, 0x8b, register, 0x24, ..] if register & 0xc7 == 0x44 => 5,
            [0x48 | 0x4c, 0x8b, register, 0x24, ..] if register & 0xc7 == 0x84 => 8,
            _ => return None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::find_move;

    #[test]
    fn the_move_is_found_behind_what_cranelift_puts_in_front_of_it() {
        let end = [0x48, 0x89, 0xec, 0x5d, 0xc3];
        let pieces: [&[u8]; 6] = [
            &[],
            &[0x48, 0x83, 0xc4, 0x10],
            &[0x48, 0x8b, 0x1c, 0x24, 0x48, 0x81, 0xc4, 0x89, 0xec, 0x5d, 0x00],
            &[0x4c, 0x8b, 0x64, 0x24, 0x48, 0x48, 0x83, 0xc4, 0x70],
            &[0x48, 0x8b, 0x9c, 0x24, 0x48, 0x89, 0xec, 0x5d],
            &[0x4c, 0x8b, 0xac, 0x24, 0x00, 0x48, 0x00, 0x00, 0x48, 0x81, 0xc4, 0x48, 0x89, 0xec, 0x5d],
        ];
        for piece in pieces {
            let code = [piece, &end].concat();
            assert_eq!(find_move(&code, 0), Some(piece.len()), "{piece:x?}");
        }
    }

    #[test]
    fn bytes_of_other_instructions_are_not_taken_for_it() {
        // A constant, a store of one, a register of another stack, an end.
        let others: [&[u8]; 5] = [
            &[0x48, 0xb8, 0, 0, 0, 0x48, 0x89, 0xec, 0x5d, 0xc3],
            &[0xc7, 0x87, 0, 0, 0, 0x48, 0x89, 0xec, 0x5d, 0xc3],
            &[0x48, 0x8b, 0x1c, 0x25, 0x48, 0x89, 0xec, 0x5d],
            &[0x0f, 0x0b],
            &[0x48, 0x89, 0xec],
        ];
        for code in others {
            assert_eq!(find_move(code, 0), None, "{code:x?}");
        }
        assert_eq!(find_move(&[], 3), None);
    }
}
