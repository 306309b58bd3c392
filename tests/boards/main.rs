//! Boards: objects for `aarch64-unknown-none` with the runtime that needs no operating system, run as firmware by
//! qemu-system-aarch64.

#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::process::Command;
use support::{PALISADE, need, need_python, root, run, scratch};

const BOARD: [&str; 2] = ["--target", "aarch64-unknown-none"];
const COMPILER: &str = "aarch64-linux-gnu-gcc";
const QEMU: &str = "qemu-system-aarch64";

/// A folder with the example firmware's files, of which a test uses what it wants.
fn firmware() -> tempfile::TempDir {
    let dir = scratch();
    for entry in std::fs::read_dir(root().join("examples/firmware")).expect("the example") {
        let path = entry.expect("an entry").path();
        std::fs::copy(&path, dir.path().join(path.file_name().expect("a name"))).expect("a copy");
    }
    dir
}

/// Runs `make` with the palisade under test; what the firmware says.
#[track_caller]
fn make(dir: &Path, what: &str) -> String {
    let folder = Path::new(PALISADE).parent().expect("a folder").to_path_buf();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths([folder].into_iter().chain(std::env::split_paths(&path))).expect("a path");
    let mut command = Command::new("timeout");
    command.args(["120", "make", "-s", what, "WASM_CC=python3 -m ziglang cc -target wasm32-wasi"]);
    let ran = run(command.env("PATH", path).env_remove("MAKEFLAGS").current_dir(dir));
    assert!(ran.ok(), "{}\n{}", ran.stdout(), ran.stderr());
    assert_eq!(ran.stderr(), "", "no warnings");
    ran.stdout().replace('\r', "")
}

fn bytes(said: &str, what: &str) -> u64 {
    let line = said.lines().find_map(|line| line.strip_prefix(what)).unwrap_or_else(|| panic!("{what}: {said}"));
    line.trim().split(' ').next().and_then(|number| number.parse().ok()).expect("a number")
}

#[test]
fn firmware_runs_two_guests_and_survives_one() {
    if !need("firmware", &[COMPILER, QEMU, "make"]) || !need_python("firmware", "ziglang") {
        return;
    }
    let dir = firmware();
    let (said, with_mmu) = (make(dir.path(), "run"), make(dir.path(), "run-mmu"));
    let expected = "firmware: hello\nsensor: integer divide by zero\n\
        sensor: out of bounds memory access: address 0x11170 of memory 0\nsensor: call stack exhausted\n\
        sensor: the average is 151\nreport: 1000 numbers, the median is 8394747\n\
        report: the clock runs, random numbers come\nreport: ended with 7\n";
    assert!(said.starts_with(expected) && said.ends_with("firmware: done\n"), "{said}");
    // All that was taken was given back but for what is kept for the next instance: types, and room for pal_try.
    assert!(bytes(&said, "arena at last: ") < 8 << 10, "{said}");
    assert!(bytes(&said, "arena at most: ") > 65536 + bytes(&said, "arena at last: "), "{said}");
    // With an MMU memories have guard pages, and are not in the arena.
    assert!(with_mmu.starts_with(expected) && with_mmu.ends_with("firmware: done\n"), "{with_mmu}");
    assert!(bytes(&with_mmu, "arena at most: ") < 8 << 10, "{with_mmu}");
    for (name, said) in [("firmware", &said), ("firmware with guard pages", &with_mmu)] {
        let sizes = ["text:", "data:", "arena at most:"].map(|what| format!("{what} {} bytes", bytes(said, what)));
        support::say(format!("{name}: {}", sizes.join(", ")));
    }
}

/// The instructions of the same C source as a guest and as a part of the firmware, counted by QEMU.
#[test]
fn guests_take_few_instructions_more_than_native_code() {
    if !need("firmware", &[COMPILER, QEMU, "make"]) || !need_python("firmware", "ziglang") {
        return;
    }
    let dir = firmware();
    for (target, name, most) in [("measure", "checks", 170), ("measure-mmu", "guard pages", 125)] {
        let said = make(dir.path(), target);
        assert!(said.starts_with("results: the same\n"), "{said}");
        let percent = said.trim_end().rsplit([' ', '%']).nth(1).and_then(|n| n.parse::<u32>().ok()).expect("a number");
        assert!((80..most).contains(&percent), "{said}");
        let numbers: Vec<&str> = said.lines().skip(1).collect();
        support::say(format!("work like CoreMark's, with {name}: {}", numbers.join(", ")));
    }
}

