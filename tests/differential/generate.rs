//! A seed's module, made by wasm-smith, and what is called with what.

use crate::dice::Dice;
use arbitrary::Unstructured;
use palisade::read::Features;
use wasm_smith::{Config, InstructionKind, InstructionKinds, MemoryOffsetChoices};
use wasmparser::types::EntityType;
use wasmparser::{BinaryReader, Operator, Parser, Payload, RefType, TypeRef, ValType};

/// Name of the exported global that counts down what a call may do, so that it ends.
pub const FUEL: &str = "fuel";
/// What each call gets.
pub const FUEL_A_CALL: u32 = 1000;
/// Each export is called so many times with different arguments.
const ROUNDS: usize = 2;

/// A module and what is done with it.
pub struct Subject {
    pub seed: u64,
    pub wasm: Vec<u8>,
    /// What Wasmtime gets instead, so that the two differ.
    pub other: Option<Vec<u8>>,
    /// It imports from `host.wat`.
    pub uses_host: bool,
    /// Optimization level and `--memory` option, if any, of the run.
    pub opt_level: u8,
    pub memory: Option<&'static str>,
    pub disabled_pass: Option<&'static str>,
    pub exports: Vec<Export>,
    pub calls: Vec<Call>,
    /// Calls left out: a parameter is a reference to a function that can't be null.
    pub not_called: usize,
}

pub struct Export {
    pub name: String,
    pub kind: Kind,
}

pub enum Kind {
    /// Letters of parameters (also `e` for externref, `n` for its null, `x` for exnref) and results.
    Function(String, String),
    Global(char),
    Memory,
    Table(char),
    Tag,
}

/// A call of an export by its number, with values as the driver reads them.
pub struct Call {
    pub export: usize,
    pub arguments: Vec<String>,
}

/// The proposals of the run: those that are on, and two that have to be asked for.
pub fn features() -> Features {
    let mut features = Features::default();
    for name in ["custom-page-sizes", "wide-arithmetic"] {
        assert!(features.set(name, true));
    }
    features
}

/// What the run of a seed is made of; `relaxed`: relaxed SIMD, too.
pub fn subject(seed: u64, relaxed: bool) -> Subject {
    let mut dice = Dice::new(seed);
    let with_host = dice.one_in(2);
    let typed = dice.one_in(4);
    let wasm = loop {
        let Some(wasm) = module(&mut dice, with_host, relaxed, typed) else { continue };
        if !may_wait(&wasm) && (!typed || is_supported(&wasm)) {
            break wasm;
        }
    };
    let mut subject = Subject::new(seed, wasm);
    subject.opt_level = [2, 2, 0, 1, 3][dice.below(5) as usize];
    subject.memory = dice.one_in(2).then(|| memory_mode(&mut dice, &subject.wasm)).flatten();
    let passes = palisade::optimize::PASSES;
    subject.disabled_pass = dice.one_in(4).then(|| passes[dice.below(passes.len() as u64) as usize].name);
    plan_calls(&mut subject, &mut dice);
    subject
}

impl Subject {
    /// Without calls, with default options.
    pub fn new(seed: u64, wasm: Vec<u8>) -> Subject {
        Subject {
            seed,
            uses_host: wasm.windows(5).any(|w| w == b"\x04host"),
            exports: exports(&wasm),
            wasm,
            other: None,
            opt_level: 2,
            memory: None,
            disabled_pass: None,
            calls: Vec::new(),
            not_called: 0,
        }
    }
}

/// A `--memory` option that fits memory 0.
fn memory_mode(dice: &mut Dice, wasm: &[u8]) -> Option<&'static str> {
    let types = validate(wasm);
    let types = types.as_ref();
    let ty = (types.memory_count() > 0).then(|| types.memory_at(0))?;
    let can_grow = ty.maximum != Some(ty.initial);
    let wide_or_small = ty.memory64 || ty.page_size_log2.is_some();
    match dice.below(3) {
        0 if !can_grow => Some("0:mode=fixed"),
        0 | 1 if !wide_or_small => Some("0:mode=auto"),
        _ => Some("*:mode=checked"),
    }
}

fn validate(wasm: &[u8]) -> wasmparser::types::Types {
    let mut validator = wasmparser::Validator::new_with_features(wasmparser::WasmFeatures::all());
    validator.validate_all(wasm).expect("wasm-smith makes valid modules")
}

