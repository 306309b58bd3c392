//! `--harden`: the masks, marks and signatures are in the code, and programs do what they do without.

#[path = "../support/mod.rs"]
mod support;

use palisade::{Harden, Options};
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{AARCH64, GOOD, Machine, compile_wat, expect_good, link_c, machines, need, root, run, scratch, write};

const ALL: Harden = Harden { spectre: true, branch: true, returns: true };

/// The machine with marks and signatures, under an emulator that looks for both.
fn aarch64() -> Option<Machine> {
    machines().into_iter().find(|machine| machine.triple == AARCH64)
}

/// Names and texts.
type Modules<'m> = &'m [(&'m str, &'m str)];

/// Links modules with a host that has the CPU look for marks in them.
fn guarded(machine: &Machine, dir: &Path, c: &str, modules: Modules<'_>) -> PathBuf {
    let mut objects: Vec<PathBuf> = modules.iter().map(|(name, text)| compile_wat(machine, dir, name, text)).collect();
    let guards: String = modules.iter().map(|(name, _)| format!("guard({name})\n")).collect();
    objects.push(write(dir, "guard.c", include_str!("guard.c").replace("MODULES", &guards)));
    let runtime = root().join("rt");
    // What the C library puts in front of the host has no marks: another page.
    let c = format!("__asm__(\".text\\n.p2align 16\\n\");\n{c}");
    link_c(machine, dir, &c, &objects, &["-I", runtime.to_str().expect("UTF-8"), "-mbranch-protection=standard"])
}

