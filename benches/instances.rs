//! `instances`: many small ones, made and freed, held, called.

use crate::{Bench, host};

pub fn bench(bench: &Bench) {
    println!("\n## Instances with a memory of 64 KiB, from C\n");
    println!("| | made, called and freed, per second | each of 10,000 live ones | a call |\n| --- | --- | --- | --- |");
    for numbers in host::run(bench, "instances", &["instances"]) {
        let [made, live, call] = [0, 1, 2].map(|at| numbers.median(at));
        println!("| {} | {:.0} | {:.1} µs | {call:.1} ns |", numbers.name, 1e9 / made, live / 1e3);
    }
}
