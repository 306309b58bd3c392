;; What threads do to the pages of a memory that they share, one function each.
(module
  (import "palisade:memory" "protect" (func $protect (param i32 i32 i32) (result i32)))
  (import "palisade:memory" "map" (func $map (param i32 i32 i32) (result i32)))
  (import "palisade:memory" "unmap" (func $unmap (param i32 i32) (result i32)))
  (import "palisade:memory" "discard" (func $discard (param i32 i32)))
  (import "env" "memory" (memory 2 64 shared))
  (func (export "protect") (param i32 i32 i32) (result i32) (call $protect (local.get 0) (local.get 1) (local.get 2)))
  (func (export "map") (param i32 i32) (result i32) (call $map (local.get 0) (local.get 1) (i32.const 3)))
  (func (export "unmap") (param i32 i32) (result i32) (call $unmap (local.get 0) (local.get 1)))
  (func (export "discard") (param i32 i32) (call $discard (local.get 0) (local.get 1)))
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "load") (param i32) (result i64) (i64.load (local.get 0)))
  (func (export "store") (param i32 i64) (i64.store (local.get 0) (local.get 1)))
  (func (export "add") (param i32 i64) (result i64) (i64.atomic.rmw.add (local.get 0) (local.get 1)))
  (func (export "fill") (param i32 i32) (memory.fill (local.get 0) (i32.const 0) (local.get 1)))
  ;; Of words that are 0 or their own addresses times a constant plus 1: how many are neither.
  (func (export "wrong") (param $at i32) (param $end i32) (result i32) (local $wrong i32) (local $word i64)
    (loop $next
      (local.set $word (i64.load (local.get $at)))
      (local.set $wrong (i32.add (local.get $wrong) (i32.eqz (i32.or
        (i64.eqz (local.get $word))
        (i64.eq (local.get $word) (i64.add (i64.const 1) (i64.mul (i64.extend_i32_u (local.get $at)) (i64.const 0x100000001))))))))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8))) (local.get $end))))
    (local.get $wrong))
  ;; The same words again.
  (func (export "write") (param $at i32) (param $end i32)
    (loop $next
      (i64.store (local.get $at)
        (i64.add (i64.const 1) (i64.mul (i64.extend_i32_u (local.get $at)) (i64.const 0x100000001))))
      (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8))) (local.get $end)))))
)
