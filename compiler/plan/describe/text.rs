//! The plan as lines for people.

use super::space::{Use, ranges};
use super::{line, mapped_bytes, memory_name, mode_name, size_text};
use crate::plan::{GlobalPlan, MemoryMode, MemoryPlan, Plan, Provider, TablePlan};
use crate::read::Module;

pub fn describe(module: &Module<'_>, plan: &Plan) -> String {
    let mut out = String::new();
    let base = if plan.base_pinned { "memory 0's first byte" } else { "the end of the context" };
    line(&mut out, format_args!("context: {} bytes; the pinned register is {base}", plan.layout.context_size));
    for index in 0..plan.memories.len() as u32 {
        memory(&mut out, module, plan, index);
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
    let runs = plan.reached_bodies(module);
    let left_out = runs.iter().filter(|&&runs| !runs).count();
    line(&mut out, format_args!("functions: {}, of which {left_out} can't run and are left out", runs.len()));
    if !plan.builtins.is_empty() {
        let count = plan.builtins.len();
        line(&mut out, format_args!("imports from \"palisade:memory\": {count}, compiled to what they stand for"));
    }
    for import in &plan.import_modules {
        let from = if import.provider == Provider::Link { "the link" } else { "the runtime" };
        line(&mut out, format_args!("import module {:?}: from {from}, as {:?}", import.name, import.link_name));
    }
    out
}

fn memory(out: &mut String, module: &Module<'_>, plan: &Plan, index: u32) {
    let memory = &plan.memories[index as usize];
    let (ty, _) = &module.memories[index as usize];
    let (mode, how) = (mode_name(memory), explanation(memory));
    let maximum = ty.maximum.map_or("none".to_owned(), |m| m.to_string());
    let origin = if memory.import.is_some() { ", imported" } else { "" };
    let shared = if memory.shared { ", shared" } else { "" };
    let immutable = if memory.immutable { ", immutable" } else { "" };
    let bindable = if memory.bindable { ", bindable" } else { "" };
    let name = memory_name(module, index).map_or(String::new(), |name| format!(" {name:?}"));
    let (initial, reason) = (ty.initial, &memory.reason);
    line(
        out,
        format_args!(
            "memory {index}{name}{origin}{shared}{immutable}{bindable}: {mode}: {how} ({reason}); pages {initial}, maximum {maximum}"
        ),
    );
    if memory.cow {
        line(out, format_args!("    cow: {}", cow(plan, index)));
    }
    for range in ranges(plan, index) {
        let start = match u64::try_from(range.start) {
            Ok(start) => size_text(start),
            Err(_) => format!("-{}", size_text(range.start.unsigned_abs())),
        };
        let (size, usage) = (size_text(range.bytes), range.usage.name());
        let note = match range.usage {
            Use::Accessible if memory.moves => ", may move as it grows",
            Use::NoAccess | Use::ReadOnly if memory.exact => ", checked to the byte",
            Use::NoAccess | Use::ReadOnly => ", as far as host pages lie wholly inside",
            _ => "",
        };
        line(out, format_args!("    at {start:>10}: {usage}, {size}{note}"));
    }
}

/// What becomes of the data of a memory that asks for `cow`.
fn cow(plan: &Plan, index: u32) -> String {
    match mapped_bytes(plan, index) {
        0 => "data is copied: no image of 64 KiB or more is known now".to_owned(),
        bytes => format!(
            "{} of data are mapped from the program's own file on Linux, if it is still there; copied elsewhere",
            size_text(bytes)
        ),
    }
}

fn explanation(memory: &MemoryPlan) -> &'static str {
    match memory.mode {
        _ if memory.auto => "no checks where 4 GiB can be reserved, else checks; both versions of the code",
        MemoryMode::Guard => "no checks, the MMU watches",
        MemoryMode::Checked => "compared with the length",
        MemoryMode::Fixed => "compared with a constant",
    }
}
