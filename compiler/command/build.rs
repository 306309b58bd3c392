//! Objects, listings, executables and libraries.

use super::arguments::linker_argument;
use super::options::Command;
use super::{Failure, output, progress};
use palisade::link::{LinkInput, link};
use palisade::write::{Program, ProgramModule, write_program};
use palisade::{Error, Interface, Object, Options};
use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

/// Does what the command asks for.
pub fn build(command: &Command) -> Result<(), Failure> {
    let options = &command.options;
    let modules: Vec<&OsString> = options.inputs.iter().filter(|i| is_module(i)).collect();
    let Some(&first) = modules.first() else {
        return Err(Error::new("no .wasm or .wat input").into());
    };
    let single = options.compile || options.assembly || options.emit.is_some() || options.plan.is_some();
    let named = options.name.is_some() || options.header.is_some() || (single && options.output.is_some());
    if modules.len() > 1 && named {
        return Err(Error::new("-o with -c, --name and --header go with one module").into());
    }
    if single {
        for module in &modules {
            build_one(command, module)?;
        }
        return Ok(());
    }
    let extension = if options.shared { "so" } else { "" };
    let output = output::name(options.output.as_ref(), first, extension);
    if output.extension().is_some_and(|e| e == "a") {
        build_archive(command, &output)?;
    } else {
        build_linked(command, &output)?;
    }
    write_dependencies(command, &output, &options.inputs)
}

/// True for inputs that palisade compiles.
pub fn is_module(input: &OsString) -> bool {
    let extension = Path::new(input).extension().and_then(OsStr::to_str);
    linker_argument(input).is_none() && matches!(extension, Some("wasm" | "wat"))
}

/// `-c`, `-S`, `--emit`, `--plan`: one output per module.
fn build_one(command: &Command, input: &OsString) -> Result<(), Failure> {
    let options = &command.options;
    let file = input.to_string_lossy().into_owned();
    let compile_options = compile_options(command, input);
    let wasm = read(input)?;
    let fail = |e| Failure::of(&file, e);
    if let Some(format) = command.plan {
        let plan = palisade::describe_plan(&wasm, &compile_options, format).map_err(fail)?;
        return Ok(output::write(Path::new("-"), plan.as_bytes())?);
    }
    let (text, extension) = if options.emit.is_some() {
        (Some(palisade::clif(&wasm, &compile_options).map_err(fail)?), "clif")
    } else if options.assembly {
        (Some(palisade::assembly(&wasm, &compile_options).map_err(fail)?), "s")
    } else {
        (None, "o")
    };
    let output = output::name(options.output.as_ref(), input, extension);
    match text {
        Some(text) => output::write(&output, text.as_bytes())?,
        None => {
            let object = compile(command, input, &wasm, &compile_options)?;
            output::write(&output, &object.bytes)?;
        }
    }
    write_dependencies(command, &output, std::slice::from_ref(input))
}

/// Compiles a module, with its header if that is asked for.
fn compile(command: &Command, input: &OsString, wasm: &[u8], options: &Options) -> Result<Object, Failure> {
    let file = input.to_string_lossy().into_owned();
    let start = |functions| progress::progress(&file, functions);
    let begin = std::time::Instant::now();
    let object = palisade::compile_with(wasm, options, &start).map_err(|e| Failure::of(&file, e))?;
    if command.options.verbose {
        let (functions, bytes) = (object.interface.functions, object.bytes.len());
        let time = begin.elapsed();
        output::complain(&format!("palisade: {file}: {functions} functions, object of {bytes} bytes, {time:.2?}"));
    }
    if let Some(path) = &command.options.header {
        let header = object.header.as_ref().map_err(|e| Failure::of(&file, e.clone()))?;
        output::write(Path::new(path), header.as_bytes())?;
    }
    Ok(object)
}

fn read(input: &OsString) -> Result<Vec<u8>, Failure> {
    fs::read(input).map_err(|e| Failure::of(&input.to_string_lossy(), Error::new(format!("can't read it: {e}"))))
}

fn compile_options(command: &Command, input: &OsString) -> Options {
    let stem = Path::new(input).file_stem().unwrap_or_default().to_string_lossy();
    let name = command.options.name.clone().unwrap_or_else(|| palisade::plan::module_name(&stem));
    Options {
        file: input.to_string_lossy().into_owned(),
        imports: import_names(command),
        target: command.target.clone(),
        opt_level: command.options.optimize.parse().unwrap_or(2),
        features: command.features,
        memories: command.memories.clone(),
        nan_canonicalization: command.nan_canonicalization,
        disabled_passes: command.disabled_passes.clone(),
        ..Options::new(&name)
    }
}

/// `--import`, and the modules of this command whose file names are no identifiers: an import of "my-lib" is meant to
/// find my-lib.wasm, whose C name is another.
fn import_names(command: &Command) -> Vec<(String, String)> {
    let mut names = command.imports.clone();
    for input in command.options.inputs.iter().filter(|i| is_module(i)) {
        let stem = Path::new(input).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let name = palisade::plan::module_name(&stem);
        if name != stem && command.options.name.is_none() && !names.iter().any(|(import, _)| *import == stem) {
            names.push((stem, name));
        }
    }
    names
}

