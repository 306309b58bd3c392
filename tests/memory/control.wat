;; memory.discard and protected pages, seen by code. MEMORY declares memory $m, IT is its index type.
(module
  BEFORE
  MEMORY
  (data (memory $m) (IT.const 65530) "not to be written, but read")
  (func (export "load") (param IT) (result i32) (i32.load8_u $m (local.get 0)))
  (func (export "load16") (param IT) (result i64) (i64x2.extract_lane 0 (v128.load $m (local.get 0))))
  (func (export "store") (param IT i32) (i32.store8 $m (local.get 0) (local.get 1)))
  (func (export "store8") (param IT i64) (i64.store $m (local.get 0) (local.get 1)))
  (func (export "fill") (param IT i32 IT) (memory.fill $m (local.get 0) (local.get 1) (local.get 2)))
  (func (export "copy") (param IT IT IT) (memory.copy $m $m (local.get 0) (local.get 1) (local.get 2)))
  (func (export "discard") (param IT IT) (memory.discard $m (local.get 0) (local.get 1)))
  (func (export "grow") (param IT) (result IT) (memory.grow $m (local.get 0)))
  (export "m" (memory $m))
)
