;; A driver from somebody else: averages samples that it keeps in its one page of memory, which never grows.
(module
  (memory (export "memory") 1 1)
  (global $count (mut i32) (i32.const 0))

  ;; Keeps a sample.
  (func (export "add") (param $sample i32)
    (i32.store (i32.shl (global.get $count) (i32.const 2)) (local.get $sample))
    (global.set $count (i32.add (global.get $count) (i32.const 1))))

  ;; Of all samples. There is a bug in it: with none, it divides by zero.
  (func (export "average") (result i32)
    (local $i i32) (local $sum i32)
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $i) (global.get $count)))
        (local.set $sum (i32.add (local.get $sum) (i32.load (i32.shl (local.get $i) (i32.const 2)))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next)))
    (i32.div_s (local.get $sum) (global.get $count)))

  ;; Another one: any address, inside the memory or not.
  (func (export "sample_at") (param $address i32) (result i32)
    (i32.load (local.get $address)))

  ;; And one that never ends, but for the stack.
  (func $settle (export "settle") (param $value i64) (result i64)
    (i64.add (call $settle (i64.add (local.get $value) (i64.const 1))) (local.get $value))))
