;; The compact import section: items that share their module's name, and their type, too.
(module $provider
  (func (export "one") (result i32) (i32.const 1))
  (func (export "two") (result i32) (i32.const 2))
  (func (export "negate") (param i64) (result i64) (i64.sub (i64.const 0) (local.get 0)))
  (global (export "seven") i32 (i32.const 7))
  (global (export "nine") i32 (i32.const 9))
  (memory (export "memory") 1 2)
  (data (i32.const 8) "\2a"))
(register "provider")

;; One module's name for items of several kinds.
(module
  (import "provider"
    (item "two" (func $two (result i32)))
    (item "memory" (memory 1))
    (item "nine" (global $nine i32))
    (item "negate" (func $negate (param i64) (result i64))))
  (func (export "two") (result i32) (call $two))
  (func (export "loaded") (result i32) (i32.load (i32.const 8)))
  (func (export "nine") (result i32) (global.get $nine))
  (func (export "negated") (param i64) (result i64) (call $negate (local.get 0))))
(assert_return (invoke "two") (i32.const 2))
(assert_return (invoke "loaded") (i32.const 42))
(assert_return (invoke "nine") (i32.const 9))
(assert_return (invoke "negated" (i64.const 5)) (i64.const -5))

;; One type for several items, beside imports of the other forms.
(module
  (import "provider" (item "one") (item "two") (func (result i32)))
  (import "provider" "negate" (func (param i64) (result i64)))
  (import "provider" (item "nine") (item "seven") (global i32))
  (func (export "difference") (result i32) (i32.sub (call 1) (call 0)))
  (func (export "last") (result i64) (call 2 (i64.extend_i32_u (global.get 1)))))
(assert_return (invoke "difference") (i32.const 1))
(assert_return (invoke "last") (i64.const -7))

;; A group without items imports nothing.
(module binary "\00asm" "\01\00\00\00" "\02\06\01\01m\00\7f" "\00")
(module binary "\00asm" "\01\00\00\00" "\01\04\01\60\00\00" "\02\08\01\01m\00\7e\00\00" "\00")

;; Items must be there, and their types fit.
(assert_unlinkable
  (module (import "provider" (item "one") (item "three") (func (result i32))))
  "unknown import")
(assert_unlinkable
  (module (import "provider" (item "two" (func (result i64)))))
  "incompatible import type")
(assert_malformed (module binary "\00asm" "\01\00\00\00" "\02\06\01\01m\00\7f\01") "unexpected end")
