"""Wasmtime, as the benchmarks use it.

usage: run_wasmtime.py compile MODULE OUTPUT     compiles ahead of time on one thread
       run_wasmtime.py run COMPILED [ARGUMENT…]  runs a WASI program

Prints "@user SECONDS" on standard error: what the work itself took, without Python's start and Wasmtime's.
"""
import resource
import sys

import wasmtime


def user():
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime


def configured():
    config = wasmtime.Config()
    config.wasm_exceptions = True
    return config


def compile_module(module, output):
    with open(module, "rb") as file:
        wasm = file.read()
    if module.endswith(".wat"):
        wasm = wasmtime.wat2wasm(wasm)
    config = configured()
    config.parallel_compilation = False
    engine = wasmtime.Engine(config)
    start = user()
    compiled = wasmtime.Module(engine, wasm).serialize()
    print("@user", user() - start, file=sys.stderr)
    with open(output, "wb") as file:
        file.write(compiled)


def run(compiled, *arguments):
    engine = wasmtime.Engine(configured())
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    store = wasmtime.Store(engine)
    wasi = wasmtime.WasiConfig()
    wasi.argv = [compiled, *arguments]
    wasi.inherit_stdout()
    wasi.inherit_stderr()
    store.set_wasi(wasi)
    module = wasmtime.Module.deserialize_file(engine, compiled)
    main = linker.instantiate(store, module).exports(store)["_start"]
    start = user()
    try:
        main(store)
    except wasmtime.ExitTrap as exit:
        if exit.code:
            raise
    print("@user", user() - start, file=sys.stderr)


{"compile": compile_module, "run": run}[sys.argv[1]](*sys.argv[2:])
