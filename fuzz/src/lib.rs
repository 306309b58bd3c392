//! What the targets share.

use palisade::{Options, Target};

/// `-O` level and machine by the low bits of a byte: both machines' code generators get their half of the inputs.
pub fn options(choice: u8) -> Options {
    let triple = if choice & 1 == 0 { "x86_64-unknown-linux-gnu" } else { "aarch64-unknown-linux-gnu" };
    let mut options = Options::new("fuzzed");
    options.target = Target::parse(triple).expect("a supported target");
    options.opt_level = if choice & 2 == 0 { 2 } else { 0 };
    // Passes that move accesses want to know that nobody protects pages.
    options.sealed = choice & 4 == 0;
    for name in ["custom-page-sizes", "wide-arithmetic"] {
        assert!(options.features.set(name, true));
    }
    options
}

/// One thread: a fuzzer's jobs are processes, and its coverage counters are not made for several threads.
pub fn one_thread() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| rayon::ThreadPoolBuilder::new().num_threads(1).build_global().expect("no pool exists yet"));
}
