;; A game for two: each moves over a field of 512 by 512 cells and paints it, and a ball is thrown back by paint. All of
;; its state is here: the field in memory, the rest in globals. Buttons are bits: 1 left, 2 right, 4 up, 8 down.
(module
  (memory (export "memory") 4)
  (global $x0 (mut i32) (i32.const 100))
  (global $y0 (mut i32) (i32.const 256))
  (global $x1 (mut i32) (i32.const 400))
  (global $y1 (mut i32) (i32.const 256))
  (global $ball (mut i32) (i32.const 131328)) ;; the cell it is on
  (global $speed (mut i32) (i32.const 514))   ;; cells it moves each frame
  (global $score (export "score") (mut i32) (i32.const 0))

  ;; The coordinate after one frame: the field has no edges.
  (func $moved (param $at i32) (param $buttons i32) (param $less i32) (param $more i32) (result i32)
    (i32.and
      (i32.add
        (local.get $at)
        (i32.sub
          (i32.mul (i32.const 3) (i32.ne (i32.and (local.get $buttons) (local.get $more)) (i32.const 0)))
          (i32.mul (i32.const 3) (i32.ne (i32.and (local.get $buttons) (local.get $less)) (i32.const 0)))))
      (i32.const 511)))

  ;; A square of 8 cells around a player becomes theirs.
  (func $paint (param $x i32) (param $y i32) (param $color i32)
    (local $i i32)
    (loop $next
      (i32.store8
        (i32.add
          (i32.and (i32.add (local.get $x) (i32.and (local.get $i) (i32.const 7))) (i32.const 511))
          (i32.shl
            (i32.and (i32.add (local.get $y) (i32.shr_u (local.get $i) (i32.const 3))) (i32.const 511))
            (i32.const 9)))
        (local.get $color))
      (br_if $next
        (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 64)))))

  ;; One frame, from both players' buttons.
  (func (export "step") (param $buttons0 i32) (param $buttons1 i32)
    (global.set $x0 (call $moved (global.get $x0) (local.get $buttons0) (i32.const 1) (i32.const 2)))
    (global.set $y0 (call $moved (global.get $y0) (local.get $buttons0) (i32.const 4) (i32.const 8)))
    (global.set $x1 (call $moved (global.get $x1) (local.get $buttons1) (i32.const 1) (i32.const 2)))
    (global.set $y1 (call $moved (global.get $y1) (local.get $buttons1) (i32.const 4) (i32.const 8)))
    (call $paint (global.get $x0) (global.get $y0) (i32.const 1))
    (call $paint (global.get $x1) (global.get $y1) (i32.const 2))
    (global.set $ball
      (i32.and (i32.add (global.get $ball) (global.get $speed)) (i32.const 0x3ffff)))
    (if (i32.load8_u (global.get $ball))
      (then
        (global.set $score
          (i32.add (global.get $score)
            (i32.sub (i32.const 3) (i32.shl (i32.load8_u (global.get $ball)) (i32.const 1)))))
        (i32.store8 (global.get $ball) (i32.const 0))
        (global.set $speed
          (i32.sub (i32.const 3) (i32.mul (global.get $speed) (i32.const 5))))
        (global.set $speed (i32.rem_s (global.get $speed) (i32.const 4099))))))

  ;; A number that tells states apart.
  (func (export "digest") (result i32)
    (local $sum i32) (local $at i32)
    (local.set $sum
      (i32.add (i32.mul (global.get $ball) (i32.const 31)) (i32.add (global.get $speed) (global.get $score))))
    (loop $next
      (local.set $sum
        (i32.add (i32.mul (local.get $sum) (i32.const 16777619)) (i32.load (local.get $at))))
      (br_if $next
        (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 4))) (i32.const 0x40000))))
    (local.get $sum)))
