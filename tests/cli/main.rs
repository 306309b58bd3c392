//! The command line: what `palisade` takes, what it answers, and what it leaves behind.

#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::process::Command;
use support::{Machine, Ran, root, run, scratch, write};

/// Runs `palisade` in a folder.
#[track_caller]
fn palisade(dir: &Path, args: &[&str]) -> Ran {
    run(Command::new(support::PALISADE).args(args).current_dir(dir))
}

/// A program that ends with status 0.
const NOTHING: &str = r#"(module (memory (export "memory") 1) (func (export "_start")))"#;
/// A library.
const ADD: &str =
    r#"(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))"#;

/// The files in a folder, sorted.
fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).expect("a folder");
    let mut names: Vec<_> = entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

// ---- Help ----

#[test]
fn help_lists_every_option() {
    let help = palisade(&root(), &["--help"]).expect(0).stdout();
    let options = [
        "-o",
        "-c",
        "-S",
        "--shared",
        "--emit",
        "--header",
        "--name",
        "--import",
        "--target",
        "--cpu",
        "--cc",
        "-O",
        "-g",
        "-j",
        "--memory",
        "--enable",
        "--disable",
        "--harden",
        "--dir",
        "--env",
        "--run",
        "--stack-size",
        "--plan",
        "--disable-pass",
        "--print",
        "-MD",
        "-MF",
        "-v",
        "--version",
        "--help",
    ];
    for option in options {
        let named = |line: &str| line.split(|c: char| " ,[=<".contains(c)).any(|word| word == option);
        assert!(help.lines().any(|line| named(line) || line.contains(&format!("{option})"))), "no {option} in\n{help}");
    }
}

#[test]
fn version_is_the_packages() {
    let version = palisade(&root(), &["--version"]).expect(0).stdout();
    assert_eq!(version, format!("palisade {}\n", env!("CARGO_PKG_VERSION")));
}

// ---- Errors ----

/// Wrong usage: status 2, something on standard error, nothing on standard output, no file.
#[test]
fn wrong_usage_is_status_2() {
    let dir = scratch();
    write(dir.path(), "app.wat", NOTHING);
    let cases: &[&[&str]] = &[
        &[],
        &["--no-such-option", "app.wat"],
        &["-O9", "app.wat"],
        &["-j", "0", "app.wat"],
        &["-j", "many", "app.wat"],
        &["-c", "-S", "app.wat"],
        &["--emit=wasm", "app.wat"],
        &["--print", "everything"],
        &["-o"],
        &["--import", "no-equals-sign", "-c", "app.wat"],
        &["--enable-flying", "-c", "app.wat"],
        &["--disable-flying", "-c", "app.wat"],
        &["--target", "pdp11-dec-unix", "-c", "app.wat"],
        &["--memory", "0:mode=magic", "-c", "app.wat"],
        &["--stack-size", "large", "app.wat"],
        &["app.wat", "--", "an argument without --run"],
    ];
    for args in cases {
        let ran = palisade(dir.path(), args);
        assert_eq!(ran.status, 2, "{args:?}: {}{}", ran.stdout(), ran.stderr());
        assert!(ran.stderr().contains("error"), "{args:?}: {}", ran.stderr());
        assert_eq!(ran.stdout(), "", "{args:?}");
        assert_eq!(names(dir.path()), ["app.wat"], "{args:?}");
    }
}

/// Options whose work is not done yet say so; none is silently without effect.
#[test]
fn unfinished_options_say_so() {
    let dir = scratch();
    write(dir.path(), "app.wat", NOTHING);
    for option in ["-g", "--harden=branch"] {
        let ran = palisade(dir.path(), &[option, "-c", "app.wat"]).expect(2);
        let errors = ran.stderr();
        assert!(errors.starts_with("palisade: error: ") && errors.contains("not supported"), "{option}: {errors}");
        assert_eq!(names(dir.path()), ["app.wat"], "{option}");
    }
}

