//! The system's C compiler: it links, and compiles what is not wasm.

use super::runtime;
use crate::error::{Error, Result};
use crate::target::Target;
use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use target_lexicon::{Architecture, Environment};

/// A C compiler with its fixed arguments (`zig cc -target …`).
#[derive(Debug, Clone)]
pub struct Compiler {
    /// Program and arguments.
    pub words: Vec<String>,
    /// Names the package to install, if it can't be run.
    hint: Option<&'static str>,
    is_for_windows: bool,
    /// What the target's system has in no library of its own.
    libraries: &'static [&'static str],
}

/// One argument of the link.
#[derive(Debug, Clone)]
pub enum LinkInput {
    /// An object made from a module.
    Object(OsString),
    /// Anything else, as given.
    Other(OsString),
    /// A folder with headers, for inputs in C.
    Headers(OsString),
    /// The `main` of executables, unless the other inputs have one.
    Main,
}

impl Compiler {
    /// `--cc`, else `$CC` for the host, else the target's usual cross compiler, else `cc`.
    pub fn find(target: &Target, cc: Option<&str>) -> Result<Compiler> {
        let from_environment = env::var("CC").ok().filter(|cc| target.is_host() && !cc.trim().is_empty());
        if let Some(text) = cc.map(str::to_owned).or(from_environment) {
            let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            if words.is_empty() {
                return Err(Error::new("--cc is empty"));
            }
            return Ok(Compiler::new(words, None, target));
        }
        if let Some(zig) = zig_target(target).filter(|_| !target.is_host()) {
            let words = ["zig", "cc", "-target", zig].map(str::to_owned).to_vec();
            return Ok(Compiler::new(words, None, target));
        }
        if target.is_board() {
            let words = vec![board_compiler().to_owned()];
            return Ok(Compiler::new(words, Some("gcc-aarch64-linux-gnu"), target));
        }
        let (program, hint) = match (&target.triple.architecture, target.triple.environment) {
            _ if target.is_host() => ("cc", Some("gcc")),
            _ if target.is_windows() => ("x86_64-w64-mingw32-gcc", Some("gcc-mingw-w64-x86-64")),
            (Architecture::X86_64, Environment::Musl) => ("musl-gcc", Some("musl-tools")),
            (Architecture::X86_64, _) => ("x86_64-linux-gnu-gcc", Some("gcc-x86-64-linux-gnu")),
            (Architecture::Riscv64(_), Environment::Musl) => ("riscv64-linux-musl-gcc", None),
            (Architecture::Riscv64(_), _) => ("riscv64-linux-gnu-gcc", Some("gcc-riscv64-linux-gnu")),
            (_, Environment::Musl) => ("aarch64-linux-musl-gcc", None),
            _ => ("aarch64-linux-gnu-gcc", Some("gcc-aarch64-linux-gnu")),
        };
        Ok(Compiler::new(vec![program.to_owned()], hint, target))
    }

    fn new(words: Vec<String>, hint: Option<&'static str>, target: &Target) -> Compiler {
        let mut compiler = Compiler { words, hint, is_for_windows: target.is_windows(), libraries: &[] };
        // It leaves out what unwinds exceptions unless the program is C++. Nothing else is missing on other systems.
        compiler.libraries = match compiler.is_zig() {
            _ if target.is_macos() || target.is_board() => &[],
            true if target.is_windows() => &["-lunwind"],
            true => &["-pthread", "-lm", "-lunwind"],
            false if target.is_windows() => &[],
            false => &["-pthread", "-lm"],
        };
        compiler
    }

