//! `--enable-precise-stores`: a store that traps has written nothing, wherever it meets its memory's end or a page that
//! may not be written; and the trap tells an address inside the store.

use crate::support::{compile_with, every_machine, link_c, run, scratch};

#[test]
fn precise_stores_are_done_or_not() {
    let wasm = wat::parse_str(include_str!("stores.wat")).expect("text");
    for machine in every_machine() {
        let dir = scratch();
        let mut options = palisade::Options::new("stores");
        (options.target, options.precise_stores) = (machine.target(), Some(true));
        options.memories = vec![palisade::plan::MemorySpec::parse("0:read-only=64KiB").expect("a spec")];
        let object = compile_with(dir.path(), &wasm, &options);
        let program = link_c(&machine, dir.path(), include_str!("stores.c"), &[object], &[]);
        assert_eq!(run(&mut machine.command(&program)).expect(0).stdout(), "all good\n", "{}", machine.triple);
    }
}
