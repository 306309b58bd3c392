//! Bindable memories, memories chosen as the code runs, and immutable ones.

use crate::support::{check_c, machines, scratch};
use crate::{CHECKS, compile};
use palisade::plan::MemorySpec;

const BOUND: &str = r#"(module
  (import "env" "call" (func $call))
  (import "palisade:memory/b" "bind" (func $bind (param i32) (result i32)))
  (memory $own (export "own") 2) (memory $b (export "bound") 1)
  (data (memory $b) (i32.const 0) "own!")
  (export "bind" (func $bind))
  (func (export "load") (param i32) (result i32) (i32.load $b (local.get 0)))
  (func (export "store") (param i32) (i32.store $b (local.get 0) (i32.const 77)))
  (func (export "add") (param i32) (drop (i32.atomic.rmw.add $b (local.get 0) (i32.const 1))))
  (func (export "fill") (param i32) (memory.fill $b (local.get 0) (i32.const 1) (i32.const 4)))
  (func (export "copy") (param i32) (memory.copy $own $b (i32.const 100) (local.get 0) (i32.const 4)))
  (func (export "size") (result i32) (memory.size $b))
  (func (export "grow") (param i32) (result i32) (memory.grow $b (local.get 0)))
  (func (export "around") (param i32) (result i32) (local i32)
    (local.set 1 (i32.load $b (local.get 0)))
    (call $call)
    (i32.add (i32.mul (local.get 1) (i32.const 1000)) (i32.load $b (local.get 0))))
  (func (export "same") (result i32) (local i32)
    (i32.store $own (i32.const 8) (i32.const 1))
    (local.set 0 (i32.load $b (i32.const 8)))
    (i32.store $b (i32.const 8) (i32.const 2))
    (i32.add (i32.mul (local.get 0) (i32.const 10)) (i32.load $own (i32.const 8)))))"#;

