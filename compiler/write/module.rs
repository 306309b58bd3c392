//! `struct pal_module` (rt/context.h) and everything it points to, in the order of its fields.

use super::data::{DataBuilder, Place};
use super::text::Text;
use crate::context::*;
use crate::generate::{Generated, SavedRegister, StubKind};
use crate::plan::{DataPlan, GlobalPlan, MemoryMode, Provider, TablePlan, Virtual};
use crate::read::{ConstExpression, Data, DataMode, ElementItem, ElementMode, refers_to_exception};
use crate::translate::{Env, Version, signature};
use object::write::SymbolId;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};
use wasmparser::{AbstractHeapType, ExternalKind, HeapType, UnpackedIndex, ValType};

/// Symbols that the descriptor points to.
pub struct Symbols {
    pub text: SymbolId,
    pub rodata: SymbolId,
    pub relro: SymbolId,
    /// Per import: the C accessor of memories, tables, globals; and the weak `pal_export`.
    pub imports: Vec<(Option<SymbolId>, SymbolId)>,
    /// `pal_wasi_bind`, if a WASI module is imported.
    pub wasi_bind: Option<SymbolId>,
    /// The section of mapped data, if there is any.
    pub image: Option<SymbolId>,
}

/// Builds one module's constant data.
pub struct ModuleWriter<'w, 'a> {
    pub env: &'w Env<'a>,
    pub name: &'w str,
    pub text: &'w Text,
    pub generated: &'w Generated,
    pub symbols: Symbols,
    /// Read-only bytes.
    pub rodata: DataBuilder,
    /// Read-only after relocation: the descriptor, what has pointers.
    pub relro: DataBuilder,
    /// Mapped data.
    pub image: Vec<u8>,
    strings: HashMap<String, u32>,
    string_bytes: Vec<u8>,
}

impl<'w, 'a> ModuleWriter<'w, 'a> {
    pub fn new(
        env: &'w Env<'a>,
        name: &'w str,
        text: &'w Text,
        generated: &'w Generated,
        symbols: Symbols,
    ) -> ModuleWriter<'w, 'a> {
        ModuleWriter {
            env,
            name,
            text,
            generated,
            symbols,
            rodata: DataBuilder::default(),
            relro: DataBuilder::default(),
            image: Vec::new(),
            strings: HashMap::new(),
            string_bytes: vec![0],
        }
    }

    /// Offset of a NUL-terminated copy in the string table. NULs inside end it early: these are for messages only.
    fn string(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        if let Some(&at) = self.strings.get(text) {
            return at;
        }
        // Names come from a wasm file below 4 GiB.
        let at = self.string_bytes.len() as u32;
        self.string_bytes.extend_from_slice(text.as_bytes());
        self.string_bytes.push(0);
        self.strings.insert(text.to_owned(), at);
        at
    }

    fn rodata_place(&self, offset: u64) -> Option<Place> {
        Some(Place { symbol: self.symbols.rodata, offset })
    }

    fn relro_place(&self, offset: u64) -> Option<Place> {
        Some(Place { symbol: self.symbols.relro, offset })
    }

    fn stub_place(&self, kind: StubKind) -> Option<Place> {
        let offset = *self.text.stubs.get(&kind)?;
        Some(Place { symbol: self.symbols.text, offset: offset.into() })
    }

    /// Static tables, by [`Env::static_table`]: their offsets in the read-only data.
    pub fn static_tables(&mut self) -> HashMap<u32, u64> {
        let env = self.env;
        let mut places = HashMap::new();
        for &version in env.versions() {
            for (index, table) in (0..).zip(&env.plan.tables) {
                let TablePlan::Static(entries) = table else { continue };
                let at = self.static_table(entries, version);
                places.insert(env.static_table(index, version), at);
            }
        }
        places
    }

    fn static_table(&mut self, entries: &[Option<u32>], version: Version) -> u64 {
        let at = self.rodata.align(8);
        for entry in entries {
            let (code, ty) = match entry {
                Some(f) => {
                    let canonical = self.env.module.functions[*f as usize].ty;
                    (self.text.function(*f, version), self.env.plan.type_number(canonical))
                }
                None => (0, STATIC_NULL as u32),
            };
            self.rodata.u32(code);
            self.rodata.u32(ty);
        }
        at
    }

