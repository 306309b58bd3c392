;; Vectors wherever values go: locals (also those beyond a thousand, which live in the frame), blocks, tables, globals,
;; results that fit into registers and results that do not, other modules, the host.
(module
  (import "inner" "key" (global $key (mut v128)))
  (import "inner" "fixed" (global $fixed v128))
  (import "inner" "mix" (func $mix (param i32 v128 f64 v128) (result v128)))
  (import "inner" "spread" (func $spread (param v128) (result i32 v128 i64 v128)))
  (import "host" "turn" (func $turn (param v128 i32 v128) (result v128)))
  (import "host" "pair" (func $pair (param v128) (result v128 i32 v128)))
  (type $unary (func (param v128) (result v128)))
  (memory (export "memory") 1)
  (memory $checked (export "checked") 1)
  (global $odd (mut i32) (i32.const 7)) ;; what follows is aligned all the same
  (global $own (export "own") (mut v128) (v128.const i64x2 5 6))
  (global $copy (export "copy") v128 (global.get $fixed))
  (global $constant v128 (v128.const i32x4 10 20 30 40))
  (table (export "table") 2 funcref)
  (elem (i32.const 0) $double $negate)
  (func $double (type $unary) (i32x4.add (local.get 0) (local.get 0)))
  (func $negate (type $unary) (i32x4.neg (local.get 0)))

  (func (export "call_host") (param v128 i32) (result v128)
    (call $turn (local.get 0) (local.get 1) (global.get $constant)))
  (func (export "sum_of_pair") (param v128) (result v128)
    (local $number i32) (local $second v128)
    (call $pair (local.get 0))
    (local.set $second)
    (local.set $number)
    (i32x4.add (i32x4.add (local.get $second)) (i32x4.splat (local.get $number))))
  (func (export "mix_twice") (param v128) (result v128)
    (call $mix (i32.const 100) (call $mix (i32.const 7) (local.get 0) (f64.const -2.5) (global.get $key)) (f64.const 3)
      (global.get $own)))
  (func (export "spread") (param v128) (result i32 v128 i64 v128) (call $spread (local.get 0)))
  (func (export "exchange_keys") (param v128) (result v128)
    (global.get $key)
    (global.set $key (local.get 0)))
  (func (export "through_table") (param v128 i32) (result v128)
    (call_indirect (type $unary) (local.get 0) (local.get 1)))

  ;; More results than registers: the area in the caller's frame has slots of two sizes.
  (func $many (param v128) (result i32 v128 f32 v128 i64 v128 v128 v128 v128 i32)
    (i32.const 1) (i32x4.add (local.get 0) (i32x4.splat (i32.const 2))) (f32.const 3)
    (i32x4.add (local.get 0) (i32x4.splat (i32.const 4))) (i64.const 5)
    (i32x4.add (local.get 0) (i32x4.splat (i32.const 6))) (i32x4.add (local.get 0) (i32x4.splat (i32.const 7)))
    (i32x4.add (local.get 0) (i32x4.splat (i32.const 8))) (i32x4.add (local.get 0) (i32x4.splat (i32.const 9)))
    (i32.const 10))
  (export "many" (func $many))
  (func (export "sum_of_many") (param v128) (result v128)
    (local $sum v128) (local $number i32)
    (call $many (local.get 0))
    (local.set $number)
    i32x4.add i32x4.add i32x4.add
    (local.set $sum (i32x4.add (i32x4.splat (local.get $number))))
    i32.wrap_i64
    i32x4.splat
    (local.set $sum (i32x4.add (local.get $sum)))
    (local.set $sum (i32x4.add (local.get $sum)))
    drop ;; the f32
    (local.set $sum (i32x4.add (local.get $sum)))
    i32x4.splat
    (i32x4.add (local.get $sum)))

  ;; min and max of a loop's vectors, by select and block parameters.
  (func (export "fold") (param $count i32) (result v128)
    (local $at i32)
    (v128.const i32x4 1 1 1 1)
    (loop $next (param v128) (result v128)
      (i32x4.mul (i32x4.splat (i32.const 3)))
      (select (result v128)
        (v128.const i32x4 0 0 0 0)
        (i32.and (local.get $at) (i32.const 1)))
      (i32x4.add (i32x4.splat (local.get $at)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $at) (local.get $count)))))

  (func (export "store_guarded") (param i32 v128) (v128.store (local.get 0) (local.get 1)))
  (func (export "store_checked") (param i32 v128) (v128.store $checked (local.get 0) (local.get 1)))
  (func (export "lanes_checked") (param i32 v128) (result v128)
    (v128.store16_lane $checked 3 (local.get 0) (local.get 1))
    (v128.load32_lane $checked 1 (local.get 0) (local.get 1)))

  (func (export "frame_locals") (param v128) (result v128)
    (local THOUSAND)
    (local $small i32) (local $x v128) (local $y v128) (local $odd i32) (local $z v128)
    (local.set $odd (i32.const 3))
    (local.set $x (local.get 0))
    (local.set $y (i32x4.add (local.get $x) (i32x4.splat (local.get $odd))))
    ;; $z was never set: zero.
    (i32x4.sub (i32x4.add (local.get $x) (local.get $y)) (local.get $z))))
