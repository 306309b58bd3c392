;; Two wasm frames between the host and its callback, and functions that trap.
(module
  (import "env" "callback" (func $callback (param i32) (result i32)))
  (memory (export "memory") 1)
  (global $depth (mut i32) (i32.const 0))
  (func $inner (param i32) (result i32)
    (i32.store (i32.const 0) (local.get 0))
    (i32.add (call $callback (local.get 0)) (i32.load (i32.const 0))))
  (func $outer (export "outer") (param i32) (result i32)
    (i32.add (call $inner (local.get 0)) (i32.const 1000)))
  (func $trap (export "trap") (param i32) (result i32)
    (i32.load (i32.add (local.get 0) (i32.const 65536))))
  (func $add (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  ;; Recursion through the host: wasm, C, wasm, C, …
  (func $sink (export "sink") (param i32) (result i32)
    (i32.add (call $callback (i32.const 1)) (i32.const 1)))
  (func $recurse (export "recurse") (param i32) (result i32)
    (i32.add (call $recurse (i32.add (local.get 0) (i32.const 1))) (i32.const 1))))