const BOUND_HOST: &str = r#"
#include "lib.h"
static struct lib *lib;
static pal_memory *next;
void env_call(struct env *env) { (void)env; if (next) CHECK(pal_lib_bind_memory(lib, 1, next) == PAL_OK); }
static int32_t at;
static void load(void *p) { *(int32_t *)p = lib_load(lib, at); }
static void store(void *p) { (void)p; lib_store(lib, at); }
static void add(void *p) { (void)p; lib_add(lib, at); }
static void fill(void *p) { (void)p; lib_fill(lib, at); }
static void copy(void *p) { (void)p; lib_copy(lib, at); }
static void expect(void (*what)(void *), int32_t address, pal_trap expected)
{
	int32_t result;
	at = address;
	pal_trap trap = pal_try(what, &result);
	CHECK(trap == expected);
	const pal_trap_info *info = pal_last_trap();
	CHECK(trap == PAL_TRAP_NONE || (info->memory == 1 && info->address == (uint32_t)address));
}
static uint8_t bytes[70000];
static const uint8_t constant[1000] = { 1, 2, 3, 4 };
int main(void)
{
	struct lib *other;
	pal_memory *wrapped, *fixed, *large, *small, *fresh;
	int32_t handle, second;
	CHECK(pal_lib_instantiate(&lib, NULL) == PAL_TRAP_NONE && pal_lib_instantiate(&other, NULL) == PAL_TRAP_NONE);
	CHECK(lib_load(lib, 0) == 0x216e776f && lib_grow(lib, 1) == 1);
	/* the host's bytes, of any length */
	CHECK(pal_memory_wrap(&wrapped, bytes, sizeof bytes, PAL_READ_WRITE) == PAL_OK);
	CHECK(pal_memory_wrap(&fixed, (void *)constant, sizeof constant, PAL_READ) == PAL_OK);
	CHECK(pal_lib_bind_memory(lib, 1, wrapped) == PAL_OK && lib_bound(lib) == wrapped);
	CHECK(lib_size(lib) == 1 && lib_grow(lib, 1) == -1 && lib_grow(lib, 0) == 1 && lib_load(lib, 0) == 0);
	expect(store, 69996, PAL_TRAP_NONE);
	CHECK(bytes[69996] == 77 && bytes[69995] == 0);
	expect(store, 69997, PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	expect(load, 69997, PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	expect(load, -4, PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	expect(fill, 69997, PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	/* read-only ones */
	CHECK(pal_lib_bind_memory(lib, 1, fixed) == PAL_OK);
	pal_memory_free(fixed); /* the instance holds it */
	CHECK(lib_size(lib) == 0 && lib_load(lib, 0) == 0x04030201);
	expect(copy, 0, PAL_TRAP_NONE);
	expect(store, 0, PAL_TRAP_MEMORY_PROTECTED);
	expect(add, 4, PAL_TRAP_MEMORY_PROTECTED);
	expect(fill, 996, PAL_TRAP_MEMORY_PROTECTED);
	expect(store, 1000, PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	expect(load, 997, PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	expect(copy, 997, PAL_TRAP_MEMORY_OUT_OF_BOUNDS);
	/* another instance's, while this one is in a call; and its own other one */
	((int32_t *)pal_memory_data(lib_own(other)))[3] = 42;
	CHECK(pal_lib_bind_memory(lib, 1, wrapped) == PAL_OK);
	bytes[12] = 5;
	next = lib_own(other);
	CHECK(lib_around(lib, 12) == 5042 && lib_size(lib) == 2);
	CHECK(pal_lib_bind_memory(lib, 1, lib_own(lib)) == PAL_OK && lib_same(lib) == 12);
	next = NULL;
	/* what does not fit */
	pal_memory_options options = { .min_pages = 1, .index64 = 1 };
	CHECK(pal_memory_new(&large, &options) == PAL_OK);
	options = (pal_memory_options){ .min_pages = 16, .page_log2 = 12 };
	CHECK(pal_memory_new(&small, &options) == PAL_OK);
	options = (pal_memory_options){ .min_pages = 1, .max_pages = 3, .has_max = 1 };
	CHECK(pal_memory_new(&fresh, &options) == PAL_OK);
	CHECK(pal_lib_bind_memory(lib, 1, large) == PAL_E_TYPE && pal_lib_bind_memory(lib, 1, small) == PAL_E_TYPE);
	CHECK(pal_lib_bind_memory(lib, 0, wrapped) == PAL_E_STATE && pal_lib_bind_memory(lib, 2, wrapped) == PAL_E_ARGUMENT);
	CHECK(pal_lib_bind_memory(lib, 1, NULL) == PAL_E_ARGUMENT && lib_bound(lib) == lib_own(lib));
	/* the guest chooses among what it is offered */
	CHECK(lib_bind(lib, 0) == 8 && lib_bind(lib, -1) == 8);
	CHECK(pal_lib_offer_memory(lib, large, &handle) == PAL_OK && pal_lib_offer_memory(lib, fresh, &second) == PAL_OK);
	CHECK(lib_bind(lib, handle) == 28 && lib_bind(lib, second) == 0 && lib_bound(lib) == fresh);
	CHECK(lib_grow(lib, 2) == 1 && lib_grow(lib, 1) == -1 && pal_memory_size(fresh) == 3 * 65536);
	expect(load, 3 * 65536 - 4, PAL_TRAP_NONE);
	CHECK(pal_lib_withdraw_memory(lib, second) == PAL_OK && pal_lib_withdraw_memory(lib, second) == PAL_E_ARGUMENT);
	CHECK(lib_bind(lib, second) == 8 && lib_bound(lib) == fresh);
	CHECK(pal_lib_offer_memory(lib, wrapped, &handle) == PAL_OK && handle == second && lib_bind(lib, handle) == 0);
	pal_memory_free(wrapped), pal_memory_free(large), pal_memory_free(small), pal_memory_free(fresh);
	pal_lib_free(lib), pal_lib_free(other);
	puts("all good");
	return 0;
}
"#;

#[test]
fn memories_are_bound_to_other_bytes() {
    for machine in machines() {
        let dir = scratch();
        let object = compile(&machine, dir.path(), "lib", BOUND, &["b:bind"]);
        check_c(&machine, dir.path(), &format!("{CHECKS}{BOUND_HOST}"), &[object], &[]);
    }
}

const ANY: &str = r#"(module
  (import "palisade:memory/any" "i32.load" (func $load (param i32 i32) (result i32)))
  (import "palisade:memory/any" "i32.store" (func $store (param i32 i32 i32)))
  (import "palisade:memory/any" "size" (func $size (param i32) (result i32)))
  (import "palisade:memory/any" "grow" (func $grow (param i32 i32) (result i32)))
  (import "palisade:memory/any" "copy_in" (func $in (param i32 i32 i32 i32)))
  (import "palisade:memory/any" "copy_out" (func $out (param i32 i32 i32 i32)))
  (import "palisade:memory/any" "discard" (func $discard (param i32 i32 i32)))
  (import "palisade:memory/any" "protect" (func $protect (param i32 i32 i32 i32) (result i32)))
  (import "palisade:memory/any" "page_size" (func $page (param i32) (result i32)))
  (import "palisade:memory/any" "i32.atomic.rmw.add" (func $add (param i32 i32 i32) (result i32)))
  (import "palisade:memory/any" "memory.atomic.notify" (func $notify (param i32 i32 i32) (result i32)))
  (import "palisade:memory/any" "v128.load32_lane 1" (func $lane (param i32 i32 v128) (result v128)))
  (import "palisade:memory/exact" "v128.store8_lane 15" (func $keep (param i32 v128)))
  (import "palisade:memory/exact" "i64.atomic.rmw8.xchg_u" (func $swap (param i32 i64) (result i64)))
  (memory $first 1) (memory $second 1 3) (memory $exact 1 1) (memory $fixed 1)
  (data (memory $fixed) (i32.const 4) "\01\02\03\04")
  (table funcref (elem $load))
  (export "load" (func $load)) (export "store" (func $store)) (export "size" (func $size)) (export "grow" (func $grow))
  (export "copy_in" (func $in)) (export "copy_out" (func $out)) (export "discard" (func $discard))
  (export "protect" (func $protect)) (export "page_size" (func $page)) (export "notify" (func $notify))
  (export "add" (func $add)) (export "swap" (func $swap))
  (func (export "inline") (param i32 i32) (result i32) (call $load (local.get 0) (local.get 1)))
  (func (export "known") (param i32) (result i32) (call $load (i32.const 1) (local.get 0)))
  (func (export "lane") (param i32 i32) (result i32)
    (i32x4.extract_lane 1 (call $lane (local.get 0) (local.get 1) (v128.const i64x2 0 0))))
  (func (export "keep") (param i32) (call $keep (local.get 0) (v128.const i64x2 0 -1))))"#;

const ANY_HOST: &str = r#"
#include "lib.h"
static struct lib *lib;
static int32_t number, at, answer;
#define RUN(name, call) static void name(void *p) { (void)p; answer = 0; call; }
RUN(load, answer = lib_load(lib, number, at))
RUN(inlined, answer = lib_inline(lib, number, at))
RUN(lane, answer = lib_lane(lib, number, at))
RUN(store, lib_store(lib, number, at, 99))
RUN(add, answer = lib_add(lib, number, at, 1))
RUN(discard, lib_discard(lib, number, at, 4))
RUN(size, answer = lib_size(lib, number))
static void expect(void (*what)(void *), int32_t memory, int32_t address, pal_trap expected, int32_t named)
{
	number = memory;
	at = address;
	pal_trap trap = pal_try(what, NULL);
	if (trap != expected)
		fprintf(stderr, "memory %d, address %d: trap %d\n", (int)memory, (int)address, (int)trap);
	CHECK(trap == expected);
	CHECK(trap == PAL_TRAP_NONE || pal_last_trap()->memory == named);
	CHECK(trap == PAL_TRAP_NONE || named < 0 || pal_last_trap()->address == (uint32_t)address);
}
int main(void)
{
	CHECK(pal_lib_instantiate(&lib) == PAL_TRAP_NONE);
	void (*loads[])(void *) = { load, inlined, lane };
	for (int32_t i = 0; i < 4; i++) {
		for (int k = 0; k < 3; k++) {
			expect(loads[k], i, 65532, PAL_TRAP_NONE, 0);
			expect(loads[k], i, 65533, PAL_TRAP_MEMORY_OUT_OF_BOUNDS, i);
			expect(loads[k], i, -1, PAL_TRAP_MEMORY_OUT_OF_BOUNDS, i);
		}
		CHECK(lib_size(lib, i) == 1);
	}
	void (*all[])(void *) = { load, inlined, lane, store, add, discard, size };
	for (int k = 0; k < 7; k++) {
		expect(all[k], 4, 0, PAL_TRAP_MEMORY_OUT_OF_BOUNDS, -1);
		expect(all[k], -1, 0, PAL_TRAP_MEMORY_OUT_OF_BOUNDS, -1);
	}
	for (int32_t i = 0; i < 3; i++) {
		expect(store, i, 1000 + i * 4, PAL_TRAP_NONE, 0);
		expect(load, i, 1000 + i * 4, PAL_TRAP_NONE, 0);
		CHECK(answer == 99);
		expect(load, (i + 1) % 3, 1000 + i * 4, PAL_TRAP_NONE, 0);
		CHECK(answer == 0);
	}
	CHECK(lib_known(lib, 1004) == 99 && lib_add(lib, 1, 1004, 2) == 99 && lib_known(lib, 1004) == 101);
	/* [0, 100) of memory 2 can't be touched, [100, 200) not be written; memory 3 is immutable */
	expect(load, 2, 96, PAL_TRAP_MEMORY_PROTECTED, 2);
	expect(load, 2, 99, PAL_TRAP_MEMORY_PROTECTED, 2);
	expect(inlined, 2, 100, PAL_TRAP_NONE, 0);
	expect(store, 2, 100, PAL_TRAP_MEMORY_PROTECTED, 2);
	expect(store, 2, 199, PAL_TRAP_MEMORY_PROTECTED, 2);
	expect(discard, 2, 199, PAL_TRAP_MEMORY_PROTECTED, 2);
	expect(store, 2, 200, PAL_TRAP_NONE, 0);
	expect(load, 3, 4, PAL_TRAP_NONE, 0);
	CHECK(answer == 0x04030201);
	expect(store, 3, 4, PAL_TRAP_MEMORY_PROTECTED, 3);
	expect(discard, 3, 4, PAL_TRAP_MEMORY_PROTECTED, 3);
	CHECK(lib_grow(lib, 3, 1) == -1 && lib_grow(lib, 1, 2) == 1 && lib_grow(lib, 1, 1) == -1 && lib_size(lib, 1) == 3);
	/* the rest */
	lib_keep(lib, 300);
	CHECK(lib_swap(lib, 300, 7) == 255 && lib_swap(lib, 300, 8) == 7 && lib_notify(lib, 1, 0, 1) == 0);
	lib_copy_in(lib, 1, 131072, 1000, 4);
	CHECK(lib_known(lib, 131072) == 99);
	lib_copy_out(lib, 3, 8, 4, 4);
	CHECK(lib_load(lib, 0, 8) == 0x04030201 && lib_page_size(lib, 1) >= 4096);
	CHECK(lib_protect(lib, 1, 65536, 65536, 0) == 0);
	expect(inlined, 1, 65536, PAL_TRAP_MEMORY_PROTECTED, 1);
	pal_lib_free(lib);
	puts("all good");
	return 0;
}
"#;

#[test]
fn memories_are_chosen_as_the_code_runs() {
    for machine in machines() {
        let dir = scratch();
        let specs = ["exact:no-access=100,read-only=100,mode=checked", "fixed:immutable"];
        let object = compile(&machine, dir.path(), "lib", ANY, &specs);
        check_c(&machine, dir.path(), &format!("{CHECKS}{ANY_HOST}"), &[object], &[]);
    }
}

fn compiled(wat: &str, specs: &[&str]) -> palisade::error::Result<String> {
    let wasm = wat::parse_str(wat).unwrap_or_else(|e| panic!("{wat}: {e}"));
    let mut options = palisade::Options::new("lib");
    options.target = palisade::Target::parse("x86_64-unknown-linux-gnu").expect("a target");
    assert!(options.features.set("memory-control", true));
    options.memories = specs.iter().map(|spec| MemorySpec::parse(spec).expect(spec)).collect();
    palisade::assembly(&wasm, &options)
}

/// A loop with a load that does not change, a store and a call; behind it the same load once more.
const PURE: &str = r#"(module (memory 1) (memory $m 1) (data (memory $m) (i32.const 16) "\00\00\00\00\00\00\f8\3f")
  (func $other (param i32) (i32.store (local.get 0) (i32.const 1)))
  (func (export "f") (param $a i32) (param $n i32) (result f64) (local $sum f64)
    (loop $again
      (local.set $sum (f64.add (local.get $sum) (f64.load $m offset=8 (local.get $a))))
      (f64.store (local.get $n) (local.get $sum))
      (call $other (local.get $n))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 8)))))
    (f64.mul (local.get $sum) (f64.load $m offset=8 (local.get $a))))
  (func (export "constant") (result f64) (f64.load $m offset=8 (i32.const 8)))
  (func (export "byte") (result i32) (i32.load8_s $m (i32.const 22)))
  (func (export "outside") (result i32) (i32.load $m (i32.const 65533))))"#;

