//! The examples do what their READMEs say.

mod support;

use support::{machines, root, run, run_with_input, scratch};

#[test]
fn hello_counts_lines_words_and_bytes() {
    for machine in machines() {
        let dir = scratch();
        let program = dir.path().join("hello");
        run(machine.palisade().arg(root().join("examples/hello/hello.wat")).arg("-o").arg(&program)).expect(0);
        let long = "ab cd\n".repeat(100_000);
        for (input, answer) in [
            ("", "0 lines, 0 words and 0 bytes"),
            ("one two\n\tthree\n\nfour", "3 lines, 4 words and 20 bytes"),
            (&long, "100000 lines, 200000 words and 600000 bytes"),
        ] {
            let ran = run_with_input(&mut machine.command(&program), input.as_bytes()).expect(0);
            assert_eq!(ran.stdout(), format!("Hello! You gave me {answer}.\n"), "{}", machine.triple);
        }
    }
}

/// Every example has a README, and the README of the project starts with the first one.
#[test]
fn examples_are_described() {
    for entry in std::fs::read_dir(root().join("examples")).expect("a folder") {
        let path = entry.expect("an entry").path();
        assert!(path.join("README.md").is_file(), "{} has no README.md", path.display());
    }
    let readme = std::fs::read_to_string(root().join("README.md")).expect("README.md");
    assert!(readme.contains("cargo run --release -- examples/hello/hello.wat -o hello && ./hello < README.md"));
}
