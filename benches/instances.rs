//! `instances`: many small ones, made and freed, held, called.

use crate::table::{Cell, Table};
use crate::{Bench, host};

pub fn bench(bench: &Bench) -> Vec<Table> {
    let columns = ["made, called and freed, per second", "each of 10,000 live ones", "a call"];
    let mut table = Table::new("Instances with a memory of 64 KiB, from C", "", columns);
    for numbers in host::run(bench, "instances", &["instances"]) {
        let [made, live, call] = [0, 1, 2].map(|at| numbers.median(at));
        let per_second = Cell::Amount(1e9 / made, 0, "");
        table.row(numbers.name, vec![per_second, Cell::Amount(live / 1e3, 1, "µs"), Cell::Amount(call, 1, "ns")]);
    }
    vec![table]
}
