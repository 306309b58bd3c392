"""Runs a WASI program with Wasmtime: what Palisade's executables are compared with.

usage: wasmtime_run.py [--dir HOST::GUEST] [--env NAME=VALUE] MODULE [ARGUMENT...]
"""
import argparse
import sys

import wasmtime

parser = argparse.ArgumentParser()
parser.add_argument("--dir", action="append", default=[])
parser.add_argument("--env", action="append", default=[])
parser.add_argument("--name", help="argument 0 (default: the module's path)")
parser.add_argument("module")
parser.add_argument("arguments", nargs=argparse.REMAINDER)
options = parser.parse_args()

config = wasmtime.Config()
config.cache = True
config.wasm_exceptions = True
config.max_wasm_stack = 2 << 20  # the most it takes
engine = wasmtime.Engine(config)
store = wasmtime.Store(engine)
wasi = wasmtime.WasiConfig()
wasi.argv = [options.name or options.module] + options.arguments
wasi.env = [tuple(e.split("=", 1)) for e in options.env]
wasi.inherit_stdin()
wasi.inherit_stdout()
wasi.inherit_stderr()
for grant in options.dir:
    host, guest = grant.split("::")
    wasi.preopen_dir(host, guest)
store.set_wasi(wasi)
linker = wasmtime.Linker(engine)
linker.define_wasi()
instance = linker.instantiate(store, wasmtime.Module.from_file(engine, options.module))


try:
    instance.exports(store)["_start"](store)
except wasmtime.ExitTrap as e:
    sys.exit(e.code)
except wasmtime.Trap as e:
    print(e, file=sys.stderr)
    sys.exit(134)  # as Palisade's executables