/// A static library with the modules and the runtime: all that a program needs beside the C library.
fn build_archive(command: &Command, output: &Path) -> Result<(), Failure> {
    let folder = tempfile::tempdir().map_err(|e| Error::new(format!("no temporary folder: {e}")))?;
    let mut objects = Vec::new();
    for input in &command.options.inputs {
        if !is_module(input) {
            let name = linker_argument(input).map_or_else(|| input.to_string_lossy(), Into::into);
            return Err(Failure::of(&name, Error::new("only modules go into a static library")));
        }
        let options = compile_options(command, input);
        let object = compile(command, input, &read(input)?, &options)?;
        let path = folder.path().join(format!("{}-{}.o", objects.len(), options.name));
        output::write(&path, &object.bytes)?;
        objects.push(path);
    }
    let path = folder.path().join("out.a");
    palisade::link::write_library(&command.target, command.options.cc.as_deref(), &objects, &path)?;
    let bytes = fs::read(&path).map_err(|e| Error::new(format!("can't read {}: {e}", path.display())))?;
    Ok(output::write(output, &bytes)?)
}

/// C sources of the same command find each module's header as NAME.h.
fn write_header(folder: &Path, name: &str, object: &Object) -> Result<(), Failure> {
    let text = match &object.header {
        Ok(header) => header.clone(),
        Err(e) => format!("#error {:?}\n", e.to_string()),
    };
    Ok(output::write(&folder.join(format!("{name}.h")), text.as_bytes())?)
}

/// An executable or shared library, written to `output` whole or not at all.
pub fn build_linked(command: &Command, output: &Path) -> Result<(), Failure> {
    let folder = tempfile::tempdir().map_err(|e| Error::new(format!("no temporary folder: {e}")))?;
    // First, since a missing cross compiler should be said before minutes of work.
    palisade::runtime::archive(&command.target, command.options.cc.as_deref())?;
    let headers = folder.path().join("include");
    fs::create_dir(&headers).map_err(|e| Error::new(format!("no temporary folder: {e}")))?;
    let mut inputs = Vec::new();
    let mut interfaces = Vec::new();
    for input in &command.options.inputs {
        if let Some(argument) = linker_argument(input) {
            inputs.push(LinkInput::Other(argument.into()));
        } else if is_module(input) {
            let wasm = read(input)?;
            let options = compile_options(command, input);
            let object = compile(command, input, &wasm, &options)?;
            let path = folder.path().join(format!("{}-{}.o", interfaces.len(), options.name));
            output::write(&path, &object.bytes)?;
            write_header(&headers, &options.name, &object)?;
            inputs.push(LinkInput::Object(path.into()));
            interfaces.push((options.file, object.interface));
        } else {
            if !Path::new(input).exists() && !input.to_string_lossy().starts_with('-') {
                return Err(Failure::of(&input.to_string_lossy(), Error::new("no such file")));
            }
            inputs.push(LinkInput::Other(input.clone()));
        }
    }
    check_cycles(&interfaces)?;
    let alone = inputs.iter().all(|i| matches!(i, LinkInput::Object(_)));
    if let Some(program) = plan_program(command, &interfaces, alone)? {
        let path = folder.path().join("program.o");
        output::write(&path, &write_program(&command.target.triple, &program)?)?;
        inputs.extend([LinkInput::Object(path.into()), LinkInput::Main]);
    }
    inputs.push(LinkInput::Headers(headers.into()));
    link_output(command, &inputs, output)
}

fn link_output(command: &Command, inputs: &[LinkInput], output: &Path) -> Result<(), Failure> {
    if output.is_dir() {
        return Err(Error::new(format!("can't write {}: it is a directory", output.display())).into());
    }
    let mut flags = Vec::new();
    if command.options.shared {
        flags.push("-shared");
    }
    let failed = |e: &dyn std::fmt::Display| Error::new(format!("can't write {}: {e}", output.display()));
    let temporary = tempfile::Builder::new().prefix(".palisade-").tempdir_in(output::folder_of(output));
    let temporary = temporary.map_err(|e| failed(&e))?;
    let path = temporary.path().join("out");
    link(&command.target, command.options.cc.as_deref(), inputs, &flags, &path)?;
    fs::rename(&path, output).map_err(|e| failed(&e))?;
    Ok(())
}

