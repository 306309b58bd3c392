//! Puts the object file together: sections, symbols, relocations.

use super::data::{DataBuilder, Place};
use super::eh_frame::{self, Unwind};
use super::format::{
    NO_EXPORT, mapped_section, new_object, note_marks, relocation_flags, relro_section, share_weak_default,
};
use super::module::{ModuleWriter, Symbols, function_label};
use super::pdata;
use super::text::Text;
use crate::context::{ABI, EXPORT_SIZE, IMAGE_ALIGN, MODULE_SIZE};
use crate::error::{Error, Result};
use crate::generate::{Code, Generated, LARGE_WINDOW, PAGE, StubKind};
use crate::name::{export_symbol, link_symbol, own_symbol};
use crate::plan::{DataPlan, Provider};
use crate::translate::{Env, Helper, Symbol as CodeSymbol};
use cranelift_codegen::binemit::Reloc;
use object::write::{self, Object, SectionId, StandardSection, SymbolId, SymbolSection};
use object::{
    Architecture, BinaryFormat, RelocationEncoding, RelocationFlags, RelocationKind, SectionKind, SymbolFlags,
    SymbolKind, SymbolScope, macho,
};
use std::collections::HashMap;
use wasmparser::ExternalKind;

/// What the writer needs beside code and plan.
pub struct WriteOptions<'o> {
    /// C name of the module.
    pub name: &'o str,
}

/// Text of less is not worth a page of its own: `generate/phase.rs` keeps loops in one where it begins with one.
const SMALL_TEXT: usize = 4 * PAGE;

fn text_align(env: &Env<'_>, length: usize) -> u64 {
    if env.is_x86_64 && length >= SMALL_TEXT { PAGE as u64 } else { LARGE_WINDOW.into() }
}

/// Writes one module's object file.
pub fn write(env: &Env<'_>, generated: &Generated, options: &WriteOptions<'_>) -> Result<Vec<u8>> {
    let text = Text::new(env, generated)?;
    ObjectWriter::new(env, options.name, text).finish(generated).map_err(|e| match e {
        Failure::Object(e) => Error::new(format!("writing the object: {e}")),
        Failure::Other(e) => e,
    })
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
    format: BinaryFormat,
    text_section: SectionId,
    undefined: HashMap<String, SymbolId>,
    /// Local symbols at places in sections.
    labels: HashMap<(SectionId, u64), SymbolId>,
}

impl<'w, 'a> ObjectWriter<'w, 'a> {
    fn new(env: &'w Env<'a>, name: &'w str, text: Text) -> Self {
        let mut object = new_object(env.isa.triple());
        note_marks(&mut object, env.harden);
        let text_section = object.section_id(StandardSection::Text);
        let format = object.format();
        let (undefined, labels) = (HashMap::new(), HashMap::new());
        ObjectWriter { env, name, text, object, format, text_section, undefined, labels }
    }

