//! `--run`: compile into the cache, then run.

use super::Failure;
use super::build::{build_linked, cache_folder};
use super::options::Command;
use palisade::Error;
use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::process::ExitCode;

/// Runs the program; its exit status becomes ours.
pub fn run(command: &Command) -> Result<ExitCode, Failure> {
    if !command.target.is_host() {
        return Err(Error::new("--run needs the host as target").into());
    }
    let folder = cache_folder();
    fs::create_dir_all(&folder).map_err(|e| Error::new(format!("the cache folder {}: {e}", folder.display())))?;
    let program = folder.join(format!("{:016x}", key(command)));
    if !program.exists() {
        build_linked(command, &program)?;
    }
    execute(command, &program)
}

/// What the program is made of: the inputs' content and all options.
fn key(command: &Command) -> u64 {
    let mut hasher = DefaultHasher::new();
    env!("CARGO_PKG_VERSION").hash(&mut hasher);
    palisade::runtime::identity().hash(&mut hasher);
    for input in &command.options.inputs {
        (input, fs::read(Path::new(input)).ok()).hash(&mut hasher);
    }
    let options = &command.options;
    (&options.name, &options.import, &options.cpu, &options.cc, &options.optimize, &options.memory).hash(&mut hasher);
    (&options.enable, &options.disable, &options.dir, &options.env, options.stack_size).hash(&mut hasher);
    (&options.disable_pass, &options.harden).hash(&mut hasher);
    hasher.finish()
}

/// Replaces this process, so that signals and the exit status are the program's own.
#[cfg(unix)]
fn execute(command: &Command, program: &Path) -> Result<ExitCode, Failure> {
    use std::os::unix::process::CommandExt as _;
    let input = command.options.inputs.first().cloned().unwrap_or_default();
    let error = std::process::Command::new(program).arg0(input).args(&command.options.arguments).exec();
    Err(Error::new(format!("can't run {}: {error}", program.display())).into())
}

#[cfg(not(unix))]
fn execute(command: &Command, program: &Path) -> Result<ExitCode, Failure> {
    let status = std::process::Command::new(program).args(&command.options.arguments).status();
    let status = status.map_err(|e| Error::new(format!("can't run {}: {e}", program.display())))?;
    Ok(ExitCode::from(status.code().and_then(|c| u8::try_from(c).ok()).unwrap_or(1)))
}
