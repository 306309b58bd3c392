//! Palisade: an ahead-of-time compiler from WebAssembly to native object files.
//!
//! A module's way, one folder a stage: [`read`] → [`plan`] → [`translate`] → [`optimize`] → [`generate`] → [`write`](mod@write), then
//! the system's linker ([`link`]). [`compile`] is all of it up to the object.

pub mod bindings;
pub mod build;
pub mod context;
pub mod error;
pub mod generate;
pub mod harden;
pub mod header;
pub mod link;
pub mod name;
pub mod optimize;
pub mod plan;
pub mod read;
pub mod target;
pub mod translate;
pub mod write;

pub use error::{Error, Result};
pub use generate::Checks;
pub use harden::Harden;
pub use link::runtime;
pub use target::Target;

use plan::{MemorySpec, Provider};
use read::{Features, Import};
use std::borrow::Cow;
use std::collections::HashSet;
use target::Registers;
use translate::Env;
use wasmparser::{ExternalKind, FuncType, MemoryType, Parser, Payload, TypeRef, ValType};

/// How to compile one module.
#[derive(Debug, Clone)]
pub struct Options {
    /// C name of the module: a C identifier, in link symbols as it is.
    pub name: String,
    /// Name of the input, for messages.
    pub file: String,
    /// C names for import modules (`--import MOD=NAME`).
    pub imports: Vec<(String, String)>,
    /// Machine to compile for.
    pub target: Target,
    /// `-O` level, 0 to 3.
    pub opt_level: u8,
    /// What makes code larger is left out: `-Os`.
    pub for_size: bool,
    /// Proposals that modules may use.
    pub features: Features,
    /// `--memory` options, in order.
    pub memories: Vec<MemorySpec>,
    /// All NaN results are the canonical NaN.
    pub nan_canonicalization: bool,
    /// Stores that don't fit write nothing, also where the CPU makes two accesses of one. By default on riscv64.
    pub precise_stores: Option<bool>,
    /// Code polls whether it is to end, and there is `pal_<mod>_interrupt`.
    pub interruptible: bool,
    /// The module becomes a program by itself, without code of others that could reach its exported memories.
    pub sealed: bool,
    /// C names of all modules that it is linked with, if they are known: what it imports from others is the host's. (If it
    /// is not, it is called as the host would call it.)
    pub linked: Option<HashSet<String>>,
    /// Optimization passes to leave out; `-O0` and `-O1` leave out all.
    pub disabled_passes: optimize::Disabled,
    /// Whether [`Object::passes`] is to be measured.
    pub measures_passes: bool,
    /// Exported functions that anybody calls; of the others there are neither symbols nor, if nothing else reaches them,
    /// code. `None`: all may be called.
    pub called_exports: Option<HashSet<String>>,
}

impl Options {
    /// Defaults for the host.
    pub fn new(name: &str) -> Options {
        Options {
            name: name.to_owned(),
            file: String::new(),
            imports: Vec::new(),
            target: Target::host(),
            opt_level: 2,
            for_size: false,
            features: Features::default(),
            memories: Vec::new(),
            nan_canonicalization: false,
            precise_stores: None,
            interruptible: false,
            sealed: false,
            linked: None,
            disabled_passes: optimize::Disabled::default(),
            measures_passes: false,
            called_exports: None,
        }
    }
}

/// A compiled module.
pub struct Object {
    /// The object file.
    pub bytes: Vec<u8>,
    /// Its C header. An error, while the object is good, if C can't tell two of its names apart.
    pub header: Result<String>,
    /// Declarations for hosts in Rust.
    pub bindings: String,
    /// What a program made of it must provide and run.
    pub interface: Interface,
    /// Explicit bounds checks of memories, before and after optimization.
    pub checks: Checks,
    /// So many calls became the code of their callee.
    pub inlined: usize,
    /// What each pass did, if that was asked for.
    pub passes: Vec<optimize::PassWork>,
}

