//! The plan as JSON.

use super::space::ranges;
use super::{mapped_bytes, memory_name, mode_name};
use crate::plan::{GlobalPlan, Plan, Provider, TablePlan};
use crate::read::Module;

pub fn describe(module: &Module<'_>, plan: &Plan) -> String {
    let memories = (0..plan.memories.len() as u32).map(|index| memory(module, plan, index));
    let tables = plan.tables.iter().map(|table| match table {
        TablePlan::Static(entries) => object(&[("kind", string("static")), ("entries", entries.len().to_string())]),
        TablePlan::Dynamic => object(&[("kind", string("dynamic"))]),
    });
    let imports = plan.import_modules.iter().map(|import| {
        let source = if import.provider == Provider::Link { "link" } else { "runtime" };
        object(&[
            ("module", string(&import.name)),
            ("link_name", string(&import.link_name)),
            ("source", string(source)),
        ])
    });
    let runs = plan.reached_bodies(module);
    let constants = plan.globals.iter().filter(|g| matches!(g, GlobalPlan::Constant(_))).count();
    object(&[
        ("context_bytes", plan.layout.context_size.to_string()),
        ("base_is_pinned", plan.base_pinned.to_string()),
        ("versions", if plan.version_slot.is_some() { "2" } else { "1" }.to_owned()),
        ("memories", array(memories)),
        ("tables", array(tables)),
        ("globals", plan.globals.len().to_string()),
        ("constant_globals", constants.to_string()),
        ("functions", runs.len().to_string()),
        ("functions_left_out", runs.iter().filter(|&&runs| !runs).count().to_string()),
        ("import_modules", array(imports)),
    ]) + "\n"
}

fn memory(module: &Module<'_>, plan: &Plan, index: u32) -> String {
    let memory = &plan.memories[index as usize];
    let (ty, _) = &module.memories[index as usize];
    let or_null = |value: Option<String>| value.unwrap_or_else(|| "null".to_owned());
    let space = ranges(plan, index).into_iter().map(|range| {
        object(&[
            ("start", range.start.to_string()),
            ("bytes", range.bytes.to_string()),
            ("use", string(range.usage.name())),
        ])
    });
    object(&[
        ("index", index.to_string()),
        ("name", or_null(memory_name(module, index).map(string))),
        ("mode", string(mode_name(memory))),
        ("reason", string(&memory.reason)),
        ("imported", memory.import.is_some().to_string()),
        ("exported", memory.exported.to_string()),
        ("shared", memory.shared.to_string()),
        ("index64", memory.index64.to_string()),
        ("page_bytes", (1u64 << memory.page_log2).to_string()),
        ("minimum_pages", ty.initial.to_string()),
        ("maximum_pages", or_null(ty.maximum.map(|m| m.to_string()))),
        ("moves", memory.moves.to_string()),
        ("exact", memory.exact.to_string()),
        ("immutable", memory.immutable.to_string()),
        ("bindable", memory.bindable.to_string()),
        ("mapped_bytes", mapped_bytes(plan, index).to_string()),
        ("space", array(space)),
    ])
}

fn object(fields: &[(&str, String)]) -> String {
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{}:{value}", string(name))).collect();
    format!("{{{}}}", fields.join(","))
}

fn array(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

fn string(text: &str) -> String {
    let escape = |c: char| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c < ' ' => format!("\\u{:04x}", c as u32),
        c => c.to_string(),
    };
    format!("\"{}\"", text.chars().map(escape).collect::<String>())
}