/// Modules of other tests: tail calls into other instances, chains of calls among many, exceptions, traps.
#[test]
fn marked_and_signed_code_runs_where_the_cpu_looks() {
    let Some(mut machine) = aarch64() else { return };
    let unmarked = machine.clone();
    machine.harden = ALL;
    let relay = [("far", include_str!("../calls/far.wat")), ("near", include_str!("../calls/near.wat"))];
    let actor = |memory| include_str!("../instances/actor.wat").replace("MEMORY", memory);
    let own = actor(r#"(memory $m (export "memory") 1 20)"#);
    let sharing = actor(r#"(import "hub" "memory" (memory $m 1 3000))"#);
    let second = actor(r#"(memory $first 1) (memory $m 1 3000)"#);
    let actors = [
        ("hub", include_str!("../instances/hub.wat")),
        ("own", &own),
        ("sharing", &sharing),
        ("second", &second),
        ("bare", include_str!("../instances/bare.wat")),
    ];
    let exceptions = [("hub", include_str!("../exceptions/hub.wat")), ("user", include_str!("../exceptions/user.wat"))];
    let cases: [(&str, Modules<'_>, &[&str]); 4] = [
        (include_str!("../calls/relay.c"), &relay, &[]),
        (include_str!("../instances/actors.c"), &actors, &[]),
        (include_str!("../exceptions/joined.c"), &exceptions, &["1000"]),
        (include_str!("../traps/host.c"), &[("lib", include_str!("../traps/host.wat"))], &[]),
    ];
    for (c, modules, arguments) in cases {
        let dir = scratch();
        let program = guarded(&machine, dir.path(), c, modules);
        let ran = run(machine.command(&program).args(arguments)).expect(0);
        assert_eq!(ran.stdout(), GOOD, "{modules:?}: {}", ran.stderr());
    }
    // The CPU does look.
    let dir = scratch();
    let program = guarded(&unmarked, dir.path(), include_str!("../calls/relay.c"), &relay);
    const SIGILL: i32 = 4;
    run(&mut unmarked.command(&program)).expect(128 + SIGILL);
}

/// The platform's unwinder checks signatures on its way through wasm frames.
#[test]
fn cxx_exceptions_pass_through_signed_frames() {
    let Some(mut machine) = aarch64() else { return };
    if !need("C++ exceptions through signed frames", &["aarch64-linux-gnu-g++"]) {
        return;
    }
    machine.harden = ALL;
    let dir = scratch();
    let object = compile_wat(&machine, dir.path(), "lib", include_str!("../traps/host.wat"));
    let program = dir.path().join("program");
    let mut cxx = Command::new("aarch64-linux-gnu-g++");
    cxx.args(["-static", "-std=c++17", "-mbranch-protection=standard", "-I"]).arg(root().join("include")).arg("-I");
    cxx.arg(dir.path()).arg(root().join("tests/traps/exception.cpp")).arg(object).arg(machine.runtime());
    run(cxx.args(["-pthread", "-o"]).arg(&program)).expect(0);
    expect_good(&machine, &program);
}

/// The linker would complain about any object of ours that lacks a mark, and says what all have.
#[test]
fn objects_and_runtime_say_that_they_are_marked() {
    let Some(machine) = aarch64() else { return };
    let notes = |harden: Harden| {
        let machine = Machine { harden, ..machine.clone() };
        let dir = scratch();
        let object = compile_wat(&machine, dir.path(), "lib", include_str!("../traps/host.wat"));
        let library = dir.path().join("library.so");
        let mut cc = Command::new(&machine.cc[0]);
        cc.args(["-shared", "-nostdlib", "-Wl,--fatal-warnings"]).args(harden.branch.then_some("-Wl,-z,force-bti"));
        cc.arg(object).arg("-Wl,--whole-archive").arg(machine.runtime()).arg("-o").arg(&library);
        run(&mut cc).expect(0);
        run(Command::new("aarch64-linux-gnu-readelf").arg("-n").arg(library)).expect(0).stdout()
    };
    assert!(notes(ALL).contains("AArch64 feature: BTI, PAC"));
    let returns = notes(Harden { returns: true, ..Harden::default() });
    assert!(returns.contains("AArch64 feature: PAC"), "{returns}");
    assert!(!notes(Harden::default()).contains("AArch64 feature"));
}

/// IR of one function with masks.
fn ir(target: &str, memory: &str, body: &str) -> String {
    let wat = format!(
        "(module {memory} (type $t (func)) (table $fixed 4 4 funcref) (table $other 4 funcref) \
         (elem (table $fixed) (i32.const 0) func $f) (func $f (export \"f\") (param $i i32) (param $l i64) {body}) \
         (func (export \"set\") (table.set $other (i32.const 0) (ref.null func))))"
    );
    let mut options = Options::new("m");
    options.target = palisade::Target::parse(target).expect("a target");
    options.target.harden.spectre = true;
    palisade::clif(wat.as_bytes(), &options).unwrap_or_else(|e| panic!("{body}: {e}"))
}

#[test]
fn every_checked_access_has_its_mask() {
    const CHECKED: &str = r#"(memory 1) (memory $m 1)"#;
    const WIDE: &str = "(memory $m i64 1)";
    const GUARDED: &str = "(memory $m 1)";
    for target in ["x86_64-unknown-linux-gnu", AARCH64] {
        for (memory, body, masks) in [
            (CHECKED, "(drop (i32.load $m (local.get $i)))", 1),
            // The second one's check is needless, its mask is not.
            (CHECKED, "(i64.store $m (local.get $i) (i64.load $m (local.get $i)))", 2),
            (CHECKED, "(drop (i32.atomic.load8_u $m (local.get $i)))", 1),
            // Of the sum, which may wrap, and of the comparison.
            (WIDE, "(i32.store8 offset=9 (local.get $l) (local.get $i))", 2),
            (GUARDED, "(drop (i32.load offset=1000 (local.get $i)))", 0),
            (GUARDED, "(drop (i32.load offset=0x7ffffff0 (local.get $i)))", 1),
            (GUARDED, "(drop (table.get $other (local.get $i)))", 1),
            (GUARDED, "(call_indirect $fixed (type $t) (local.get $i))", 1),
            (GUARDED, "(call_indirect $other (type $t) (local.get $i))", 1),
        ] {
            let ir = ir(target, memory, body);
            assert_eq!(ir.matches("select_spectre_guard").count() - 1, masks, "{body} for {target}:\n{ir}");
        }
    }
}

/// Passes that trust branches would take checks out of this loop.
#[test]
fn masks_stay_in_loops() {
    let wat = r#"(module (memory 1) (memory $m 1) (func (export "f") (param $n i32) (result i32)
      (local $i i32) (local $sum i32)
      (loop $again
        (local.set $sum (i32.add (local.get $sum) (i32.load $m (i32.shl (local.get $i) (i32.const 2)))))
        (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
      (local.get $sum)))"#;
    let mut options = Options::new("m");
    options.target = palisade::Target::parse("x86_64-unknown-linux-gnu").expect("a target");
    options.target.harden.spectre = true;
    let text = palisade::assembly(wat.as_bytes(), &options).expect("it compiles");
    assert_eq!(text.matches("cmov").count(), 1, "{text}");
}

#[test]
fn masked_programs_do_what_they_do_without() {
    for mut machine in machines() {
        machine.harden.spectre = true;
        let dir = scratch();
        let object = compile_wat(&machine, dir.path(), "lib", include_str!("../traps/host.wat"));
        expect_good(&machine, &link_c(&machine, dir.path(), include_str!("../traps/host.c"), &[object], &[]));
    }
}
