//! The plan as a picture: one bar a memory. Widths grow with the logarithm of the sizes, or 64 KiB would not be seen
//! beside 4 GiB.

use super::space::{Range, Use, ranges};
use super::{line, memory_name, mode_name, size_text};
use crate::plan::Plan;
use crate::read::Module;

const ROW: u32 = 74;
const BAR: u32 = 30;
const LEFT: u32 = 10;
const WIDTH: u32 = 900;

pub fn describe(module: &Module<'_>, plan: &Plan) -> String {
    let count = plan.memories.len() as u32;
    let mut out = String::new();
    let height = count.max(1) * ROW + 10;
    line(
        &mut out,
        format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" font-family=\"sans-serif\" \
             font-size=\"12\">"
        ),
    );
    for index in 0..count {
        memory(&mut out, module, plan, index);
    }
    line(&mut out, format_args!("</svg>"));
    out
}

fn memory(out: &mut String, module: &Module<'_>, plan: &Plan, index: u32) {
    let memory = &plan.memories[index as usize];
    let top = index * ROW + 18;
    let name = memory_name(module, index).map_or(String::new(), |name| format!(" \"{name}\""));
    let origin = if memory.import.is_some() { ", imported: its provider decides on the address space" } else { "" };
    let title = format!("memory {index}{name}: {} ({}){origin}", mode_name(memory), memory.reason);
    line(out, format_args!("<text x=\"{LEFT}\" y=\"{top}\" font-weight=\"bold\">{}</text>", escaped(&title)));
    let mut x = LEFT;
    for range in ranges(plan, index) {
        x = bar(out, range, x, top + 8);
    }
}

/// Draws a range; gives where the next one begins.
fn bar(out: &mut String, range: Range, x: u32, y: u32) -> u32 {
    let width = 90 + range.bytes.max(1).ilog2() * 4;
    let (color, name, size) = (color(range.usage), range.usage.name(), size_text(range.bytes));
    line(
        out,
        format_args!("<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{BAR}\" fill=\"{color}\" stroke=\"#444\"/>"),
    );
    let (text_x, text_y) = (x + 5, y + 13);
    line(out, format_args!("<text x=\"{text_x}\" y=\"{text_y}\">{name}</text>"));
    let text_y = text_y + 13;
    line(out, format_args!("<text x=\"{text_x}\" y=\"{text_y}\" fill=\"#333\">{size}</text>"));
    x + width
}

fn color(usage: Use) -> &'static str {
    match usage {
        Use::Context => "#b8c9e8",
        Use::Accessible => "#bfe3bf",
        Use::NoAccess => "#e08a7a",
        Use::ReadOnly => "#f3e3a0",
        Use::Unmapped => "#dcd0ea",
        Use::Reserved => "#eeeeee",
        Use::Guard => "#f0c0b8",
    }
}

fn escaped(text: &str) -> String {
    let escape = |c: char| match c {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '"' => "&quot;".to_owned(),
        c if c < ' ' => "\u{fffd}".to_owned(), // XML has no control characters
        c => c.to_string(),
    };
    text.chars().map(escape).collect()
}
