;; Everything that can run for ever: each export is called, and must end by an interruption.
(module
  (import "env" "memory" (memory $shared 1 1 shared))
  (import "env" "call" (func $host))
  (memory $m 1)
  (type $none (func))
  (type $number (func (param i32)))
  (tag $e)
  (table $functions 2 2 funcref)
  (elem (table $functions) (i32.const 0) func $tail_indirect $leaf)
  (elem declare func $tail_ref)
  (global $count (mut i64) (i64.const 0))
  (func $leaf (export "leaf"))
  (func (export "count") (result i64) (global.get $count))

  (func (export "empty") (loop $l (br $l)))
  (func (export "counted") (local $i i64)
    (loop $l (br_if $l (i64.ne (local.tee $i (i64.add (local.get $i) (i64.const 1))) (i64.const 0x4000000000000000)))))
  (func (export "stores") (local $i i32) (local $n i64)
    ;; one block, an exact number of turns: unrolled
    (loop $l
      (i32.store $m (i32.const 64) (local.get $i))
      (local.set $i (i32.add (local.get $i) (i32.const 8)))
      (local.set $n (i64.add (local.get $n) (i64.const 1)))
      (br_if $l (i64.ne (local.get $n) (i64.const 0x4000000000000000)))))
  (func (export "loads") (local $sum i32)
    ;; nothing changes
    (loop $l
      (local.set $sum (i32.add (local.get $sum) (i32.load $m (i32.const 8200))))
      (br_if $l (i32.eqz (i32.load $m (i32.const 8208))))))
  (func (export "globals")
    (loop $l (global.set $count (i64.add (global.get $count) (i64.const 1))) (br $l)))
  (func (export "outer") (local $i i32)
    ;; the inner loop ends each time
    (loop $outer
      (local.set $i (i32.const 100))
      (loop $inner
        (i32.store $m (local.get $i) (local.get $i))
        (br_if $inner (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
      (br $outer)))
  (func (export "inner") (local $i i32)
    ;; the outer one comes only once
    (loop $outer
      (local.set $i (i32.load $m (i32.const 8192))) ;; which nobody else writes
      (loop $inner
        (loop $innermost (br_if $innermost (i32.eqz (i32.load $m (local.get $i)))))
        (br $inner))
      (br $outer)))
  (func (export "second") (local $i i32)
    (local.set $i (i32.const 1000))
    (loop $first (br_if $first (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))
    (loop $second (br $second)))
  (func (export "table") (local $i i32)
    (loop $a
      (loop $b
        (block $c
          (br_table $a $b $c $a (i32.rem_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 5))))
        (br $a))))
  (func (export "values") (local $i i32)
    (drop (i32.const 1) (loop $l (param i32) (result i32) (i32.add (i32.const 1)) (br $l))))
  (func (export "branches") (local $i i32)
    (loop $l
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (if (i32.and (local.get $i) (i32.const 1)) (then (br $l)) (else (loop $k (br_if $k (i32.and (local.get $i) (i32.const 1))))))
      (br $l)))
  (func (export "calls") (loop $l (call $leaf) (br $l)))
  (func (export "indirect") (loop $l (call_indirect $functions (type $none) (i32.const 1)) (br $l)))
  (func (export "hosts") (loop $l (call $host) (br $l)))
  (func (export "fills") (loop $l (memory.fill $m (i32.const 0) (i32.const 0) (i32.const 65536)) (br $l)))
  (func (export "throws") (loop $l (block $c (try_table (catch_all $c) (throw $e))) (br $l)))
  (func (export "in_try") (block $c (try_table (catch_all $c) (call $inside))))
  (func $inside (loop $l (br $l)))
  (func $handler (export "in_handler") (loop $l (block $c (try_table (catch_all $c) (call $thrower))) (br $l)))
  (func $thrower (throw $e))
  (func $tail (export "tail") (return_call $tail))
  (func $ping (export "mutual") (return_call $pong))
  (func $pong (return_call $ping))
  (func $tail_indirect (export "tail_indirect") (return_call_indirect $functions (type $none) (i32.const 0)))
  (func $tail_ref (export "tail_ref") (return_call_ref $none (ref.func $tail_ref)))
  (func $deep (export "fibonacci") (drop (call $fibonacci (i32.const 90))))
  (func $fibonacci (param i32) (result i32)
    (if (result i32) (i32.lt_u (local.get 0) (i32.const 2))
      (then (local.get 0))
      (else (i32.add (call $fibonacci (i32.sub (local.get 0) (i32.const 1)))
                     (call $fibonacci (i32.sub (local.get 0) (i32.const 2)))))))
  ;; no recursion: each calls the next one sixteen times
  (func $many (param i32)
    (local.set 0 (i32.add (local.get 0) (i32.const 1))))
  (func (export "tree") (call $t1) (call $t1) (call $t1) (call $t1))
  (func $t1 CALLS(t2)) (func $t2 CALLS(t3)) (func $t3 CALLS(t4)) (func $t4 CALLS(t5)) (func $t5 CALLS(t6))
  (func $t6 CALLS(t7)) (func $t7 CALLS(t8)) (func $t8 CALLS(t9)) (func $t9 CALLS(t10)) (func $t10 CALLS(t11))
  (func $t11 CALLS(t12)) (func $t12 CALLS(t13)) (func $t13 CALLS(t14)) (func $t14 CALLS(leaf))
  (func (export "wait") (drop (memory.atomic.wait32 $shared (i32.const 0) (i32.const 0) (i64.const -1))))
  (func (export "spin") (loop $l (br_if $l (i32.eqz (i32.atomic.load $shared (i32.const 4))))))

  (func (export "fill_once") (memory.fill $m (i32.const 0) (i32.const 7) (i32.const 1)))
  (func (export "byte") (result i32) (i32.load8_u $m (i32.const 0)))
  (func (export "once") (call $leaf)))
