//! What users ask of memories: `--memory TARGET:key[=value],…`, and the same, one a line, in a module's custom section
//! `palisade.memory`.

use crate::error::{Error, Result};
use crate::read::{Export, Module};
use std::collections::HashMap;
use wasmparser::{ExternalKind, MemoryType};

/// One `--memory` option or line of the section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemorySpec {
    target: Target,
    keys: Vec<Key>,
    origin: Origin,
    text: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    /// `*`
    All,
    /// An index, or a name: of an export or in the name section. What is the index of a memory is no name.
    One(String),
    /// `new:NAME`
    New(String),
}

/// Where a spec stands; later ones win.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// The module's custom section.
    Section,
    /// The command line.
    Option,
}

impl Origin {
    /// For messages and the plan.
    pub fn name(self) -> &'static str {
        match self {
            Origin::Section => "section palisade.memory",
            Origin::Option => "--memory",
        }
    }
}

/// `mode=…`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as in the option")]
pub enum ModeChoice {
    Guard,
    Checked,
    Fixed,
    Auto,
}

/// `read-only=…`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadOnly {
    /// So many bytes behind those without access.
    Bytes(u64),
    /// Constant data, as wasm-ld lays it out.
    Rodata,
}

/// `virtual[=empty]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Virtual {
    /// Pages that exist are mapped at first.
    Mapped,
    /// Nothing is mapped until it is asked for.
    Empty,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Key {
    Mode(ModeChoice),
    /// Of a new memory.
    Minimum(u64),
    Maximum(u64),
    Index64,
    Shared,
    Export(String),
    NoAccess(u64),
    ReadOnly(ReadOnly),
    Virtual(Virtual),
    Limit(u64),
    Exact,
    Immutable,
    Bind,
    Cow,
}

/// What is asked of one memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settings {
    /// The mode, and who asked for it.
    pub mode: Option<(ModeChoice, Origin)>,
    /// Bytes from address 0 on that must not be touched.
    pub no_access: u64,
    /// What comes next must not be written.
    pub read_only: Option<ReadOnly>,
    /// Pages can be mapped and unmapped.
    pub virtual_pages: Option<Virtual>,
    /// Bytes it can ever have.
    pub limit: Option<u64>,
    /// What is protected is so to the byte.
    pub exact: bool,
    /// Nothing changes it.
    pub immutable: bool,
    /// Instances may be given other bytes for it.
    pub bindable: bool,
    /// Large data images are mapped from the program's file.
    pub cow: bool,
}

impl MemorySpec {
    /// Parses a `--memory` option.
    pub fn parse(text: &str) -> Result<MemorySpec> {
        Self::parse_from(text, Origin::Option)
    }

    fn parse_from(text: &str, origin: Origin) -> Result<MemorySpec> {
        let fail = |what: &str| Error::new(format!("{} {text}: {what}", origin.name()));
        let (target, keys) = split(text).ok_or_else(|| fail("expected TARGET:key[=value],…"))?;
        let target = match target.strip_prefix("new:") {
            _ if target == "*" => Target::All,
            Some("") | None if target.is_empty() || target == "new:" => {
                return Err(fail("the memory's name is missing"));
            }
            Some(name) => Target::New(name.to_owned()),
            None => Target::One(target.to_owned()),
        };
        let keys = keys.split(',').map(key).collect::<Result<Vec<_>, _>>().map_err(|e| fail(&e))?;
        let describes_new =
            |k: &Key| matches!(k, Key::Minimum(_) | Key::Maximum(_) | Key::Index64 | Key::Shared | Key::Export(_));
        if !matches!(target, Target::New(_)) && keys.iter().any(describes_new) {
            return Err(fail("min, max, i64, shared and export are for new:NAME"));
        }
        Ok(MemorySpec { target, keys, origin, text: text.to_owned() })
    }

    fn error(&self, what: &str) -> Error {
        Error::new(format!("{} {}: {what}", self.origin.name(), self.text))
    }
}

