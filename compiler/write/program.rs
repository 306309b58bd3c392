//! `struct pal_program`: what rt/main.c instantiates and runs.

use super::data::{DataBuilder, Place};
use super::format::{new_object, relro_section};
use crate::context::{
    MEMORY_DESC_SIZE, MODE_GUARD, PROGRAM_MODULE_SIZE, PROGRAM_SIZE, SOURCE_MEMORY, SOURCE_THREADS, SOURCE_WASI,
};
use crate::error::{Error, Result};
use crate::name::{link_symbol, own_symbol};
use object::write::{self, Object, StandardSection, SymbolId, SymbolSection};
use object::{SymbolFlags, SymbolKind, SymbolScope};
use target_lexicon::{Architecture, OperatingSystem, Triple};
use wasmparser::MemoryType;

/// One module of a program.
pub struct ProgramModule {
    /// C name.
    pub name: String,
    /// Per import module.
    pub sources: Vec<Source>,
}

/// Where a module's imports from one other module come from.
#[derive(Debug, Clone, Copy)]
pub enum Source {
    /// An earlier module of the program.
    Module(usize),
    /// A memory of the program.
    Memory(usize),
    /// The runtime's WASI.
    Wasi,
    /// The runtime's wasi-threads.
    Threads,
}

impl Source {
    /// As rt/context.h has it.
    fn number(self) -> u32 {
        match self {
            Source::Module(index) => index as u32,
            Source::Memory(index) => SOURCE_MEMORY as u32 + index as u32,
            Source::Wasi => SOURCE_WASI as u32,
            Source::Threads => SOURCE_THREADS as u32,
        }
    }
}

/// A memory that the program makes, since its modules import it.
pub struct ProgramMemory {
    /// The import's link symbol.
    pub symbol: String,
    /// What the modules want.
    pub ty: MemoryType,
}

impl ProgramMemory {
    /// Makes it fit another import, too. False: that can't be.
    pub fn narrow(&mut self, other: &MemoryType) -> bool {
        let ty = &mut self.ty;
        ty.initial = ty.initial.max(other.initial);
        ty.maximum = [ty.maximum, other.maximum].into_iter().flatten().min();
        let kind = |ty: &MemoryType| (ty.memory64, ty.shared, ty.page_size_log2);
        kind(ty) == kind(other) && ty.maximum.is_none_or(|most| most >= ty.initial)
    }
}

/// An executable's modules, in order of instantiation, and its grants.
pub struct Program {
    /// The last one is run.
    pub modules: Vec<ProgramModule>,
    /// It exports `_initialize`.
    pub initialize: bool,
    /// It exports `_start`.
    pub start: bool,
    /// `--dir` grants.
    pub dirs: Vec<String>,
    /// `--env` grants.
    pub envs: Vec<String>,
    /// Bytes of each thread's stack.
    pub stack_size: u64,
    /// The last module exports `wasi_thread_start`.
    pub thread_start: bool,
    /// Made before the modules.
    pub memories: Vec<ProgramMemory>,
}

/// Writes the object with symbol `pal_program`.
pub fn write_program(triple: &Triple, program: &Program) -> Result<Vec<u8>> {
    build(triple, program).map_err(|e| Error::new(format!("writing the object: {e}")))
}

fn build(triple: &Triple, program: &Program) -> write::Result<Vec<u8>> {
    let mut object = new_object(triple);
    let rodata = object.section_id(StandardSection::ReadOnlyData);
    let relro = relro_section(&mut object);
    let rodata_symbol = object.section_symbol(rodata);
    let relro_symbol = object.section_symbol(relro);
    let (mut ro, mut rw) = (DataBuilder::default(), DataBuilder::default());

    let mut rows = Vec::new();
    for module in &program.modules {
        let sources = ro.array(module.sources.iter().map(|s| s.number()));
        let instantiate = undefined(&mut object, &own_symbol(&module.name, "instantiate_list"));
        let descriptor = undefined(&mut object, &own_symbol(&module.name, "module"));
        rows.push((instantiate, descriptor, sources));
    }
    let modules = rw.len();
    for (instantiate, descriptor, sources) in rows {
        rw.pointer(Some(Place { symbol: instantiate, offset: 0 }));
        rw.pointer(Some(Place { symbol: descriptor, offset: 0 }));
        rw.pointer(Some(Place { symbol: rodata_symbol, offset: sources }));
    }
    debug_assert_eq!(rw.len() - modules, PROGRAM_MODULE_SIZE * program.modules.len() as u64);
    let dirs = strings(&mut ro, &mut rw, rodata_symbol, &program.dirs);
    let envs = strings(&mut ro, &mut rw, rodata_symbol, &program.envs);

    let main = &program.modules.last().expect("a program has a module").name;
    let mut entry = |present: bool, field: &str| {
        present.then(|| Place { symbol: undefined(&mut object, &link_symbol(main, field)), offset: 0 })
    };
    let (start, initialize) = (entry(program.start, "_start"), entry(program.initialize, "_initialize"));
    let thread_start = entry(program.thread_start, "wasi_thread_start");
    let memories = memories(&mut ro, &program.memories);
    let at = rw.align(8);
    rw.pointer(Some(Place { symbol: relro_symbol, offset: modules }));
    rw.pointer(start);
    rw.pointer(initialize);
    rw.pointer(Some(Place { symbol: relro_symbol, offset: dirs }));
    rw.pointer(Some(Place { symbol: relro_symbol, offset: envs }));
    rw.u64(program.modules.len() as u64);
    rw.u64(program.stack_size);
    rw.pointer(Some(Place { symbol: rodata_symbol, offset: memories }));
    rw.u64(program.memories.len() as u64);
    rw.pointer(thread_start);
    assert_eq!(rw.len() - at, PROGRAM_SIZE, "struct pal_program and its writer disagree");

    ro.place(&mut object, rodata, 8)?;
    rw.place(&mut object, relro, 8)?;
    define_accessors(&mut object, triple, &program.memories);
    object.add_symbol(symbol("pal_program", SymbolSection::Section(relro), at, SymbolScope::Linkage));
    object.write()
}

