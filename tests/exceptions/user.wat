;; Catches what another module throws: directly, and across a function of the host's, which no exception passes.
(module
  (tag $error (import "hub" "error") (param i32 externref))
  (tag $mine (import "env" "mine") (param i64))
  (tag) ;; without a name
  (import "hub" "throw" (func $throw (param i32 externref)))
  (import "env" "relay" (func $relay (param i32)))
  (import "env" "keep" (func $keep (param exnref) (result exnref)))
  (memory 1)
  (global $handled (export "handled") (mut i32) (i32.const 0))
  (func $handled (param i32 externref) (result i32)
    (global.set $handled (i32.add (global.get $handled) (i32.const 1)))
    (i32.store (i32.const 0) (local.get 0)) ;; hub's memory has its number at this place
    (i32.add (i32.load (i32.const 0)) (i32.const 1000)))
  (func (export "catch") (param i32 externref) (result i32 externref)
    (block $h (result i32 externref)
      (try_table (catch $error $h) (call $throw (local.get 0) (local.get 1)))
      (unreachable))
    (drop)
    (call $handled (local.get 1))
    (local.get 1))
  (func (export "legacy_catch") (param i32 externref) (result i32)
    try (result i32)
      try (result i32)
        local.get 0 local.get 1 call $throw i32.const 0
      catch $mine
        unreachable
      end
    catch $error
      call $handled
    end)
  (func (export "across_the_host") (param i32)
    try
      local.get 0 call $relay
    catch_all
      unreachable
    end)
  (func (export "again") (param i32) (call $throw (local.get 0) (ref.null extern)))
  (func (export "mine") (param i64) (result i64)
    (block $h (result i64)
      (try_table (catch $mine $h) (throw $mine (local.get 0)))
      (unreachable)))
  (func $named (export "named") (throw 2))
  (func (export "throw_mine") (throw $mine (i64.const 1)))
  (func (export "through_the_host") (param i32) (result i32)
    (block $outer (result i32 externref)
      (block $h (result exnref)
        (try_table (catch_all_ref $h) (call $throw (local.get 0) (ref.null extern)))
        (unreachable))
      (call $keep)
      (try_table (param exnref) (catch $error $outer) (throw_ref))
      (unreachable))
    (drop))
  (func (export "throw_given") (param exnref) (throw_ref (local.get 0)))

  ;; Rounds of throwing and catching, `frames` calls apart.
  (func $descend (param $frames i32)
    (if (local.get $frames)
      (then (call $descend (i32.sub (local.get $frames) (i32.const 1))))
      (else (throw $mine (i64.const 1)))))
  (func (export "rounds") (param $n i32) (param $frames i32) (result i64) (local $sum i64)
    (loop $again
      (block $h (result i64)
        (try_table (catch $mine $h) (call $descend (local.get $frames)))
        (unreachable))
      (local.set $sum (i64.add (local.get $sum)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))
  (func (export "rounds_ref") (param $n i32) (param $frames i32) (result i64) (local $sum i64)
    (loop $again
      (block $h2 (result i64)
        (block $h1 (result i64 exnref)
          (try_table (catch_ref $mine $h1) (call $descend (local.get $frames)))
          (unreachable))
        (try_table (param i64 exnref) (catch $mine $h2) (throw_ref))
        (unreachable))
      (local.set $sum (i64.add (local.get $sum)))
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $sum))
  (func (export "rounds_legacy") (param $n i32) (param $frames i32) (result i64) (local $sum i64)
    loop $again
      try
        try
          local.get $frames call $descend
        catch_all
          rethrow 0
        end
      catch $mine
        (local.set $sum (i64.add (local.get $sum)))
      end
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))
    end
    local.get $sum))
