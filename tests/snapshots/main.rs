//! Snapshots of instances, memories whose data is mapped from the program's own file (`cow`), pages that go back to the
//! OS.

mod bound;

#[path = "../support/mod.rs"]
mod support;

use palisade::plan::MemorySpec;
use std::path::{Path, PathBuf};
use support::{GOOD, Machine, check_c, compile_memories as compile, link_c, machines, run, scratch, write};

/// Of all C programs here; `check.h` is in tests/support.
const CHECKS: &str = "#include \"check.h\"\n#include <string.h>\n";

/// Instances with memories of every kind: name, their limits, specs; with the last one, memory 0 is imported.
const VARIANTS: &[(&str, &str, &str, &[&str])] = &[
    ("guarded", "2 20", "1 5", &[]),
    ("moving", "2", "1", &["*:mode=checked"]),
    ("either", "2 20", "1 5", &["*:mode=auto"]),
    ("sparse", "2 20", "1 5", &["*:virtual"]),
    ("borrowing", "2 20", "1 5", &[]),
];

/// `PALISADE_SNAPSHOT_STEPS`: how many random changes each variant sees.
#[test]
fn instances_go_back_to_what_they_were() {
    let steps = std::env::var("PALISADE_SNAPSHOT_STEPS").unwrap_or_else(|_| "400".to_owned());
    for machine in machines() {
        let dir = scratch();
        let (mut objects, mut headers, mut tests, mut calls) =
            (Vec::new(), String::new(), String::new(), String::new());
        for (name, main, other, specs) in VARIANTS {
            let imports = *name == "borrowing";
            let import = if imports { r#"(import "env" "memory" (memory $imported 1))"# } else { "" };
            let store = if imports { "(i32.store $imported (i32.const 0) (local.get $by))" } else { "" };
            let wat = include_str!("state.wat")
                .replace("IMPORT", import)
                .replace("STORE", store)
                .replace("MAIN", main)
                .replace("OTHER", other);
            objects.push(compile(&machine, dir.path(), name, &wat, specs));
            headers += &format!("#include \"{name}.h\"\n");
            let c = include_str!("state.c").replace("IMPORTS", if imports { "1" } else { "0" });
            tests += &c.replace("STEPS", &steps).replace("MOD", name);
            calls += &format!("\t{name}_test();\n");
        }
        let main = format!(
            "int main(void)\n{{\n\tpal_memory_options options = {{ .min_pages = 1 }};\n\
             \tCHECK(pal_memory_new(&memory_in, &options) == PAL_OK);\n{calls}\tpal_memory_free(memory_in);\n\
             \tputs(\"all good\");\n\treturn 0;\n}}\n"
        );
        let c = format!("{CHECKS}{headers}{}{tests}{main}", include_str!("imports.c"));
        check_c(&machine, dir.path(), &c, &objects, &[]);
    }
}

/// Some memories have no moment that they could go back to; a snapshot of one, or of an instance with one, is refused.
#[test]
fn what_others_write_is_refused() {
    let wat = r#"(module (memory (export "memory") 1) (memory (export "shared") 1 2 shared)
        (global (export "g") (mut i32) (i32.const 1)))"#;
    let main = r#"
#include "threads.h"
int main(void)
{
	struct threads *threads;
	pal_snapshot *snapshot = (pal_snapshot *)&threads;
	CHECK(pal_threads_instantiate(&threads) == PAL_TRAP_NONE);
	CHECK(pal_threads_snapshot(threads, &snapshot) == PAL_E_STATE && snapshot == NULL);
	CHECK(pal_memory_snapshot(threads_shared(threads), &snapshot) == PAL_E_STATE && snapshot == NULL);
	CHECK(pal_memory_snapshot(threads_memory(threads), &snapshot) == PAL_OK);
	*threads_g(threads) = 2;
	CHECK(pal_threads_restore(threads, snapshot) == PAL_E_ARGUMENT && *threads_g(threads) == 2);
	pal_snapshot_free(snapshot);
	pal_threads_free(threads);
	puts("all good");
	return 0;
}
"#;
    for machine in machines() {
        let dir = scratch();
        let object = compile(&machine, dir.path(), "threads", wat, &[]);
        check_c(&machine, dir.path(), &format!("{CHECKS}{main}"), &[object], &[]);
    }
}

/// Bytes of the data segment below: some pages, and more at both ends.
const DATA_BYTES: usize = 700_000;