/// Accesses that a CPU without an MMU refuses, as all CPUs refuse them of devices: the sum of what they give. And an
/// exception.
const UNALIGNED: &str = r#"
    (func (export "unaligned") (type $f) (local $sum i64)
      (i64.store (i32.add (local.get 0) (i32.const 8)) (i64.const 0x8877665544332291))
      (i32.store offset=17 (local.get 0) (i32.const -2))
      (i32.store16 offset=2049 (i32.add (local.get 0) (i32.const 31)) (i32.const 0x8001))
      (f64.store offset=22 (local.get 0) (f64.const 1.5))
      (v128.store offset=32 (local.get 0) (v128.const i32x4 1 2 3 4))
      (local.set $sum (i64.load offset=8 (local.get 0)))
      (local.set $sum (i64.add (local.get $sum) (i64.load32_s offset=17 (local.get 0))))
      (local.set $sum (i64.add (local.get $sum) (i64.load32_u offset=17 (local.get 0))))
      (local.set $sum (i64.add (local.get $sum) (i64.load16_s offset=2080 (local.get 0))))
      (local.set $sum (i64.add (local.get $sum) (i64.extend_i32_s (i32.load16_s offset=2080 (local.get 0)))))
      (local.set $sum (i64.add (local.get $sum) (i64.trunc_f64_s (f64.mul (f64.load offset=22 (local.get 0)) (f64.const 2)))))
      (local.set $sum (i64.add (local.get $sum) (i64x2.extract_lane 1 (v128.load offset=32 (local.get 0)))))
      (local.set $sum (i64.add (local.get $sum) (i64.extend_i32_s (i32x4.extract_lane 3 (v128.load32_splat offset=36 (local.get 0))))))
      (i32.wrap_i64 (i64.xor (local.get $sum) (i64.shr_u (local.get $sum) (i64.const 32)))))
    (tag $thrown (param i32))
    (func $throws (param i32) (throw $thrown (local.get 0)))
    (func (export "caught") (type $f)
      (block $handler (result i32)
        (try_table (catch $thrown $handler) (call $throws (i32.add (local.get 0) (i32.const 41))))
        (i32.const 0)))
"#;

/// What they sum up to.
fn unaligned_sum() -> i32 {
    let terms = [0x8877665544332291u64 as i64, -2, 0xffff_fffe, -32767, -32767, 3, 3 | 4 << 32, 2];
    let sum = terms.into_iter().fold(0, i64::wrapping_add);
    (sum ^ ((sum as u64) >> 32) as i64) as i32
}

/// A module with all the ways to use up a stack.
fn recursion() -> String {
    let mut text = String::from(
        r#"(module
        (import "other" "dive" (func $other (param i32) (result i32)))
        (import "host" "back" (func $back (param i32) (result i32)))
        (type $f (func (param i32) (result i32)))
        (table funcref (elem $indirect))
        (memory 1 1)
        (func $plain (export "plain") (type $f) (i32.add (call $plain (local.get 0)) (i32.const 1)))
        (func $indirect (export "indirect") (type $f)
          (i32.add (call_indirect (type $f) (local.get 0) (i32.const 0)) (i32.const 1)))
        (func (export "other") (type $f) (call $other (local.get 0)))
        (func $host (export "host") (type $f) (i32.add (call $back (local.get 0)) (i32.const 1)))
"#,
    );
    // Frames of 2 KiB, of 40 KiB, and larger than all of the stack.
    for (name, locals) in [("small", 250), ("large", 5_000), ("huge", 49_000)] {
        text += &format!("(func ${name} (export {name:?}) (type $f) (local {})", "i64 ".repeat(locals));
        for local in 1..=locals.min(1_000) {
            text += &format!("(local.set {local} (i64.extend_i32_u (i32.add (local.get 0) (i32.const {local}))))");
        }
        text += &format!("(local.set 0 (call ${name} (local.get 0)))(i64.const 0)");
        (1..=locals.min(1_000)).for_each(|local| text += &format!("(i64.add (local.get {local}))"));
        text.push_str("(i32.add (i32.wrap_i64) (local.get 0)))\n");
    }
    // A tail call with more arguments than registers.
    let (params, args) = ("i64 ".repeat(900), "(i64.const 1) ".repeat(900));
    text +=
        &format!("(func $many (param i32 {params}) (result i32) (i32.add (call $tail (local.get 0)) (i32.const 1)))");
    text += &format!("(func $tail (export \"tail\") (type $f) (return_call $many (local.get 0) {args}))");
    text.push_str(UNALIGNED);
    text.push_str("(func (export \"fine\") (type $f) (i32.add (local.get 0) (i32.const 1))))");
    text
}

