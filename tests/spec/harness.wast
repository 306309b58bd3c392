;; For the harness itself: every directive that says so must be found wrong, all others right.
(module $m
  (memory 1)
  (table 2 funcref)
  (global (export "global") i32 (i32.const 7))
  (func (export "i32") (result i32) (i32.const -1))
  (func (export "i64") (result i64) (i64.const -1))
  (func (export "pair") (param i64 f32) (result f32 i64) (local.get 1) (local.get 0))
  (func (export "f32") (param i32) (result f32) (f32.reinterpret_i32 (local.get 0)))
  (func (export "f64") (param i64) (result f64) (f64.reinterpret_i64 (local.get 0)))
  (func (export "same") (param externref) (result externref) (local.get 0))
  (func $self (export "self") (result funcref) (ref.func $self))
  (func (export "null") (result funcref) (ref.null func))
  (func (export "nothing"))
  (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
  (func (export "call") (param i32) (call_indirect (local.get 0)))
  (func $forever (export "forever") (call $forever)))
(register "m" $m)
(assert_return (invoke "i32") (i32.const 0xffffffff))
(assert_return (invoke "i32") (i32.const 1)) ;; wrong
(assert_return (invoke "i32") (i64.const -1)) ;; wrong
(assert_return (invoke "i64") (i64.const -1))
(assert_return (invoke "i64") (i64.const 0xffffffff)) ;; wrong
(assert_return (invoke "i32")) ;; wrong
(assert_return (invoke "nothing"))
(assert_return (invoke "nothing") (i32.const 0)) ;; wrong
(assert_return (invoke "pair" (i64.const 5) (f32.const 1.5)) (f32.const 1.5) (i64.const 5))
(assert_return (invoke "pair" (i64.const 5) (f32.const 1.5)) (f32.const 1.5) (i64.const 6)) ;; wrong
(assert_return (invoke "f32" (i32.const 0x80000000)) (f32.const -0.0))
(assert_return (invoke "f32" (i32.const 0x80000000)) (f32.const 0.0)) ;; wrong
(assert_return (invoke "f32" (i32.const 0xffc00000)) (f32.const nan:canonical))
(assert_return (invoke "f32" (i32.const 0xffc00001)) (f32.const nan:arithmetic))
(assert_return (invoke "f32" (i32.const 0xffc00001)) (f32.const nan:canonical)) ;; wrong
(assert_return (invoke "f32" (i32.const 0x7f800001)) (f32.const nan:arithmetic)) ;; wrong
(assert_return (invoke "f32" (i32.const 0x7fc00001)) (f32.const nan:0x400001))
(assert_return (invoke "f32" (i32.const 0x7fc00001)) (f32.const nan:0x400002)) ;; wrong
(assert_return (invoke "f64" (i64.const 0x7ff8000000000000)) (f64.const nan:canonical))
(assert_return (invoke "f64" (i64.const 0x7ff8000000000001)) (f64.const nan:canonical)) ;; wrong
(assert_return (invoke "f64" (i64.const 0x7ff0000000000001)) (f64.const nan:arithmetic)) ;; wrong
(assert_return (invoke "f64" (i64.const 0xc)) (f64.const 0x0.000000000000cp-1022))
(assert_return (invoke "f64" (i64.const 0xa)) (f64.const 0x0.000000000000cp-1022)) ;; wrong
(assert_return (invoke "f64" (i64.const 0xa)) (either (f64.const 1) (f64.const 0x0.000000000000ap-1022)))
(assert_return (invoke "f64" (i64.const 0xa)) (either (f64.const 1) (f64.const 2))) ;; wrong
(assert_return (invoke "same" (ref.extern 3)) (ref.extern 3))
(assert_return (invoke "same" (ref.extern 3)) (ref.extern 4)) ;; wrong
(assert_return (invoke "same" (ref.extern 0)) (ref.null extern)) ;; wrong
(assert_return (invoke "same" (ref.null extern)) (ref.null extern))
(assert_return (invoke "self") (ref.func))
(assert_return (invoke "self") (ref.null func)) ;; wrong
(assert_return (invoke "null") (ref.func)) ;; wrong
(assert_return (get "global") (i32.const 7))
(assert_return (get "global") (i32.const 8)) ;; wrong
(assert_return (invoke "no such export")) ;; wrong
(assert_return (invoke "load" (i32.const 65536)) (i32.const 0)) ;; wrong
(assert_trap (invoke "load" (i32.const 65536)) "out of bounds memory access")
(assert_trap (invoke "load" (i32.const 65536)) "out of bounds table access") ;; wrong
(assert_trap (invoke "load" (i32.const 65532)) "out of bounds memory access") ;; wrong
(assert_trap (invoke "call" (i32.const 0)) "uninitialized element")
(assert_trap (invoke "call" (i32.const 0)) "undefined element") ;; wrong
(assert_trap (invoke "call" (i32.const 2)) "undefined element")
(assert_exhaustion (invoke "forever") "call stack exhausted")
(assert_exhaustion (invoke "nothing") "call stack exhausted") ;; wrong
(invoke "nothing")
(invoke "load" (i32.const -1)) ;; wrong
(assert_invalid (module (func (result i32) (i64.const 0))) "type mismatch")
(assert_invalid (module (func (result i32) (i32.const 0))) "type mismatch") ;; wrong
(assert_malformed (module binary "\00asm\01\00\00\00\01") "unexpected end")
(assert_malformed (module binary "\00asm\01\00\00\00") "unexpected end") ;; wrong
(assert_malformed (module quote "(func (i32.what))") "unknown operator")
(assert_malformed (module quote "(func)") "unknown operator") ;; wrong
(assert_unlinkable (module (import "m" "nothing" (func (param i32)))) "incompatible import type")
(assert_unlinkable (module (import "m" "nothing" (func))) "incompatible import type") ;; wrong
(assert_unlinkable (module (import "m" "global" (func))) "incompatible import type")
(assert_unlinkable (module (import "m" "nowhere" (func))) "unknown import")
(assert_unlinkable (module (import "elsewhere" "nothing" (func))) "unknown import")
(assert_unlinkable (module (import "spectest" "print_i32" (func))) "incompatible import type")
(assert_trap (module (func unreachable) (start 0)) "unreachable")
(assert_trap (module (func) (start 0)) "unreachable") ;; wrong
(assert_trap (module (memory 1) (data (i32.const 65536) "x")) "out of bounds memory access")
(module $bad (import "m" "nowhere" (func))) ;; wrong
(assert_return (invoke "nothing")) ;; wrong
(module (func unreachable) (start 0)) ;; wrong
(assert_return (invoke $m "i32") (i32.const -1))
