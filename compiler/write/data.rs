//! Bytes with pointers in them, as they grow.

use object::write::{Object, Relocation, SectionId, SymbolId};
use object::{RelocationEncoding, RelocationFlags, RelocationKind};

/// What a pointer points to.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// A symbol, often a section's.
    pub symbol: SymbolId,
    /// Bytes from it.
    pub offset: u64,
}

/// Constant data under construction; little-endian.
#[derive(Default)]
pub struct DataBuilder {
    bytes: Vec<u8>,
    pointers: Vec<(u64, Place)>,
}

impl DataBuilder {
    pub fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub fn align(&mut self, to: usize) -> u64 {
        self.bytes.resize(self.bytes.len().next_multiple_of(to), 0);
        self.len()
    }

    pub fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    pub fn u32(&mut self, value: u32) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub fn u64(&mut self, value: u64) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    pub fn bytes(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
    }

    /// An address, or NULL.
    pub fn pointer(&mut self, to: Option<Place>) {
        if let Some(place) = to {
            self.pointers.push((self.len(), place));
        }
        self.u64(0);
    }

    /// Appends an array of numbers, aligned, and gives its offset.
    pub fn array(&mut self, values: impl IntoIterator<Item = u32>) -> u64 {
        let at = self.align(4);
        for value in values {
            self.u32(value);
        }
        at
    }

    /// Makes it the content of a section.
    pub fn place(self, object: &mut Object<'_>, section: SectionId, align: u64) -> object::write::Result<()> {
        object.set_section_data(section, self.bytes, align);
        for (offset, place) in self.pointers {
            let flags = RelocationFlags::Generic {
                kind: RelocationKind::Absolute,
                encoding: RelocationEncoding::Generic,
                size: 64,
            };
            // Offsets inside an object are far below 2⁶³.
            let relocation = Relocation { offset, symbol: place.symbol, addend: place.offset as i64, flags };
            object.add_relocation(section, relocation)?;
        }
        Ok(())
    }
}
