;; Its start function never ends.
(module (memory 1) (func $start (loop $l (br $l))) (start $start))