    /// Writes the descriptor; gives its offset in `relro`.
    pub fn descriptor(&mut self) -> u64 {
        let (env, module) = (self.env, self.env.module);
        let function_start = self.function_starts();
        let function_name = self.function_names();
        let sites = self.sites();
        let import_modules = self.import_modules();
        let imports = self.imports();
        let memories = self.memories();
        let tables = self.tables();
        let globals = self.globals();
        let (type_start, types_data) = self.types();
        let funcs = self.funcs();
        let mut computed = 0;
        let (elem_segments, items) = self.elements(&mut computed);
        let (data_segments, data) = self.data(&mut computed);
        let tags = self.tags();
        let exn_globals = self.exn_globals();
        let handlers = self.handlers();
        let frames = self.frames();
        let name = self.string(self.name);
        let strings = self.rodata.len();
        self.rodata.bytes(&std::mem::take(&mut self.string_bytes));

        let at = self.relro.align(8);
        self.relro.u32(ABI as u32);
        self.relro.u32(MODULE_SIZE as u32);
        self.relro.pointer(self.rodata_place(strings + u64::from(name)));
        self.relro.pointer(self.rodata_place(strings));
        self.relro.pointer(Some(Place { symbol: self.symbols.text, offset: 0 }));
        self.relro.u64(self.text.bytes.len() as u64);
        for place in [function_start, function_name, sites.code, sites.wasm, sites.kind] {
            self.relro.pointer(self.rodata_place(place));
        }
        self.relro.pointer(self.stub_place(StubKind::Init));
        self.relro.pointer(self.stub_place(StubKind::Start));
        for place in [import_modules, imports] {
            self.relro.pointer(self.relro_place(place));
        }
        let segments = [data_segments, data, elem_segments, items];
        let exceptions = [tags, exn_globals.0, handlers.code, handlers.scope, handlers.landing];
        for place in [memories, tables, globals, type_start, types_data, funcs]
            .into_iter()
            .chain(segments)
            .chain(exceptions)
            .chain([handlers.scopes, handlers.clauses, frames.start, frames.first, frames.saved])
        {
            self.relro.pointer(self.rodata_place(place));
        }
        self.relro.pointer(self.symbols.image.map(|symbol| Place { symbol, offset: 0 }));
        self.relro.u64(self.image.len() as u64);
        let layout = &env.plan.layout;
        let exported_memory =
            module.exports.iter().find(|e| e.kind == ExternalKind::Memory && e.name == "memory").map_or(0, |e| e.index);
        let counts = [
            self.text.functions.len(),
            module.imported_functions as usize,
            sites.count,
            env.plan.import_modules.len(),
            self.symbols.imports.len(),
            module.memories.len(),
            module.tables.len(),
            module.globals.len(),
            env.plan.types.len(),
            env.plan.funcs.len(),
            env.plan.data.len(),
            module.elements.len(),
            computed as usize,
            module.tags.len(),
            exn_globals.1,
            handlers.count,
        ];
        let numbers = [
            layout.context_size,
            layout.memories_at,
            layout.tables_at,
            layout.types_at,
            layout.funcs_at,
            layout.data_dropped_at,
            layout.elem_dropped_at,
            layout.tags_at,
            self.text.thunks_end,
            exported_memory,
            if env.plan.base_pinned { MODULE_BASE_PINNED as u32 } else { 0 },
            cpu_features(env),
            env.plan.version_slot.unwrap_or(0),
            frames.count as u32,
            layout.globals_end,
            env.plan.interrupt_slot.unwrap_or(0),
        ];
        // Counts fit: the validator limits them far below 2³².
        for number in counts.into_iter().map(|c| c as u32).chain(numbers) {
            self.relro.u32(number);
        }
        self.relro.align(8);
        assert_eq!(self.relro.len() - at, MODULE_SIZE, "struct pal_module and its writer disagree");
        at
    }

    fn function_starts(&mut self) -> u64 {
        let ends = std::iter::once(self.text.functions_end);
        self.rodata.array(self.text.functions.iter().copied().chain(ends))
    }

    fn function_names(&mut self) -> u64 {
        let first = self.env.module.imported_functions;
        // Offset 0 is the empty string: a function without a name.
        let defined = self.env.module.bodies.len() as u32;
        let runs = self.env.plan.reached_bodies(self.env.module);
        let name = |number: u32| {
            let body = number % defined;
            if runs[body as usize] { self.env.module.function_name(first + body).unwrap_or_default() } else { "" }
        };
        let names: Vec<&str> = (0..self.text.functions.len() as u32).map(name).collect();
        let names: Vec<u32> = names.into_iter().map(|name| self.string(name)).collect();
        self.rodata.array(names)
    }

