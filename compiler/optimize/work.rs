//! What each pass did in a compilation, and how long that took: for `-v`.

use super::PASSES;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Of all functions and threads.
#[derive(Debug, Default)]
pub struct Work {
    passes: Vec<Sum>,
}

#[derive(Debug, Default)]
struct Sum {
    changes: AtomicU64,
    nanoseconds: AtomicU64,
}

/// The work of one pass.
#[derive(Debug, Clone, Copy)]
pub struct PassWork {
    /// Its name.
    pub name: &'static str,
    /// So many places it changed: what it counts is what its file speaks of (checks, loops, loads…).
    pub changes: u64,
    /// CPU time, all threads together.
    pub time: Duration,
}

impl Work {
    /// Of a compilation that begins.
    pub fn new() -> Work {
        Work { passes: PASSES.iter().map(|_| Sum::default()).collect() }
    }

    /// Runs a pass, and adds up.
    pub(super) fn of(work: Option<&Work>, pass: usize, run: impl FnOnce() -> usize) -> usize {
        let Some(work) = work else { return run() };
        let begin = Instant::now();
        let changes = run();
        let sum = &work.passes[pass];
        sum.changes.fetch_add(changes as u64, Ordering::Relaxed);
        sum.nanoseconds.fetch_add(begin.elapsed().as_nanos() as u64, Ordering::Relaxed);
        changes
    }

    /// What has been done so far, in the passes' order; those of the translation are not among it.
    pub fn list(&self) -> Vec<PassWork> {
        let passes = PASSES.iter().zip(&self.passes).filter(|(pass, _)| !pass.is_translation());
        passes
            .map(|(pass, sum)| PassWork {
                name: pass.name,
                changes: sum.changes.load(Ordering::Relaxed),
                time: Duration::from_nanos(sum.nanoseconds.load(Ordering::Relaxed)),
            })
            .collect()
    }
}