/// The parts of a module that linking a program needs to know.
#[derive(Debug, Clone)]
pub struct Interface {
    /// C name.
    pub name: String,
    /// Import modules: name in the file, name in link symbols, who provides it.
    pub imports: Vec<(String, String, Provider)>,
    /// Every import.
    pub fields: Vec<Field>,
    /// Names of exports.
    pub exports: Vec<String>,
    /// It exports the function that its threads begin with.
    pub starts_threads: bool,
    /// Number of functions.
    pub functions: usize,
    /// So many of them can't run, and are not in the object.
    pub left_out: usize,
}

/// An import, by its names in the file.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "plain")]
pub struct Field {
    pub module: String,
    pub name: String,
    /// If it is a memory.
    pub memory: Option<MemoryType>,
}

/// The binary of a module in either format.
pub fn binary(bytes: &[u8]) -> Result<Cow<'_, [u8]>> {
    if bytes.starts_with(b"\0asm") {
        return Ok(Cow::Borrowed(bytes));
    }
    let text = std::str::from_utf8(bytes).map_err(|e| {
        Error::at(e.valid_up_to(), "neither a wasm binary (magic number \\0asm) nor wasm text (not UTF-8)")
    })?;
    wat::parse_str(text).map(Cow::Owned).map_err(|e| Error::new(text_message(&e.to_string())))
}

/// The text parser's message with its place, on one line.
fn text_message(message: &str) -> String {
    let mut lines = message.lines();
    let first = lines.next().unwrap_or_default().to_owned();
    match lines.find_map(|l| l.trim().strip_prefix("--> ")) {
        Some(place) => format!("{first} ({place})"),
        None => first,
    }
}

/// The parser of text has no switch for them.
fn refuse_annotations(bytes: &[u8], features: &Features) -> Result<()> {
    let text = if features.annotations { None } else { std::str::from_utf8(bytes).ok() };
    match text.filter(|text| !text.starts_with('\0')).and_then(read::first_annotation) {
        Some(at) => Err(Error::at(at, "annotations are disabled")),
        None => Ok(()),
    }
}

/// Compiles a module, binary or text, to an object file.
pub fn compile(wasm: &[u8], options: &Options) -> Result<Object> {
    compile_with(wasm, options, &|_| Box::new(|| {}))
}

/// What is called once for each compiled function, from any thread.
pub type Progress = Box<dyn Fn() + Sync>;

/// As [`compile`]; `start` is told the number of functions and gives what is called for each.
pub fn compile_with(wasm: &[u8], options: &Options, start: &dyn Fn(u64) -> Progress) -> Result<Object> {
    with_env(wasm, options, |env| {
        let progress = start((env.module.bodies.len() * env.versions().len()) as u64);
        let generated = generate::generate(env, &*progress)?;
        let bytes = write::write(env, &generated, &write::WriteOptions { name: &options.name })?;
        Ok(Object {
            bytes,
            header: header::header(env, options),
            bindings: bindings::bindings(env, &options.name),
            interface: interface(env, options),
            checks: generated.functions.iter().flatten().map(|code| code.checks).sum(),
            inlined: generated.functions.iter().flatten().map(|code| code.inlined).sum(),
            passes: env.work.map(optimize::Work::list).unwrap_or_default(),
        })
    })
}

/// Cranelift's IR of all functions as text.
pub fn clif(wasm: &[u8], options: &Options) -> Result<String> {
    with_env(wasm, options, generate::clif)
}

/// An assembly listing of all functions, for reading.
pub fn assembly(wasm: &[u8], options: &Options) -> Result<String> {
    with_env(wasm, options, generate::assembly)
}

/// Names of the functions that a module imports, binary or text; of a broken one those in front of the first error.
pub fn imported_functions(wasm: &[u8]) -> Vec<String> {
    let Ok(wasm) = binary(wasm) else { return Vec::new() };
    let payloads = Parser::new(0).parse_all(&wasm).map_while(std::result::Result::ok);
    let sections = payloads.filter_map(|payload| if let Payload::ImportSection(s) = payload { Some(s) } else { None });
    let imports = sections.flat_map(|section| section.into_imports().map_while(std::result::Result::ok));
    imports.filter(|import| matches!(import.ty, TypeRef::Func(_))).map(|import| import.name.to_owned()).collect()
}

