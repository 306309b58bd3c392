//! Where interruptible code polls whether it is to end (`--enable-interruptible`): at the head of each loop, since all
//! ways back lead there; at the entry of functions that call others, since calls can go on for ever without a loop (tail
//! calls), or as good as (each function calling the next one twice, a hundred deep); and in front of instructions whose
//! work is as large as the guest says.
//!
//! The word lies in the context. Its address is made from a fresh copy of the pinned register each time: Cranelift and
//! our own passes take such a copy for a value that nobody knows, so no load of the word is ever taken for another one,
//! and none leaves its loop. Where there is no such register the load is an atomic one, which means the same.

use super::base::{Region, offset_below};
use super::function::Translator;
use super::instance::Travel;
use super::trap;
use cranelift_codegen::ir::InstBuilder;
use cranelift_codegen::ir::types::I32;

impl Translator<'_, '_> {
    /// Traps if the host has asked for it.
    pub fn poll(&mut self) {
        let Some(slot) = self.env.plan.interrupt_slot else { return };
        let pinned = self.read_instance();
        let flags = self.trusted(Region::Context);
        let word = match self.env.travel {
            Travel::Register => self.b.ins().load(I32, flags, pinned, offset_below(slot)),
            Travel::Parameter => {
                let at = self.b.ins().iadd_imm_s(pinned, i64::from(offset_below(slot)));
                self.b.ins().atomic_load(I32, flags, at)
            }
        };
        self.b.ins().trapnz(word, trap::INTERRUPTED);
        self.pinned = Some(pinned);
    }
}
