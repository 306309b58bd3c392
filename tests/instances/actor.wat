;; One of several instances that call each other through a shared table and through the host, in chains that come back
;; to the same instance. Around each call it checks that its memory is its own. `MEMORY` is replaced by how $m comes
;; to be; an instance uses the 4 KiB at its number, since some share one memory.
(module
  (import "hub" "table" (table $all 8 funcref))
  (import "env" "call" (func $through_host (param i32 i32 i32) (result i32)))
  MEMORY
  (global $padding i64 (i64.const -1))
  (global $id (mut i32) (i32.const 0))
  (type $step (func (param i32 i32) (result i32)))

  (func (export "init") (param $id i32)
    (global.set $id (local.get $id))
    (i32.store $m (i32.mul (local.get $id) (i32.const 4096)) (local.get $id)))

  ;; A reference to $step, for the table.
  (func (export "self") (result funcref) (ref.func $step))
  (elem declare func $step)

  ;; Its last deed is a call of another instance: whoever called this function must still be on its own memory.
  (func $forward (param $next i32) (param $depth i32) (param $seed i32) (result i32)
    (call_indirect $all (type $step) (local.get $depth) (local.get $seed) (local.get $next)))

  (func $step (export "step") (param $depth i32) (param $seed i32) (result i32)
    (local $base i32) (local $place i32) (local $next i32) (local $then i32) (local $result i32)
    (local.set $base (i32.mul (global.get $id) (i32.const 4096)))
    (if (i32.ne (i32.load $m (local.get $base)) (global.get $id)) (then unreachable))
    (if (i32.eqz (local.get $depth)) (then (return (global.get $id))))
    ;; Deeper calls have smaller depths, so this place is this call's own.
    (local.set $place (i32.add (local.get $base) (i32.shl (local.get $depth) (i32.const 2))))
    (i32.store $m offset=16 (local.get $place) (local.get $seed))
    (local.set $next (i32.and (i32.shr_u (local.get $seed) (i32.const 8)) (i32.const 7)))
    (local.set $then (i32.add (i32.mul (local.get $seed) (i32.const 1664525)) (i32.const 1013904223)))
    (local.set $depth (i32.sub (local.get $depth) (i32.const 1)))
    (block $called
      (block $forwarding
        (block $host
          (block $growing
            (br_table $growing $host $forwarding (i32.rem_u (i32.shr_u (local.get $seed) (i32.const 16)) (i32.const 4))))
          ;; Memory may grow, and move if it can, anywhere in the chain.
          (drop (memory.grow $m (i32.const 1)))
          (local.set $result (call_indirect $all (type $step) (local.get $depth) (local.get $then) (local.get $next)))
          (br $called))
        (local.set $result (call $through_host (local.get $next) (local.get $depth) (local.get $then)))
        (br $called))
      (local.set $result (call $forward (local.get $next) (local.get $depth) (local.get $then))))
    (if (i32.ne (i32.load $m offset=16 (local.get $place)) (local.get $seed)) (then unreachable))
    (if (i32.ne (i32.load $m (local.get $base)) (global.get $id)) (then unreachable))
    (if (i64.ne (global.get $padding) (i64.const -1)) (then unreachable))
    (i32.add (i32.mul (local.get $result) (i32.const 31)) (global.get $id))))
