//! Which tables are read-only data.

use super::scan::Scan;
use crate::read::{ElementItem, ElementMode, Module, refers_to_function};
use wasmparser::ExternalKind;

/// The plan of one table.
#[derive(Debug, Clone)]
pub enum TablePlan {
    /// Made at run time: pointers to `pal_func`, or external references.
    Dynamic,
    /// Nobody outside sees it and nothing changes it: constant data. The function of each entry.
    Static(Vec<Option<u32>>),
}

impl TablePlan {
    /// True for read-only data.
    pub fn is_static(&self) -> bool {
        matches!(self, TablePlan::Static(_))
    }
}

/// Entries of all static tables together. Further tables are made at run time: an object of gigabytes helps nobody, and
/// a few bytes of wasm can ask for a hundred tables of ten million entries.
const STATIC_LIMIT: u64 = 10_000_000;

pub fn plan(module: &Module<'_>, scan: &Scan) -> Vec<TablePlan> {
    let mut left = STATIC_LIMIT;
    let one = |index| match static_entries(module, scan, index, left) {
        Some(entries) => {
            left -= entries.len() as u64;
            TablePlan::Static(entries)
        }
        None => TablePlan::Dynamic,
    };
    (0..module.tables.len() as u32).map(one).collect()
}

/// The entries, if the table can be static: its segments have constant offsets, are in bounds and hold functions.
fn static_entries(module: &Module<'_>, scan: &Scan, index: u32, limit: u64) -> Option<Vec<Option<u32>>> {
    let table = &module.tables[index as usize];
    let exported = module.exports.iter().any(|e| e.kind == ExternalKind::Table && e.index == index);
    let seen_outside = table.import.is_some() || exported;
    let plain = refers_to_function(table.ty.element_type) && table.ty.initial <= limit;
    if seen_outside || !plain || scan.tables_used_as_values.contains(&index) {
        return None;
    }
    let mut entries = vec![entry(table.init)?; table.ty.initial as usize];
    for element in &module.elements {
        let ElementMode::Active { table, offset } = &element.mode else { continue };
        if *table != index {
            continue;
        }
        let start = usize::try_from(offset.constant()?).ok()?;
        let slots = entries.get_mut(start..start.checked_add(element.items.len())?)?;
        for (slot, item) in slots.iter_mut().zip(&element.items) {
            *slot = entry(*item)?;
        }
    }
    Some(entries)
}

/// What an item is, if that is known before the module runs.
fn entry(item: ElementItem) -> Option<Option<u32>> {
    match item {
        ElementItem::Null => Some(None),
        ElementItem::Function(f) => Some(Some(f)),
        ElementItem::Global(_) => None,
    }
}
