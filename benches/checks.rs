//! `checks`: what explicit bounds checks cost. The kernels' data lies in a second memory, which has them by default;
//! beside it the same memory with guard pages, and wasm2c's second memory, which has guard pages, too.

use crate::measure::{count, geomean, measure, median};
use crate::table::{Cell, Table};
use crate::{Bench, PALISADE, here, installed, python_has};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

const KERNELS: [&str; 6] = ["matrix", "hash", "copy", "search", "sort", "sparse"];

/// It grows, so its base and length may change.
const MEMORY: &str = "new:heap:min=1024";

/// Where Debian's package `wabt` has the runtime of wasm2c's code.
const WASM2C_RUNTIME: &str = "/usr/share/wabt/wasm2c/wasm-rt-impl.c";

/// One way to run a kernel.
type Build = fn(&Path, &Path) -> Command;

pub fn bench(bench: &Bench) -> Vec<Table> {
    if !python_has("ziglang") {
        println!("left out: checks: python3 with the package `ziglang` is not installed");
        return Vec::new();
    }
    let mut contenders: Vec<(&str, Build)> = vec![
        ("guard", |wasm, out| palisade(wasm, out, "guard")),
        ("checked", |wasm, out| palisade(wasm, out, "checked")),
    ];
    if ["wasm2c", "wasm2wat", "clang"].iter().all(|p| installed(p)) && Path::new(WASM2C_RUNTIME).is_file() {
        contenders.push(("wasm2c + clang -O2", wasm2c));
    } else {
        println!("left out: wasm2c: wasm2c, wasm2wat (Debian's package wabt) or clang is not installed");
    }
    let title = "Bounds checks: user time and instructions, as multiples of the same memory with guard pages";
    let heads = contenders[1..].iter().flat_map(|(name, _)| [(*name).to_owned(), format!("{name}, instructions")]);
    let mut table = Table::new(title, "kernel", std::iter::once("guard".to_owned()).chain(heads));
    let mut ratios: Vec<[Vec<f64>; 2]> = vec![Default::default(); contenders.len()];
    for kernel in KERNELS {
        table.row(kernel, cells(bench, kernel, &contenders, &mut ratios));
    }
    let mean = |ratios: &Vec<f64>| Cell::ratio((!ratios.is_empty()).then(|| geomean(ratios)), 3);
    let means = ratios[1..].iter().flatten().map(mean);
    table.row("geometric mean", std::iter::once(Cell::Ratio(1.0, 0)).chain(means).collect());
    vec![table]
}

/// A kernel's times and instructions; the ratios are added to `ratios`.
fn cells(bench: &Bench, kernel: &str, contenders: &[(&str, Build)], ratios: &mut [[Vec<f64>; 2]]) -> Vec<Cell> {
    let folder = bench.folder.join("checks").join(kernel);
    let wasm = compile(&folder, kernel);
    let mut commands: Vec<Command> =
        contenders.iter().enumerate().map(|(at, (_, build))| build(&wasm, &folder.join(at.to_string()))).collect();
    let mut seconds: Vec<Vec<f64>> = vec![Vec::new(); contenders.len()];
    let mut expected: Option<String> = None;
    for _ in 0..bench.rounds {
        for (command, seconds) in commands.iter_mut().zip(&mut seconds) {
            let usage = measure(command);
            let expected = expected.get_or_insert_with(|| usage.output.clone());
            assert_eq!(*expected, usage.output, "{kernel}: {command:?} computes something else");
            seconds.push(usage.user);
        }
    }
    let times: Vec<f64> = seconds.into_iter().map(|s| median(s.into_iter())).collect();
    let instructions: Option<Vec<f64>> = installed("valgrind").then(|| {
        let all = |counts: BTreeMap<String, u64>| counts.values().sum::<u64>() as f64;
        (0..contenders.len()).map(|at| all(count(&folder.join(at.to_string())))).collect()
    });
    let mut cells = vec![Cell::Amount(times[0], 2, "s")];
    for at in 1..contenders.len() {
        let time = times[at] / times[0];
        let instructions = instructions.as_ref().map(|i| i[at] / i[0]);
        cells.extend([Cell::Ratio(time, 2), Cell::ratio(instructions, 3)]);
        ratios[at][0].push(time);
        ratios[at][1].extend(instructions);
    }
    cells
}

fn compile(folder: &Path, kernel: &str) -> PathBuf {
    std::fs::create_dir_all(folder).expect("a folder");
    let wasm = folder.join("kernel.wasm");
    let mut zig = Command::new("python3");
    zig.args(["-m", "ziglang", "cc", "-target", "wasm32-freestanding", "-O2", "-nostdlib", "-Wl,--no-entry", "-I"]);
    zig.arg(here("../include")).arg("-o").arg(&wasm).arg(here(&format!("checks/{kernel}.c")));
    measure(&mut zig);
    wasm
}

fn palisade(wasm: &Path, out: &Path, mode: &str) -> Command {
    let mut palisade = Command::new(PALISADE);
    palisade.arg(wasm).arg(here("checks/palisade.c")).arg("-o").arg(out);
    measure(palisade.args(["--memory", MEMORY, "--memory", &format!("heap:mode={mode}")]));
    Command::new(out)
}

/// The same module with a second memory and instructions in place of the imports.
fn wasm2c(wasm: &Path, out: &Path) -> Command {
    let folder = out.with_extension("d");
    std::fs::create_dir_all(&folder).expect("a folder");
    let text = measure(Command::new("wasm2wat").arg(wasm)).output;
    let module = folder.join("kernel.wasm");
    let binary = wat::parse_str(with_second_memory(&text)).expect("it is well-formed");
    std::fs::write(&module, binary).expect("it can be written");
    let source = folder.join("kernel.c");
    let mut translate = Command::new("wasm2c");
    measure(translate.args(["--enable-multi-memory", "-n", "kernel"]).arg(&module).arg("-o").arg(&source));
    let mut clang = Command::new("clang");
    clang.arg("-O2").arg("-I").arg(&folder).arg("-I").arg(Path::new(WASM2C_RUNTIME).parent().expect("a folder"));
    clang.arg(&source).arg(here("checks/wasm2c.c")).arg(WASM2C_RUNTIME).args(["-lm", "-o"]).arg(out);
    measure(&mut clang);
    Command::new(out)
}

fn with_second_memory(text: &str) -> String {
    let mut instructions: BTreeMap<&str, &str> = BTreeMap::new();
    let mut lines = Vec::new();
    for line in text.lines() {
        if let Some(import) = line.trim().strip_prefix("(import \"palisade:memory/heap\" \"") {
            let (instruction, rest) = import.split_once('"').expect("a name");
            let name = rest.trim().strip_prefix("(func ").and_then(|r| r.split(' ').next()).expect("a function's name");
            instructions.insert(name, instruction);
        } else if line.trim().starts_with("(memory ") {
            lines.push(format!("{line} (memory 1024)"));
        } else if let Some(call) = line.trim().strip_prefix("call ") {
            let name = call.trim_end_matches(')');
            let ends = &call[name.len()..];
            let instruction = instructions.get(name).map(|i| format!("{i} 1{ends}"));
            lines.push(instruction.unwrap_or_else(|| line.to_owned()));
        } else {
            lines.push(line.to_owned());
        }
    }
    lines.join("\n")
}
