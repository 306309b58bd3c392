//! Modules with more memories than the validator takes, which has the JavaScript interface's limit of 100.
//!
//! It is shown a few that stand for all: of the memory section the first memory of each index type, and in copies of the
//! export and data sections their indices, in place, so that offsets in errors stay those of the file. That is all it
//! asks of a memory outside of code: does it exist, and what is its index type. Each memory's own type is checked by
//! other validators, a hundred at a time, and code is validated against the real list ([`Resources`]).

use super::Features;
use crate::error::{Error, Result};
use std::ops::Range;
use std::sync::Arc;
use wasmparser::types::CoreTypeId;
use wasmparser::{
    BinaryReader, Data, DataSectionReader, Encoding, Export, ExportSectionReader, ExternalKind, FromReader, FuncType,
    GlobalType, HeapType, MemorySectionReader, MemoryType, RefType, SectionLimited, SubType, TableType, ValType,
    Validator, ValidatorResources, WasmFeatures, WasmModuleResources,
};

/// What the validator takes.
const VALIDATOR_LIMIT: usize = 100;

/// Memories a module may have.
const LIMIT: usize = 1_000;

/// The memories of a module that has many.
pub(super) struct ManyMemories {
    /// All of them.
    types: Arc<[MemoryType]>,
    /// How many of them are imported: the validator knows these.
    imported: usize,
    /// Those behind them that the validator is shown, the first of each index type.
    shown: Vec<MemoryType>,
}

impl ManyMemories {
    /// Validates a memory section that is too long for the validator, after imports of memories; `None`: it is not.
    pub fn section(
        validator: &mut Validator,
        imported: Vec<MemoryType>,
        section: &MemorySectionReader<'_>,
        wasm: &[u8],
        features: &Features,
    ) -> Result<Option<ManyMemories>> {
        let count = imported.len() + section.count() as usize;
        // Two of the validator's are needed here. Imports alone may be too many for it, too.
        let takes_part = features.validator.multi_memory() && imported.len() + 2 <= VALIDATOR_LIMIT;
        if count <= VALIDATOR_LIMIT || !takes_part {
            return Ok(None);
        }
        if count > LIMIT {
            let start = section.range().start as usize;
            return Err(Error::at(start, format!("memories count exceeds limit of {LIMIT}")));
        }
        let features = features.validator;
        let items = items(section)?;
        check_types(&items, wasm, features)?;
        let mut first: Vec<&(Range<u64>, MemoryType)> = Vec::new();
        for item in &items {
            if first.iter().all(|known| known.1.memory64 != item.1.memory64) {
                first.push(item);
            }
        }
        let mut few = vec![first.len() as u8];
        first.iter().for_each(|(range, _)| few.extend(&wasm[range.start as usize..range.end as usize]));
        validator.memory_section(&reader(&few, section.range().start, features)?)?;
        let shown = first.into_iter().map(|(_, ty)| *ty).collect();
        let number = imported.len();
        let types = imported.into_iter().chain(items.into_iter().map(|(_, ty)| ty)).collect();
        Ok(Some(ManyMemories { types, imported: number, shown }))
    }

    /// Validates the export section.
    pub fn exports(
        &self,
        validator: &mut Validator,
        section: &ExportSectionReader<'_>,
        wasm: &[u8],
        features: &Features,
    ) -> Result<()> {
        let range = section.range();
        let mut copy = bytes(wasm, &range).to_vec();
        for (item, export) in items::<Export<'_>>(section)? {
            if export.kind != ExternalKind::Memory {
                continue;
            }
            let mut reader = BinaryReader::new(bytes(wasm, &item), item.start);
            reader.read_string()?;
            reader.read::<ExternalKind>()?;
            let known = self.known(export.index).ok_or_else(|| unknown(&item, export.index, "exported memory"))?;
            put(&mut copy, range.start, reader.original_position()..item.end, known);
        }
        Ok(validator.export_section(&reader(&copy, range.start, features.validator)?)?)
    }

    /// Validates the data section.
    pub fn data(
        &self,
        validator: &mut Validator,
        section: &DataSectionReader<'_>,
        wasm: &[u8],
        features: &Features,
    ) -> Result<()> {
        const WITH_INDEX: u32 = 2;
        let range = section.range();
        let mut copy = bytes(wasm, &range).to_vec();
        for (item, _) in items::<Data<'_>>(section)? {
            let mut reader = BinaryReader::new(bytes(wasm, &item), item.start);
            if reader.read_var_u32()? == WITH_INDEX {
                let start = reader.original_position();
                let memory = reader.read_var_u32()?;
                let known = self.known(memory).ok_or_else(|| unknown(&item, memory, "memory"))?;
                put(&mut copy, range.start, start..reader.original_position(), known);
            }
        }
        Ok(validator.data_section(&reader(&copy, range.start, features.validator)?)?)
    }

    /// The index of a memory that the validator knows and that is like `memory`; `None`: there is no such memory.
    fn known(&self, memory: u32) -> Option<usize> {
        let ty = self.types.get(memory as usize)?;
        match memory as usize {
            memory if memory < self.imported => Some(memory),
            _ => self.shown.iter().position(|shown| shown.memory64 == ty.memory64).map(|at| self.imported + at),
        }
    }

    /// For a body that the validator gave.
    pub fn resources(&self, module: ValidatorResources) -> Resources {
        Resources { module, memories: Some(self.types.clone()) }
    }
}

