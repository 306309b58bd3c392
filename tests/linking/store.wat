;; What user.wat imports: one of each kind.
(module
  (type $unary (func (param i32) (result i32)))
  (memory (export "memory") 2 5)
  (table (export "table") 4 8 funcref)
  (elem (i32.const 0) $twice)
  (global (export "count") (mut i32) (i32.const 5))
  (global (export "limit") i64 (i64.const 9))
  (func $twice (param i32) (result i32) (i32.mul (local.get 0) (i32.const 2)))
  (func (export "peek") (param i32) (result i32) (i32.load8_u (local.get 0)))
  (func (export "call") (param i32 i32) (result i32)
    (call_indirect (type $unary) (local.get 1) (local.get 0)))
  (func $fail (export "fail") unreachable))