    fn sites(&mut self) -> SiteTables {
        let (generated, text) = (self.generated, self.text);
        let codes = text.codes(generated);
        let all: Vec<_> = codes.flat_map(|(at, code)| code.sites.iter().map(move |s| (at + s.offset, s))).collect();
        let code = self.rodata.array(all.iter().map(|(at, _)| *at));
        let wasm = self.rodata.array(all.iter().map(|(_, s)| s.wasm));
        let kind = self.rodata.len();
        all.iter().for_each(|(_, s)| self.rodata.u8(s.kind));
        SiteTables { code, wasm, kind, count: all.len() }
    }

    fn import_modules(&mut self) -> u64 {
        let env = self.env;
        let names: Vec<u32> = env.plan.import_modules.iter().map(|m| self.string(&m.name)).collect();
        let at = self.relro.align(8);
        for (module, name) in env.plan.import_modules.iter().zip(names) {
            let bind = self.symbols.wasi_bind.filter(|_| module.provider == Provider::Wasi);
            self.relro.pointer(bind.map(|symbol| Place { symbol, offset: 0 }));
            self.relro.u32(name);
            self.relro.u32(module.slot);
        }
        assert_eq!(self.relro.len() - at, IMPORT_MODULE_SIZE * env.plan.import_modules.len() as u64);
        at
    }

    fn imports(&mut self) -> u64 {
        let module = self.env.module;
        let imports = || module.imports.iter().filter(|import| !import.is_builtin());
        let names: Vec<u32> = imports().map(|i| self.string(i.name)).collect();
        let at = self.relro.align(8);
        for (number, import) in imports().enumerate() {
            let (accessor, provider) = self.symbols.imports[number];
            self.relro.pointer(accessor.map(|symbol| Place { symbol, offset: 0 }));
            self.relro.pointer(Some(Place { symbol: provider, offset: 0 }));
            self.relro.u32(kind_number(import.kind));
            self.relro.u32(import.index);
            self.relro.u32(self.env.plan.import_module(import.module) as u32);
            self.relro.u32(names[number]);
            self.relro.u32(entity_type(self.env, import.kind, import.index));
            let is_function = import.kind == ExternalKind::Func;
            let code = self.env.plan.import_code.get(&import.index).filter(|_| is_function);
            self.relro.u32(code.copied().unwrap_or(0));
        }
        assert_eq!(self.relro.len() - at, IMPORT_SIZE * names.len() as u64);
        at
    }

    fn memories(&mut self) -> u64 {
        let at = self.rodata.align(8);
        for ((ty, import), plan) in self.env.module.memories.iter().zip(&self.env.plan.memories) {
            self.rodata.u64(ty.initial);
            self.rodata.u64(ty.maximum.unwrap_or(u64::MAX));
            self.rodata.u32(plan.page_log2);
            let mode = match plan.mode {
                _ if plan.auto => MODE_AUTO,
                MemoryMode::Guard => MODE_GUARD,
                MemoryMode::Checked => MODE_CHECKED,
                MemoryMode::Fixed => MODE_FIXED,
            };
            let flags = [u8::from(ty.memory64), u8::from(ty.shared), mode as u8, u8::from(plan.exported)];
            self.rodata.bytes(&flags);
            self.rodata.u32(import.map_or(u32::MAX, |i| i));
            let flags = [
                (plan.compact, MEMORY_COMPACT),
                (plan.virtual_pages.is_some(), MEMORY_VIRTUAL),
                (plan.virtual_pages == Some(Virtual::Empty), MEMORY_EMPTY),
                (plan.exact, MEMORY_EXACT),
                (plan.immutable, MEMORY_IMMUTABLE),
                (plan.bindable, MEMORY_BINDABLE),
                (plan.cow, MEMORY_COW),
            ];
            self.rodata.u32(flags.iter().filter(|(on, _)| *on).fold(0, |all, (_, flag)| all | *flag as u32));
            for bytes in [plan.limit.unwrap_or(0), plan.no_access, plan.read_only.0, plan.read_only.1] {
                self.rodata.u64(bytes);
            }
        }
        assert_eq!(self.rodata.len() - at, MEMORY_DESC_SIZE * self.env.module.memories.len() as u64);
        at
    }

