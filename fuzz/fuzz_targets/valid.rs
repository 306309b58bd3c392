//! Valid modules of the proposals that are compiled: each must become an object. What the compiler refuses with an
//! error of its own kind ("… is not supported") is no finding.
#![no_main]

use libfuzzer_sys::arbitrary::{Arbitrary as _, Unstructured};
use libfuzzer_sys::{Corpus, fuzz_target};
use wasm_smith::{Config, Module};

fn config() -> Config {
    Config {
        // Not compiled yet.
        gc_enabled: false,
        custom_page_sizes_enabled: true,
        wide_arithmetic_enabled: true,
        max_memories: 4,
        max_tables: 4,
        max_imports: 20,
        ..Config::default()
    }
}

fuzz_target!(|data: &[u8]| -> Corpus {
    let mut input = Unstructured::new(data);
    let Ok(choice) = u8::arbitrary(&mut input) else { return Corpus::Reject };
    let Ok(module) = Module::new(config(), &mut input) else { return Corpus::Reject };
    palisade_fuzz::one_thread();
    match palisade::compile(&module.to_bytes(), &palisade_fuzz::options(choice)) {
        Ok(object) => assert!(object.bytes.starts_with(b"\x7fELF")),
        Err(e) => assert!(e.is_unsupported(), "{e}"),
    }
    Corpus::Keep
});
