//! How each memory is accessed.

use crate::error::{Error, Result};
use crate::read::Module;
use wasmparser::ExternalKind;

/// How code reaches a memory's bytes (design: "code mode").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryMode {
    /// 4 GiB and a guard reserved: no checks.
    Guard,
    /// Explicit checks against the view's size.
    Checked,
}

/// The plan of one memory.
#[derive(Debug, Clone)]
pub struct MemoryPlan {
    /// How it is accessed.
    pub mode: MemoryMode,
    /// The import it comes from.
    pub import: Option<u32>,
    /// Addresses are i64.
    pub index64: bool,
    /// Other threads may use it at the same time; it never moves.
    pub shared: bool,
    /// log2 of the page size.
    pub page_log2: u32,
    /// Declared minimum in bytes, saturated.
    pub minimum_bytes: u64,
    /// Others may see it.
    pub exported: bool,
    /// Why this mode, for `--plan`.
    pub reason: &'static str,
}

/// A `--memory` option: `TARGET:key[=value],…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemorySpec {
    target: String,
    mode: MemoryMode,
}

impl MemorySpec {
    /// Parses a `--memory` option. Keys beyond `mode=guard` and `mode=checked` are named in the error.
    pub fn parse(text: &str) -> Result<MemorySpec> {
        let (target, keys) = text
            .split_once(':')
            .ok_or_else(|| Error::new(format!("--memory {text}: expected TARGET:key[=value],…")))?;
        let mut mode = None;
        for key in keys.split(',') {
            mode = Some(match key {
                "mode=guard" => MemoryMode::Guard,
                "mode=checked" => MemoryMode::Checked,
                _ => return Err(Error::new(format!("--memory {text}: {key:?} is not supported"))),
            });
        }
        if target.starts_with("new:") {
            return Err(Error::new(format!("--memory {text}: adding a memory is not supported")));
        }
        let mode = mode.ok_or_else(|| Error::new(format!("--memory {text}: no key")))?;
        Ok(MemorySpec { target: target.to_owned(), mode })
    }
}

/// Plans all memories. Specific specs beat `*`; later ones beat earlier ones.
pub fn plan(module: &Module<'_>, specs: &[MemorySpec]) -> Result<Vec<MemoryPlan>> {
    if let Some(text) = module.memory_section {
        let first = text.lines().next().unwrap_or_default();
        return Err(Error::new(format!("custom section palisade.memory ({first:?}) is not supported")));
    }
    let mut used = vec![false; specs.len()];
    let mut plans = Vec::new();
    for index in 0..module.memories.len() as u32 {
        let spec = find_spec(module, specs, index, &mut used);
        plans.push(plan_one(module, index, spec)?);
    }
    if let Some((spec, _)) = specs.iter().zip(used).find(|(spec, used)| !used && spec.target != "*") {
        return Err(Error::new(format!("--memory {}: the module has no such memory", spec.target)));
    }
    Ok(plans)
}

fn find_spec<'s>(
    module: &Module<'_>,
    specs: &'s [MemorySpec],
    index: u32,
    used: &mut [bool],
) -> Option<&'s MemorySpec> {
    let named = |name: &str| {
        module.names.memory(index) == Some(name)
            || module.exports.iter().any(|e| e.kind == ExternalKind::Memory && e.index == index && e.name == name)
    };
    let mut found = None;
    for (at, spec) in specs.iter().enumerate() {
        if spec.target == index.to_string() || named(&spec.target) {
            used[at] = true;
            found = Some(spec);
        }
    }
    found.or_else(|| specs.iter().rfind(|s| s.target == "*"))
}

fn plan_one(module: &Module<'_>, index: u32, spec: Option<&MemorySpec>) -> Result<MemoryPlan> {
    let (ty, import) = &module.memories[index as usize];
    let page_log2 = ty.page_size_log2.unwrap_or(16);
    let guardable = !ty.memory64 && page_log2 == 16;
    let (mode, reason) = match spec {
        Some(MemorySpec { mode: MemoryMode::Guard, .. }) if !guardable => {
            return Err(Error::new(format!(
                "--memory: memory {index} is 64-bit or has small pages: guard is impossible"
            )));
        }
        Some(spec) => (spec.mode, "asked for by --memory"),
        None if index == 0 && guardable => (MemoryMode::Guard, "memory 0, 32-bit"),
        None if ty.memory64 => (MemoryMode::Checked, "64-bit"),
        None if page_log2 != 16 => (MemoryMode::Checked, "custom page size"),
        None => (MemoryMode::Checked, "not memory 0"),
    };
    Ok(MemoryPlan {
        mode,
        import: *import,
        index64: ty.memory64,
        shared: ty.shared,
        page_log2,
        minimum_bytes: ty.initial.checked_shl(page_log2).filter(|b| b >> page_log2 == ty.initial).unwrap_or(u64::MAX),
        exported: module.exports.iter().any(|e| e.kind == ExternalKind::Memory && e.index == index),
        reason,
    })
}
