//! Every kind of access before, at, across and behind every kind of boundary: same trap, with address and memory.

use crate::support::{Machine, link_c, machines, run, scratch};
use crate::{CHECKS, compile};
use std::path::{Path, PathBuf};

/// Name, declaration, memories before it, spec, bytes without access, end of those that can't be written, by checks.
type Case = (&'static str, &'static str, u32, &'static str, u64, u64, bool);

const CASES: &[Case] = &[
    ("guard", "(memory $m 4)", 0, "m:no-access=64KiB,read-only=64KiB", 65536, 131072, false),
    ("guard_exact", "(memory $m 4)", 0, "m:no-access=1001,read-only=502,exact", 1001, 1503, true),
    ("guard_second", "(memory $m 4)", 1, "m:mode=guard,read-only=1021,exact", 0, 1021, true),
    ("checked", "(memory $m 4 9)", 0, "m:mode=checked,no-access=1001,read-only=502", 1001, 1503, true),
    ("checked_second", "(memory $m 4)", 1, "m:no-access=64KiB,read-only=64KiB", 65536, 131072, true),
    ("fixed", "(memory $m 4 4)", 0, "m:mode=fixed,no-access=1001,read-only=502", 1001, 1503, true),
    ("big", "(memory $m i64 4)", 0, "m:mode=checked,no-access=1001,read-only=502", 1001, 1503, true),
    ("either", "(memory $m 4)", 0, "m:mode=auto,no-access=1001,read-only=502,exact", 1001, 1503, true),
    ("sparse", "(memory $m i64 4)", 1, "m:virtual,limit=1GiB", 0, 0, false),
    ("sparse32", "(memory $m 4)", 0, "m:virtual", 0, 0, false),
];

/// The test's program, but for what all begin with, and the modules that it needs.
pub fn boundaries(machine: &Machine, dir: &Path) -> (String, Vec<PathBuf>) {
    let tears = if machine.triple.starts_with("x86_64") { 0 } else { 1 };
    let small = if machine.triple.starts_with("riscv64") { 0 } else { 1 };
    let defines = format!("#define STORES_TEAR {tears}\n#define SMALL_ATOMICS {small}\n");
    let mut c = defines + include_str!("protection_model.c");
    let (mut objects, mut main) = (Vec::new(), String::new());
    for (name, memory, before, spec, hidden, constant, exact) in CASES {
        let ty = if memory.contains("i64") { "i64" } else { "i32" };
        let wat = include_str!("protection.wat")
            .replace("BEFORE", &"(memory 1)".repeat(*before as usize))
            .replace("MEMORY", memory)
            .replace("IT", ty);
        objects.push(compile(machine, dir, name, &wat, &[spec]));
        c += &format!("#include \"{name}.h\"\n");
        c += &include_str!("protection.c")
            .replace("ADDRESS", if ty == "i64" { "int64_t" } else { "int32_t" })
            .replace("NUMBER", &before.to_string())
            .replace("HIDDEN", &hidden.to_string())
            .replace("CONSTANT", &constant.to_string())
            .replace("EXACT", if *exact { "1" } else { "0" })
            .replace("VIRTUAL", if spec.contains("virtual") { "1" } else { "0" })
            .replace("MOD", name);
        main += &format!("\t{name}_test();\n");
    }
    c += &format!(
        "int main(void)\n{{\n{main}\tCHECK(done > 50000 && trapped > 50000);\n\tputs(\"all good\");\n\treturn 0;\n}}\n"
    );
    (c, objects)
}

#[test]
fn every_access_at_every_boundary() {
    for machine in machines() {
        let dir = scratch();
        let (c, objects) = boundaries(&machine, dir.path());
        let program = link_c(&machine, dir.path(), &format!("{CHECKS}{c}"), &objects, &[]);
        let ran = run(&mut machine.command(&program)).expect(0);
        assert_eq!(ran.stdout(), "all good\n", "{}", machine.triple);
    }
}