/// All specs for a module: those of its section, then those of the command line.
pub fn all(module: &Module<'_>, options: &[MemorySpec]) -> Result<Vec<MemorySpec>> {
    let mut specs = Vec::new();
    if let Some((offset, text)) = module.memory_section {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        for line in lines {
            specs.push(MemorySpec::parse_from(line, Origin::Section).map_err(|e| e.or_at(offset as u64))?);
        }
    }
    specs.extend_from_slice(options);
    Ok(specs)
}

/// Adds the memories that specs ask for.
pub fn add_memories<'a>(module: &mut Module<'a>, specs: &'a [MemorySpec]) -> Result<()> {
    for spec in specs {
        let Target::New(name) = &spec.target else { continue };
        let index = module.memories.len() as u32;
        if (0..index).any(|i| is_named(module, i, name)) {
            return Err(spec.error("the module has a memory of this name"));
        }
        let ty = new_memory(spec)?;
        module.memories.push((ty, None));
        module.names.add_memory(index, name);
        for key in &spec.keys {
            let Key::Export(name) = key else { continue };
            if module.exports.iter().any(|e| e.name == name) {
                return Err(spec.error(&format!("the module exports something as {name:?}")));
            }
            module.exports.push(Export { name, kind: ExternalKind::Memory, index, offset: 0 });
        }
    }
    Ok(())
}

fn new_memory(spec: &MemorySpec) -> Result<MemoryType> {
    let mut ty = MemoryType { memory64: false, shared: false, initial: 0, maximum: None, page_size_log2: None };
    for key in &spec.keys {
        match key {
            Key::Minimum(pages) => ty.initial = *pages,
            Key::Maximum(pages) => ty.maximum = Some(*pages),
            Key::Index64 => ty.memory64 = true,
            Key::Shared => ty.shared = true,
            _ => {}
        }
    }
    // As the validator has it for declared ones.
    let most = if ty.memory64 { 1 << 48 } else { 1 << 16 };
    if ty.initial > most || ty.maximum.is_some_and(|m| m > most) {
        return Err(spec.error(&format!("a memory has at most {most} pages")));
    }
    if ty.maximum.is_some_and(|m| m < ty.initial) {
        return Err(spec.error("min is larger than max"));
    }
    if ty.shared && ty.maximum.is_none() {
        return Err(spec.error("a shared memory needs max"));
    }
    Ok(ty)
}

/// What is asked of each memory: specific specs beat `*`, then the command line beats the section, then later ones
/// beat earlier ones.
pub fn settings(module: &Module<'_>, specs: &[MemorySpec]) -> Result<Vec<Settings>> {
    let names = MemoryNames::of(module);
    let mut settings = vec![Settings::default(); module.memories.len()];
    if let Some(spec) = specs.iter().find(|spec| spec.target != Target::All && names.of_target(&spec.target).is_empty())
    {
        return Err(spec.error("the module has no such memory"));
    }
    let mut specs: Vec<&MemorySpec> = specs.iter().collect();
    specs.sort_by_key(|spec| (spec.target != Target::All, spec.origin)); // stable: later ones stay behind
    for spec in specs {
        for index in names.of_target(&spec.target) {
            spec.keys.iter().for_each(|key| settings[index as usize].apply(key, spec.origin));
        }
    }
    Ok(settings)
}

/// What memories are called.
pub(super) struct MemoryNames<'m> {
    count: u32,
    /// In the name section.
    own: HashMap<&'m str, Vec<u32>>,
    exported: HashMap<&'m str, u32>,
}

impl<'m> MemoryNames<'m> {
    pub(super) fn of(module: &'m Module<'_>) -> MemoryNames<'m> {
        let count = module.memories.len() as u32;
        let mut own: HashMap<&str, Vec<u32>> = HashMap::new();
        for index in 0..count {
            if let Some(name) = module.names.memory(index) {
                own.entry(name).or_default().push(index);
            }
        }
        let exports = module.exports.iter().filter(|e| e.kind == ExternalKind::Memory);
        MemoryNames { count, own, exported: exports.map(|e| (e.name, e.index)).collect() }
    }

    /// The memories that a spec is for.
    fn of_target(&self, target: &Target) -> Vec<u32> {
        match target {
            Target::All => (0..self.count).collect(),
            Target::New(name) => self.own.get(name.as_str()).cloned().unwrap_or_default(),
            Target::One(name) => self.of_name(name),
        }
    }

    /// The memories that an index or name stands for, in ascending order. What is the index of a memory is no name.
    pub(super) fn of_name(&self, name: &str) -> Vec<u32> {
        if let Some(index) = name.parse().ok().filter(|index: &u32| *index < self.count && index.to_string() == name) {
            return vec![index];
        }
        let mut found = self.own.get(name).cloned().unwrap_or_default();
        found.extend(self.exported.get(name));
        found.sort_unstable();
        found.dedup();
        found
    }
}

