;; A small module as hosts make many of: one memory of 64 KiB, a data segment, a table, a function.
(module
  (memory (export "memory") 1)
  (data (i32.const 1024) "a few bytes")
  (table 4 funcref)
  (elem (i32.const 0) $next)
  (global $count (mut i32) (i32.const 0))
  (func $next (export "next") (result i32)
    (global.set $count (i32.add (global.get $count) (i32.const 1)))
    (i32.store (i32.const 2048) (global.get $count))
    (global.get $count)))
