//! `--harden=spectre`: CPUs guess how a check ends and run ahead with an address that it is going to refuse; what they
//! then load can be found out by what it leaves in the caches. So the comparison also decides about the address itself,
//! by a select that is not guessed: a refused one becomes 0, where nothing is mapped.
//!
//! ```text
//!     bad = icmp ugt end, length            bad = icmp ugt end, length
//!     trapnz bad                            trapnz bad
//!     load (iadd base, index)         →     load (select_spectre_guard bad, 0, (iadd base, index))
//! ```
//!
//! A mask stays where its access is, also where the check in front of it turns out to be needless. Passes that trust
//! what a branch has decided are left out (`optimize`). Memories with guards need no masks: a 32-bit index can't leave
//! the reservation, whatever is guessed.

use super::function::Translator;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{InstBuilder, Value};

impl Translator<'_, '_> {
    /// Notes the condition of a check, for the mask of its access.
    pub fn note_refused(&mut self, bad: Value) {
        if self.env.harden.spectre {
            self.refused.push(bad);
        }
    }

    /// True if checks have been noted since the last mask.
    pub fn needs_mask(&self) -> bool {
        !self.refused.is_empty()
    }

    /// The address, or number, of an access, or 0 if a check noted since the last mask refuses it.
    pub fn mask_refused(&mut self, mut address: Value) -> Value {
        for bad in std::mem::take(&mut self.refused) {
            let nowhere = self.b.ins().iconst(I64, 0);
            address = self.b.ins().select_spectre_guard(bad, nowhere, address);
        }
        address
    }
}
