//! `struct pal_program`: what rt/main.c instantiates and runs.

use super::data::{DataBuilder, Place};
use super::object::new_object;
use crate::context::{PROGRAM_MODULE_SIZE, PROGRAM_SIZE};
use crate::error::{Error, Result};
use crate::name::{link_symbol, own_symbol};
use object::write::{self, Object, StandardSection, SymbolId, SymbolSection};
use object::{SymbolFlags, SymbolKind, SymbolScope};
use target_lexicon::Triple;

/// One module of a program.
pub struct ProgramModule {
    /// C name.
    pub name: String,
    /// Per import module: number of an earlier module of the program, or -1 for WASI.
    pub sources: Vec<i32>,
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
    /// Bytes of the main thread's stack.
    pub stack_size: u64,
}

/// Writes the object with symbol `pal_program`.
pub fn write_program(triple: &Triple, program: &Program) -> Result<Vec<u8>> {
    build(triple, program).map_err(|e| Error::new(format!("writing the object: {e}")))
}

fn build(triple: &Triple, program: &Program) -> write::Result<Vec<u8>> {
    let mut object = new_object(triple);
    let rodata = object.section_id(StandardSection::ReadOnlyData);
    let relro = object.section_id(StandardSection::ReadOnlyDataWithRel);
    let rodata_symbol = object.section_symbol(rodata);
    let relro_symbol = object.section_symbol(relro);
    let (mut ro, mut rw) = (DataBuilder::default(), DataBuilder::default());

    let mut rows = Vec::new();
    for module in &program.modules {
        let sources = ro.array(module.sources.iter().map(|&s| s as u32));
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
    let at = rw.align(8);
    rw.pointer(Some(Place { symbol: relro_symbol, offset: modules }));
    rw.pointer(start);
    rw.pointer(initialize);
    rw.pointer(Some(Place { symbol: relro_symbol, offset: dirs }));
    rw.pointer(Some(Place { symbol: relro_symbol, offset: envs }));
    rw.u64(program.modules.len() as u64);
    rw.u64(program.stack_size);
    assert_eq!(rw.len() - at, PROGRAM_SIZE, "struct pal_program and its writer disagree");

    ro.place(&mut object, rodata, 8)?;
    rw.place(&mut object, relro, 8)?;
    object.add_symbol(symbol("pal_program", SymbolSection::Section(relro), at, SymbolScope::Linkage));
    object.write()
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