/// Below the limit nothing is ever written but by C: the lowest part of the stack stays as it was.
#[test]
fn stacks_end_in_traps() {
    if !need("stacks of boards", &[COMPILER, QEMU, "make"]) {
        return;
    }
    let dir = firmware();
    let file = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).expect("a file");
    file("sensor.wat", &recursion());
    file(
        "other.wat",
        "(module (func $dive (export \"dive\") (param i32) (result i32) (i32.add (call $dive (local.get 0)) (i32.const 1))))",
    );
    file("main.c", include_str!("stacks.c"));
    let makefile = std::fs::read_to_string(dir.path().join("Makefile")).expect("the Makefile");
    let makefile = makefile.replace("report.o", "other.o").replace("report.h", "other.h");
    file("Makefile", &makefile.replace("other.o other.h &: report.wasm", "other.o other.h &: other.wat"));
    let said = make(dir.path(), "run");
    let ways = ["plain", "indirect", "other", "host", "small", "large", "huge", "tail"];
    let expected: String = ways.iter().map(|way| format!("{way}: call stack exhausted, and 42\n")).collect();
    assert_eq!(said, format!("{expected}untouched\n{} 42\n", unaligned_sum() as u32));
}

/// `palisade` for a board, that must fail.
#[track_caller]
fn refuses(text: &str, options: &[&str], message: &str) {
    let dir = scratch();
    let input = dir.path().join("m.wat");
    std::fs::write(&input, text).expect("a file");
    let ran = run(Command::new(PALISADE).args(BOARD).args(options).arg(&input).current_dir(dir.path()));
    assert!(ran.status == 1 && ran.stderr().contains(message), "{options:?}: {}", ran.stderr());
}

#[test]
fn what_boards_lack_is_refused() {
    let memory = "(module (memory (export \"memory\") 1))";
    let object = ["-c", "-o", "m.o"];
    let with = |spec: &'static str| ["-c", "-o", "m.o", "--memory", spec];
    refuses(
        memory,
        &with("0:mode=guard"),
        "memory 0 can't rely on guard pages: a board may have no MMU. mode=auto has",
    );
    refuses(memory, &with("0:virtual"), "no operating system that manages pages");
    refuses(memory, &with("0:cow"), "no operating system that manages pages");
    for (name, ty) in [("protect", "i32 i32 i32"), ("map", "i32 i32 i32"), ("map_file", "i32 i32 i32 i64 i32 i32")] {
        let import = format!("(import \"palisade:memory\" {name:?} (func (param {ty}) (result i32)))");
        let text = memory.replace("(memory", &format!("{import} (memory"));
        refuses(&text, &object, &format!("import \"palisade:memory\" {name:?}: there is no operating system"));
    }
    let threads = "(module (import \"wasi\" \"thread-spawn\" (func (param i32) (result i32))))";
    refuses(threads, &object, "there are no threads on boards");
    refuses(memory, &[], "only the firmware's linker script knows where programs go on a board; make objects with -c");
    refuses(memory, &["--shared"], "only the firmware's linker script");
}

#[test]
fn plans_know_that_there_may_be_no_mmu() {
    let dir = scratch();
    let input = dir.path().join("m.wat");
    std::fs::write(&input, "(module (memory 1 1) (memory 1) (memory 1 2))").expect("a file");
    let plan = |spec: &str| {
        run(Command::new(PALISADE).args(BOARD).args(["--plan", "--memory", spec]).arg(&input)).expect(0).stdout()
    };
    let text = plan("2:mode=auto");
    assert!(text.contains("memory 0: fixed") && text.contains("memory 1: checked"), "{text}");
    assert!(text.contains("memory 2: auto"), "{text}");
}

/// Objects ask for nothing but the runtime, and have no sections of an operating system's.
#[test]
fn objects_are_plain() {
    let dir = scratch();
    let output = dir.path().join("hello.o");
    let hello = root().join("examples/hello/hello.wat");
    run(Command::new(PALISADE).args(BOARD).arg("-c").arg(hello).arg("-o").arg(&output)).expect(0);
    use object::{Object as _, ObjectSection as _, ObjectSymbol as _};
    let bytes = std::fs::read(&output).expect("the object");
    let object = object::File::parse(&*bytes).expect("an object");
    assert_eq!((object.format(), object.architecture()), (object::BinaryFormat::Elf, object::Architecture::Aarch64));
    assert!(object.sections().all(|s| s.name().is_ok_and(|name| !name.contains("eh_frame"))));
    let undefined: Vec<&str> = object.symbols().filter(|s| s.is_undefined()).filter_map(|s| s.name().ok()).collect();
    assert!(undefined.iter().all(|s| s.is_empty() || s.starts_with("pal_") || s.starts_with("wasm.")), "{undefined:?}");
    assert!(!undefined.contains(&"pal_rt_snapshot"), "{undefined:?}");
}

