//! The option table (design: "The command").

use super::arguments::prepare;
use clap::{ArgAction, Parser, ValueEnum};
use palisade::optimize::Disabled;
use palisade::plan::{MemorySpec, PlanFormat, parse_size};
use palisade::read::Features;
use palisade::{Error, Harden, Target};
use std::ffi::OsString;
use std::process::ExitCode;

/// Compiles WebAssembly to native objects and executables.
///
/// Inputs ending in .wasm or .wat are compiled; every other input, and -l… -L… -I… -D… -Wl,… -static -pthread
/// -fuse-ld=…, goes to the system's C compiler for the link, in order. Without -c, -S or --shared an executable is
/// linked; its name is the first module's stem unless -o says otherwise.
#[derive(Debug, Parser)]
#[command(name = "palisade", version, max_term_width = 110)]
#[command(after_help = "Exit status: 0; 1 if an input or the link failed; 2 for wrong usage.")]
pub struct Options {
    /// Modules (.wasm, .wat), and whatever the C compiler links
    #[arg(value_name = "INPUT")]
    pub inputs: Vec<OsString>,
    /// Write the output to FILE
    #[arg(short, value_name = "FILE")]
    pub output: Option<OsString>,
    /// Compile to an object file, do not link
    #[arg(short)]
    pub compile: bool,
    /// Write an assembly listing
    #[arg(short = 'S', conflicts_with = "compile")]
    pub assembly: bool,
    /// Link a shared library
    #[arg(long, conflicts_with_all = ["compile", "assembly"])]
    pub shared: bool,
    /// Write Cranelift's IR
    #[arg(long, value_name = "KIND", conflicts_with_all = ["compile", "assembly", "shared"])]
    pub emit: Option<Emit>,
    /// Write the module's C header to FILE
    #[arg(long, value_name = "FILE")]
    pub header: Option<OsString>,
    /// The module's C name [default: the file's stem as an identifier]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// C name of an import module
    #[arg(long, value_name = "MOD=NAME")]
    pub import: Vec<String>,
    /// Machine to compile for [default: this one]
    #[arg(long, value_name = "TRIPLE")]
    pub target: Option<String>,
    /// CPU whose features code may use: baseline, native, or a model [default: this machine's, up to x86-64-v3;
    /// baseline with --target]
    #[arg(long, value_name = "NAME")]
    pub cpu: Option<String>,
    /// C compiler, may hold arguments ("zig cc -target …") [default: $CC, or the target's usual cross compiler]
    #[arg(long, value_name = "CMD")]
    pub cc: Option<String>,
    /// Optimization level: 0 (quickest, plainest), 1 (Cranelift's optimizer), 2 (our passes), 3 (more inlining), s (2
    /// without what repeats code)
    #[arg(short = 'O', value_name = "LEVEL", default_value = "2", value_parser = ["0", "1", "2", "3", "s"])]
    pub optimize: String,
    /// Debug information
    #[arg(short = 'g')]
    pub debug: bool,
    /// Compile with N threads [default: one per processor]
    #[arg(short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs_: Option<u16>,
    /// Number of threads as a size.
    #[arg(skip)]
    pub jobs: Option<usize>,
    /// How a memory is accessed: TARGET:key[=value],…; TARGET is an index, a name, * or new:NAME (adds a memory);
    /// keys: mode=guard|checked|fixed|auto, no-access=SIZE, read-only=SIZE|rodata, virtual[=empty], limit=SIZE; for new
    /// ones also min=, max= (pages), i64, export=NAME
    #[arg(long, value_name = "SPEC")]
    pub memory: Vec<String>,
    /// Turn a proposal on (written --enable-NAME; see --print features), or nan-canonicalization,
    /// interruptible, precise-stores
    #[arg(long, value_name = "NAME")]
    pub enable: Vec<String>,
    /// Turn a proposal off (written --disable-NAME)
    #[arg(long, value_name = "NAME")]
    pub disable: Vec<String>,
    /// Hardening, comma-separated: spectre (masked addresses), branch and return (the platform's marks of indirect
    /// jumps' targets, signed return addresses), all (that the target has), none
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub harden: Vec<String>,
    /// Give an executable a directory: HOST[::GUEST][:ro]
    #[arg(long, value_name = "DIR")]
    pub dir: Vec<String>,
    /// Give an executable an environment variable: NAME=VALUE, or NAME for the value at run time
    #[arg(long, value_name = "NAME[=VALUE]")]
    pub env: Vec<String>,
    /// Compile (cached) and run; arguments for the program follow --
    #[arg(long)]
    pub run: bool,
    /// Arguments of the program
    #[arg(last = true, value_name = "ARGS", requires = "run")]
    pub arguments: Vec<OsString>,
    /// Stack of an executable's main thread
    #[arg(long, value_name = "SIZE", default_value = "64MiB", value_parser = parse_stack_size)]
    pub stack_size: u64,
    /// Show what each memory, table and import becomes, and why: text, json or svg
    #[arg(long, value_name = "FORMAT", num_args = 0..=1, require_equals = true, default_missing_value = "text")]
    pub plan: Option<String>,
    /// Leave out an optimization pass
    #[arg(long, value_name = "NAME")]
    pub disable_pass: Vec<String>,
    /// Print something for build systems
    #[arg(long, value_name = "WHAT")]
    pub print: Option<Print>,
    /// Write a make dependency file (written -MD)
    #[arg(long = "MD")]
    pub dependencies: bool,
    /// Name of the dependency file (written -MF FILE)
    #[arg(long = "MF", value_name = "FILE")]
    pub dependency_file: Option<OsString>,
    /// Say what is done
    #[arg(short, long, action = ArgAction::SetTrue)]
    pub verbose: bool,
}

