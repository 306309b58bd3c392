//! Small C programs, each compiled to a WASI module by `zig cc` and on to an executable by `palisade`, must do what
//! they do when compiled natively: what they print, how they end, which files they leave.

#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Machine, Ran, machines, run, run_with_input, scratch};

/// What a program is given.
#[derive(Default)]
struct Given {
    arguments: &'static [&'static str],
    input: &'static str,
    /// It gets a fresh folder, `/data` for the guest, as its argument.
    folder: bool,
    status: i32,
}

/// One test for each program, so that they run side by side.
macro_rules! programs {
    ($($name:ident: $given:expr;)*) => {
        $(#[test]
        fn $name() {
            check(stringify!($name), &$given);
        })*

        const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

programs! {
    printf: Given::default();
    malloc: Given::default();
    sort: Given::default();
    strings: Given::default();
    recursion: Given::default();
    floats: Given::default();
    integers: Given::default();
    interpreter: Given::default();
    varargs: Given::default();
    times: Given::default();
    arguments: Given { arguments: &["42", "two words", "", "ü\"'\\"], input: "one\ntwo\nthree", status: 42, ..Given::default() };
    files: Given { folder: true, ..Given::default() };
    folders: Given { folder: true, ..Given::default() };
    streams: Given { folder: true, ..Given::default() };
}

#[test]
fn every_program_of_the_folder_is_tested() {
    let folder = std::fs::read_dir(sources()).expect("a folder");
    let paths = folder.map(|entry| entry.expect("an entry").path()).filter(|p| p.extension().is_some_and(|e| e == "c"));
    let mut found: Vec<_> = paths.map(|p| p.file_stem().expect("a name").to_string_lossy().into_owned()).collect();
    let mut named: Vec<_> = NAMES.to_vec();
    found.sort_unstable();
    named.sort_unstable();
    assert_eq!(found, named);
}

fn sources() -> PathBuf {
    support::root().join("tests/c_programs")
}

fn check(name: &str, given: &Given) {
    if !support::need_python("C programs", "ziglang") {
        return;
    }
    let dir = scratch();
    let source = sources().join(format!("{name}.c"));
    let native = dir.path().join("native");
    let cc = Machine::host().cc;
    run(Command::new(&cc[0]).args(&cc[1..]).args(["-O1", "-o"]).arg(&native).arg(&source).arg("-lm")).expect(0);
    let expected = given.run(Command::new(&native), None);
    assert_eq!(expected.ran.status, given.status, "native: {}", expected.ran.stderr());
    let module = dir.path().join("module.wasm");
    zig_cc(&source, &module);
    for machine in machines() {
        let program = dir.path().join(format!("program-{}", machine.triple));
        run(machine.palisade().arg(&module).arg("-o").arg(&program)).expect(0);
        let got = given.run(machine.command(&program), Some("/data"));
        assert_eq!(got, expected, "{name} on {}", machine.triple);
    }
}

fn zig_cc(source: &Path, module: &Path) {
    let mut zig = Command::new("python3");
    zig.args(["-m", "ziglang", "cc", "-target", "wasm32-wasi", "-O2", "-s", "-Wl,-z,stack-size=8388608", "-o"]);
    run(zig.arg(module).arg(source)).expect(0);
}

/// What a program did.
#[derive(Debug, PartialEq, Eq)]
struct Effect {
    ran: Ran,
    files: Vec<(String, Vec<u8>)>,
}

impl Given {
    /// `guest`: what its folder is called inside; `None` for a native program.
    fn run(&self, mut command: Command, guest: Option<&str>) -> Effect {
        let folder = scratch();
        command.args(self.arguments).env("GREETING", "hello").env_remove("HIDDEN");
        if let Some(guest) = guest {
            command.env("HIDDEN", "not named in PALISADE_ENV").env("PALISADE_ENV", "GREETING");
            if self.folder {
                command.env("PALISADE_DIR", format!("{}::{guest}", folder.path().display()));
            }
        }
        if self.folder {
            command.arg(guest.map_or(folder.path(), Path::new));
        }
        let ran = run_with_input(&mut command, self.input.as_bytes());
        Effect { ran, files: left_behind(folder.path()) }
    }
}

fn left_behind(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() {
            files.extend(left_behind(&path).into_iter().map(|(below, content)| (format!("{name}/{below}"), content)));
        } else {
            files.push((name, std::fs::read(&path).expect("a file")));
        }
    }
    files.sort();
    files
}
