;; Legacy exceptions: try, catch, catch_all, rethrow, delegate.

(module $thrower
  (tag (export "e0"))
  (tag (export "i32") (param i32))
  (func (export "throw") (throw 0))
  (func (export "throw-i32") (param i32) (throw 1 (local.get 0))))
(register "thrower" $thrower)

;; ---- catch and catch_all ----

(module
  (tag $imported (import "thrower" "e0"))
  (tag $imported-i32 (import "thrower" "i32") (param i32))
  (func $imported-throw (import "thrower" "throw"))
  (func $imported-throw-i32 (import "thrower" "throw-i32") (param i32))
  (tag $e0)
  (tag $e1)
  (tag $i32 (param i32))
  (tag $all (param i32 i64 f32 f64 externref))

  (func $throw-if (param i32) (if (local.get 0) (then (throw $e0))))
  (func $throw-one (param i32)
    (if (i32.eq (local.get 0) (i32.const 0)) (then (throw $e0)))
    (if (i32.eq (local.get 0) (i32.const 1)) (then (throw $e1)))
    (if (i32.eq (local.get 0) (i32.const 2)) (then (throw $i32 (i32.const 42)))))

  (func (export "empty-catch") try catch $e0 end)

  (func (export "simple") (param i32) (result i32)
    try (result i32)
      local.get 0 call $throw-if i32.const 42
    catch $e0 i32.const 23 end)

  (func (export "in-place") (param i32) (result i32)
    try (result i32)
      local.get 0 if throw $e0 end i32.const 42
    catch $e0 i32.const 23 end)

  (func (export "unreachable-not-caught") try unreachable catch_all end)
  (func $div (param i32 i32) (result i32) (i32.div_u (local.get 0) (local.get 1)))
  (func (export "trap-in-callee") (param i32 i32) (result i32)
    try (result i32) local.get 0 local.get 1 call $div catch_all i32.const 11 end)

  (func (export "several") (param i32) (result i32)
    try (result i32)
      try (result i32)
        local.get 0 call $throw-one i32.const 2
      catch $e0 i32.const 3
      catch $i32 end
    catch $e1 i32.const 4 end)

  (func (export "mismatch") (param i32) (result i32)
    try (result i32)
      try (result i32)
        local.get 0 call $throw-one i32.const -1
      catch $i32 drop i32.const -2 end
    catch $e0 i32.const 10
    catch_all i32.const 20 end)

  (func (export "imported") (result i32)
    try (result i32) call $imported-throw i32.const 1 catch $imported i32.const 2 end)
  (func (export "imported-i32") (param i32) (result i32)
    try (result i32)
      local.get 0 call $imported-throw-i32 i32.const 1
    catch $e0 i32.const 3
    catch $imported-i32 i32.const 100 i32.add end)
  (func (export "catchless-try") (param i32) (result i32)
    try (result i32)
      try (result i32) local.get 0 call $throw-if i32.const 0 end
    catch $e0 i32.const 1 end)

  (func $carry (param externref)
    (throw $all (i32.const 1) (i64.const 0x123456789) (f32.const 2.5) (f64.const -3.25) (local.get 0)))
  (func (export "carried") (param externref) (result i32 i64 f32 f64 externref)
    try (result i32 i64 f32 f64 externref)
      local.get 0 call $carry unreachable
    catch $all end)

  ;; Values of locals at the time of the throw.
  (func (export "locals") (param i32) (result i32) (local $x i32) (local $y i32)
    (local.set $y (i32.const 1000))
    try
      (local.set $x (i32.const 1))
      (call $throw-if (i32.eq (local.get 0) (i32.const 1)))
      (local.set $x (i32.const 2))
      (local.set $y (i32.const 2000))
      (call $throw-if (i32.eq (local.get 0) (i32.const 2)))
      (local.set $x (i32.const 3))
    catch $e0
      (local.set $x (i32.add (local.get $x) (i32.const 10)))
    end
    (i32.add (local.get $x) (local.get $y)))

  (func (export "params") (param i32) (result i32)
    i32.const 7
    local.get 0
    try (param i32) (result i32)
      call $throw-if i32.const 1
    catch $e0 i32.const 2 end
    i32.add)

  (func (export "throw-in-catch") (param i32) (result i32)
    try (result i32)
      try (result i32)
        throw $e0
      catch $e0
        local.get 0 call $throw-one i32.const 5
      catch $e1 i32.const 99 end
    catch $e0 i32.const 6
    catch $e1 i32.const 7 end)

  (func (export "br-out") (param i32) (result i32)
    block $l (result i32)
      try
        local.get 0 call $throw-one
        i32.const 1 br $l
      catch $e0
        i32.const 2 br $l
      catch_all
        i32.const 3 return
      end
      i32.const 4
    end)

  (func (export "loop") (param i32) (result i32) (local $caught i32)
    loop $again
      try
        (call $throw-if (i32.and (local.get 0) (i32.const 1)))
      catch $e0
        (local.set $caught (i32.add (local.get $caught) (i32.const 1)))
      end
      (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))
    end
    local.get $caught))

