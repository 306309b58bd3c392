//! The plan for people and tools: `--plan`, `--plan=json`, `--plan=svg`.

mod json;
mod space;
mod svg;
mod text;

use super::{DataPlan, MemoryMode, MemoryPlan, Plan};
use crate::read::Module;
use std::fmt::Write as _;
use wasmparser::ExternalKind;

/// How to show a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Lines for people.
    Text,
    /// For tools.
    Json,
    /// A picture.
    Svg,
}

impl Format {
    /// By its name in `--plan=NAME`.
    pub fn parse(name: &str) -> Option<Format> {
        match name {
            "text" => Some(Format::Text),
            "json" => Some(Format::Json),
            "svg" => Some(Format::Svg),
            _ => None,
        }
    }
}

/// What each memory, table, import module and kind of global becomes, and why.
pub fn describe(module: &Module<'_>, plan: &Plan, format: Format) -> String {
    match format {
        Format::Text => text::describe(module, plan),
        Format::Json => json::describe(module, plan),
        Format::Svg => svg::describe(module, plan),
    }
}

/// From an export, else from the name section.
fn memory_name<'m>(module: &Module<'m>, index: u32) -> Option<&'m str> {
    let export = module.exports.iter().find(|e| e.kind == ExternalKind::Memory && e.index == index);
    export.map(|e| e.name).or_else(|| module.names.memory(index))
}

/// Bytes of a memory's data that are mapped (`cow`).
fn mapped_bytes(plan: &Plan, index: u32) -> u64 {
    let size = |data: &DataPlan| match data {
        DataPlan::Mapped { memory, bytes, .. } if *memory == index => bytes.len() as u64,
        _ => 0,
    };
    plan.data.iter().map(size).sum()
}

fn mode_name(plan: &MemoryPlan) -> &'static str {
    match plan.mode {
        _ if plan.auto => "auto",
        MemoryMode::Guard => "guard",
        MemoryMode::Checked => "checked",
        MemoryMode::Fixed => "fixed",
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("writing to a string");
}

/// `64 KiB`: in the largest unit that leaves no fraction, or with one digit of it.
fn size_text(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let unit = if bytes == 0 { 0 } else { bytes.ilog2() as usize / 10 };
    let shift = unit * 10;
    let fraction = bytes & ((1 << shift) - 1);
    if fraction == 0 {
        return format!("{} {}", bytes >> shift, UNITS[unit]);
    }
    format!("{:.1} {}", bytes as f64 / (1u64 << shift) as f64, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::size_text;

    #[test]
    fn sizes_are_short() {
        for (bytes, text) in [(0, "0 B"), (1000, "1000 B"), (65536, "64 KiB"), (1 << 32, "4 GiB"), (1536, "1.5 KiB")] {
            assert_eq!(size_text(bytes), text);
        }
        assert_eq!(size_text(u64::MAX), "16.0 EiB");
    }
}