#[test]
fn loads_of_immutable_memories_are_pure() {
    let function = |text: &str, number: usize| {
        let begins = format!("; function {number} ");
        text.split("; function ")
            .find(|f| format!("; function {f}").starts_with(&begins))
            .expect("a function")
            .to_owned()
    };
    // Loads of 8 bytes from an address that is a sum, or of one register: not from stack or context, which have offsets.
    let loads = |text: &str| -> Vec<usize> {
        let is_load = |line: &str| {
            (line.contains("addsd") || line.contains("movsd") || line.contains("mulsd")) && line.contains("(%r")
        };
        let is_stack = |line: &str| line.contains("(%rsp") || line.contains("<offset");
        let is_store = |line: &str| line.contains("movsd %xmm");
        text.lines().enumerate().filter(|(_, l)| is_load(l) && !is_stack(l) && !is_store(l)).map(|(at, _)| at).collect()
    };
    let call = |text: &str| text.lines().position(|l| l.contains("  call")).expect("a call");
    let immutable = compiled(PURE, &["m:immutable"]).expect("compiles");
    let plain = compiled(PURE, &["m:mode=checked"]).expect("compiles");
    let (with, without) = (function(&immutable, 1), function(&plain, 1));
    assert_eq!(loads(&without).len(), 2, "{without}");
    assert_eq!(loads(&with).len(), 1, "{with}");
    assert!(loads(&with)[0] < call(&with), "{with}");
    let jump = with.lines().position(|l| l.contains("block1:")).expect("the loop");
    assert!(loads(&with)[0] < jump, "{with}");
    // At constant addresses there is nothing to load; a memory that may change is read.
    let is_any = |line: &&str| line.contains("(%r") && !line.contains("%rip") && !line.contains("nopl");
    let loads_at_all = |text: &str| text.lines().filter(is_any).count();
    assert_eq!(loads_at_all(&function(&immutable, 2)), 0, "{immutable}");
    let byte = function(&immutable, 3);
    assert!(byte.contains("$0xfffffff8") && loads_at_all(&byte) == 0, "{byte}");
    assert!(loads_at_all(&function(&plain, 3)) > 0, "{plain}");
    assert!(function(&immutable, 4).contains("ud2"), "{immutable}");
}