(assert_return (invoke "empty-catch"))
(assert_return (invoke "simple" (i32.const 0)) (i32.const 42))
(assert_return (invoke "simple" (i32.const 1)) (i32.const 23))
(assert_return (invoke "in-place" (i32.const 0)) (i32.const 42))
(assert_return (invoke "in-place" (i32.const 1)) (i32.const 23))
(assert_trap (invoke "unreachable-not-caught") "unreachable")
(assert_return (invoke "trap-in-callee" (i32.const 7) (i32.const 2)) (i32.const 3))
(assert_trap (invoke "trap-in-callee" (i32.const 1) (i32.const 0)) "integer divide by zero")
(assert_return (invoke "several" (i32.const 0)) (i32.const 3))
(assert_return (invoke "several" (i32.const 1)) (i32.const 4))
(assert_return (invoke "several" (i32.const 2)) (i32.const 42))
(assert_return (invoke "several" (i32.const 3)) (i32.const 2))
(assert_return (invoke "mismatch" (i32.const 0)) (i32.const 10))
(assert_return (invoke "mismatch" (i32.const 1)) (i32.const 20))
(assert_return (invoke "mismatch" (i32.const 2)) (i32.const -2))
(assert_return (invoke "imported") (i32.const 2))
(assert_return (invoke "imported-i32" (i32.const 5)) (i32.const 105))
(assert_return (invoke "catchless-try" (i32.const 0)) (i32.const 0))
(assert_return (invoke "catchless-try" (i32.const 1)) (i32.const 1))
(assert_return (invoke "carried" (ref.extern 5))
  (i32.const 1) (i64.const 0x123456789) (f32.const 2.5) (f64.const -3.25) (ref.extern 5))
(assert_return (invoke "locals" (i32.const 0)) (i32.const 2003))
(assert_return (invoke "locals" (i32.const 1)) (i32.const 1011))
(assert_return (invoke "locals" (i32.const 2)) (i32.const 2012))
(assert_return (invoke "params" (i32.const 0)) (i32.const 8))
(assert_return (invoke "params" (i32.const 1)) (i32.const 9))
(assert_return (invoke "throw-in-catch" (i32.const 0)) (i32.const 6))
(assert_return (invoke "throw-in-catch" (i32.const 1)) (i32.const 7))
(assert_return (invoke "throw-in-catch" (i32.const 3)) (i32.const 5))
(assert_exception (invoke "throw-in-catch" (i32.const 2)))
(assert_return (invoke "br-out" (i32.const 0)) (i32.const 2))
(assert_return (invoke "br-out" (i32.const 1)) (i32.const 3))
(assert_return (invoke "br-out" (i32.const 3)) (i32.const 1))
(assert_return (invoke "loop" (i32.const 9)) (i32.const 5))

;; ---- rethrow ----

(module
  (tag $e0)
  (tag $e1)
  (tag $i32 (param i32))
  (func (export "catch-rethrow-0") try throw $e0 catch $e0 rethrow 0 end)
  (func (export "catch-rethrow-1") (param i32) (result i32)
    try (result i32)
      throw $e0
    catch $e0
      local.get 0 i32.eqz if rethrow 1 end
      i32.const 23
    end)
  (func (export "catchall-rethrow-0") try throw $e0 catch_all rethrow 0 end)
  (func (export "nested") (param i32) (result i32)
    try (result i32)
      throw $e1
    catch $e1
      try (result i32)
        throw $e0
      catch $e0
        (if (i32.eq (local.get 0) (i32.const 0)) (then rethrow 1))
        (if (i32.eq (local.get 0) (i32.const 1)) (then rethrow 2))
        i32.const 23
      end
    end)
  (func (export "which") (param i32) (result i32)
    try (result i32)
      try (result i32)
        (throw $i32 (i32.const 5))
      catch $i32
        drop
        try (result i32)
          throw $e0
        catch $e0
          (if (local.get 0) (then rethrow 2))
          rethrow 0
        end
      end
    catch $i32
    catch $e0 i32.const 6 end)
  ;; The outer exception is still there when an inner handler has caught it a second time.
  (func (export "twice") (result i32)
    try (result i32)
      try (result i32)
        (throw $i32 (i32.const 11))
      catch $i32
        drop
        try
          rethrow 1
        catch_all
        end
        try
          rethrow 1
        catch $i32
          drop
        end
        rethrow 0
      end
    catch $i32 end)
  (func (export "recatch") (param i32) (result i32)
    try (result i32)
      throw $e0
    catch $e0
      try (result i32)
        (if (i32.eqz (local.get 0)) (then rethrow 2))
        i32.const 42
      catch $e0
        i32.const 23
      end
    end)
  (func $cleanup (param i32) (result i32)
    try (result i32)
      (if (local.get 0) (then (drop (call $cleanup (i32.sub (local.get 0) (i32.const 1))))))
      (throw $i32 (i32.const 0))
    catch $i32
      i32.const 1
      i32.add
      throw $i32
    catch_all
      rethrow 0
    end)
  (func (export "frames") (param i32) (result i32)
    try (result i32) local.get 0 call $cleanup catch $i32 end)
  (func $unwinds (param i32)
    try
      (if (local.get 0) (then (call $unwinds (i32.sub (local.get 0) (i32.const 1)))) (else (throw $i32 (i32.const 77))))
    catch_all
      rethrow 0
    end)
  (func (export "many-rethrows") (param i32) (result i32)
    try (result i32) local.get 0 call $unwinds i32.const 0 catch $i32 end))

