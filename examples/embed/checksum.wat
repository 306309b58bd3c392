;; CRC-32 of bytes in the module's memory, and a call of the host for every 64 KiB.
(module
  (import "env" "progress" (func $progress (param i32)))
  (memory (export "memory") 3 3)
  ;; The table of 256 words ends here; the host's bytes begin.
  (global (export "buffer") i32 (i32.const 1024))
  (func $start (local $i i32) (local $c i32) (local $bit i32)
    (loop $next
      (local.set $c (local.get $i))
      (local.set $bit (i32.const 8))
      (loop $bits
        (local.set $c (i32.xor (i32.shr_u (local.get $c) (i32.const 1))
          (i32.and (i32.const 0xedb88320) (i32.sub (i32.const 0) (i32.and (local.get $c) (i32.const 1))))))
        (br_if $bits (local.tee $bit (i32.sub (local.get $bit) (i32.const 1)))))
      (i32.store (i32.shl (local.get $i) (i32.const 2)) (local.get $c))
      (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 256)))))
  (start $start)
  ;; Continues `crc` (0 at first) with `size` bytes of the buffer.
  (func $update (export "update") (param $crc i32) (param $size i32) (result i32) (local $at i32)
    (call $progress (local.get $size))
    (local.set $crc (i32.xor (local.get $crc) (i32.const -1)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $size)))
        (local.set $crc (i32.xor (i32.shr_u (local.get $crc) (i32.const 8))
          (i32.load (i32.shl (i32.and (i32.xor (local.get $crc)
            (i32.load8_u offset=1024 (local.get $at))) (i32.const 255)) (i32.const 2)))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (i32.xor (local.get $crc) (i32.const -1))))
