(module
  (memory (export "memory") 1)
  (global $calls (mut i32) (i32.const 0))
  (func (export "add") (param i32 i32) (result i32)
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (i32.add (local.get 0) (local.get 1)))
  (func (export "calls") (result i32) (global.get $calls))
  ;; more arguments than registers, of both kinds
  (func (export "mix") (param i32 f64 i64 f32 i32 f64) (result f64)
    (f64.add
      (f64.add (f64.convert_i32_s (local.get 0)) (local.get 1))
      (f64.add
        (f64.add (f64.convert_i64_s (local.get 2)) (f64.promote_f32 (local.get 3)))
        (f64.add (f64.convert_i32_s (local.get 4)) (local.get 5)))))
  (func $deep (export "deep") (param i32) (result i32)
    (i32.add (call $deep (i32.add (local.get 0) (i32.const 1))) (i32.const 1)))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0))))
