//! `calls`: what one call takes, in each direction.

use crate::table::{Cell, Table};
use crate::{Bench, host};

const DIRECTIONS: [&str; 3] = ["host to wasm", "wasm to host", "module to module"];

pub fn bench(bench: &Bench) -> Vec<Table> {
    let measured = host::run(bench, "calls", &["calls", "calls_other"]);
    let pointer = measured[0].median(0);
    let title = format!("Calls of (i32, i32) -> i32; a C function through a pointer takes {pointer:.1} ns");
    let columns = DIRECTIONS.iter().flat_map(|direction| [(*direction).to_owned(), format!("{direction}, of C's")]);
    let mut table = Table::new(title, "", columns);
    for numbers in measured {
        let cells =
            |at: usize| [Cell::Amount(numbers.median(at), 1, "ns"), Cell::Ratio(numbers.median(at) / pointer, 1)];
        table.row(numbers.name, (1..=DIRECTIONS.len()).flat_map(cells).collect());
    }
    vec![table]
}