#[test]
fn a_wrong_name_of_hardening_is_answered_with_the_right_ones() {
    let dir = scratch();
    write(dir.path(), "app.wat", NOTHING);
    let ran = palisade(dir.path(), &["--harden=spectre,branches", "-c", "app.wat"]).expect(2);
    let known = "known are spectre, branch, return, all, none";
    assert_eq!(ran.stderr(), format!("palisade: error: --harden: there is no \"branches\"; {known}\n"));
    palisade(dir.path(), &["--harden=all", "-c", "app.wat"]).expect(0);
}

/// Bad input: status 1 and lines `palisade: error: FILE: …` that say what is wrong and where.
#[test]
fn bad_input_is_status_1_with_the_reason_and_the_place() {
    let valid = wat::parse_str(NOTHING).expect("text");
    let truncated = &valid[..valid.len() - 3];
    let mut wrong_version = valid.clone();
    wrong_version[4] = 9;
    let type_error = invalid_function();
    let cases: &[(&str, &[u8], &[&str])] = &[
        ("garbage.wasm", b"\x7fELF\x02\x01\x01\0\0\0\xff", &["magic"]),
        ("empty.wasm", b"", &["empty.wasm: "]),
        ("truncated.wasm", truncated, &["at offset 0x", "unexpected end"]),
        ("version.wasm", &wrong_version, &["version"]),
        ("types.wasm", &type_error, &["function 1 \"faulty\" at offset 0x", "type mismatch"]),
        ("syntax.wat", b"(module\n  (func (i32.const 1)\n", &[":3:1"]),
        ("unknown.wat", b"(module (func (call $nobody)))", &["$nobody", ":1:21"]),
        ("library.wat", ADD.as_bytes(), &["_start"]),
        ("import.wat", br#"(module (import "no" "thing" (func)) (func (export "_start")))"#, &["\"no\" \"thing\""]),
        (
            "wasi.wat",
            br#"(module (import "wasi_snapshot_preview1" "fd_fly" (func)) (func (export "_start")))"#,
            &["fd_fly"],
        ),
    ];
    for (name, content, wanted) in cases {
        let dir = scratch();
        write(dir.path(), name, content);
        write(dir.path(), "out", "what was there before");
        let ran = palisade(dir.path(), &[name, "-o", "out"]);
        let errors = ran.stderr();
        assert_eq!(ran.status, 1, "{name}: {errors}");
        assert!(errors.starts_with(&format!("palisade: error: {name}")), "{name}: {errors}");
        assert!(errors.lines().all(|line| line.starts_with("palisade: error: ")), "{name}: {errors}");
        for text in *wanted {
            assert!(errors.contains(text), "{name}: no {text:?} in {errors}");
        }
        // Nothing is written, nothing is lost, nothing is left behind.
        assert_eq!(std::fs::read_to_string(dir.path().join("out")).expect("it stays"), "what was there before");
        assert_eq!(names(dir.path()).len(), 2, "{name}: {:?}", names(dir.path()));
    }
}

/// A module whose second function leaves nothing where it should leave an i32.
fn invalid_function() -> Vec<u8> {
    let text = r#"(module (func $fine) (func $faulty (result i32) (i64.const 5)) (func (export "_start")))"#;
    wat::parse_str(text).expect("the text format does not check types")
}

#[test]
fn missing_and_unreadable_inputs() {
    let dir = scratch();
    std::fs::create_dir(dir.path().join("folder.wasm")).expect("a folder");
    write(dir.path(), "app.wat", NOTHING);
    for (args, about) in [
        (["none.wasm", "-o", "out"], "none.wasm"),
        (["folder.wasm", "-o", "out"], "folder.wasm"),
        (["app.wat", "none.o", "-oout"], "none.o"),
    ] {
        let ran = palisade(dir.path(), &args).expect(1);
        assert!(ran.stderr().starts_with(&format!("palisade: error: {about}: ")), "{}", ran.stderr());
        assert_eq!(ran.stderr().lines().count(), 1, "{}", ran.stderr());
        assert!(!dir.path().join("out").exists());
    }
}

#[test]
fn outputs_that_cannot_be_written() {
    let dir = scratch();
    std::fs::create_dir(dir.path().join("folder")).expect("a folder");
    write(dir.path(), "app.wat", NOTHING);
    for output in ["none/app", "folder", "app.wat/app"] {
        for mode in [&["-c"][..], &["-S"], &[], &["--shared"]] {
            let ran = palisade(dir.path(), &[mode, &["app.wat", "-o", output]].concat());
            assert_eq!(ran.status, 1, "{mode:?} {output}: {}", ran.stderr());
            let errors = ran.stderr();
            assert!(errors.starts_with("palisade: error: ") && errors.contains(output), "{mode:?} {output}: {errors}");
            assert_eq!(names(dir.path()), ["app.wat", "folder"], "{mode:?} {output}");
        }
    }
    // The header too.
    let ran = palisade(dir.path(), &["-c", "app.wat", "--header", "none/app.h"]).expect(1);
    assert!(ran.stderr().contains("none/app.h"), "{}", ran.stderr());
}

#[test]
fn a_failed_link_shows_the_linkers_words_and_leaves_nothing() {
    let dir = scratch();
    write(dir.path(), "app.wat", NOTHING);
    write(dir.path(), "extra.c", "int missing(void); int other(void) { return missing(); }");
    let ran = palisade(dir.path(), &["app.wat", "extra.c", "-o", "out"]).expect(1);
    assert!(ran.stderr().starts_with("palisade: error: ") && ran.stderr().contains("missing"), "{}", ran.stderr());
    assert_eq!(names(dir.path()), ["app.wat", "extra.c"]);
}

/// Where everything fills up: a device that is full, and a limit on the size of files. One line, status 1, nothing left.
#[test]
fn full_disks() {
    let full = Path::new("/dev/full");
    if !full.exists() {
        return support::left_out("writing to a full device", "there is no /dev/full");
    }
    let dir = scratch();
    write(dir.path(), "app.wat", NOTHING);
    let large =
        format!("(module (memory 9) (data (i32.const 0) \"{}\") (func (export \"_start\")))", "x".repeat(400_000));
    write(dir.path(), "large.wat", large);
    let one_line = |ran: Ran, about: &str| {
        let errors = ran.expect(1).stderr();
        assert!(errors.starts_with("palisade: error: ") && errors.contains(about), "{about}: {errors}");
        assert_eq!(errors.lines().count(), 1, "{about}: {errors}");
        assert!(!errors.contains("panicked"), "{errors}");
        assert_eq!(names(dir.path()), ["app.wat", "large.wat"], "{about}");
    };
    for mode in ["-c", "-S", "--emit=clif"] {
        one_line(palisade(dir.path(), &[mode, "app.wat", "-o", "/dev/full"]), "/dev/full");
    }
    one_line(palisade(dir.path(), &["-c", "app.wat", "-o-", "--header", "/dev/full"]), "/dev/full");
    // Standard output is the full device.
    for args in
        [&["-c", "app.wat", "-o-"][..], &["-S", "app.wat", "-o-"], &["--plan", "app.wat"], &["--print", "targets"]]
    {
        let device = std::fs::OpenOptions::new().write(true).open(full).expect("it can be opened");
        let mut command = Command::new(support::PALISADE);
        let child =
            command.args(args).current_dir(dir.path()).stdout(device).stderr(std::process::Stdio::piped()).spawn();
        let output = child.expect("it starts").wait_with_output().expect("it ends");
        let status = output.status.code().unwrap_or(-1);
        let command = "palisade".to_owned();
        one_line(Ran { command, status, out: Vec::new(), err: output.stderr }, "standard output");
    }
    // Nobody to complain to: the status is all there is.
    let line = format!("{} -c none.wasm 2>/dev/full", support::PALISADE);
    run(Command::new("sh").args(["-c", &line]).current_dir(dir.path())).expect(1);
    // No file may be larger than 100 KiB.
    for mode in ["-c", ""] {
        let line = format!("ulimit -f 200; exec {} {mode} large.wat -o out", support::PALISADE);
        let ran = run(Command::new("sh").args(["-c", &line]).current_dir(dir.path())).expect(1);
        assert!(ran.stderr().starts_with("palisade: error: "), "{mode}: {}", ran.stderr());
        assert_eq!(names(dir.path()), ["app.wat", "large.wat"], "{mode}");
    }
}

/// What is no file is written to, and stays what it is: `-o /dev/null` must not replace the device.
#[test]
fn pipes_and_devices_are_not_replaced() {
    if !support::need("named pipes", &["mkfifo"]) {
        return;
    }
    let dir = scratch();
    write(dir.path(), "app.wat", NOTHING);
    let pipe = dir.path().join("pipe");
    run(Command::new("mkfifo").arg(&pipe)).expect(0);
    let elsewhere = scratch();
    for mode in ["-O2", "-c", "--shared"] {
        // Into a file, which takes more than a pipe that nobody reads yet.
        let copy = elsewhere.path().join("copy");
        let file = std::fs::File::create(&copy).expect("it is made");
        let mut reader = Command::new("cat").arg(&pipe).stdout(file).spawn().expect("it starts");
        palisade(dir.path(), &[mode, "app.wat", "-o", "pipe"]).expect(0);
        let is_pipe = !std::fs::metadata(&pipe).expect("it is there").is_file();
        assert!(is_pipe, "{mode}: replaced");
        assert!(reader.wait().expect("it ends").success(), "{mode}");
        assert!(std::fs::read(&copy).expect("it is there").starts_with(b"\x7fELF"), "{mode}");
        assert_eq!(names(dir.path()), ["app.wat", "pipe"], "{mode}");
    }
}

/// What a compiler driver says is shown; that it is missing, fails or dies is an error of ours.
#[test]
fn linkers_that_fail() {
    let dir = scratch();
    write(dir.path(), "app.wat", NOTHING);
    let script = |name: &str, text: &str| {
        use std::os::unix::fs::PermissionsExt as _;
        let path = write(dir.path(), name, text);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
        path.display().to_string()
    };
    let silent = script("silent", "#!/bin/sh\nexit 3\n");
    let killed = script("killed", "#!/bin/sh\nkill -9 $$\n");
    let nothing = script("nothing", "#!/bin/sh\nexit 0\n");
    let not_executable = write(dir.path(), "plain", "").display().to_string();
    for cc in ["/none/cc", "", &silent, &killed, &nothing, &not_executable] {
        let before = names(dir.path());
        let ran = palisade(dir.path(), &["app.wat", "-o", "out", "--cc", cc]).expect(1);
        assert!(ran.stderr().starts_with("palisade: error: "), "{cc:?}: {}", ran.stderr());
        assert_eq!(ran.stderr().lines().count(), 1, "{cc:?}: {}", ran.stderr());
        assert!(!ran.stderr().contains("panicked"), "{cc:?}: {}", ran.stderr());
        assert_eq!(names(dir.path()), before, "{cc:?}");
    }
}

#[test]
fn reserved_names_are_refused() {
    let dir = scratch();
    write(dir.path(), "pal.wat", ADD);
    write(dir.path(), "lib.wat", ADD);
    for args in [&["-c", "pal.wat"][..], &["-c", "lib.wat", "--name", "pal_x"], &["-c", "lib.wat", "--name", "not-c"]] {
        let ran = palisade(dir.path(), args);
        assert!(ran.status == 1 || ran.status == 2, "{args:?}");
        assert!(ran.stderr().starts_with("palisade: error: "), "{args:?}: {}", ran.stderr());
        assert_eq!(names(dir.path()), ["lib.wat", "pal.wat"]);
    }
}

/// `pal_memory_free` is the runtime's: a module called "memory" must not be in its way.
#[test]
fn modules_may_be_called_like_parts_of_the_runtime() {
    if !support::need("reading the runtime's symbols", &["nm"]) {
        return;
    }
    let symbols =
        run(Command::new("nm").args(["-g", "--defined-only"]).arg(Machine::host().runtime())).expect(0).stdout();
    let names = symbols.lines().filter_map(|line| line.split_whitespace().last()?.strip_prefix("pal_"));
    let suffixes = ["_free", "_instantiate", "_bind_memory", "_snapshot", "_restore", "_interrupt", "_uninterrupt"];
    let like_modules = names.filter_map(|name| suffixes.iter().find_map(|suffix| name.strip_suffix(suffix)));
    let like_modules: std::collections::BTreeSet<&str> = like_modules.collect();
    assert!(like_modules.contains("memory"), "{like_modules:?}");
    let dir = scratch();
    for name in like_modules {
        write(dir.path(), &format!("{name}.wat"), NOTHING);
        palisade(dir.path(), &[&format!("{name}.wat"), "-o", "app"]).expect(0);
        run(&mut Command::new(dir.path().join("app"))).expect(0);
    }
}

#[test]
fn a_missing_c_compiler_is_named() {
    let dir = scratch();
    write(dir.path(), "app.wat", NOTHING);
    let ran = palisade(dir.path(), &["app.wat", "--cc", "no-such-compiler -O1"]).expect(1);
    assert!(ran.stderr().contains("no-such-compiler"), "{}", ran.stderr());
    assert_eq!(names(dir.path()), ["app.wat"]);
}

// ---- Outputs ----

#[test]
fn outputs_are_named_after_the_first_module() {
    let cases: &[(&[&str], &str)] = &[
        (&["sub/app.wat"], "app"),
        (&["-c", "sub/app.wat"], "app.o"),
        (&["-S", "sub/app.wat"], "app.s"),
        (&["--emit=clif", "sub/app.wat"], "app.clif"),
        (&["--shared", "sub/app.wat"], "app.so"),
        (&["-c", "sub/app.wat", "-o", "other.o"], "other.o"),
    ];
    for (args, output) in cases {
        let dir = scratch();
        write(dir.path(), "sub/app.wat", NOTHING);
        palisade(dir.path(), args).expect(0);
        assert_eq!(names(dir.path()), [output, "sub"], "{args:?}");
        assert!(std::fs::metadata(dir.path().join(output)).expect("a file").len() > 0);
    }
}

#[test]
fn listings_show_functions_by_name() {
    let dir = scratch();
    write(
        dir.path(),
        "app.wat",
        r#"(module (func $double (export "twice") (param i32) (result i32) (i32.shl (local.get 0) (i32.const 1))))"#,
    );
    for (args, wanted) in [(["-S", "-o-", "app.wat"], "double"), (["--emit=clif", "-o-", "app.wat"], "ishl")] {
        let text = palisade(dir.path(), &args).expect(0).stdout();
        assert!(text.contains(wanted), "{args:?}: {text}");
    }
}

#[test]
fn the_plan_says_what_a_memory_becomes() {
    let dir = scratch();
    write(
        dir.path(),
        "app.wat",
        r#"(module (memory (export "main") 1) (memory $scratch 2 2) (table 3 funcref) (func (export "_start")))"#,
    );
    let plan = palisade(dir.path(), &["--plan", "app.wat"]).expect(0).stdout();
    for word in ["guard", "checked", "main", "scratch"] {
        assert!(plan.contains(word), "no {word} in {plan}");
    }
    let plan = palisade(dir.path(), &["--plan", "--memory", "main:mode=checked", "app.wat"]).expect(0).stdout();
    assert!(!plan.contains("guard"), "{plan}");
    assert_eq!(names(dir.path()), ["app.wat"]);
}

/// The same bytes however many threads compile.
#[test]
fn threads_make_no_difference() {
    let dir = scratch();
    let functions: String = (0..300)
        .map(|i| {
            format!(
                "(func $f{i} (export \"f{i}\") (param i32) (result i32) (call {} (i32.mul (local.get 0) (i32.const {i}))))",
                i * 7 % 300
            )
        })
        .collect();
    write(
        dir.path(),
        "many.wat",
        format!(r#"(module {functions} (func (export "_start") (drop (call $f3 (i32.const 1)))))"#),
    );
    let compile = |jobs: &str| {
        palisade(dir.path(), &["-c", "-j", jobs, "many.wat", "-o", "many.o", "--header", "many.h"]).expect(0);
        (
            std::fs::read(dir.path().join("many.o")).expect("object"),
            std::fs::read(dir.path().join("many.h")).expect("header"),
        )
    };
    let one = compile("1");
    for jobs in ["2", "2", "7"] {
        assert!(compile(jobs) == one, "-j {jobs} makes another object than -j 1");
    }
}

#[test]
fn dependency_files_are_for_make() {
    let dir = scratch();
    write(dir.path(), "app.wat", NOTHING);
    write(dir.path(), "a b.wat", NOTHING);
    palisade(dir.path(), &["-c", "-MD", "app.wat"]).expect(0);
    let text = std::fs::read_to_string(dir.path().join("app.d")).expect("app.d");
    assert_eq!(text.trim_end(), "app.o: app.wat");
    palisade(dir.path(), &["-MD", "-MF", "deps", "a b.wat", "-o", "out"]).expect(0);
    let text = std::fs::read_to_string(dir.path().join("deps")).expect("deps");
    assert_eq!(text.trim_end(), "out: a\\ b.wat");
}

#[test]
fn verbose_says_what_is_done() {
    let dir = scratch();
    write(dir.path(), "app.wat", NOTHING);
    let ran = palisade(dir.path(), &["-v", "app.wat"]).expect(0);
    assert!(ran.stderr().contains("app.wat") && ran.stderr().contains("function"), "{}", ran.stderr());
    let quiet = palisade(dir.path(), &["app.wat"]).expect(0);
    assert_eq!((quiet.stdout(), quiet.stderr()), (String::new(), String::new()));
}

/// A loop that `unroll` repeats.
const LOOP: &str = r#"(module (memory 1) (func (export "f") (local $i i32)
  (loop $l
    (i32.store (local.get $i) (local.get $i))
    (br_if $l (i32.ne (local.tee $i (i32.add (local.get $i) (i32.const 4))) (i32.const 400))))))"#;

