;; Adds up what the producer wrote: the producer's queue, and a memory of its own that the producer can't see.
(module
  (import "producer" "produce" (func $produce (param i32)))
  (import "producer" "queue" (memory $queue 1))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory $own (export "memory") 1)
  (data (memory $own) (i32.const 64) "the sum of the first 100 squares is right\n")
  (func $sum (param $count i32) (result i32) (local $sum i32)
    (loop $next
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (local.set $sum (i32.add (local.get $sum) (i32.load $queue (i32.shl (local.get $count) (i32.const 2)))))
      (br_if $next (local.get $count)))
    (local.get $sum))
  (func (export "_start")
    (call $produce (i32.const 100))
    (if (i32.ne (call $sum (i32.const 100)) (i32.const 328350)) (then unreachable))
    (i32.store $own (i32.const 0) (i32.const 64))
    (i32.store $own (i32.const 4) (i32.const 42))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
