//! Puts the object file together: sections, symbols, relocations.

use super::data::{DataBuilder, Place};
use super::eh_frame;
use super::module::{ModuleWriter, Symbols, function_label};
use super::text::Text;
use crate::context::{ABI, IMAGE_ALIGN, MODULE_SIZE};
use crate::error::{Error, Result};
use crate::generate::{Generated, Relocation, StubKind};
use crate::name::{export_symbol, link_symbol, own_symbol};
use crate::plan::{DataPlan, Provider};
use crate::translate::{Env, Helper, Symbol as CodeSymbol};
use cranelift_codegen::binemit::Reloc;
use object::write::{self, Object, SectionId, StandardSection, SymbolId, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, FileFlags, RelocationEncoding, RelocationFlags, RelocationKind,
    SectionKind, SymbolFlags, SymbolKind, SymbolScope, elf,
};
use std::collections::HashMap;
use wasmparser::ExternalKind;

/// What the writer needs beside code and plan.
pub struct WriteOptions<'o> {
    /// C name of the module.
    pub name: &'o str,
}

/// Writes one module's object file.
pub fn write(env: &Env<'_>, generated: &Generated, options: &WriteOptions<'_>) -> Result<Vec<u8>> {
    let text = Text::new(env, generated)?;
    ObjectWriter::new(env, options.name, text).finish(generated).map_err(|e| match e {
        Failure::Object(e) => Error::new(format!("writing the object: {e}")),
        Failure::Other(e) => e,
    })
}

/// An empty object for a target, and the note that its code needs no executable stack.
pub fn new_object(triple: &target_lexicon::Triple) -> Object<'static> {
    let architecture = match triple.architecture {
        target_lexicon::Architecture::X86_64 => Architecture::X86_64,
        target_lexicon::Architecture::Riscv64(_) => Architecture::Riscv64,
        _ => Architecture::Aarch64,
    };
    let mut object = Object::new(BinaryFormat::Elf, architecture, Endianness::Little);
    if architecture == Architecture::Riscv64 {
        // The ABI lp64d; no compressed instructions.
        object.flags = FileFlags::Elf { os_abi: 0, abi_version: 0, e_flags: elf::EF_RISCV_FLOAT_ABI_DOUBLE };
    }
    let note = object.add_section(vec![], b".note.GNU-stack".to_vec(), SectionKind::Other);
    object.section_mut(note).flags = object::SectionFlags::Elf { sh_flags: 0 };
    object
}

pub enum Failure {
    Object(write::Error),
    Other(Error),
}

impl From<write::Error> for Failure {
    fn from(e: write::Error) -> Failure {
        Failure::Object(e)
    }
}

impl From<Error> for Failure {
    fn from(e: Error) -> Failure {
        Failure::Other(e)
    }
}

struct ObjectWriter<'w, 'a> {
    env: &'w Env<'a>,
    name: &'w str,
    text: Text,
    object: Object<'static>,
    text_section: SectionId,
    undefined: HashMap<String, SymbolId>,
}

impl<'w, 'a> ObjectWriter<'w, 'a> {
    fn new(env: &'w Env<'a>, name: &'w str, text: Text) -> Self {
        let mut object = new_object(env.isa.triple());
        let text_section = object.section_id(StandardSection::Text);
        ObjectWriter { env, name, text, object, text_section, undefined: HashMap::new() }
    }