/// As the validator says it.
fn unknown(item: &Range<u64>, memory: u32, what: &str) -> Error {
    Error::at(item.start as usize, format!("unknown memory {memory}: {what} index out of bounds"))
}

/// Puts another index into a copy where one stands in the file, in as many bytes.
fn put(copy: &mut [u8], copied_from: u64, at: Range<u64>, index: usize) {
    // It is below 100, so seven bits; those that follow are zeros.
    let place = &mut copy[(at.start - copied_from) as usize..(at.end - copied_from) as usize];
    place.fill(0x80);
    place[0] |= index as u8;
    place[place.len() - 1] &= 0x7f;
}

/// Checks types of memories by validators of their own.
fn check_types(items: &[(Range<u64>, MemoryType)], wasm: &[u8], features: WasmFeatures) -> Result<()> {
    for some in items.chunks(VALIDATOR_LIMIT) {
        let all = some[0].0.start..some[some.len() - 1].0.end;
        let mut section = vec![some.len() as u8];
        section.extend_from_slice(bytes(wasm, &all));
        let mut validator = Validator::new_with_features(features);
        validator.version(1, Encoding::Module, &(0..8))?;
        // The count takes one byte, so what follows has its own offsets.
        validator.memory_section(&reader(&section, all.start - 1, features)?)?;
    }
    Ok(())
}

/// A section's items with the bytes each takes in the file.
fn items<'a, T: FromReader<'a>>(section: &SectionLimited<'a, T>) -> Result<Vec<(Range<u64>, T)>> {
    let mut items: Vec<(Range<u64>, T)> = Vec::new();
    for item in section.clone().into_iter_with_offsets() {
        let (start, item) = item?;
        if let Some((before, _)) = items.last_mut() {
            before.end = start;
        }
        items.push((start..section.range().end, item));
    }
    Ok(items)
}

fn bytes<'w>(wasm: &'w [u8], range: &Range<u64>) -> &'w [u8] {
    &wasm[range.start as usize..range.end as usize]
}

fn reader<'a, T>(bytes: &'a [u8], offset: u64, features: WasmFeatures) -> Result<SectionLimited<'a, T>> {
    Ok(SectionLimited::new(BinaryReader::new_features(bytes, offset, features))?)
}

/// What code is validated against: what the validator knows of the module, but for memories where it knows a few only.
#[derive(Clone)]
pub struct Resources {
    module: ValidatorResources,
    memories: Option<Arc<[MemoryType]>>,
}

impl From<ValidatorResources> for Resources {
    fn from(module: ValidatorResources) -> Resources {
        Resources { module, memories: None }
    }
}

impl WasmModuleResources for Resources {
    fn memory_at(&self, at: u32) -> Option<MemoryType> {
        match &self.memories {
            None => self.module.memory_at(at),
            Some(memories) => memories.get(at as usize).copied(),
        }
    }

    fn table_at(&self, at: u32) -> Option<TableType> {
        self.module.table_at(at)
    }

    fn tag_at(&self, at: u32) -> Option<&FuncType> {
        self.module.tag_at(at)
    }

    fn global_at(&self, at: u32) -> Option<GlobalType> {
        self.module.global_at(at)
    }

    fn sub_type_at(&self, at: u32) -> Option<&SubType> {
        self.module.sub_type_at(at)
    }

    fn sub_type_at_id(&self, id: CoreTypeId) -> &SubType {
        self.module.sub_type_at_id(id)
    }

    fn type_id_of_function(&self, at: u32) -> Option<CoreTypeId> {
        self.module.type_id_of_function(at)
    }

    fn type_index_of_function(&self, at: u32) -> Option<u32> {
        self.module.type_index_of_function(at)
    }

    fn element_type_at(&self, at: u32) -> Option<RefType> {
        self.module.element_type_at(at)
    }

    fn is_subtype(&self, a: ValType, b: ValType) -> bool {
        self.module.is_subtype(a, b)
    }

    fn is_shared(&self, ty: RefType) -> bool {
        self.module.is_shared(ty)
    }

    fn check_heap_type(&self, ty: &mut HeapType, offset: u64) -> wasmparser::Result<()> {
        self.module.check_heap_type(ty, offset)
    }

    fn top_type(&self, ty: &HeapType) -> HeapType {
        self.module.top_type(ty)
    }

