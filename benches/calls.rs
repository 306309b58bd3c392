//! `calls`: what one call takes, in each direction.

use crate::{Bench, host};

pub fn bench(bench: &Bench) {
    let measured = host::run(bench, "calls", &["calls", "calls_other"]);
    let pointer = measured[0].median(0);
    println!("\n## Calls of (i32, i32) -> i32; a C function through a pointer takes {pointer:.1} ns\n");
    println!("| | host to wasm | wasm to host | module to module |\n| --- | --- | --- | --- |");
    for numbers in measured {
        let shown = |at: usize| format!("{:.1} ns, {:.1} ×", numbers.median(at), numbers.median(at) / pointer);
        println!("| {} | {} | {} | {} |", numbers.name, shown(1), shown(2), shown(3));
    }
}