#[test]
fn levels_say_which_passes_run() {
    let dir = scratch();
    write(dir.path(), "loop.wat", LOOP);
    let stores = |level: &str| {
        let args = [level, "-S", "loop.wat", "-o", "-", "--target", "x86_64-unknown-linux-gnu"];
        let text = palisade(dir.path(), &args).expect(0).stdout();
        text.lines().filter(|line| line.contains("movl") && line.trim_end().ends_with(')')).count()
    };
    assert_eq!(["-O1", "-Os", "-O2", "-O3"].map(stores), [1, 1, 4, 4]);
    let said = |level: &str| palisade(dir.path(), &[level, "-v", "-c", "loop.wat"]).expect(0).stderr();
    assert!(said("-O2").contains("palisade: loop.wat: unroll: 1 changes, "), "{}", said("-O2"));
    assert!(said("-O2").contains("palisade: loop.wat: addresses: "), "{}", said("-O2"));
    for level in ["-O0", "-O1"] {
        assert!(!said(level).contains("unroll"), "{level}: {}", said(level));
    }
    assert!(!said("-Os").contains("unroll") && said("-Os").contains("addresses"), "{}", said("-Os"));
}

// ---- Build systems and hosts ----

#[test]
fn print_gives_build_systems_what_they_need() {
    let dir = scratch();
    let print = |what| palisade(dir.path(), &["--print", what]).expect(0).stdout();
    assert!(Path::new(print("include-dir").trim()).join("palisade.h").is_file());
    let sources = print("rt-sources");
    assert!(sources.lines().any(|l| l.ends_with(".c")) && sources.lines().all(|l| Path::new(l).is_file()), "{sources}");
    assert!(
        print("targets").contains("x86_64-unknown-linux-gnu") && print("targets").contains("aarch64-unknown-linux-gnu")
    );
    assert!(print("features").contains("multi-memory"));
    // A C host built with what was printed, as a makefile would.
    write(dir.path(), "lib.wat", ADD);
    let c = "#include \"lib.h\"\nint main(void) { struct lib *l; return pal_lib_instantiate(&l) ? 1 : lib_add(l, 40, 2); }\n";
    write(dir.path(), "host.c", c);
    palisade(dir.path(), &["-c", "lib.wat", "--header", "lib.h"]).expect(0);
    let (cflags, libs) = (print("cflags"), print("libs"));
    let line = format!("cc -Wall -Werror {} host.c lib.o {} -o host", cflags.trim(), libs.trim());
    run(Command::new("sh").args(["-c", &line]).current_dir(dir.path())).expect(0);
    run(&mut Command::new(dir.path().join("host"))).expect(42);
}