/// `struct pal_memory_desc` for each; their offset in `ro`.
fn memories(ro: &mut DataBuilder, list: &[ProgramMemory]) -> u64 {
    let at = ro.align(8);
    for ProgramMemory { ty, .. } in list {
        ro.u64(ty.initial);
        ro.u64(ty.maximum.unwrap_or(u64::MAX));
        ro.u32(ty.page_size_log2.unwrap_or(16));
        ro.bytes(&[u8::from(ty.memory64), u8::from(ty.shared), MODE_GUARD as u8, 1]);
        ro.u32(u32::MAX);
        ro.u32(0);
        // No limit, nothing protected.
        (0..4).for_each(|_| ro.u64(0));
    }
    assert_eq!(ro.len() - at, MEMORY_DESC_SIZE * list.len() as u64, "struct pal_memory_desc and its writer disagree");
    at
}

/// The functions that give modules the memories they import, as a host would define them. What they are given is the
/// `pal_memory *` itself, so all of them are one function that returns its argument.
fn define_accessors(object: &mut Object<'_>, triple: &Triple, list: &[ProgramMemory]) {
    if list.is_empty() {
        return;
    }
    let code: &[u8] = match triple.architecture {
        Architecture::X86_64 if triple.operating_system == OperatingSystem::Windows => {
            &[0xf3, 0x0f, 0x1e, 0xfa, 0x48, 0x89, 0xc8, 0xc3] // endbr64; mov rax, rcx; ret
        }
        Architecture::X86_64 => &[0xf3, 0x0f, 0x1e, 0xfa, 0x48, 0x89, 0xf8, 0xc3], // endbr64; mov rax, rdi; ret
        Architecture::Aarch64(_) => &[0x5f, 0x24, 0x03, 0xd5, 0xc0, 0x03, 0x5f, 0xd6], // bti c; ret
        Architecture::Riscv64(_) => &[0x67, 0x80, 0x00, 0x00],                     // ret
        other => unreachable!("programs are not made for {other}"),
    };
    let text = object.section_id(StandardSection::Text);
    let at = object.append_section_data(text, code, 16);
    for memory in list {
        let mut symbol = symbol(&memory.symbol, SymbolSection::Section(text), at, SymbolScope::Dynamic);
        symbol.kind = SymbolKind::Text;
        object.add_symbol(symbol);
    }
}

/// A NULL-terminated array of C strings; its offset in `rw`.
fn strings(ro: &mut DataBuilder, rw: &mut DataBuilder, rodata: SymbolId, list: &[String]) -> u64 {
    let places: Vec<u64> = list
        .iter()
        .map(|text| {
            let at = ro.len();
            ro.bytes(text.as_bytes());
            ro.u8(0);
            at
        })
        .collect();
    let at = rw.align(8);
    places.into_iter().for_each(|offset| rw.pointer(Some(Place { symbol: rodata, offset })));
    rw.pointer(None);
    at
}

fn undefined(object: &mut Object<'_>, name: &str) -> SymbolId {
    object.add_symbol(symbol(name, SymbolSection::Undefined, 0, SymbolScope::Dynamic))
}

fn symbol(name: &str, section: SymbolSection, value: u64, scope: SymbolScope) -> write::Symbol {
    let kind = if section == SymbolSection::Undefined { SymbolKind::Unknown } else { SymbolKind::Data };
    let name = name.as_bytes().to_vec();
    write::Symbol { name, value, size: 0, kind, scope, weak: false, section, flags: SymbolFlags::None }
}
