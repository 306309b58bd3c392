;; The called side of pair.c.
(module
  (memory (export "memory") 1)
  (global (export "global") (mut i32) (i32.const 0))
  (func (export "set") (param i32)
    (i32.store (i32.const 0) (local.get 0))
    (global.set 0 (i32.add (global.get 0) (i32.const 1))))
  (func (export "get") (result i32) (i32.load (i32.const 0)))
  (func $fail (export "fail") (drop (i32.load (i32.const 0x7fffffff)))))