#[test]
fn headers_are_c11_and_cxx17() {
    let dir = scratch();
    let text = r#"(module
        (import "env" "class" (func (param i32) (result i32 i64)))
        (import "env" "limit" (global i32))
        (memory (export "memory") 1) (table (export "int") 1 funcref)
        (global (export "count") (mut f64) (f64.const 0))
        (func (export "free") (param externref) (result funcref) ref.null func)
        (func (export "a-b c") (result f32 f32) (f32.const 0) (f32.const 1)))"#;
    write(dir.path(), "lib.wat", text);
    palisade(dir.path(), &["-c", "lib.wat", "--header", "lib.h"]).expect(0);
    let include = palisade(dir.path(), &["--print", "cflags"]).expect(0).stdout();
    let strict = "-Wall -Wextra -Wpedantic -Werror -fsyntax-only";
    for compiler in ["cc -std=c11 -x c", "c++ -std=c++17 -x c++"] {
        let line = format!("{compiler} {strict} {} lib.h", include.trim());
        run(Command::new("sh").args(["-c", &line]).current_dir(dir.path())).expect(0);
    }
    let header = std::fs::read_to_string(dir.path().join("lib.h")).expect("a header");
    for name in
        ["lib_memory(", "lib_int(", "double *lib_count(", "lib_free(", "lib_a_x2D_b_x20_c(", "env_class(", "env_limit("]
    {
        assert!(header.contains(name), "no {name} in {header}");
    }
}

