;; The caller's side of pair.c: every function checks its own memory after what it called.
(module
  (import "right" "set" (func $set (param i32)))
  (import "right" "get" (func $get (result i32)))
  (import "right" "fail" (func $fail))
  (import "right" "global" (global $theirs (mut i32)))
  (import "right" "memory" (memory $theirs 1))
  (import "env" "call" (func $host (param i32) (result i32)))
  (memory $mine (export "memory") 1 100)
  (global $count (export "count") (mut i32) (i32.const 0))
  (table (export "table") 4 funcref)
  (elem (i32.const 0) $get $mine_too)
  (type $getter (func (result i32)))

  (func $note (param i32)
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (i32.store $mine (i32.const 0) (local.get 0)))
  (func $mine_too (result i32) (i32.load $mine (i32.const 0)))

  ;; Direct calls of another instance's functions, straight line.
  (func (export "direct") (param $a i32) (param $b i32) (result i32)
    (call $note (local.get $a))
    (call $set (local.get $b))
    (if (i32.ne (i32.load $mine (i32.const 0)) (local.get $a)) (then unreachable))
    (if (i32.ne (i32.load $theirs (i32.const 0)) (local.get $b)) (then unreachable))
    (i32.sub (call $get) (i32.load $mine (i32.const 0))))

  ;; An imported function in a table runs on its own instance, beside one of ours.
  (func (export "indirect") (param $a i32) (param $b i32) (result i32)
    (call $note (local.get $a))
    (call $set (local.get $b))
    (i32.add
      (i32.mul (call_indirect (type $getter) (i32.const 0)) (i32.const 1000))
      (call_indirect (type $getter) (i32.const 1))))

  ;; The other's global and memory, seen from here, while the other changes them.
  (func (export "watch") (param $a i32) (result i32)
    (global.set $theirs (local.get $a))
    (call $set (i32.const 5))
    (i32.add (global.get $theirs) (i32.load $theirs (i32.const 0))))

  ;; The host runs something in between; in a loop, so that values wait in registers.
  (func (export "loop") (param $times i32) (result i32)
    (local $sum i32)
    (call $note (i32.const 7))
    (loop $again
      (local.set $sum (i32.add (local.get $sum) (call $host (local.get $times))))
      (local.set $sum (i32.add (local.get $sum) (i32.load $mine (i32.const 0))))
      (br_if $again (local.tee $times (i32.sub (local.get $times) (i32.const 1)))))
    (local.get $sum))

  ;; The callee grows our memory: size and the new pages are seen at once.
  (func (export "grow") (param i32) (result i32) (memory.grow $mine (local.get 0)))
  (func (export "grown") (result i32)
    (local $before i32)
    (local.set $before (memory.size $mine))
    (drop (call $host (i32.const -1)))
    (i32.store $mine (i32.sub (i32.mul (memory.size $mine) (i32.const 65536)) (i32.const 4)) (i32.const 11))
    (i32.sub (memory.size $mine) (local.get $before)))

  (func (export "fail_there") (call $note (i32.const 1)) (call $fail)))