    fn tables(&mut self) -> u64 {
        let at = self.rodata.align(8);
        for (table, plan) in self.env.module.tables.iter().zip(&self.env.plan.tables) {
            self.rodata.u64(table.ty.initial);
            self.rodata.u64(table.ty.maximum.unwrap_or(u64::MAX));
            self.rodata.bytes(&[u8::from(table.ty.table64), u8::from(plan.is_static()), 0, 0]);
            self.rodata.u32(type_code(self.env, ValType::Ref(table.ty.element_type)));
            self.rodata.u32(table.import.unwrap_or(u32::MAX));
            let init = if plan.is_static() { ElementItem::Null } else { table.init };
            self.rodata.u32(item_code(self.env, init));
        }
        assert_eq!(self.rodata.len() - at, TABLE_DESC_SIZE * self.env.module.tables.len() as u64);
        at
    }

    fn globals(&mut self) -> u64 {
        self.rodata.array(self.env.plan.globals.iter().map(|g| match g {
            GlobalPlan::Constant(_) => 0,
            GlobalPlan::Slot(distance) | GlobalPlan::Imported(distance) => *distance,
        }))
    }

    fn types(&mut self) -> (u64, u64) {
        let mut bytes = Vec::new();
        let mut starts = vec![0];
        for &ty in &self.env.plan.types {
            encode_type(self.env, ty, &mut bytes);
            starts.push(bytes.len() as u32);
        }
        let start = self.rodata.array(starts);
        let data = self.rodata.len();
        self.rodata.bytes(&bytes);
        (start, data)
    }

    fn funcs(&mut self) -> u64 {
        let env = self.env;
        let at = self.rodata.align(4);
        for &version in env.versions() {
            for &function in &env.plan.funcs {
                self.rodata.u32(self.text.function(function, version));
                self.rodata.u32(env.plan.type_number(env.module.functions[function as usize].ty));
                self.rodata.u32(function);
            }
        }
        let count = env.plan.funcs.len() * env.versions().len();
        assert_eq!(self.rodata.len() - at, FUNC_DESC_SIZE * count as u64);
        at
    }

    fn elements(&mut self, computed: &mut u64) -> (u64, u64) {
        let env = self.env;
        let mut items: Vec<u32> = Vec::new();
        let mut rows = Vec::new();
        for element in &env.module.elements {
            let start = items.len() as u64;
            let (mode, table, offset) = match &element.mode {
                ElementMode::Active { table, .. } if env.plan.tables[*table as usize].is_static() => {
                    (SEGMENT_DECLARED, 0, 0)
                }
                ElementMode::Active { table, offset } => {
                    let (mode, offset) = segment_offset(offset, computed);
                    (mode, *table, offset)
                }
                ElementMode::Passive => (SEGMENT_PASSIVE, 0, 0),
                ElementMode::Declared => (SEGMENT_DECLARED, 0, 0),
            };
            if mode != SEGMENT_DECLARED {
                items.extend(element.items.iter().map(|&item| item_code(env, item)));
            }
            rows.push([offset, start, items.len() as u64 - start, u64::from(table) | mode << 32]);
        }
        (self.rows(&rows), self.rodata.array(items))
    }

    fn data(&mut self, computed: &mut u64) -> (u64, u64) {
        let env = self.env;
        let data = self.rodata.align(16);
        let mut rows = Vec::new();
        for plan in &env.plan.data {
            let (mode, memory, offset, bytes) = match plan {
                DataPlan::Image { memory, offset, bytes } => (SEGMENT_ACTIVE, *memory, *offset, &bytes[..]),
                DataPlan::Kept(index) => kept_segment(&env.module.data[*index as usize], computed),
                DataPlan::Mapped { memory, offset, bytes } => {
                    let (start, length) = (self.image.len() as u64, bytes.len() as u64);
                    self.image.extend_from_slice(bytes);
                    rows.push([*offset, start, length, u64::from(*memory) | SEGMENT_MAPPED << 32]);
                    continue;
                }
            };
            let start = self.rodata.len() - data;
            self.rodata.bytes(bytes);
            rows.push([offset, start, bytes.len() as u64, u64::from(memory) | mode << 32]);
        }
        (self.rows(&rows), data)
    }

