//! The plan as text, for `--plan`.

use super::{GlobalPlan, MemoryMode, Plan, TablePlan};
use crate::context::GUARD_SIZE;
use crate::read::Module;
use std::fmt::Write as _;
use wasmparser::ExternalKind;

/// One line per memory, table, import module and kind of global.
pub fn describe(module: &Module<'_>, plan: &Plan) -> String {
    let mut out = String::new();
    let base = if plan.base_pinned { "memory 0's first byte" } else { "the end of the context" };
    line(&mut out, format_args!("context: {} bytes; the pinned register is {base}", plan.layout.context_size));
    for (index, memory) in plan.memories.iter().enumerate() {
        let (ty, _) = &module.memories[index];
        let mode = match memory.mode {
            MemoryMode::Guard => format!("guard: 4 GiB + {} MiB reserved, no checks", GUARD_SIZE >> 20),
            MemoryMode::Checked => "checked: compared with the length".to_owned(),
        };
        let maximum = ty.maximum.map_or("none".to_owned(), |m| m.to_string());
        let origin = if memory.import.is_some() { ", imported" } else { "" };
        let shared = if memory.shared { ", shared" } else { "" };
        let name = memory_name(module, index as u32).map_or(String::new(), |name| format!(" {name:?}"));
        let (initial, reason) = (ty.initial, memory.reason);
        line(
            &mut out,
            format_args!("memory {index}{name}{origin}{shared}: {mode} ({reason}); pages {initial}, maximum {maximum}"),
        );
    }
    for (index, table) in plan.tables.iter().enumerate() {
        match table {
            TablePlan::Static(entries) => {
                line(
                    &mut out,
                    format_args!("table {index}: read-only data of {} entries (never changed)", entries.len()),
                );
            }
            TablePlan::Dynamic => line(&mut out, format_args!("table {index}: made at run time (changed or shared)")),
        }
    }
    let constants = plan.globals.iter().filter(|g| matches!(g, GlobalPlan::Constant(_))).count();
    line(&mut out, format_args!("globals: {}, of which {constants} are constants", plan.globals.len()));
    for import in &plan.import_modules {
        let from = if import.wasi { "the runtime" } else { "the link" };
        line(&mut out, format_args!("import module {:?}: from {from}, as {:?}", import.name, import.link_name));
    }
    out
}

/// From an export, else from the name section.
fn memory_name(module: &Module<'_>, index: u32) -> Option<String> {
    let export = module.exports.iter().find(|e| e.kind == ExternalKind::Memory && e.index == index);
    export.map(|e| e.name).or_else(|| module.names.memory(index)).map(str::to_owned)
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("writing to a string");
}
