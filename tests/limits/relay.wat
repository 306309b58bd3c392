;; Calls another module's function that does not end.
(module (import "forever" "empty" (func $empty)) (func (export "run") (call $empty)))