    /// The section of mapped data: the bytes, and by what a file that holds them is known.
    pub fn image_section(&mut self) -> Vec<u8> {
        const MAGIC: &[u8; 16] = b"palisade image\0\0";
        const { assert!(MAGIC.len() + 16 == IMAGE_ID_SIZE as usize) };
        let mut section = std::mem::take(&mut self.image);
        let size = section.len() as u64;
        let mut hasher = DefaultHasher::new();
        hasher.write(&section);
        section.extend_from_slice(MAGIC);
        section.extend(size.to_le_bytes());
        section.extend(hasher.finish().to_le_bytes());
        section
    }

    fn tags(&mut self) -> u64 {
        let module = self.env.module;
        let names: Vec<u32> = module.tag_names().into_iter().map(|name| self.string(name)).collect();
        let at = self.rodata.align(4);
        for (tag, name) in module.tags.iter().zip(names) {
            let (_, size) = signature::payload(&module.types[tag.ty as usize]);
            let ty = self.env.plan.type_number(tag.ty);
            for number in [ty, name, size, u32::from(tag.import.is_some())] {
                self.rodata.u32(number);
            }
        }
        assert_eq!(self.rodata.len() - at, TAG_DESC_SIZE * module.tags.len() as u64);
        at
    }

    /// Globals that hold an exnref at run time, and their number.
    fn exn_globals(&mut self) -> (u64, usize) {
        let holds = |index: usize| !matches!(self.env.plan.globals[index], GlobalPlan::Constant(_));
        let globals = self.env.module.globals.iter().enumerate();
        let found: Vec<u32> = globals
            .filter(|(index, global)| matches!(global.ty, ValType::Ref(r) if refers_to_exception(r)) && holds(*index))
            .map(|(index, _)| index as u32)
            .collect();
        (self.rodata.array(found.iter().copied()), found.len())
    }

    fn handlers(&mut self) -> HandlerTables {
        let (text, generated) = (self.text, self.generated);
        let (mut sites, mut scopes, mut clauses) = (Vec::new(), Vec::new(), Vec::new());
        for (at, code) in text.function_codes(generated) {
            let Some((function_scopes, frame)) = &code.tries else { continue };
            // Counts of things that each take bytes in the wasm file.
            let base = scopes.len() as u32 / SCOPE_WORDS;
            sites.extend(code.handler_sites.iter().map(|s| (at + s.offset, base + s.scope, at + s.landing)));
            for scope in function_scopes {
                let parent = scope.parent.map_or(SCOPE_NONE as u32, |parent| base + parent);
                let first = clauses.len() as u32 / 2;
                scopes.extend([parent, first, scope.clauses.len() as u32, frame.size, frame.pinned]);
                clauses.extend(scope.clauses.iter().flat_map(|clause| {
                    let keep = if clause.keep { CLAUSE_KEEP as u32 } else { 0 };
                    [clause.tag.unwrap_or(CLAUSE_ALL as u32) | keep, clause.number]
                }));
            }
        }
        HandlerTables {
            code: self.rodata.array(sites.iter().map(|s| s.0)),
            scope: self.rodata.array(sites.iter().map(|s| s.1)),
            landing: self.rodata.array(sites.iter().map(|s| s.2)),
            scopes: self.rodata.array(scopes),
            clauses: self.rodata.array(clauses),
            count: sites.len(),
        }
    }

    /// Which registers frames keep: neighbours that keep the same are one entry.
    fn frames(&mut self) -> FrameTables {
        let (text, generated) = (self.text, self.generated);
        let (mut starts, mut firsts, mut saved) = (Vec::new(), Vec::new(), vec![0]);
        let mut known: HashMap<&[SavedRegister], u32> = HashMap::from([(&[][..], 0)]);
        for (at, code) in text.codes(generated) {
            let first = *known.entry(&code.saved).or_insert_with(|| {
                // A few dozen combinations of a few dozen numbers, below a few hundred bytes each.
                let first = saved.len() as u32;
                saved.push(code.saved.len() as u32);
                saved.extend(code.saved.iter().map(|register| register.below << 8 | u32::from(register.number)));
                first
            });
            if firsts.last() != Some(&first) {
                starts.push(at);
                firsts.push(first);
            }
        }
        let count = starts.len();
        let [start, first, saved] = [starts, firsts, saved].map(|array| self.rodata.array(array));
        FrameTables { start, first, saved, count }
    }