/// What each memory, table and import becomes, and why (`--plan`).
pub fn describe_plan(wasm: &[u8], options: &Options, format: plan::PlanFormat) -> Result<String> {
    with_env(wasm, options, |env| Ok(plan::describe(env.module, env.plan, format)))
}

fn with_env<T>(wasm: &[u8], options: &Options, then: impl FnOnce(&Env<'_>) -> Result<T>) -> Result<T> {
    if name::is_reserved(&options.name) {
        return Err(Error::new(format!("the module's name {:?} is reserved; choose one with --name", options.name)));
    }
    if options.name != name::c_identifier(&options.name) {
        return Err(Error::new(format!("the module's name {:?} is not a C identifier", options.name)));
    }
    let isa = |registers| options.target.isa(options.opt_level, options.nan_canonicalization, registers);
    let (isa, quick_isa) = (isa(Registers::Backtracking)?, isa(Registers::SinglePass)?);
    refuse_annotations(wasm, &options.features)?;
    let wasm = binary(wasm)?;
    let mut features = options.features;
    if !options.target.has_vectors() {
        features.without_vectors();
    }
    let explain = |error| explain_vectors(error, options);
    let mut module = read::read(&wasm, &features).map_err(explain)?;
    if let Some(called) = &options.called_exports {
        module.keep_exported_functions(called);
    }
    let specs = plan::memory_specs(&module, &options.memories)?;
    plan::add_memories(&mut module, &specs)?;
    let harden = options.target.harden;
    let disabled = match options.opt_level {
        0 | 1 => &optimize::Disabled::all(),
        _ if options.for_size => &options.disabled_passes.and_growing(),
        _ => &options.disabled_passes,
    };
    let inline = if disabled.inlining() { 0 } else { options.opt_level };
    let board = options.target.is_board();
    let (imports, linked) = (&options.imports, options.linked.as_ref());
    let mut plan = plan::plan(&module, &specs, imports, linked, options.interruptible, board, inline)?;
    plan.sealed = options.sealed;
    let disabled = &if harden.spectre { disabled.and_trusting() } else { disabled.clone() };
    let work = options.measures_passes.then(optimize::Work::new);
    let env = Env::new(&module, &plan, [&*isa, &*quick_isa], disabled, options.precise_stores, harden);
    then(&Env { work: work.as_ref(), ..env }).map_err(explain)
}

/// Says why vectors are off, if they are because of the CPU.
fn explain_vectors(error: Error, options: &Options) -> Error {
    let off = !options.target.has_vectors() && options.features.has("simd") && error.is_about_simd();
    if off { error.because("simd needs the V extension: --cpu rv64gcv") } else { error }
}

fn interface(env: &Env<'_>, options: &Options) -> Interface {
    let imports = env.module.imports.iter().filter(|import| !import.is_builtin());
    let modules = &env.plan.import_modules;
    let field = |import: &Import<'_>| Field {
        module: import.module.to_owned(),
        name: import.name.to_owned(),
        memory: (import.kind == ExternalKind::Memory).then(|| env.module.memories[import.index as usize].0),
    };
    let thread_start = FuncType::new([ValType::I32, ValType::I32], []);
    Interface {
        name: options.name.clone(),
        imports: modules.iter().map(|m| (m.name.clone(), m.link_name.clone(), m.provider)).collect(),
        fields: imports.map(field).collect(),
        exports: env.module.exports.iter().map(|e| e.name.to_owned()).collect(),
        starts_threads: env.module.exports.iter().any(|e| {
            let is_function = e.kind == ExternalKind::Func && e.name == "wasi_thread_start";
            is_function && *env.module.function_type(e.index) == thread_start
        }),
        functions: env.module.bodies.len(),
        left_out: env.plan.reached_bodies(env.module).iter().filter(|&&runs| !runs).count(),
    }
}