#[test]
fn c_sources_objects_and_libraries_are_linked_in_order() {
    let dir = scratch();
    let module = r#"(module
        (import "env" "root" (func $root (param f64) (result f64)))
        (func (export "run") (param f64) (result f64) (call $root (local.get 0))))"#;
    write(dir.path(), "lib.wat", module);
    let c = "#include \"lib.h\"\n#include <math.h>\n#include <stdio.h>\n\
             double env_root(struct env *e, double x) { (void)e; return cbrt(x); }\n\
             int main(void) { struct lib *l; int env; if (pal_lib_instantiate(&l, (struct env *)&env)) return 1;\n\
             printf(\"%g %d\\n\", lib_run(l, 27), NUMBER); pal_lib_free(l); return 0; }\n";
    write(dir.path(), "host.c", c);
    palisade(dir.path(), &["-c", "lib.wat", "--header", "lib.h"]).expect(0);
    for more in [&[][..], &["-static"], &["-Wl,--gc-sections", "-pthread"]] {
        let args = [&["lib.wat", "host.c", "-DNUMBER=5", "-I.", "-lm", "-o", "app"], more].concat();
        palisade(dir.path(), &args).expect(0);
        let ran = run(&mut Command::new(dir.path().join("app"))).expect(0);
        assert_eq!(ran.stdout(), "3 5\n", "{more:?}");
    }
}

