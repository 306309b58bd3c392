(module
 (import "env" "sum" (func $sum (param f64 f64 f64 f64 f64 f64 f64 f64 f64 f32 i32) (result f64)))
 (memory (export "memory") 1)
 (func (export "go") (param f64 f64 f64 f64 f64 f64 f64 f64 f64 f32 i32) (result f64)
  (call $sum (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5) (local.get 6) (local.get 7) (local.get 8) (local.get 9) (local.get 10)))
 (func (export "peek") (param i32) (result i32) (i32.load (local.get 0)))
 (func (export "poke") (param i32 i64) (i64.store (local.get 0) (local.get 1)))
 (func (export "neg") (result i32) (i32.const -5))
 (func (export "two") (param i32) (result i32 i64) (local.get 0) (i64.const 7)))
