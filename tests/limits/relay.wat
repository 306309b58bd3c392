;; Calls another module's function that does not end.
(module (import "forever" "hosts" (func $hosts)) (func (export "run") (call $hosts)))