    /// A new run of it.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]);
        command
    }

    /// Some flags are unknown to some compilers: `zig cc` has its own defaults for these, and on Windows all code probes
    /// its stack, which GCC's flag for it does not know.
    pub fn accepts(&self, flag: &str) -> bool {
        !((self.is_zig() || self.is_for_windows) && flag == "-fstack-clash-protection")
    }

    /// What makes static libraries of its objects: `$AR`, or what comes with it where the host's does not know the format.
    pub fn archiver(&self) -> Command {
        if let Some(ar) = env::var_os("AR") {
            return Command::new(ar);
        }
        if let (true, Some(at)) = (self.is_zig(), self.words.iter().position(|word| word == "cc")) {
            let mut command = Command::new(&self.words[0]);
            command.args(&self.words[1..at]).arg("ar");
            return command;
        }
        match self.words[0].strip_suffix("-w64-mingw32-gcc") {
            Some(prefix) => Command::new(format!("{prefix}-w64-mingw32-ar")),
            None => Command::new("ar"),
        }
    }

    /// `zig cc`, also as Python's package.
    fn is_zig(&self) -> bool {
        self.words.iter().any(|word| word.ends_with("zig") || word == "ziglang")
    }

    /// What the runtime's library needs behind it.
    pub fn libraries(&self) -> &'static [&'static str] {
        self.libraries
    }

    /// Runs it; what it prints goes into the error.
    pub fn run(&self, mut command: Command, doing: &str) -> Result<()> {
        let output = command.output().map_err(|e| self.cannot_run(&e))?;
        let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if output.status.success() {
            if !text.is_empty() {
                eprintln!("{text}");
            }
            return Ok(());
        }
        let program = self.words.join(" ");
        let text = if text.is_empty() { output.status.to_string() } else { text };
        Err(Error::new(format!("{doing}: {program} failed: {text}")))
    }

    fn cannot_run(&self, e: &std::io::Error) -> Error {
        let program = &self.words[0];
        if program == "zig" && self.hint.is_none() {
            return Error::new(format!(
                "can't run the C compiler zig: {e} (install it, PyPI's package is ziglang, and name another with --cc: \
                 \"python3 -m ziglang cc -target …\")"
            ));
        }
        match self.hint {
            Some(package) => Error::new(format!(
                "can't run the C compiler {program}: {e} (install it, Debian's package is {package}, or name another with --cc)"
            )),
            None => Error::new(format!("can't run the C compiler {program}: {e} (name another with --cc)")),
        }
    }
}

/// What Debian has no cross compiler for, as zig calls it, which is one for all of these.
fn zig_target(target: &Target) -> Option<&'static str> {
    let x86 = target.is_x86_64();
    match target.triple.environment {
        _ if target.is_macos() => Some(if x86 { "x86_64-macos" } else { "aarch64-macos" }),
        _ if !target.is_windows() => None,
        Environment::Gnu if x86 => None,
        Environment::Msvc => Some(if x86 { "x86_64-windows-msvc" } else { "aarch64-windows-msvc" }),
        _ => Some(if x86 { "x86_64-windows-gnu" } else { "aarch64-windows-gnu" }),
    }
}

/// For boards: GCC for them, or else for Linux, which is told to expect no system.
fn board_compiler() -> &'static str {
    let names = ["aarch64-none-elf-gcc", "aarch64-linux-gnu-gcc"];
    let path = env::var_os("PATH").unwrap_or_default();
    let is_there = |name: &&str| env::split_paths(&path).any(|folder| folder.join(name).is_file());
    names.into_iter().find(is_there).unwrap_or(names[1])
}

/// Links `inputs`, in order, with the runtime into `output`.
pub fn link(target: &Target, cc: Option<&str>, inputs: &[LinkInput], flags: &[&str], output: &Path) -> Result<()> {
    let compiler = Compiler::find(target, cc)?;
    let archive = runtime::archive(target, cc)?;
    let include = runtime::include_dir()?;
    let mut command = compiler.command();
    command.args(flags).arg("-I").arg(include).arg("-o").arg(output);
    for input in inputs {
        match input {
            LinkInput::Object(path) | LinkInput::Other(path) => command.arg(path),
            LinkInput::Headers(path) => command.arg("-I").arg(path),
            LinkInput::Main => command.arg(runtime::main_archive(target, cc)?),
        };
    }
    if flags.contains(&"-shared") {
        // Hosts call what the modules themselves do not: all of palisade.h is in the library, and of one origin.
        if target.is_macos() {
            command.arg("-Wl,-force_load").arg(archive);
        } else {
            command.arg("-Wl,--whole-archive").arg(archive).arg("-Wl,--no-whole-archive");
        }
    } else {
        command.arg(archive);
    }
    command.args(compiler.libraries());
    compiler.run(command, "linking")
}