    fn finish(mut self, generated: &Generated) -> Result<Vec<u8>, Failure> {
        let rodata = self.object.section_id(StandardSection::ReadOnlyData);
        let relro = self.object.section_id(StandardSection::ReadOnlyDataWithRel);
        let image_section = self.image_section();
        let symbols = self.symbols(rodata, relro, image_section);
        let (rodata_symbol, relro_symbol) = (symbols.rodata, symbols.relro);
        let mut writer = ModuleWriter::new(self.env, self.name, &self.text, generated, symbols);
        let tables = writer.static_tables();
        let module = writer.descriptor();
        let exports = writer.exports(module);
        let image = image_section.map(|section| (section, writer.image_section()));
        let (rodata_bytes, mut relro_bytes) = (writer.rodata, writer.relro);
        if let Some((section, bytes)) = image {
            self.object.set_section_data(section, bytes, IMAGE_ALIGN);
        }

        self.pin_abi(&mut relro_bytes);
        rodata_bytes.place(&mut self.object, rodata, 16)?;
        relro_bytes.place(&mut self.object, relro, 8)?;
        self.define_exports(relro, &exports);
        self.define(
            own_symbol(self.name, "module"),
            (relro, module),
            MODULE_SIZE,
            SymbolKind::Data,
            SymbolScope::Linkage,
        );
        self.define_functions();
        self.unwind(generated)?;
        let place = |symbol| match symbol {
            CodeSymbol::StaticTable(table) => Some(Place { symbol: rodata_symbol, offset: tables[&table] }),
            CodeSymbol::Module => Some(Place { symbol: relro_symbol, offset: module }),
            _ => None,
        };
        self.relocate_text(&place)?;
        let bytes = std::mem::take(&mut self.text.bytes);
        self.object.set_section_data(self.text_section, bytes, 64);
        Ok(self.object.write()?)
    }

    /// For mapped data, which must begin with a page in the linked file: linkers see to that for a section with such an
    /// alignment.
    fn image_section(&mut self) -> Option<SectionId> {
        let any = self.env.plan.data.iter().any(|plan| matches!(plan, DataPlan::Mapped { .. }));
        any.then(|| self.object.add_section(vec![], b".palisade.image".to_vec(), SectionKind::ReadOnlyData))
    }

    /// Symbols that the descriptor needs.
    fn symbols(&mut self, rodata: SectionId, relro: SectionId, image: Option<SectionId>) -> Symbols {
        let env = self.env;
        let mut imports = Vec::new();
        for import in env.module.imports.iter().filter(|import| !import.is_builtin()) {
            let module = &env.plan.import_modules[env.plan.import_module(import.module)];
            let field = link_symbol(&module.link_name, import.name);
            let accessor = (import.kind != ExternalKind::Func).then(|| self.undefined(&field, false));
            let provider = self.undefined(&export_symbol(&module.link_name, import.name), true);
            imports.push((accessor, provider));
        }
        let wasi = env.plan.import_modules.iter().any(|m| m.provider == Provider::Wasi);
        Symbols {
            text: self.object.section_symbol(self.text_section),
            rodata: self.object.section_symbol(rodata),
            relro: self.object.section_symbol(relro),
            imports,
            wasi_bind: wasi.then(|| self.undefined("pal_wasi_bind", false)),
            image: image.map(|section| self.object.section_symbol(section)),
        }
    }

    /// A pointer to `pal_abi_N`, so that an object and a runtime of different versions do not link.
    fn pin_abi(&mut self, relro: &mut DataBuilder) {
        let symbol = self.undefined(&format!("pal_abi_{ABI}"), false);
        relro.align(8);
        relro.pointer(Some(Place { symbol, offset: 0 }));
    }

    fn undefined(&mut self, name: &str, weak: bool) -> SymbolId {
        if let Some(&known) = self.undefined.get(name) {
            return known;
        }
        let symbol = self.object.add_symbol(write::Symbol {
            name: name.as_bytes().to_vec(),
            value: 0,
            size: 0,
            kind: SymbolKind::Unknown,
            scope: SymbolScope::Dynamic,
            weak,
            section: SymbolSection::Undefined,
            flags: SymbolFlags::None,
        });
        self.undefined.insert(name.to_owned(), symbol);
        symbol
    }

