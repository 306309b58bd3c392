//! Any bytes: an object, or an error of one line. The first byte chooses the machine.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&choice, module)) = data.split_first() else { return };
    palisade_fuzz::one_thread();
    match palisade::compile(module, &palisade_fuzz::options(choice)) {
        Ok(object) => assert!(object.bytes.starts_with(b"\x7fELF")),
        Err(e) => assert_eq!(e.to_string().lines().count(), 1, "{e}"),
    }
});
