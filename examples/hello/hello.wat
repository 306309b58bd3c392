;; Counts the lines, words and bytes of standard input: a complete WASI program.
(module
  (import "wasi_snapshot_preview1" "fd_read"
    (func $fd_read (param $fd i32) (param $iovs i32) (param $count i32) (param $read i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write"
    (func $fd_write (param $fd i32) (param $iovs i32) (param $count i32) (param $written i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param $status i32)))

  ;;      0  an iovec: address and length, then the number of bytes read or written
  ;;    128  the end of a number's digits, which are written backwards
  ;;    256  texts
  ;;  65536  what was read
  (memory (export "memory") 2)
  (data (i32.const 256) "Hello! You gave me ")
  (data (i32.const 280) " lines, ")
  (data (i32.const 290) " words and ")
  (data (i32.const 304) " bytes.\n")

  (global $lines (mut i64) (i64.const 0))
  (global $words (mut i64) (i64.const 0))
  (global $bytes (mut i64) (i64.const 0))
  (global $in_word (mut i32) (i32.const 0))

  (func $set_iovec (param $address i32) (param $length i32)
    (i32.store (i32.const 0) (local.get $address))
    (i32.store (i32.const 4) (local.get $length)))

  (func $print (param $address i32) (param $length i32)
    (call $set_iovec (local.get $address) (local.get $length))
    (if (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))
      (then (call $proc_exit (i32.const 1)))))

  (func $print_number (param $number i64)
    (local $at i32)
    (local.set $at (i32.const 128))
    (loop $digit
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i64.store8 (local.get $at) (i64.add (i64.rem_u (local.get $number) (i64.const 10)) (i64.const 48)))
      (local.set $number (i64.div_u (local.get $number) (i64.const 10)))
      (br_if $digit (i64.ne (local.get $number) (i64.const 0))))
    (call $print (local.get $at) (i32.sub (i32.const 128) (local.get $at))))

  ;; Space, and tab to carriage return.
  (func $is_space (param $byte i32) (result i32)
    (i32.or
      (i32.eq (local.get $byte) (i32.const 32))
      (i32.le_u (i32.sub (local.get $byte) (i32.const 9)) (i32.const 4))))

  (func $count (param $byte i32)
    (global.set $lines
      (i64.add (global.get $lines) (i64.extend_i32_u (i32.eq (local.get $byte) (i32.const 10)))))
    (if (call $is_space (local.get $byte))
      (then (global.set $in_word (i32.const 0)))
      (else
        (if (i32.eqz (global.get $in_word))
          (then
            (global.set $in_word (i32.const 1))
            (global.set $words (i64.add (global.get $words) (i64.const 1))))))))

  ;; Counts what one read gives; false at the end.
  (func $count_some (result i32)
    (local $at i32) (local $end i32)
    (call $set_iovec (i32.const 65536) (i32.const 65536))
    (if (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))
      (then (call $proc_exit (i32.const 1))))
    (global.set $bytes (i64.add (global.get $bytes) (i64.load32_u (i32.const 8))))
    (local.set $at (i32.const 65536))
    (local.set $end (i32.add (local.get $at) (i32.load (i32.const 8))))
    (block $done
      (loop $next
        (br_if $done (i32.eq (local.get $at) (local.get $end)))
        (call $count (i32.load8_u (local.get $at)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
    (i32.load (i32.const 8)))

  (func (export "_start")
    (loop $more (br_if $more (call $count_some)))
    (call $print (i32.const 256) (i32.const 19))
    (call $print_number (global.get $lines))
    (call $print (i32.const 280) (i32.const 8))
    (call $print_number (global.get $words))
    (call $print (i32.const 290) (i32.const 11))
    (call $print_number (global.get $bytes))
    (call $print (i32.const 304) (i32.const 8))))