    fn define(&mut self, name: String, at: (SectionId, u64), size: u64, kind: SymbolKind, scope: SymbolScope) {
        self.object.add_symbol(write::Symbol {
            name: name.into_bytes(),
            value: at.1,
            size,
            kind,
            scope,
            weak: false,
            section: SymbolSection::Section(at.0),
            flags: SymbolFlags::None,
        });
    }

    fn define_exports(&mut self, relro: SectionId, exports: &[(String, u64)]) {
        let (name, text) = (self.name, self.text_section);
        for (field, at) in exports {
            let symbol = export_symbol(name, field);
            self.define(symbol, (relro, *at), crate::context::EXPORT_SIZE, SymbolKind::Data, SymbolScope::Dynamic);
        }
        let env = self.env;
        let entities = env.module.exports.iter().map(|export| {
            let kind = match export.kind {
                ExternalKind::Func | ExternalKind::FuncExact => StubKind::Export(export.index),
                ExternalKind::Memory => StubKind::Memory(export.index),
                ExternalKind::Table => StubKind::Table(export.index),
                ExternalKind::Global => StubKind::Global(export.index),
                ExternalKind::Tag => StubKind::Tag(export.index),
            };
            (link_symbol(name, export.name), kind)
        });
        let own = [
            (own_symbol(name, "instantiate"), StubKind::Instantiate),
            (own_symbol(name, "instantiate_list"), StubKind::InstantiateList),
            (own_symbol(name, "free"), StubKind::Free),
            (own_symbol(name, "snapshot"), StubKind::Snapshot),
            (own_symbol(name, "restore"), StubKind::Restore),
        ];
        let host = [
            (own_symbol(name, "bind_memory"), StubKind::Host(Helper::BindMemory)),
            (own_symbol(name, "offer_memory"), StubKind::Host(Helper::OfferMemory)),
            (own_symbol(name, "withdraw_memory"), StubKind::Host(Helper::WithdrawMemory)),
        ];
        let host = host.into_iter().filter(|_| self.env.plan.bytes_are_shared);
        let interruption = [
            (own_symbol(name, "interrupt"), StubKind::Interrupt),
            (own_symbol(name, "uninterrupt"), StubKind::Uninterrupt),
        ];
        let interruption = interruption.into_iter().filter(|_| env.plan.interrupt_slot.is_some());
        for (symbol, kind) in entities.chain(own).chain(host).chain(interruption).collect::<Vec<_>>() {
            let at = u64::from(self.text.stubs[&kind]);
            self.define(symbol, (text, at), 0, SymbolKind::Text, SymbolScope::Dynamic);
        }
    }

    /// Local symbols, for debuggers and profilers.
    fn define_functions(&mut self) {
        let starts = self.text.functions.clone();
        let first = self.env.module.imported_functions;
        for (number, &start) in starts.iter().enumerate() {
            let end = starts.get(number + 1).copied().unwrap_or(self.text.functions_end);
            let index = first + number as u32 % self.env.module.bodies.len() as u32;
            let label = function_label(self.env, index).replace('\0', "\u{fffd}");
            let at = (self.text_section, u64::from(start));
            self.define(label, at, (end - start).into(), SymbolKind::Text, SymbolScope::Compilation);
        }
    }

    fn unwind(&mut self, generated: &Generated) -> Result<(), Failure> {
        let text = &self.text;
        let functions = text.functions.iter().copied().zip(&generated.functions);
        let stubs = generated.stubs.iter().map(|(kind, code)| (text.stubs[kind], code));
        let unwind = eh_frame::encode(self.env, functions.chain(stubs))?;
        if unwind.bytes.is_empty() {
            return Ok(());
        }
        let section = self.object.section_id(StandardSection::EhFrame);
        self.object.set_section_data(section, unwind.bytes, 8);
        let symbol = self.object.section_symbol(self.text_section);
        for (offset, addend) in unwind.references {
            let flags = RelocationFlags::Generic {
                kind: RelocationKind::Relative,
                encoding: RelocationEncoding::Generic,
                size: 32,
            };
            self.object.add_relocation(section, write::Relocation { offset, symbol, addend: addend.into(), flags })?;
        }
        Ok(())
    }