impl Settings {
    fn apply(&mut self, key: &Key, origin: Origin) {
        match key {
            Key::Mode(mode) => self.mode = Some((*mode, origin)),
            Key::NoAccess(bytes) => self.no_access = *bytes,
            Key::ReadOnly(what) => self.read_only = Some(*what),
            Key::Virtual(how) => self.virtual_pages = Some(*how),
            Key::Limit(bytes) => self.limit = Some(*bytes),
            Key::Exact => self.exact = true,
            Key::Immutable => self.immutable = true,
            Key::Bind => self.bindable = true,
            Key::Cow => self.cow = true,
            _ => {} // of new memories, or refused
        }
    }
}

fn is_named(module: &Module<'_>, index: u32, name: &str) -> bool {
    module.names.memory(index) == Some(name)
        || module.exports.iter().any(|e| e.kind == ExternalKind::Memory && e.index == index && e.name == name)
}

/// Target and keys. Names may hold colons: keys begin behind the last one that a key follows.
fn split(text: &str) -> Option<(&str, &str)> {
    let colons = || text.rmatch_indices(':').map(|(at, _)| (&text[..at], &text[at + 1..]));
    let begins_with_key = |keys: &str| {
        let first = keys.split([',', '=']).next().unwrap_or_default();
        KEYS.iter().any(|(name, _)| *name == first)
    };
    colons().find(|(_, keys)| begins_with_key(keys)).or_else(|| colons().next())
}

type ParseKey = fn(Option<&str>) -> Result<Key, String>;

/// The keys by name.
const KEYS: &[(&str, ParseKey)] = &[
    ("mode", |value| {
        Ok(Key::Mode(match value {
            Some("guard") => ModeChoice::Guard,
            Some("checked") => ModeChoice::Checked,
            Some("fixed") => ModeChoice::Fixed,
            Some("auto") => ModeChoice::Auto,
            _ => return Err("mode is guard, checked, fixed or auto".to_owned()),
        }))
    }),
    ("min", |value| pages(value).map(Key::Minimum)),
    ("max", |value| pages(value).map(Key::Maximum)),
    ("i64", |value| alone(value, Key::Index64)),
    ("shared", |value| alone(value, Key::Shared)),
    ("export", |value| match value {
        Some(name) if !name.is_empty() => Ok(Key::Export(name.to_owned())),
        _ => Err("export=NAME: the name is missing".to_owned()),
    }),
    ("no-access", |value| size(value).map(Key::NoAccess)),
    ("read-only", |value| match value {
        Some("rodata") => Ok(Key::ReadOnly(ReadOnly::Rodata)),
        _ => size(value).map(|bytes| Key::ReadOnly(ReadOnly::Bytes(bytes))),
    }),
    ("virtual", |value| match value {
        None => Ok(Key::Virtual(Virtual::Mapped)),
        Some("empty") => Ok(Key::Virtual(Virtual::Empty)),
        Some(other) => Err(format!("virtual={other}: it is virtual or virtual=empty")),
    }),
    ("limit", |value| size(value).map(Key::Limit)),
    ("exact", |value| alone(value, Key::Exact)),
    ("immutable", |value| alone(value, Key::Immutable)),
    ("bind", |value| alone(value, Key::Bind)),
    ("cow", |value| alone(value, Key::Cow)),
];

fn key(text: &str) -> Result<Key, String> {
    let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
    match KEYS.iter().find(|(known, _)| *known == name) {
        Some((_, parse)) => parse(value),
        None => Err(format!("there is no key {name:?}")),
    }
}

