;; The same for every mode: MEMORY declares memory $m, IT is its index type, BEFORE whatever comes before it.
(module
  IMPORT
  BEFORE
  MEMORY
  (table $static 3 funcref)
  (elem (table $static) (i32.const 0) func $read $size $write)
  (table $dynamic (export "table") 2 funcref)
  (global $made (mut funcref) (ref.func $read))
  (type $reader (func (param IT) (result i32)))
  (func $read (export "read") (param IT) (result i32) (i32.load $m (local.get 0)))
  (func $far (export "far") (param IT) (result i32) (i32.load $m offset=65532 (local.get 0)))
  (func (export "farther") (param IT) (result i32) (i32.load $m offset=4000000000 (local.get 0)))
  (func $write (export "write") (param IT i64) (i64.store $m (local.get 0) (local.get 1)))
  (func $size (export "size") (result i64) (local $size IT) (local.set $size (memory.size $m)) LOCAL64)
  (func (export "grow") (param IT) (result IT) (memory.grow $m (local.get 0)))
  (func (export "fill") (param IT i32 IT) (memory.fill $m (local.get 0) (local.get 1) (local.get 2)))
  (func (export "sum") (param $at IT) (param $end IT) (result i32) (local $sum i32)
    (loop $next
      (local.set $sum (i32.add (local.get $sum) (i32.load8_u $m (local.get $at))))
      (local.set $at (IT.add (local.get $at) (IT.const 1)))
      (br_if $next (IT.lt_u (local.get $at) (local.get $end))))
    (local.get $sum))
  ;; through a table that is read-only data, and one made at run time
  (func (export "indirect") (param IT) (result i32)
    (call_indirect $static (type $reader) (local.get 0) (i32.const 0)))
  (func (export "dynamic") (param IT) (result i32)
    (table.set $dynamic (i32.const 1) (global.get $made))
    (call_indirect $dynamic (type $reader) (local.get 0) (i32.const 1)))
  (func $recurse (export "recurse") (param $depth i32) (param IT) (result i32)
    (if (result i32) (local.get $depth)
      (then (call $recurse (i32.sub (local.get $depth) (i32.const 1)) (local.get 1)))
      (else (call $read (local.get 1)))))
)