    /// Segments: three numbers, then index and mode as halves of the fourth.
    fn rows(&mut self, rows: &[[u64; 4]]) -> u64 {
        const { assert!(DATA_SEGMENT_SIZE == 32 && ELEM_SEGMENT_SIZE == 32) };
        let at = self.rodata.align(8);
        rows.iter().flatten().for_each(|&number| self.rodata.u64(number));
        at
    }

    /// `struct pal_export` of each export: (name, offset in `relro`).
    pub fn exports(&mut self, descriptor: u64) -> Vec<(String, u64)> {
        let env = self.env;
        let mut places = Vec::new();
        for export in &env.module.exports {
            let at = self.relro.align(8);
            self.relro.pointer(self.relro_place(descriptor));
            self.relro.u32(kind_number(export.kind));
            self.relro.u32(export.index);
            self.relro.u32(entity_type(env, export.kind, export.index));
            self.relro.u32(0);
            assert_eq!(self.relro.len() - at, EXPORT_SIZE);
            places.push((export.name.to_owned(), at));
        }
        places
    }
}

/// Mode, memory, offset and bytes of a segment.
fn kept_segment<'a>(segment: &Data<'a>, computed: &mut u64) -> (u64, u32, u64, &'a [u8]) {
    match &segment.mode {
        DataMode::Active { memory, offset } => {
            let (mode, offset) = segment_offset(offset, computed);
            (mode, *memory, offset, segment.bytes)
        }
        DataMode::Passive => (SEGMENT_PASSIVE, 0, 0, segment.bytes),
    }
}

/// Features of the CPU that Cranelift may use, for the runtime to check.
fn cpu_features(env: &Env<'_>) -> u32 {
    let bit = |name: &str| match name {
        "has_sse3" => CPU_SSE3,
        "has_ssse3" => CPU_SSSE3,
        "has_cmpxchg16b" => CPU_CMPXCHG16B,
        "has_sse41" => CPU_SSE41,
        "has_sse42" => CPU_SSE42,
        "has_popcnt" => CPU_POPCNT,
        "has_avx" => CPU_AVX,
        "has_fma" => CPU_FMA,
        "has_avx2" => CPU_AVX2,
        "has_bmi1" => CPU_BMI1,
        "has_bmi2" => CPU_BMI2,
        "has_lzcnt" => CPU_LZCNT,
        "has_v" => CPU_RISCV_V,
        _ if name.starts_with("has_avx512") => CPU_AVX512,
        _ => 0,
    };
    let on = env.isa.isa_flags().into_iter().filter(|f| f.as_bool() == Some(true));
    on.fold(0, |bits, flag| bits | bit(flag.name) as u32)
}

struct FrameTables {
    start: u64,
    first: u64,
    saved: u64,
    count: usize,
}

struct HandlerTables {
    code: u64,
    scope: u64,
    landing: u64,
    scopes: u64,
    clauses: u64,
    count: usize,
}

/// `struct pal_scope` in numbers.
const SCOPE_WORDS: u32 = SCOPE_SIZE as u32 / 4;
const _: () = assert!(SCOPE_WORDS == 5 && CLAUSE_SIZE == 8);

struct SiteTables {
    code: u64,
    wasm: u64,
    kind: u64,
    count: usize,
}

/// A function's name for people, never empty.
pub fn function_label(env: &Env<'_>, index: u32) -> String {
    match env.module.function_name(index) {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => format!("func[{index}]"),
    }
}

/// Mode and offset of an active segment; computed ones are numbered as translate::stub::computed_offsets has them.
fn segment_offset(offset: &ConstExpression, computed: &mut u64) -> (u64, u64) {
    match offset.constant() {
        Some(value) => (SEGMENT_ACTIVE, value),
        None => {
            *computed += 1;
            (SEGMENT_COMPUTED, *computed - 1)
        }
    }
}

fn kind_number(kind: ExternalKind) -> u32 {
    let number = match kind {
        ExternalKind::Func | ExternalKind::FuncExact => KIND_FUNC,
        ExternalKind::Table => KIND_TABLE,
        ExternalKind::Memory => KIND_MEMORY,
        ExternalKind::Global => KIND_GLOBAL,
        ExternalKind::Tag => KIND_TAG,
    };
    number as u32
}

