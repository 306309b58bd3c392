;; The main module: it has what side modules share.
(module
  (type $unary (func (param i32) (result i32)))
  (memory (export "memory") 2)
  (table (export "table") 16 funcref)
  (global (export "__stack_pointer") (mut i32) (i32.const 65536))
  (func $plus (type $unary) (i32.add (local.get 0) (i32.const 1)))
  (elem (i32.const 1) $plus)
  (func (export "malloc") (param i32) (result i32) (i32.const 4096)))