/// The C library's compiler is not needed: clang makes the runtime, too.
#[test]
fn the_runtime_is_made_by_every_compiler() {
    if !need("the runtime for boards", &["clang-19"]) {
        return;
    }
    let mut command = Command::new(PALISADE);
    let ran =
        run(command.args(BOARD).args(["--print", "libs", "--cc", "clang-19 --target=aarch64-none-elf"])).expect(0);
    assert_eq!(ran.stderr(), "");
    assert!(Path::new(ran.stdout().trim()).is_file(), "{}", ran.stdout());
    let mut command = Command::new(PALISADE);
    command.args(BOARD).args(["--print", "libs"]).env("PATH", "/nowhere");
    let dir = scratch();
    let ran = run(command.env("PALISADE_CACHE", dir.path()));
    assert!(ran.status == 1 && ran.stderr().contains("Debian's package is gcc-aarch64-linux-gnu"), "{}", ran.stderr());
}

/// A command that runs a static program for aarch64 Linux, such as boards with Linux have.
fn emulated(program: &Path, options: &[&str]) -> Command {
    let mut command = Command::new("timeout");
    command.args(["120", "qemu-aarch64"]).args(options).arg(program);
    command
}

/// The host's page size is asked at run time: here by a program that says it is another one.
#[test]
fn linux_boards_may_have_pages_of_any_size() {
    if !need("pages of other sizes", &[COMPILER, "qemu-aarch64"]) {
        return;
    }
    let dir = scratch();
    let program = dir.path().join("pages");
    let folder = root().join("tests/boards");
    let mut palisade = Command::new(PALISADE);
    palisade.args(["--target", "aarch64-unknown-linux-gnu", "--memory", "0:virtual", "-Wl,--wrap=sysconf", "-static"]);
    run(palisade.args([folder.join("pages.wat"), folder.join("pages.c")]).arg("-o").arg(&program)).expect(0);
    for page in ["4096", "16384", "65536"] {
        let ran = run(emulated(&program, &[]).env("PAGE", page)).expect(0);
        let traps = "protected memory access, 0 7 0 0 0 protected memory access, 4 out of bounds memory access";
        assert_eq!(ran.stdout(), format!("{page}: 0 {traps}\n"));
    }
}

/// Where 4 GiB can't be reserved, memories of mode auto are checked ones.
#[test]
fn linux_boards_may_have_little_address_space() {
    if !need("little address space", &[COMPILER, "qemu-aarch64"]) {
        return;
    }
    let dir = scratch();
    for (mode, status, says) in [("guard", 134, ""), ("auto", 0, "78498 primes below a million\n")] {
        let program = dir.path().join(mode);
        let mut palisade = Command::new(PALISADE);
        palisade.args(["--target", "aarch64-unknown-linux-gnu", "--memory", &format!("*:mode={mode}"), "-static"]);
        run(palisade.arg(root().join("examples/little-room/sieve.wat")).arg("-o").arg(&program)).expect(0);
        let ran = run(&mut emulated(&program, &["-R", "0xf0000000"]));
        assert_eq!((ran.status, ran.stdout()), (status, says.to_owned()), "{}", ran.stderr());
    }
}

/// Static executables with musl, made by zig, which first compiles musl: that takes minutes.
#[test]
fn musl_programs_are_static() {
    if std::env::var_os("PALISADE_MUSL").is_none() {
        support::say("a static program with musl is made with PALISADE_MUSL=1");
        return;
    }
    if !need("musl", &["qemu-aarch64"]) || !need_python("musl", "ziglang") {
        return;
    }
    let dir = scratch();
    let program = dir.path().join("hello");
    let mut palisade = Command::new(PALISADE);
    palisade.args([
        "--target",
        "aarch64-unknown-linux-musl",
        "--cc",
        "python3 -m ziglang cc -target aarch64-linux-musl",
    ]);
    run(palisade.arg(root().join("examples/hello/hello.wat")).arg("-static").arg("-o").arg(&program)).expect(0);
    let ran = support::run_with_input(&mut emulated(&program, &[]), b"one two\n").expect(0);
    assert_eq!(ran.stdout(), "Hello! You gave me 1 lines, 2 words and 8 bytes.\n");
}