fn alone(value: Option<&str>, key: Key) -> Result<Key, String> {
    if value.is_none() { Ok(key) } else { Err("i64, shared, exact, immutable, bind and cow take no value".to_owned()) }
}

fn pages(value: Option<&str>) -> Result<u64, String> {
    let value = value.unwrap_or_default();
    value.parse().map_err(|_| format!("{value:?} is not a number of pages"))
}

fn size(value: Option<&str>) -> Result<u64, String> {
    parse_size(value.unwrap_or_default())
}

/// Bytes: `64KiB`, `1GiB`, `4096`.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let number: u64 = digits.parse().map_err(|_| format!("{text:?} is not a size"))?;
    let shift = match &text[digits.len()..] {
        "" | "B" => 0,
        "KiB" | "K" | "k" => 10,
        "MiB" | "M" => 20,
        "GiB" | "G" => 30,
        "TiB" | "T" => 40,
        unit => return Err(format!("unknown unit {unit:?}: B, KiB, MiB, GiB or TiB")),
    };
    number.checked_mul(1 << shift).ok_or_else(|| format!("{text} is too large"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::{Features, read};

    fn refused(text: &str) -> String {
        MemorySpec::parse(text).expect_err(text).to_string()
    }

    #[test]
    fn targets_may_hold_colons() {
        assert_eq!(split("a:b:mode=guard"), Some(("a:b", "mode=guard")));
        assert_eq!(split("new:heap:min=1,export=a:b"), Some(("new:heap", "min=1,export=a:b")));
        assert_eq!(split("0:nonsense"), Some(("0", "nonsense")));
        assert_eq!(split("mode=guard"), None);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, words) in [
            ("mode=guard", "TARGET"),
            ("0:mode=magic", "guard, checked, fixed or auto"),
            ("0:speed=11", "\"speed\""),
            ("0:min=1", "new:NAME"),
            ("new::min=1", "name is missing"),
            ("new:x:min=many", "\"many\""),
            ("new:x:i64=1", "no value"),
            ("0:bind=1", "no value"),
            ("0:cow=1", "no value"),
        ] {
            assert!(refused(text).contains(words), "{text}: {}", refused(text));
        }
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(parse_size("64KiB"), Ok(65536));
        assert_eq!(parse_size("7"), Ok(7));
        assert!(parse_size("KiB").is_err() && parse_size("1 KiB").is_err() && parse_size("99999999TiB").is_err());
    }

    #[test]
    fn specific_beats_all_and_the_command_line_beats_the_section() {
        let wat = r#"(module (memory $a 1) (memory $b 1) (memory $c 1) (memory $d 1)
            (@custom "palisade.memory" "*:mode=fixed\na:mode=guard\n\n b:mode=guard \nc:mode=guard"))"#;
        let wasm = wat::parse_str(wat).expect("text");
        let module = read(&wasm, &Features::default()).expect("a module");
        let options = ["*:mode=auto", "b:mode=checked", "c:mode=checked", "2:mode=auto"];
        let options: Vec<_> = options.iter().map(|o| MemorySpec::parse(o).expect(o)).collect();
        let specs = all(&module, &options).expect("specs");
        let settings = settings(&module, &specs).expect("settings");
        let modes: Vec<_> = settings.iter().map(|s| s.mode.expect("a mode").0).collect();
        assert_eq!(modes, [ModeChoice::Guard, ModeChoice::Checked, ModeChoice::Auto, ModeChoice::Auto]);
    }

    #[test]
    fn an_index_is_no_name() {
        let wasm = wat::parse_str(r#"(module (memory 1) (memory (export "0") i64 1) (memory (export "3") i64 1))"#);
        let wasm = wasm.expect("text");
        let module = read(&wasm, &Features::default()).expect("a module");
        let specs: Vec<_> = ["0:mode=auto", "3:mode=fixed"].map(|o| MemorySpec::parse(o).expect(o)).into();
        let settings = settings(&module, &specs).expect("settings");
        let modes: Vec<_> = settings.iter().map(|s| s.mode.map(|(mode, _)| mode)).collect();
        assert_eq!(modes, [Some(ModeChoice::Auto), None, Some(ModeChoice::Fixed)]);
    }
}
