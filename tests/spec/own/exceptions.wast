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

;; A tail call leaves the function, and with it the function's handlers.
(module $tail
  (type $t (func))
  (tag $e (export "e"))
  (table (export "table") 4 funcref)
  (elem (i32.const 0) $thrower $bystander)
  (func $thrower (export "thrower") throw $e)
  (func $bystander)
  (func $direct (block $h (try_table (catch_all $h) (return_call $thrower)) (unreachable)))
  (func $indirect (param i32) (block $h (try_table (catch_all $h) (return_call_indirect (type $t) (local.get 0))) (unreachable)))
  (func $by_reference (param (ref $t)) (block $h (try_table (catch_all $h) (return_call_ref $t (local.get 0))) (unreachable)))
  (elem declare func $thrower)
  (func (export "leaves_direct") (result i32)
    (block $h (try_table (catch $e $h) (call $direct)) (return (i32.const 0))) (i32.const 1))
  (func (export "leaves_indirect") (param i32) (result i32)
    (block $h (try_table (catch $e $h) (call $indirect (local.get 0))) (return (i32.const 0))) (i32.const 1))
  (func (export "leaves_by_reference") (result i32)
    (block $h (try_table (catch $e $h) (call $by_reference (ref.func $thrower))) (return (i32.const 0))) (i32.const 1))
  (func (export "legacy_leaves") (result i32)
    try (result i32) call $legacy i32.const 0 catch $e i32.const 1 end)
  (func $legacy try return_call $thrower catch_all end)
  ;; a call through a reference inside the try is caught there
  (func (export "stays") (result i32)
    (block $h (try_table (catch $e $h) (call_ref $t (ref.func $thrower))) (return (i32.const 0))) (i32.const 1)))
(assert_return (invoke "leaves_direct") (i32.const 1))
(assert_return (invoke "leaves_indirect" (i32.const 0)) (i32.const 1))
(assert_return (invoke "leaves_indirect" (i32.const 1)) (i32.const 0))
(assert_return (invoke "leaves_by_reference") (i32.const 1))
(assert_return (invoke "legacy_leaves") (i32.const 1))
(assert_return (invoke "stays") (i32.const 1))
(register "tail" $tail)

;; Tail calls into another instance leave a frame behind, which exceptions pass; each instance stays on its own memory.
(module
  (type $t (func))
  (tag $e (import "tail" "e"))
  (import "tail" "table" (table 4 funcref))
  (import "tail" "thrower" (func $theirs))
  (memory 1)
  (data (i32.const 8) "\2a")
  (func $far (return_call_indirect (type $t) (i32.const 0)))
  (func $imported (return_call $theirs))
  (func (export "far") (result i32)
    (block $h (try_table (catch $e $h) (call $far)) (return (i32.const 0))) (i32.load8_u (i32.const 8)))
  (func (export "imported") (result i32)
    (block $h (try_table (catch $e $h) (call $imported)) (return (i32.const 0))) (i32.load8_u (i32.const 8)))
  (func (export "uncaught") (return_call $far)))
(assert_return (invoke "far") (i32.const 42))
(assert_return (invoke "imported") (i32.const 42))
(assert_exception (invoke "uncaught"))
(assert_return (invoke "far") (i32.const 42))

;; Tags may have types of recursion groups, and carry references of any kind and vectors.
(module
  (rec (type $one (func (param (ref null $two)))) (type $two (func (param v128 i32) (result i32))))
  (type $plain (func (param v128 i32) (result i32)))
  (tag $reference (type $one))
  (tag $many (param v128 (ref func) externref v128 f32))
  (func $second (type $two) (i32.add (local.get 1) (i32x4.extract_lane 2 (local.get 0))))
  (elem declare func $second)
  (func (export "carries_a_function") (result i32) (local $f (ref null $two))
    (block $h (result (ref null $two))
      (try_table (catch $reference $h) (throw $reference (ref.func $second)))
      (unreachable))
    (local.set $f)
    (call_ref $two (v128.const i32x4 0 0 30 0) (i32.const 12) (local.get $f)))
  (func (export "carries_many") (result i32)
    (local $a v128) (local $b v128) (local $f (ref null func)) (local $x externref) (local $y f32)
    (block $h (result v128 (ref func) externref v128 f32)
      (try_table (catch $many $h)
        (throw $many (v128.const i32x4 1 2 3 4) (ref.func $second) (ref.null extern) (v128.const i32x4 5 6 7 8) (f32.const 9)))
      (unreachable))
    (local.set $y) (local.set $b) (local.set $x) (local.set $f) (local.set $a)
    (i32.add
      (i32.add (i32x4.extract_lane 1 (local.get $a)) (i32x4.extract_lane 3 (local.get $b)))
      (i32.add (ref.is_null (local.get $x)) (i32.trunc_f32_s (local.get $y))))))
(assert_return (invoke "carries_a_function") (i32.const 42))
(assert_return (invoke "carries_many") (i32.const 20))

;; References to exceptions that are never null, and the type that is nothing but null.
(module
  (tag $e (param i32))
  (global $none nullexnref (ref.null noexn))
  (table $kept 2 exnref)
  (func $catch (param i32) (result (ref exn)) (local $x exnref)
    (block $h (result i32 (ref exn))
      (try_table (catch_ref $e $h) (throw $e (local.get 0)))
      (unreachable))
    (local.set $x) (drop) (ref.as_non_null (local.get $x)))
  (func (export "null") (throw_ref (global.get $none)))
  (func (export "again") (param i32) (result i32) (local $x (ref exn))
    (local.set $x (call $catch (local.get 0)))
    (table.set $kept (i32.const 1) (local.get $x))
    (block $h (result i32)
      (try_table (catch $e $h) (throw_ref (ref.as_non_null (table.get $kept (i32.const 1)))))
      (unreachable))))
(assert_trap (invoke "null") "null exception reference")
(assert_return (invoke "again" (i32.const 7)) (i32.const 7))
