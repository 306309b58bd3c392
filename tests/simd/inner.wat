;; The module that outer.wat imports from: v128 as parameters, results and globals across instances.
(module
  (global (export "key") (mut v128) (v128.const i32x4 1 2 3 4))
  (global (export "fixed") v128 (v128.const i8x16 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15))
  (func (export "mix") (param i32 v128 f64 v128) (result v128)
    (i32x4.add
      (i32x4.splat (local.get 0))
      (i32x4.sub (local.get 1) (i32x4.add (local.get 3) (i32x4.splat (i32.trunc_f64_s (local.get 2)))))))
  (func (export "spread") (param v128) (result i32 v128 i64 v128)
    (i32x4.extract_lane 3 (local.get 0))
    (i8x16.shuffle 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1 0 (local.get 0) (local.get 0))
    (i64x2.extract_lane 1 (local.get 0))
    (v128.not (local.get 0))))
