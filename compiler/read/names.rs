//! The name section: for messages, backtraces and symbols. It is not validated; what is broken is ignored.

use std::collections::HashMap;
use wasmparser::{BinaryReader, Name, NameSectionReader};

/// Names from the name section.
#[derive(Debug, Default)]
pub struct Names<'a> {
    functions: HashMap<u32, &'a str>,
    /// By their first exports.
    exported_functions: HashMap<u32, &'a str>,
    memories: HashMap<u32, &'a str>,
    data: HashMap<u32, &'a str>,
    tags: HashMap<u32, &'a str>,
}

impl<'a> Names<'a> {
    pub(super) fn read(&mut self, data: &'a [u8], offset: u64) {
        for name in NameSectionReader::new(BinaryReader::new(data, offset)) {
            let (map, into) = match name {
                Ok(Name::Function(map)) => (map, &mut self.functions),
                Ok(Name::Memory(map)) => (map, &mut self.memories),
                Ok(Name::Data(map)) => (map, &mut self.data),
                Ok(Name::Tag(map)) => (map, &mut self.tags),
                Ok(_) => continue,
                Err(_) => return,
            };
            for naming in map.into_iter().map_while(Result::ok) {
                into.insert(naming.index, naming.name);
            }
        }
    }

    /// Names a memory that is not in the file.
    pub(crate) fn add_memory(&mut self, index: u32, name: &'a str) {
        self.memories.insert(index, name);
    }

    pub(super) fn export_function(&mut self, index: u32, name: &'a str) {
        self.exported_functions.entry(index).or_insert(name);
    }

    /// Name of a function: its own, else that of an export.
    pub fn function(&self, index: u32) -> Option<&'a str> {
        self.functions.get(&index).or_else(|| self.exported_functions.get(&index)).copied()
    }

    /// Name of a data segment.
    pub fn data(&self, index: u32) -> Option<&'a str> {
        self.data.get(&index).copied()
    }

    /// Name of a tag.
    pub fn tag(&self, index: u32) -> Option<&'a str> {
        self.tags.get(&index).copied()
    }

    /// Name of a memory.
    pub fn memory(&self, index: u32) -> Option<&'a str> {
        self.memories.get(&index).copied()
    }
}
