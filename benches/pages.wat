;; 1 GiB; `touch` writes a byte of every `step`th page of 4 KiB.
(module
  (memory (export "memory") 16384 16384)
  (func (export "touch") (param $step i32) (param $value i32)
    (local $at i32)
    (loop $next
      (i32.store8 (local.get $at) (local.get $value))
      (br_if $next
        (i32.lt_u
          (local.tee $at (i32.add (local.get $at) (i32.shl (local.get $step) (i32.const 12))))
          (i32.const 0x40000000)))))
  (func (export "discard") (memory.discard (i32.const 0) (i32.const 0x40000000))))