/// `typed`: with references to functions of a type, recursion groups and subtypes, which wasm-smith has only together
/// with the rest of the GC proposal: modules that have more of it are thrown away, so they are kept small.
fn config(dice: &mut Dice, with_host: bool, relaxed: bool, typed: bool) -> Config {
    let small = if typed { 4 } else { 1 };
    // A 64-bit memory without one could grow to what only one side has room for.
    let maximum = !dice.one_in(4);
    let mut config = Config {
        available_imports: with_host.then(|| wat::parse_str(include_str!("host_imports.wat")).expect("our own text")),
        max_imports: 0,
        max_types: if typed { 4 } else { 20 },
        max_funcs: 26 + dice.below(24) as usize / small,
        min_funcs: 1 + dice.below(10) as usize / small,
        min_globals: dice.below(6) as usize,
        min_memories: dice.below(3) as u32,
        min_tables: dice.below(3) as u32,
        min_data_segments: dice.below(4) as usize / 2,
        min_element_segments: dice.below(4) as usize / 2,
        max_instructions: (50 + dice.below(350) as usize) / small,
        max_globals: 24,
        max_memories: 2 + dice.below(3) as usize,
        max_tables: 2 + dice.below(3) as usize,
        max_memory32_bytes: 10 << 16,
        max_memory64_bytes: 10 << 16,
        memory_max_size_required: maximum,
        memory64_enabled: maximum,
        max_table_elements: 1000,
        table_max_size_required: true,
        max_data_segments: 12,
        max_element_segments: 12,
        max_elements: 30,
        memory_offset_choices: MemoryOffsetChoices(80, 15, 5),
        min_exports: 3,
        export_everything: dice.one_in(2),
        disallow_traps: dice.one_in(3),
        gc_enabled: typed,
        relaxed_simd_enabled: relaxed,
        custom_page_sizes_enabled: true,
        wide_arithmetic_enabled: true,
        ..Config::default()
    };
    if dice.one_in(2) || typed {
        config.allowed_instructions = some_instructions(dice, typed);
    }
    config
}

/// Most kinds of instructions: what is left is used the more.
fn some_instructions(dice: &mut Dice, typed: bool) -> InstructionKinds {
    use InstructionKind::{Control, Memory, Numeric, Parametric, Reference, Table, Variable, Vector};
    let all = [Numeric, Vector, Reference, Parametric, Variable, Table, Memory, Control];
    let kept: Vec<_> = all.into_iter().filter(|kind| (typed && *kind == Reference) || !dice.one_in(4)).collect();
    InstructionKinds::new(&kept)
}

fn module(dice: &mut Dice, with_host: bool, relaxed: bool, typed: bool) -> Option<Vec<u8>> {
    let config = config(dice, with_host, relaxed, typed);
    let length = if typed { 400 + dice.below(3000) } else { 1000 + dice.below(20_000) };
    let bytes = dice.bytes(length as usize);
    let mut module = wasm_smith::Module::new(config, &mut Unstructured::new(&bytes)).ok()?;
    let fuel = module.ensure_termination(FUEL_A_CALL).expect("its functions are wasm-smith's own");
    Some(export_global(&module.to_bytes(), fuel))
}

/// The module with one more export: a global under the name [`FUEL`].
fn export_global(wasm: &[u8], global: u32) -> Vec<u8> {
    const EXPORTS: u8 = 7;
    const COMES_LATER: [u8; 5] = [8, 9, 10, 11, 12]; // start, elements, code, data, their count
    let mut export = vec![FUEL.len() as u8];
    export.extend(FUEL.bytes());
    export.push(3);
    leb(global, &mut export);
    let mut out = wasm[..8].to_vec();
    let mut reader = BinaryReader::new(&wasm[8..], 8);
    let mut done = false;
    while !reader.eof() {
        let id = reader.read_u8().expect("a section");
        let size = reader.read_var_u32().expect("its size");
        let content = reader.read_bytes(size as usize).expect("its content");
        let mut section = BinaryReader::new(content, 0);
        let (count, rest) = match id {
            EXPORTS => {
                let count = section.read_var_u32().expect("a count");
                (count, &content[section.current_position()..])
            }
            _ => (0, &[][..]),
        };
        if !done && (id == EXPORTS || COMES_LATER.contains(&id)) {
            let mut exports = Vec::new();
            leb(count + 1, &mut exports);
            exports.extend(rest);
            exports.extend(&export);
            push_section(EXPORTS, &exports, &mut out);
            done = true;
        }
        if id != EXPORTS {
            push_section(id, content, &mut out);
        }
    }
    if !done {
        push_section(EXPORTS, &[&[1], &export[..]].concat(), &mut out);
    }
    out
}

fn push_section(id: u8, content: &[u8], out: &mut Vec<u8>) {
    out.push(id);
    leb(content.len() as u32, out);
    out.extend(content);
}