#[test]
fn modules_are_joined_into_one_program() {
    let dir = scratch();
    let main = r#"(module
        (import "math" "twice" (func $twice (param i32) (result i32)))
        (import "math" "memory" (memory 1))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (func (export "_start") (call $exit (i32.add (call $twice (i32.const 20)) (i32.load8_u (i32.const 0))))))"#;
    let math = r#"(module (memory (export "memory") 1) (data (i32.const 0) "\02")
        (func (export "twice") (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2))))"#;
    write(dir.path(), "main.wat", main);
    write(dir.path(), "numbers.wat", math);
    write(dir.path(), "math.wat", math);
    for args in [
        &["main.wat", "math.wat"][..],
        &["math.wat", "main.wat"],
        &["main.wat", "numbers.wat", "--import", "math=numbers"],
    ] {
        palisade(dir.path(), &[args, &["-o", "app"]].concat()).expect(0);
        run(&mut Command::new(dir.path().join("app"))).expect(42);
    }
    let ran = palisade(dir.path(), &["main.wat", "numbers.wat", "-o", "app2"]).expect(1);
    assert!(ran.stderr().contains("\"math\""), "{}", ran.stderr());
}

// ---- Programs ----

/// `--dir` and `--env` are compiled in, `PALISADE_DIR` and `PALISADE_ENV` add to them; nothing else is given.
#[test]
fn executables_have_what_they_were_granted() {
    let dir = scratch();
    write(dir.path(), "show_grants.wat", include_str!("show_grants.wat"));
    for folder in ["one", "two", "three,comma"] {
        std::fs::create_dir(dir.path().join(folder)).expect("a folder");
    }
    let grants = ["--dir", "one", "--dir", "two::/guest:ro", "--env", "FIXED=a=b", "--env", "PASSED"];
    palisade(dir.path(), &[&["show_grants.wat", "-o", "bare"][..], &[]].concat()).expect(0);
    palisade(dir.path(), &[&["show_grants.wat", "-o", "granted"], &grants[..]].concat()).expect(0);
    let program = |name: &str, variables: &[(&str, &str)]| {
        let mut command = Command::new(dir.path().join(name));
        command.current_dir(dir.path()).env_clear().envs(variables.iter().copied()).args(["x", "y z"]);
        let ran = run(&mut command).expect(3);
        let out = ran.stdout();
        out.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(program("bare", &[("SECRET", "1"), ("PASSED", "1")]), ["x", "y z"]);
    assert_eq!(
        program("granted", &[("SECRET", "1"), ("PASSED", "2")]),
        ["x", "y z", "FIXED=a=b", "PASSED=2", "one", "/guest"]
    );
    assert_eq!(program("granted", &[]), ["x", "y z", "FIXED=a=b", "one", "/guest"]);
    let added =
        [("PALISADE_DIR", "two::/2,three\\,comma::/3"), ("PALISADE_ENV", "A,C"), ("A", "1"), ("B", "2"), ("C", "")];
    assert_eq!(program("bare", &added), ["x", "y z", "A=1", "C=", "/2", "/3"]);
    let mut all = program("bare", &[("PALISADE_ENV", "*"), ("A", "1"), ("B", "2")]);
    all.sort();
    assert!(all.contains(&"A=1".to_owned()) && all.contains(&"B=2".to_owned()), "{all:?}");
    // A directory that can't be opened is fatal, not silently missing.
    let mut command = Command::new(dir.path().join("bare"));
    let ran = run(command.env("PALISADE_DIR", "/no/such/folder"));
    assert!(ran.status != 0 && ran.status != 3 && ran.stderr().contains("/no/such/folder"), "{}", ran.stderr());
}

#[test]
fn stack_size_is_the_depth_of_recursion() {
    let dir = scratch();
    let text = r#"(module
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (func $deep (param i32) (result i32)
          (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0))
            (else (i32.add (i32.const 1) (call $deep (i32.sub (local.get 0) (i32.const 1)))))))
        (func (export "_start") (call $exit (i32.rem_u (call $deep (i32.const 200000)) (i32.const 199)))))"#;
    write(dir.path(), "deep.wat", text);
    palisade(dir.path(), &["deep.wat"]).expect(0);
    run(&mut Command::new(dir.path().join("deep"))).expect(200_000 % 199);
    palisade(dir.path(), &["--stack-size", "1MiB", "deep.wat"]).expect(0);
    let ran = run(&mut Command::new(dir.path().join("deep"))).expect(134);
    assert!(ran.stderr().contains("call stack exhausted"), "{}", ran.stderr());
}

#[test]
fn run_compiles_once_and_runs() {
    let dir = scratch();
    let module = write(dir.path(), "show_grants.wat", include_str!("show_grants.wat"));
    let program = |args: &[&str]| {
        let mut command = Command::new(support::PALISADE);
        command.env("PALISADE_CACHE", dir.path().join("cache")).arg("--run").arg(&module).arg("--").args(args);
        run(&mut command).expect(3).stdout().lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(program(&["a", "--help"]), ["a", "--help"]);
    let size = || walk(&dir.path().join("cache"));
    let before = size();
    assert_eq!(program(&["b"]), ["b"]);
    assert_eq!(size(), before, "compiled twice");
    write(
        dir.path(),
        "show_grants.wat",
        include_str!("show_grants.wat").replace("(i32.const 3))))", "(i32.const 3)) (nop)))"),
    );
    program(&[]);
    assert_ne!(size(), before, "a changed module is not compiled anew");
}

/// Names and times of all files below a folder.
fn walk(dir: &Path) -> Vec<(String, std::time::SystemTime)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(walk(&path));
        } else {
            let time = path.metadata().and_then(|m| m.modified()).expect("a time");
            found.push((path.display().to_string(), time));
        }
    }
    found.sort();
    found
}
