//! Exceptions: between modules and the host, in memory that stays bounded, and as C++ uses them.

#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Machine, compile_wasm, compile_wat, every_machine, lines, link_c, run, scratch, windows};

/// Throws and catches so often that an exception forgotten each time would be seen in the memory used.
fn joined(machine: &Machine, rounds: &str, flags: &[&str]) -> String {
    let dir = scratch();
    let modules = [("hub", include_str!("hub.wat")), ("user", include_str!("user.wat"))];
    let objects: Vec<PathBuf> =
        modules.iter().map(|(name, text)| compile_wat(machine, dir.path(), name, text)).collect();
    let program = link_c(machine, dir.path(), include_str!("joined.c"), &objects, flags);
    let ran = run(machine.command(&program).arg(rounds)).expect(0);
    assert_eq!(lines(&ran), "all good\n", "{}", machine.triple);
    ran.stderr()
}

#[test]
fn exceptions_go_from_module_to_module_and_end_at_the_host() {
    for machine in every_machine().into_iter().chain(windows("exceptions")) {
        joined(&machine, if machine.is_host() { "1000000" } else { "100000" }, &[]);
    }
}

/// A tag's accessor and comment stand in the header.
#[test]
fn headers_declare_tags() {
    let dir = scratch();
    compile_wat(&Machine::host(), dir.path(), "user", include_str!("user.wat"));
    let header = std::fs::read_to_string(dir.path().join("user.h")).expect("a header");
    for line in [
        "pal_tag *hub_error(struct hub *) PAL_LABEL(\"wasm.hub.error\"); /* tag (i32 externref) */",
        "pal_exnref env_keep(struct env *, pal_exnref) PAL_LABEL(\"wasm.env.keep\"); /* (exnref) -> (exnref) */",
    ] {
        assert!(header.lines().any(|l| l == line), "{header}");
    }
}

/// Destructors, rethrowing, nested handlers, longjmp: as the same program does natively.
#[test]
fn cpp_programs_do_what_they_do_natively() {
    if !support::need("C++ exceptions", &["c++"]) || !support::need_python("C++ exceptions", "ziglang") {
        return;
    }
    let dir = scratch();
    let native = dir.path().join("native");
    let sources = ["program.cpp", "native.cpp"].map(source);
    run(Command::new("c++").arg("-O1").args(sources).arg("-o").arg(&native)).expect(0);
    let expected = run(&mut Command::new(&native)).expect(0);
    assert!(expected.stdout().lines().count() > 100);
    for (name, generation) in COMPILERS {
        if *name == "clang-19" && !support::need("C++ exceptions by clang-19", &["clang-19", "wasm-ld-19"]) {
            continue;
        }
        let wasm = compile_cpp(dir.path(), name, generation);
        for machine in every_machine().into_iter().chain(windows("C++ exceptions")) {
            let object = compile_wasm(&machine, dir.path(), "cpp", &wasm);
            let program = link_c(&machine, dir.path(), include_str!("program.c"), &[object], &[]);
            let ran = run(&mut machine.command(&program)).expect(0);
            assert_eq!(lines(&ran), lines(&expected), "{name} {generation} on {}", machine.triple);
        }
    }
}

fn source(name: &str) -> PathBuf {
    support::root().join("tests/exceptions").join(name)
}

/// Compilers with their options for a generation of exceptions: what zig has inside knows both, LLVM 19 the legacy one.
const COMPILERS: &[(&str, &str)] = &[
    ("zig", "-wasm-use-legacy-eh=true"),
    ("zig", "-wasm-use-legacy-eh=false"),
    ("clang-19", "-wasm-enable-exnref=false"),
];

/// program.cpp with the least of a runtime, in one generation of exceptions.
fn compile_cpp(dir: &Path, compiler: &str, generation: &str) -> Vec<u8> {
    let tool = |name: &str| match compiler {
        "zig" => {
            let mut command = Command::new("python3");
            command.args(["-m", "ziglang", name]);
            command
        }
        _ => Command::new(format!("{name}-19")),
    };
    let objects = ["program", "cxxrt"].map(|name| {
        let object = dir.join(format!("{name}.o"));
        let mut clang = tool("clang");
        clang.args(["--target=wasm32-unknown-unknown", "-O1", "-nostdinc", "-fwasm-exceptions"]);
        clang.args(["-mllvm", generation, "-mllvm", "-wasm-enable-sjlj"]);
        // <setjmp.h> is ours.
        clang.arg("-isystem").arg(source("include"));
        run(clang.arg("-c").arg(source(&format!("{name}.cpp"))).arg("-o").arg(&object)).expect(0);
        object
    });
    let wasm = dir.join("cpp.wasm");
    let mut link = tool("wasm-ld");
    link.args(["--no-entry", "--export=run", "--allow-undefined"]).args(objects).arg("-o").arg(&wasm);
    run(&mut link).expect(0);
    std::fs::read(wasm).expect("a module")
}
