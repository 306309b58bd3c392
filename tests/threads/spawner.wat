;; Threads by wasi-threads: each adds its argument at 0, then starts one with an argument less by one.
(module
  (import "env" "memory" (memory 1 200 shared))
  (import "wasi" "thread-spawn" (func $spawn (param i32) (result i32)))
  (func (export "begin") (param i32) (result i32) (call $spawn (local.get 0)))
  (func (export "wasi_thread_start") (param $tid i32) (param $number i32)
    (drop (i32.atomic.rmw.add (i32.const 0) (local.get $number)))
    ;; No tid is zero or has one of the bits that are kept for others.
    (if (i32.or (i32.eqz (local.get $tid)) (i32.and (local.get $tid) (i32.const 0xe0000000))) (then (unreachable)))
    (if (i32.ne (local.get $number) (i32.const 1))
      (then
        (if (i32.le_s (call $spawn (i32.sub (local.get $number) (i32.const 1))) (i32.const 0))
          (then (unreachable)))))))