/// A module whose large data segment begins at 70,000, in front of and behind others, and whose sum the function `sum` tells.
fn data_module(import: &str) -> Vec<u8> {
    let data: String = (0..DATA_BYTES).map(|i| format!("\\{:02x}", data_byte(i))).collect();
    let wat = format!(
        r#"(module {import} (memory $m (export "memory") 40 50)
          (data (i32.const 5) "first")
          (data (i32.const 70000) "{data}")
          (data (i32.const 70001) "over")
          (data (i32.const 2000000) "far")
          (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
          (func (export "store") (param i32 i32) (i32.store8 (local.get 0) (local.get 1)))
          (func (export "discard") (param i32 i32) (memory.discard (local.get 0) (local.get 1)))
          (func (export "sum") (result i64) (local $at i32) (local $sum i64)
            (loop $next
              (local.set $sum (i64.add (i64.mul (local.get $sum) (i64.const 31)) (i64.load8_u (local.get $at))))
              (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (i32.const 2621440))))
            (local.get $sum)))"#
    );
    wat::parse_str(wat).expect("a module")
}

fn data_byte(index: usize) -> u8 {
    (index * 7 + index / 1000) as u8 | 1
}

/// What `sum` must say.
fn data_sum() -> u64 {
    let mut memory = vec![0u8; 40 * 65536];
    memory[5..10].copy_from_slice(b"first");
    (0..DATA_BYTES).for_each(|i| memory[70_000 + i] = data_byte(i));
    memory[70_001..70_005].copy_from_slice(b"over");
    memory[2_000_000..2_000_003].copy_from_slice(b"far");
    memory.iter().fold(0, |sum: u64, &byte| sum.wrapping_mul(31).wrapping_add(byte.into()))
}

/// Says whether the data is mapped, then what `sum` says, of several instances; `pause` waits for a byte of input first.
const DATA_MAIN: &str = r#"
#include "image.h"
static int is_mapped(const void *at)
{
	char line[8192];
	int found = 0;
	FILE *maps = fopen("/proc/self/maps", "r");
	while (maps && fgets(line, sizeof line, maps)) {
		unsigned long start, end, inode;
		if (sscanf(line, "%lx-%lx %*s %*s %*s %lu", &start, &end, &inode) == 3 && start <= (unsigned long)at && (unsigned long)at < end)
			found = inode != 0;
	}
	return found;
}
int RUN(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		getchar();
	struct image *image, *second;
	CHECK(pal_image_instantiate(&image) == PAL_TRAP_NONE && pal_image_instantiate(&second) == PAL_TRAP_NONE);
	char *at = pal_memory_data(image_memory(image));
	int mapped = is_mapped(at + 131072);
	unsigned long long sum = (unsigned long long)image_sum(image);
	/* what one writes or gives back, the other still has */
	pal_snapshot *snapshot;
	CHECK(pal_image_snapshot(image, &snapshot) == PAL_OK);
	image_store(image, 140000, 0);
	image_discard(image, 200000, 300000);
	CHECK(image_load(image, 300000) == 0 && image_load(second, 300000) != 0 && image_sum(second) == (int64_t)sum);
	CHECK(pal_image_restore(image, snapshot) == PAL_OK && image_sum(image) == (int64_t)sum);
	pal_snapshot_free(snapshot);
	pal_image_free(image);
	pal_image_free(second);
	printf("%s %llu\n", mapped ? "mapped" : "copied", sum);
	fflush(stdout);
	return 0;
}
"#;

fn data_object(machine: &Machine, dir: &Path, specs: &[&str]) -> PathBuf {
    let mut options = palisade::Options::new("image");
    options.target = machine.target();
    assert!(options.features.set("memory-control", true));
    options.memories = specs.iter().map(|m| MemorySpec::parse(m).expect("a spec")).collect();
    let object = palisade::compile(&data_module(""), &options).expect("a module");
    write(dir, "image.h", object.header.as_ref().expect("a header"));
    write(dir, "image.o", &object.bytes)
}

fn data_program(machine: &Machine, dir: &Path, name: &str, flags: &[&str]) -> PathBuf {
    let program = dir.join(name);
    let mut cc = machine.compiler();
    cc.arg("-I")
        .arg(dir)
        .arg("-I")
        .arg(support::root().join("tests/support"))
        .args(["-O1", "-DRUN=main"])
        .args(flags)
        .arg(dir.join("main.c"))
        .arg(dir.join("image.o"));
    run(cc.arg(machine.runtime()).args(["-lpthread", "-lm", "-o"]).arg(&program)).expect(0);
    program
}

