;; A C++ exception passes through $grown, whose frame was moved to make room for the arguments of a tail call.
(module
  (import "env" "throw" (func $throw (param i32) (result i32)))
  (type $many (func (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (func $last (type $many) (i32.add (local.get 0) (local.get 11)))
  (func $grown (param $x i32) (param $a i32) (param $b i32) (param $c i32) (param $d i32) (result i32)
    (local $e i32)
    ;; Meanwhile the others wait in registers that a C caller wants to have back.
    (local.set $e (call $throw (local.get $x)))
    (return_call $last (local.get $e) (local.get $a) (local.get $b) (local.get $c) (local.get $d) (local.get $e)
      (local.get $a) (local.get $b) (local.get $c) (local.get $d) (local.get $e)
      (i32.add (i32.add (local.get $a) (local.get $b)) (i32.add (local.get $c) (local.get $d)))))
  (func (export "run") (param $x i32) (result i32)
    (call $grown (local.get $x) (i32.mul (local.get $x) (i32.const 3)) (i32.mul (local.get $x) (i32.const 5))
      (i32.mul (local.get $x) (i32.const 7)) (i32.mul (local.get $x) (i32.const 11)))))