/// `type` of `pal_import` and `pal_export`.
fn entity_type(env: &Env<'_>, kind: ExternalKind, index: u32) -> u32 {
    match kind {
        ExternalKind::Func | ExternalKind::FuncExact => env.plan.type_number(env.module.functions[index as usize].ty),
        ExternalKind::Global => {
            let global = &env.module.globals[index as usize];
            let mutable = if global.mutable { GLOBAL_MUTABLE } else { 0 };
            type_code(env, global.ty) | mutable as u32
        }
        ExternalKind::Tag => env.plan.type_number(env.module.tags[index as usize].ty),
        _ => 0,
    }
}

/// An item of an element segment, or what a table's elements begin as.
fn item_code(env: &Env<'_>, item: ElementItem) -> u32 {
    match item {
        ElementItem::Null => ITEM_NULL as u32,
        ElementItem::Global(g) => ITEM_GLOBAL as u32 | g,
        ElementItem::Function(f) => ITEM_FUNC as u32 | env.plan.func_number(f).expect("planned with its use"),
    }
}

/// A value type as a number, as rt/context.h has it.
fn type_code(env: &Env<'_>, ty: ValType) -> u32 {
    let code = match ty {
        ValType::I32 => TYPE_I32,
        ValType::I64 => TYPE_I64,
        ValType::F32 => TYPE_F32,
        ValType::F64 => TYPE_F64,
        ValType::V128 => TYPE_V128,
        ValType::Ref(r) => {
            let non_null = if r.is_nullable() { 0 } else { TYPE_NON_NULL };
            non_null | heap_code(env, r.heap_type())
        }
    };
    // Below 2³²: a million types.
    code as u32
}

fn heap_code(env: &Env<'_>, ty: HeapType) -> u64 {
    match ty {
        HeapType::Concrete(UnpackedIndex::Module(index)) => {
            let number = env.plan.type_number(env.module.canonical_type(index));
            TYPE_CONCRETE | u64::from(number) << TYPE_SHIFT
        }
        HeapType::Abstract { ty: AbstractHeapType::Extern, .. } => TYPE_EXTERNREF,
        HeapType::Abstract { ty: AbstractHeapType::NoExtern, .. } => TYPE_NOEXTERN,
        HeapType::Abstract { ty: AbstractHeapType::NoFunc, .. } => TYPE_NOFUNC,
        HeapType::Abstract { ty: AbstractHeapType::Exn, .. } => TYPE_EXNREF,
        HeapType::Abstract { ty: AbstractHeapType::NoExn, .. } => TYPE_NOEXN,
        _ => TYPE_FUNCREF,
    }
}

/// A function type as the runtime interns it, see rt/context.h.
fn encode_type(env: &Env<'_>, canonical: u32, out: &mut Vec<u8>) {
    let shape = env.module.shapes[canonical as usize];
    if shape.continues {
        out.push(TYPE_CONTINUES as u8);
    }
    if !shape.is_final || shape.supertype.is_some() {
        out.push(if shape.is_final { TYPE_SUB_FINAL } else { TYPE_SUB } as u8);
        out.push(u8::from(shape.supertype.is_some()));
        if let Some(supertype) = shape.supertype {
            out.extend(env.plan.type_number(supertype).to_le_bytes());
        }
    }
    let ty = &env.module.types[canonical as usize];
    out.push(TYPE_FUNC as u8);
    for list in [ty.params(), ty.results()] {
        let mut count = list.len() as u32;
        while count >= 0x80 {
            out.push(count as u8 | 0x80);
            count >>= 7;
        }
        out.push(count as u8);
        list.iter().for_each(|&ty| encode_value_type(type_code(env, ty), out));
    }
}

/// One byte where the binary format has one; else a prefix and, for an index, four bytes.
fn encode_value_type(code: u32, out: &mut Vec<u8>) {
    let non_null = code & TYPE_NON_NULL as u32 != 0;
    if code & TYPE_CONCRETE as u32 != 0 {
        out.extend([if non_null { TYPE_REF } else { TYPE_REF_NULL } as u8, TYPE_INDEX as u8]);
        out.extend((code >> TYPE_SHIFT).to_le_bytes());
    } else {
        out.extend(non_null.then_some(TYPE_REF as u8));
        out.push(code as u8);
    }
}