    fn relocate_text(&mut self, place: &dyn Fn(CodeSymbol) -> Option<Place>) -> Result<(), Failure> {
        for relocation in std::mem::take(&mut self.text.relocations) {
            let target = match place(relocation.symbol) {
                Some(target) => target,
                None => self.code_target(relocation.symbol),
            };
            let flags = relocation_flags(&relocation)?;
            let (symbol, addend) = match relocation.kind {
                Reloc::RiscvPCRelLo12I => (self.upper_half(relocation.offset - 4), 0),
                _ => (target.symbol, relocation.addend + target.offset as i64),
            };
            let relocation = write::Relocation { offset: relocation.offset.into(), symbol, addend, flags };
            self.object.add_relocation(self.text_section, relocation)?;
        }
        Ok(())
    }

    /// On riscv64 the instruction with an address's lower half refers to the one with the upper half, by a local symbol.
    fn upper_half(&mut self, offset: u32) -> SymbolId {
        self.object.add_symbol(write::Symbol {
            name: b".Lpcrel_hi".to_vec(),
            value: offset.into(),
            size: 0,
            kind: SymbolKind::Label,
            scope: SymbolScope::Compilation,
            weak: false,
            section: SymbolSection::Section(self.text_section),
            flags: SymbolFlags::None,
        })
    }

    fn code_target(&mut self, symbol: CodeSymbol) -> Place {
        if let Some(offset) = self.text.offset_of(symbol) {
            return Place { symbol: self.object.section_symbol(self.text_section), offset: offset.into() };
        }
        let name = match symbol {
            CodeSymbol::Helper(helper) => helper.symbol().to_owned(),
            CodeSymbol::Import(index) => self.import_symbol(index),
            other => unreachable!("{other:?} is data or code of this object"),
        };
        Place { symbol: self.undefined(&name, false), offset: 0 }
    }

    fn import_symbol(&self, function: u32) -> String {
        let env = self.env;
        let number = env.module.function_import(function).expect("an imported function");
        let import = &env.module.imports[number as usize];
        let module = &env.plan.import_modules[env.plan.import_module(import.module)];
        link_symbol(&module.link_name, import.name)
    }
}

/// The object format's relocation for Cranelift's.
fn relocation_flags(relocation: &Relocation) -> Result<RelocationFlags> {
    let generic = |kind, encoding, size| RelocationFlags::Generic { kind, encoding, size };
    Ok(match relocation.kind {
        Reloc::Abs8 => generic(RelocationKind::Absolute, RelocationEncoding::Generic, 64),
        Reloc::X86PCRel4 => generic(RelocationKind::Relative, RelocationEncoding::Generic, 32),
        Reloc::X86CallPCRel4 | Reloc::X86CallPLTRel4 => {
            generic(RelocationKind::PltRelative, RelocationEncoding::X86Branch, 32)
        }
        Reloc::Arm64Call => RelocationFlags::Elf { r_type: elf::R_AARCH64_CALL26 },
        Reloc::Aarch64AdrPrelPgHi21 => RelocationFlags::Elf { r_type: elf::R_AARCH64_ADR_PREL_PG_HI21 },
        Reloc::Aarch64AddAbsLo12Nc => RelocationFlags::Elf { r_type: elf::R_AARCH64_ADD_ABS_LO12_NC },
        Reloc::RiscvCallPlt => RelocationFlags::Elf { r_type: elf::R_RISCV_CALL_PLT },
        Reloc::RiscvPCRelHi20 => RelocationFlags::Elf { r_type: elf::R_RISCV_PCREL_HI20 },
        Reloc::RiscvPCRelLo12I => RelocationFlags::Elf { r_type: elf::R_RISCV_PCREL_LO12_I },
        other => return Err(Error::new(format!("writing the object: no relocation for {other}"))),
    })
}
