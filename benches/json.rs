//! What `--json` writes: `{"machine": {…}, "rounds": N, "tables": [{"title", "columns", "rows": [{"name", "cells"}]}]}`,
//! each cell null, a text, `{"value", "unit"}` or `{"ratio"}`, with all digits.

use crate::table::{Cell, Table};

/// The document; `machine` holds names and values.
pub fn document(machine: &[(String, String)], rounds: usize, tables: &[Table]) -> String {
    let machine = list(machine, |(name, value)| format!("{}: {}", string(name), string(value)));
    let tables = list(tables, table);
    format!("{{\n \"machine\": {{{machine}}},\n \"rounds\": {rounds},\n \"tables\": [{tables}]\n}}\n")
}

fn table(table: &Table) -> String {
    let columns = list(&table.columns, |c| string(c));
    let rows = list(&table.rows, |(name, cells)| {
        format!("\n   {{\"name\": {}, \"cells\": [{}]}}", string(name), list(cells, cell))
    });
    format!("\n  {{\"title\": {}, \"columns\": [{columns}], \"rows\": [{rows}]}}", string(&table.title))
}

fn cell(cell: &Cell) -> String {
    match cell {
        Cell::Empty => "null".into(),
        Cell::Text(text) => string(text),
        Cell::Amount(value, _, unit) => format!("{{\"value\": {}, \"unit\": {}}}", number(*value), string(unit)),
        Cell::Ratio(value, _) => format!("{{\"ratio\": {}}}", number(*value)),
    }
}

/// JSON has no infinities.
fn number(value: f64) -> String {
    if value.is_finite() { value.to_string() } else { "null".into() }
}

fn list<T>(items: &[T], text: impl Fn(&T) -> String) -> String {
    items.iter().map(text).collect::<Vec<_>>().join(", ")
}

fn string(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c < ' ' => quoted += &format!("\\u{:04x}", c as u32),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}