    fn element_count(&self) -> u32 {
        self.module.element_count()
    }

    fn data_count(&self) -> Option<u32> {
        self.module.data_count()
    }

    fn is_function_referenced(&self, at: u32) -> bool {
        self.module.is_function_referenced(at)
    }

    fn has_function_exact_type(&self, at: u32) -> bool {
        self.module.has_function_exact_type(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::read;

    /// `count` memories, each third with 64-bit addresses; in `text`, `N` is the number of the last one.
    fn module(count: usize, text: &str) -> Vec<u8> {
        let memory = |i: usize| if i % 3 == 2 { "(memory i64 1 2)" } else { "(memory 1 2)" };
        let memories: String = (0..count).map(memory).collect();
        let text = format!("(module {memories} {})", text.replace('N', &(count - 1).to_string()));
        wat::parse_str(text).expect("text")
    }

    /// The error of reading and of validating all bodies, if there is one.
    fn refused(wasm: &[u8], features: &Features) -> Option<String> {
        let module = match read(wasm, features) {
            Ok(module) => module,
            Err(e) => return Some(e.to_string()),
        };
        module.bodies.into_iter().find_map(|body| {
            let validated = body.validate.into_validator(Default::default()).validate(&body.body);
            validated.err().map(|e| Error::from(e).to_string())
        })
    }

    /// What is valid or not with three memories is so with hundreds, and the error is at the same place of its item.
    #[test]
    fn many_memories_are_validated_as_few() {
        let cases = [
            r#"(export "a" (memory 0)) (export "b" (memory N)) (data (memory N) (i64.const 1) "x") (data (i32.const 1) "x")"#,
            r#"(func (drop (i32.load N offset=8 (i64.const 1))) (memory.copy N 0 (i64.const 0) (i32.const 0) (i32.const 0)))"#,
            r#"(export "a" (memory 9999))"#,
            r#"(data (memory 9999) (i32.const 1) "x")"#,
            r#"(data (memory N) (i32.const 1) "x")"#,
            r#"(data (memory 1) (i64.const 1) "x")"#,
            r#"(func (drop (i32.load N (i32.const 1))))"#,
            r#"(func (drop (i32.load 1 (i64.const 1))))"#,
            r#"(func (drop (i32.load 9999 (i32.const 1))))"#,
            r#"(export "a" (memory 0)) (export "a" (memory N))"#,
            r#"(memory 3 2) (data (memory N) (i64.const 1) "x")"#,
            r#"(memory i64 0 0x1000000000000) (memory 65537)"#,
        ];
        let features = Features::default();
        let message = |e: &String| e.split_once(": ").expect("an offset").1.to_owned();
        for (number, case) in cases.iter().enumerate() {
            let few = refused(&module(3, case), &features);
            for count in [102, 300, 600, 900] {
                let many = refused(&module(count, case), &features);
                assert_eq!(few.as_ref().map(message), many.as_ref().map(message), "{count}: {case}");
            }
            assert_eq!(few.is_none(), number < 2, "{case}: {few:?}");
        }
    }

    #[test]
    fn offsets_are_those_of_the_file() {
        for (text, item, what) in [
            (r#"(export "here" (memory 0)) (export "mark" (memory 9999))"#, &b"\x04mark\x02"[..], "exported memory"),
            (r#"(data "mark") (data (memory 9999) (i32.const 1) "x")"#, &b"\x02\x8f\x4e"[..], "memory"),
        ] {
            let wasm = module(300, text);
            let at = wasm.windows(item.len()).position(|w| w == item).expect("it is there");
            let error = refused(&wasm, &Features::default()).expect("an error");
            assert_eq!(error, format!("at offset {at:#x}: unknown memory 9999: {what} index out of bounds"));
        }
        // Four bytes each: limits with maximum, then the last one's.
        let wasm = module(300, "(memory 3 2)");
        let bad = wasm.windows(3).position(|w| w == [1, 3, 2]).expect("it is there");
        let error = refused(&wasm, &Features::default()).expect("an error");
        assert!(error.starts_with(&format!("at offset {bad:#x}: ")), "{error}");
    }

    #[test]
    fn there_are_limits() {
        assert_eq!(refused(&module(LIMIT, ""), &Features::default()), None);
        let error = refused(&module(LIMIT + 1, ""), &Features::default()).expect("an error");
        assert!(error.ends_with("memories count exceeds limit of 1000"), "{error}");
        let mut features = Features::default();
        assert!(features.set("multi-memory", false));
        let error = refused(&module(101, ""), &features).expect("an error");
        assert!(error.contains("multi"), "{error}");
        let imports: String = (0..99).map(|i| format!("(import \"m\" \"{i}\" (memory 1))")).collect();
        let wasm = wat::parse_str(format!("(module {imports} (memory 1) (memory 1))")).expect("text");
        assert!(refused(&wasm, &Features::default()).expect("an error").contains("limit of 100"));
    }
}
