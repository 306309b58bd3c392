;; Grows what it has.
(module
  (memory (export "memory") 1)
  (memory $second 0)
  (table $t (export "table") 10 funcref)
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func (export "grow_second") (param i32) (result i32) (memory.grow $second (local.get 0)))
  (func (export "grow_table") (param i32) (result i32) (table.grow $t (ref.null func) (local.get 0))))
