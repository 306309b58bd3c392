;; 1 GiB; `touch` writes a byte of every `step`th page of 4 KiB; `grow` adds so many pages of 64 KiB, one by one.
(module
  (memory (export "memory") 16384 32768)
  (func (export "touch") (param $step i32) (param $value i32)
    (local $at i32)
    (loop $next
      (i32.store8 (local.get $at) (local.get $value))
      (br_if $next
        (i32.lt_u
          (local.tee $at (i32.add (local.get $at) (i32.shl (local.get $step) (i32.const 12))))
          (i32.const 0x40000000)))))
  (func (export "grow") (param $times i32)
    (loop $next
      (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then (unreachable)))
      (br_if $next (local.tee $times (i32.sub (local.get $times) (i32.const 1))))))
  (func (export "discard") (memory.discard (i32.const 0) (i32.const 0x40000000))))
