//! What `--svg` writes: for each table with ratios a row of bars per program, one bar per column of ratios, on a
//! logarithmic axis with a line at 1.

use crate::table::{Cell, Table};
use std::fmt::Write as _;

const COLORS: [&str; 6] = ["#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#b07aa1", "#76b7b2"];
const NAMES: f64 = 250.0; // width of the rows' names
const PLOT: f64 = 560.0; // width of the bars' area
const BAR: f64 = 9.0; // height of a bar
const HEAD: f64 = 56.0; // height of title and legend

/// A picture of all tables that have ratios.
pub fn picture(tables: &[Table]) -> String {
    let mut body = String::new();
    let mut top = 10.0;
    for table in tables {
        let series = series(table);
        if !series.is_empty() {
            top += plot(table, &series, top, &mut body) + 24.0;
        }
    }
    let width = NAMES + PLOT + 70.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{top}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{body}</svg>\n"
    )
}

/// The columns that hold ratios.
fn series(table: &Table) -> Vec<usize> {
    let has = |&at: &usize| table.rows.iter().any(|(_, cells)| ratio(&cells[at]).is_some());
    (0..table.columns.len()).filter(has).collect()
}

fn ratio(cell: &Cell) -> Option<f64> {
    match cell {
        Cell::Ratio(value, _) if value.is_finite() && *value > 0.0 => Some(*value),
        _ => None,
    }
}

/// Draws one table below `top`; its height.
fn plot(table: &Table, series: &[usize], top: f64, out: &mut String) -> f64 {
    let all = || table.rows.iter().flat_map(|(_, cells)| series.iter().filter_map(|&at| ratio(&cells[at])));
    // The axis has 1 on it, whatever the ratios are.
    let (low, high) = (all().fold(0.9, f64::min).ln(), all().fold(1.1, f64::max).ln());
    let x = |value: f64| NAMES + (value.ln() - low) / (high - low) * PLOT;
    let _ = writeln!(out, "<text x=\"4\" y=\"{}\" font-size=\"14\">{}</text>", top + 14.0, escaped(&table.title));
    for (number, &at) in series.iter().enumerate() {
        let (left, y) = (NAMES + 160.0 * number as f64, top + 34.0);
        let color = COLORS[number % COLORS.len()];
        let _ = writeln!(
            out,
            "<rect x=\"{left}\" y=\"{}\" width=\"9\" height=\"9\" fill=\"{color}\"/>\
             <text x=\"{}\" y=\"{y}\">{}</text>",
            y - 9.0,
            left + 13.0,
            escaped(&table.columns[at])
        );
    }
    let mut y = top + HEAD;
    for (name, cells) in table.rows.iter().filter(|(_, cells)| cells.iter().any(|c| ratio(c).is_some())) {
        let height = BAR * series.len() as f64;
        let _ = writeln!(out, "<text x=\"4\" y=\"{}\">{}</text>", y + height / 2.0 + 4.0, escaped(name));
        for (number, value) in series.iter().enumerate().filter_map(|(n, &at)| Some((n, ratio(&cells[at])?))) {
            let (left, right) = (x(value.min(1.0)), x(value.max(1.0)));
            let (bar, color) = (y + BAR * number as f64, COLORS[number % COLORS.len()]);
            let _ = writeln!(
                out,
                "<rect x=\"{left:.1}\" y=\"{bar:.1}\" width=\"{:.1}\" height=\"{}\" fill=\"{color}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" font-size=\"8\">{value:.2}</text>",
                (right - left).max(1.0),
                BAR - 1.0,
                right + 3.0,
                bar + BAR - 2.0
            );
        }
        y += height + 5.0;
    }
    let one = x(1.0);
    let _ = writeln!(
        out,
        "<line x1=\"{one:.1}\" y1=\"{}\" x2=\"{one:.1}\" y2=\"{y}\" stroke=\"black\"/>",
        top + HEAD - 4.0
    );
    y - top
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
