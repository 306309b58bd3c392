//! A table of results: printed as Markdown row by row, kept for what `--json` and `--svg` write.

use std::fmt::{self, Display};

/// What stands at a row and a column.
#[derive(Debug, Clone)]
pub enum Cell {
    /// It was not measured.
    Empty,
    /// Something that is no number.
    Text(String),
    /// So much of a unit, shown with so many decimals.
    Amount(f64, usize, &'static str),
    /// A multiple of something else, shown with so many decimals: what plots show.
    Ratio(f64, usize),
}

impl Cell {
    /// A ratio, if it is known.
    pub fn ratio(value: Option<f64>, decimals: usize) -> Cell {
        value.map_or(Cell::Empty, |value| Cell::Ratio(value, decimals))
    }
}

impl Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Cell::Empty => Ok(()),
            Cell::Text(text) => f.write_str(text),
            Cell::Amount(value, decimals, "") => write!(f, "{value:.decimals$}"),
            Cell::Amount(value, decimals, unit) => write!(f, "{value:.decimals$} {unit}"),
            Cell::Ratio(value, decimals) => write!(f, "{value:.decimals$}"),
        }
    }
}

/// A title, the columns behind the rows' names, and the rows.
#[derive(Debug)]
pub struct Table {
    pub title: String,
    pub columns: Vec<String>,
    pub rows: Vec<(String, Vec<Cell>)>,
}

impl Table {
    /// A table without rows; its head is printed.
    pub fn new<S: Into<String>>(title: impl Into<String>, first: &str, columns: impl IntoIterator<Item = S>) -> Table {
        let table =
            Table { title: title.into(), columns: columns.into_iter().map(Into::into).collect(), rows: Vec::new() };
        println!("\n## {}\n\n| {first} | {} |", table.title, table.columns.join(" | "));
        println!("|{}", " --- |".repeat(table.columns.len() + 1));
        table
    }

    /// One more row, which is printed; as many cells as columns.
    pub fn row(&mut self, name: impl Into<String>, cells: Vec<Cell>) {
        assert_eq!(cells.len(), self.columns.len(), "a cell per column");
        let name = name.into();
        println!("| {name} | {} |", cells.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | "));
        self.rows.push((name, cells));
    }
}
