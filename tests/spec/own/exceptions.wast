;; Standard exceptions beyond the suite: other instances, references to exceptions, both generations together.

(module $left
  (tag $t (export "t") (param i64))
  (global $throws (mut i32) (i32.const 0))
  (table (export "table") 10 funcref)
  (elem (i32.const 0) $throw $get)
  (func $throw (export "throw") (param i64)
    (global.set $throws (i32.add (global.get $throws) (i32.const 1)))
    (throw $t (local.get 0)))
  (func $get (export "throws") (result i32) (global.get $throws)))
(register "left" $left)

;; The handler runs on its own instance, whoever has thrown.
(module $right
  (type $v (func (param i64)))
  (tag $t (import "left" "t") (param i64))
  (tag $own (param i64))
  (import "left" "throw" (func $throw (param i64)))
  (table $table (import "left" "table") 10 funcref)
  (memory 1)
  (global $caught (mut i32) (i32.const 0))
  (func (export "direct") (param i64) (result i64)
    (block $h (result i64)
      (try_table (catch $own $h) (catch $t $h) (call $throw (local.get 0)))
      (unreachable))
    (global.set $caught (i32.add (global.get $caught) (i32.const 1)))
    (i64.store (i32.const 8) (i64.const 100))
    (i64.add (i64.load (i32.const 8))))
  (func (export "indirect") (param i64) (result i64)
    (block $h (result i64)
      (try_table (catch $t $h) (call_indirect $table (type $v) (local.get 0) (i32.const 0)))
      (unreachable))
    (global.set $caught (i32.add (global.get $caught) (i32.const 1)))
    (i64.store (i32.const 8) (i64.const 1000))
    (i64.add (i64.load (i32.const 8))))
  (func $through (param i64) (call_indirect $table (type $v) (local.get 0) (i32.const 0)))
  (func (export "deep") (param i64) (result i64)
    (block $h (result i64)
      (try_table (catch $t $h) (call $through (local.get 0)))
      (unreachable))
    (i64.store (i32.const 16) (i64.const 5))
    (i64.add (i64.load (i32.const 16))))
  (func (export "not-mine") (block $h (drop (block $i (result i64) (try_table (catch $own $i) (call $throw (i64.const 1))) (br $h)))))
  (func (export "caught") (result i32) (global.get $caught)))

(assert_return (invoke "direct" (i64.const 5)) (i64.const 105))
(assert_return (invoke "indirect" (i64.const 6)) (i64.const 1006))
(assert_return (invoke "deep" (i64.const 6)) (i64.const 11))
(assert_exception (invoke "not-mine"))
(assert_return (invoke "caught") (i32.const 2))
(assert_return (invoke $left "throws") (i32.const 4))

;; Two instances of one module have tags of their own.
(module definition $twin
  (tag $t (export "t"))
  (func (export "throw") (throw $t)))
(module instance $twin1 $twin)
(module instance $twin2 $twin)
(register "twin1" $twin1)
(register "twin2" $twin2)
(module
  (tag $t1 (import "twin1" "t"))
  (tag $t2 (import "twin2" "t"))
  (import "twin1" "throw" (func $throw1))
  (import "twin2" "throw" (func $throw2))
  (func (export "which") (param i32) (result i32)
    (block $1
      (block $2
        (try_table (catch $t1 $1) (catch $t2 $2)
          (if (local.get 0) (then (call $throw1)) (else (call $throw2))))
        (unreachable))
      (return (i32.const 2)))
    (i32.const 1)))
(assert_return (invoke "which" (i32.const 1)) (i32.const 1))
(assert_return (invoke "which" (i32.const 0)) (i32.const 2))

(assert_unlinkable (module (tag (import "left" "t") (param i32))) "incompatible import type")
(assert_unlinkable (module (tag (import "left" "throw") (param i64))) "incompatible import type")
(assert_unlinkable (module (import "left" "t" (func (param i64)))) "incompatible import type")

;; ---- exnref ----