#[test]
fn large_data_is_mapped_from_the_programs_own_file() {
    let sum = data_sum();
    for machine in machines() {
        let dir = scratch();
        write(dir.path(), "main.c", format!("{CHECKS}{DATA_MAIN}"));
        data_object(&machine, dir.path(), &[]);
        let plain = data_program(&machine, dir.path(), "plain", &[]);
        assert_eq!(run(&mut machine.command(&plain)).expect(0).stdout(), format!("copied {sum}\n"));
        for spec in ["0:cow", "0:cow,mode=checked", "0:cow,mode=auto"] {
            data_object(&machine, dir.path(), &[spec]);
            let program = data_program(&machine, dir.path(), "program", &[]);
            let ran = run(&mut machine.command(&program)).expect(0);
            assert_eq!(ran.stdout(), format!("mapped {sum}\n"), "{} {spec}", machine.triple);
        }
        if !machine.is_host() {
            continue;
        }
        // Whatever links it, and however.
        let mut links: Vec<Vec<&str>> =
            vec![vec!["-no-pie"], vec!["-static"], vec!["-static-pie"], vec!["-s"], vec!["-Wl,--gc-sections"]];
        for (linker, flag) in [("ld.bfd", "bfd"), ("ld.gold", "gold"), ("ld.lld", "lld"), ("mold", "mold")] {
            if support::need(&format!("mapped data with {linker}"), &[linker]) {
                let flag: &str = Box::leak(format!("-fuse-ld={flag}").into_boxed_str());
                links.extend([vec![flag], vec![flag, "-static"], vec![flag, "-no-pie"]]);
            }
        }
        for flags in links {
            let program = data_program(&machine, dir.path(), "program", &flags);
            assert_eq!(run(&mut machine.command(&program)).expect(0).stdout(), format!("mapped {sum}\n"), "{flags:?}");
        }
        check_replaced(&machine, dir.path(), sum);
        check_library(&machine, dir.path(), sum);
    }
}

/// A program whose file another one replaces while it runs still has its own data.
fn check_replaced(machine: &Machine, dir: &Path, sum: u64) {
    use std::io::{Read as _, Write as _};
    let program = data_program(machine, dir, "replaced", &[]);
    let mut command = std::process::Command::new(&program);
    let pipes = command.arg("pause").stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = pipes.spawn().expect("it starts");
    std::fs::rename(dir.join("plain"), &program).expect("another file at its place");
    child.stdin.take().expect("piped").write_all(b"\n").expect("it reads");
    let mut out = String::new();
    child.stdout.take().expect("piped").read_to_string(&mut out).expect("text");
    assert!(child.wait().expect("its end").success());
    assert_eq!(out, format!("mapped {sum}\n"));
}

/// In a shared library, which is replaced after it was loaded: then another file has its name, and its data is copied.
fn check_library(machine: &Machine, dir: &Path, sum: u64) {
    let library = dir.join("libimage.so");
    let mut cc = machine.compiler();
    cc.arg("-I")
        .arg(dir)
        .arg("-I")
        .arg(support::root().join("tests/support"))
        .args(["-shared", "-fPIC", "-DRUN=run_image"])
        .arg(dir.join("main.c"))
        .arg(dir.join("image.o"));
    run(cc.arg(machine.runtime()).args(["-lpthread", "-lm", "-o"]).arg(&library)).expect(0);
    let main = "#include <stdio.h>\nint run_image(int, char **);\nint main(int argc, char **argv) { return run_image(argc, argv); }\n";
    let (source, program) = (write(dir, "loader.c", main), dir.join("loader"));
    let rpath = format!("-Wl,-rpath,{}", dir.display());
    run(machine.compiler().arg(&source).arg(&library).arg(rpath).arg("-o").arg(&program)).expect(0);
    assert_eq!(run(&mut std::process::Command::new(&program)).expect(0).stdout(), format!("mapped {sum}\n"));
    // The other one is as large, with other bytes, and lies at the same place.
    let mut bytes = std::fs::read(&library).expect("the library");
    let needle: Vec<u8> = (200_000..200_064).map(data_byte).collect();
    let at = bytes.windows(64).position(|window| window == needle).expect("its data");
    bytes[at] ^= 0xff;
    let other = write(dir, "other.so", &bytes);
    use std::io::{Read as _, Write as _};
    let mut command = std::process::Command::new(&program);
    let pipes = command.arg("pause").stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = pipes.spawn().expect("it starts");
    wait_until_loaded(child.id(), "libimage.so");
    std::fs::rename(other, &library).expect("another file at its place");
    child.stdin.take().expect("piped").write_all(b"\n").expect("it reads");
    let mut out = String::new();
    child.stdout.take().expect("piped").read_to_string(&mut out).expect("text");
    assert!(child.wait().expect("its end").success());
    assert_eq!(out, format!("copied {sum}\n"));
}

