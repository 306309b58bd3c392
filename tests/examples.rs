//! The examples do what their READMEs say.

mod support;

use std::path::Path;
use std::process::Command;
use support::{AARCH64, Machine, machines, need, need_python, root, run, run_with_input, scratch};

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

#[test]
fn games_go_back() {
    for machine in machines() {
        let dir = scratch();
        let program = dir.path().join("rollback");
        let example = root().join("examples/rollback");
        let mut palisade = machine.palisade();
        palisade.args([example.join("game.wat"), example.join("host.c")]).arg("-o").arg(&program);
        run(&mut palisade).expect(0);
        let ran = run(&mut machine.command(&program)).expect(0);
        let out = ran.stdout();
        assert!(out.starts_with("3000 frames, ") && out.ends_with(", as if nothing had been late\n"), "{out}");
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

/// A line of the input.
const INPUT: &str = "palisade\n";

/// Runs the checksum example's program on a long input.
#[track_caller]
fn expect_checksum(machine: &Machine, program: &Path) {
    let input = INPUT.repeat(20_000);
    let ran = run_with_input(&mut machine.command(program), input.as_bytes()).expect(0);
    let expected = "a317c2e0 180000 bytes\ncaught: out of bounds memory access: address 0x30000 of memory 0\n";
    assert_eq!(ran.stdout(), expected, "{}", program.display());
}

/// A copy of an example, since commands write beside their files.
fn copy_of(example: &str) -> tempfile::TempDir {
    let dir = scratch();
    for entry in std::fs::read_dir(root().join("examples").join(example)).expect("the example") {
        let path = entry.expect("an entry").path();
        std::fs::copy(&path, dir.path().join(path.file_name().expect("a name"))).expect("a copy");
    }
    dir
}

fn embed() -> tempfile::TempDir {
    copy_of("embed")
}

/// A shell's command line, with palisade on the path, in a folder.
#[track_caller]
fn shell(dir: &Path, line: &str) -> String {
    let folder = Path::new(support::PALISADE).parent().expect("a folder").to_path_buf();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths([folder].into_iter().chain(std::env::split_paths(&path))).expect("a path");
    let mut command = Command::new("sh");
    command.args(["-ec", line]).env("PATH", path).env_remove("MAKEFLAGS").current_dir(dir);
    let ran = run(&mut command);
    assert!(ran.ok(), "{line}\n{}\n{}", ran.stdout(), ran.stderr());
    ran.stdout()
}

#[test]
fn embedding_works_by_hand_with_every_compiler() {
    let dir = embed();
    let host = Machine::host();
    let program = dir.path().join("host");
    shell(dir.path(), "palisade checksum.wat host.c -o host");
    expect_checksum(&host, &program);
    shell(dir.path(), "palisade -c checksum.wat --header checksum.h");
    let compilers = [
        ("gcc -std=c11", "gcc"),
        ("clang -std=c11", "clang"),
        ("clang-19 -std=c11", "clang-19"),
        ("g++ -x c++ -std=c++17", "g++"),
    ];
    for (compiler, needed) in compilers {
        if need("the example", &[needed]) {
            let warnings = "-Wall -Wextra -pedantic -Werror";
            let flags = "$(palisade --print cflags) host.c -x none checksum.o $(palisade --print libs)";
            shell(dir.path(), &format!("{compiler} {warnings} {flags} -o host"));
            expect_checksum(&host, &program);
        }
    }
    if need_python("the example with zig cc", "ziglang") {
        let zig = "python3 -m ziglang cc";
        let flags =
            format!("$(palisade --print cflags) host.c checksum.o $(palisade --print libs --cc '{zig}') -o host");
        shell(dir.path(), &format!("{zig} {flags}"));
        expect_checksum(&host, &program);
    }
    if let Some(machine) = machines().into_iter().find(|m| m.triple == AARCH64 && !m.is_host()) {
        let cross = format!("--target {AARCH64} --cc aarch64-linux-gnu-gcc");
        shell(dir.path(), &format!("palisade -c {cross} checksum.wat --header checksum.h"));
        let flags = format!("-static host.c checksum.o $(palisade --print libs {cross}) -o host");
        shell(dir.path(), &format!("aarch64-linux-gnu-gcc $(palisade --print cflags) {flags}"));
        expect_checksum(&machine, &program);
    }
}

#[test]
fn make_builds_what_has_changed() {
    if !need("the Makefile", &["make"]) {
        return;
    }
    let dir = embed();
    shell(dir.path(), "make");
    expect_checksum(&Machine::host(), &dir.path().join("host"));
    assert!(shell(dir.path(), "make").contains("up to date"));
    let built = shell(dir.path(), "sleep 0.1; touch checksum.wat; make");
    assert!(built.contains("palisade -c") && built.contains("host.c"), "{built}");
}

#[test]
fn cmake_has_a_package() {
    if !need("the CMake package", &["cmake", "make"]) {
        return;
    }
    let dir = embed();
    shell(dir.path(), "cmake -B build -DCMAKE_PREFIX_PATH=$(palisade --print cmake-dir) && cmake --build build");
    expect_checksum(&Machine::host(), &dir.path().join("build/host"));
    let again = shell(dir.path(), "cmake --build build");
    assert!(!again.contains("WebAssembly"), "{again}");
    assert!(shell(dir.path(), "sleep 0.1; touch checksum.wat; cmake --build build").contains("WebAssembly"));
    if let Some(machine) = machines().into_iter().find(|m| m.triple == AARCH64 && !m.is_host()) {
        let system = "-DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_EXE_LINKER_FLAGS=-static";
        let compilers = "-DCMAKE_C_COMPILER=aarch64-linux-gnu-gcc -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++";
        let package = "-DPalisade_DIR=$(palisade --print cmake-dir)";
        shell(dir.path(), &format!("cmake -B cross {system} {compilers} {package} && cmake --build cross"));
        expect_checksum(&machine, &dir.path().join("cross/host"));
    }
}

#[test]
fn meson_finds_palisade_with_pkg_config() {
    if !need("Meson", &["meson", "ninja", "pkg-config"]) {
        return;
    }
    let dir = embed();
    shell(dir.path(), "PKG_CONFIG_PATH=$(palisade --print pkg-config-dir) meson setup build && ninja -C build");
    expect_checksum(&Machine::host(), &dir.path().join("build/host"));
    assert!(shell(dir.path(), "ninja -C build").contains("no work to do"));
    assert!(shell(dir.path(), "sleep 0.1; touch checksum.wat; ninja -C build").contains("Linking target host"));
}

/// What cargo does with the example in Rust, without building the compiler once more: its build script's one call, then
/// the lines for cargo as arguments.
#[test]
fn rust_programs_link_modules_in_their_build_scripts() {
    let dir = scratch();
    let example = root().join("examples/rust");
    let script = std::fs::read_to_string(example.join("build.rs")).expect("a build script");
    assert!(script.contains(r#"palisade::build::Module::new("../embed/checksum.wat").compile()"#), "{script}");
    let module = palisade::build::Module::new(example.join("../embed/checksum.wat")).out_dir(dir.path());
    let lines = module.try_compile().expect("a module");
    let program = dir.path().join("program");
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.args(["--edition=2024", "-Dwarnings", "-o"]).arg(&program).arg(example.join("src/main.rs"));
    for line in &lines {
        match line.strip_prefix("cargo::").and_then(|l| l.split_once('=')) {
            Some(("rustc-link-search", folder)) => rustc.args(["-L", folder]),
            Some(("rustc-link-lib", library)) => rustc.args(["-l", library]),
            Some(("rerun-if-changed", _)) => &mut rustc,
            _ => panic!("a line that cargo may not know: {line}"),
        };
    }
    let compiled = run(rustc.env("OUT_DIR", dir.path()));
    assert!(compiled.ok(), "{}", compiled.stderr());
    expect_checksum(&Machine::host(), &program);
}

/// docs/embedding.md: its C library and its host, as they stand there.
#[test]
fn the_tutorial_works_as_written() {
    if !need_python("the tutorial", "ziglang") {
        return;
    }
    let text = std::fs::read_to_string(root().join("docs/embedding.md")).expect("the tutorial");
    let blocks: Vec<&str> = text.split("```c\n").skip(1).filter_map(|b| b.split("```").next()).collect();
    let dir = scratch();
    for (name, block) in ["upper.c", "host.c"].iter().zip(&blocks) {
        support::write(dir.path(), name, block);
    }
    shell(dir.path(), "python3 -m ziglang cc -target wasm32-wasi -mexec-model=reactor -O2 upper.c -o upper.wasm");
    let steps = "palisade -c upper.wasm --header upper.h
        cc -Wall -Wextra $(palisade --print cflags) host.c upper.o $(palisade --print libs) -o host && ./host";
    for line in [steps, "palisade upper.wasm host.c -o host && ./host"] {
        let out = shell(dir.path(), line);
        assert!(out.starts_with("HELLO\ncaught: out of bounds memory access"), "{out}");
    }
}

/// The commands of an example's README, in a copy of it; each line that runs a program answers its status and output.
#[track_caller]
fn follow_readme(name: &str) -> Vec<(i32, String)> {
    let example = root().join("examples").join(name);
    let dir = scratch();
    for entry in std::fs::read_dir(&example).expect("the example") {
        let path = entry.expect("an entry").path();
        std::fs::copy(&path, dir.path().join(path.file_name().expect("a name"))).expect("a copy");
    }
    let readme = std::fs::read_to_string(example.join("README.md")).expect("README.md");
    let mut answers = Vec::new();
    for line in readme.lines().filter_map(|line| line.strip_prefix("    ")) {
        let line = line.replace("zig cc", "python3 -m ziglang cc");
        if line.starts_with("./") {
            let ran = run(Command::new("sh").args(["-c", &format!("{line} 2>&1")]).current_dir(dir.path()));
            answers.push((ran.status, ran.stdout()));
        } else {
            shell(dir.path(), &line);
        }
    }
    answers
}

#[test]
fn null_pointers_and_literals_are_protected() {
    if !need_python("C examples", "ziglang") {
        return;
    }
    let answers = follow_readme("null-pointer");
    assert_eq!(answers[0], (0, "paying in 100\nthe balance is 100\n".to_owned()));
    let (status, text) = &answers[1];
    assert!(*status == 134 && text.contains("protected memory access: address 0x4 of memory 0"), "{text}");
    let answers = follow_readme("read-only");
    assert!(answers[0].0 == 0 && answers[0].1.contains("nobody noticed"), "{}", answers[0].1);
    let (status, text) = &answers[1];
    assert!(*status == 134 && text.contains("A COPY MAY BE CHANGED") && !text.contains("nobody"), "{text}");
    assert!(text.contains("protected memory access: address 0x") && text.contains("of memory 0"), "{text}");
}

#[test]
fn memories_of_their_own_hold_rings_and_files() {
    assert_eq!(follow_readme("shared-memory"), [(0, "the sum of the first 100 squares is right\n".to_owned())]);
    if !need_python("C examples", "ziglang") {
        return;
    }
    assert_eq!(follow_readme("ring-buffer"), [(0, "100000 messages, many of them over the seam\n".to_owned())]);
    let source = std::fs::read_to_string(root().join("examples/zero-copy/count.c")).expect("the source");
    let answer = format!("{} lines, {} bytes\n", source.lines().count(), source.len());
    assert_eq!(follow_readme("zero-copy"), [(0, answer)]);
}

#[test]
fn give_back_gives_memory_back() {
    if !need("the example of an allocator", &["clang", "wasm-ld"]) {
        return;
    }
    let dir = copy_of("give-back");
    shell(
        dir.path(),
        "clang --target=wasm32 -mbulk-memory -O2 -nostdlib -Wl,--no-entry -I$(palisade --print include-dir) heap.c -o heap.wasm
         palisade heap.wasm host.c -o host",
    );
    let said = shell(dir.path(), "./host");
    let more: Vec<i64> =
        said.lines().map(|line| line.split(' ').rev().nth(3).and_then(|n| n.parse().ok()).expect("a number")).collect();
    let [allocated, released, again, at_last] = more[..] else { panic!("{said}") };
    assert!((256..260).contains(&allocated) && (256..260).contains(&again), "{said}");
    // Within 1% of 256 MiB.
    assert!((0..=2).contains(&released) && (0..=2).contains(&at_last), "{said}");
}

#[test]
fn little_room_is_enough_with_auto() {
    let dir = copy_of("little-room");
    let run = "(ulimit -v 1048576; ./sieve 2>&1) || true";
    let said = shell(dir.path(), &format!("palisade sieve.wat -o sieve; ./sieve; {run}"));
    assert!(said.starts_with("78498 primes below a million\n"), "{said}");
    assert!(said.contains("no room for memory 0 (4328521728 bytes of address space)"), "{said}");
    let said = shell(dir.path(), &format!("palisade sieve.wat -o sieve --memory '*:mode=auto'; ./sieve; {run}"));
    assert_eq!(said, "78498 primes below a million\n".repeat(2));
}
