;; Owns the queue, and writes squares to it. It has a memory of its own, too.
(module
  (memory 1)
  (memory $queue (export "queue") 1)
  (func (export "produce") (param $count i32) (local $i i32)
    (loop $next
      (i32.store $queue (i32.shl (local.get $i) (i32.const 2)) (i32.mul (local.get $i) (local.get $i)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $i) (local.get $count))))))