fn wait_until_loaded(process: u32, library: &str) {
    for _ in 0..1000 {
        let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).unwrap_or_default();
        // Its last segment, too.
        if maps.lines().filter(|line| line.ends_with(library)).any(|line| line.contains("rw-p")) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("{library} was not loaded");
}

#[test]
fn plans_tell_what_is_mapped() {
    let features = {
        let mut features = palisade::read::Features::default();
        assert!(features.set("memory-control", true));
        features
    };
    let plan = |wasm: &[u8], spec: &str| {
        let module = palisade::read::read(wasm, &features).expect("a module");
        let specs = [MemorySpec::parse(spec).expect("a spec")];
        let plan = palisade::plan::plan(&module, &specs, &[], None, false, false, 2);
        plan.map(|plan| palisade::plan::describe(&module, &plan, palisade::plan::PlanFormat::Text))
    };
    let large = data_module("");
    let text = plan(&large, "0:cow").expect("a plan");
    assert!(text.contains("cow: 704 KiB of data are mapped from the program's own file on Linux"), "{text}");
    let small = wat::parse_str(r#"(module (memory 1) (data (i32.const 0) "x"))"#).expect("a module");
    let text = plan(&small, "0:cow").expect("a plan");
    assert!(text.contains("cow: data is copied: no image of 64 KiB or more"), "{text}");
    let imported = wat::parse_str(r#"(module (import "a" "b" (memory 1)))"#).expect("a module");
    let wide = wat::parse_str("(module (memory i64 1))").expect("a module");
    for (wasm, spec, words) in
        [(&imported, "0:cow", "is imported"), (&small, "0:cow,virtual", "virtual"), (&wide, "0:cow", "must not move")]
    {
        let error = plan(wasm, spec).expect_err(spec).to_string();
        assert!(error.contains(words), "{error}");
    }
}

/// A guest touches 1 GiB and discards it, by the instruction and by the builtin: the process is as small as before.
#[test]
fn discarded_pages_go_back_to_the_os() {
    let machine = Machine::host(); // of an emulator's memory the guest is a small part
    let wat = r#"(module
        (import "palisade:memory" "discard" (func $builtin (param i32 i32)))
        (memory (export "memory") 16384)
        (func (export "touch") (local $at i32)
          (loop $next
            (i32.store (local.get $at) (i32.const -1))
            (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 4096))) (i32.const 0x40000000)))))
        (func (export "discard") (memory.discard (i32.const 0) (i32.const 0x40000000)))
        (func (export "call_discard") (call $builtin (i32.const 0) (i32.const 0x40000000))))"#;
    let main = r#"
#include "large.h"
/* Exact, otherwise than what /proc/self/statm says. */
static long resident(void)
{
	char line[256];
	long found = -1;
	FILE *file = fopen("/proc/self/smaps_rollup", "r");
	while (file && found < 0 && fgets(line, sizeof line, file))
		if (sscanf(line, "Rss: %ld kB", &found) != 1)
			found = -1;
	if (file)
		fclose(file);
	return found;
}
int main(void)
{
	struct large *large;
	CHECK(pal_large_instantiate(&large) == PAL_TRAP_NONE);
	void (*ways[])(struct large *) = { large_discard, large_call_discard };
	for (int i = 0; i < 2; i++) {
		ways[i](large);
		resident();
		long before = resident();
		large_touch(large);
		CHECK(resident() - before >= 1 << 20);
		ways[i](large);
		long after = resident();
		fprintf(stderr, "%ld KiB before, %ld after\n", before, after);
		CHECK(before > 0 && after * 100 <= before * 101);
	}
	puts("all good");
	return 0;
}
"#;
    let dir = scratch();
    let object = compile(&machine, dir.path(), "large", wat, &[]);
    let program = link_c(&machine, dir.path(), &format!("{CHECKS}{main}"), &[object], &[]);
    let ran = run(&mut machine.command(&program)).expect(0);
    assert_eq!(ran.stdout(), GOOD, "{}", ran.stderr());
}
