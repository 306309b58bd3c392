;; Counts the primes below a million with a sieve of bytes, and says how many there are.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 17)
  (data (i32.const 16) "       primes below a million\n")
  (global $size i32 (i32.const 1000000))
  (global $sieve i32 (i32.const 65536))

  (func $count (result i32) (local $i i32) (local $j i32) (local $count i32)
    (local.set $i (i32.const 2))
    (loop $next
      (if (i32.eqz (i32.load8_u (i32.add (global.get $sieve) (local.get $i)))) (then
        (local.set $count (i32.add (local.get $count) (i32.const 1)))
        (local.set $j (i32.add (local.get $i) (local.get $i)))
        (block $done (loop $strike
          (br_if $done (i32.ge_u (local.get $j) (global.get $size)))
          (i32.store8 (i32.add (global.get $sieve) (local.get $j)) (i32.const 1))
          (local.set $j (i32.add (local.get $j) (local.get $i)))
          (br $strike)))))
      (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (global.get $size))))
    (local.get $count))

  (func (export "_start") (local $number i32) (local $at i32)
    (local.set $number (call $count))
    (local.set $at (i32.const 22))
    (loop $digit
      (i32.store8 (local.tee $at (i32.sub (local.get $at) (i32.const 1)))
        (i32.add (i32.const 48) (i32.rem_u (local.get $number) (i32.const 10))))
      (br_if $digit (local.tee $number (i32.div_u (local.get $number) (i32.const 10)))))
    (i32.store (i32.const 0) (local.get $at))
    (i32.store (i32.const 4) (i32.sub (i32.const 46) (local.get $at)))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))
