//! Constant data, as wasm-ld lays it out: segments named `.rodata`, and `.rodata.…` where it did not merge them.

use crate::read::{DataMode, Module};

/// The bytes of a memory that hold nothing but constant data, if that is one range.
pub fn range(module: &Module<'_>, memory: u32) -> Option<(u64, u64)> {
    let mut constant: Vec<(u64, u64)> = Vec::new();
    let mut other: Vec<(u64, u64)> = Vec::new();
    for (index, data) in (0..).zip(&module.data) {
        let DataMode::Active { memory: target, offset } = &data.mode else { continue };
        if *target != memory {
            continue;
        }
        let start = offset.constant()?; // of position-independent code nothing is known
        let range = (start, start.checked_add(data.bytes.len() as u64)?);
        let named = module.names.data(index).is_some_and(|name| name == ".rodata" || name.starts_with(".rodata."));
        if named { &mut constant } else { &mut other }.push(range);
    }
    let (start, end) = (constant.iter().map(|r| r.0).min()?, constant.iter().map(|r| r.1).max()?);
    let overlaps = other.iter().any(|&(from, to)| from < end && to > start);
    (!overlaps).then_some((start, end))
}