fn leb(mut value: u32, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// It could wait on a shared memory, where nobody would wake it up.
fn may_wait(wasm: &[u8]) -> bool {
    let (mut shared, mut waits) = (false, false);
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.expect("it is well-formed") {
            Payload::ImportSection(imports) => {
                let is_shared = |import: wasmparser::Import<'_>| matches!(import.ty, TypeRef::Memory(ty) if ty.shared);
                shared |= imports.into_imports().any(|import| is_shared(import.expect("it is well-formed")));
            }
            Payload::MemorySection(memories) => {
                shared |= memories.into_iter().any(|memory| memory.expect("it is well-formed").shared);
            }
            Payload::CodeSectionEntry(body) => {
                let mut ops = body.get_operators_reader().expect("it is well-formed").into_iter();
                let wait =
                    |op: &_| matches!(op, Operator::MemoryAtomicWait32 { .. } | Operator::MemoryAtomicWait64 { .. });
                waits |= ops.any(|op| wait(&op.expect("it is well-formed")));
            }
            _ => {}
        }
    }
    shared && waits
}

/// Nothing of the GC proposal's objects, at least outside of code.
fn is_supported(wasm: &[u8]) -> bool {
    let mut options = palisade::Options::new("m");
    options.features = features();
    !palisade::describe_plan(wasm, &options, palisade::plan::PlanFormat::Text).is_err_and(|e| e.is_unsupported())
}

fn reference(ty: ValType) -> Option<RefType> {
    if let ValType::Ref(ty) = ty { Some(ty) } else { None }
}

pub fn exports(wasm: &[u8]) -> Vec<Export> {
    let types = validate(wasm);
    let types = types.as_ref();
    let exports = types.core_exports().expect("a module");
    exports.map(|(name, ty)| Export { name: name.to_owned(), kind: kind(&types, ty) }).collect()
}

fn kind(types: &wasmparser::types::TypesRef<'_>, ty: EntityType) -> Kind {
    let letter = crate::support::linked::letter;
    match ty {
        EntityType::Func(id) | EntityType::FuncExact(id) => {
            let ty = types[id].unwrap_func();
            let parameter = |ty: &ValType| match reference(*ty) {
                Some(ty) if !ty.is_nullable() => '!',
                Some(ty) if ty.is_extern_ref() => 'e',
                Some(ty) if ty.as_non_null() == RefType::NOEXTERN => 'n',
                Some(ty) if is_exception(ty) => 'x',
                _ => letter(ty),
            };
            Kind::Function(ty.params().iter().map(parameter).collect(), ty.results().iter().map(letter).collect())
        }
        EntityType::Global(ty) => Kind::Global(letter(&ty.content_type)),
        EntityType::Memory(_) => Kind::Memory,
        EntityType::Table(ty) => Kind::Table(letter(&ValType::Ref(ty.element_type))),
        EntityType::Tag(_) => Kind::Tag,
    }
}

fn is_exception(ty: RefType) -> bool {
    [RefType::EXN, RefType::NOEXN].contains(&ty.as_non_null())
}

/// Calls of each export with whatever the dice say.
pub fn plan_calls(subject: &mut Subject, dice: &mut Dice) {
    for round in 0..ROUNDS {
        for (export, Export { kind, .. }) in subject.exports.iter().enumerate() {
            let Kind::Function(parameters, _) = kind else { continue };
            if parameters.contains('!') {
                subject.not_called += usize::from(round == 0);
                continue;
            }
            let arguments = parameters.chars().map(|letter| argument(letter, dice)).collect();
            subject.calls.push(Call { export, arguments });
        }
    }
}

/// In hex as in memory; a reference's number.
fn argument(letter: char, dice: &mut Dice) -> String {
    let bytes = match letter {
        'i' => interesting(dice, 32, &[]),
        'l' => interesting(dice, 64, &[]),
        'f' => interesting(dice, 32, &[0x3f80_0000, 0x7fc0_0000, 0x7f80_0000, 0x8000_0000, 0x4f00_0000, 1]),
        'd' => interesting(dice, 64, &[0x3ff0 << 48, 0x7ff8 << 48, 0xfff0 << 48, 1 << 63, 0x41e0 << 48, 1]),
        'v' => [interesting(dice, 64, &[0x7fc0_0000_0080_00ff]), dice.bytes(8)].concat(),
        'e' => return dice.below(4).to_string(),
        _ => return "0".into(),
    };
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Small numbers, powers of two and their neighbours, what `special` says, anything.
fn interesting(dice: &mut Dice, bits: u64, special: &[u64]) -> Vec<u8> {
    let value = match dice.below(if special.is_empty() { 5 } else { 8 }) {
        0 => dice.below(4),
        1 => dice.below(1 << 16),
        2 => (1u64 << dice.below(bits)).wrapping_sub(dice.below(3)),
        3 => dice.below(200).wrapping_neg(),
        4 => dice.next(),
        _ => special[dice.below(special.len() as u64) as usize],
    };
    value.to_le_bytes()[..bits as usize / 8].to_vec()
}
