//! Batches side by side.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, mpsc};

use rayon::ThreadPoolBuilder;

/// Works on all numbers, each in a thread and all it starts (as many threads as rayon has); `take` gets the results in
/// order.
pub fn in_order<T: Send>(numbers: Range<u64>, work: &(impl Fn(u64) -> T + Sync), mut take: impl FnMut(u64, T)) {
    let mut next = numbers.start;
    let numbers = Mutex::new(numbers);
    let next_number = &|| numbers.lock().unwrap().next();
    let (sender, results) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..rayon::current_num_threads() {
            let sender = sender.clone();
            scope.spawn(move || {
                // The compiler's own threads: one, so that a batch never waits for pieces of another.
                let pool = ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
                while let Some(number) = next_number() {
                    sender.send((number, pool.install(|| work(number)))).expect("somebody takes it");
                }
            });
        }
        drop(sender);
        let mut early = BTreeMap::new();
        for (number, result) in results {
            early.insert(number, result);
            while let Some(result) = early.remove(&next) {
                take(next, result);
                next += 1;
            }
        }
    });
}