(module
  (tag $e (param i32))
  (tag $x (param exnref i32))
  (global $kept (mut exnref) (ref.null exn))
  (table $table 2 exnref)
  (func $catch (param i32) (result exnref)
    (block $h (result i32 exnref)
      (try_table (result i32 exnref) (catch_ref $e $h) (throw $e (local.get 0))))
    (return))
  (func $catch-one (param i32) (result exnref) (local $r exnref)
    (block $h (result exnref)
      (try_table (catch_all_ref $h) (throw $e (local.get 0)))
      (unreachable)))
  (func $value (param exnref) (result i32)
    (block $h (result i32)
      (try_table (catch $e $h) (throw_ref (local.get 0)))
      (unreachable)))
  (func (export "through") (param i32) (result i32) (call $value (call $catch-one (local.get 0))))
  (func (export "global") (param i32) (result i32)
    (global.set $kept (call $catch-one (local.get 0)))
    (drop (call $value (call $catch-one (i32.const 1))))
    (call $value (global.get $kept)))
  (func (export "table") (param i32) (result i32)
    (table.set $table (i32.const 1) (call $catch-one (local.get 0)))
    (table.copy $table $table (i32.const 0) (i32.const 1) (i32.const 1))
    (table.fill $table (i32.const 1) (ref.null exn) (i32.const 1))
    (drop (table.grow $table (table.get $table (i32.const 0)) (i32.const 100)))
    (i32.add
      (call $value (table.get $table (i32.const 0)))
      (i32.mul (ref.is_null (table.get $table (i32.const 1))) (call $value (table.get $table (i32.const 101))))))
  (func (export "null") (throw_ref (ref.null exn)))
  (func (export "is-null") (param exnref) (result i32) (ref.is_null (local.get 0)))
  (func (export "return-null") (result exnref) (global.get $kept))
  (func (export "in-exception") (param i32) (result i32) (local $i i32)
    (block $h (result exnref i32)
      (try_table (result exnref i32) (catch $x $h)
        (throw $x (call $catch-one (local.get 0)) (i32.const 1000))))
    (local.set $i)
    (i32.add (call $value) (local.get $i)))

  ;; Far more exceptions than are ever alive; one is kept all the time.
  (func (export "rounds") (param $n i32) (result i32) (local $sum i32)
    (global.set $kept (call $catch-one (i32.const 12345)))
    (loop $again
      (local.set $sum (i32.add (local.get $sum) (call $value (call $catch-one (i32.const 1)))))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (i32.add (local.get $sum) (call $value (global.get $kept))))

  ;; A list of exceptions, each carried by the next: all are alive through the last.
  (func (export "list") (param $n i32) (result i32) (local $m i32) (local $sum i32) (local $r exnref) (local $i i32)
    (local.set $m (local.get $n))
    (loop $longer
      (local.set $r
        (block $h (result exnref)
          (try_table (catch_all_ref $h) (throw $x (local.get $r) (local.get $n)))
          (unreachable)))
      (br_if $longer (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (loop $shorter
      (block $h (result exnref i32)
        (try_table (catch $x $h) (throw_ref (local.get $r)))
        (unreachable))
      (local.set $sum (i32.add (local.get $sum)))
      (local.set $r)
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $shorter (i32.lt_u (local.get $i) (local.get $m))))
    (i32.add (local.get $sum) (ref.is_null (local.get $r)))))

(assert_return (invoke "through" (i32.const 5)) (i32.const 5))
(assert_return (invoke "global" (i32.const 6)) (i32.const 6))
(assert_return (invoke "table" (i32.const 7)) (i32.const 14))
(assert_trap (invoke "null") "null exception reference")
(assert_return (invoke "is-null" (ref.null exn)) (i32.const 1))
(assert_return (invoke "in-exception" (i32.const 8)) (i32.const 1008))
(assert_return (invoke "rounds" (i32.const 100000)) (i32.const 112345))
(assert_return (invoke "list" (i32.const 2000)) (i32.const 2001001))

;; ---- Both generations ----

(module
  (tag $e (param i32))
  (func $new-throw-ref (param i32) (local $r exnref)
    (block $h (result exnref)
      (try_table (catch_all_ref $h) (throw $e (local.get 0)))
      (unreachable))
    (throw_ref))
  (func $old-rethrow (param i32)
    try
      local.get 0 throw $e
    catch_all
      rethrow 0
    end)
  (func (export "old-catches-new") (param i32) (result i32)
    try (result i32) local.get 0 call $new-throw-ref i32.const 0 catch $e end)
  (func (export "new-catches-old") (param i32) (result i32)
    (block $h (result i32)
      (try_table (catch $e $h) (call $old-rethrow (local.get 0)))
      (unreachable)))
  (func (export "nested") (param i32) (result i32)
    try (result i32)
      block $h (result i32)
        try_table (result i32) (catch $e $h)
          try (result i32)
            local.get 0 call $old-rethrow i32.const 0
          catch $e
            i32.const 1 i32.add throw $e
          end
        end
      end
      i32.const 1 i32.add
      call $new-throw-ref
      i32.const 0
    catch $e end)
  (func (export "old-rounds") (param $n i32) (result i32) (local $sum i32)
    loop $again
      try
        (call $old-rethrow (i32.const 1))
      catch $e
        (local.set $sum (i32.add (local.get $sum)))
      end
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))
    end
    local.get $sum))

(assert_return (invoke "old-catches-new" (i32.const 3)) (i32.const 3))
(assert_return (invoke "new-catches-old" (i32.const 4)) (i32.const 4))
(assert_return (invoke "nested" (i32.const 5)) (i32.const 7))
(assert_return (invoke "old-rounds" (i32.const 100000)) (i32.const 100000))
