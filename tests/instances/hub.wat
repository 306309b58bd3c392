;; What the actors share.
(module
  (table (export "table") 8 funcref)
  (memory (export "memory") 1 3000))
