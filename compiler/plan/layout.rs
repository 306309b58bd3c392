//! The context: where below the pinned register everything of an instance lies. Slots are handed out from the nearest
//! on, since near ones have the short encodings: globals first.

use crate::context::{CONTEXT_FIXED, FUNC_SIZE, TAG_SIZE, VIEW_SIZE};
use crate::read::Module;

/// Distances below the pinned register, in bytes.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "named as in rt/context.h")]
pub struct Layout {
    pub context_size: u32,
    pub memories_at: u32,
    pub tables_at: u32,
    pub types_at: u32,
    pub funcs_at: u32,
    pub data_dropped_at: u32,
    pub elem_dropped_at: u32,
    pub tags_at: u32,
    pub globals_end: u32,
}

impl Default for Layout {
    fn default() -> Layout {
        Layout {
            context_size: CONTEXT_FIXED as u32,
            memories_at: 0,
            tables_at: 0,
            types_at: 0,
            funcs_at: 0,
            data_dropped_at: 0,
            elem_dropped_at: 0,
            tags_at: 0,
            globals_end: CONTEXT_FIXED as u32,
        }
    }
}

impl Layout {
    /// The distance of a new 8-byte slot.
    pub fn slot(&mut self) -> u32 {
        self.array(1, 8)
    }

    /// The distance of a new 16-byte slot, 16-aligned as the pinned register is.
    pub fn vector_slot(&mut self) -> u32 {
        self.context_size = (self.context_size + 16).next_multiple_of(16);
        self.context_size
    }

    /// The distance of an array, which runs upwards from there. No overflow: the counts are limited by the validator
    /// (a million functions, types, tags and globals; 100,000 segments, 1,000 memories, 100 tables).
    fn array(&mut self, count: usize, size: u64) -> u32 {
        let bytes = (count as u64 * size).next_multiple_of(8);
        self.context_size += u32::try_from(bytes).expect("limited by the validator");
        self.context_size
    }

    /// Places what needs no short encodings.
    pub fn finish(&mut self, module: &Module<'_>, types: usize, funcs: usize, data: usize) {
        self.memories_at = self.array(module.memories.len(), VIEW_SIZE);
        self.tables_at = self.array(module.tables.len(), VIEW_SIZE);
        self.types_at = self.array(types, 4);
        self.funcs_at = self.array(funcs, FUNC_SIZE);
        self.data_dropped_at = self.array(data, 1);
        self.elem_dropped_at = self.array(module.elements.len(), 1);
        self.tags_at = self.array(module.tags.len(), TAG_SIZE);
        self.context_size = self.context_size.next_multiple_of(16);
    }

    /// Distance of memory `index`'s view.
    pub fn memory_view(&self, index: u32) -> u32 {
        self.memories_at - index * VIEW_SIZE as u32
    }

    /// Distance of table `index`'s view.
    pub fn table_view(&self, index: u32) -> u32 {
        self.tables_at - index * VIEW_SIZE as u32
    }

    /// Distance of tag `index`.
    pub fn tag_slot(&self, index: u32) -> u32 {
        self.tags_at - index * TAG_SIZE as u32
    }

    /// Distance of interned type `number`.
    pub fn type_slot(&self, number: u32) -> u32 {
        self.types_at - number * 4
    }
}
