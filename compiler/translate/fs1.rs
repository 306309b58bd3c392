//! fs1, which on riscv64 is the C caller's: Cranelift 0.135 takes it for one that callees need not save, so stubs that C
//! calls save it themselves. IR can't name a register; it stores numbers to the slot where fs1 is to be kept, at places
//! that are marked as source locations, and machine code gets other instructions there.
//!
//! ```text
//! li  a1, 0
//! sd  a1, 8(sp)     →    fsd fs1, 8(sp)      [`SAVE`]
//! …
//! li  a1, 1
//! sd  a1, 8(sp)     →    fld fs1, 8(sp)      [`RESTORE`]
//! ```
//!
//! All code in between believes that calls change fs1, so it holds nothing that lives through the first or the last call.

use super::function::Translator;
use crate::error::{Error, Result};
use cranelift_codegen::CompiledCode;
use cranelift_codegen::ir::types::I64;
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, SourceLoc, StackSlot};

/// Marks the store that is to save fs1. Stubs have no other locations.
const SAVE: u32 = 1;
/// The one that is to be a load.
const RESTORE: u32 = 2;

const FS1: u32 = 9;
const STORE: u32 = 0x23;
const STORE_FLOAT: u32 = 0x27;
const LOAD_FLOAT: u32 = 0x07;
/// Operands of 64 bits.
const DOUBLE: u32 = 3 << 12;

/// Keeps fs1 in `slot`.
pub fn save(t: &mut Translator<'_, '_>, slot: StackSlot) {
    store(t, slot, SAVE);
}

/// Gives it back.
pub fn restore(t: &mut Translator<'_, '_>, slot: StackSlot) {
    store(t, slot, RESTORE);
}

fn store(t: &mut Translator<'_, '_>, slot: StackSlot, mark: u32) {
    let address = t.b.ins().stack_addr(I64, slot, 0);
    let number = t.b.ins().iconst(I64, i64::from(mark)); // different ones, or the second store does nothing new
    t.b.set_srcloc(SourceLoc::new(mark));
    t.b.ins().store(MemFlagsData::trusted(), number, address, 0);
    t.b.set_srcloc(SourceLoc::default());
}

/// Replaces the marked stores in a stub's code.
pub fn patch(code: &mut [u8], compiled: &CompiledCode) -> Result<()> {
    for location in compiled.buffer.get_srclocs_sorted() {
        let replace = match location.loc.bits() {
            SAVE => to_save,
            RESTORE => to_restore,
            _ => continue,
        };
        // In front of the store its address may have been computed; behind it, values may move.
        let replaced = (location.start as usize..location.end as usize).step_by(4).find_map(|at| {
            let place: &mut [u8; 4] = code.get_mut(at..at + 4)?.try_into().ok()?;
            *place = replace(u32::from_le_bytes(*place))?.to_le_bytes();
            Some(())
        });
        replaced.ok_or_else(|| Error::new("a stub can't save fs1"))?;
    }
    Ok(())
}

/// `fsd fs1` in place of any `sd`.
fn to_save(instruction: u32) -> Option<u32> {
    is_store(instruction).then_some((instruction & !0x01f0_007f) | FS1 << 20 | STORE_FLOAT)
}

/// `fld fs1` in place of any `sd`, whose distance is in two parts.
fn to_restore(instruction: u32) -> Option<u32> {
    let distance = (instruction & 0xfe00_0000) | (instruction >> 7 & 0x1f) << 20;
    let address = instruction & 0x000f_8000;
    is_store(instruction).then_some(distance | address | DOUBLE | FS1 << 7 | LOAD_FLOAT)
}

fn is_store(instruction: u32) -> bool {
    instruction & 0x707f == DOUBLE | STORE
}

#[cfg(test)]
mod tests {
    use super::{to_restore, to_save};

    #[test]
    fn stores_become_those_of_fs1() {
        let [sd_8, sd_minus_72] = [0x00b1_3423, 0xfaa4_3c23]; // sd a1, 8(sp); sd a0, -72(s0)
        assert_eq!(to_save(sd_8), Some(0x0091_3427)); // fsd fs1, 8(sp)
        assert_eq!(to_restore(sd_8), Some(0x0081_3487)); // fld fs1, 8(sp)
        assert_eq!(to_save(sd_minus_72), Some(0xfa94_3c27));
        assert_eq!(to_restore(sd_minus_72), Some(0xfb84_3487));
        for other in [0, 0x00b1_2423, 0x0081_3583, 0x0091_3427] {
            assert_eq!((to_save(other), to_restore(other)), (None, None)); // sw, ld, fsd
        }
    }
}
