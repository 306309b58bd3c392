//! Vectors beyond the official suite: kernels in C against plain loops, vectors between modules and C, and every kind of
//! shuffle. On x86-64 each generation of CPUs gets other code, so all of this runs for several.

#[path = "../support/mod.rs"]
mod support;

use std::fmt::Write as _;
use std::process::Command;
use support::{Machine, check_c, compile_wat, link_c, machines, need_python, root, run, scratch};

fn cpus() -> impl Iterator<Item = Machine> {
    machines().into_iter().flat_map(|machine| {
        let newer = machine.newer_cpus();
        std::iter::once(machine).chain(newer)
    })
}

#[test]
fn kernels_compute_what_plain_loops_do() {
    if !need_python("SIMD kernels", "ziglang") {
        return;
    }
    let dir = scratch();
    let source = root().join("tests/simd/kernels.c");
    let native = dir.path().join("native");
    run(Machine::host().compiler().args(["-O1", "-o"]).arg(&native).arg(&source).arg("-lm")).expect(0);
    let expected = run(&mut Command::new(&native)).expect(0).stdout();
    let module = dir.path().join("kernels.wasm");
    let mut zig = Command::new("python3");
    zig.args(["-m", "ziglang", "cc", "-target", "wasm32-wasi", "-msimd128", "-O2", "-s", "-o"]);
    run(zig.arg(&module).arg(&source)).expect(0);
    for machine in cpus() {
        let program = dir.path().join("kernels");
        let mut palisade = machine.palisade();
        if machine.is_host() {
            palisade.args(["--cpu", &machine.cpu]);
        }
        run(palisade.arg(&module).arg("-o").arg(&program)).expect(0);
        let got = run(&mut machine.command(&program)).expect(0).stdout();
        for (got, expected) in got.lines().zip(expected.lines()) {
            assert_eq!(got, expected, "{}", machine.name());
        }
        assert_eq!(got, expected, "{}", machine.name());
    }
}

#[test]
fn vectors_cross_between_modules_and_c() {
    let outer = include_str!("outer.wat").replace("THOUSAND", &"i32 ".repeat(1000));
    for machine in cpus() {
        let dir = scratch();
        let modules = [("inner", include_str!("inner.wat")), ("outer", outer.as_str())];
        let objects = modules.map(|(name, text)| compile_wat(&machine, dir.path(), name, text));
        check_c(&machine, dir.path(), include_str!("host.c"), &objects, &[]);
    }
}

/// Before SSSE3 the translator must know which shuffles are an instruction, and makes the others itself.
#[test]
fn shuffles_move_every_byte_where_it_belongs() {
    let shuffles = shuffles();
    let text = shuffle_module(&shuffles);
    for machine in cpus() {
        let dir = scratch();
        let object = compile_wat(&machine, dir.path(), "lib", &text);
        let program = link_c(&machine, dir.path(), SHUFFLE_HOST, &[object], &[]);
        let wrong = run(&mut machine.command(&program)).expect(0).stdout();
        let wrong: Vec<_> = wrong.lines().map(|number| shuffles[number.parse::<usize>().expect("a number")]).collect();
        assert!(wrong.is_empty(), "{}: {wrong:?}", machine.name());
    }
}

const SHUFFLE_HOST: &str = r#"
#include "lib.h"
#include <stdio.h>
int main(void)
{
	struct lib *lib;
	if (pal_lib_instantiate(&lib) != PAL_TRAP_NONE)
		return 1;
	for (int i = 0; i < lib_count(lib); i++)
		if (!lib_is_right(lib, i))
			printf("%d\n", i);
	return 0;
}
"#;

/// Interleavings, rotations, shuffles of larger lanes in all ways that instructions know and others, and random ones.
fn shuffles() -> Vec<[u8; 16]> {
    let mut all = Vec::new();
    for size in [1, 2, 4, 8] {
        for start in [0u8, 8, 16, 24] {
            all.push(std::array::from_fn(|at| {
                let (unit, byte) = (at as u8 / size, at as u8 % size);
                (start + unit % 2 * 16 + unit / 2 * size + byte) % 32
            }));
        }
    }
    all.extend((0..=16).map(|by| std::array::from_fn(|at| at as u8 + by)));
    let mut random = Random(1);
    for size in [1, 2, 4, 8] {
        for range in [16, 32] {
            for _ in 0..60 {
                let units: [u8; 16] = std::array::from_fn(|_| random.below(range / size));
                all.push(std::array::from_fn(|at| units[at / size as usize] * size + at as u8 % size));
            }
        }
    }
    // Halves of 16-bit lanes, of either operand, and words of both.
    for _ in 0..60 {
        let (high, second) = (random.below(2), random.below(2));
        let units: [u8; 8] = std::array::from_fn(|at| {
            let at = at as u8;
            (if at / 4 == high { high * 4 + random.below(4) } else { at }) + second * 8
        });
        all.push(std::array::from_fn(|at| units[at / 2] * 2 + at as u8 % 2));
        let sides = [random.below(2), random.below(2)];
        let words: [u8; 4] = std::array::from_fn(|at| sides[at / 2] * 4 + random.below(4));
        all.push(std::array::from_fn(|at| words[at / 4] * 4 + at as u8 % 4));
    }
    all
}

/// `is_right(i)`: shuffle i of bytes 0 to 31 gives its own pattern; of one operand twice, the pattern modulo 16.
fn shuffle_module(shuffles: &[[u8; 16]]) -> String {
    let bytes = |lanes: &[u8]| lanes.iter().map(u8::to_string).collect::<Vec<_>>().join(" ");
    let data: String = (0..32).map(|byte| format!("\\{byte:02x}")).collect();
    let mut text = format!("(module (memory 1) (data (i32.const 1) \"{data}\") (type $check (func (result i32)))\n");
    for lanes in shuffles {
        let pattern = bytes(lanes);
        let folded = bytes(&lanes.map(|lane| lane % 16));
        writeln!(
            text,
            "(func (result i32) (local $x v128) (local.set $x (v128.load (i32.const 1)))
               (i32.and
                 (i8x16.all_true (i8x16.eq (v128.const i8x16 {pattern})
                   (i8x16.shuffle {pattern} (local.get $x) (v128.load (i32.const 17)))))
                 (i8x16.all_true (i8x16.eq (v128.const i8x16 {folded})
                   (i8x16.shuffle {pattern} (local.get $x) (local.get $x))))))"
        )
        .expect("writing to a string");
    }
    let count = shuffles.len();
    let all: Vec<_> = (0..count).map(|number| number.to_string()).collect();
    write!(
        text,
        "(table funcref (elem {}))
         (func (export \"count\") (result i32) (i32.const {count}))
         (func (export \"is_right\") (param i32) (result i32) (call_indirect (type $check) (local.get 0))))",
        all.join(" ")
    )
    .expect("writing to a string");
    text
}

struct Random(u32);

impl Random {
    fn below(&mut self, limit: u8) -> u8 {
        self.0 = self.0.wrapping_mul(1664525).wrapping_add(1013904223);
        (self.0 >> 24) as u8 % limit
    }
}