#[test]
fn immutable_memories_are_not_written() {
    for (body, offset) in [
        ("(i32.store $m (i32.const 0) (i32.const 1))", true),
        ("(i64.store32 $m (i32.const 0) (i64.const 1))", true),
        ("(v128.store $m (i32.const 0) (v128.const i64x2 0 0))", true),
        ("(v128.store8_lane $m 3 (i32.const 0) (v128.const i64x2 0 0))", true),
        ("(i32.atomic.store $m (i32.const 0) (i32.const 1))", true),
        ("(drop (i64.atomic.rmw16.add_u $m (i32.const 0) (i64.const 1)))", true),
        ("(drop (memory.grow $m (i32.const 0)))", true),
        ("(memory.fill $m (i32.const 0) (i32.const 1) (i32.const 1))", true),
        ("(memory.copy $m $other (i32.const 0) (i32.const 0) (i32.const 1))", true),
        ("(memory.init $m $d (i32.const 0) (i32.const 0) (i32.const 1))", true),
        ("(memory.discard $m (i32.const 0) (i32.const 1))", true),
        ("unreachable (i32.store8 $m (i32.const 0) (i32.const 1))", true),
        ("(i32.store $other (i32.const 0) (i32.const 1))", false),
        ("(memory.copy $other $m (i32.const 0) (i32.const 0) (i32.const 1))", false),
        ("(drop (i32.atomic.load $m (i32.const 0)))", false),
        ("(drop (v128.load8_lane $m 3 (i32.const 0) (v128.const i64x2 0 0)))", false),
    ] {
        let wat = format!(r#"(module (memory $other 1) (memory $m 1) (data $d "x") (func $f {body}))"#);
        match compiled(&wat, &["m:immutable"]) {
            Err(error) => {
                let text = error.to_string();
                assert!(
                    offset && text.contains("function 0 \"f\" at offset 0x") && text.contains("memory 1 is immutable"),
                    "{text}"
                );
            }
            Ok(_) => assert!(!offset, "{body} is compiled"),
        }
    }
    let import = r#"(module (import "palisade:memory/m" "i32.store" (func (param i32 i32))) (memory $m 1))"#;
    assert!(compiled(import, &["m:immutable"]).expect_err("refused").to_string().contains("immutable"));
}

#[test]
fn keys_that_exclude_each_other_are_refused() {
    for (memory, spec, words) in [
        ("1", "0:immutable,bind", "immutable and bindable"),
        ("1", "0:immutable,virtual", "immutable and virtual"),
        ("1", "0:immutable,no-access=1", "can't have no-access"),
        ("1 1 shared", "0:immutable", "shared and immutable"),
        ("1 1 shared", "0:bind", "is shared"),
        ("1", "0:bind,mode=guard", "needs mode=checked"),
        ("1", "0:bind,read-only=64KiB", "is bindable"),
        ("1", "0:exact", "no range"),
    ] {
        let error = compiled(&format!("(module (memory {memory}))"), &[spec]).expect_err(spec).to_string();
        assert!(error.contains(words), "{spec}: {error}");
    }
    let import = r#"(module (import "a" "b" (memory 1)))"#;
    assert!(compiled(import, &["0:immutable"]).expect_err("refused").to_string().contains("is imported"));
}
