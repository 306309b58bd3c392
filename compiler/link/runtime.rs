//! The runtime's static library and headers, which travel inside the `palisade` binary, in a cache folder. For the host
//! it was compiled with palisade itself; for any other target that target's C compiler makes it on first use.

use super::cc::Compiler;
use crate::error::{Error, Result};
use crate::target::Target;
use rayon::prelude::*;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

include!(concat!(env!("OUT_DIR"), "/sources.rs"));

/// Compiled for the host by build.rs.
static HOST_ARCHIVE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/runtime.a"));
/// Likewise, the `main` of executables.
static HOST_MAIN: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/main.a"));

const ARCHIVE: &str = "libpalisade.a";
const MAIN: &str = "libpalisade_main.a";

/// Flags for all C of the runtime; build.rs uses the same file.
static CFLAGS: &str = include_str!("../../rt/cflags.txt");

/// The same for boards.
static BOARD_CFLAGS: &str = include_str!("../../rt/board/cflags.txt");

/// What needs an operating system: files, or folders with a slash behind.
const HOSTED: &[&str] = &[
    "rt/control.c",
    "rt/dirty.c",
    "rt/grants.c",
    "rt/image.c",
    "rt/main.c",
    "rt/mapping.c",
    "rt/pages.c",
    "rt/port_",
    "rt/restore.c",
    "rt/round.c",
    "rt/saved.c",
    "rt/snapshot.c",
    "rt/state.c",
    "rt/suspect.c",
    "rt/version.c",
    "rt/wasi/",
];

/// What is for boards alone.
const BOARD: &str = "rt/board/";

/// The runtime's static library for a target; `cc` as in `--cc`. Made on first use.
pub fn archive(target: &Target, cc: Option<&str>) -> Result<PathBuf> {
    archives(target, cc).map(|folder| folder.join(ARCHIVE))
}

/// The static library with the `main` of executables, which needs [`archive`].
pub fn main_archive(target: &Target, cc: Option<&str>) -> Result<PathBuf> {
    archives(target, cc).map(|folder| folder.join(MAIN))
}

/// The folder that both are in.
fn archives(target: &Target, cc: Option<&str>) -> Result<PathBuf> {
    if target.is_host() && cc.is_none() {
        return cached("host", |folder| {
            fs::write(folder.join(ARCHIVE), HOST_ARCHIVE).map_err(io_error)?;
            fs::write(folder.join(MAIN), HOST_MAIN).map_err(io_error)
        });
    }
    let compiler = Compiler::find(target, cc)?;
    let key = format!("{}-{:016x}", target.triple, hash(&compiler.words));
    cached(&key, |folder| compile(target, &compiler, folder))
}

/// A folder with `palisade.h`.
pub fn include_dir() -> Result<PathBuf> {
    sources_dir().map(|folder| folder.join("include"))
}

/// A folder with the runtime's sources, `rt` and `include` below it.
pub fn sources_dir() -> Result<PathBuf> {
    cached("sources", |folder| {
        for (name, content) in SOURCES {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().expect("below the folder")).map_err(io_error)?;
            fs::write(path, content).map_err(io_error)?;
        }
        Ok(())
    })
}

fn compile(target: &Target, compiler: &Compiler, folder: &Path) -> Result<()> {
    let sources = sources_dir()?;
    let board = target.is_board();
    let belongs =
        |name: &&str| if board { !HOSTED.iter().any(|h| name.starts_with(h)) } else { !name.starts_with(BOARD) };
    let names: Vec<&str> = source_names().filter(|n| n.ends_with(".c")).filter(belongs).collect();
    let flags = if board { BOARD_CFLAGS } else { CFLAGS };
    names.par_iter().try_for_each(|name| {
        let object = folder.join(name.replace('/', "_")).with_extension("o");
        let mut command = compiler.command();
        command.args(flags.split_whitespace().filter(|&flag| compiler.accepts(flag)));
        if board {
            // In front of the compiler's own: there may be none, or those of another system.
            command.arg("-I").arg(sources.join("rt/board/include"));
        }
        command.arg("-I").arg(sources.join("include")).arg("-I").arg(sources.join("rt"));
        command.arg("-c").arg(sources.join(name)).arg("-o").arg(object);
        compiler.run(command, "compiling the runtime")
    })?;
    let object = |name: &&str| folder.join(name.replace('/', "_")).with_extension("o");
    let (main, core): (Vec<&str>, Vec<&str>) = names.iter().partition(|&&name| name == "rt/main.c");
    write_archive(compiler, &folder.join(ARCHIVE), core.iter().map(object))?;
    if main.is_empty() { Ok(()) } else { write_archive(compiler, &folder.join(MAIN), main.iter().map(object)) }
}