(assert_exception (invoke "catch-rethrow-0"))
(assert_exception (invoke "catch-rethrow-1" (i32.const 0)))
(assert_return (invoke "catch-rethrow-1" (i32.const 1)) (i32.const 23))
(assert_exception (invoke "catchall-rethrow-0"))
(assert_exception (invoke "nested" (i32.const 0)))
(assert_exception (invoke "nested" (i32.const 1)))
(assert_return (invoke "nested" (i32.const 2)) (i32.const 23))
(assert_return (invoke "which" (i32.const 0)) (i32.const 6))
(assert_return (invoke "which" (i32.const 1)) (i32.const 5))
(assert_return (invoke "twice") (i32.const 11))
(assert_return (invoke "recatch" (i32.const 0)) (i32.const 23))
(assert_return (invoke "recatch" (i32.const 1)) (i32.const 42))
(assert_return (invoke "frames" (i32.const 10)) (i32.const 11))
(assert_return (invoke "many-rethrows" (i32.const 1000)) (i32.const 77))

;; ---- delegate ----

(module
  (tag $e0)
  (tag $e1)
  (func $throw (throw $e0))
  (func (export "no-throw") (result i32)
    try $t (result i32)
      try (result i32) i32.const 1 delegate $t
    catch $e0 i32.const 2 end)
  (func (export "throw") (result i32)
    try $t (result i32)
      try (result i32) call $throw i32.const 1 delegate $t
    catch $e0 i32.const 2 end)
  (func (export "in-place") (result i32)
    try $t (result i32)
      try (result i32) throw $e0 delegate $t
    catch $e0 i32.const 2 end)
  (func (export "skip") (result i32)
    try $t (result i32)
      try (result i32)
        try (result i32) call $throw i32.const 1 delegate $t
      catch $e0 i32.const 3 end
    catch $e0 i32.const 2 end)
  (func (export "to-block") (result i32)
    try (result i32)
      block $b (result i32)
        try (result i32)
          try (result i32) call $throw i32.const 1 delegate $b
        catch_all i32.const 4 end
      end
    catch_all i32.const 5 end)
  (func (export "to-catch") (result i32)
    try (result i32)
      try $t
        throw $e0
      catch $e0
        try
          call $throw
        delegate $t
      end
      i32.const 1
    catch_all i32.const 6 end)
  (func (export "to-caller-block")
    block
      try
        try call $throw delegate 1
      catch_all end
    end)
  (func (export "to-caller") try try call $throw delegate 1 catch_all end)
  (func $select (param i32)
    try try (throw $e0) delegate 1 catch_all end)
  (func (export "to-caller-caught") (result i32)
    try (result i32) (call $select (i32.const 0)) i32.const 1 catch $e0 i32.const 7 end)
  (func (export "chain") (param i32) (result i32)
    try $l3 (result i32)
      try $l2 (result i32)
        try $l1 (result i32)
          try $l0 (result i32)
            local.get 0
            if (result i32) call $throw i32.const 1 else throw $e1 end
          delegate $l1
        delegate $l2
      catch $e0 i32.const 9 end
    catch_all i32.const 8 end)
  (func (export "dead") (result i32)
    i32.const 1
    return
    try
      try call $throw delegate 0
    catch_all end
    unreachable))

(assert_return (invoke "no-throw") (i32.const 1))
(assert_return (invoke "throw") (i32.const 2))
(assert_return (invoke "in-place") (i32.const 2))
(assert_return (invoke "skip") (i32.const 2))
(assert_return (invoke "to-block") (i32.const 5))
(assert_return (invoke "to-catch") (i32.const 6))
(assert_exception (invoke "to-caller-block"))
(assert_exception (invoke "to-caller"))
(assert_return (invoke "to-caller-caught") (i32.const 7))
(assert_return (invoke "chain" (i32.const 1)) (i32.const 9))
(assert_return (invoke "chain" (i32.const 0)) (i32.const 8))
(assert_return (invoke "dead") (i32.const 1))

(assert_invalid (module (func rethrow 0)) "invalid rethrow label")
(assert_invalid (module (func try rethrow 0 catch_all end)) "invalid rethrow label")
(assert_invalid (module (func try delegate 5)) "unknown label")
(assert_invalid (module (tag (param i32)) (func (result i64) try (result i64) i64.const 1 catch 0 end)) "type mismatch")