/// What an executable instantiates and runs. None for libraries, or where the other inputs have to have a `main`.
/// `alone`: there are no other inputs, so everything imported has to be here.
fn plan_program(command: &Command, modules: &[(String, Interface)], alone: bool) -> Result<Option<Program>, Failure> {
    if command.options.shared {
        return Ok(None);
    }
    if alone {
        modules.iter().try_for_each(|module| check_imports(module, modules))?;
    }
    let has = |m: &Interface, name: &str| m.exports.iter().any(|e| e == name);
    let Some(main) = modules.iter().position(|(_, m)| has(m, "_start") || has(m, "_initialize")) else {
        let file = &modules[0].0;
        return if alone {
            Err(Failure::of(file, Error::new("no _start is exported: this is not a program (-c compiles a library)")))
        } else {
            Ok(None)
        };
    };
    let Some(order) = dependency_order(modules, main, alone)? else { return Ok(None) };
    let position = |name: &str| order.iter().position(|&m| modules[m].1.name == name);
    let program_modules = order.iter().map(|&m| {
        let module = &modules[m].1;
        let source = |(_, link_name, wasi): &(String, String, bool)| {
            if *wasi { -1 } else { position(link_name).map_or(-1, |p| p as i32) }
        };
        ProgramModule { name: module.name.clone(), sources: module.imports.iter().map(source).collect() }
    });
    let main = &modules[main].1;
    Ok(Some(Program {
        modules: program_modules.collect(),
        initialize: has(main, "_initialize") && !has(main, "_start"),
        start: has(main, "_start"),
        dirs: command.options.dir.clone(),
        envs: command.options.env.clone(),
        stack_size: command.options.stack_size,
    }))
}

/// Every import must come from WASI or another module of the program.
fn check_imports((file, module): &(String, Interface), all: &[(String, Interface)]) -> Result<(), Failure> {
    for (import, field) in &module.fields {
        let (_, link_name, wasi) =
            module.imports.iter().find(|(name, ..)| name == import).expect("every field's module is listed");
        if *wasi {
            if !palisade::link::is_wasi_function(field) {
                let text = format!("import {import:?} {field:?}: there is no such function in WASI preview 1");
                return Err(Failure::of(file, Error::new(text)));
            }
            continue;
        }
        let text = match all.iter().find(|(_, m)| m.name == *link_name) {
            Some((_, provider)) if provider.exports.contains(field) => continue,
            Some((other, _)) => format!("import {import:?} {field:?}: {other} does not export it"),
            None => format!("import {import:?} {field:?} is not defined by any input"),
        };
        return Err(Failure::of(file, Error::new(text)));
    }
    Ok(())
}

/// No instance can be made of modules that import each other, whoever makes them.
fn check_cycles(modules: &[(String, Interface)]) -> Result<(), Failure> {
    (0..modules.len()).try_for_each(|module| dependency_order(modules, module, false).map(drop))
}

/// Modules that `main` needs, providers first, `main` last. None if one needs what only other inputs can give.
fn dependency_order(modules: &[(String, Interface)], main: usize, alone: bool) -> Result<Option<Vec<usize>>, Failure> {
    let (mut order, mut open, mut complete) = (Vec::new(), HashSet::new(), true);
    // Depth first without recursion: (module, next import to look at).
    let mut stack = vec![(main, 0)];
    open.insert(main);
    while let Some((module, at)) = stack.pop() {
        let (file, interface) = &modules[module];
        let Some((_, link_name, wasi)) = interface.imports.get(at) else {
            open.remove(&module);
            order.push(module);
            continue;
        };
        stack.push((module, at + 1));
        if *wasi {
            continue;
        }
        match modules.iter().position(|(_, m)| m.name == *link_name) {
            None if alone => {
                return Err(Failure::of(file, Error::new(format!("import module {link_name:?} is missing"))));
            }
            None => complete = false,
            Some(provider) if open.contains(&provider) => {
                let round = stack.iter().skip_while(|(m, _)| *m != provider).map(|(m, _)| modules[*m].0.as_str());
                let round: Vec<_> = round.chain([modules[provider].0.as_str()]).collect();
                let text = format!("imports form a cycle, {}: instances can't be made", round.join(" → "));
                return Err(Failure::of(file, Error::new(text)));
            }
            Some(provider) if order.contains(&provider) => {}
            Some(provider) => {
                open.insert(provider);
                stack.push((provider, 0));
            }
        }
    }
    Ok(complete.then_some(order))
}

/// `-MD`, `-MF`: the output, and a header written with it, depend on all inputs that are files.
fn write_dependencies(command: &Command, output: &Path, inputs: &[OsString]) -> Result<(), Failure> {
    let options = &command.options;
    if !options.dependencies && options.dependency_file.is_none() {
        return Ok(());
    }
    let path = options.dependency_file.as_ref().map_or_else(|| output.with_extension("d"), PathBuf::from);
    let escape = |text: &str| text.replace('\\', "\\\\").replace(' ', "\\ ").replace('#', "\\#").replace('$', "$$");
    let mut text = escape(&output.to_string_lossy());
    if let Some(header) = &options.header {
        text += &format!(" {}", escape(&header.to_string_lossy()));
    }
    text.push(':');
    for input in inputs.iter().filter(|i| linker_argument(i).is_none()) {
        text += &format!(" {}", escape(&input.to_string_lossy()));
    }
    output::write(&path, (text + "\n").as_bytes())?;
    Ok(())
}

/// A folder of the cache for `--run`.
pub fn cache_folder() -> PathBuf {
    palisade::runtime::cache_dir().join("run")
}
