//! Objects, listings, executables and libraries.

use super::arguments::linker_argument;
use super::options::Command;
use super::{Failure, output, program, progress};
use palisade::link::{LinkInput, link};
use palisade::write::write_program;
use palisade::{Checks, Error, Object, Options, optimize};
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
    if command.target.is_board() && !is_archive(options.output.as_deref()) {
        return Err(Error::new(format!(
            "{}: only the firmware's linker script knows where programs go on a board; make objects with -c, or with -o \
             NAME.a a library that has the runtime, too (--print libs names the runtime's own)",
            command.target.triple
        ))
        .into());
    }
    let [program, library, _] = command.target.suffixes();
    let extension = if options.shared { library } else { program };
    let output = output::name(options.output.as_ref(), first, extension);
    if is_archive(Some(output.as_os_str())) {
        build_archive(command, &output)?;
    } else {
        build_linked(command, &output)?;
    }
    write_dependencies(command, &output, &options.inputs)
}

fn is_archive(output: Option<&OsStr>) -> bool {
    output.is_some_and(|output| Path::new(output).extension().is_some_and(|e| e == "a"))
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
        (None, command.target.suffixes()[2])
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
        let left_out = match object.interface.left_out {
            0 => String::new(),
            count => format!(" ({count} of them can't run and are left out)"),
        };
        output::complain(&format!(
            "palisade: {file}: {functions} functions{left_out}, object of {bytes} bytes, {time:.2?}"
        ));
        let Checks { before, after, aside } = object.checks;
        output::complain(&format!(
            "palisade: {file}: {before} bounds checks, {after} after optimization, and {aside} in versions of loops for \
             accesses that may be outside"
        ));
        output::complain(&format!("palisade: {file}: inline: {} calls", object.inlined));
        for optimize::PassWork { name, changes, time } in object.passes.iter().filter(|pass| !pass.time.is_zero()) {
            output::complain(&format!("palisade: {file}: {name}: {changes} changes, {time:.2?}"));
        }
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
        for_size: command.options.optimize == "s",
        measures_passes: command.options.verbose,
        features: command.features,
        memories: command.memories.clone(),
        nan_canonicalization: command.nan_canonicalization,
        precise_stores: command.precise_stores,
        interruptible: command.interruptible,
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

/// C names of the modules of this command, if no others can be linked with them: other objects and libraries may have some
/// inside, and a shared library meets those of others.
fn linked_modules(command: &Command) -> Option<HashSet<String>> {
    let is_source = |input: &OsString| {
        let extension = Path::new(input).extension().and_then(OsStr::to_str);
        linker_argument(input).is_none() && matches!(extension, Some("c" | "cc" | "cpp" | "cxx"))
    };
    let (modules, others): (Vec<_>, Vec<_>) = command.options.inputs.iter().partition(|input| is_module(input));
    let known = !command.options.shared && others.into_iter().all(is_source);
    known.then(|| modules.into_iter().map(|input| compile_options(command, input).name).collect())
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
    let called = called_exports(command)?;
    // Another module could protect pages of a memory that it imports.
    let sealed = called.is_some() && command.options.inputs.iter().filter(|i| is_module(i)).count() == 1;
    let linked = linked_modules(command);
    for input in &command.options.inputs {
        if let Some(argument) = linker_argument(input) {
            inputs.push(LinkInput::Other(argument.into()));
        } else if is_module(input) {
            let wasm = read(input)?;
            let (called_exports, linked) = (called.clone(), linked.clone());
            let options = Options { called_exports, sealed, linked, ..compile_options(command, input) };
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
    program::check_cycles(&interfaces)?;
    let alone = inputs.iter().all(|i| matches!(i, LinkInput::Object(_)));
    if let Some(program) = program::plan(command, &interfaces, alone)? {
        let path = folder.path().join("program.o");
        output::write(&path, &write_program(&command.target, &program)?)?;
        inputs.extend([LinkInput::Object(path.into()), LinkInput::Main]);
    }
    inputs.push(LinkInput::Headers(headers.into()));
    link_output(command, &inputs, output)
}

/// Arguments that give the linker nothing that could call exports.
const HARMLESS: [&str; 5] = ["-static", "-static-pie", "-pthread", "-pie", "-no-pie"];

/// Exported functions that an executable of modules alone calls: what it begins with, and what the modules import, from
/// whichever of them. `None` where others may call all of them.
fn called_exports(command: &Command) -> Result<Option<HashSet<String>>, Failure> {
    let options = &command.options;
    let modules: Vec<&OsString> = options.inputs.iter().filter(|i| is_module(i)).collect();
    let is_harmless = |input: &&OsString| linker_argument(input).is_some_and(|a| HARMLESS.contains(&a));
    let alone = options.inputs.len() == modules.len() + options.inputs.iter().filter(is_harmless).count();
    if options.shared || options.header.is_some() || !alone {
        return Ok(None);
    }
    let mut called = HashSet::from(program::ENTRIES.map(str::to_owned));
    // One module's imports are never its own.
    for module in modules.iter().filter(|_| modules.len() > 1) {
        called.extend(palisade::imported_functions(&read(module)?));
    }
    Ok(Some(called))
}

fn link_output(command: &Command, inputs: &[LinkInput], output: &Path) -> Result<(), Failure> {
    if output.is_dir() {
        return Err(Error::new(format!("can't write {}: it is a directory", output.display())).into());
    }
    let mut flags = Vec::new();
    if command.options.shared {
        flags.push("-shared");
        if !command.target.is_windows() && !command.target.is_macos() {
            // It stays when it is closed: faults of the process go through the runtime's handler.
            flags.push("-Wl,-z,nodelete");
        }
    }
    let failed = |e: &dyn std::fmt::Display| Error::new(format!("can't write {}: {e}", output.display()));
    // A device or pipe is written to, never replaced.
    let is_special = fs::metadata(output).is_ok_and(|m| !m.is_file());
    let mut builder = tempfile::Builder::new();
    builder.prefix(".palisade-");
    let temporary = if is_special { builder.tempdir() } else { builder.tempdir_in(output::folder_of(output)) };
    let temporary = temporary.map_err(|e| failed(&e))?;
    // Compilers for Windows add what is missing of the name.
    let path =
        temporary.path().join("out").with_extension(command.target.suffixes()[usize::from(command.options.shared)]);
    link(&command.target, command.options.cc.as_deref(), inputs, &flags, &path)?;
    if is_special {
        output::write(output, &fs::read(&path).map_err(|e| failed(&e))?)?;
    } else {
        fs::rename(&path, output).map_err(|e| failed(&e))?;
    }
    Ok(())
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
