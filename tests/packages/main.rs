//! Modules of npm packages, as they are published, all in one C program: what they compute is what Python's library and
//! the packages' own JavaScript compute.

#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use support::{compile_wasm, fetched, installed, left_out, link_c, machines, need, root, run, scratch};

const PACKAGES: &[(&str, &str)] =
    &[("hash-wasm", "hash-wasm-4.13.0.tgz"), ("json", "dprint-json-0.24.0.tgz"), ("gofmt", "wasm-fmt-gofmt-0.7.3.tgz")];

/// Unpacks the packages, each into a folder of its name. False: one is not there.
fn unpack(into: &Path) -> bool {
    PACKAGES.iter().all(|(name, archive)| {
        let Some(archive) = fetched(archive) else { return false };
        let folder = into.join(name);
        std::fs::create_dir(&folder).expect("a folder");
        run(Command::new("tar").arg("xzf").arg(archive).arg("-C").arg(folder).arg("--strip-components=1")).expect(0);
        true
    })
}

/// Every module with its name.
fn modules(packages: &Path) -> Vec<(String, Vec<u8>)> {
    let script = std::fs::read_to_string(packages.join("hash-wasm/dist/index.esm.js")).expect("the package's script");
    let mut found = embedded(&script);
    assert_eq!(found.len(), 22, "modules inside hash-wasm");
    for (name, file) in [("json", "json/plugin.wasm"), ("gofmt", "gofmt/gofmt.wasm")] {
        found.push((name.into(), std::fs::read(packages.join(file)).expect("the package's module")));
    }
    found
}

/// `var name$1 = "md5"; var data$1 = "AGFzb…";`
fn embedded(script: &str) -> Vec<(String, Vec<u8>)> {
    let quoted = |line: &str| line.split('"').nth(1).map(str::to_owned);
    let mut name = String::new();
    let mut found = Vec::new();
    for line in script.lines().map(str::trim) {
        if line.starts_with("var name") {
            name = quoted(line).unwrap_or_default();
        } else if line.starts_with("var data") && line.contains("\"AGFzb") {
            found.push((name.clone(), base64(&quoted(line).expect("a string"))));
        }
    }
    found
}

fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |c: &u8| DIGITS.iter().position(|d| d == c).expect("base 64") as u32;
    let mut out = Vec::new();
    for group in text.trim_end_matches('=').as_bytes().chunks(4) {
        let bits = group.iter().fold(0, |bits, c| bits << 6 | digit(c)) << (6 * (4 - group.len()));
        out.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    out
}

#[test]
fn twenty_four_modules_in_one_program_compute_what_they_should() {
    let packages = scratch();
    if !need("npm packages", &["tar"]) || !unpack(packages.path()) {
        return;
    }
    let modules = modules(packages.path());
    for machine in machines() {
        let dir = scratch();
        let objects: Vec<PathBuf> =
            modules.iter().map(|(name, wasm)| compile_wasm(&machine, dir.path(), name, wasm)).collect();
        support::write(dir.path(), "hashes.h", include_str!("hashes.h"));
        let program = link_c(&machine, dir.path(), include_str!("host.c"), &objects, &[]);
        let out = run(&mut machine.command(&program)).expect(0).stdout();
        check_known(&out);
        check_against_python(&out);
        check_against_javascript(&out, packages.path());
    }
}

/// Without anything else installed.
fn check_known(out: &str) {
    let json = "json 1\n{\n  \"b\": [1, 2, 3],\n  \"long\": [\n    100000000,\n    200000000,\n    300000000,\n    400000000\n  ], // note\n  \"c\": {}\n}\n";
    let go = "go 1\npackage main\n\nimport \"fmt\"\n\nfunc main() {\n\tfor i := 0; i < 3; i++ {\n\t\tfmt.Println(i, \"x\")\n\t}\n}\n";
    for part in [json, go, "json 2\n", "go 2\n"] {
        assert!(out.contains(part), "no {part} in {out}");
    }
}

fn check_against_python(out: &str) {
    if !installed("python3") {
        return left_out("hashes beside Python's", "python3 is not installed");
    }
    let script = root().join("tests/packages/reference.py");
    let known = run(Command::new("python3").arg(script)).expect(0).stdout();
    assert_eq!(known.lines().count(), 10);
    for line in known.lines() {
        assert!(out.lines().any(|l| l == line), "no {line} in {out}");
    }
}

fn check_against_javascript(out: &str, packages: &Path) {
    if !installed("node") {
        return left_out("packages beside their own JavaScript", "node is not installed");
    }
    let script = root().join("tests/packages/reference.cjs");
    let known = run(Command::new("node").arg(script).arg(packages)).expect(0).stdout();
    assert_eq!(out, known);
}