    fn finish(mut self, generated: &Generated) -> Result<Vec<u8>, Failure> {
        let rodata = self.object.section_id(StandardSection::ReadOnlyData);
        let relro = relro_section(&mut self.object);
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
            let align = IMAGE_ALIGN.min(mapped_section(self.format).2);
            self.object.set_section_data(section, bytes, align);
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
            CodeSymbol::StaticTable(table) => Some((rodata, Place { symbol: rodata_symbol, offset: tables[&table] })),
            CodeSymbol::Module => Some((relro, Place { symbol: relro_symbol, offset: module })),
            _ => None,
        };
        self.relocate_text(&place)?;
        let bytes = std::mem::take(&mut self.text.bytes);
        let align = text_align(self.env, bytes.len());
        self.object.set_section_data(self.text_section, bytes, align);
        let mut bytes = self.object.write()?;
        if self.format == BinaryFormat::Coff {
            share_weak_default(&mut bytes);
        }
        Ok(bytes)
    }

    /// For mapped data, which must begin with a page in the linked file: linkers see to that for a section with such an
    /// alignment.
    fn image_section(&mut self) -> Option<SectionId> {
        let any = self.env.plan.data.iter().any(|plan| matches!(plan, DataPlan::Mapped { .. }));
        let (segment, name, _) = mapped_section(self.format);
        any.then(|| self.object.add_section(segment.to_vec(), name.to_vec(), SectionKind::ReadOnlyData))
    }

    /// Symbols that the descriptor needs.
    fn symbols(&mut self, rodata: SectionId, relro: SectionId, image: Option<SectionId>) -> Symbols {
        let env = self.env;
        let mut imports = Vec::new();
        for import in env.module.imports.iter().filter(|import| !import.is_builtin()) {
            let module = &env.plan.import_modules[env.plan.import_module(import.module)];
            let field = link_symbol(&module.link_name, import.name);
            let accessor = (import.kind != ExternalKind::Func).then(|| self.undefined(&field, false));
            let provider = self.provider(&export_symbol(&module.link_name, import.name));
            imports.push((accessor, provider));
        }
        let wasi = env.plan.import_modules.iter().any(|m| m.provider == Provider::Wasi);
        Symbols {
            text: self.section_symbol(self.text_section),
            rodata: self.section_symbol(rodata),
            relro: self.section_symbol(relro),
            imports,
            wasi_bind: wasi.then(|| self.undefined("pal_wasi_bind", false)),
            image: image.map(|section| self.section_symbol(section)),
        }
    }

    /// A pointer to `pal_abi_N`, so that an object and a runtime of different versions do not link.
    fn pin_abi(&mut self, relro: &mut DataBuilder) {
        let symbol = self.undefined(&format!("pal_abi_{ABI}"), false);
        relro.align(8);
        relro.pointer(Some(Place { symbol, offset: 0 }));
    }

    /// The `pal_export` behind an import, if it is a module's. Mach-O has no symbols that may be undefined, but ones that
    /// give way to others of their name: there it is one of no module, as it is in COFF by another symbol.
    fn provider(&mut self, name: &str) -> SymbolId {
        match self.format {
            BinaryFormat::MachO => {}
            BinaryFormat::Coff => {
                self.undefined(NO_EXPORT, false);
                return self.undefined(name, true);
            }
            _ => return self.undefined(name, true),
        }
        if let Some(&known) = self.undefined.get(name) {
            return known;
        }
        let section = self.object.section_id(StandardSection::Data);
        let at = self.object.append_section_data(section, &[0; EXPORT_SIZE as usize], 8);
        let symbol = self.define(name.to_owned(), (section, at), EXPORT_SIZE, SymbolKind::Data, SymbolScope::Dynamic);
        self.object.symbol_mut(symbol).weak = true;
        self.undefined.insert(name.to_owned(), symbol);
        symbol
    }

    /// A section's first byte. Relocations of Mach-O that name a section mean addresses: there it is a symbol like any
    /// other.
    fn section_symbol(&mut self, section: SectionId) -> SymbolId {
        if self.format == BinaryFormat::MachO { self.label(section, 0) } else { self.object.section_symbol(section) }
    }

    /// A local symbol at this place.
    fn label(&mut self, section: SectionId, offset: u64) -> SymbolId {
        if let Some(&known) = self.labels.get(&(section, offset)) {
            return known;
        }
        let name = format!("pal.{}", self.labels.len());
        let kind = if section == self.text_section { SymbolKind::Text } else { SymbolKind::Data };
        let symbol = self.define(name, (section, offset), 0, kind, SymbolScope::Compilation);
        self.labels.insert((section, offset), symbol);
        symbol
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

    fn define(
        &mut self,
        name: String,
        at: (SectionId, u64),
        size: u64,
        kind: SymbolKind,
        scope: SymbolScope,
    ) -> SymbolId {
        self.object.add_symbol(write::Symbol {
            name: name.into_bytes(),
            value: at.1,
            size,
            kind,
            scope,
            weak: false,
            section: SymbolSection::Section(at.0),
            flags: SymbolFlags::None,
        })
    }

    fn define_exports(&mut self, relro: SectionId, exports: &[(String, u64)]) {
        let (name, text) = (self.name, self.text_section);
        for (field, at) in exports {
            let symbol = export_symbol(name, field);
            self.define(symbol, (relro, *at), EXPORT_SIZE, SymbolKind::Data, SymbolScope::Dynamic);
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
        ];
        let snapshots =
            [(own_symbol(name, "snapshot"), StubKind::Snapshot), (own_symbol(name, "restore"), StubKind::Restore)];
        let snapshots = snapshots.into_iter().filter(|_| !env.is_board);
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
        for (symbol, kind) in entities.chain(own).chain(snapshots).chain(host).chain(interruption).collect::<Vec<_>>() {
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
            if !self.env.plan.reached[index as usize] {
                continue;
            }
            let label = function_label(self.env, index).replace('\0', "\u{fffd}");
            let at = (self.text_section, u64::from(start));
            let symbol = self.define(label, at, (end - start).into(), SymbolKind::Text, SymbolScope::Compilation);
            self.labels.insert(at, symbol);
        }
    }

    fn unwind(&mut self, generated: &Generated) -> Result<(), Failure> {
        let text = &self.text;
        let codes: Vec<(u32, &Code)> = text.codes(generated).collect();
        if self.format == BinaryFormat::Coff {
            let tables = pdata::encode(self.env, codes.into_iter());
            return self.place_pdata(tables);
        }
        if self.env.is_board {
            return Ok(());
        }
        let unwind = eh_frame::encode(self.env, codes.into_iter())?;
        if unwind.bytes.is_empty() {
            return Ok(());
        }
        if self.format == BinaryFormat::MachO { self.place_mach_eh_frame(unwind) } else { self.place_eh_frame(unwind) }
    }

    fn place_eh_frame(&mut self, unwind: Unwind) -> Result<(), Failure> {
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

    /// Each reference is the difference of a function's own symbol, by which linkers know what the entry is for, and the
    /// section's; what is missing to the place itself lies there.
    fn place_mach_eh_frame(&mut self, mut unwind: Unwind) -> Result<(), Failure> {
        let (subtractor, unsigned) = match self.object.architecture() {
            Architecture::X86_64 => (macho::X86_64_RELOC_SUBTRACTOR, macho::X86_64_RELOC_UNSIGNED),
            _ => (macho::ARM64_RELOC_SUBTRACTOR, macho::ARM64_RELOC_UNSIGNED),
        };
        for &(offset, _) in &unwind.references {
            let at = offset as usize;
            unwind.bytes[at..at + 8].copy_from_slice(&offset.wrapping_neg().to_le_bytes());
        }
        let section = self.object.section_id(StandardSection::EhFrame);
        self.object.set_section_data(section, unwind.bytes, 8);
        let begin = self.label(section, 0);
        for (offset, to) in unwind.references {
            let function = self.label(self.text_section, to.into());
            // They are written in reverse order, and the subtrahend has to come first.
            for (r_type, symbol) in [(unsigned, function), (subtractor, begin)] {
                let flags = RelocationFlags::MachO { r_type, r_pcrel: false, r_length: 3 };
                self.object.add_relocation(section, write::Relocation { offset, symbol, addend: 0, flags })?;
            }
        }
        Ok(())
    }

    fn place_pdata(&mut self, tables: pdata::Tables) -> Result<(), Failure> {
        let mut section = |name: &[u8], bytes: Vec<u8>| {
            let id = self.object.add_section(vec![], name.to_vec(), SectionKind::ReadOnlyData);
            self.object.set_section_data(id, bytes, 4);
            id
        };
        let (xdata, pdata) = (section(b".xdata", tables.xdata), section(b".pdata", tables.pdata));
        let text = self.object.section_symbol(self.text_section);
        let xdata = self.object.section_symbol(xdata);
        let to_text = tables.to_text.into_iter().map(|(offset, to)| (offset, text, to));
        let to_xdata = tables.to_xdata.into_iter().map(|(offset, to)| (offset, xdata, to));
        for (offset, symbol, to) in to_text.chain(to_xdata) {
            let flags = RelocationFlags::Generic {
                kind: RelocationKind::ImageOffset,
                encoding: RelocationEncoding::Generic,
                size: 32,
            };
            self.object.add_relocation(pdata, write::Relocation { offset, symbol, addend: to.into(), flags })?;
        }
        Ok(())
    }

    fn relocate_text(&mut self, place: &dyn Fn(CodeSymbol) -> Option<(SectionId, Place)>) -> Result<(), Failure> {
        for relocation in std::mem::take(&mut self.text.relocations) {
            let (section, mut target) = match place(relocation.symbol) {
                Some((section, target)) => (Some(section), target),
                None => self.code_target(relocation.symbol),
            };
            // Instructions of aarch64 have no room for distances in these formats.
            if let (Some(section), false) = (section, self.format == BinaryFormat::Elf) {
                target = Place { symbol: self.label(section, target.offset), offset: 0 };
            }
            let flags = relocation_flags(self.format, &relocation)?;
            let (symbol, addend) = match relocation.kind {
                // On riscv64 it refers to the instruction before it, which has the upper half.
                Reloc::RiscvPCRelLo12I => (self.label(self.text_section, u64::from(relocation.offset) - 4), 0),
                _ => (target.symbol, relocation.addend + target.offset as i64),
            };
            let relocation = write::Relocation { offset: relocation.offset.into(), symbol, addend, flags };
            self.object.add_relocation(self.text_section, relocation)?;
        }
        Ok(())
    }

    fn code_target(&mut self, symbol: CodeSymbol) -> (Option<SectionId>, Place) {
        if let Some(offset) = self.text.offset_of(symbol) {
            let text = self.section_symbol(self.text_section);
            return (Some(self.text_section), Place { symbol: text, offset: offset.into() });
        }
        let name = match symbol {
            CodeSymbol::Helper(helper) => helper.symbol().to_owned(),
            CodeSymbol::Import(index) => self.import_symbol(index),
            other => unreachable!("{other:?} is data or code of this object"),
        };
        (None, Place { symbol: self.undefined(&name, false), offset: 0 })
    }

    fn import_symbol(&self, function: u32) -> String {
        let env = self.env;
        let number = env.module.function_import(function).expect("an imported function");
        let import = &env.module.imports[number as usize];
        let module = &env.plan.import_modules[env.plan.import_module(import.module)];
        link_symbol(&module.link_name, import.name)
    }
}