/// `--emit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Emit {
    /// Cranelift's IR
    Clif,
}

/// `--print`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Print {
    /// Flags for compiling C that includes module headers
    Cflags,
    /// What to link with objects from -c
    Libs,
    /// Folder of palisade.h
    IncludeDir,
    /// Folder of the CMake package, for CMAKE_PREFIX_PATH
    CmakeDir,
    /// Folder of palisade.pc, for PKG_CONFIG_PATH
    PkgConfigDir,
    /// Sources of the runtime
    RtSources,
    /// Targets and how they are tested
    Targets,
    /// Proposals and their state
    Features,
}

/// Checked options with what they name.
pub struct Command {
    pub options: Options,
    pub target: Target,
    pub features: Features,
    pub memories: Vec<MemorySpec>,
    pub plan: Option<PlanFormat>,
    pub imports: Vec<(String, String)>,
    pub nan_canonicalization: bool,
    pub precise_stores: Option<bool>,
    pub interruptible: bool,
    pub disabled_passes: Disabled,
}

/// Parses the arguments; `Err` is the exit status after help, version or a usage error.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, ExitCode> {
    let mut options = Options::try_parse_from(prepare(args)).map_err(|e| {
        let _ = e.print();
        ExitCode::from(u8::try_from(e.exit_code()).unwrap_or(2))
    })?;
    options.jobs = options.jobs_.map(usize::from);
    Command::new(options).map_err(|e| {
        eprintln!("palisade: error: {e}");
        ExitCode::from(2)
    })
}

impl Command {
    fn new(options: Options) -> palisade::Result<Command> {
        refuse_unfinished(&options)?;
        if options.inputs.is_empty() && options.print.is_none() {
            return Err(Error::new("no input files (see palisade --help)"));
        }
        let mut target = options.target.as_deref().map_or_else(|| Ok(Target::host()), Target::parse)?;
        if let Some(cpu) = &options.cpu {
            target.cpu.clone_from(cpu);
        }
        target.harden = Harden::parse(&options.harden, &target)?;
        let mut features = Features::default();
        let (mut nan_canonicalization, mut interruptible, mut precise_stores) = (false, false, None);
        let switches = options.enable.iter().map(|n| (n, true)).chain(options.disable.iter().map(|n| (n, false)));
        for (name, on) in switches {
            if name == "nan-canonicalization" {
                nan_canonicalization = on;
            } else if name == "interruptible" {
                interruptible = on;
            } else if name == "precise-stores" {
                precise_stores = Some(on);
            } else if !features.set(name, on) {
                return Err(Error::new(format!("unknown feature {name:?} (see --print features)")));
            }
        }
        let memories = options.memory.iter().map(|m| MemorySpec::parse(m)).collect::<palisade::Result<_>>()?;
        let plan = options.plan.as_deref().map(|name| {
            PlanFormat::parse(name)
                .ok_or_else(|| Error::new(format!("--plan={name}: the formats are json, svg and text")))
        });
        let plan = plan.transpose()?;
        let imports = options.import.iter().map(|i| parse_import(i)).collect::<palisade::Result<_>>()?;
        let disabled_passes = disabled_passes(&options.disable_pass)?;
        Ok(Command {
            options,
            target,
            features,
            memories,
            plan,
            imports,
            nan_canonicalization,
            precise_stores,
            interruptible,
            disabled_passes,
        })
    }
}

/// Options that are understood but whose work is not done: a clear answer beats silence.
fn refuse_unfinished(options: &Options) -> palisade::Result<()> {
    let refuse = |what: &str| Err(Error::new(format!("{what} is not supported")));
    if options.debug {
        return refuse("-g (debug information)");
    }
    Ok(())
}

fn disabled_passes(names: &[String]) -> palisade::Result<Disabled> {
    let mut disabled = Disabled::default();
    match names.iter().find(|name| !disabled.add(name)) {
        Some(name) => Err(Error::new(format!("--disable-pass: there is no pass {name:?}"))),
        None => Ok(disabled),
    }
}

fn parse_import(text: &str) -> palisade::Result<(String, String)> {
    match text.split_once('=') {
        Some((module, name)) => Ok((module.to_owned(), name.to_owned())),
        None => Err(Error::new(format!("--import {text}: expected MOD=NAME"))),
    }
}

/// `64MiB`, `1GiB`, `4096`.
fn parse_stack_size(text: &str) -> Result<u64, String> {
    let size = parse_size(text)?;
    let fits = (1 << 16..1 << 40).contains(&size);
    if fits { Ok(size) } else { Err(format!("{text} is not between 64KiB and 1024GiB")) }
}
