//! `run`: user time of programs under several compilers.

use crate::measure::{geomean, measure, median};
use crate::table::{Cell, Table};
use crate::{Bench, PALISADE, here, installed, python_has};
use std::path::{Path, PathBuf};
use std::process::Command;

struct Program {
    name: String,
    wasm: PathBuf,
    source: Option<PathBuf>,
}

/// Makes the command that runs a program, or `None` if this contender can't.
type Build = fn(&Bench, &Program, &Path) -> Option<Command>;

pub fn bench(bench: &Bench) -> Vec<Table> {
    let programs = programs(bench);
    let contenders = contenders(bench);
    let names = contenders.iter().map(|(name, _)| *name);
    let mut table =
        Table::new("Run time: user seconds of palisade, and the others' as multiples of it", "program", names);
    let mut ratios: Vec<Vec<f64>> = vec![Vec::new(); contenders.len()];
    for program in &programs {
        let times = times(bench, program, &contenders);
        let base = times[0].expect("palisade compiles everything");
        let mut cells = vec![Cell::Amount(base, 2, "s")];
        for (time, ratios) in times.iter().zip(&mut ratios).skip(1) {
            cells.push(Cell::ratio(time.map(|t| t / base), 2));
            ratios.extend(time.map(|t| t / base));
        }
        table.row(&program.name, cells);
    }
    let mean = |ratios: &Vec<f64>| Cell::ratio((!ratios.is_empty()).then(|| geomean(ratios)), 3);
    table.row("geometric mean", std::iter::once(Cell::Ratio(1.0, 0)).chain(ratios[1..].iter().map(mean)).collect());
    vec![table]
}

/// Those that are installed, palisade first.
fn contenders(bench: &Bench) -> Vec<(&'static str, Build)> {
    let mut contenders: Vec<(&str, Build)> = vec![("palisade", palisade)];
    if bench.wasmtime {
        contenders.push(("wasmtime", wasmtime));
    }
    if wasm2c_runtime().is_none() {
        println!("left out: wasm2c: it or its runtime (WASM2C_RT) is not there");
    }
    let wasm2c: [(&str, &str, Build); 2] =
        [("wasm2c + clang", "clang", wasm2c_clang), ("wasm2c + gcc", "gcc", wasm2c_gcc)];
    for (name, compiler, build) in wasm2c {
        if !installed(compiler) {
            println!("left out: {name}: {compiler} is not installed");
        } else if wasm2c_runtime().is_some() {
            contenders.push((name, build));
        }
    }
    match installed("clang") {
        true => contenders.push(("native", native)),
        false => println!("left out: native: clang is not installed"),
    }
    contenders
}

/// Median user seconds of each contender, all in turn; outputs must agree.
fn times(bench: &Bench, program: &Program, contenders: &[(&str, Build)]) -> Vec<Option<f64>> {
    let mut commands: Vec<Option<Command>> = contenders
        .iter()
        .map(|(name, build)| build(bench, program, &bench.folder.join(format!("{}.{name}", program.name))))
        .collect();
    let mut seconds: Vec<Vec<f64>> = vec![Vec::new(); commands.len()];
    let mut expected: Option<String> = None;
    for _ in 0..bench.rounds {
        for (command, seconds) in commands.iter_mut().zip(&mut seconds) {
            let Some(command) = command else { continue };
            let usage = measure(command);
            let expected = expected.get_or_insert_with(|| usage.output.clone());
            assert_eq!(*expected, usage.output, "{}: {command:?} computes something else", program.name);
            seconds.push(usage.user);
        }
    }
    seconds.into_iter().map(|s| (!s.is_empty()).then(|| median(s.into_iter()))).collect()
}

/// Ours, compiled by zig's C compiler, and those of a folder given.
fn programs(bench: &Bench) -> Vec<Program> {
    let mut programs = Vec::new();
    let named = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    if python_has("ziglang") {
        for source in files(&here("programs"), "c") {
            let name = named(&source);
            let wasm = bench.folder.join(format!("{name}.wasm"));
            let mut zig = Command::new("python3");
            zig.args(["-m", "ziglang", "cc", "--target=wasm32-wasi", "-O2", "-o"]).arg(&wasm).arg(&source);
            measure(&mut zig);
            programs.push(Program { name, wasm, source: Some(source) });
        }
    } else {
        println!("left out: our programs: python3 with the package `ziglang` is not installed");
    }
    if let Some(folder) = std::env::var_os("PALISADE_BENCH_PROGRAMS") {
        let wasm = files(Path::new(&folder), "wasm");
        programs.extend(wasm.into_iter().map(|wasm| Program { name: named(&wasm), wasm, source: None }));
    }
    programs
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<PathBuf> = entries
        .map(|e| e.expect("an entry").path())
        .filter(|p| p.extension().is_some_and(|e| e == extension))
        .collect();
    files.sort();
    files
}

fn palisade(_: &Bench, program: &Program, output: &Path) -> Option<Command> {
    measure(Command::new(PALISADE).arg(&program.wasm).arg("-o").arg(output));
    Some(Command::new(output))
}

fn wasmtime(_: &Bench, program: &Program, output: &Path) -> Option<Command> {
    let script = here("run_wasmtime.py");
    measure(Command::new("python3").arg(&script).arg("compile").arg(&program.wasm).arg(output));
    let mut run = Command::new("python3");
    run.arg(script).arg("run").arg(output);
    Some(run)
}

/// The folder of wasm2c's runtime: `$WASM2C_RT`, else where Debian has it.
pub fn wasm2c_runtime() -> Option<PathBuf> {
    let folder = std::env::var_os("WASM2C_RT").map_or_else(|| "/usr/share/wabt/wasm2c".into(), PathBuf::from);
    (installed("wasm2c") && folder.join("wasm-rt-impl.c").is_file()).then_some(folder)
}

fn wasm2c_clang(_: &Bench, program: &Program, output: &Path) -> Option<Command> {
    wasm2c(program, output, None)
}

fn wasm2c_gcc(_: &Bench, program: &Program, output: &Path) -> Option<Command> {
    wasm2c(program, output, Some("gcc"))
}

/// To C, and that by a C compiler (clang) with -O2 and what programs need of WASI.
fn wasm2c(program: &Program, output: &Path, compiler: Option<&str>) -> Option<Command> {
    let (runtime, folder) = (wasm2c_runtime()?, output.with_extension("c.d"));
    std::fs::create_dir_all(&folder).expect("a folder");
    let c = folder.join("prog.c");
    let written = Command::new("wasm2c").arg(&program.wasm).args(["-n", "prog", "-o"]).arg(&c).output();
    if !written.expect("it starts").status.success() {
        println!("left out: {} by wasm2c, which refuses it", program.name);
        return None;
    }
    let mut clang = Command::new(here("wasm2c/cc"));
    clang.envs(compiler.map(|name| ("WASM2C_CLANG", name)));
    clang.args(["-O2", "-w", "-I"]).arg(&runtime).arg("-I").arg(&folder).arg(&c).arg(here("wasm2c/wasi.c"));
    clang
        .args(["wasm-rt-impl.c", "wasm-rt-mem-impl.c"].map(|file| runtime.join(file)))
        .arg("-o")
        .arg(output)
        .arg("-lm");
    measure(&mut clang);
    Some(Command::new(output))
}

fn native(_: &Bench, program: &Program, output: &Path) -> Option<Command> {
    let source = program.source.as_ref()?;
    measure(Command::new("clang").args(["-O2", "-o"]).arg(output).arg(source).arg("-lm"));
    Some(Command::new(output))
}