/// A static library of `objects` alone; `cc` as in `--cc`.
pub fn write_module_library(target: &Target, cc: Option<&str>, objects: &[PathBuf], output: &Path) -> Result<()> {
    write_archive(&Compiler::find(target, cc)?, output, objects.iter().cloned())
}

/// A folder of the cache with one file; another content is another folder.
pub fn cached_file(kind: &str, name: &str, content: &str) -> Result<PathBuf> {
    let key = format!("{kind}-{:016x}", hash(&content));
    cached(&key, |folder| fs::write(folder.join(name), content).map_err(io_error))
}

/// Makes a static library, or adds to one, in the common (System V/GNU) format, with a symbol table by `ar` where there is one.
fn write_archive(compiler: &Compiler, path: &Path, objects: impl Iterator<Item = PathBuf>) -> Result<()> {
    let mut command = compiler.archiver();
    command.arg("rcsD").arg(path).args(objects);
    let output = command.output().map_err(|e| Error::new(format!("can't run ar: {e}")))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(Error::new(format!("ar failed: {}", text.lines().next().unwrap_or_default())))
}

/// A static library of `objects` and the runtime.
pub fn write_library(target: &Target, cc: Option<&str>, objects: &[PathBuf], output: &Path) -> Result<()> {
    fs::copy(archive(target, cc)?, output).map_err(io_error)?;
    write_archive(&Compiler::find(target, cc)?, output, objects.iter().cloned())
}

/// A folder of the cache that `make` fills; complete or absent, however many processes make it at once.
fn cached(key: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let parent = cache_dir().join(format!("runtime-{:016x}", identity()));
    let folder = parent.join(key);
    if folder.is_dir() {
        return Ok(folder);
    }
    fs::create_dir_all(&parent).map_err(io_error)?;
    let temporary = tempfile::tempdir_in(&parent).map_err(io_error)?;
    make(temporary.path())?;
    match fs::rename(temporary.path(), &folder) {
        Ok(()) => {
            let _ = temporary.keep();
            Ok(folder)
        }
        // Another process was faster.
        Err(_) if folder.is_dir() => Ok(folder),
        Err(e) => Err(io_error(e)),
    }
}

/// Names of all files below [`sources_dir`].
pub fn source_names() -> impl Iterator<Item = &'static str> {
    SOURCES.iter().map(|(name, _)| *name)
}

/// Differs between builds of palisade with different runtimes.
pub fn identity() -> u64 {
    hash(&(SOURCES, CFLAGS, BOARD_CFLAGS, HOST_ARCHIVE, HOST_MAIN))
}

/// Where palisade keeps what it can make again: `$PALISADE_CACHE`, or `palisade` in the user's cache folder.
pub fn cache_dir() -> PathBuf {
    if let Some(dir) = env::var_os("PALISADE_CACHE") {
        return dir.into();
    }
    let home = env::var_os("HOME").map(|h| PathBuf::from(h).join(".cache"));
    let base = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|p| p.is_absolute()).or(home);
    base.unwrap_or_else(env::temp_dir).join("palisade")
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn io_error(e: io::Error) -> Error {
    Error::new(format!("the cache folder {}: {e}", cache_dir().display()))
}
