;; What the host's threads do on their common memory.
(module
  (import "env" "memory" (memory 1 200 shared))
  (global $own (mut i32) (i32.const 0))
  ;; Adds 1 so many times to the word at an address, and to a global of the instance's own, which it returns.
  (func (export "add") (param $at i32) (param $times i32) (result i32)
    (loop $again
      (drop (i32.atomic.rmw.add (local.get $at) (i32.const 1)))
      (global.set $own (i32.add (global.get $own) (i32.const 1)))
      (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))
    (global.get $own))
  (func (export "wait") (param i32 i32 i64) (result i32)
    (memory.atomic.wait32 (local.get 0) (local.get 1) (local.get 2)))
  (func (export "notify") (param i32 i32) (result i32) (memory.atomic.notify (local.get 0) (local.get 1)))
  (func (export "set") (param i32 i32) (i32.atomic.store (local.get 0) (local.get 1)))
  (func (export "get") (param i32) (result i32) (i32.atomic.load (local.get 0)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "fill") (param i32 i32 i32) (memory.fill (local.get 0) (local.get 1) (local.get 2)))
  ;; Spins on an ordinary load, with a fence between two of them.
  (func (export "spin") (param i32)
    (loop $again (atomic.fence) (br_if $again (i32.eqz (i32.load (local.get 0)))))))
