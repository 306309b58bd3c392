//! Makes a complete tool of the crate: compiles `rt/` for the host, packs the runtime's sources and headers, and turns
//! the numbers of `rt/context.h` into Rust constants.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    let mut sources = files(&root, "rt");
    sources.extend(files(&root, "include"));
    sources.sort();
    for name in ["rt", "include", "build.rs"] {
        println!("cargo::rerun-if-changed={name}");
    }
    let context = fs::read_to_string(root.join("rt/context.h")).expect("rt/context.h");
    fs::write(out.join("context.rs"), constants(&context)).expect("OUT_DIR is writable");
    fs::write(out.join("sources.rs"), pack(&root, &sources)).expect("OUT_DIR is writable");
    let (main, core): (Vec<PathBuf>, Vec<PathBuf>) = sources
        .into_iter()
        .filter(|s| s.extension().is_some_and(|e| e == "c") && !s.starts_with("rt/board"))
        .partition(|s| s.ends_with("rt/main.c"));
    compile(&root, &core, &out, "runtime");
    compile(&root, &main, &out, "main");
}

/// All C sources and headers below `root/folder`, relative to `root`.
fn files(root: &Path, folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root.join(folder)).expect("a source folder") {
        let path = entry.expect("a readable folder").path();
        let relative = path.strip_prefix(root).expect("below root").to_path_buf();
        if path.is_dir() {
            found.extend(files(root, relative.to_str().expect("our names are ASCII")));
        } else if path.extension().is_some_and(|e| e == "c" || e == "h") {
            found.push(relative);
        }
    }
    found
}

/// `#define PAL_NAME 123 …` lines as `pub const NAME: u64 = 123;`.
fn constants(header: &str) -> String {
    let mut out = String::new();
    for line in header.lines() {
        let mut words = line.split_whitespace();
        let (Some("#define"), Some(name), Some(value)) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        if let (Some(name), Ok(value)) = (name.strip_prefix("PAL_"), value.parse::<u64>()) {
            writeln!(out, "pub const {name}: u64 = {value};").expect("writing to a string");
        }
    }
    out
}

/// The sources as a table of name and content, for compiling the runtime for other targets.
fn pack(root: &Path, sources: &[PathBuf]) -> String {
    let mut out = String::from("pub static SOURCES: &[(&str, &str)] = &[\n");
    for source in sources {
        let name = source.to_str().expect("our names are ASCII").replace('\\', "/");
        writeln!(out, "({name:?}, include_str!({:?})),", root.join(source)).expect("writing to a string");
    }
    out + "];\n"
}

/// An archive of its own for `main`: some linkers look for it in archives before they have seen the host's.
fn compile(root: &Path, sources: &[PathBuf], out: &Path, name: &str) {
    let mut build = cc::Build::new();
    build.include(root.join("include")).include(root.join("rt")).include(root.join("rt")).cargo_metadata(false);
    // The flags stand in one file that the command reads as well, when it compiles the runtime for another target.
    for flag in include_str!("rt/cflags.txt").split_whitespace() {
        build.flag_if_supported(flag);
    }
    // Warnings stop our own builds, not those of users with compilers that we have never seen.
    println!("cargo::rerun-if-env-changed=CI");
    if env::var_os("CI").is_some() {
        build.flag("-Werror");
    }
    for source in sources {
        build.file(root.join(source));
    }
    build.opt_level(2).debug(false).pic(true).compile(&format!("palisade_{name}"));
    fs::copy(out.join(format!("libpalisade_{name}.a")), out.join(format!("{name}.a"))).expect("the runtime's archive");
}
