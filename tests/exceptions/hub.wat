;; Defines the tag, and throws.
(module
  (tag $error (export "error") (param i32 externref))
  (memory 1)
  (func (export "throw") (param i32 externref)
    (i32.store (i32.const 0) (local.get 0))
    (throw $error (local.get 0) (local.get 1)))
  (func (export "last") (result i32) (i32.load (i32.const 0))))
