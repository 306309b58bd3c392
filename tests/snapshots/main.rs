//! Snapshots of instances, and memories whose data is mapped from the program's own file (`cow`).

#[path = "../support/mod.rs"]
mod support;

use palisade::plan::MemorySpec;
use std::path::{Path, PathBuf};
use support::{Machine, link_c, machines, run, scratch, write};

/// Compiles wasm text with `--memory` options to `NAME.o` and `NAME.h`.
#[track_caller]
fn compile(machine: &Machine, dir: &Path, name: &str, wat: &str, memories: &[&str]) -> PathBuf {
    let wasm = wat::parse_str(wat).unwrap_or_else(|e| panic!("{name}: {e}"));
    let mut options = palisade::Options::new(name);
    options.target = machine.target();
    assert!(options.features.set("memory-control", true));
    options.memories = memories.iter().map(|m| MemorySpec::parse(m).unwrap_or_else(|e| panic!("{e}"))).collect();
    let object = palisade::compile(&wasm, &options).unwrap_or_else(|e| panic!("{name}: {e}"));
    write(dir, &format!("{name}.h"), object.header.as_ref().expect("a header"));
    write(dir, &format!("{name}.o"), &object.bytes)
}

const CHECKS: &str = r#"
#include <palisade.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define CHECK(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "line %d: failed: %s (last trap: %s)\n", __LINE__, #condition, pal_last_trap()->message); \
			exit(1); \
		} \
	} while (0)
"#;

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
        let (mut objects, mut headers, mut tests, mut calls) = (Vec::new(), String::new(), String::new(), String::new());
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
        let program = link_c(&machine, dir.path(), &c, &objects, &[]);
        assert_eq!(run(&mut machine.command(&program)).expect(0).stdout(), "all good\n", "{}", machine.triple);
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
        let program = link_c(&machine, dir.path(), &format!("{CHECKS}{main}"), &[object], &[]);
        assert_eq!(run(&mut machine.command(&program)).expect(0).stdout(), "all good\n", "{}", machine.triple);
    }
}
