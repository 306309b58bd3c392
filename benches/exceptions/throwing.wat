;; A million exceptions with a number each, thrown five calls below their handler. The result is checked by status.
(module
  (tag $e (param i32))
  (memory (export "memory") 1)
  (func $five (param i32) (call $four (local.get 0)) (global.set $passed (i32.const 1)))
  (func $four (param i32) (call $three (local.get 0)) (global.set $passed (i32.const 2)))
  (func $three (param i32) (call $two (local.get 0)) (global.set $passed (i32.const 3)))
  (func $two (param i32) (call $one (local.get 0)) (global.set $passed (i32.const 4)))
  (func $one (param i32) (throw $e (local.get 0)))
  (global $passed (mut i32) (i32.const 0))
  (func (export "_start") (local $i i32) (local $sum i32)
    (loop $again
      (block $caught (result i32)
        (try_table (catch $e $caught) (call $five (local.get $i)))
        (unreachable))
      (local.set $sum (i32.add (local.get $sum)))
      (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000000))))
    (if (i32.ne (local.get $sum) (i32.const 1783293664)) (then (unreachable)))
    (if (global.get $passed) (then (unreachable)))))
