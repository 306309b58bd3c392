;; Another module with a function of typed.wat's type $binary.
(module
  (type $unused (func))
  (type $binary (sub (func (param i32 i32) (result i32))))
  (func $add (type $binary) (i32.add (local.get 0) (local.get 1)))
  (elem declare func $add)
  (func (export "add") (result (ref $binary)) (ref.func $add))
  (func $other (param i64) (result i64) (local.get 0))
  (elem declare func $other)
  (func (export "other") (result funcref) (ref.func $other)))
