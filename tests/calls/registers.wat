(module
  (type $sum (func (param f64 f64 f64 f64 f64 f64 f64 f64 f64 f32 i32 f32) (result f64)))
  (import "env" "sum" (func $sum (type $sum)))
  (memory 1)
  (func (export "sum") (type $sum)
    (call $sum (local.get 0) (local.get 1) (local.get 2) (local.get 3) (local.get 4) (local.get 5) (local.get 6)
      (local.get 7) (local.get 8) (local.get 9) (local.get 10) (local.get 11)))
  (func (export "negative") (result i32) (i32.const -5))
  (func (export "two") (param i32) (result i32 i64) (local.get 0) (i64.const 7))
  ;; More numbers at once than there are registers.
  (func (export "busy") (result f64)
    BUSY))
